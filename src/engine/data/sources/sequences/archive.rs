use std::path::{Path, PathBuf};

/// The training and the test data of an archive: `NAME_TRAIN.ts` (`.tsv`, `.txt`, `.csv`, any of them with `.gz`) with
/// `NAME_TEST` beside it, or the folder that holds the two.
pub fn archive(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let test_of = |train: &Path| {
        let name = train.file_name()?.to_str()?;
        let test = train.with_file_name(name.replacen("_TRAIN.", "_TEST.", 1));
        (name.contains("_TRAIN.") && test.is_file()).then_some(test)
    };
    if !path.is_dir() {
        return Some((path.to_owned(), test_of(path)?));
    }
    let mut files: Vec<PathBuf> =
        path.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort_unstable();
    // The same data may exist in several formats; `.ts` is the most complete.
    let read = |end: &str| {
        let fits = |file: &&PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let name = name.strip_suffix(".gz").unwrap_or(&name);
            name.ends_with(end)
        };
        files.iter().filter(fits).find_map(|train| Some((train.clone(), test_of(train)?)))
    };
    [".ts", ".tsv", ".txt", ".csv"].into_iter().find_map(read)
}

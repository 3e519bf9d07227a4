use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;

use crate::data::error::DataError;
use crate::data::sources::labelled::Format;
use crate::data::sources::labelled::{LabelledSpec, lines};

/// Compressed bytes from which the uncompressed size of a file is estimated.
const HEAD: u64 = 1 << 20;

/// Path, size and modification time of a file (or of the files of texts and of labels) that must not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileIdentity(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl FileIdentity {
    /// The identity of the files that `spec` reads.
    ///
    /// # Errors
    /// For pipes and devices, which can be read only once, and for folders, which are sorted by class.
    pub fn new(spec: &LabelledSpec) -> Result<Self, DataError> {
        let labels = match spec.format {
            None | Some(Format::Lines) => spec.labels.clone().or_else(|| lines::labels_beside(&spec.path)),
            Some(_) => None,
        };
        let of = |path: PathBuf| {
            let kind = path.metadata().map_err(|e| DataError::read(&path, spec.needs.as_deref(), e))?;
            if !kind.is_file() {
                let (found, expected) = match kind.is_dir() {
                    true => ("a folder", "a file, or data.stream: false: a folder is read into memory"),
                    false => ("a pipe or device", "a file: data.stream reads it once an epoch"),
                };
                return Err(DataError::content(&path, None, found, expected));
            }
            let modified = kind.modified().ok();
            Ok((path, kind.len(), modified))
        };
        [Some(spec.path.clone()), labels].into_iter().flatten().map(of).collect::<Result<_, _>>().map(Self)
    }

    /// Returns an error if a file has changed.
    pub fn check(&self) -> Result<(), DataError> {
        let same = |(path, len, modified): &(PathBuf, u64, Option<SystemTime>)| {
            path.metadata().is_ok_and(|now| now.len() == *len && now.modified().ok() == *modified)
        };
        if self.0.iter().all(same) { Ok(()) } else { Err(self.changed(None)) }
    }

    /// The error for a changed file; `line` is where the change was noticed.
    pub fn changed(&self, line: Option<u64>) -> DataError {
        let path = self.0.first().map(|(path, ..)| path.clone()).unwrap_or_default();
        let found = "other data than in the first pass";
        DataError::content(&path, line, found, "a file that does not change during training")
    }
}

/// The approximate bytes of text in the file at `path`, uncompressed; 0 if it is not a regular file.
pub(super) fn text_bytes(path: &Path) -> io::Result<u64> {
    let kind = path.metadata()?;
    if !kind.is_file() {
        return Ok(0);
    }
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    if !head.starts_with(&[0x1f, 0x8b]) || head.is_empty() {
        return Ok(kind.len());
    }
    let mut uncompressed = 0;
    let (mut gzip, mut part) = (MultiGzDecoder::new(head.as_slice()), [0; 1 << 14]);
    // The head may end anywhere; errors of the file are reported when it is read.
    while let Ok(read @ 1..) = gzip.read(&mut part) {
        uncompressed += read as u64;
    }
    Ok((kind.len() as f64 / head.len() as f64 * uncompressed as f64) as u64)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::rng::Rng;

    #[test]
    fn the_uncompressed_size_is_estimated_from_the_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let (plain, compressed) = (dir.path().join("a.csv"), dir.path().join("a.csv.gz"));
        let mut rng = Rng::new(1, "test", 0);
        let text: String = (0..1_000_000).map(|_| format!("{} ", rng.below(100_000))).collect();
        std::fs::write(&plain, &text).unwrap();
        let mut gzip = GzEncoder::new(File::create(&compressed).unwrap(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap();
        assert_eq!(text_bytes(&plain).unwrap(), text.len() as u64);
        assert!(compressed.metadata().unwrap().len() > HEAD);
        let ratio = text_bytes(&compressed).unwrap() as f64 / text.len() as f64;
        assert!((0.9..1.1).contains(&ratio), "{ratio}");
        assert_eq!(text_bytes(dir.path()).unwrap(), 0);
    }
}

//! The files for validation and for the test that lie beside training data, by their names.

use std::path::{Path, PathBuf};

use crate::sort::SmallSort as _;

/// What validation data are called, the most usual first.
const VALIDATION: [&str; 7] = ["dev", "valid", "validation", "val", "testa", "devel", "development"];
/// What test data are called.
const TEST: [&str; 2] = ["test", "testb"];

/// The files or folders of a data set that is divided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// For validation: `dev`, `valid`, `validation`, `val`, `testa`.
    pub validation: Option<PathBuf>,
    /// For the test: `test`, `testb`.
    pub test: Option<PathBuf>,
}

impl Beside {
    /// The files beside the training file `path`, whose names have another word in place of its `train`.
    pub fn of(path: &Path) -> Self {
        let find = |names: &[&str]| names.iter().find_map(|name| replaced(path, "train", name));
        Self { validation: find(&VALIDATION), test: find(&TEST) }
    }

    /// The files beside the file `path` that is trained on; beside one called `dev` its test file.
    pub fn of_any(path: &Path) -> Self {
        let found = Self::of(path);
        if found != Self::default() {
            return found;
        }
        Self { validation: None, test: replaced(path, "dev", "test") }
    }

    /// The one to validate on: without validation data the test data.
    pub fn held_out(&self) -> Option<&PathBuf> {
        self.validation.as_ref().or(self.test.as_ref())
    }

    /// The test data, where others are for validation.
    pub fn left_for_test(&self) -> Option<&PathBuf> {
        self.test.as_ref().filter(|_| self.validation.is_some())
    }
}

/// The file beside `path` whose name has `new` in place of the last `old`, in lower or upper case or capitalised.
fn replaced(path: &Path, old: &str, new: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let at = name.to_ascii_lowercase().rfind(old)?;
    let (before, rest) = (name.get(..at)?, name.get(at + old.len()..)?);
    let capitalised = || {
        let mut letters = new.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    // `training.csv` and `trainset.csv` have corresponding names: `testing.csv`, or `validation.csv`.
    let rests = [Some(rest), rest.strip_prefix("ing")];
    let words = [Some(new.to_owned()), Some(new.to_ascii_uppercase()), capitalised()];
    let mut names = words.iter().flatten().flat_map(|new| {
        rests.iter().flatten().map(move |rest| path.with_file_name(format!("{before}{new}{rest}")))
    });
    names.find(|other| other.is_file())
}

/// A folder of training data and data to validate and test on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DividedFolder {
    /// The training data.
    pub train: PathBuf,
    /// The others, of which there is one.
    pub beside: Beside,
}

/// The training, validation and test data in the folder `path`: files or folders called `train` and `dev`, `valid`, `test`, whatever follows
/// the first dot; or else the only file with `train` in its name and those beside it.
pub fn divided_folder(path: &Path) -> Option<DividedFolder> {
    let mut entries: Vec<PathBuf> = path.read_dir().ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    entries.small_sort_by(Ord::cmp);
    let named = |wanted: &&str| {
        let is = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.split('.').next() == Some(*wanted)
        };
        entries.iter().find(is).cloned()
    };
    let find = |names: &[&str]| names.iter().find_map(named);
    let beside = Beside { validation: find(&VALIDATION), test: find(&TEST) };
    if let (Some(train), true) = (named(&"train"), beside.held_out().is_some()) {
        return Some(DividedFolder { train, beside });
    }
    let is_train = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        path.is_file() && name.split(|c: char| !c.is_alphanumeric()).any(|part| part == "train")
    };
    let mut all = entries.iter().filter(is_train);
    let train = all.next().filter(|_| all.next().is_none())?.clone();
    let beside = Beside::of(&train);
    beside.held_out().is_some().then_some(DividedFolder { train, beside })
}

/// The training and the validation data of a [`divided_folder`].
pub fn train_and_test(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let DividedFolder { train, beside } = divided_folder(path)?;
    let held_out = beside.held_out()?.clone();
    Some((train, held_out))
}

/// The data of a [`divided_folder`] to evaluate on: the test data, or else those for validation.
pub fn test_of(path: &Path) -> Option<PathBuf> {
    let Beside { validation, test } = divided_folder(path)?.beside;
    test.or(validation)
}

/// The file beside a training file to validate on: see [`Beside::held_out`].
pub fn test_beside(path: &Path) -> Option<PathBuf> {
    Beside::of(path).held_out().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str], train: &str) -> (Option<String>, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|name| std::fs::write(folder.path().join(name), "x").unwrap());
        let found = Beside::of_any(&folder.path().join(train));
        let name =
            |path: Option<PathBuf>| path.map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
        (name(found.validation), name(found.test))
    }

    #[test]
    fn dev_validates_and_test_is_left() {
        let some = |name: &str| Some(name.to_owned());
        for (files, train, expected) in [
            (
                &["y-dev.conllu", "y-test.conllu"][..],
                "y-train.conllu",
                (some("y-dev.conllu"), some("y-test.conllu")),
            ),
            (&["z.val.tsv", "z.test.tsv"], "z.train.tsv", (some("z.val.tsv"), some("z.test.tsv"))),
            (&["esp.testa", "esp.testb"], "esp.train", (some("esp.testa"), some("esp.testb"))),
            (&["X_TEST.ts"], "X_TRAIN.ts", (None, some("X_TEST.ts"))),
            (
                &["validation.csv", "testing.csv"],
                "training.csv",
                (some("validation.csv"), some("testing.csv")),
            ),
            (&["Valid.csv"], "Train.csv", (some("Valid.csv"), None)),
            (&["a-test.conllu"], "a-dev.conllu", (None, some("a-test.conllu"))),
            (&["b.csv"], "a.csv", (None, None)),
        ] {
            assert_eq!(names(files, train), expected, "{train}");
        }
    }

    #[test]
    fn a_folder_is_divided_by_the_names_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str| std::fs::write(folder.path().join(name), "x").unwrap();
        put("x-dev.conllu");
        assert_eq!(divided_folder(folder.path()), None);
        put("x-train.conllu");
        let found = divided_folder(folder.path()).unwrap();
        assert_eq!(found.train, folder.path().join("x-train.conllu"));
        assert_eq!(found.beside.validation, Some(folder.path().join("x-dev.conllu")));
        // Of two data sets neither is meant.
        put("y-train.conllu");
        assert_eq!(divided_folder(folder.path()), None);
        put("train.csv");
        put("test.csv");
        assert_eq!(train_and_test(folder.path()).unwrap().1, folder.path().join("test.csv"));
    }
}

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DataError, GeneratedSpec, TokenSpec};

/// Where texts and labels come from, resolved: what a preset has under `data:`.
///
/// Serialises flat, with the kind under `source`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum DataSpec {
    /// `source: csv`
    Csv(CsvSpec),
    /// `source: folder`
    Folder(FolderSpec),
    /// `source: generated`
    Generated(GeneratedSpec),
}

impl DataSpec {
    /// The source in words: the path of the training data, or `generated: word-order`.
    pub fn source(&self) -> String {
        match self {
            Self::Csv(spec) => spec.path.display().to_string(),
            Self::Folder(spec) => spec.path.display().to_string(),
            Self::Generated(spec) => format!("generated: {}", spec.name()),
        }
    }

    /// Whether its settings can be met, and whether `tokens` says how to read its texts, where there are texts.
    ///
    /// # Errors
    /// [`DataError::Setting`] with the first that is wrong.
    pub fn check(&self, tokens: Option<&TokenSpec>) -> Result<(), DataError> {
        let own = match self {
            Self::Generated(spec) => {
                spec.check()?;
                spec.texts().is_none().then(|| spec.name())
            }
            Self::Csv(_) | Self::Folder(_) => None,
        };
        let refuse = |found: &str, expected: String| {
            Err(DataError::Setting { field: "tokens", found: found.into(), expected })
        };
        match (own, tokens) {
            (None, Some(tokens)) => tokens.check(),
            (None, None) => {
                refuse("nothing", "{level: word, vocabulary: …, length: …}, for texts to become rows".into())
            }
            (Some(name), Some(_)) => {
                refuse("settings for texts", format!("no such key: the task {name} has no texts"))
            }
            (Some(_), None) => Ok(()),
        }
    }

    /// What has to be fetched and where it has to go, when the training data are not there.
    pub fn missing(&self) -> Option<String> {
        let (path, needs) = match self {
            Self::Csv(spec) => (&spec.path, &spec.needs),
            Self::Folder(spec) => (&spec.path, &spec.needs),
            Self::Generated(_) => return None,
        };
        if path.exists() {
            return None;
        }
        Some(needs.clone().unwrap_or_else(|| format!("{} is not there", path.display())))
    }
}

/// A CSV file with a header (RFC 4180; plain or gzip, UTF-8): one column holds the text, one the label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvSpec {
    /// The training file.
    pub path: PathBuf,
    /// Name of the column with the text.
    #[serde(default = "text")]
    pub text: String,
    /// Name of the column with the label.
    #[serde(default = "label")]
    pub label: String,
    /// Leave bad rows out and count them, instead of ending with the first one's error.
    #[serde(default)]
    pub skip_bad_rows: bool,
    /// The validation file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<CsvValidation>,
    /// What to fetch and where to put it, in words: shown when a file is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

/// The validation file of a [`CsvSpec`]; columns left out are named as in the training file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvValidation {
    /// The file.
    pub path: PathBuf,
    /// Name of the column with the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Name of the column with the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A folder per class, named as the label, with a UTF-8 file per text, as in aclImdb (`pos/`, `neg/`).
///
/// `unsup` and names that start with a dot are left out, and so are files beside the class folders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderSpec {
    /// The folder that holds the class folders of the training data.
    pub path: PathBuf,
    /// The same for validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<FolderValidation>,
    /// What to fetch and where to put it, in words: shown when a folder is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

/// The validation data of a [`FolderSpec`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderValidation {
    /// The folder that holds the class folders.
    pub path: PathBuf,
}

/// The training and the validation folder in `path`, when it has a `train/` and a `test/`.
pub fn train_and_test(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let (train, test) = (path.join("train"), path.join("test"));
    (train.is_dir() && test.is_dir()).then_some((train, test))
}

fn text() -> String {
    "text".into()
}

fn label() -> String {
    "label".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_serialises_flat_and_reads_back() {
        let written = r#"{"path":"a.csv","validation":{"path":"b.csv","label":"y"}}"#;
        let spec: CsvSpec = serde_json::from_str(written).unwrap();
        assert_eq!((spec.text.as_str(), spec.label.as_str(), spec.skip_bad_rows), ("text", "label", false));
        let resolved = serde_json::to_value(DataSpec::Csv(spec.clone())).unwrap();
        assert_eq!(resolved["source"], "csv");
        assert_eq!(resolved["validation"], serde_json::json!({"path": "b.csv", "label": "y"}));
        let mut map = resolved.as_object().unwrap().clone();
        map.remove("source");
        assert_eq!(serde_json::from_value::<CsvSpec>(map.into()).unwrap(), spec);
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<CsvSpec>(r#"{"path":"a","txt":"b"}"#).is_err());
        assert!(serde_json::from_str::<FolderSpec>(r#"{"path":"a","text":"b"}"#).is_err());
    }

    #[test]
    fn a_folder_with_train_and_test_gives_both() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("train")).unwrap();
        assert_eq!(train_and_test(root.path()), None);
        std::fs::create_dir(root.path().join("test")).unwrap();
        assert_eq!(train_and_test(root.path()), Some((root.path().join("train"), root.path().join("test"))));
    }
}

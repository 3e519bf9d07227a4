use serde::Serialize;

use crate::data::error;
use crate::data::error::DataError;
use crate::data::sources::generated::GeneratedSpec;
use crate::data::sources::labelled::LabelledSpec;
use crate::data::sources::language::TextSpec;
use crate::data::sources::sequences::SequencesSpec;
use crate::data::sources::series::SeriesSpec;
use crate::data::sources::tags::TagsSpec;
use crate::data::text::tokens::TokenSpec;

/// Where texts and labels come from, resolved: what a preset has under `data:`.
///
/// Serialises flat, with the kind under `source`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum DataSpec {
    /// `source: labelled`, or for short the name of a [`Format`](crate::data::sources::labelled::Format)
    Labelled(LabelledSpec),
    /// `source: text`
    Text(TextSpec),
    /// `source: series`
    Series(SeriesSpec),
    /// `source: sequences`
    Sequences(SequencesSpec),
    /// `source: tags`
    Tags(TagsSpec),
    /// `source: generated`
    Generated(GeneratedSpec),
}

impl DataSpec {
    /// The source in words: the path of the training data, or `generated: word-order`.
    pub fn source(&self) -> String {
        match self {
            Self::Labelled(spec) => spec.path.display().to_string(),
            Self::Text(spec) => spec.path.display().to_string(),
            Self::Series(spec) => spec.path.display().to_string(),
            Self::Sequences(spec) => spec.path.display().to_string(),
            Self::Tags(spec) => spec.path.display().to_string(),
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
                spec.texts().is_none().then(|| format!("the task {}", spec.name()))
            }
            Self::Labelled(spec) => {
                spec.check()?;
                None
            }
            Self::Series(spec) => {
                spec.check()?;
                Some("a series".to_owned())
            }
            Self::Sequences(spec) => {
                spec.check()?;
                Some("a source of numbers".to_owned())
            }
            Self::Text(spec) => {
                spec.check()?;
                None
            }
            Self::Tags(_) => None,
        };
        let refuse = |found: &str, expected: String| error::refuse("tokens", found, expected);
        match (own, tokens) {
            (_, Some(tokens)) if !tokens.channels.is_empty() && !matches!(self, Self::Tags(_)) => {
                error::refuse(
                    "tokens.channels",
                    "channels",
                    "no such key: only `source: tags` has words in channels",
                )
            }
            (None, Some(tokens)) => {
                tokens.check()?;
                self.token_rules().check(tokens)
            }
            (None, None) => {
                refuse("nothing", "{level: word, vocabulary: …, length: …}, for texts to become rows".into())
            }
            (Some(name), Some(_)) => {
                refuse("settings for texts", format!("no such key: {name} has no texts"))
            }
            (Some(_), None) => Ok(()),
        }
    }

    /// What has to be fetched and where it has to go, when the training data are not there.
    pub fn missing(&self) -> Option<String> {
        let (path, needs) = match self {
            Self::Labelled(spec) => (&spec.path, &spec.needs),
            Self::Text(spec) => (&spec.path, &spec.needs),
            Self::Series(spec) => (&spec.path, &spec.needs),
            Self::Sequences(spec) => (&spec.path, &spec.needs),
            Self::Tags(spec) => (&spec.path, &spec.needs),
            Self::Generated(_) => return None,
        };
        if path.exists() {
            return None;
        }
        Some(needs.clone().unwrap_or_else(|| format!("{} is not there", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::sources::labelled::{Format, GivenValidation, Validation};

    #[test]
    fn a_spec_serialises_flat_and_reads_back() {
        let written = r#"{"path":"a.csv","format":"csv","text":2,"validation":{"path":"b.csv","label":"y"}}"#;
        let spec: LabelledSpec = serde_json::from_str(written).unwrap();
        assert_eq!((spec.format, spec.label.clone(), spec.skip_bad_rows), (Some(Format::Csv), None, false));
        let given =
            GivenValidation { path: "b.csv".into(), label: Some("y".into()), ..GivenValidation::default() };
        assert_eq!(spec.validation, Some(Validation::Given(given)));
        let resolved = serde_json::to_value(DataSpec::Labelled(spec.clone())).unwrap();
        assert_eq!(resolved["source"], "labelled");
        assert_eq!(resolved["text"], 2);
        assert_eq!(resolved["validation"], serde_json::json!({"path": "b.csv", "label": "y"}));
        let mut map = resolved.as_object().unwrap().clone();
        map.remove("source");
        assert_eq!(serde_json::from_value::<LabelledSpec>(map.into()).unwrap(), spec);
    }

    #[test]
    fn validation_is_a_share_a_fold_or_a_file() {
        let read = |text: &str| {
            let spec = format!(r#"{{"path":"a","validation":{text}}}"#);
            serde_json::from_str::<LabelledSpec>(&spec).map(|spec| spec.validation).map_err(|e| e.to_string())
        };
        assert_eq!(read("0.25"), Ok(Some(Validation::Share(0.25))));
        assert_eq!(read(r#"{"folds":10,"fold":3}"#), Ok(Some(Validation::Fold { folds: 10, fold: 3 })));
        for (wrong, words) in [
            (r#""a.csv""#, "expected a share such as 0.1"),
            (r#"{"folds":10}"#, "missing field `fold`"),
            (r#"{"text":"x"}"#, "missing field `path`"),
            (r#"{"path":"b","folds":2}"#, "not both"),
            (r#"{"pth":"b"}"#, "unknown field `pth`"),
        ] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains(words), "{wrong}: {told}");
        }
        assert!(serde_json::from_str::<LabelledSpec>(r#"{"path":"a","txt":"b"}"#).is_err());
        assert!(serde_json::from_str::<LabelledSpec>(r#"{"path":"a","text":0}"#).is_err());
    }
}

use serde::{Deserialize, Deserializer, Serialize};

use crate::data::source::Source;
use crate::data::sources::generated::GeneratedSpec;
use crate::data::sources::labelled::{Format, LabelledSpec};
use crate::data::sources::language::TextSpec;
use crate::data::sources::sequences::SequencesSpec;
use crate::data::sources::series::SeriesSpec;
use crate::data::sources::tags::TagsSpec;

/// The settings of a data source, resolved: `data:` in a preset.
///
/// Serializes flat, with the kind under `source`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum DataSpec {
    /// `source: labelled`, or the name of a [`Format`](crate::data::sources::labelled::Format)
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

/// The settings of the kind of a [`DataSpec`], borrowed as it is.
macro_rules! of_kind {
    ($spec:expr) => {
        match $spec {
            DataSpec::Labelled(spec) => spec,
            DataSpec::Text(spec) => spec,
            DataSpec::Series(spec) => spec,
            DataSpec::Sequences(spec) => spec,
            DataSpec::Tags(spec) => spec,
            DataSpec::Generated(spec) => spec,
        }
    };
}

impl DataSpec {
    /// The values of `source:` in a preset.
    pub const NAMES: [&'static str; 14] = [
        "labelled",
        "csv",
        "jsonl",
        "lines",
        "folder",
        "fasttext",
        "label-first",
        "label-last",
        "arff",
        "text",
        "series",
        "sequences",
        "tags",
        "generated",
    ];

    /// Reads the settings of the kind `name` of [`Self::NAMES`], without the key `source`; `None` for a name that is unknown.
    ///
    /// # Errors
    /// Those of the deserializer, for invalid settings.
    pub fn read<'de, D: Deserializer<'de>>(name: &str, settings: D) -> Option<Result<Self, D::Error>> {
        let labelled = |format: Option<Format>, settings: D| {
            let spec = LabelledSpec::deserialize(settings)?;
            Ok(Self::Labelled(LabelledSpec { format: format.or(spec.format), ..spec }))
        };
        Some(match name {
            "labelled" => labelled(None, settings),
            "text" => TextSpec::deserialize(settings).map(Self::Text),
            "series" => SeriesSpec::deserialize(settings).map(Self::Series),
            "sequences" => SequencesSpec::deserialize(settings).map(Self::Sequences),
            "tags" => TagsSpec::deserialize(settings).map(Self::Tags),
            other => labelled(Some(Format::of(other)?), settings),
        })
    }

    /// The settings of the kind.
    pub fn source(&self) -> &dyn Source {
        of_kind!(self)
    }

    /// As [`Self::source`], mutable.
    pub fn source_mut(&mut self) -> &mut dyn Source {
        of_kind!(self)
    }

    /// A message if a file is missing, with instructions to obtain it.
    pub fn missing(&self) -> Option<String> {
        let files = self.source().files();
        let missing = files.iter().find(|file| !file.path.exists())?;
        let message = || format!("{} is missing", missing.path.display());
        Some(missing.needs.map_or_else(message, str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::sources::labelled::{Format, GivenValidation, Validation};

    #[test]
    fn a_spec_serializes_flat_and_round_trips() {
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
        for (wrong, expected) in [
            (r#""a.csv""#, "expected a share such as 0.1"),
            (r#"{"folds":10}"#, "missing field `fold`"),
            (r#"{"text":"x"}"#, "missing field `path`"),
            (r#"{"path":"b","folds":2}"#, "not both"),
            (r#"{"pth":"b"}"#, "unknown field `pth`"),
        ] {
            let message = read(wrong).unwrap_err();
            assert!(message.contains(expected), "{wrong}: {message}");
        }
        assert!(serde_json::from_str::<LabelledSpec>(r#"{"path":"a","txt":"b"}"#).is_err());
        assert!(serde_json::from_str::<LabelledSpec>(r#"{"path":"a","text":0}"#).is_err());
    }
}

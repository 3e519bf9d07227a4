use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_path_to_error::{Segment, Track};

use super::Workload;
use crate::escape;
use crate::preset::{in_plain_words, unknown};

const BUILT_IN: &str = include_str!("workloads.json");

/// An error of a file of workloads: where, what was found, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadError {
    /// The file, with line and column if known: `mine.json:7:12`; or `--only`.
    pub place: String,
    /// The field: `workloads.mine.stack.0.lstm`; empty for an error of the whole file.
    pub field: String,
    /// What was found and what was expected.
    pub message: String,
}

impl std::error::Error for WorkloadError {}

impl fmt::Display for WorkloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", escape::foreign(&self.place))?;
        if !self.field.is_empty() {
            write!(f, "{}: ", escape::foreign(&self.field))?;
        }
        f.write_str(&escape::foreign(&self.message))
    }
}

/// The workloads of `file`, in its order, or the built-in ones; only those with a name in `only`, unless it is empty.
///
/// # Errors
/// When the file cannot be read or is invalid, or when there is no workload with a name in `only`.
pub fn workloads(file: Option<&Path>, only: &[String]) -> Result<Vec<Workload>, WorkloadError> {
    let all = match file {
        None => read("the built-in workloads", BUILT_IN)?,
        Some(path) => {
            let place = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|e| WorkloadError {
                place: place.clone(),
                field: String::new(),
                message: e.to_string(),
            })?;
            read(&place, &text)?
        }
    };
    let names: Vec<&str> = all.iter().map(|workload| workload.name.as_str()).collect();
    if let Some(stranger) = only.iter().find(|name| !names.contains(&name.as_str())) {
        let message = unknown("workload", stranger, &names);
        return Err(WorkloadError { place: "--only".into(), field: String::new(), message });
    }
    Ok(all.into_iter().filter(|workload| only.is_empty() || only.contains(&workload.name)).collect())
}

/// A file of workloads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// A comment.
    #[serde(default, rename = "note")]
    _note: String,
    workloads: InOrder,
}

/// Workloads in the order of their file.
struct InOrder(Vec<Workload>);

fn read(place: &str, text: &str) -> Result<Vec<Workload>, WorkloadError> {
    let (mut json, mut track) = (serde_json::Deserializer::from_str(text), Track::new());
    let read = File::deserialize(serde_path_to_error::Deserializer::new(&mut json, &mut track));
    // Trailing text is an error.
    let read = read.and_then(|file| json.end().map(|()| file));
    let file = read.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message);
        WorkloadError {
            place: format!("{place}:{line}:{column}"),
            field: field(track),
            message: in_plain_words(message),
        }
    })?;
    for workload in &file.workloads.0 {
        if let Some((field, message)) = workload.misfit() {
            let field = format!("workloads.{}.{field}", workload.name);
            return Err(WorkloadError { place: place.into(), field, message });
        }
    }
    Ok(file.workloads.0)
}

/// The path at which parsing ended: `workloads.mine.stack.0`.
fn field(track: Track) -> String {
    let steps = track.path();
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    steps.iter().filter_map(step).collect::<Vec<_>>().join(".")
}

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Named)
    }
}

struct Named;

impl<'de> Visitor<'de> for Named {
    type Value = InOrder;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("workloads by name, such as {\"mine\": {\"task\": \"binary\", …}}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder, A::Error> {
        let mut all = Vec::<Workload>::new();
        while let Some(name) = map.next_key::<String>()? {
            if all.iter().any(|workload| workload.name == name) {
                return Err(A::Error::custom(format!("`{name}` appears twice")));
            }
            let mut workload = map.next_value::<Workload>()?;
            workload.name = name;
            all.push(workload);
        }
        Ok(InOrder(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(workload: &str) -> String {
        format!("{{\"workloads\": {{\"mine\": {workload}}}}}")
    }

    fn stack(stack: &str) -> String {
        file(&format!(
            "{{\"task\": \"binary\", \"vocab\": 9, \"embed\": 2, \"batch\": 4, \"length\": 8, \"stack\": [{stack}]}}"
        ))
    }

    #[test]
    fn the_built_in_workloads_are_in_order_and_make_keras_networks() {
        let all = workloads(None, &[]).unwrap();
        assert_eq!(all.len(), 10);
        assert_eq!((all[0].name.as_str(), all[9].name.as_str()), ("lecture-rnn8", "long-rnn64-t2000"));
        // As `model.summary()` of the same networks in Keras counts them.
        let params: Vec<usize> = all.iter().map(|w| w.model().unwrap().table().params()).collect();
        assert_eq!(
            params,
            [
                10_000 * 50 + 8 * (50 + 8 + 1) + 9,
                10_000 * 50 + 16 * (50 + 16 + 1) + 8 * (16 + 8 + 1) + 9,
                10_000 * 32 + 4 * 32 * (32 + 32 + 1) + 33,
                10_000 * 32 + 3 * 32 * (32 + 32 + 2) + 33,
                20_000 * 128 + 2 * (2 * 4 * 64 * (128 + 64 + 1)) + 129,
                20_000 * 128 + 4 * 128 * (128 + 128 + 1) + 129,
                65 * 64 + 4 * 256 * (64 + 256 + 1) + 4 * 256 * (256 + 256 + 1) + 65 * 257,
                10_000 * 50 + 128 * (5 * 50 + 1) + 129,
                10_000 * 50 + 16 * 51 + 17,
                1000 * 16 + 3 * 64 * (16 + 64 + 2) + 65,
            ]
        );
        let bag = all[8].model().unwrap();
        let classes: Vec<&str> = bag.table().layers.iter().map(|row| row.class.as_str()).collect();
        assert_eq!(classes, ["Embedding", "GlobalAveragePooling1D", "Dense", "Dense"]);
        assert!(!bag.is_masked(2));
    }

    #[test]
    fn mistakes_are_told_with_place_field_and_what_would_be_right() {
        let texts = [
            "{",
            "{}",
            "{\"workloads\": {}} x",
            "{\"workload\": {}}",
            &stack("{\"lstn\": 8}"),
            &stack("{\"lstm\": \"8\"}"),
            &stack("{\"lstm\": 8, \"gru\": 8}"),
            &stack("{\"kernel\": 8}"),
            &stack("{\"conv1d\": 8}"),
            &stack("{\"lstm\": 8, \"kernel\": 3}"),
            &stack("{\"conv1d\": 8, \"kernel\": 9}"),
            &stack("{\"lstm\": 0}"),
            &stack("{\"conv1d\": 8, \"kernel\": 3}, {\"lstm\": 8}"),
            &stack("").replace("\"batch\": 4", "\"batch\": 0"),
            &stack("").replace("\"batch\": 4", "\"batch\": 9999999"),
            &stack("").replace("binary", "ternary"),
            &stack(""),
            "{\"workloads\": {\"a\\u001b\": 3}}",
        ];
        let entries = texts.map(|text| match read("w.json", text) {
            Ok(read) => panic!("{text} was read as {read:?}"),
            Err(error) => (text.to_owned(), error),
        });
        crate::messages::assert_messages("bench_workloads", entries);
    }

    #[test]
    fn a_name_stands_only_once() {
        let one =
            "{\"task\": \"lm\", \"vocab\": 9, \"embed\": 2, \"batch\": 4, \"length\": 8, \"stack\": []}";
        let text = format!("{{\"note\": \"x\", \"workloads\": {{\"a\": {one}, \"b\": {one}}}}}");
        assert_eq!(read("w.json", &text).unwrap().len(), 2);
        let error = read("w.json", &text.replace("\"b\"", "\"a\"")).unwrap_err();
        assert!(error.to_string().contains("`a` appears twice"), "{error}");
    }

    #[test]
    fn only_what_is_named_is_chosen_and_strangers_get_the_list() {
        let names = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(ToString::to_string).collect();
            workloads(None, &only).map(|all| all.into_iter().map(|w| w.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["dense-bag", "lecture-rnn8"]).unwrap(), ["lecture-rnn8", "dense-bag"]);
        let error = names(&["dense-bags"]).unwrap_err().to_string();
        assert!(error.starts_with(
            "--only: unknown workload `dense-bags`; did you mean `dense-bag`? known: lecture-rnn8, "
        ));
    }
}

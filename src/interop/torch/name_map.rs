use std::collections::BTreeMap;

use serde_json::Value;

/// Which tensors of a file the weights of a network are: for a layer the module whose tensors they are, for a weight a tensor, or several that
/// are added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMap(BTreeMap<String, Vec<String>>);

/// Why a [`NameMap`] cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameMapError {
    /// A line is no pair.
    #[error(
        "line {line}: found `{found}`; expected `OURS: THEIRS`, as in `1.kernel: lstm.weight_ih_l0` or `1: encoder.lstm`"
    )]
    Line {
        /// Its number, from 1.
        line: usize,
        /// The line.
        found: String,
    },
    /// A name is there twice.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// The JSON is no object of names.
    #[error("{0}")]
    Json(String),
}

impl NameMap {
    /// Reads the text of a file: lines `OURS: THEIRS`, where `#` begins a comment, or a JSON object.
    ///
    /// # Errors
    /// For a line or a value that is something else.
    pub fn read(text: &str) -> Result<Self, NameMapError> {
        let mut map = Self::default();
        if text.trim_start().starts_with('{') {
            let json: BTreeMap<String, Value> =
                serde_json::from_str(text).map_err(|error| NameMapError::Json(error.to_string()))?;
            for (ours, theirs) in json {
                let list = match &theirs {
                    Value::Array(list) => list.iter().map(|name| name.as_str()).collect(),
                    one => one.as_str().map(|name| vec![name]),
                };
                let Some(list) = list else {
                    let found =
                        format!("`{ours}` is {theirs}; expected a name, or a list of names to be added");
                    return Err(NameMapError::Json(found));
                };
                map.insert(&ours, list.iter().flat_map(|names| names.split(" + ")))?;
            }
            return Ok(map);
        }
        for (i, line) in text.lines().enumerate() {
            let line = line.split(" #").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once(':') {
                Some((ours, theirs)) if !ours.trim().is_empty() && !theirs.trim().is_empty() => {
                    map.insert(ours.trim(), theirs.split(" + "))?;
                }
                _ => return Err(NameMapError::Line { line: i + 1, found: line.to_owned() }),
            }
        }
        Ok(map)
    }

    fn insert<'n>(&mut self, ours: &str, theirs: impl Iterator<Item = &'n str>) -> Result<(), NameMapError> {
        let bare = |name: &str| name.trim().trim_matches(['"', '\'']).to_owned();
        let (ours, theirs) = (bare(ours), theirs.map(bare).collect());
        match self.0.insert(ours.clone(), theirs) {
            None => Ok(()),
            Some(_) => Err(NameMapError::Twice(ours)),
        }
    }

    /// What a name of ours stands for; none if it is not there.
    pub(super) fn get(&self, ours: &str) -> Option<&[String]> {
        self.0.get(ours).map(Vec::as_slice)
    }

    /// The names of ours.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_json_say_the_same() {
        let lines = "# of the encoder\n0: embedding\n1.bias: a + b  # summed\n\"2\": 'fc'\n";
        let json = r#"{"0": "embedding", "1.bias": ["a", "b"], "2": "fc"}"#;
        let map = NameMap::read(lines).unwrap();
        assert_eq!(map, NameMap::read(json).unwrap());
        assert_eq!(map.get("1.bias").unwrap(), ["a", "b"]);
        assert_eq!(map.keys().collect::<Vec<_>>(), ["0", "1.bias", "2"]);
    }

    #[test]
    fn what_is_no_pair_of_names_is_refused() {
        let error = |text: &str| NameMap::read(text).unwrap_err().to_string();
        assert!(error("0: a\n\n1 b").starts_with("line 3: found `1 b`; expected"));
        assert_eq!(error("0: a\n0: b"), "`0` is there twice");
        assert_eq!(error("{\"0\": 3}"), "`0` is 3; expected a name, or a list of names to be added");
        assert!(error("{\"0\": ").contains("EOF"));
    }
}

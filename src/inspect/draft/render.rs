//! A tree and its comments as YAML.

use super::comments::Comments;
use super::yaml::{WIDTH, Yaml, is_plain, quoted};
use crate::preset::Value;
use crate::sort::SmallSort as _;

/// Columns by which what is within something is indented.
const INDENT: usize = 2;
/// Parts of a preset whose keys have lines of their own.
const SECTIONS: [&str; 3] = ["data", "train", "watch"];
/// Lists whose items have lines of their own, where there are several.
const LISTS: [&str; 1] = ["watch.probes"];
/// Keys in front of others, in this order.
const FIRST: [&str; 13] = [
    "layer",
    "source",
    "name",
    "inputs",
    "path",
    "delimiter",
    "quoting",
    "header",
    "encoding",
    "date",
    "date_order",
    "decimal",
    "every",
];
/// Keys behind others, in this order. All others keep the order of their fields.
const LAST: [&str; 11] = [
    "skip_bad_rows",
    "season",
    "validation",
    "batch_size",
    "epochs",
    "early_stopping",
    "class_weight",
    "validate_every",
    "seed",
    "sample",
    "probes",
];

/// Renders the preset `tree`, with `comments`.
pub(super) fn render(tree: &Value, comments: &Comments, out: &mut Yaml) {
    if let Value::Mapping(_) = tree {
        Renderer { comments, out }.mapping(tree, "", 0);
    }
}

/// A key of a mapping, or one that is suggested.
struct Entry<'v> {
    key: String,
    value: &'v Value,
    is_suggested: bool,
}

struct Renderer<'a> {
    comments: &'a Comments,
    out: &'a mut Yaml,
}

impl Renderer<'_> {
    /// The keys of the mapping at `path`, each in a line or more.
    fn mapping(&mut self, map: &Value, path: &str, indent: usize) {
        for Entry { key, value, is_suggested } in entries(map, path, self.comments) {
            let at = joined(path, &key);
            if path.is_empty() && is_collection(value) {
                self.out.line("");
            }
            self.before(&at, indent);
            let head = format!("{:indent$}{}:", "", quoted(&key));
            match value {
                _ if is_suggested => {
                    self.line(&format!("{:indent$}# {}: {}", "", quoted(&key), flow(value)), &at)
                }
                Value::String(text) if key == "about" && is_foldable(text) => {
                    self.line(&format!("{head} >-"), &at);
                    self.out.wrapped(&" ".repeat(indent + INDENT), text);
                }
                _ => self.entry(&head, value, &at, indent),
            }
        }
    }

    /// What is at `path`, behind `head` or in the lines below it.
    fn entry(&mut self, head: &str, value: &Value, path: &str, indent: usize) {
        if let Some(text) = self.inline(value, path, head) {
            return self.line(&format!("{head} {text}"), path);
        }
        self.line(head, path);
        match value {
            Value::Sequence(items) => self.sequence(items, path, indent + INDENT),
            _ => self.mapping(value, path, indent + INDENT),
        }
    }

    fn sequence(&mut self, items: &[Value], path: &str, indent: usize) {
        for (i, item) in items.iter().enumerate() {
            let at = joined(path, &i.to_string());
            self.before(&at, indent);
            let head = format!("{:indent$}-", "");
            self.entry(&head, item, &at, indent);
        }
    }

    /// The value in one line, where it fits there and no comment is within it.
    fn inline(&self, value: &Value, path: &str, head: &str) -> Option<String> {
        let fits = match value {
            Value::Sequence(items) => {
                !(LISTS.contains(&path) && items.len() > 1 || items.iter().any(is_collection))
            }
            Value::Mapping(map) => {
                let nested =
                    |value: &Value| value.as_sequence().is_some_and(|list| list.iter().any(is_collection));
                !SECTIONS.contains(&path) && !map.values().any(nested)
            }
            _ => return Some(flow(value)),
        };
        let text = (fits && !self.comments.has_within(path)).then(|| flow(value))?;
        (head.chars().count() + 1 + text.chars().count() <= WIDTH).then_some(text)
    }

    fn before(&mut self, path: &str, indent: usize) {
        for paragraph in self.comments.paragraphs_before(path) {
            self.out.wrapped(&format!("{:indent$}# ", ""), paragraph);
        }
    }

    fn line(&mut self, line: &str, path: &str) {
        match self.comments.note_beside(path) {
            Some(note) => self.out.noted(line, note),
            None => self.out.line(line),
        }
    }
}

/// The keys of the mapping at `path` and those that are suggested for it, in the order in which people expect them.
fn entries<'v>(map: &'v Value, path: &str, comments: &'v Comments) -> Vec<Entry<'v>> {
    let own = map.as_mapping().into_iter().flatten().map(|(key, value)| {
        let key = key.as_str().map_or_else(|| flow(key), str::to_owned);
        Entry { key, value, is_suggested: false }
    });
    let suggested = comments.suggestions().filter_map(|(at, value)| {
        let key = match path {
            "" => at,
            path => at.strip_prefix(path)?.strip_prefix('.')?,
        };
        (!key.contains('.')).then(|| Entry { key: key.into(), value, is_suggested: true })
    });
    let mut all: Vec<Entry<'v>> = own.chain(suggested).collect();
    all.small_sort_by_key(|entry| rank(&entry.key));
    all
}

fn rank(key: &str) -> usize {
    let of = |keys: &[&str]| keys.iter().position(|known| *known == key);
    match (of(&FIRST), of(&LAST)) {
        (Some(place), _) => place,
        (_, Some(place)) => FIRST.len() + 1 + place,
        _ => FIRST.len(),
    }
}

fn joined(path: &str, step: &str) -> String {
    if path.is_empty() { step.into() } else { format!("{path}.{step}") }
}

fn is_collection(value: &Value) -> bool {
    matches!(value, Value::Mapping(_) | Value::Sequence(_))
}

/// Whether `text` comes back from lines that are divided at blanks.
fn is_foldable(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    !words.is_empty() && words.join(" ") == text && text.chars().all(is_plain)
}

/// A value in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Sequence(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Mapping(_) => {
            let none = Comments::default();
            let entries = entries(value, "", &none);
            let entries =
                entries.iter().map(|entry| format!("{}: {}", quoted(&entry.key), flow(entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Tagged(tagged) => flow(&tagged.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(tree: &str, comments: &Comments) -> String {
        let mut out = Yaml::default();
        render(&serde_yaml::from_str(tree).unwrap(), comments, &mut out);
        let text = out.text();
        assert_eq!(
            serde_yaml::from_str::<Value>(&text).unwrap(),
            serde_yaml::from_str::<Value>(tree).unwrap(),
            "{text}"
        );
        text
    }

    #[test]
    fn sections_have_lines_and_what_is_in_them_has_one() {
        let tree = "{title: a b, about: c d, data: {path: x, source: csv}, tokens: {length: 3}, model: [{layer: GRU, units: 2}], \
                    train: {seed: 1, loss: huber}, watch: {probes: [a, b], every: 5}}";
        let expected = "title: \"a b\"
about: >-
  c d

data:
  source: csv
  path: x

tokens: {length: 3}

model:
  - {layer: GRU, units: 2}

train:
  loss: huber
  seed: 1

watch:
  every: 5
  probes:
    - a
    - b
";
        assert_eq!(rendered(tree, &Comments::default()), expected);
    }

    #[test]
    fn comments_are_before_and_beside_what_they_are_attached_to() {
        let mut comments = Comments::default();
        comments.before("model", "All layers.");
        comments.before("model.1", "The last one.");
        comments.beside("model.0", "the first one");
        comments.beside("model.1.units", "how many");
        comments.beside("train.season", "or 7");
        comments.suggest("train.season", 12);
        let expected = "
# All layers.
model:
  - {layer: GRU}                # the first one
  # The last one.
  -
    layer: Dense
    units: 1                    # how many

train:
  loss: huber
  # season: 12                  # or 7
  seed: 1
";
        let tree = "{model: [{layer: GRU}, {layer: Dense, units: 1}], train: {loss: huber, seed: 1}}";
        assert_eq!(rendered(tree, &comments), expected);
    }

    #[test]
    fn what_does_not_fit_into_a_line_has_several() {
        let long = "x".repeat(60);
        let tree = format!("{{a: [{long}, {long}], b: {{c: {long}, d: {long}}}, e: [{{f: 1}}]}}");
        let expected =
            format!("\na:\n  - {long}\n  - {long}\n\nb:\n  c: {long}\n  d: {long}\n\ne:\n  - {{f: 1}}\n");
        assert_eq!(rendered(&tree, &Comments::default()), expected);
    }
}

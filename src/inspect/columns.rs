//! Columns of a table, or keys of JSON lines: what is in them, and which are text, label, date and numbers.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::LookOptions;
use super::cells::{CLASSES, Cells, Kind};
use super::several::Several;
use super::start::Start;
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::encoding::Encoding;
use crate::data::files::sniff::Sample;
use crate::data::sources::labelled::{Column, LABEL_NAMES, LabelledSpec, TEXT_NAMES, known_name};
use crate::data::sources::series::written::{any_number, is_date};
use crate::protocol::ColumnFound;

/// Lines of JSON that are looked at for their keys.
const OBJECTS: usize = 500;
/// Names that people give a column of dates.
const DATE_NAMES: &[&str] = &["date", "datetime", "timestamp", "time", "month", "year", "day", "hour"];

/// The first rows, column by column.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    /// Whether the first row of the table has the names.
    pub named: bool,
    columns: Vec<Cells>,
    /// Rows that were looked at.
    pub rows: usize,
    /// The line of the first.
    line: u64,
}

impl Grid {
    /// Of the first rows of a table.
    ///
    /// # Errors
    /// For one that has a header and nothing else.
    pub fn of_table(
        path: &Path,
        sample: &Sample,
        encoding: Encoding,
        options: &LookOptions,
    ) -> Result<Self, DataError> {
        let rows: Vec<Vec<String>> = sample
            .rows
            .iter()
            .map(|(_, row)| row.iter().map(|cell| encoding.lossy(cell).trim().to_owned()).collect())
            .collect();
        let Some(((line, _), (first, rest))) = sample.rows.first().zip(rows.split_first()) else {
            return Err(DataError::content(path, None, "no row", "a row per text or date"));
        };
        let rest: Vec<&Vec<String>> = rest.iter().filter(|row| row.len() == first.len()).collect();
        let named = is_header(first, &rest, options);
        if named && rest.is_empty() {
            return Err(DataError::content(path, None, "a header and no rows", "a row per text or date"));
        }
        let body = || rest.iter().copied().chain(Some(first).filter(|_| !named));
        let column = |at: usize| {
            let name = match first.get(at) {
                Some(name) if named && !name.is_empty() => name.clone(),
                _ => format!("column {}", at + 1),
            };
            Cells::of(name, body().filter_map(|row| row.get(at)).map(String::as_str))
        };
        let columns = (0..first.len()).map(column).collect();
        Ok(Self { named, columns, rows: body().count(), line: *line })
    }

    /// Of the first JSON lines.
    ///
    /// # Errors
    /// For a line that is no object.
    pub fn of_objects(path: &Path, start: &Start, options: &LookOptions) -> Result<Self, DataError> {
        let encoding = start.encoding(options.encoding);
        let (mut keys, mut objects) = (Vec::<String>::new(), Vec::<Map<String, Value>>::new());
        let lines = start.whole_lines().split(|byte| *byte == b'\n');
        for (line, at) in lines.zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty()).take(OBJECTS) {
            let object: Map<String, Value> =
                serde_json::from_str(&encoding.lossy(line)).map_err(|error| {
                    let found =
                        format!("no JSON object, or a broken one, at byte column {}", error.column().max(1));
                    let list = line.trim_ascii_start().starts_with(b"[");
                    let hint = if list { "; jq -c '.[]' makes lines of a list" } else { "" };
                    let expected = format!(
                        "an object a line, such as {{\"text\": \"not bad\", \"label\": \"positive\"}}{hint}"
                    );
                    DataError::content(path, Some(at), found, expected)
                })?;
            for key in object.keys().filter(|key| !keys.contains(key)).cloned().collect::<Vec<_>>() {
                keys.push(key);
            }
            objects.push(object);
        }
        let cell = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let column = |key: &String| {
            let cells: Vec<String> = objects.iter().filter_map(|object| object.get(key)).map(cell).collect();
            Cells::of(key.clone(), cells.iter().map(String::as_str))
        };
        Ok(Self { named: true, columns: keys.iter().map(column).collect(), rows: objects.len(), line: 1 })
    }

    /// For people.
    pub fn found(&self) -> Vec<ColumnFound> {
        let found = |cells: &Cells| ColumnFound {
            name: cells.name.clone(),
            role: cells.role.into(),
            why: cells.why(),
        };
        self.columns.iter().map(found).collect()
    }

    fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|cells| cells.name.as_str()).collect()
    }

    /// How a preset names a column.
    fn column(&self, at: usize) -> Column {
        let names = self.names();
        match names.get(at) {
            Some(name) if self.named && names.iter().filter(|other| *other == name).count() == 1 => {
                Column::Name((*name).to_owned())
            }
            _ => Column::Number(at + 1),
        }
    }

    /// Where the column is that somebody named.
    fn wanted(&self, path: &Path, field: &str, wanted: Option<&Column>) -> Result<Option<usize>, DataError> {
        let place = match wanted {
            None => return Ok(None),
            Some(Column::Number(number)) => number.checked_sub(1).filter(|at| *at < self.columns.len()),
            Some(Column::Name(name)) => self.columns.iter().position(|cells| cells.name == *name),
        };
        place.map(Some).ok_or_else(|| {
            let found = format!("the columns {}", listed(self.names().into_iter()));
            let name = match wanted {
                Some(Column::Number(number)) => number.to_string(),
                Some(Column::Name(name)) => quoted(name),
                None => String::new(),
            };
            DataError::content(path, Some(self.line), found, format!("a column {name} (--{field} names it)"))
        })
    }

    /// Whether it is many columns of numbers without names: a sequence a row.
    pub fn is_numbers(&self) -> bool {
        let number = |cells: &Cells| matches!(cells.kind, Kind::Number(..) | Kind::Empty);
        !self.named && self.columns.len() >= 8 && self.columns.iter().all(number)
    }

    /// Whether dates in the column called `name` do not begin with the year.
    pub fn is_turned(&self, name: &str) -> bool {
        self.columns.iter().any(|cells| cells.name == name && cells.turned)
    }

    /// Whether it has dates and numbers, and no text.
    pub fn is_series(&self, options: &LookOptions) -> bool {
        let dates = options.date.is_some() || self.date().is_some();
        let numbers = self.columns.iter().any(|cells| matches!(cells.kind, Kind::Number(..)));
        let text = options.text.is_some()
            || self.columns.iter().any(|cells| cells.may_be_text() && cells.words >= 1.5);
        dates && numbers && !text
    }

    /// The column with dates: the first, and none where the numbers of a column only look like them.
    fn date(&self) -> Option<usize> {
        let by_kind = |kind: Kind| self.columns.iter().position(|cells| cells.kind == kind);
        let named = || {
            let name = known_name(&self.names(), DATE_NAMES)?.to_owned();
            let at = self.columns.iter().position(|cells| cells.name == name)?;
            self.columns.get(at).filter(|cells| matches!(cells.kind, Kind::Number(..))).map(|_| at)
        };
        by_kind(Kind::Date).or_else(|| by_kind(Kind::OtherDate)).or_else(named)
    }

    /// The names of the column of dates and of those with numbers, which get these roles; in words what is wanting.
    ///
    /// # Errors
    /// When a column that somebody named is not there.
    pub fn dates_and_values(
        &mut self,
        path: &Path,
        options: &LookOptions,
    ) -> Result<Result<(String, Vec<String>), String>, DataError> {
        let name = |name: &String| Column::Name(name.clone());
        let date =
            self.wanted(path, "date", options.date.as_ref().map(name).as_ref())?.or_else(|| self.date());
        let mut values = Vec::new();
        for value in &options.values {
            values.extend(self.wanted(path, "values", Some(&name(value)))?);
        }
        if values.is_empty() {
            let numbers = self
                .columns
                .iter()
                .enumerate()
                .filter(|(at, cells)| Some(*at) != date && matches!(cells.kind, Kind::Number(..)));
            values = numbers.map(|(at, _)| at).collect();
        }
        let Some(date) = date else {
            return Ok(Err("no column looks like dates: --date COLUMN names it".into()));
        };
        if values.is_empty() {
            return Ok(Err("no column has numbers: --values COLUMN,… names those that are forecast".into()));
        }
        for (at, cells) in self.columns.iter_mut().enumerate() {
            cells.role = if at == date {
                "date"
            } else if values.contains(&at) {
                "values"
            } else {
                ""
            };
        }
        if !self.named {
            return Ok(Err("the first row must name the columns: a series goes by their names".into()));
        }
        let named = |at: &usize| self.columns.get(*at).map(|cells| cells.name.clone());
        Ok(Ok((named(&date).unwrap_or_default(), values.iter().filter_map(named).collect())))
    }

    /// Of texts by `spec`: with the columns of text and label in it, which get these roles; in words what is wanting.
    ///
    /// # Errors
    /// When a column that somebody named is not there.
    pub fn texts(
        &mut self,
        spec: LabelledSpec,
        options: &LookOptions,
    ) -> Result<Result<LabelledSpec, String>, DataError> {
        let path = &spec.path;
        let text = self.wanted(path, "text", options.text.as_ref())?;
        let label = self.wanted(path, "label", options.label.as_ref())?;
        let (text, labels) = match (text, label) {
            (Some(text), Some(label)) => (text, vec![label]),
            (text, label) => match self.choose(text, label) {
                Ok(chosen) => chosen,
                Err(doubt) => return Ok(Err(doubt)),
            },
        };
        let several = match labels.as_slice() {
            [label] => self.columns.get(*label).and_then(|cells| cells.several),
            _ => None,
        };
        let one = labels.len() == 1 && several.is_none();
        for (at, cells) in self.columns.iter_mut().enumerate() {
            cells.role = match at {
                _ if at == text => "text",
                _ if !labels.contains(&at) => "",
                _ if one => "label",
                _ => "labels",
            };
        }
        let spec = LabelledSpec { text: Some(self.column(text)), ..spec };
        Ok(Ok(match labels.as_slice() {
            [label] => Several::set(several, LabelledSpec { label: Some(self.column(*label)), ..spec }),
            _ => {
                let columns = labels.iter().map(|label| self.column(*label)).collect();
                LabelledSpec { label_columns: columns, ..spec }
            }
        }))
    }

    /// The places of the text, and of the label, or of several columns of 0 and 1; in words what is wanting.
    fn choose(&self, text: Option<usize>, label: Option<usize>) -> Result<(usize, Vec<usize>), String> {
        let names = self.names();
        let by_name = |known: &[&str]| {
            let name = known_name(&names, known).filter(|_| self.named)?;
            names.iter().position(|other| *other == name)
        };
        let cells = |at: usize| self.columns.get(at);
        let named_text = text
            .or_else(|| by_name(TEXT_NAMES).filter(|at| cells(*at).is_some_and(|c| c.kind == Kind::Words)));
        let label_like = |at: &usize| {
            cells(*at).is_some_and(|c| {
                c.may_be_label() || c.several.is_some() || c.distinct <= CLASSES && c.kind != Kind::Nested
            })
        };
        let named_label = label.or_else(|| by_name(LABEL_NAMES).filter(label_like));
        let candidates = |right: &dyn Fn(&Cells) -> bool, taken: Option<usize>| -> Vec<usize> {
            let all = self.columns.iter().enumerate();
            all.filter(|(at, cells)| Some(*at) != taken && right(cells)).map(|(at, _)| at).collect()
        };
        let told = |all: &[usize]| {
            listed(all.iter().filter_map(|at| names.get(*at).copied()).collect::<Vec<_>>().into_iter())
        };
        let text = match named_text {
            Some(text) => text,
            None => {
                let mut texts = candidates(&Cells::may_be_text, named_label);
                if let (true, Some(label)) = (texts.is_empty() && names.len() == 2, named_label) {
                    texts = vec![1 - label.min(1)];
                }
                // Sentences go before single words, such as names and keys.
                if texts.iter().any(|at| cells(*at).is_some_and(|c| c.words >= 2.5)) {
                    texts.retain(|at| cells(*at).is_some_and(|c| c.words >= 2.5));
                }
                let size = |at: &usize| cells(*at).map_or(0.0, |c| c.characters);
                texts.sort_by(|a, b| size(b).total_cmp(&size(a)));
                match texts.as_slice() {
                    [] => {
                        return Err(format!(
                            "of the columns {} none looks like text: --text COLUMN names it",
                            told(&candidates(&|_| true, None))
                        ));
                    }
                    [first, second, ..] if size(second) * 2.0 > size(first) => {
                        return Err(format!(
                            "the columns {} look like texts: --text COLUMN says which",
                            told(&texts)
                        ));
                    }
                    [first, ..] => *first,
                }
            }
        };
        let labels = match named_label.filter(|label| *label != text) {
            Some(label) => vec![label],
            None => {
                let labels = candidates(&|c| c.may_be_label() || c.several.is_some(), Some(text));
                // One of several labels may be so rare that none of the first rows has it.
                let marks = candidates(&|c| c.marks.is_some_and(|[no, _]| no), Some(text));
                let are_marks = || {
                    let both = |at: &&usize| cells(**at).is_some_and(|c| c.marks == Some([true; 2]));
                    labels.iter().all(|at| marks.contains(at)) && marks.iter().filter(both).count() > 1
                };
                match labels.as_slice() {
                    [label] => vec![*label],
                    _ if are_marks() => marks,
                    [] => {
                        let others = told(&candidates(&|_| true, Some(text)));
                        let others = if others.is_empty() {
                            "there is no other column".to_owned()
                        } else {
                            format!("the other columns are {others}")
                        };
                        return Err(format!(
                            "no column looks like a label, a few values that come again; {others}: --label COLUMN names it"
                        ));
                    }
                    _ => {
                        return Err(format!(
                            "the columns {} look like labels: --label COLUMN says which",
                            told(&labels)
                        ));
                    }
                }
            }
        };
        Ok((text, labels))
    }
}

/// Whether the first row names the columns: by names that people use, by words over numbers, or because none of its short,
/// different words is a value of its column.
fn is_header(first: &[String], rest: &[&Vec<String>], options: &LookOptions) -> bool {
    let names: Vec<&str> = first.iter().map(String::as_str).collect();
    let by_name = |column: &Option<Column>| matches!(column, Some(Column::Name(_)));
    if by_name(&options.text)
        || by_name(&options.label)
        || options.date.is_some()
        || !options.values.is_empty()
    {
        return true;
    }
    let is_number = |cell: &str| cell.parse::<f64>().is_ok() || any_number(cell).is_some();
    if names.iter().any(|name| name.is_empty() || is_number(name) || is_date(name)) {
        // Tables of pandas leave the name of their first column out.
        return names.first() == Some(&"")
            && names.iter().skip(1).all(|name| !name.is_empty() && !is_number(name));
    }
    if known_name(&names, TEXT_NAMES).is_some()
        || known_name(&names, LABEL_NAMES).is_some()
        || known_name(&names, DATE_NAMES).is_some()
    {
        return true;
    }
    let column = |at: usize| rest.iter().filter_map(move |row| row.get(at)).map(String::as_str);
    let over_numbers = |at: usize| {
        let (all, numbers) = column(at)
            .fold((0, 0), |(all, n), cell| (all + 1, n + usize::from(is_number(cell) || is_date(cell))));
        all > 0 && numbers * 10 >= all * 9
    };
    if (0..names.len()).any(over_numbers) {
        return true;
    }
    let short = names.iter().all(|name| name.chars().count() <= 30 && name.split_whitespace().count() <= 3);
    let different = names.iter().collect::<HashSet<_>>().len() == names.len();
    let strange = |at: usize| names.get(at).is_some_and(|name| column(at).all(|cell| cell != *name));
    short && different && rest.len() > 2 && (0..names.len()).all(strange)
        // A short text over long ones, and a label that nothing else has.
        && (0..names.len()).any(|at| column(at).map(|cell| cell.chars().count()).sum::<usize>() > 3 * rest.len() * names.get(at).map_or(0, |name| name.chars().count()))
}

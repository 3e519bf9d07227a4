//! Columns of a table, or keys of JSON lines: what is in them, and which are text, label, date and numbers.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::LookOptions;
use super::start::Start;
use crate::data::error::{listed, quoted};
use crate::data::labelled::{Column, LABEL_NAMES, TEXT_NAMES, known_name};
use crate::data::sniff::Sample;
use crate::data::{DataError, series};
use crate::number;
use crate::protocol::ColumnFound;

/// Different values that a column of labels has, at most.
const CLASSES: usize = 200;
/// Characters of a label, at most.
const LABEL: usize = 60;
/// Lines of JSON that are looked at for their keys.
const OBJECTS: usize = 500;
/// Names that people give a column of dates.
const DATE_NAMES: &[&str] = &["date", "datetime", "timestamp", "time", "month", "year", "day", "hour"];

/// The first rows, column by column.
#[derive(Debug, Clone)]
pub(in crate::data) struct Grid {
    /// Whether the first row of the table has the names.
    pub named: bool,
    columns: Vec<Cells>,
    /// Rows that were looked at.
    pub rows: usize,
    /// The line of the first.
    line: u64,
}

/// What is in a column.
#[derive(Debug, Clone, Default)]
struct Cells {
    name: String,
    role: &'static str,
    kind: Kind,
    /// Different values.
    distinct: usize,
    /// Cells that hold something.
    filled: usize,
    characters: f64,
    words: f64,
    longest: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Kind {
    #[default]
    Empty,
    /// Dates that a series can have.
    Date,
    /// Dates in another form.
    OtherDate,
    /// From one to another; whether all are whole.
    Number(f64, f64, bool),
    Words,
    /// JSON that is neither text nor number.
    Nested,
}

impl Cells {
    fn of<'a>(name: String, cells: impl Iterator<Item = &'a str>) -> Self {
        let cells: Vec<&str> = cells.map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let Some(count) = Some(cells.len()).filter(|count| *count > 0) else {
            return Self { name, ..Self::default() };
        };
        // One in fifty may be a slip, or `NA`.
        let most =
            |right: &dyn Fn(&str) -> bool| cells.iter().filter(|cell| right(cell)).count() * 50 >= count * 49;
        let numbers = cells.iter().filter_map(|cell| cell.parse::<f64>().ok()).filter(|n| n.is_finite());
        let (least, greatest) =
            numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), n| (a.min(n), b.max(n)));
        let is_number = |cell: &str| cell.parse::<f64>().is_ok();
        let kind = if most(&is_number) {
            Kind::Number(
                least,
                greatest,
                cells.iter().all(|cell| cell.parse::<i64>().is_ok() || !is_number(cell)),
            )
        } else if most(&series::is_date) {
            Kind::Date
        } else if most(&is_other_date) {
            Kind::OtherDate
        } else if most(&|cell| cell.starts_with(['{', '[']) && serde_json::from_str::<Value>(cell).is_ok()) {
            Kind::Nested
        } else {
            Kind::Words
        };
        let mean = |of: &dyn Fn(&str) -> usize| {
            cells.iter().map(|cell| of(cell)).sum::<usize>() as f64 / count as f64
        };
        Self {
            name,
            role: "",
            kind,
            distinct: cells.iter().collect::<HashSet<_>>().len(),
            filled: count,
            characters: mean(&|cell| cell.chars().count()),
            words: mean(&|cell| cell.split_whitespace().count()),
            longest: cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0),
        }
    }

    /// Whether a few short values come again and again.
    fn may_be_label(&self) -> bool {
        let whole = matches!(self.kind, Kind::Number(.., true) | Kind::Words);
        let few = (2..=CLASSES).contains(&self.distinct) && self.distinct * 2 <= self.filled;
        whole && few && self.longest <= LABEL && self.words <= 4.0
    }

    fn may_be_text(&self) -> bool {
        self.kind == Kind::Words && self.distinct * 2 > self.filled
    }

    fn why(&self) -> String {
        let different = |n: usize| format!("{} different values", number::count(n as u64));
        match self.kind {
            Kind::Empty => "nothing".into(),
            Kind::Date => "dates".into(),
            Kind::OtherDate => "dates in another form than 1949-01-31".into(),
            Kind::Nested => "lists or objects".into(),
            Kind::Number(..) if self.role == "label" => different(self.distinct),
            Kind::Number(least, greatest, _) => {
                format!("numbers from {} to {}", amount(least), amount(greatest))
            }
            Kind::Words if self.role == "label" || self.distinct * 2 <= self.filled => {
                different(self.distinct)
            }
            Kind::Words if self.words < 1.5 => format!("a word, {:.0} characters", self.characters),
            Kind::Words => format!("{:.0} words on average", self.words),
        }
    }
}

/// As short as it can be said: `104`, `0.25`.
pub(in crate::data) fn amount(x: f64) -> String {
    if x == x.trunc() && x.abs() < 1e9 { format!("{x:.0}") } else { number::metric(x) }
}

/// Whether this is a date that has to be turned round: `31.01.1949`, `1/31/49`, `Jan 31, 1949`.
fn is_other_date(text: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let day = text.split_whitespace().next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['.', '/', '-']).collect();
    let numbers = parts.len() == 3
        && parts.iter().all(|part| matches!(part.len(), 1..=4) && part.bytes().all(|b| b.is_ascii_digit()));
    let lower = text.to_ascii_lowercase();
    let named = text.chars().count() <= 30
        && text.bytes().any(|b| b.is_ascii_digit())
        && lower
            .split(|c: char| !c.is_ascii_alphabetic())
            .any(|word| word.len() >= 3 && MONTHS.iter().any(|month| word.starts_with(month)));
    numbers || named
}

impl Grid {
    /// Of the first rows of a table.
    ///
    /// # Errors
    /// For one that has a header and nothing else.
    pub fn of_table(path: &Path, sample: &Sample, options: &LookOptions) -> Result<Self, DataError> {
        let rows: Vec<Vec<String>> = sample
            .rows
            .iter()
            .map(|(_, row)| row.iter().map(|cell| decoded(cell).trim().to_owned()).collect())
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
    pub fn of_objects(path: &Path, start: &Start) -> Result<Self, DataError> {
        let (mut keys, mut objects) = (Vec::<String>::new(), Vec::<Map<String, Value>>::new());
        let lines = start.whole_lines().split(|byte| *byte == b'\n');
        for (line, at) in lines.zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty()).take(OBJECTS) {
            let object: Map<String, Value> = serde_json::from_str(&decoded(line)).map_err(|error| {
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

    /// The columns with text and label, which get these roles; in words what is wanting.
    ///
    /// # Errors
    /// When a column that somebody named is not there.
    pub fn text_and_label(
        &mut self,
        path: &Path,
        options: &LookOptions,
    ) -> Result<Result<(Column, Column), String>, DataError> {
        let text = self.wanted(path, "text", options.text.as_ref())?;
        let label = self.wanted(path, "label", options.label.as_ref())?;
        let chosen = match (text, label) {
            (Some(text), Some(label)) => Ok((text, label)),
            (text, label) => self.choose(text, label),
        };
        Ok(chosen.map(|(text, label)| {
            for (at, cells) in self.columns.iter_mut().enumerate() {
                cells.role = if at == text {
                    "text"
                } else if at == label {
                    "label"
                } else {
                    ""
                };
            }
            (self.column(text), self.column(label))
        }))
    }

    fn choose(&self, text: Option<usize>, label: Option<usize>) -> Result<(usize, usize), String> {
        let names = self.names();
        let by_name = |known: &[&str]| {
            let name = known_name(&names, known).filter(|_| self.named)?;
            names.iter().position(|other| *other == name)
        };
        let cells = |at: usize| self.columns.get(at);
        let named_text = text
            .or_else(|| by_name(TEXT_NAMES).filter(|at| cells(*at).is_some_and(|c| c.kind == Kind::Words)));
        let label_like = |at: &usize| {
            cells(*at).is_some_and(|c| c.may_be_label() || c.distinct <= CLASSES && c.kind != Kind::Nested)
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
        let label = match named_label.filter(|label| *label != text) {
            Some(label) => label,
            None => {
                let labels = candidates(&Cells::may_be_label, Some(text));
                match labels.as_slice() {
                    [label] => *label,
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
        Ok((text, label))
    }
}

/// Text in any encoding, to be looked at only.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
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
    let is_number = |cell: &str| cell.parse::<f64>().is_ok();
    if names.iter().any(|name| name.is_empty() || is_number(name) || series::is_date(name)) {
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
        let (all, numbers) = column(at).fold((0, 0), |(all, n), cell| {
            (all + 1, n + usize::from(is_number(cell) || series::is_date(cell)))
        });
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

//! The columns of a table, or keys of JSON lines: which are text, label, date and numbers, and why.

use std::path::Path;

use serde_json::{Map, Value};

use super::InspectOptions;
use super::start::Start;
use crate::data::Column;
use crate::data::columns::{
    Choice, ColumnError, ColumnSettings, ColumnStatistics, DATE_NAMES, FirstRows, Kind, Labels, MultiLabel,
    SAMPLE_ROWS, known_index,
};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::encoding::Encoding;
use crate::data::files::sniff::Sample;
use crate::data::sources::labelled::LabelledSpec;
use crate::number;
use crate::protocol::ColumnFound;

/// The first rows with a role for each column.
#[derive(Debug, Clone)]
pub(crate) struct TableSample {
    first: FirstRows,
    /// `text`, `label`, `labels`, `date`, `values` or nothing, by column.
    roles: Vec<&'static str>,
    /// The line of the first row.
    line: u64,
}

impl TableSample {
    /// The grid of the first rows of a table.
    ///
    /// # Errors
    /// For one that has a header and nothing else.
    pub fn of_table(
        path: &Path,
        sample: &Sample,
        encoding: Encoding,
        options: &InspectOptions,
    ) -> Result<Self, DataError> {
        let settings = ColumnSettings {
            text: options.text.as_ref(),
            label: options.label.as_ref(),
            named: options.date.is_some() || !options.values.is_empty(),
            ..ColumnSettings::default()
        };
        let first = FirstRows::of_table(&sample.decoded(encoding), &settings);
        let Some(((line, _), first)) = sample.rows.first().zip(first) else {
            return Err(DataError::content(path, None, "no row", "a row per text or date"));
        };
        if first.header && first.rows == 0 {
            return Err(DataError::content(path, None, "a header and no rows", "a row per text or date"));
        }
        Ok(Self::new(first, *line))
    }

    fn new(first: FirstRows, line: u64) -> Self {
        let roles = vec![""; first.columns.len()];
        Self { first, roles, line }
    }

    /// The grid of the first JSON lines.
    ///
    /// # Errors
    /// For a line that is no object.
    pub fn of_objects(path: &Path, start: &Start, options: &InspectOptions) -> Result<Self, DataError> {
        let encoding = start.encoding(options.encoding);
        let mut objects = Vec::<Map<String, Value>>::new();
        let lines = start.head.whole_lines().split(|byte| *byte == b'\n');
        for (line, at) in lines.zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty()).take(SAMPLE_ROWS) {
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
            objects.push(object);
        }
        Ok(Self::new(FirstRows::of_objects(&objects), 1))
    }

    /// The columns for people.
    pub fn found(&self) -> Vec<ColumnFound> {
        let columns = self.first.columns.iter().zip(&self.roles);
        let found = |(column, role): (&ColumnStatistics, &&'static str)| ColumnFound {
            name: column.name.clone(),
            role: (*role).into(),
            why: why(column, role),
        };
        columns.map(found).collect()
    }

    /// Whether the first row is a header.
    pub fn has_header(&self) -> bool {
        self.first.header
    }

    /// The number of rows, without the header.
    pub fn rows(&self) -> usize {
        self.first.rows
    }

    /// The index of the column that is set by `--field`.
    fn wanted(&self, path: &Path, field: &str, wanted: Option<&Column>) -> Result<Option<usize>, DataError> {
        let Some(wanted) = wanted else { return Ok(None) };
        match wanted.index(&self.first.first_row()) {
            Ok(at) | Err(ColumnError::Ambiguous { first: at }) => Ok(Some(at)),
            Err(ColumnError::Missing) => {
                let found = format!("the columns {}", listed(self.first.names().into_iter()));
                let name = match wanted {
                    Column::Number(number) => number.to_string(),
                    Column::Name(name) => quoted(name),
                };
                let expected = format!("a column {name} (--{field} names it)");
                Err(DataError::content(path, Some(self.line), found, expected))
            }
        }
    }

    /// Whether it is many columns of numbers without names: a sequence a row.
    pub fn is_numbers(&self) -> bool {
        let number = |cells: &ColumnStatistics| matches!(cells.kind, Kind::Number(..) | Kind::Empty);
        !self.first.header && self.first.columns.len() >= 8 && self.first.columns.iter().all(number)
    }

    /// Whether dates in the column called `name` do not begin with the year.
    pub fn is_year_last(&self, name: &str) -> bool {
        self.first.columns.iter().any(|cells| cells.name == name && cells.year_last)
    }

    /// Whether it has dates and numbers, and no text.
    pub fn is_series(&self, options: &InspectOptions) -> bool {
        let dates = options.date.is_some() || self.date().is_some();
        let numbers = self.first.columns.iter().any(|cells| matches!(cells.kind, Kind::Number(..)));
        let text = options.text.is_some()
            || self.first.columns.iter().any(|cells| cells.may_be_text() && cells.words >= 1.5);
        dates && numbers && !text
    }

    /// The first column of dates; `None` where numbers only resemble dates.
    fn date(&self) -> Option<usize> {
        let by_kind = |kind: Kind| self.first.columns.iter().position(|cells| cells.kind == kind);
        let named = || {
            let at = known_index(&self.first.names(), DATE_NAMES)?;
            self.first.columns.get(at).filter(|cells| matches!(cells.kind, Kind::Number(..))).map(|_| at)
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
        options: &InspectOptions,
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
                .first
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
        for (at, role) in self.roles.iter_mut().enumerate() {
            *role = if at == date {
                "date"
            } else if values.contains(&at) {
                "values"
            } else {
                ""
            };
        }
        if !self.first.header {
            return Ok(Err("the first row must name the columns: a series goes by their names".into()));
        }
        let named = |at: &usize| self.first.columns.get(*at).map(|cells| cells.name.clone());
        Ok(Ok((named(&date).unwrap_or_default(), values.iter().filter_map(named).collect())))
    }

    /// Sets the columns of text and label in `spec`, and their roles; in words what is missing.
    ///
    /// # Errors
    /// When a column that is set is not there.
    pub fn texts(
        &mut self,
        spec: LabelledSpec,
        options: &InspectOptions,
    ) -> Result<Result<LabelledSpec, String>, DataError> {
        let path = &spec.path;
        let text = self.wanted(path, "text", options.text.as_ref())?;
        let label = self.wanted(path, "label", options.label.as_ref())?;
        let Choice { text, labels } = match self.first.choose(text, label) {
            Ok(choice) => choice,
            Err(doubt) => {
                let verb = if doubt.is_ambiguous() { "selects one" } else { "names it" };
                return Ok(Err(format!("{doubt}: --{} COLUMN {verb}", doubt.setting())));
            }
        };
        let mut spec = LabelledSpec { text: Some(self.first.column(text)), ..spec };
        match &labels {
            Labels::Column(label) => {
                spec.label = Some(self.first.column(*label));
                spec.set_multi_label(self.first.columns.get(*label).and_then(|column| column.multi_label));
            }
            Labels::Indicators(labels) => {
                spec.label_columns = labels.iter().map(|label| self.first.column(*label)).collect();
            }
        }
        for (at, role) in self.roles.iter_mut().enumerate() {
            *role = match &labels {
                _ if at == text => "text",
                Labels::Column(label) if *label == at && spec.multi_label => "labels",
                Labels::Column(label) if *label == at => "label",
                Labels::Indicators(labels) if labels.contains(&at) => "labels",
                Labels::Column(_) | Labels::Indicators(_) => "",
            };
        }
        Ok(Ok(spec))
    }
}

/// Why a column has its role, or what it holds.
fn why(column: &ColumnStatistics, role: &str) -> String {
    let different = |n: usize| number::counted(n, "different value");
    match column.kind {
        Kind::Empty => "nothing".into(),
        Kind::Date => "dates".into(),
        Kind::OtherDate => "dates in another form than 1949-01-31 or 31.01.1949".into(),
        _ if role == "labels" && column.indicator.is_some() => "0 or 1".into(),
        _ if role == "labels" && column.multi_label == Some(MultiLabel::List) => {
            "lists, several at once".into()
        }
        _ if role == "labels" => format!("{}, several at once", different(column.distinct)),
        Kind::Nested => "lists or objects".into(),
        Kind::Number(..) if role == "label" => different(column.distinct),
        Kind::Number(least, greatest, _) => {
            format!("numbers from {} to {}", amount(least), amount(greatest))
        }
        Kind::Words if role == "label" || column.distinct * 2 <= column.filled => different(column.distinct),
        Kind::Words if column.words < 1.5 => format!("a word, {:.0} characters", column.characters),
        Kind::Words => format!("{:.0} words on average", column.words),
    }
}

/// A number in few characters: `104`, `0.25`.
fn amount(x: f64) -> String {
    if x == x.trunc() && x.abs() < 1e9 { format!("{x:.0}") } else { number::metric(x) }
}

#[cfg(test)]
mod tests;

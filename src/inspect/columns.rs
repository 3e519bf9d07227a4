//! The columns of a table, or keys of JSON lines: which are text, label, date and numbers, and why.

use std::path::Path;

use serde_json::{Map, Value};

use super::InspectOptions;
use super::start::Start;
use crate::data::Column;
use crate::data::columns::{
    Choice, ColumnError, ColumnSettings, ColumnStatistics, DATE_NAMES, FirstRows, Kind, LABEL_NAMES, Labels,
    MultiLabel, SAMPLE_ROWS, TEXT_NAMES, known_index,
};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::encoding::Encoding;
use crate::data::files::open;
use crate::data::files::sniff::{self, Sample};
use crate::data::sources::labelled::LabelledSpec;
use crate::data::sources::series::parts::DatePart;
use crate::number;
use crate::protocol::ColumnFound;

/// The columns of a series.
#[derive(Debug)]
pub(crate) struct SeriesColumns {
    pub date: Vec<Column>,
    pub values: Vec<Column>,
    /// The indices of the values.
    pub places: Vec<usize>,
}

/// The first rows with a role for each column.
#[derive(Debug, Clone)]
pub(crate) struct TableSample {
    first: FirstRows,
    /// `text`, `label`, `labels`, `date`, `values` or nothing, by column.
    roles: Vec<&'static str>,
    /// The line of the first row.
    line: u64,
    /// Whether these are all rows of the file.
    whole: bool,
    /// The number of rows of which these are some, without the header.
    rows: usize,
    /// Whether more rows follow those.
    pub more: bool,
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
        let rows = sample.total - usize::from(first.header);
        Ok(Self { rows, more: sample.more, ..Self::new(first, *line, sample.whole) })
    }

    fn new(first: FirstRows, line: u64, whole: bool) -> Self {
        let roles = vec![""; first.columns.len()];
        Self { roles, line, whole, rows: first.rows, more: !whole, first }
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
        if !start.head.more && objects.len() < SAMPLE_ROWS {
            return Ok(Self::new(FirstRows::of_objects(&objects), 1, true));
        }
        let (lines, rows, more) = sniff::spread_lines(open::text(path, None)?);
        let spread: Vec<Map<String, Value>> =
            lines.iter().filter_map(|line| serde_json::from_str(&encoding.lossy(line)).ok()).collect();
        let objects = if spread.is_empty() { objects } else { spread };
        Ok(Self { rows, more, ..Self::new(FirstRows::of_objects(&objects), 1, false) })
    }

    /// The columns for people.
    pub fn found(&self) -> Vec<ColumnFound> {
        let columns = self.first.columns.iter().zip(&self.roles);
        let found = |(column, role): (&ColumnStatistics, &&'static str)| ColumnFound {
            name: column.name.clone(),
            role: (*role).into(),
            why: why(column, role, (!self.whole).then_some(self.first.rows)),
        };
        columns.map(found).collect()
    }

    /// Whether the first row is a header.
    pub fn has_header(&self) -> bool {
        self.first.header
    }

    /// The number of rows, without the header.
    pub fn rows(&self) -> usize {
        self.rows
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

    /// Whether it has dates and numbers, and no text.
    pub fn is_series(&self, options: &InspectOptions) -> bool {
        let date = self.date();
        let dates = options.date.is_some() || !date.is_empty();
        let numbers = self.numbers(&date).next().is_some();
        let is_date = |at: &usize| date.contains(at);
        let mut columns = self.first.columns.iter().zip(0..);
        let text = options.text.is_some()
            || columns.any(|(cells, at)| !is_date(&at) && cells.may_be_text() && cells.words >= 1.5);
        dates && numbers && !text
    }

    /// The columns of numbers but those of the date.
    fn numbers<'a>(&'a self, date: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        let columns = self.first.columns.iter().zip(0..);
        let numbers =
            columns.filter(|(cells, at)| !date.contains(at) && matches!(cells.kind, Kind::Number(..)));
        numbers.map(|(_, at)| at)
    }

    /// The columns of the date: one of dates, with a time or an hour beside it where dates recur; or year and month, quarter or week, by
    /// their names; or numbers with the name of dates.
    fn date(&self) -> Vec<usize> {
        let columns = || self.first.columns.iter().zip(0_usize..);
        let names = self.first.names();
        let part =
            |at: usize| names.get(at).filter(|_| self.first.header).and_then(|name| DatePart::of_name(name));
        let has = |at: usize, part: DatePart| {
            self.first.columns.get(at).is_some_and(|cells| match cells.kind {
                Kind::Number(least, greatest, true) => part.has(least) && part.has(greatest),
                Kind::Words => part == DatePart::Month || part == DatePart::Quarter || cells.is_time,
                _ => false,
            })
        };
        let of_part = |wanted: DatePart| {
            columns().map(|(_, at)| at).find(|at| part(*at) == Some(wanted) && has(*at, wanted))
        };
        if let Some((cells, day)) = columns().find(|(cells, _)| cells.kind == Kind::Date) {
            let time = columns().find(|(cells, _)| cells.is_time && cells.filled > 0).map(|(_, at)| at);
            let clock = [DatePart::Hour, DatePart::Minute, DatePart::Second]
                .map(of_part)
                .into_iter()
                .map_while(|at| at);
            let clock: Vec<usize> = time.map_or_else(|| clock.collect(), |time| vec![time]);
            let recurs = cells.distinct < cells.filled;
            return [vec![day], clock].into_iter().take(if recurs { 2 } else { 1 }).flatten().collect();
        }
        let year = of_part(DatePart::Year);
        let below = [DatePart::Month, DatePart::Quarter, DatePart::Half, DatePart::Week, DatePart::DayOfYear];
        let below = below.into_iter().find_map(|part| Some((part, of_part(part)?)));
        if let (Some(year), Some((part, below))) = (year, below) {
            let rest = [DatePart::Day, DatePart::Hour, DatePart::Minute, DatePart::Second].map(of_part);
            let rest = rest.into_iter().map_while(|at| at);
            let rest: Vec<usize> = match part {
                DatePart::Month => rest.collect(),
                DatePart::DayOfYear => of_part(DatePart::Hour).into_iter().collect(),
                _ => Vec::new(),
            };
            return [vec![year, below], rest].concat();
        }
        let other = columns().find(|(cells, _)| cells.kind == Kind::OtherDate).map(|(_, at)| at);
        let named = || {
            let at = known_index(&names, DATE_NAMES)?;
            self.first.columns.get(at).filter(|cells| matches!(cells.kind, Kind::Number(..))).map(|_| at)
        };
        other.or_else(named).or_else(|| self.unknown_dates()).into_iter().collect()
    }

    /// The column of dates in a form that is not known: beside numbers alone one that is called as dates are, or whose words are numbers
    /// with a word.
    fn unknown_dates(&self) -> Option<usize> {
        let first = self.first.first_row();
        let is_known = |known| known_index(&first, known).is_some();
        if !self.first.header || is_known(TEXT_NAMES) || is_known(LABEL_NAMES) {
            return None;
        }
        let mut words = self
            .first
            .columns
            .iter()
            .zip(0..)
            .filter(|(cells, _)| !matches!(cells.kind, Kind::Number(..) | Kind::Empty));
        let (cells, at) = words.next().filter(|(cells, _)| cells.kind == Kind::Words)?;
        let named = || known_index(&first, DATE_NAMES) == Some(at);
        let numbered = || cells.may_be_text() && cells.is_numbered;
        (words.next().is_none() && (named() || numbered())).then_some(at)
    }

    /// The columns that `text` names: one of this name or number, or several with commas between them.
    fn listed(&self, path: &Path, field: &str, text: &str) -> Result<Vec<usize>, DataError> {
        let names = self.first.first_row();
        let whole = Column::parse(text);
        if whole.index(&names).is_ok() || !text.contains(',') {
            return Ok(self.wanted(path, field, Some(&whole))?.into_iter().collect());
        }
        let mut all = Vec::new();
        for part in text.split(',') {
            all.extend(self.wanted(path, field, Some(&Column::parse(part.trim())))?);
        }
        Ok(all)
    }

    /// The columns of the date and those with numbers, which get these roles; in words what is wanting.
    ///
    /// # Errors
    /// When a column that somebody named is not there.
    pub fn dates_and_values(
        &mut self,
        path: &Path,
        options: &InspectOptions,
    ) -> Result<Result<SeriesColumns, String>, DataError> {
        let date = match &options.date {
            Some(date) => self.listed(path, "date", date)?,
            None => self.date(),
        };
        let mut values = Vec::new();
        for value in &options.values {
            values.extend(self.wanted(path, "values", Some(&Column::parse(value)))?);
        }
        if values.is_empty() {
            values = self.numbers(&date).collect();
            // A number of the row says nothing beside others.
            let counts = |at: &usize| self.first.columns.get(*at).is_some_and(|cells| cells.is_counter);
            if !values.iter().all(counts) {
                values.retain(|at| !counts(at) || !self.is_index(*at));
            }
        }
        if date.is_empty() {
            return Ok(Err(
                "no column looks like dates: --date COLUMN names it, or --date year,month,day".into()
            ));
        }
        if values.is_empty() {
            return Ok(Err("no column has numbers: --values COLUMN,… names those that are forecast".into()));
        }
        for (at, role) in self.roles.iter_mut().enumerate() {
            *role = if date.contains(&at) {
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
        let columns = |all: &[usize]| all.iter().map(|at| self.first.column(*at)).collect();
        Ok(Ok(SeriesColumns { date: columns(&date), values: columns(&values), places: values }))
    }

    /// Whether a column is called as the number of a row is.
    fn is_index(&self, at: usize) -> bool {
        let name = self.first.first_row().get(at).map(|name| name.to_lowercase()).unwrap_or_default();
        matches!(name.as_str(), "" | "index" | "id" | "no" | "nr" | "row" | "unnamed: 0")
    }

    /// The columns of 0 and 1 that `label` names with commas between them; `None` where it names one column.
    ///
    /// # Errors
    /// When one of them is not there, or has other values.
    fn label_columns(&self, path: &Path, label: Option<&Column>) -> Result<Option<Vec<usize>>, DataError> {
        let Some(Column::Name(text)) = label else { return Ok(None) };
        let all = self.listed(path, "label", text)?;
        if all.len() < 2 {
            return Ok(None);
        }
        let other =
            all.iter().filter_map(|at| self.first.columns.get(*at)).find(|cells| cells.indicator.is_none());
        match other {
            Some(cells) => {
                let found = format!("other values than 0 and 1 in the column {}", quoted(&cells.name));
                let expected = "columns of 0 and 1 for several labels, or one column (--label names it)";
                Err(DataError::content(path, Some(self.line), found, expected))
            }
            None => Ok(Some(all)),
        }
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
        let several = self.label_columns(path, options.label.as_ref())?;
        let label = match &several {
            Some(all) => all.first().copied(),
            None => self.wanted(path, "label", options.label.as_ref())?,
        };
        let choice = match (several, self.first.choose(text, label)) {
            (Some(all), Ok(choice)) => Ok(Choice { labels: Labels::Indicators(all), ..choice }),
            (_, choice) => choice,
        };
        let Choice { text, labels } = match choice {
            Ok(choice) => choice,
            Err(doubt) => {
                let verb = if doubt.is_ambiguous() { "selects one" } else { "names it" };
                let several = match self.first.indicators(&doubt).as_slice() {
                    [] | [_] => String::new(),
                    all => format!(", --label {} several at once", all.join(",")),
                };
                return Ok(Err(format!("{doubt}: --{} COLUMN {verb}{several}", doubt.setting())));
            }
        };
        if let Labels::Column(at) = labels
            && let Some(column) = self.first.columns.get(at).filter(|column| column.is_other_lists)
        {
            return Ok(Err(format!(
                "the column {} has lists or objects, such as [0, 1, 0], that do not name labels: lists of names such as ['a', 'b'] do, or a \
                 column of 0 and 1 a label (--label a,b,c)",
                quoted(&column.name)
            )));
        }
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
///
/// What was counted in `some` rows alone is not said of the file.
fn why(column: &ColumnStatistics, role: &str, some: Option<usize>) -> String {
    let of = some.map_or_else(String::new, |rows| format!(" in {} rows", number::count(rows as u64)));
    let different = |n: usize| number::counted(n, "different value") + &of;
    match column.kind {
        Kind::Empty => "nothing".into(),
        Kind::Date => "dates".into(),
        Kind::OtherDate => "dates in another form than 1949-01-31 or 31.01.1949, the year in full".into(),
        Kind::Words if role == "date" && column.may_be_text() => "dates in a form that is not known".into(),
        _ if role == "date" => "a part of the date".into(),
        _ if role == "labels" && column.indicator.is_some() => "0 or 1".into(),
        _ if role == "labels" && column.multi_label == Some(MultiLabel::List) => {
            "lists, several at once".into()
        }
        _ if role == "labels" => format!("{}, several at once", different(column.distinct)),
        Kind::Nested => "lists or objects".into(),
        Kind::Number(..) if role == "label" => different(column.distinct),
        Kind::Number(least, greatest, _) => {
            format!("{}{of}", range(least, greatest))
        }
        Kind::Words if role == "label" || column.distinct * 2 <= column.filled => different(column.distinct),
        Kind::Words if column.words < 1.5 => format!("a word, {:.0} characters", column.characters),
        Kind::Words => format!("{:.0} words on average", column.words),
    }
}

/// The range of the numbers of a column, both with the same decimals: `from -27.0 to 215.1`.
pub(super) fn range(least: f64, greatest: f64) -> String {
    let ends = [least, greatest].map(number::value);
    let is_decimal = |text: &String| text.chars().all(|c| c.is_ascii_digit() || "-.".contains(c));
    let decimals = |text: &String| text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let most = ends.iter().map(decimals).max().unwrap_or(0);
    match ends.iter().all(is_decimal) {
        true => format!("numbers from {least:.most$} to {greatest:.most$}"),
        false => format!("numbers from {} to {}", ends[0], ends[1]),
    }
}

#[cfg(test)]
mod tests;

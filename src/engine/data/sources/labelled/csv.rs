//! `format: csv`: a table in which one column holds the text, one the label.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use crate::data::columns::{self, Choice, Column, ColumnError, FirstRows, TEXT_NAMES, known_index};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::encoding::{Encoding, TextError};
use crate::data::files::open;
use crate::data::files::rows::{Row, RowError, Rows};
use crate::data::files::sniff::{self, HEAD, Head, LayoutSettings, Sample};
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::LabelledSpec;
use crate::data::text::label_set;
use crate::data::text::text_sink::Sink;
use crate::number;

/// How to read one file.
#[derive(Debug, Clone, Copy)]
pub struct CsvFile<'a>(pub &'a LabelledSpec);

/// Advice where a table has too few or wrong columns.
const DELIMITER: &str = "data.delimiter sets the character between columns";

/// The columns of text and labels, by their indices.
#[derive(Debug)]
pub struct Columns {
    /// The column of the text.
    pub text: usize,
    /// The columns of the labels.
    pub label: Labels,
    count: usize,
    /// Whether the first row is a header.
    pub header: bool,
}

/// The columns with the labels, by their indices.
#[derive(Debug)]
pub enum Labels {
    /// One column.
    Column(usize),
    /// A column of 0 and 1 per label, with its name.
    Indicators(Vec<(usize, String)>),
}

impl CsvFile<'_> {
    /// Adds every row; tells `report` how far it is.
    pub fn read(&self, into: &mut dyn Sink, report: &ProgressSender) -> Result<(), DataError> {
        let Self(spec) = self;
        let path = spec.path.as_path();
        let mut text = open::text(path, spec.needs.as_deref())?;
        // An error at the end of a broken archive is reported where rows reach it.
        let (head, failed) = Head::read(&mut text, HEAD);
        let sample = self.sample(&head);
        let columns = match self.are_columns_set() {
            true => self.columns(&sample)?,
            false => self.columns(&self.spread(sample.clone())?)?,
        };
        let next = Cursor::new(head.next.into_iter().collect::<Vec<u8>>());
        let rest = Cursor::new(head.bytes).chain(next).chain(failing(failed)).chain(text);
        let mut rows = Rows::with_escape(
            std::io::BufReader::new(rest),
            sample.delimiter,
            sample.quoting,
            sample.escaped,
        );
        if columns.header {
            rows.next().map_err(|error| self.broken(error))?;
        }
        let mut first_bad = None;
        while let Some(row) = rows.next().map_err(|error| self.broken(error))? {
            match columns.text_and_label(&row, spec) {
                Ok((text, label)) => {
                    into.push(&text, &label, path, Some(row.line))?;
                    report.texts(path, into.texts());
                }
                Err(bad) if spec.skip_bad_rows => {
                    into.skip();
                    first_bad.get_or_insert((row.line, bad));
                }
                Err(TextError { lines, found, expected }) => {
                    let expected = format!("{expected} (skip_bad_rows: true leaves such rows out)");
                    return Err(self.wrong(Some(row.line + lines), found, expected));
                }
            }
        }
        match first_bad {
            _ if into.texts() > 0 => Ok(()),
            Some((line, TextError { lines, found, expected })) => {
                let skipped = number::count(into.skipped() as u64);
                Err(self.wrong(
                    Some(line + lines),
                    format!("{found}, and no good row in {skipped}"),
                    expected,
                ))
            }
            None => Err(self.wrong(None, "a header and no rows", "a row per text")),
        }
    }

    /// The first rows, in the layout that is set or found.
    pub fn sample(&self, head: &Head) -> Sample {
        let Self(spec) = self;
        let settings = LayoutSettings { delimiter: spec.delimiter, quoting: spec.quoting };
        sniff::best(head, settings, |first| {
            let names: Vec<Cow<'_, str>> =
                first.iter().filter_map(|name| spec.encoding.decode(name).ok()).collect();
            let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
            spec.column_settings().are_named(&names)
        })
    }

    /// The rows of `sample`, or some that are spread over the file if it has more.
    pub fn spread(&self, sample: Sample) -> Result<Sample, DataError> {
        Ok(sample.spread(open::text(&self.0.path, self.0.needs.as_deref())?))
    }

    /// Whether the settings name all columns, so that none is chosen by its content.
    fn are_columns_set(&self) -> bool {
        let Self(spec) = self;
        spec.header.is_some()
            && spec.text.is_some()
            && (spec.label.is_some() || !spec.label_columns.is_empty())
    }

    /// The columns of text and labels: those that are set, else chosen from these rows.
    pub fn columns(&self, sample: &Sample) -> Result<Columns, DataError> {
        let Self(spec) = self;
        let Some((line, first)) = sample.rows.first() else {
            let name = |column: &Option<Column>, usual: &str| match column {
                Some(Column::Name(name)) => quoted(name),
                _ => quoted(usual),
            };
            let (text, label) = (name(&spec.text, "text"), name(&spec.label, "label"));
            let expected = format!("a header with the columns {text} and {label}");
            return Err(self.wrong(None, "an empty file", expected));
        };
        if first.iter().any(|name| spec.encoding.decode(name).is_err()) {
            let (expected, found) = match spec.encoding {
                Encoding::Utf8 => (Encoding::advice(&first.join(&b'\n')), "UTF-8".to_owned()),
                other => (format!("text as {other} has it"), other.to_string()),
            };
            return Err(self.wrong(Some(*line), format!("a first row that is not {found}"), expected));
        }
        let rows = FirstRows::of_table(&sample.decoded(spec.encoding), &spec.column_settings());
        let Some(rows) = rows else { return Err(self.wrong(None, "no row", "a row per text")) };
        let names = rows.first_row();
        if !spec.label_columns.is_empty() {
            return self.indicators(&rows, &names, *line);
        }
        let text = self.index("text", spec.text.as_ref(), *line, &names)?;
        let label = self.index("label", spec.label.as_ref(), *line, &names)?;
        let chosen = rows.choose(text, label);
        let one_label = chosen.as_ref().ok().and_then(Choice::text_and_label);
        if let Some((text, label)) = one_label.or_else(|| rows.guess(text, label)) {
            let (label, count) = (Labels::Column(label), names.len());
            return Ok(Columns { text, label, count, header: rows.header });
        }
        let all = listed(names.iter().copied());
        let name_two = "data.text and data.label to name two of them (a name, or a number from 1)";
        let (found, expected) = match chosen {
            Ok(Choice { labels: columns::Labels::Indicators(labels), .. }) => {
                let labels: Vec<&str> = labels.iter().filter_map(|at| names.get(*at).copied()).collect();
                let found =
                    format!("the columns {} of 0 and 1, several labels at once", listed(labels.into_iter()));
                let expected =
                    "data.label_columns to name them, as `unrolled new` writes it, or data.label to name one";
                (found, expected.to_owned())
            }
            Err(doubt) if rows.header && names.len() > 1 => {
                (format!("the columns {all}, of which {}", doubt.brief()), format!("{name_two}; {DELIMITER}"))
            }
            _ if names.len() == 1 => (format!("one column, {all}"), format!("{name_two}; {DELIMITER}")),
            _ => (format!("the columns {all}"), format!("{name_two}; {DELIMITER}")),
        };
        Err(self.wrong(Some(*line), found, expected))
    }

    /// The columns of text and labels, where the spec names a column of 0 and 1 per label.
    fn indicators(&self, rows: &FirstRows, names: &[&str], line: u64) -> Result<Columns, DataError> {
        let Self(spec) = self;
        let header = rows.header;
        let mut labels = Vec::new();
        for column in &spec.label_columns {
            let Some(at) = self.index("label_columns", Some(column), line, names)? else { continue };
            // A column without a name has its number, as elsewhere.
            let named = names.get(at).filter(|name| header && !name.is_empty());
            let name = named.map_or_else(|| (at + 1).to_string(), |name| (*name).to_owned());
            labels.push((at, name));
        }
        let known = known_index(names, TEXT_NAMES).filter(|_| header);
        let mut others = (0..names.len()).filter(|at| labels.iter().all(|(label, _)| label != at));
        let alone = others.next().filter(|_| others.next().is_none());
        let label = labels.first().map(|(at, _)| *at);
        let by_content = || rows.choose(None, label).ok().map(|choice| choice.text);
        match self.index("text", spec.text.as_ref(), line, names)?.or(known).or(alone).or_else(by_content) {
            Some(text) => Ok(Columns { text, label: Labels::Indicators(labels), count: names.len(), header }),
            None => {
                let found = format!("the columns {}", listed(names.iter().copied()));
                Err(self.wrong(Some(line), found, "data.text to name the one with the text"))
            }
        }
    }

    /// The index of a column that is set; `None` where it is not.
    fn index(
        &self,
        field: &str,
        column: Option<&Column>,
        line: u64,
        names: &[&str],
    ) -> Result<Option<usize>, DataError> {
        let Some(column) = column else { return Ok(None) };
        let (found, expected) = match (column.index(names), column) {
            (Ok(at), _) => return Ok(Some(at)),
            (Err(_), Column::Number(number)) => {
                (columns(names.len()), format!("{number} or more (`data.{field}` is {number})"))
            }
            (Err(ColumnError::Ambiguous { .. }), Column::Name(name)) => {
                (format!("two columns {}", quoted(name)), "a name of its own for every column".to_owned())
            }
            (Err(ColumnError::Missing), Column::Name(name)) => (
                format!("the columns {}", listed(names.iter().copied())),
                format!("a column {} (`{field}` names another one)", quoted(name)),
            ),
        };
        Err(self.wrong(Some(line), found, expected))
    }

    /// Nothing after this can be read, whatever `skip_bad_rows` says.
    fn broken(&self, error: RowError) -> DataError {
        let (line, found, expected) = match error {
            RowError::OpenQuote(line) => (
                line,
                "a quote that is never closed",
                "a second quote (\") before the file ends, or data.quoting: false",
            ),
            RowError::TooLong(line) => {
                (line, "a row that does not end", "rows of less than 16 MiB and 65,536 fields")
            }
            RowError::Read(line, error) => return open::broken(&self.0.path, line, error),
        };
        self.wrong(Some(line), found, expected)
    }

    fn wrong(&self, line: Option<u64>, found: impl Into<String>, expected: impl Into<String>) -> DataError {
        DataError::content(&self.0.path, line, found, expected)
    }
}

impl Columns {
    fn text_and_label<'r>(
        &self,
        row: &'r Row<'_>,
        spec: &LabelledSpec,
    ) -> Result<(Cow<'r, str>, String), TextError> {
        if row.len() != self.count {
            let like = if self.header { "as in the header" } else { "as in the first row" };
            let quotes =
                if row.len() > self.count { "; a text with the delimiter in it must be quoted" } else { "" };
            let expected = format!("{} {like}{quotes}", fields(self.count));
            return Err(TextError { lines: 0, found: fields(row.len()), expected: expected.into() });
        }
        // Of the whole row, so that the place told is that in the file.
        spec.encoding.decode(row.raw)?;
        let field = |at| spec.encoding.decode(row.field(at).unwrap_or_default());
        let text = field(self.text)?;
        let label = match &self.label {
            Labels::Column(label) => spec.label_of(&field(*label)?)?,
            Labels::Indicators(labels) => {
                let marked = labels.iter().map(|(at, name)| {
                    let marked = label_set::is_marked(name, &field(*at)?)?;
                    Ok(marked.then_some(name.as_str()))
                });
                label_set::join(marked.collect::<Result<Vec<_>, TextError>>()?.into_iter().flatten())
            }
        };
        Ok((text, label))
    }
}

/// A stream that gives nothing, or `error`.
fn failing(error: Option<std::io::Error>) -> impl Read {
    struct Failing(Option<std::io::Error>);

    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            self.0.take().map_or(Ok(0), Err)
        }
    }

    Failing(error)
}

fn fields(count: usize) -> String {
    format!("{} field{}", number::count(count as u64), if count == 1 { "" } else { "s" })
}

fn columns(count: usize) -> String {
    format!("{} column{}", number::count(count as u64), if count == 1 { "" } else { "s" })
}

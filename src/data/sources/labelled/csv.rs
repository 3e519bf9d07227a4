//! `format: csv`: a table in which one column holds the text, one the label.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::encoding::{BadText, Encoding};
use crate::data::files::open;
use crate::data::files::rows::{Row, RowError, Rows};
use crate::data::files::sniff::{HEAD, Sample, best};
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::{Column, LABEL_NAMES, LabelledSpec, TEXT_NAMES, known_name};
use crate::data::text::label_set;
use crate::data::text::text_sink::Sink;
use crate::number;

/// How to read one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CsvFile<'a>(pub &'a LabelledSpec);

/// Where the two columns stand in every row.
struct Columns {
    text: usize,
    label: Labels,
    count: usize,
    /// Whether the first row names them.
    header: bool,
}

/// Where the labels stand in every row.
enum Labels {
    /// In one column.
    Column(usize),
    /// Each in a column of its own, 0 or 1, with its name.
    Marks(Vec<(usize, String)>),
}

impl CsvFile<'_> {
    /// Adds every row; tells `report` how far it is.
    pub fn read(&self, into: &mut dyn Sink, report: &ProgressSender) -> Result<(), DataError> {
        let Self(spec) = self;
        let path = spec.path.as_path();
        let mut text = open::text(path, spec.needs.as_deref())?;
        let (mut head, mut failed) = (Vec::new(), None);
        // What is wrong with the end of the archive is told where rows meet it.
        if let Err(error) = (&mut text).take(HEAD as u64).read_to_end(&mut head) {
            failed = Some(error);
        }
        let whole = head.len() < HEAD && failed.is_none();
        let sample = best(&head, whole, spec);
        let columns = self.columns(&sample)?;
        let rest = Cursor::new(head).chain(failing(failed)).chain(text);
        let mut rows = Rows::new(std::io::BufReader::new(rest), sample.delimiter, sample.quoting);
        if columns.header {
            rows.next().map_err(|error| self.broken(error))?;
        }
        let mut first_bad = None;
        while let Some(row) = rows.next().map_err(|error| self.broken(error))? {
            match columns.text_and_label(&row, spec) {
                Ok((text, label)) => {
                    into.push(&text, &label, path, Some(row.line))?;
                    report.texts(path, into.len());
                }
                Err(bad) if spec.skip_bad_rows => {
                    into.skip();
                    first_bad.get_or_insert((row.line, bad));
                }
                Err(BadText { lines, found, expected }) => {
                    let expected = format!("{expected} (skip_bad_rows: true leaves such rows out)");
                    return Err(self.wrong(Some(row.line + lines), found, expected));
                }
            }
        }
        match first_bad {
            _ if into.len() > 0 => Ok(()),
            Some((line, BadText { lines, found, expected })) => {
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

    /// Where text and label stand, by what the spec says and the first rows show.
    fn columns(&self, sample: &Sample) -> Result<Columns, DataError> {
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
        let names: Option<Vec<Cow<'_, str>>> =
            first.iter().map(|name| spec.encoding.decode(name).ok()).collect();
        let Some(names) = names else {
            let (expected, found) = match spec.encoding {
                Encoding::Utf8 => (Encoding::advice(&first.join(&b'\n')), "UTF-8".to_owned()),
                other => (format!("text as {other} has it"), other.to_string()),
            };
            return Err(self.wrong(Some(*line), format!("a first row that is not {found}"), expected));
        };
        let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
        let known = known_name(&names, TEXT_NAMES).zip(known_name(&names, LABEL_NAMES));
        let by_name = |column: &Option<Column>| matches!(column, Some(Column::Name(_)));
        let named = by_name(&spec.text) || by_name(&spec.label);
        let by_content = || {
            let text = self.place("text", spec.text.as_ref(), None, *line, &names);
            let label = self.place("label", spec.label.as_ref(), None, *line, &names);
            match (text, label) {
                (Ok(Some(text)), Ok(Some(label))) => Ok((text, label)),
                (Ok(None), Ok(Some(label))) if names.len() == 2 => Ok((1 - label.min(1), label)),
                (Ok(Some(text)), Ok(None)) if names.len() == 2 => Ok((text, 1 - text.min(1))),
                (Ok(None), Ok(None)) if names.len() == 2 => {
                    let label = sample.fewest_values();
                    Ok((1 - label.min(1), label))
                }
                (Err(error), _) | (_, Err(error)) => Err(error),
                _ => {
                    let found = match names.len() {
                        1 => format!("one column, {}", listed(names.iter().copied())),
                        _ => format!("the columns {}", listed(names.iter().copied())),
                    };
                    let expected = "data.text and data.label to name two of them (a name, or a number from 1); \
                                    data.delimiter says what stands between columns";
                    Err(self.wrong(Some(*line), found, expected))
                }
            }
        };
        if !spec.label_columns.is_empty() {
            return self.marks(&names, *line);
        }
        let header = spec.header.unwrap_or(named || known.is_some());
        if header {
            let known = known.filter(|_| spec.text.is_none() || spec.label.is_none());
            let text = self.place("text", spec.text.as_ref(), known.map(|(text, _)| text), *line, &names)?;
            let label =
                self.place("label", spec.label.as_ref(), known.map(|(_, label)| label), *line, &names)?;
            if let (Some(text), Some(label)) = (text, label) {
                return Ok(Columns { text, label: Labels::Column(label), count: names.len(), header });
            }
        }
        let (text, label) = by_content()?;
        // A label that comes again is no column's name.
        let header = spec.header.unwrap_or(named || !sample.comes_again(label));
        Ok(Columns { text, label: Labels::Column(label), count: names.len(), header })
    }

    /// Where the text stands, and the columns of 0 and 1 that the spec names; `names` are those of the first row.
    fn marks(&self, names: &[&str], line: u64) -> Result<Columns, DataError> {
        let Self(spec) = self;
        let by_name = |column: &Column| matches!(column, Column::Name(_));
        let header = spec.header.unwrap_or_else(|| {
            let mut all = spec.label_columns.iter().chain(&spec.text);
            all.any(by_name) || known_name(names, TEXT_NAMES).is_some()
        });
        let mut marks = Vec::new();
        for column in &spec.label_columns {
            let Some(at) = self.place("label_columns", Some(column), None, line, names)? else { continue };
            let name =
                names.get(at).filter(|_| header).map_or_else(|| (at + 1).to_string(), |n| (*n).to_owned());
            marks.push((at, name));
        }
        let known = known_name(names, TEXT_NAMES).filter(|_| header);
        let mut others = (0..names.len()).filter(|at| marks.iter().all(|(mark, _)| mark != at));
        let alone = others.next().filter(|_| others.next().is_none());
        match self.place("text", spec.text.as_ref(), known, line, names)?.or(alone) {
            Some(text) => Ok(Columns { text, label: Labels::Marks(marks), count: names.len(), header }),
            None => {
                let found = format!("the columns {}", listed(names.iter().copied()));
                Err(self.wrong(Some(line), found, "data.text to name the one with the text"))
            }
        }
    }

    /// The place of a column: as it is `wanted`, else of the one called `known`; `None` where neither is said.
    fn place(
        &self,
        field: &str,
        wanted: Option<&Column>,
        known: Option<&str>,
        line: u64,
        names: &[&str],
    ) -> Result<Option<usize>, DataError> {
        let wanted = match wanted {
            Some(Column::Number(number)) if (1..=names.len()).contains(number) => {
                return Ok(Some(number - 1));
            }
            Some(Column::Number(number)) => {
                let expected = format!("{number} or more (`data.{field}` is {number})");
                return Err(self.wrong(Some(line), columns(names.len()), expected));
            }
            Some(Column::Name(name)) => name.as_str(),
            None => match known {
                Some(name) => name,
                None => return Ok(None),
            },
        };
        let mut places = names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(at, _)| at);
        match (places.next(), places.next()) {
            (Some(at), None) => Ok(Some(at)),
            (Some(_), Some(_)) => Err(self.wrong(
                Some(line),
                format!("two columns {}", quoted(wanted)),
                "a name of its own for every column",
            )),
            (None, _) => Err(self.wrong(
                Some(line),
                format!("the columns {}", listed(names.iter().copied())),
                format!("a column {} (`{field}` names another one)", quoted(wanted)),
            )),
        }
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
    ) -> Result<(Cow<'r, str>, String), BadText> {
        if row.len() != self.count {
            let like = if self.header { "as in the header" } else { "as in the first row" };
            let quotes = if row.len() > self.count {
                "; a text with the delimiter in it stands in quotes"
            } else {
                ""
            };
            let expected = format!("{} {like}{quotes}", fields(self.count));
            return Err(BadText { lines: 0, found: fields(row.len()), expected: expected.into() });
        }
        // Of the whole row, so that the place told is that in the file.
        spec.encoding.decode(row.raw)?;
        let field = |at| spec.encoding.decode(row.field(at).unwrap_or_default());
        let text = field(self.text)?;
        let label = match &self.label {
            Labels::Column(label) => spec.label_of(&field(*label)?)?,
            Labels::Marks(marks) => {
                let marked = marks.iter().map(|(at, name)| {
                    let marked = label_set::is_marked(name, &field(*at)?)?;
                    Ok(marked.then_some(name.as_str()))
                });
                label_set::join(marked.collect::<Result<Vec<_>, BadText>>()?.into_iter().flatten())
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

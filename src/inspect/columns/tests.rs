use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::data::columns::{Column, LABEL_NAMES, TEXT_NAMES, known_index};
use crate::data::error::DataError;
use crate::data::files::open;
use crate::data::files::sniff::{HEAD, Head};
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::csv::{Columns, CsvFile, Labels};
use crate::data::sources::labelled::{Format, LabelledSpec};
use crate::data::text::text_sink::Sink;
use crate::inspect::{DetectedData, InspectOptions, Inspection, inspect};

/// What the cells of a column are.
#[derive(Debug, Clone, Copy)]
enum Cells {
    Sentences,
    ShortTexts,
    Names,
    Labels(usize),
    Ratings(usize),
    Numbers,
    Dates,
    Ids,
    Indicators,
    MultiLabels,
    Empty,
}

impl Cells {
    fn cell(self, row: usize, column: usize, seed: usize) -> String {
        let at = (row * 7 + column * 3 + seed + row * row) % 101;
        match self {
            Self::Sentences => format!("it was number {row} of {at} good films that we saw"),
            Self::ShortTexts => format!("film {row} {at}"),
            Self::Names => format!("anna{}", row * 3 + column),
            Self::Labels(classes) => ["pos", "neg", "neutral", "mixed", "other"][at % classes].to_owned(),
            Self::Ratings(classes) => (at % classes).to_string(),
            Self::Numbers => format!("{}.5", row * 3 + at),
            Self::Dates => format!("2024-{:02}-{:02}", row / 28 % 12 + 1, row % 28 + 1),
            Self::Ids => (1000 + row).to_string(),
            Self::Indicators => (at % 2).to_string(),
            Self::MultiLabels => ["a|b", "b", "c|a", "c", "b|c|a"][at % 5].to_owned(),
            Self::Empty => if at < 3 { "rest of a long row" } else { "" }.to_owned(),
        }
    }
}

fn cells() -> impl Strategy<Value = Cells> {
    prop_oneof![
        4 => Just(Cells::Sentences),
        1 => Just(Cells::ShortTexts),
        1 => Just(Cells::Names),
        4 => (2_usize..6).prop_map(Cells::Labels),
        2 => (2_usize..6).prop_map(Cells::Ratings),
        1 => Just(Cells::Numbers),
        1 => Just(Cells::Dates),
        1 => Just(Cells::Ids),
        1 => Just(Cells::Indicators),
        1 => Just(Cells::MultiLabels),
        1 => Just(Cells::Empty),
    ]
}

fn name() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &[
        "text",
        "Review",
        "label",
        "sentiment",
        "rating",
        "date",
        "opinion",
        "verdict",
        "v1",
        "v2",
        "id",
        "",
        "0",
        "1",
        "2019",
        "How did you like the film, all in all?",
    ];
    proptest::sample::select(NAMES).prop_map(str::to_owned)
}

#[derive(Debug, Clone)]
struct Table {
    columns: Vec<(String, Cells)>,
    header: bool,
    rows: usize,
    seed: usize,
    delimiter: char,
}

impl Table {
    fn row(&self, row: usize) -> Vec<String> {
        self.columns.iter().zip(0..).map(|((_, cells), at)| cells.cell(row, at, self.seed)).collect()
    }

    fn csv(&self) -> String {
        let header = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let rows =
            [header].into_iter().filter(|_| self.header).chain((0..self.rows).map(|row| self.row(row)));
        let quoted = |cell: &String| if cell.contains(',') { format!("\"{cell}\"") } else { cell.clone() };
        let line = |row: Vec<String>| {
            row.iter().map(quoted).collect::<Vec<_>>().join(&self.delimiter.to_string()) + "\n"
        };
        rows.map(line).collect()
    }

    fn jsonl(&self) -> String {
        let object = |row: usize| {
            let cells = self.columns.iter().map(|(name, _)| name.clone()).zip(self.row(row));
            let cell =
                |cell: String| cell.parse::<i64>().map_or_else(|_| cell.into(), serde_json::Value::from);
            serde_json::Value::Object(cells.map(|(name, value)| (name, cell(value))).collect()).to_string()
                + "\n"
        };
        (0..self.rows).map(object).collect()
    }
}

prop_compose! {
    fn table()(
        columns in proptest::collection::vec((name(), cells()), 2..=6),
        header: bool,
        rows in 1_usize..40,
        seed in 0_usize..1000,
        delimiter in proptest::sample::select(&[',', ';', '\t', '|'][..]),
    ) -> Table {
        Table { columns, header, rows, seed, delimiter }
    }
}

#[derive(Debug, Default, PartialEq)]
struct Texts(Vec<(String, String)>);

impl Sink for Texts {
    fn push(&mut self, text: &str, label: &str, _: &Path, _: Option<u64>) -> Result<(), DataError> {
        self.0.push((text.to_owned(), label.to_owned()));
        Ok(())
    }

    fn skip(&mut self) {}

    fn texts(&self) -> usize {
        self.0.len()
    }

    fn skipped(&self) -> usize {
        0
    }
}

/// All texts, as training reads them.
fn read(spec: &LabelledSpec) -> Result<Texts, String> {
    let mut texts = Texts::default();
    spec.read_into(&mut texts, &ProgressSender::disconnected()).map_err(|error| error.to_string())?;
    Ok(texts)
}

/// The columns of a table that training reads.
fn columns(spec: &LabelledSpec) -> Result<Columns, String> {
    let (head, _) = Head::read(&mut open::text(&spec.path, None).unwrap(), HEAD);
    let file = CsvFile(spec);
    file.columns(&file.sample(&head)).map_err(|error| error.to_string())
}

fn text_label_header(columns: &Columns) -> (usize, Option<usize>, bool) {
    let label = match columns.label {
        Labels::Column(label) => Some(label),
        Labels::Indicators(_) => None,
    };
    (columns.text, label, columns.header)
}

/// Checks that training with nothing but the path reads what the draft for the file does.
fn check(table: &Table, file: &str, content: &str) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    fs::write(&path, content).unwrap();
    let Ok(Inspection { detected, .. }) = inspect(&path, &InspectOptions::default()) else { return Ok(()) };
    let nothing = LabelledSpec { path, ..LabelledSpec::default() };
    match detected {
        Ok(DetectedData::Texts { spec, .. }) if spec.label_columns.is_empty() => {
            // What is no matter of columns is as in the draft.
            let nothing = LabelledSpec {
                encoding: spec.encoding,
                skip_bad_rows: spec.skip_bad_rows,
                multi_label: spec.multi_label,
                separator: spec.separator,
                ..nothing
            };
            prop_assert_eq!(read(&nothing), read(&spec), "{}", content);
            if spec.format == Some(Format::Csv) {
                let (found, drafted) = (columns(&nothing).unwrap(), columns(&spec).unwrap());
                prop_assert_eq!(text_label_header(&found), text_label_header(&drafted), "{}", content);
                prop_assert_eq!(spec.header, Some(found.header));
            }
        }
        Ok(DetectedData::Texts { spec, .. }) => {
            prop_assert!(read(&spec).is_ok());
            if let Err(error) = read(&nothing) {
                prop_assert!(error.contains("data.label_columns"), "{error}\n{content}");
            }
        }
        Err(doubt) if doubt.contains(" COLUMN ") => {
            let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
            let named =
                known_index(&names, TEXT_NAMES).is_some() && known_index(&names, LABEL_NAMES).is_some();
            // Training guesses there.
            if !named && names.len() > 2 {
                prop_assert!(read(&nothing).is_err(), "{doubt}\n{content}");
            }
        }
        Ok(_) | Err(_) => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn training_reads_the_columns_of_a_table_that_the_draft_names(table in table()) {
        check(&table, "a.csv", &table.csv())?;
    }

    #[test]
    fn training_reads_the_fields_of_json_lines_that_the_draft_names(table in table()) {
        check(&table, "a.jsonl", &table.jsonl())?;
    }
}

#[test]
fn columns_of_0_and_1_without_names_are_labels_by_their_numbers() {
    let columns = [("", Cells::Indicators), ("text", Cells::Sentences), ("", Cells::Indicators)];
    let columns = columns.map(|(name, cells)| (name.to_owned(), cells)).to_vec();
    let table = Table { columns, header: true, rows: 5, seed: 259, delimiter: ',' };
    check(&table, "a.csv", &table.csv()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, table.csv()).unwrap();
    let Ok(DetectedData::Texts { spec, .. }) = inspect(&path, &InspectOptions::default()).unwrap().detected
    else {
        panic!("no texts are found in {}", table.csv());
    };
    assert_eq!(spec.label_columns, [Column::Number(1), Column::Number(3)]);
    assert_eq!(read(&spec).unwrap().0.len(), 5);
}

#[test]
fn a_header_is_found_by_names_values_and_the_label() {
    let rows = |header: &str, row: &dyn Fn(usize) -> String| {
        header.to_owned() + &(0..20).map(row).collect::<String>()
    };
    let label = |n: usize| ["pos", "neg"][n % 2];
    for (content, text, label, header) in [
        // A spreadsheet with empty columns at the end.
        (rows("v1,v2,,\n", &|n| format!("{},it was a film of number {n},,\n", label(n))), 1, 0, true),
        // The index of pandas, and columns that pandas numbers.
        (rows(",opinion,verdict\n", &|n| format!("{n},it was film {n},{}\n", label(n))), 1, 2, true),
        (rows("0,1\n", &|n| format!("it was film {n},{}\n", label(n))), 0, 1, true),
        // Questions.
        (rows("How was it for you and yours?,Why?\n", &|n| format!("{},film {n}\n", label(n))), 1, 0, true),
        (rows("", &|n| format!("it was film {n},{}\n", label(n))), 0, 1, false),
        (rows("", &|n| format!("{n},it was film {n},{}\n", label(n))), 1, 2, false),
        // One usual name is enough.
        (rows("id,said,mood,text\n", &|n| format!("k{n},x{n},{},it was film {n}\n", label(n))), 3, 2, true),
        // A name that two columns have.
        (rows("text,text,label\n", &|n| format!("it was film {n},x,{}\n", label(n))), 0, 2, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, &content).unwrap();
        let found = columns(&LabelledSpec { path, ..LabelledSpec::default() }).unwrap();
        assert_eq!(text_label_header(&found), (text, Some(label), header), "{content}");
    }
}

/// What is in doubt about a table with these lines.
fn doubt_of(table: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, table).unwrap();
    inspect(&path, &InspectOptions::default()).unwrap().detected.unwrap_err()
}

#[test]
fn dates_of_an_unknown_form_are_no_texts() {
    for (name, form) in
        [("date", "19@-IV"), ("period", "19@-IV"), ("x", "Week @"), ("t", "FY19@"), ("time", "the @th of x")]
    {
        let rows: String =
            (10..60).map(|n| format!("{},{}\n", form.replace('@', &n.to_string()), n % 7)).collect();
        let doubt = doubt_of(&format!("{name},sold\n{rows}"));
        assert!(doubt.contains("as the date in column 1"), "{doubt}");
    }
}

#[test]
fn lists_that_name_no_labels_are_in_doubt() {
    for lists in [
        ["\"[0, 1, 0]\"", "\"[1, 0, 0]\""],
        ["[0 1 0]", "[1 1 0]"],
        ["\"{'joy': 1, 'fear': 0}\"", "{'joy': 0}"],
    ] {
        let rows: String =
            (0..40).map(|n| format!("it was film {n} that we saw,{}\n", lists[n % 2])).collect();
        let doubt = doubt_of(&format!("text,labels\n{rows}"));
        assert!(doubt.contains("has lists or objects"), "{doubt}");
    }
}

#[test]
fn the_ends_of_a_range_have_the_same_decimals() {
    let range = crate::inspect::columns::range;
    assert_eq!(range(1.62, 19.78), "numbers from 1.62 to 19.78");
    assert_eq!(range(-27.0, 215.1), "numbers from -27.0 to 215.1");
    assert_eq!(range(104.0, 622.0), "numbers from 104 to 622");
    assert_eq!(range(-1e-9, 3.5), "numbers from -1.0000e-9 to 3.5");
}

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::data::beside::test_beside;
use crate::data::files::encoding::Encoding;
use crate::data::sources::labelled::Validation;
use crate::data::sources::series::DateColumns;

struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn inspect(&self, name: &str) -> Inspection {
        self.inspect_with(name, &InspectOptions::default())
    }

    fn inspect_with(&self, name: &str, options: &InspectOptions) -> Inspection {
        inspect(&self.path(name), options).unwrap()
    }
}

fn inspect_bytes(name: &str, bytes: &[u8]) -> Inspection {
    Files::new(&[(name, bytes)]).inspect(name)
}

fn error(name: &str, bytes: &[u8]) -> String {
    let files = Files::new(&[(name, bytes)]);
    inspect(&files.path(name), &InspectOptions::default()).unwrap_err().to_string()
}

fn labelled(inspection: Inspection) -> LabelledSpec {
    match inspection.detected {
        Ok(DetectedData::Texts { spec, .. }) => spec,
        other => panic!("{other:?}"),
    }
}

/// Rows whose text is a few words long.
fn table(header: &str, row: impl Fn(usize, &str, &str) -> String) -> Vec<u8> {
    let line = |n: usize| {
        let label = if n.is_multiple_of(2) { "good" } else { "bad" };
        row(n, &format!("it was a {label} film number {n}"), label)
    };
    (header.to_owned() + &(0..20).map(line).collect::<String>()).into_bytes()
}

#[test]
fn columns_are_told_by_what_is_in_them() {
    let rows = table("when;id;opinion;stars\n", |n, text, label| {
        format!("2020-01-{:02};k{n}x;{text};{label}\n", n + 1)
    });
    let inspection = inspect_bytes("a.csv", &rows);
    let found = &inspection.findings;
    assert_eq!((found.kind.as_str(), found.rows, found.more), ("a table with a header", 20, false));
    let told: Vec<_> =
        found.columns.iter().map(|c| (c.name.as_str(), c.role.as_str(), c.why.as_str())).collect();
    assert_eq!(
        told,
        [
            ("when", "", "dates"),
            ("id", "", "a word, 4 characters"),
            ("opinion", "text", "7 words on average"),
            ("stars", "label", "2 different values")
        ]
    );
    let counts: Vec<_> = found.classes.iter().map(|class| (class.label.as_str(), class.count)).collect();
    assert_eq!(counts, [("bad", 10), ("good", 10)]);
    let lengths = found.lengths.as_ref().unwrap();
    assert_eq!((lengths.least, lengths.most, lengths.unit.as_str()), (7, 7, "words"));
    let spec = labelled(inspection);
    assert_eq!((spec.text, spec.label), (Some("opinion".into()), Some("stars".into())));
    assert_eq!((spec.delimiter, spec.header), (Some(';'), Some(true)));
}

#[test]
fn a_table_without_a_header_goes_by_numbers() {
    let inspection = inspect_bytes(
        "a.txt",
        &table("", |_, text, label| format!("{text}\t{}\n", usize::from(label == "good"))),
    );
    assert_eq!(inspection.findings.kind, "a table without a header");
    let spec = labelled(inspection);
    assert_eq!((spec.text, spec.label), (Some(Column::Number(1)), Some(Column::Number(2))));
    assert_eq!((spec.delimiter, spec.header), (Some('\t'), Some(false)));
}

#[test]
fn what_is_in_doubt_is_told_with_the_way_out_and_done_as_somebody_says() {
    let rows = table("said,answer,mood,site\n", |n, text, label| {
        format!("{text},{text} and more,{label},{}\n", ["a", "b"][n / 2 % 2])
    });
    let files = Files::new(&[("a.csv", &rows)]);
    let text = InspectOptions { text: Some("said".into()), ..InspectOptions::default() };
    let both = InspectOptions { label: Some(Column::Number(4)), ..text.clone() };
    assert_eq!(labelled(files.inspect_with("a.csv", &both)).label, Some("site".into()));
    let wrong = InspectOptions { label: Some("moods".into()), ..text.clone() };
    let wrong = inspect(&files.path("a.csv"), &wrong).unwrap_err().to_string();
    let wrong = wrong.replace(&files.path("a.csv").display().to_string(), "a.csv");
    let none = table("said,id\n", |n, text, _| format!("{text},{n}\n"));
    let alike = table("text,label\n", |_, text, _| format!("{text},same\n"));
    let equal = table("text,label\n", |_, _, label| format!("the very same words,{label}\n"));
    let two = table("text,label\n", |_, _, label| format!("a {label} film,{label}\n"));
    let doubt = |rows: &[u8]| inspect_bytes("a.csv", rows).detected.unwrap_err();
    let entries = [
        ("two columns of texts", files.inspect("a.csv").detected.unwrap_err()),
        ("two columns of labels", files.inspect_with("a.csv", &text).detected.unwrap_err()),
        ("--label moods", wrong),
        ("no column of labels", doubt(&none)),
        ("one label", doubt(&alike)),
        ("one text", doubt(&equal)),
        ("two texts", doubt(&two)),
    ];
    crate::messages::assert_messages("inspection_columns", entries);
}

#[test]
fn bytes_that_are_not_utf_8_and_few_bad_rows_are_told_and_set() {
    let mut rows = table("text,label\n", |_, text, label| format!("{text},{label}\n"));
    let good = rows.clone();
    rows.extend_from_slice(b"a caf\xe9,good\n");
    let inspection = inspect_bytes("a.csv", &rows);
    assert!(
        inspection.findings.notes[0].contains("a.csv:22: found the byte 0xe9 at byte column 6"),
        "{inspection:?}"
    );
    assert_eq!(labelled(inspection).encoding, Encoding::Latin1);
    let inspection = inspect_bytes("a.csv", &[good.as_slice(), b"a row of, three,fields\n"].concat());
    assert!(
        inspection.findings.notes[0].starts_with("1 bad rows are left out"),
        "{:?}",
        inspection.findings.notes
    );
    assert!(labelled(inspection).skip_bad_rows);
}

#[test]
fn texts_that_stand_twice_uneven_classes_and_test_data_beside_are_told() {
    let rows = |from: usize| {
        let row = |n: usize| {
            format!("a text of number {n},{}\n", if n.is_multiple_of(7) { "rare" } else { "often" })
        };
        ("text,label\n".to_owned() + &(from..from + 40).map(row).collect::<String>()).into_bytes()
    };
    let train = [rows(0), b"a text of number 0,often\n".to_vec()].concat();
    let inspection = Files::new(&[("x-train.csv", &train), ("x-test.csv", &rows(30))]).inspect("x-train.csv");
    let notes = inspection.findings.notes.join("\n");
    assert!(
        notes.contains(
            "1 text appears more than once, 1 of them with another label: what has two labels cannot"
        ),
        "{notes}"
    );
    assert!(notes.contains("10 of 40 texts of x-test.csv also appear in the training data"), "{notes}");
    assert!(notes.contains("\"often\" is 5 times as frequent as \"rare\""), "{notes}");
    assert!(matches!(labelled(inspection).validation, Some(Validation::Given(_))));
    let strange = b"text,label\na text,never\nand one,often\n";
    let inspection = Files::new(&[("train.csv", &train), ("test.csv", strange)]).inspect("train.csv");
    let notes = inspection.findings.notes.join("\n");
    assert!(notes.contains("have not, and count as wrong: \"never\""), "{notes}");
    assert!(matches!(labelled(inspection).validation, Some(Validation::Given(_))));
    let others = b"text,label\na text,never\nand one,once\n";
    let inspection = Files::new(&[("train.csv", &train), ("test.csv", others)]).inspect("train.csv");
    let notes = inspection.findings.notes.join("\n");
    assert!(notes.contains("only labels that the training data have not: \"never\", \"once\""), "{notes}");
    assert_eq!(labelled(inspection).validation, None);
}

#[test]
fn names_are_read_letter_by_letter_and_folders_hold_classes() {
    let names: &[(&str, &[u8])] =
        &[("names/x.txt", b"Anna\nOtto\nHannah\n"), ("names/y.txt", "Zo\u{eb}\nJos\u{e9}\n".as_bytes())];
    let inspection = Files::new(names).inspect("names");
    assert_eq!((inspection.findings.kind.as_str(), inspection.findings.rows), ("a folder of classes", 5));
    assert_eq!(inspection.findings.vocabulary.as_ref().unwrap().unit, "characters");
    assert!(matches!(inspection.detected, Ok(DetectedData::Texts { level: Level::Character, .. })));
    let both: &[(&str, &[u8])] = &[
        ("a/train/pos/1.txt", b"a good long film"),
        ("a/train/neg/1.txt", b"a bad long film"),
        ("a/test/pos/1.txt", b"not bad at all"),
        ("a/test/neg/1.txt", b"not good at all"),
    ];
    let inspection = Files::new(both).inspect("a");
    assert!(
        inspection.findings.facts.iter().any(|(_, value)| value == "2 texts in test, beside it"),
        "{inspection:?}"
    );
    assert!(labelled(inspection).path.ends_with("train"));
}

#[test]
fn each_kind_is_known_by_its_content() {
    let jsonl =
        table("", |_, text, label| format!("{{\"said\": \"{text}\", \"mood\": \"{label}\", \"n\": 3}}\n"));
    let spec = labelled(inspect_bytes("a.dat", &jsonl));
    assert_eq!(
        (spec.format, spec.text, spec.label),
        (Some(Format::Jsonl), Some("said".into()), Some("mood".into()))
    );
    let lines: &[(&str, &[u8])] = &[("a.txt", b"one good film\none bad film\n"), ("a.labels", b"y\nn\n")];
    assert_eq!(labelled(Files::new(lines).inspect("a.txt")).format, Some(Format::Lines));
    let tagged = "the D\ncat N\n\na D\ndog N\nran V\n\n";
    let inspection = inspect_bytes("a.txt", tagged.repeat(5).as_bytes());
    assert!(matches!(inspection.detected, Ok(DetectedData::Tags { .. })), "{inspection:?}");
    assert_eq!((inspection.findings.rows, inspection.findings.classes.len()), (10, 3));
    let prose = "It was late, and nobody came.\nThen somebody did: the cat.\n\nIt sat down.\n";
    let inspection = inspect_bytes("a.txt", prose.repeat(9).as_bytes());
    assert_eq!(inspection.findings.kind, "one long text");
    let Ok(DetectedData::Text { prime, .. }) = inspection.detected else { panic!("a text") };
    assert_eq!(prime, "It was late, and nobody ");
    let days = (1..=28).map(|day| format!("2024-02-{day:02},{}\n", day % 7)).collect::<String>();
    let inspection = inspect_bytes("a.csv", ("day,sold\n".to_owned() + &days).as_bytes());
    let Ok(DetectedData::Series(spec)) = inspection.detected else { panic!("{inspection:?}") };
    assert_eq!(
        (spec.date, spec.values, spec.season),
        (Some(DateColumns(vec!["day".into()])), vec!["sold".into()], Some(7))
    );
    assert!(
        inspection.findings.facts.contains(&("dates".into(), "2024-02-01 to 2024-02-28, every day".into()))
    );
}

#[test]
fn a_series_that_training_would_refuse_is_told_with_its_line() {
    let doubt = |rows: &str| {
        let message = inspect_bytes("a.csv", rows.as_bytes()).detected.unwrap_err();
        message.find("a.csv:").map_or(message.clone(), |at| message[at..].to_owned())
    };
    let days = (1..=28).map(|day| format!("2024-02-{day:02},{day}\n")).collect::<String>();
    let every_second = |day: i32| if day % 2 == 0 { String::new() } else { day.to_string() };
    let gap: String = (1..=28).map(|day| format!("2024-02-{day:02},{}\n", every_second(day))).collect();
    let gap = format!("day,sold\n{gap}");
    let turned = (1..=28).map(|day| format!("{day:02}.02.24,{day}\n")).collect::<String>();
    let either = (1..=12).map(|month| format!("01/{month:02}/2024;{month}\n")).collect::<String>();
    let entries = [
        ("gaps", doubt(&gap)),
        ("no header", doubt(&days)),
        ("two rows", doubt("day,sold\n2024-01-01,1\n2024-01-02,2\n")),
        ("years of two digits", doubt(&format!("day,sold\n{turned}"))),
        ("day or month", doubt(&format!("day;sold\n{either}"))),
    ];
    crate::messages::assert_messages("inspection_series", entries);
}

#[test]
fn what_cannot_be_read_is_told() {
    let texts: [(&str, &[u8]); 8] = [
        ("a.csv", b""),
        ("a.txt", b" \n\n"),
        ("a.csv", b"text,label\n"),
        ("a.txt", b"ab\ncd\0ef\n"),
        ("a.xlsx", b"PK\x03\x04abc"),
        ("a.txt", b"\xff\xfea\0"),
        ("a.gz", b"\x1f\x8b\x08\0\0"),
        ("a.json", b"[{\"text\": 1}]"),
    ];
    let texts = texts.map(|(name, bytes)| {
        (format!("{name}, {:?}", String::from_utf8_lossy(bytes)), from_name(&error(name, bytes), name))
    });
    let files = Files::new(&[("empty/.keep", b"")]);
    rustix::fs::mkfifoat(rustix::fs::CWD, files.path("pipe"), rustix::fs::Mode::RUSR).unwrap();
    let others = ["nowhere", "empty", "pipe"].map(|name| {
        let error = inspect(&files.path(name), &InspectOptions::default()).unwrap_err().to_string();
        (name.to_owned(), from_name(&error, name))
    });
    crate::messages::assert_messages("inspection_files", texts.into_iter().chain(others));
}

/// The message from the name of the file on, without its folder.
fn from_name(message: &str, name: &str) -> String {
    message[message.find(&format!("{name}:")).unwrap()..].to_owned()
}

#[test]
fn files_to_test_on_are_known_by_their_names() {
    let files = Files::new(&[
        ("imdb-train.csv.gz", b"x"),
        ("imdb-test.csv.gz", b"x"),
        ("X_TRAIN.tsv", b"x"),
        ("X_TEST.tsv", b"x"),
        ("training.csv", b"x"),
        ("other.csv", b"x"),
    ]);
    let beside = |name: &str| test_beside(&files.path(name)).map(|path| path.file_name().unwrap().to_owned());
    assert_eq!(beside("imdb-train.csv.gz").unwrap(), "imdb-test.csv.gz");
    assert_eq!(beside("X_TRAIN.tsv").unwrap(), "X_TEST.tsv");
    assert_eq!((beside("training.csv"), beside("other.csv")), (None, None));
}

proptest! {
    #[test]
    fn no_bytes_bring_it_down(
        bytes in proptest::collection::vec(
            prop_oneof![
                Just(b'\n'), Just(b','), Just(b'\t'), Just(b'"'), Just(b' '), Just(b'{'), Just(b'1'), Just(b'a'), any::<u8>()
            ],
            0..80,
        ),
        name in prop_oneof![Just("a.csv"), Just("a.txt"), Just("a.jsonl"), Just("a.conllu"), Just("a.gz")],
    ) {
        let files = Files::new(&[(name, &bytes)]);
        for task in [None, Some(TaskHint::Classify), Some(TaskHint::Forecast), Some(TaskHint::Tag), Some(TaskHint::Language)] {
            let _ = inspect(&files.path(name), &InspectOptions { task, ..InspectOptions::default() });
        }
    }
}

/// The bytes of `text` in an encoding.
fn written(text: &str, encoding: &str) -> Vec<u8> {
    encoding_rs::Encoding::for_label(encoding.as_bytes()).unwrap().encode(text).0.into_owned()
}

#[test]
fn what_the_bytes_mean_is_found_and_names_of_columns_with_it() {
    let row = |n: usize, _: &str, label: &str| {
        let words = if label == "good" { "хороший" } else { "плохой" };
        format!("это был {words} фильм номер {n};{label}\n")
    };
    let rows = String::from_utf8(table("отзыв;оценка\n", row)).unwrap();
    for encoding in ["windows-1251", "koi8-r", "ibm866"] {
        let inspection = inspect_bytes("a.csv", &written(&rows, encoding));
        let told = format!("not UTF-8; read as {encoding}");
        assert!(inspection.findings.facts.iter().any(|(name, fact)| name == "encoding" && *fact == told));
        assert!(
            inspection.findings.notes[0].contains("--encoding names another"),
            "{:?}",
            inspection.findings.notes
        );
        let spec = labelled(inspection);
        assert_eq!((spec.text, spec.label), (Some("отзыв".into()), Some("оценка".into())));
        assert_eq!(spec.encoding.to_string(), encoding);
    }
    // An encoding that is given is used.
    let bytes = written(&rows, "windows-1251");
    let files = Files::new(&[("a.csv", &bytes)]);
    let latin = InspectOptions { encoding: Some(Encoding::Latin1), ..InspectOptions::default() };
    let inspection = files.inspect_with("a.csv", &latin);
    assert!(inspection.findings.notes.is_empty(), "{:?}", inspection.findings.notes);
    assert_eq!(labelled(inspection).encoding, Encoding::Latin1);
    let chinese = table("text,label\n", |n, _, label| format!("这部电影很{n},{label}\n"));
    let chinese = inspect_bytes("a.csv", &written(str::from_utf8(&chinese).unwrap(), "gbk"));
    assert_eq!(labelled(chinese).encoding.to_string(), "gbk");
    let prose = inspect_bytes(
        "a.txt",
        &written("Я помню чудное мгновенье:\nпередо мной явилась ты.\n", "windows-1251"),
    );
    let Ok(DetectedData::Text { spec, prime }) = prose.detected else { panic!("{prose:?}") };
    assert_eq!((spec.encoding.to_string().as_str(), prime.as_str()), ("windows-1251", "Я помню чудное "));
}

mod texts;

//! Data as a user has them: files good and broken, folders, and Keras's answers on the same text.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde::Deserialize;
use unrolled::data::{
    self, CsvSpec, CsvValidation, Data, DataError, DataSpec, FolderSpec, FolderValidation, GeneratedSpec,
    Inputs, Level, Side, Targets, TokenSpec, Vocabulary, WordOrder,
};

/// Each file of `tests/data/broken/` and what is said of it.
const BROKEN: [(&str, &str); 20] = [
    ("blank-lines.csv", r#": found an empty file; expected a header with the columns "text" and "label""#),
    (
        "control-in-label.csv",
        r#":3: found the label "nega␛[2Jtive"; expected the name of a class, on one line SKIP"#,
    ),
    ("cut-off.csv.gz", ":149: found a gzip file that is cut off; expected the whole file"),
    ("empty-label.csv", ":3: found an empty label; expected the name of a class SKIP"),
    ("empty.csv", r#": found an empty file; expected a header with the columns "text" and "label""#),
    (
        "escape-in-header.csv",
        r#":1: found the columns "text␛]0;owned␇", "label"; expected a column "text" (`text` names another one)"#,
    ),
    ("header-only.csv", ": found a header and no rows; expected a row per text"),
    ("latin-1.csv", r#":3: found the byte 0xef after "A na"; expected UTF-8 SKIP"#),
    (
        "missing-column.csv",
        r#":1: found the columns "id", "review", "label"; expected a column "text" (`text` names another one)"#,
    ),
    (
        "no-header.csv",
        r#":1: found the columns "not bad", "positive"; expected a column "text" (`text` names another one)"#,
    ),
    ("nul.csv", r#":3: found a NUL character in "not␀good"; expected text SKIP"#),
    ("one-class.csv", r#": found one label alone, "positive"; expected at least two classes"#),
    (
        "open-quote.csv",
        r#":3: found a quote that is never closed; expected a second quote (") before the file ends"#,
    ),
    (
        "rest-after-gzip.csv.gz",
        ":4: found damaged gzip data; expected a gzip file from its first to its last byte",
    ),
    ("too-few-fields.csv", ":3: found 1 field; expected 2 fields as in the header SKIP"),
    (
        "too-many-fields.csv",
        ":6: found 3 fields; expected 2 fields as in the header; a text with commas stands in quotes SKIP",
    ),
    ("two-columns.csv", r#":1: found two columns "text"; expected a name of its own for every column"#),
    (
        "unseen-label.csv",
        r#":4: found the label "neutral"; expected a label of the training data: "negative", "positive""#,
    ),
    ("utf-16.csv", ":1: found a header that is not UTF-8; expected CSV as UTF-8 text, plain or gzip"),
    (
        "wrong-checksum.csv.gz",
        ":202: found damaged gzip data; expected a gzip file from its first to its last byte",
    ),
];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn csv(path: impl Into<PathBuf>) -> CsvSpec {
    let path = path.into();
    let (text, label) = ("text".into(), "label".into());
    CsvSpec { path, text, label, skip_bad_rows: false, validation: None, needs: None }
}

fn validated_by(path: impl Into<PathBuf>) -> Option<CsvValidation> {
    Some(CsvValidation { path: path.into(), text: None, label: None })
}

fn tokens(length: usize) -> TokenSpec {
    TokenSpec { level: Level::Word, vocabulary: 100, length, padding: Side::Pre, truncating: Side::Pre }
}

fn load(spec: impl Into<Source>) -> Result<Data, DataError> {
    data::load(&spec.into().0, Some(&tokens(4)), 1, &mut |_| {})
}

fn message(spec: impl Into<Source>) -> String {
    load(spec).unwrap_err().to_string()
}

/// A spec of any kind, so that tests can name the struct alone.
struct Source(DataSpec);

impl From<CsvSpec> for Source {
    fn from(spec: CsvSpec) -> Self {
        Self(DataSpec::Csv(spec))
    }
}

impl From<FolderSpec> for Source {
    fn from(spec: FolderSpec) -> Self {
        Self(DataSpec::Folder(spec))
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(vec![], Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

#[test]
fn every_broken_file_is_told_with_its_place_and_its_remedy() {
    let files: BTreeSet<String> = std::fs::read_dir(here("broken"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(files.iter().eq(BROKEN.iter().map(|(name, _)| name)), "the table and the folder: {files:?}");
    for (name, expected) in BROKEN {
        let path = here("broken").join(name);
        let spec = match name {
            "unseen-label.csv" => CsvSpec { validation: validated_by(&path), ..csv(here("good.csv")) },
            _ => csv(&path),
        };
        let expected = expected.replace("SKIP", "(skip_bad_rows: true leaves such rows out)");
        assert_eq!(message(spec), format!("{}{expected}", path.display()));
    }
}

#[test]
fn what_is_not_there_or_not_a_file_is_told() {
    let needs = Some("fetch it from example.org\ninto data/".to_owned());
    let spec = CsvSpec { needs: needs.clone(), ..csv("no/such.csv") };
    assert_eq!(message(spec), "no/such.csv: not found; fetch it from example.org␊into data/");
    let spec = CsvSpec { needs, validation: validated_by("no/test.csv"), ..csv(here("good.csv")) };
    assert_eq!(message(spec), "no/test.csv: not found; fetch it from example.org␊into data/");
    assert_eq!(message(csv("no/such.csv")), "no/such.csv: not found");
    // Before the training data are read, which are wrong as well.
    let spec =
        CsvSpec { validation: validated_by("no/test.csv"), ..csv(here("broken").join("cut-off.csv.gz")) };
    assert_eq!(message(spec), "no/test.csv: not found");
    let folder = here("broken");
    let expected = "found a folder; expected a CSV file (source: folder reads a folder per class)";
    assert_eq!(message(csv(&folder)), format!("{}: {expected}", folder.display()));
}

#[test]
fn bad_rows_can_be_skipped_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some-bad.csv");
    std::fs::write(&path, b"text,label\nnot bad,pos\nshort\nna\xefve,neg\na,\nnot good,neg\nx\0y,neg\n")
        .unwrap();
    let skipping = CsvSpec { skip_bad_rows: true, validation: validated_by(&path), ..csv(&path) };
    let facts = load(skipping.clone()).unwrap().facts;
    assert_eq!((facts.train, facts.validation, facts.skipped), (2, 2, 8));

    std::fs::write(&path, b"text,label\n\nshort\na,\n").unwrap();
    let expected = "3: found 1 field, and no good row in 2; expected 2 fields as in the header";
    assert_eq!(message(skipping.clone()), format!("{}:{expected}", path.display()));

    std::fs::write(&path, b"text,label\na,b\n\"c,d\ne,f\n").unwrap();
    assert!(
        message(skipping).contains("a quote that is never closed"),
        "the rest of the file is lost with it"
    );
}

#[test]
fn labels_are_classes_in_sorted_order_and_rows_are_the_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
    std::fs::write(&train, "id,text,label\n1,\"a b\nb, C c c d d d d\", yes\n2,d,no\n3,,no\n").unwrap();
    std::fs::write(&test, "verdict,remark\nno,d e c\n").unwrap();
    let validation =
        Some(CsvValidation { path: test, text: Some("remark".into()), label: Some("verdict".into()) });
    let data = load(CsvSpec { validation, ..csv(&train) }).unwrap();

    assert_eq!(Vec::from(data.vocabulary.unwrap()), ["", "[UNK]", "d", "c", "b", "a"]);
    assert_eq!(data.labels, ["no", "yes"]);
    assert_eq!(data.train.targets, Targets::Classes(vec![1, 0, 0]));
    assert_eq!(data.train.inputs, Inputs::Tokens(ndarray::array![[2, 2, 2, 2], [0, 0, 0, 2], [0, 0, 0, 0]]));
    let validation = data.validation.unwrap();
    assert_eq!(validation.inputs, Inputs::Tokens(ndarray::array![[0, 2, 1, 3]]));
    assert_eq!(validation.targets, Targets::Classes(vec![0]));
    let facts = data.facts;
    assert_eq!((facts.source, facts.train, facts.validation), (train.display().to_string(), 3, 1));
    let classes: Vec<_> = facts.classes.into_iter().map(|class| (class.label, class.count)).collect();
    assert_eq!(classes, [("no".into(), 2), ("yes".into(), 1)]);
    assert_eq!((facts.vocabulary, facts.length, facts.skipped), (6, 4, 0));
    assert!((facts.unknown - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn gzip_members_marks_and_line_ends_make_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let plain = load(csv(here("good.csv"))).unwrap();
    let text = std::fs::read_to_string(here("good.csv")).unwrap();
    let marked = format!("\u{feff}{}", text.replace('\n', "\r\n\r\n"));
    let (first, second) = marked.as_bytes().split_at(20);
    let members = [gzip(b"\xef\xbb"), gzip(&first[2..]), gzip(b""), gzip(second)].concat();
    for (name, bytes) in [
        ("packed", gzip(text.as_bytes())),
        ("marked", marked.clone().into_bytes()),
        ("members", members),
        ("returns", text.replace('\n', "\r").into_bytes()),
        ("open-ended", text.trim_end().into()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let data = load(csv(&path)).unwrap();
        assert_eq!((data.train, data.vocabulary), (plain.train.clone(), plain.vocabulary.clone()), "{name}");
    }
}

#[test]
fn a_folder_per_class_is_read_in_the_order_of_its_names() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &[u8]| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("train/pos/1.txt", b"not bad");
    write("train/neg/1.txt", b"not good");
    write("train/neg/0.txt", b"bad");
    write("train/unsup/0.txt", b"so so");
    write("train/.hidden/0.txt", b"\xff");
    write("train/neg/.hidden", b"\xff");
    write("train/urls.txt", b"\xff");
    write("test/pos/0.txt", b"good");
    let (train, test) = data::train_and_test(root.path()).unwrap();
    let spec =
        FolderSpec { path: train.clone(), validation: Some(FolderValidation { path: test }), needs: None };
    let data = load(spec.clone()).unwrap();
    assert_eq!(data.labels, ["neg", "pos"]);
    assert_eq!(data.train.targets, Targets::Classes(vec![0, 0, 1]));
    let vocabulary = data.vocabulary.unwrap();
    let texts: Vec<Vec<&str>> = data
        .train
        .inputs
        .tokens()
        .unwrap()
        .rows()
        .into_iter()
        .map(|row| row.iter().map(|id| vocabulary.word(*id)).collect())
        .collect();
    assert_eq!(texts, [["", "", "", "bad"], ["", "", "not", "good"], ["", "", "not", "bad"]]);
    assert_eq!(data.facts.validation, 1);

    let of = |path: PathBuf| FolderSpec { path, validation: None, needs: None };
    let told = |path: &str, expected: &str| {
        let found = message(of(root.path().join(path)));
        assert_eq!(found.strip_prefix(&format!("{}/", root.path().display())).unwrap(), expected);
    };
    assert!(
        message(of(root.path().into())).contains("found train/ and test/; expected the folder that holds")
    );
    told("test", "test: found one label alone, \"pos\"; expected at least two classes");
    told(
        "test/pos",
        "test/pos: found no class folder; expected a folder per class with a file per text, such as pos/ and neg/",
    );
    told(
        "train/urls.txt",
        "train/urls.txt: found a file; expected a folder that holds a folder per class (source: csv reads a file)",
    );
    told("none", "none: not found");
    write("train/neg/2.txt", b"fine\nna\xefve");
    told("train", "train/neg/2.txt:2: found the byte 0xef; expected UTF-8");
    write("test/neutral/0.txt", b"fine");
    std::fs::remove_file(root.path().join("train/neg/2.txt")).unwrap();
    let folder = root.path().join("test/neutral");
    let expected = "found the label \"neutral\"; expected a label of the training data: \"neg\", \"pos\"";
    assert_eq!(message(spec), format!("{}: {expected}", folder.display()));
}

#[test]
fn generated_data_hang_on_the_seed_alone() {
    let spec = DataSpec::Generated(GeneratedSpec::WordOrder(WordOrder { train: 400, validation: 100 }));
    let made = |seed| data::load(&spec, Some(&tokens(16)), seed, &mut |_| {}).unwrap();
    let (first, again, other) = (made(1), made(1), made(2));
    assert_eq!((&first.train, &first.validation), (&again.train, &again.validation));
    assert_ne!(first.train, other.train);
    assert_eq!(first.labels, ["negative", "positive"]);
    assert_eq!(first.facts.source, "generated: word-order");
    assert_eq!(first.facts.classes.iter().map(|class| class.count).collect::<Vec<_>>(), [200, 200]);
    assert_eq!((first.train.len(), first.facts.validation, first.facts.unknown), (400, 100, 0.0));
}

#[test]
fn rows_that_fit_in_no_memory_are_an_error() {
    let spec = DataSpec::Csv(csv(here("good.csv")));
    for length in [usize::MAX, usize::MAX / 8, 1 << 58] {
        let error = data::load(&spec, Some(&tokens(length)), 1, &mut |_| {}).unwrap_err();
        assert!(error.to_string().starts_with("tokens.length: found"), "{error}");
    }
}

#[derive(Deserialize)]
struct Keras {
    texts: Vec<String>,
    unseen: Vec<String>,
    cases: Vec<Case>,
    pad_sequences: Vec<Padded>,
}

#[derive(Deserialize)]
struct Case {
    vocabulary: usize,
    words: Vec<String>,
    ids: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
struct Padded {
    length: usize,
    padding: Side,
    truncating: Side,
    rows: Vec<Vec<u32>>,
}

#[test]
fn words_ids_and_rows_are_keras_own() {
    let keras: Keras = serde_json::from_str(include_str!("keras/text_vectorization.json")).unwrap();
    for case in &keras.cases {
        let vocabulary = Vocabulary::build(keras.texts.iter().map(String::as_str), case.vocabulary);
        let ids: Vec<_> = keras
            .texts
            .iter()
            .chain(&keras.unseen)
            .map(|text| vocabulary.encode(text, Level::Word))
            .collect();
        assert_eq!(ids, case.ids);
        assert_eq!(Vec::from(vocabulary), case.words);
    }
    for padded in keras.pad_sequences {
        let Padded { length, padding, truncating, rows } = padded;
        let spec = TokenSpec { length, padding, truncating, ..tokens(1) };
        let ids = &keras.cases[0].ids;
        assert_eq!(ids.iter().map(|ids| spec.pad(ids)).collect::<Vec<_>>(), rows, "{spec:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_reading_hang_or_panic(
        bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), any::<u8>()], 0..200),
        with_header: bool,
        packed: bool,
        cut in 0_usize..300,
        skip_bad_rows: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.csv");
        let mut text = if with_header { b"text,label\na,b\nc,d\n".to_vec() } else { vec![] };
        text.extend(bytes);
        if packed {
            text = gzip(&text);
            text.truncate(cut.max(2));
        }
        std::fs::write(&path, text).unwrap();
        match load(CsvSpec { skip_bad_rows, ..csv(&path) }) {
            Ok(data) => prop_assert_eq!(data.train.inputs.tokens().unwrap().dim(), (data.facts.train, 4)),
            Err(error) => prop_assert!(error.to_string().starts_with(&path.display().to_string())),
        }
    }
}

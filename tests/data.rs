//! Data as a user has them: files good and broken, folders, and Keras's answers on the same text.
//!
//! Messages are snapshots in `tests/messages`; `INSTA_UPDATE=always cargo test` writes them again.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "common/messages.rs"]
mod messages;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use messages::assert_messages;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde::Deserialize;
use unrolled::data::{
    self, Column, Data, DataError, DataSpec, Encoding, Format, GeneratedSpec, GivenValidation, Inputs,
    LabelledSpec, Level, Side, TagsSpec, Targets, TextSpec, TokenSpec, Validation, Vocabulary, WordOrder,
};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn csv(path: impl Into<PathBuf>) -> LabelledSpec {
    let (text, label) = (Some("text".into()), Some("label".into()));
    LabelledSpec { format: Some(Format::Csv), text, label, ..found(path) }
}

/// Whatever it is.
fn found(path: impl Into<PathBuf>) -> LabelledSpec {
    LabelledSpec { path: path.into(), ..LabelledSpec::default() }
}

fn validated_by(path: impl Into<PathBuf>) -> Option<Validation> {
    Some(Validation::Given(GivenValidation { path: path.into(), ..GivenValidation::default() }))
}

fn tokens(length: usize) -> TokenSpec {
    TokenSpec {
        level: Level::Word,
        vocabulary: 100,
        length,
        padding: Side::Pre,
        truncating: Side::Pre,
        channels: Vec::new(),
    }
}

fn load(spec: impl Into<Source>) -> Result<Data, DataError> {
    data::load(&spec.into().0, Some(&tokens(4)), 1, 1, &mut |_| {})
}

/// The message of a load that fails, with paths from `folder`.
fn message(folder: &Path, spec: impl Into<Source>) -> String {
    shortened(folder, &load(spec).unwrap_err())
}

/// The message with paths from `folder`, which is another one in every run.
fn shortened(folder: &Path, error: &DataError) -> String {
    error.to_string().replace(&folder.display().to_string(), "DIR")
}

/// A spec of any kind, so that tests can name the struct alone.
struct Source(DataSpec);

impl From<LabelledSpec> for Source {
    fn from(spec: LabelledSpec) -> Self {
        Self(DataSpec::Labelled(spec))
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(vec![], Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

#[test]
fn every_broken_file_is_told_with_its_place_and_its_remedy() {
    let folder = here("broken");
    let files = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort_unstable();
    let entries = files.into_iter().map(|name| {
        let path = folder.join(&name);
        let spec = match name.as_str() {
            "unseen-label.csv" => LabelledSpec { validation: validated_by(&path), ..csv(here("good.csv")) },
            _ => csv(&path),
        };
        let message = message(&folder, spec);
        assert!(message.starts_with(&format!("DIR/{name}:")), "the message names the file: {message}");
        (name, message)
    });
    assert_messages("data_broken", entries);
}

#[test]
fn what_is_not_there_or_not_a_file_is_told() {
    let needs = Some("fetch it from example.org\ninto data/".to_owned());
    let folder = here("broken");
    let entries = [
        ("training data, with needs", LabelledSpec { needs: needs.clone(), ..csv("no/such.csv") }),
        (
            "validation data, with needs",
            LabelledSpec { needs, validation: validated_by("no/test.csv"), ..csv(here("good.csv")) },
        ),
        ("training data", csv("no/such.csv")),
        (
            "validation data, before the training data are read, which are wrong as well",
            LabelledSpec { validation: validated_by("no/test.csv"), ..csv(folder.join("cut-off.csv.gz")) },
        ),
        ("a folder", csv(&folder)),
    ];
    let entries = entries.map(|(input, spec)| (input, message(&folder, spec)));
    assert_messages("data_absent", entries);
}

#[test]
fn bad_rows_can_be_skipped_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some-bad.csv");
    std::fs::write(&path, b"text,label\nnot bad,pos\nshort\nna\xefve,neg\na,\nnot good,neg\nx\0y,neg\n")
        .unwrap();
    let skipping = LabelledSpec { skip_bad_rows: true, validation: validated_by(&path), ..csv(&path) };
    let facts = load(skipping.clone()).unwrap().facts;
    assert_eq!((facts.train, facts.validation, facts.skipped), (2, 2, 8));

    std::fs::write(&path, b"text,label\n\nshort\na,\n").unwrap();
    let no_good_row = message(folder.path(), skipping.clone());
    std::fs::write(&path, b"text,label\na,b\n\"c,d\ne,f\n").unwrap();
    // The rest of the file is lost with the quote.
    let open_quote = message(folder.path(), skipping);
    let entries = [("no good row", no_good_row), ("a quote never closed", open_quote)];
    assert_messages("data_skipping", entries);
}

#[test]
fn labels_are_classes_in_sorted_order_and_rows_are_the_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
    std::fs::write(&train, "id,text,label\n1,\"a b\nb, C c c d d d d\", yes\n2,d,no\n3,,no\n").unwrap();
    std::fs::write(&test, "verdict,remark\nno,d e c\n").unwrap();
    let validation = GivenValidation {
        path: test,
        text: Some("remark".into()),
        label: Some("verdict".into()),
        labels: None,
    };
    let validation = Some(Validation::Given(validation));
    let data = load(LabelledSpec { validation, ..csv(&train) }).unwrap();

    assert_eq!(Vec::from(data.vocabularies.unwrap().first().clone()), ["", "[UNK]", "d", "c", "b", "a"]);
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
        assert_eq!(
            (data.train, data.vocabularies),
            (plain.train.clone(), plain.vocabularies.clone()),
            "{name}"
        );
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
    let spec = LabelledSpec { validation: validated_by(test), ..found(&train) };
    let data = load(spec.clone()).unwrap();
    assert_eq!(data.labels, ["neg", "pos"]);
    assert_eq!(data.train.targets, Targets::Classes(vec![0, 0, 1]));
    let vocabularies = data.vocabularies.unwrap();
    let vocabulary = vocabularies.first();
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

    let folder = |path: &str| {
        let spec = LabelledSpec { format: Some(Format::Folder), ..found(root.path().join(path)) };
        message(root.path(), spec)
    };
    std::fs::create_dir(root.path().join("empty")).unwrap();
    let mut entries = vec![
        ("train and test", message(root.path(), found(root.path()))),
        ("one class", folder("test")),
        ("empty", folder("empty")),
        ("a file", folder("train/urls.txt")),
        ("none", folder("none")),
    ];
    write("train/neg/2.txt", b"fine\nna\xefve");
    entries.push(("no UTF-8", folder("train")));
    write("test/neutral/0.txt", b"fine");
    std::fs::remove_file(root.path().join("train/neg/2.txt")).unwrap();
    entries.push(("a label of validation alone", message(root.path(), spec)));
    assert_messages("data_folders", entries);
}

/// What is made of a file or folder: the labels, and each text of the training data by its tokens with its label.
fn texts(spec: LabelledSpec, level: Level) -> (Vec<String>, Vec<(String, String)>) {
    let tokens = TokenSpec { level, length: 12, ..tokens(1) };
    let data = data::load(&DataSpec::Labelled(spec), Some(&tokens), 1, 1, &mut |_| {}).unwrap();
    let (vocabulary, Targets::Classes(classes)) = (data.vocabularies.unwrap(), &data.train.targets) else {
        unreachable!()
    };
    let between = if level == Level::Character { "" } else { " " };
    let ids = data.train.inputs.tokens().unwrap();
    let text = |row: ndarray::ArrayView1<'_, u32>| {
        let words: Vec<&str> =
            row.iter().filter(|id| **id > 0).map(|id| vocabulary.first().word(*id)).collect();
        words.join(between)
    };
    let label = |class: &u32| data.labels[*class as usize].clone();
    let all = ids.rows().into_iter().map(text).zip(classes.iter().map(label)).collect();
    (data.labels, all)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(text, label)| ((*text).to_owned(), (*label).to_owned())).collect()
}

#[test]
fn what_a_file_is_and_how_it_is_laid_out_is_found_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let expected = pairs(&[("not bad", "1"), ("not good its bad", "0"), ("good", "1")]);
    let packed = gzip(b"not bad\t1\nNot good, it's bad\t0\ngood\t1\n");
    for (name, bytes) in [
        ("tabs.txt", &b"not bad\t1\nNot good, it's bad\t0\ngood\t1\n"[..]),
        ("quotes.tsv", b"\"not bad\t1\nNot good, it's \"bad\"\t0\ngood\"\t1\n"),
        ("packed.txt.gz", &packed),
        ("first.csv", b"1,not bad\n0,\"Not good, it's bad\"\n1,good\n"),
        ("semicolons.csv", b"id;Review;Sentiment\n1;not bad;1\n2;Not good, it's bad;0\n3;good;1\n"),
        ("odd-names.csv", b"remark|verdict\nnot bad|1\nNot good, it's bad|0\ngood|1\n"),
        ("objects.jsonl", b"{\"text\":\"not bad\",\"label\":1}\n\n{\"label\":0,\"id\":7,\"text\":\"Not good, it's bad\"}\n{\"text\":\"good\",\"label\":1}"),
        ("objects", b" {\"sentence\":\"not bad\",\"class\":\"1\"}\n{\"sentence\":\"Not good, it's bad\",\"class\":\"0\"}\n{\"sentence\":\"good\",\"class\":\"1\"}"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (labels, found) = texts(found(&path), Level::Word);
        assert_eq!((labels, found), (vec!["0".to_owned(), "1".to_owned()], expected.clone()), "{name}");
    }
    let path = folder.path().join("lines.txt");
    std::fs::write(&path, "not bad\r\nNot good, it's bad\r\ngood\r\n").unwrap();
    std::fs::write(folder.path().join("lines.labels"), "1\n0\n1\n").unwrap();
    assert_eq!(texts(found(&path), Level::Word).1, expected);
}

#[test]
fn what_is_said_of_a_table_outweighs_what_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.txt");
    std::fs::write(&path, "a,b#pos\nc#neg\n\"d#neg\n").unwrap();
    let said = LabelledSpec {
        delimiter: Some('#'),
        quoting: Some(false),
        header: Some(false),
        label: Some(Column::Number(2)),
        ..found(&path)
    };
    assert_eq!(texts(said.clone(), Level::Word).1, pairs(&[("ab", "pos"), ("c", "neg"), ("d", "neg")]));
    let header = LabelledSpec { header: Some(true), ..said };
    assert_messages("data_header", [("a header that is none", message(folder.path(), header))]);
}

#[test]
fn a_file_per_class_is_called_by_its_name_or_by_what_follows_the_last_dot() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("German.txt", "Bär\nKöhler \n\n"), ("Irish.txt", "Adam\n"), ("README.md", "x")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let expected = pairs(&[("Bär", "German"), ("Köhler", "German"), ("Adam", "Irish")]);
    assert_eq!(texts(found(folder.path()), Level::Character).1, expected);

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rt-polarity.pos"), b"na\xefve\n").unwrap();
    std::fs::write(folder.path().join("rt-polarity.neg"), b"bad\nworse\xa0\n").unwrap();
    let latin = LabelledSpec { encoding: Encoding::Latin1, ..found(folder.path()) };
    assert_eq!(texts(latin, Level::Word).1, pairs(&[("bad", "neg"), ("worse", "neg"), ("naïve", "pos")]));
    assert_messages("data_encoding", [("Latin-1 as UTF-8", message(folder.path(), found(folder.path())))]);
}

#[test]
fn what_is_wrong_in_other_formats_is_told_with_its_place_and_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let mut entries = Vec::new();
    for (name, text) in [
        ("empty.jsonl", "\n"),
        ("cut.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":\""),
        ("list.jsonl", "[1]\n"),
        ("names.jsonl", "{\"txt\":\"a\",\"label\":1}\n"),
        ("null.jsonl", "{\"text\":\"a\",\"label\":null}\n"),
        ("number.jsonl", "{\"text\":3,\"label\":1}\n"),
        ("nul.jsonl", "{\"text\":\"a\\u0000\",\"label\":1}\n"),
        ("one.txt", "good\nbad\n"),
        ("three.csv", "a,b,c\nd,e,f\n"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        entries.push((name, message(folder.path(), found(&path))));
    }
    let (path, labels) = (folder.path().join("x.txt"), folder.path().join("x.labels"));
    std::fs::write(&path, "a\nb\nc\n").unwrap();
    std::fs::write(&labels, "1\n0\n").unwrap();
    entries.push(("more lines than labels", message(folder.path(), found(&path))));
    std::fs::write(&labels, "1\n\n0\n").unwrap();
    entries.push(("an empty label", message(folder.path(), found(&path))));
    std::fs::remove_file(&labels).unwrap();
    let without = LabelledSpec { format: Some(Format::Lines), ..found(&path) };
    entries.push(("no labels", message(folder.path(), without)));
    assert_messages("data_formats", entries);
}

#[test]
fn endless_lines_and_pipes_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let endless = vec![b'a'; (16 << 20) + 70_000];
    let mut entries = Vec::new();
    for name in ["endless.csv", "endless.jsonl", "endless/a.txt", "endless/pos/1.txt"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let start: &[u8] = if name.ends_with("csv") { b"text,label\n" } else { b"" };
        std::fs::write(&path, [start, &endless].concat()).unwrap();
        let wanted = if name.starts_with("endless/") { folder.path().join("endless") } else { path };
        entries.push((name.to_owned(), message(folder.path(), found(wanted))));
    }
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for format in [None, Some(Format::Csv), Some(Format::Jsonl), Some(Format::Folder)] {
        let spec = LabelledSpec { format, ..found(&pipe) };
        entries.push((format!("a pipe as {format:?}"), message(folder.path(), spec)));
    }
    assert_messages("data_endless", entries);
}

#[test]
fn a_share_held_back_is_no_training_text_and_copies_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.csv");
    let rows: String = (0..50).map(|n| format!("w{n},{}\nv{n},{}\n", n % 2, n % 2)).collect();
    std::fs::write(&path, format!("text,label\n{rows}same,0\nsame,0\nsame,1\n")).unwrap();
    let held = |validation, seed| {
        let spec = LabelledSpec { validation: Some(validation), ..found(&path) };
        data::load(
            &DataSpec::Labelled(spec),
            Some(&TokenSpec { vocabulary: 1000, ..tokens(2) }),
            seed,
            1,
            &mut |_| {},
        )
    };
    let data = held(Validation::Share(0.2), 3).unwrap();
    let (facts, notes) = (data.facts, data.notes);
    assert_eq!(facts.train + facts.validation, 103);
    assert!((20..=24).contains(&facts.validation), "{}", facts.validation);
    assert!(notes.is_empty(), "{notes:?}");
    // No text that is held back has given the vocabulary a word.
    assert_eq!(facts.unknown, 1.0);
    assert_ne!(held(Validation::Share(0.2), 4).unwrap().train, data.train);
    let wrong = held(Validation::Fold { folds: 5, fold: 6 }, 1).unwrap_err();
    assert_messages("data_fold", [("fold 6 of 5", wrong)]);

    let test = folder.path().join("test.csv");
    std::fs::write(&test, "text,label\nw1,1\nnew,0\nsame,1\n").unwrap();
    let notes = load(LabelledSpec { validation: validated_by(test), ..found(&path) }).unwrap().notes;
    assert_messages("data_copies", [("two copies", notes.join("\n"))]);
}

#[test]
fn generated_data_hang_on_the_seed_alone() {
    let spec = DataSpec::Generated(GeneratedSpec::WordOrder(WordOrder { train: 400, validation: 100 }));
    let made = |seed| data::load(&spec, Some(&tokens(16)), seed, 1, &mut |_| {}).unwrap();
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
    let spec = DataSpec::Labelled(csv(here("good.csv")));
    for length in [usize::MAX, usize::MAX / 8, 1 << 58] {
        let error = data::load(&spec, Some(&tokens(length)), 1, 1, &mut |_| {}).unwrap_err();
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

/// The sources beside labelled texts, of a file.
fn others(path: &Path) -> [DataSpec; 3] {
    let path = || path.to_owned();
    let series = serde_json::json!({"path": path(), "values": ["y"], "window": 1});
    [
        DataSpec::Text(TextSpec {
            path: path(),
            validation: 0.1,
            encoding: Encoding::Utf8,
            needs: Some("fetch it".into()),
        }),
        DataSpec::Series(serde_json::from_value(series).unwrap()),
        DataSpec::Tags(TagsSpec { path: path(), validation: None, needs: None }),
    ]
}

fn load_other(spec: &DataSpec) -> Result<Data, DataError> {
    let tokens = (!matches!(spec, DataSpec::Series(_))).then(|| tokens(3));
    data::load(spec, tokens.as_ref(), 1, 1, &mut |_| {})
}

#[test]
fn what_is_no_file_is_refused_by_every_source_and_read_by_none() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut entries = Vec::new();
    for (kind, path) in
        [("folder", folder.path().to_owned()), ("pipe", pipe), ("nothing", folder.path().join("none"))]
    {
        for (source, spec) in ["text", "series", "tags"].into_iter().zip(others(&path)) {
            let message = shortened(folder.path(), &load_other(&spec).unwrap_err());
            entries.push((format!("{source}: {kind}"), message));
        }
    }
    assert_messages("data_other_sources", entries);
}

#[test]
fn a_packed_text_with_a_mark_reads_as_the_plain_one() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        load_other(&others(&path)[0])
    };
    let text = "It was the best of times, it was the worst of times. ".repeat(20);
    let plain = load("plain", text.as_bytes()).unwrap();
    let packed = gzip(format!("\u{feff}{text}").as_bytes());
    assert_eq!(load("packed", &packed).unwrap().train, plain.train);
    let cut = load("cut", &packed[..packed.len() / 2]).unwrap_err();
    assert_messages("data_cut_text", [("half a gzip file", shortened(folder.path(), &cut))]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_any_source_hang_or_panic(
        bytes in proptest::collection::vec(
            prop_oneof![Just(b'\t'), Just(b' '), Just(b','), Just(b'\n'), b'a'..b'd', any::<u8>()],
            0..200,
        ),
        packed: bool,
        cut in 0_usize..300,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any");
        let mut text = bytes;
        if packed {
            text = gzip(&text);
            text.truncate(cut.max(2));
        }
        std::fs::write(&path, text).unwrap();
        for spec in others(&path) {
            match load_other(&spec) {
                Ok(data) => prop_assert_eq!(data.train.len(), data.facts.train),
                Err(error) => prop_assert!(error.to_string().starts_with(&path.display().to_string())),
            }
        }
    }

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
        match load(LabelledSpec { skip_bad_rows, ..csv(&path) }) {
            Ok(data) => prop_assert_eq!(data.train.inputs.tokens().unwrap().dim(), (data.facts.train, 4)),
            Err(error) => prop_assert!(error.to_string().starts_with(&path.display().to_string())),
        }
    }

    #[test]
    fn no_bytes_bring_any_format_down(
        bytes in proptest::collection::vec(
            prop_oneof![
                Just(b'"'), Just(b'\t'), Just(b'\n'), Just(b'{'), Just(b'}'), Just(b':'), Just(b'a'), any::<u8>()
            ],
            0..120,
        ),
        form in 0_usize..5,
        latin: bool,
        skip_bad_rows: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any");
        std::fs::write(&path, &bytes).unwrap();
        std::fs::write(folder.path().join("other"), "a\nb\n").unwrap();
        let format = [None, Some(Format::Csv), Some(Format::Jsonl), Some(Format::Lines), Some(Format::Folder)][form];
        let encoding = if latin { Encoding::Latin1 } else { Encoding::Utf8 };
        let wanted = if format == Some(Format::Folder) { folder.path().to_owned() } else { path };
        let labels = (format == Some(Format::Lines)).then(|| folder.path().join("other"));
        match load(LabelledSpec { format, encoding, labels, skip_bad_rows, ..found(wanted) }) {
            Ok(data) => prop_assert_eq!(data.train.inputs.tokens().unwrap().dim(), (data.facts.train, 4)),
            Err(error) => prop_assert!(error.to_string().starts_with(&folder.path().display().to_string())),
        }
    }
}

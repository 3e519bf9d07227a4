use std::fs;

use proptest::prelude::*;

use crate::data::{
    Column, DataSpec, GivenValidation, LabelledSpec, Level, SequencesSpec, SeriesSpec, TagsSpec, TextSpec,
    Validation,
};
use crate::inspect::InspectOptions;
use crate::preset::{Overrides, RunSpec, load};
use crate::protocol::ClassCount;

use super::*;

/// The preset that `files` get, saved as `to`; what was looked at is the first of them.
fn preset_of(files: &[(&str, String)], to: &str) -> (RunSpec, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let to = folder.path().join(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let inspected = folder.path().join(files[0].0.split('/').next().unwrap());
    let draft = draft(&inspected, &InspectOptions::default(), Some(&to)).unwrap();
    let text = draft.preset.unwrap();
    fs::write(&to, &text).unwrap();
    let spec =
        load(to.to_str().unwrap(), &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}")).spec;
    (spec, text)
}

fn rows(classes: usize, of: impl Fn(usize, &str) -> String) -> String {
    (0..60).map(|n| of(n, ["first", "second", "third"][n % classes])).collect()
}

#[test]
fn every_kind_has_a_preset_that_can_be_trained() {
    let labelled = |spec: &RunSpec| matches!(spec.data, DataSpec::Labelled(_));
    let (spec, text) = preset_of(
        &[("a.csv", "text,label\n".to_owned() + &rows(2, |n, l| format!("a {l} text {n},{l}\n")))],
        "a.yaml",
    );
    assert!(labelled(&spec) && text.contains("activation: sigmoid"), "{text}");
    let (spec, text) =
        preset_of(&[("a.tsv", rows(3, |n, l| format!("a {l} text {n}\t{l}\n")))], "sub/a.yaml");
    assert!(labelled(&spec) && text.contains("units: 3, activation: softmax"), "{text}");
    let (spec, _) = preset_of(
        &[("a.jsonl", rows(2, |n, l| format!("{{\"text\": \"a {l} text {n}\", \"label\": \"{l}\"}}\n")))],
        "a.yaml",
    );
    assert!(labelled(&spec));
    let (spec, text) = preset_of(
        &[
            ("n/x.txt", rows(1, |n, _| format!("Ann{n}\n"))),
            ("n/y.txt", rows(1, |n, _| format!("Otto{n}\n"))),
        ],
        "a.yaml",
    );
    assert!(labelled(&spec) && text.contains("level: character"), "{text}");
    let (spec, _) = preset_of(
        &[
            ("a.txt", rows(1, |n, l| format!("a {l} text {n}\n"))),
            ("a.labels", rows(2, |_, l| format!("{l}\n"))),
        ],
        "a.yaml",
    );
    assert!(labelled(&spec));
    let (spec, _) = preset_of(&[("a.conllu", rows(1, |n, _| format!("the D\ncat{n} N\n\n")))], "a.yaml");
    assert!(matches!(spec.data, DataSpec::Tags(_)));
    let (spec, _) = preset_of(
        &[(
            "a.txt",
            rows(1, |n, _| {
                format!("And then, he said{} there came {n} more.\n", [",", "", " to us,"][n % 3])
            }),
        )],
        "a.yaml",
    );
    assert!(matches!(spec.data, DataSpec::Text(_)));
    let month = |n: usize| format!("{}-{:02},{},{}\n", 1950 + n / 12, n % 12 + 1, n * n + 5, n % 12);
    let (spec, _) = preset_of(&[("a.csv", "m,x,y\n".to_owned() + &rows(1, |n, _| month(n)))], "a.yaml");
    let DataSpec::Series(series) = &spec.data else { panic!("a series") };
    assert_eq!((series.values.len(), series.difference.lag()), (2, 1));
}

/// What one may know of each text: whether its number is even, and whether three divides it.
fn labels(n: usize) -> Vec<&'static str> {
    [(2, "even"), (3, "third")].into_iter().filter(|(by, _)| n.is_multiple_of(*by)).map(|(_, l)| l).collect()
}

#[test]
fn several_labels_at_once_have_a_preset_that_can_be_trained() {
    let table = |between: &str| {
        "text,topics\n".to_owned() + &rows(1, |n, _| format!("a text {n},\"{}\"\n", labels(n).join(between)))
    };
    let list = |n| serde_json::json!({"text": format!("a text {n}"), "label": labels(n)}).to_string() + "\n";
    let marks = |n| ["even", "third", "none"].map(|label| u8::from(labels(n).contains(&label)).to_string());
    let marked = |n| format!("a text {n},{}\n", marks(n).join(","));
    for (files, written) in [
        (vec![("a.csv", table("|"))], &["  separator: \"|\""][..]),
        (vec![("a.csv", table(", "))], &["  separator: \",\""]),
        (vec![("a.jsonl", rows(1, |n, _| list(n)))], &["multi_label: true"]),
        // What no text has is left out.
        (
            vec![("a.csv", "text,even,third,none\n".to_owned() + &rows(1, |n, _| marked(n)))],
            &["  label_columns: [even, third]"],
        ),
        (
            vec![
                ("a.txt", rows(1, |n, _| format!("a text {n}\n"))),
                ("a.labels", rows(1, |n, _| labels(n).join(";") + "\n")),
            ],
            &["  separator: \";\"", "source: lines"],
        ),
    ] {
        let (spec, text) = preset_of(&files, "a.yaml");
        assert!(written.iter().all(|line| text.contains(line)), "{text}");
        assert!(text.contains("units: 2, activation: sigmoid") && text.contains("of the 2 labels"), "{text}");
        assert!(matches!(spec.data, DataSpec::Labelled(_)));
    }
}

#[test]
fn names_and_texts_that_yaml_minds_do_not_break_the_preset() {
    let odd = "we: \"ird\" #1 \u{1b}[2J";
    let table = format!("\"{}\",'{odd}'\n", odd.replace('"', "\"\""));
    let table = table.replace('\'', "\"").replace("\"we: \"ird\"", "\"l: \"\"ird\"\"");
    let body = rows(2, |n, l| format!("\"text: #{n} - 'of' a {l} kind, \\ {{x}} [y] \u{7}\",{l}\n"));
    let (spec, _) = preset_of(&[("a b: #.csv", table + &body)], "o d/a: #b.yaml");
    let DataSpec::Labelled(labelled) = &spec.data else { panic!("labelled texts") };
    assert!(labelled.path.ends_with("a b: #.csv"), "{labelled:?}");
}

#[test]
fn a_preset_is_called_after_its_data() {
    for (path, name) in [
        ("/x/imdb-train.csv.gz", "imdb-train"),
        ("names", "names"),
        ("a b$c.tsv", "a-b-c"),
        ("/", "mine"),
        ("--.txt", "mine"),
        (".csv", "csv"),
        ("Über.txt", "Über"),
    ] {
        assert_eq!(name_of(Path::new(path)), name);
    }
}

/// The draft for the first of `files`, with the temporary folder called FOLDER.
fn shown(files: &[(&str, String)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let draft = draft(&folder.path().join(files[0].0), &InspectOptions::default(), None).unwrap();
    let text = draft.preset.unwrap().replace(&*folder.path().to_string_lossy(), "FOLDER");
    // The lines above are as long as the folder's name makes them.
    text.split_once("\n\n").unwrap().1.to_owned()
}

#[test]
fn drafts_explain_what_is_in_them() {
    let label = |n: usize| ["yes", "no: #", "1"][if n < 44 { 0 } else { n % 3 }];
    let texts = rows(1, |n, _| format!("a text {n}\t{}\n", label(n)));
    insta::assert_snapshot!("texts", shown(&[("a b.tsv", texts)]));
    let prose =
        rows(1, |n, _| format!("And then, he said{} there came {n} more.\n", [",", "", " to us,"][n % 3]));
    insta::assert_snapshot!("language", shown(&[("a.txt", prose)]));
    let sentences = rows(1, |n, _| format!("the D\ncat{n} N\n\n"));
    insta::assert_snapshot!("tags", shown(&[("a.conllu", sentences)]));
    let day = |n: usize| format!("{:02}.{:02}.1950;{}\n", n % 28 + 1, n / 28 + 1, n * 7919 % 31);
    let series = "day;x: y\n".to_owned() + &rows(1, |n, _| day(n));
    insta::assert_snapshot!("series", shown(&[("a.csv", series)]));
    let waves = || rows(1, |n, _| format!("{}\t{}\n", n % 3, ["1\t2\t1", "1\t0\t1", "0\t1\t2"][n % 3]));
    insta::assert_snapshot!("sequences", shown(&[("W_TRAIN.tsv", waves()), ("W_TEST.tsv", waves())]));
}

#[test]
fn of_few_texts_words_that_occur_once_are_known_and_learnt_fast() {
    for (texts, least, rate) in [(4_999, 1, 0.004), (5_000, 2, 0.002)] {
        let text = |n: usize| format!("a text of {} and word{n},{}\n", n % 97, ["yes", "no"][n % 2]);
        let table = "text,label\n".to_owned() + &(0..texts).map(text).collect::<String>();
        let (spec, text) = preset_of(&[("a.csv", table)], "a.yaml");
        assert!(text.contains(&format!("vocabulary: {{at_least: {least}}}")), "{text}");
        let OptimizerSpec::Adam(adam) = &spec.train.optimizer else { panic!("Adam") };
        assert_eq!(adam.learning_rate, rate, "of {texts} texts");
    }
}

/// The YAML of a proposal for data that were looked at as `odd`, which the reader must not refuse; and what is read.
fn read_back(proposal: Proposal, odd: &str) -> (String, RunSpec) {
    let place = Place { inspected: Path::new(odd), file: odd, folder: None };
    let text = written(odd, proposal, &place).unwrap();
    let spec = parse(odd, &text, Path::new(".")).unwrap().spec;
    (text, spec)
}

/// Whatever a name, a label or a text may be.
fn odd() -> impl Strategy<Value = String> {
    let known = [
        "yes",
        "1",
        "-1.5e3",
        "~",
        "null",
        "a: b",
        "# x",
        "a #b",
        "- a",
        "'",
        "\"",
        "\\",
        "{a}",
        "[b, c]",
        "<<",
        "&a",
        "*a",
        "!t",
        "é",
        "日本",
        "\u{1b}[2J",
        " a ",
        "a\nb",
        "\t",
        "\u{feff}a",
        "\u{2028}",
        "%",
        "@",
        "`",
        "|",
        ">-",
        "...",
        "---",
    ];
    prop_oneof![
        proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        any::<String>().prop_filter("a path without a name", |text| !text.is_empty()),
    ]
}

fn column() -> impl Strategy<Value = Option<Column>> {
    proptest::option::of(prop_oneof![(1usize..9).prop_map(Column::Number), odd().prop_map(Column::Name)])
}

fn findings(labels: impl IntoIterator<Item = String>, several: bool) -> Findings {
    let classes = labels.into_iter().enumerate();
    let classes: Vec<ClassCount> =
        classes.map(|(i, label)| ClassCount { label, count: 2 + 40 * (i % 2) }).collect();
    let rows = classes.iter().map(|class| class.count).sum();
    Findings { rows, classes, several, ..Findings::default() }
}

fn labelled() -> impl Strategy<Value = LabelledSpec> {
    let validation = proptest::option::of((odd(), column()).prop_map(|(path, label)| {
        Validation::Given(GivenValidation { path: path.into(), label, ..GivenValidation::default() })
    }));
    let several = (any::<bool>(), proptest::option::of(any::<char>()));
    let delimiter = proptest::option::of(proptest::sample::select(vec!['\t', ';', '|', ':', '#', '\'', '1']));
    let parts =
        (odd(), column(), column(), delimiter, proptest::option::of(any::<bool>()), several, validation);
    parts.prop_map(|(path, text, label, delimiter, header, (multi_label, separator), validation)| {
        LabelledSpec {
            path: path.into(),
            text,
            label,
            delimiter,
            header,
            multi_label,
            separator: separator.filter(|_| multi_label),
            validation,
            ..LabelledSpec::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn drafts_for_odd_labelled_texts_are_read_back(
        spec in labelled(),
        labels in proptest::collection::btree_set(odd(), 2..5),
        columns in proptest::collection::vec(odd(), 2..4),
        in_columns in any::<bool>(),
        examples in proptest::collection::vec(odd(), 0..3),
        characters in any::<bool>(),
    ) {
        let columns = columns.into_iter().map(Column::Name).collect();
        let spec = match in_columns {
            true => LabelledSpec { label: None, multi_label: false, separator: None, label_columns: columns, ..spec },
            false => spec,
        };
        let name = spec.path.to_string_lossy().into_owned();
        let findings = findings(labels.clone(), spec.is_multi_label());
        let level = if characters { Level::Character } else { Level::Word };
        let proposal = texts::propose(&findings, spec.clone(), level, examples, None);
        let (text, read) = read_back(proposal, &name);
        let DataSpec::Labelled(data) = &read.data else { panic!("labelled texts") };
        prop_assert_eq!(&data.path, &std::path::absolute(&spec.path).unwrap());
        prop_assert_eq!((&data.text, &data.label), (&spec.text, &spec.label));
        prop_assert_eq!((data.delimiter, data.header, data.separator), (spec.delimiter, spec.header, spec.separator));
        prop_assert_eq!(&data.label_columns, &spec.label_columns);
        // What is suggested can be uncommented.
        if !findings.several {
            prop_assert!(text.contains("\n  # class_weight: "), "{}", text);
            let text = text.replace("\n  # class_weight: ", "\n  class_weight: ");
            let weights = parse(&name, &text, Path::new(".")).unwrap().spec.train.class_weight;
            prop_assert_eq!(weights.into_keys().collect::<std::collections::BTreeSet<_>>(), labels);
        }
    }

    #[test]
    fn drafts_for_odd_data_of_other_kinds_are_read_back(
        path in odd(),
        other in proptest::option::of(odd()),
        // A series has every column once.
        names in proptest::collection::btree_set(odd(), 1..4),
        numbers in (1usize..40, 1usize..4, any::<bool>(), any::<bool>(), proptest::option::of(2usize..99)),
    ) {
        let (length, few, log, difference, season) = numbers;
        let names = Vec::from_iter(names);
        let found = findings(names.iter().cloned().chain(["other".into()]), false);
        let series: SeriesSpec = serde_json::from_value(serde_json::json!({
            "path": path, "date": other, "values": names, "window": length, "horizon": few, "log": log, "difference": difference,
            "season": season,
        })).unwrap();
        read_back(series::propose(&found, series), &path);
        let given = |path: &String| GivenValidation { path: path.into(), ..GivenValidation::default() };
        let sequences: SequencesSpec =
            serde_json::from_value(serde_json::json!({"path": path, "length": length, "features": few})).unwrap();
        let validation = other.as_ref().map(|path| Validation::Given(given(path)));
        read_back(sequences::propose(&found, SequencesSpec { validation, ..sequences }), &path);
        let validation = other.as_ref().map(|path| Validation::Given(GivenValidation { path: path.into(), ..GivenValidation::default() }));
        let tags = TagsSpec { path: path.clone().into(), validation, ..TagsSpec::default() };
        read_back(tags::propose(&found, tags, names.clone()), &path);
        let text: TextSpec = serde_json::from_value(serde_json::json!({"path": path})).unwrap();
        let found = Findings { rows: 5_000, ..Findings::default() };
        let (_, read) = read_back(language::propose(&found, text, &names[0]).unwrap(), &path);
        prop_assert_eq!(read.watch.sample.unwrap().prime, names[0].clone());
    }
}

#[test]
fn what_the_reader_would_refuse_is_not_written() {
    let spec = LabelledSpec { path: "a.csv".into(), delimiter: Some('"'), ..LabelledSpec::default() };
    let proposal =
        texts::propose(&findings(["a".into(), "b".into()], false), spec, Level::Word, Vec::new(), None);
    let place = Place { inspected: Path::new("a.csv"), file: "a.yaml", folder: None };
    let why = written("a", proposal, &place).unwrap_err();
    assert!(why.contains("would be refused") && why.contains("data.delimiter"), "{why}");
}

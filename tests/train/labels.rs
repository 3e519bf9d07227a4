//! Texts that have several labels at once, or none.

use std::fmt::Write;

use super::*;
use unrolled::data::{Data, Targets};
use unrolled::infer::Predictor;
use unrolled::metrics::Details;

/// A preset that reads `file` in `folder` with more settings of the `data`.
fn preset(folder: &Path, file: &str, data: &str, end: &str) -> String {
    let preset = format!(
        "title: t
data: {{source: labelled, path: {file}, {data}}}
tokens: {{level: word, vocabulary: 40, length: 6}}
model:
  - {{layer: Embedding, output_dim: 6, mask_zero: true}}
  - {{layer: GlobalAveragePooling1D}}
  - {{layer: Dense, {end}}}
train:
  loss: binary_crossentropy
  optimizer: {{name: Adam, learning_rate: 0.05}}
  epochs: 15
watch: {{every: 4, probes: 1}}
"
    );
    let path = folder.join("preset.yaml");
    std::fs::write(&path, preset).unwrap();
    path.to_str().unwrap().to_owned()
}

const TWO: &str = "units: 2, activation: sigmoid";

fn load(preset: &str, set: &[&str]) -> Result<RunSpec, preset::PresetError> {
    let set = set.iter().map(|s| (*s).to_owned()).collect();
    preset::load(preset, &Overrides { set, ..Overrides::default() }).map(|resolved| resolved.spec)
}

fn data(spec: &RunSpec) -> Result<Data, String> {
    unrolled::data::load(&spec.data, spec.tokens.as_ref(), 1, 1, &mut |_| {}).map_err(|e| e.to_string())
}

/// 400 texts, in which two words, each by itself, give a label.
fn things() -> String {
    let mut table = String::from("text,label\n");
    for n in 0..400_u32 {
        let (red, round) = (n % 2 == 0, n % 3 == 0);
        let words = [if red { "scarlet" } else { "grey" }, if round { "circular" } else { "square" }];
        let labels = [red.then_some("red"), round.then_some("round")];
        let labels: Vec<&str> = labels.into_iter().flatten().collect();
        writeln!(table, "thing{} {} {} x,{}", n % 30, words[0], words[1], labels.join("|")).unwrap();
    }
    table
}

#[test]
fn two_independent_words_are_learned_as_two_labels() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("things.csv"), things()).unwrap();
    let spec = preset(folder.path(), "things.csv", "multi_label: true, validation: 0.25", TWO);
    let (events, outcome, run) = Run::start(load(&spec, &[]).unwrap()).outcome();
    assert_eq!(outcome, Outcome::Finished);

    let info = events.iter().find_map(|e| if let Event::Prepared(info) = e { Some(info) } else { None });
    let info = info.unwrap();
    assert!(info.has_labels());
    let classes: Vec<&str> = info.data.classes.iter().map(|class| class.label.as_str()).collect();
    assert_eq!(classes, ["red", "round"]);
    let counted = info.data.classes.iter().map(|class| class.count as f64 / info.data.train as f64);
    assert!(counted.zip([1.0 / 2.0, 1.0 / 3.0]).all(|(share, expected)| (share - expected).abs() < 0.06));
    assert!(["none", "red", "round", "red, round"].contains(&info.probes[0].truth.as_deref().unwrap()));
    let said =
        |words: &str| events.iter().any(|e| matches!(e, Event::Log(line) if line.text.contains(words)));
    assert!(said("split off at random"));
    let last = events.iter().rev().find_map(|e| if let Event::Epoch(m) = e { Some(m) } else { None });
    for name in ["val_accuracy", "val_precision", "val_recall", "val_f1", "val_f1_micro"] {
        assert_eq!(last.unwrap().get(name), Some(1.0), "{name}");
    }

    let run = run.path().join("run");
    let Predictor::Classifier(predictor) = Predictor::open(&run, Which::Last).unwrap() else { panic!() };
    assert!(predictor.has_labels());
    let texts = ["scarlet square", "grey circular", "scarlet circular", "grey square"].map(str::to_owned);
    let report = predictor.predict(&texts).unwrap();
    let report: Vec<Vec<bool>> =
        report.iter().map(|(_, all)| all.iter().map(|p| *p > 0.5).collect()).collect();
    assert_eq!(report, [[true, false], [false, true], [true, true], [false, false]]);

    let judged = predictor.evaluate(None, &[], 5).unwrap();
    let Details::Labels(counts) = &judged.result.details else { panic!("{judged:?}") };
    assert_eq!((counts.sequences, counts.exact), (info.data.validation as u64, info.data.validation as u64));
    // A text that has the other label alone is wrong twice.
    let other = folder.path().join("other.csv");
    std::fs::write(&other, "text,label\nscarlet square,round\ngrey square,\n").unwrap();
    let judged = predictor.evaluate(Some(&other), &["data.validation=".to_owned()], 5).unwrap();
    assert_eq!(judged.result.metrics.get("accuracy"), Some(0.5));
    assert_eq!((&judged.mistakes[0].actual, &judged.mistakes[0].predicted), (&vec![1], &vec![0]));
    assert_eq!(judged.mistakes.len(), 1);
}

#[test]
fn labels_are_the_same_in_any_format() {
    let folder = tempfile::tempdir().unwrap();
    for (file, content, settings) in [
        ("a.csv", "text,label\none,b|a\ntwo,\nthree,b\n", "multi_label: true"),
        ("a.tsv", "text\tlabel\none\ta b\ntwo\t\nthree\tb\n", "multi_label: true, separator: ' '"),
        (
            "a.jsonl",
            "{\"text\": \"one\", \"labels\": [\"a\", \"b\", \"a\"]}\n{\"text\": \"two\", \"labels\": []}\n\
             {\"text\": \"three\", \"labels\": \"b\"}\n",
            "multi_label: true",
        ),
        ("b.csv", "id,text,a,b\n7,one,1,1\n8,two,0,0\n9,three,0,1.0\n", "label_columns: [a, b]"),
        (
            "b.jsonl",
            "{\"text\": \"one\", \"a\": 1, \"b\": true}\n{\"text\": \"two\", \"a\": 0, \"b\": false}\n\
             {\"text\": \"three\", \"a\": \"0\", \"b\": 1}\n",
            "label_columns: [a, b]",
        ),
    ] {
        std::fs::write(folder.path().join(file), content).unwrap();
        let spec = load(&preset(folder.path(), file, settings, TWO), &[]).unwrap();
        let data = data(&spec).unwrap();
        assert_eq!(data.labels, ["a", "b"], "{file}");
        let expected = ndarray::array![[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]];
        assert_eq!(data.train.targets, Targets::Labels(expected), "{file}");
        assert_eq!(data.facts.classes.iter().map(|class| class.count).collect::<Vec<_>>(), [1, 2]);
        // The spec in the run folder reads the data again.
        let again = folder.path().join("spec.yaml");
        std::fs::write(&again, spec.to_yaml().unwrap()).unwrap();
        assert_eq!(load(again.to_str().unwrap(), &[]).unwrap(), spec);
    }
}

#[test]
fn errors_of_data_name_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let train = "text,label,a,b\none,a|b,1,1\ntwo,a,1,0\n";
    std::fs::write(folder.path().join("a.csv"), train).unwrap();
    std::fs::write(folder.path().join("b.csv"), "text,label,a,b\none,a,1,0\ntwo,a|c,1,2\n").unwrap();
    std::fs::create_dir(folder.path().join("c")).unwrap();
    for (file, settings, expected) in [
        ("b.csv", "label_columns: [a, b]", "b.csv:3: found \"2\" in the column \"b\"; expected 0 or 1"),
        (
            "a.csv",
            "label_columns: [a, c]",
            "a.csv:1: found the columns \"text\", \"label\", \"a\", \"b\"; expected a column \"c\"",
        ),
        ("a.csv", "multi_label: true, label: d", "expected a column \"d\""),
        ("c", "multi_label: true", "found a folder, in which a text has one label"),
    ] {
        let spec = load(&preset(folder.path(), file, settings, TWO), &[]).unwrap();
        let message = data(&spec).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
    let spec =
        load(&preset(folder.path(), "a.csv", "multi_label: true, validation: {path: b.csv}", TWO), &[])
            .unwrap();
    let unseen = data(&spec).unwrap().unseen;
    assert_eq!(unseen.iter().map(|unseen| (&*unseen.label, unseen.count)).collect::<Vec<_>>(), [("c", 1)]);
    let one = "text,label\none,a\ntwo,\n";
    std::fs::write(folder.path().join("d.csv"), one).unwrap();
    let spec = load(&preset(folder.path(), "d.csv", "multi_label: true", TWO), &[]).unwrap();
    assert!(data(&spec).unwrap_err().ends_with("found a single label, \"a\"; expected at least two labels"));
}

#[test]
fn errors_of_networks_and_settings_name_the_field() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "text,label\none,a|b\ntwo,c\n").unwrap();
    let several = preset(folder.path(), "a.csv", "multi_label: true", TWO);
    for (set, field, words) in [
        (
            &["train.loss=sparse_categorical_crossentropy", "model.2.activation=softmax"][..],
            "train.loss",
            "is for one class of several, but the targets are several labels a sequence; expected \
             binary_crossentropy and {layer: Dense, units: LABELS, activation: sigmoid}",
        ),
        (&["model.2.activation=softmax"], "model.2.activation", "it must be sigmoid"),
        (&["model.2.units=1"], "model.2.units", "the model outputs a number, but"),
        (&["data.multi_label=false"], "model.2.units", "expected 1, or `data.multi_label: true`"),
        (&["train.class_weight={a: 2}"], "train.class_weight", "several labels at once have none"),
        (&["data.multi_label=false", "data.separator=;"], "data.separator", "multi_label: true with it"),
        (&["data.label_columns=[a, b]"], "data.label_columns", "one of the two"),
        (&["data.multi_label=false", "data.label_columns=[a]"], "data.label_columns", "two columns or more"),
        (&["data.label=[a, b]"], "data.label", "`label_columns`"),
    ] {
        let error = load(&several, set).unwrap_err();
        assert_eq!(error.field, field, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    // The number of labels is known from the data alone.
    let error = Session::prepare(load(&several, &[]).unwrap(), 1, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("outputs 2 numbers, but the targets are any of 3 labels"), "{error}");
}

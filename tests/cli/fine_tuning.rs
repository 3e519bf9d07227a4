//! `train --from`: training that starts from a trained network, in separate processes.

use super::*;

/// Rows whose class depends on one of two `words`, and the name of the file.
fn table(folder: &Path, name: &str, words: [&str; 2], labels: [&str; 2]) {
    let row = |n: usize| format!("it was {0} {0} {1}\t{2}\n", words[n % 2], n % 5, labels[n % 2]);
    fs::write(folder.join(name), (0..60).map(row).collect::<String>()).unwrap();
}

const CLASSES: &str = "title: t
data: {source: labelled, path: old.tsv, validation: 0.2}
tokens: {vocabulary: 12, length: 6}
model:
  - {layer: Embedding, output_dim: 4}
  - {layer: GRU, units: 4}
  - {layer: Dense, units: 2, activation: softmax}
train: {loss: sparse_categorical_crossentropy, optimizer: {name: Adam, learning_rate: 0.05}, batch_size: 16, epochs: 2}
";

/// A folder with a run `a` of a classifier, whose files are gone, and other data.
fn classifier() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at, "old.tsv", ["good", "bad"], ["yes", "no"]);
    fs::write(at.join("old.yaml"), CLASSES).unwrap();
    ends(unrolled(at, &["train", "old.yaml", "--run", "a"]), 0);
    fs::remove_file(at.join("old.tsv")).unwrap();
    table(at, "new.tsv", ["superb", "bad"], ["yes", "no"]);
    folder
}

fn words(run: &Path) -> Vec<String> {
    serde_json::from_str(&fs::read_to_string(run.join("vocabulary.json")).unwrap()).unwrap()
}

/// A tensor of the last checkpoint.
fn tensor(run: &Path, name: &str) -> (Vec<usize>, Vec<f32>) {
    let all = checkpoint::read(run, Which::Last).unwrap().model;
    let found = all.into_iter().find(|tensor| tensor.name == name).unwrap();
    (found.shape, found.data)
}

#[test]
fn a_classifier_is_trained_on_with_its_words_and_labels() {
    let folder = classifier();
    let at = folder.path();
    let from = ["train", "--from", "a", "--data", "new.tsv"];
    let frozen = ["--set", "model.0.trainable=false", "--run", "b"];
    let (out, _) = ends(unrolled(at, &[&from[..], &frozen].concat()), 0);
    let started = format!(
        "starts from the weights {}",
        checkpoint::read(&at.join("a"), Which::Last).unwrap().fingerprint()
    );
    assert!(out.contains(&started), "{out}");
    assert!(out.contains("% of the tokens of the training data are not in the vocabulary"), "{out}");
    assert!(out.contains("\"superb\" (48)") && out.contains("--extend-vocabulary N"), "{out}");
    assert_eq!(words(&at.join("b")), words(&at.join("a")));
    // A frozen layer has the weights of the run, any other does not.
    assert_eq!(tensor(&at.join("b"), "0.embeddings"), tensor(&at.join("a"), "0.embeddings"));
    assert_ne!(tensor(&at.join("b"), "2.kernel"), tensor(&at.join("a"), "2.kernel"));
    let spec = fs::read_to_string(at.join("b/spec.yaml")).unwrap();
    let path = at.canonicalize().unwrap().join("a");
    assert!(spec.contains(&format!("from:\n  run: {}\n", path.display())), "{spec}");
    let (out, _) = ends(unrolled(at, &["show", "b"]), 0);
    assert!(out.contains("from.run = "), "{out}");
    // Steps count from 0.
    assert_eq!(metrics(&at.join("b")).iter().find(|line| line["kind"] == "step").unwrap()["step"], 1);
    let (out, _) = ends(unrolled(at, &["verify", "b"]), 0);
    assert!(out.starts_with("the same bits"), "{out}");
    // It goes on without the run that it came from, which it needs to be repeated.
    fs::rename(at.join("a"), at.join("elsewhere")).unwrap();
    ends(unrolled(at, &["resume", "b", "--set", "train.epochs=3", "--headless"]), 0);
    let (_, error) = ends(unrolled(at, &["verify", "b"]), 1);
    assert!(error.contains("from.run") && error.contains("not found, or no run folder"), "{error}");
}

#[test]
fn new_words_are_appended_on_request() {
    let folder = classifier();
    let at = folder.path();
    let from = ["train", "--from", "a", "--data", "new.tsv", "--set", "train.epochs=1"];
    let (out, _) = ends(unrolled(at, &[&from[..], &["--extend-vocabulary", "9", "--run", "b"]].concat()), 0);
    assert!(out.contains("1 token appended to the vocabulary") && out.contains("\"superb\""), "{out}");
    assert!(!out.contains("are not in the vocabulary"), "{out}");
    let old = words(&at.join("a"));
    assert_eq!(words(&at.join("b")), [&old[..], &["superb".to_owned()]].concat());
    // The table grows by what was asked for, and frozen it has the rows of the run above those of new words.
    let frozen = ["--extend-vocabulary", "9", "--run", "c", "--set", "model.0.trainable=false"];
    let (out, _) = ends(unrolled(at, &[&from[..], &frozen].concat()), 0);
    assert!(out.contains("1 of them with rows for new words"), "{out}");
    let ((before, rows), (after, grown)) =
        (tensor(&at.join("a"), "0.embeddings"), tensor(&at.join("c"), "0.embeddings"));
    assert_eq!((before, after), (vec![12, 4], vec![old.len() + 9, 4]));
    assert_eq!(grown[..rows.len()], rows);
    assert!(grown[rows.len()..].iter().all(|x| x.abs() <= 0.05 && *x != 0.0), "as random_uniform draws them");
    let (out, _) = ends(unrolled(at, &["verify", "c"]), 0);
    assert!(out.starts_with("the same bits"), "{out}");
    // What came of it is trained on again.
    ends(unrolled(at, &["train", "--from", "c", "--data", "new.tsv", "--run", "d"]), 0);
    assert_eq!(words(&at.join("d")), words(&at.join("c")));
}

#[test]
fn other_labels_are_refused_or_get_a_new_output_layer() {
    let folder = classifier();
    let at = folder.path();
    table(at, "other.tsv", ["good", "bad"], ["Yes", "no"]);
    let three = |n: usize| format!("it was good {}\t{}\n", n % 11, ["yes", "no", "perhaps"][n % 3]);
    fs::write(at.join("three.tsv"), (0..60).map(three).collect::<String>()).unwrap();
    let one = |n: usize| format!("it was good {n}\tyes\n");
    fs::write(at.join("one.tsv"), (0..40).map(one).collect::<String>()).unwrap();
    let from = |data: &str, args: &[&str], code| {
        let (out, error) =
            ends(unrolled(at, &[&["train", "--from", "a", "--data", data], args].concat()), code);
        out + &error
    };
    let error = from("other.tsv", &[], 2);
    assert!(
        error.contains("found the label \"Yes\", which") && error.contains("write \"yes\" for \"Yes\""),
        "{error}"
    );
    let error = from("three.tsv", &[], 2);
    assert!(error.contains("expected some of its 2 labels, \"no\", \"yes\"; --new-labels"), "{error}");
    assert!(!at.join("runs").exists(), "nothing was begun");
    let out = from("three.tsv", &["--new-labels", "--run", "b"], 0);
    assert!(out.contains("; 2 tensors of the output layer are new"), "{out}");
    assert_eq!(fs::read_to_string(at.join("b/labels.json")).unwrap().trim(), r#"["no","perhaps","yes"]"#);
    assert_eq!(tensor(&at.join("b"), "2.kernel").0, [4, 3]);
    // An output for two classes becomes more by settings that the error has.
    table(at, "old.tsv", ["good", "bad"], ["yes", "no"]);
    let binary = CLASSES.replace("units: 2, activation: softmax", "units: 1, activation: sigmoid");
    fs::write(at.join("two.yaml"), binary.replace("sparse_categorical", "binary")).unwrap();
    ends(unrolled(at, &["train", "two.yaml", "--run", "two"]), 0);
    let more = ["train", "--from", "two", "--data", "three.tsv", "--new-labels", "--run", "more"];
    let (_, error) = ends(unrolled(at, &more), 2);
    let set = ["--set", "train.loss=sparse_categorical_crossentropy", "--set", "model.2.activation=softmax"];
    assert!(error.contains(&set.join(" ")), "{error}");
    ends(unrolled(at, &[&more[..], &set].concat()), 0);
    assert_eq!(tensor(&at.join("more"), "2.kernel").0, [4, 3]);
    let out = from("one.tsv", &["--run", "c"], 0);
    assert!(
        out.contains("the label \"no\" of") && out.contains("has no example in the training data"),
        "{out}"
    );
    // Layers that differ, tokens that differ, and arguments that make no sense.
    for (args, expected) in [
        (
            &["--set", "model.1.units=5"][..],
            "model.1: `kernel` has the shape [4, 15] here and the shape [4, 12]",
        ),
        (&["--set", "tokens.level=character"], "tokens.level: found character; expected word"),
        (&["old.yaml"], "with --from a the settings are those of the run"),
        (&["--set", "tokens.vocabulary=3"], "tokens.vocabulary: found 3; expected"),
    ] {
        let error = from("new.tsv", args, 2);
        assert!(error.contains(expected), "{error}");
    }
    let (_, error) = ends(unrolled(at, &["train", "--from", "nowhere"]), 2);
    assert!(error.contains("nowhere: no such run"), "{error}");
    let (_, error) = ends(unrolled(at, &["train", "old.yaml", "--extend-vocabulary", "3"]), 2);
    assert!(error.contains("--from"), "{error}");
}

/// The part that is held out follows the seed: by another one a network has seen some of it.
#[test]
fn validation_data_that_the_network_was_trained_on_are_said() {
    let folder = classifier();
    let at = folder.path();
    table(at, "old.tsv", ["good", "bad"], ["yes", "no"]);
    let warns = |args: &[&str]| {
        let all = [&["train", "--from", "a", "--set", "train.epochs=1"], args].concat();
        ends(unrolled(at, &all), 0).0.contains(" was trained on some of the validation data")
    };
    assert!(!warns(&["--run", "same"]));
    assert!(warns(&["--run", "seed", "--seed", "9"]));
    assert!(warns(&["--run", "share", "--set", "data.validation=0.4"]));
    assert!(!warns(&["--run", "none", "--set", "data.validation=null"]));
    table(at, "held-out.tsv", ["good", "bad"], ["yes", "no"]);
    assert!(!warns(&["--run", "file", "--seed", "9", "--set", "data.validation={path: held-out.tsv}"]));
    assert!(!warns(&["--run", "new", "--seed", "9", "--data", "new.tsv"]));
    // A run that goes on has been told.
    let (out, _) = ends(unrolled(at, &["resume", "seed", "--set", "train.epochs=2"]), 0);
    assert!(!out.contains("was trained on some of the validation data"), "{out}");
}

#[test]
fn a_file_of_keras_is_trained_on() {
    let folder = classifier();
    let at = folder.path();
    fs::create_dir(at.join("keras")).unwrap();
    ends(unrolled(at, &["export", "a", "--keras", "keras/m.keras"]), 0);
    let from = ["train", "--from", "keras/m.keras", "--data", "new.tsv", "--run", "b"];
    let (out, error) = ends(unrolled(at, &from), 0);
    assert!(error.contains("3 layers") && out.contains("starts from the weights"), "{out}{error}");
    assert_eq!(words(&at.join("b")), words(&at.join("a")));
    // It was imported as a run, which is neither resumed nor branched nor repeated.
    let imported = fs::read_dir(at.join("runs")).unwrap().next().unwrap().unwrap().path();
    let imported = imported.strip_prefix(at).unwrap().to_str().unwrap().to_owned();
    let line = format!("train it with: unrolled train --from {imported} --data PATH");
    for args in [
        &["resume", &imported, "--headless"][..],
        &["branch", &imported, "--at", "0", "--headless"],
        &["branch", &imported, "--at", "7", "--headless"],
        &["verify", &imported],
    ] {
        let (_, error) = ends(unrolled(at, args), 2);
        assert!(error.contains(&line), "{args:?}: {error}");
    }
    for args in [&["attach", &imported][..], &["send", &imported, "pause"]] {
        let (_, error) = ends(unrolled(at, args), 2);
        assert!(error.contains(&line), "{args:?}: {error}");
    }
    assert_eq!(fs::read_dir(at.join("runs")).unwrap().count(), 1, "no run was begun");
    let (out, _) = ends(unrolled(at, &["show", &imported]), 0);
    assert!(
        out.contains("stopped") && out.contains("unrolled train --from") && !out.contains("unrolled resume"),
        "{out}"
    );
    for args in [&["predict", &imported, "good"][..], &["compare", &imported, "a"], &["runs"]] {
        ends(unrolled(at, args), 0);
    }
    let (_, error) = ends(unrolled(at, &["evaluate", &imported]), 2);
    assert!(error.contains("the network was imported without data: add --data PATH"), "{error}");
    ends(unrolled(at, &["evaluate", &imported, "--data", "new.tsv"]), 0);
    // The layers of a preset are replaced by those of the file: they need not fit.
    let preset = CLASSES.replace("{layer: GRU, units: 4}", "{layer: GRU, units: 4, return_sequences: true}");
    fs::write(at.join("unfit.yaml"), preset).unwrap();
    ends(unrolled(at, &["train", "unfit.yaml"]), 2);
    let from = ["train", "unfit.yaml", "--from", "keras/m.keras", "--data", "new.tsv", "--run", "c"];
    ends(unrolled(at, &from), 0);
    assert!(fs::read_to_string(at.join("c/spec.yaml")).unwrap().contains("learning_rate: 0.05"));
    // Without a vocabulary its numbers mean nothing.
    fs::remove_file(at.join("keras/vocabulary.json")).unwrap();
    let (_, error) = ends(unrolled(at, &["train", "--from", "keras/m.keras", "--data", "new.tsv"]), 2);
    assert!(error.contains("unrolled import keras/m.keras --vocabulary FILE"), "{error}");
}

#[test]
fn a_tagger_is_trained_on_with_its_tags() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let preset = "title: t
data: {source: tags, path: old.txt, validation: 0.2}
tokens: {vocabulary: 6, length: 4}
model:
  - {layer: Embedding, output_dim: 4, mask_zero: true}
  - {layer: LSTM, units: 4, return_sequences: true}
  - {layer: Dense, units: 3, activation: softmax}
train: {loss: sparse_categorical_crossentropy, batch_size: 8, epochs: 1}
";
    fs::write(at.join("old.yaml"), preset).unwrap();
    fs::write(at.join("old.txt"), "the D\ncat N\nruns V\n\nit D\nruns V\n\n".repeat(20)).unwrap();
    ends(unrolled(at, &["train", "old.yaml", "--run", "a"]), 0);
    fs::write(at.join("new.txt"), "the D\ndog N\n\nit D\ndog N\n\n".repeat(20)).unwrap();
    let from = |args: &[&str], code| ends(unrolled(at, &[&["train", "--from", "a"], args].concat()), code);
    let (out, _) = from(&["--data", "new.txt", "--extend-vocabulary", "1", "--run", "b"], 0);
    assert!(out.contains("1 token appended to the vocabulary") && out.contains("\"dog\""), "{out}");
    assert!(out.contains("the label \"V\" of"), "{out}");
    assert_eq!(words(&at.join("b")).last().unwrap(), "dog");
    assert_eq!(fs::read(at.join("b/labels.json")).unwrap(), fs::read(at.join("a/labels.json")).unwrap());
    fs::write(at.join("other.txt"), "the DET\ncat N\n\n".repeat(20)).unwrap();
    let (_, error) = from(&["--data", "other.txt"], 2);
    assert!(error.contains("found the label \"DET\""), "{error}");
}

#[test]
fn a_language_model_is_trained_on_and_predicts_new_characters() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let preset = "title: t
data: {source: text, path: old.txt}
tokens: {level: character, vocabulary: 6, length: 6}
model:
  - {layer: Embedding, output_dim: 4}
  - {layer: GRU, units: 8, return_sequences: true, stateful: true}
  - {layer: Dense, units: 6, activation: softmax}
train: {loss: sparse_categorical_crossentropy, optimizer: {name: Adam, learning_rate: 0.03}, batch_size: 4, epochs: 2}
watch: {probes: 0}
";
    fs::write(at.join("old.yaml"), preset).unwrap();
    fs::write(at.join("old.txt"), "abc\n".repeat(500)).unwrap();
    ends(unrolled(at, &["train", "old.yaml", "--run", "a"]), 0);
    fs::write(at.join("new.txt"), "abcd\n".repeat(500)).unwrap();
    let from = ["train", "--from", "a", "--data", "new.txt"];
    let (out, _) = ends(unrolled(at, &[&from[..], &["--run", "b"]].concat()), 0);
    assert!(out.contains("20.0 % of the tokens") && out.contains("\"d\""), "{out}");
    let (out, _) = ends(unrolled(at, &[&from[..], &["--run", "c", "--extend-vocabulary", "1"]].concat()), 0);
    assert!(out.contains("3 of them with rows for new words"), "embeddings, kernel and bias: {out}");
    assert_eq!(words(&at.join("c")), [&words(&at.join("a"))[..], &["d".to_owned()]].concat());
    let sample = ["sample", "c", "--prime", "abc", "--temperature", "0", "--length", "4"];
    assert_eq!(ends(unrolled(at, &sample), 0).0, "abcd\nab\n");
}

#[test]
fn a_forecaster_is_trained_on_with_its_scale() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let series = |scale: f64| -> String {
        let rows = (0..80).map(|n| format!("{n},{}\n", scale * (f64::from(n) / 3.0).sin()));
        "n,y\n".to_owned() + &rows.collect::<String>()
    };
    let preset = "title: t
data: {source: series, path: old.csv, values: [y], window: 6, horizon: 1, validation: 0.2}
model: [{layer: LSTM, units: 4}, {layer: Dense, units: 1}]
train: {loss: mean_squared_error, batch_size: 8, epochs: 1}
";
    fs::write(at.join("old.yaml"), preset).unwrap();
    fs::write(at.join("old.csv"), series(10.0)).unwrap();
    fs::write(at.join("new.csv"), series(90.0)).unwrap();
    ends(unrolled(at, &["train", "old.yaml", "--run", "a"]), 0);
    ends(unrolled(at, &["train", "--from", "a", "--data", "new.csv", "--run", "b"]), 0);
    let scale = |run: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(at.join(run).join("scale.json")).unwrap()).unwrap()
    };
    let (old, new) = (scale("a"), scale("b"));
    assert_eq!((&old["mean"], &old["std"]), (&new["mean"], &new["std"]));
    let args = ["train", "--from", "a", "--data", "new.csv", "--set", "data.difference=true"];
    let (_, error) = ends(unrolled(at, &args), 2);
    assert!(
        error.contains("data.difference: found true; expected false, as that run was trained with"),
        "{error}"
    );
    let (_, error) =
        ends(unrolled(at, &["train", "--from", "a", "--data", "new.csv", "--extend-vocabulary", "2"]), 2);
    assert!(error.contains("--extend-vocabulary: the run reads no words"), "{error}");
    // Columns in another order would have the scale and the weights of one another; those of another table may have other names.
    let two =
        |names: &str| format!("{names}\n") + &(0..80).map(|n| format!("{n},{}\n", n % 7)).collect::<String>();
    fs::write(at.join("old.csv"), two("y,z")).unwrap();
    fs::write(at.join("other.csv"), two("u,v")).unwrap();
    let both = preset.replace("[y]", "[y, z]").replace("units: 1", "units: 2");
    fs::write(at.join("both.yaml"), both).unwrap();
    ends(unrolled(at, &["train", "both.yaml", "--run", "both"]), 0);
    let from = ["train", "--from", "both", "--data"];
    let swapped = [&from[..], &["old.csv", "--set", "data.values=[z, y]"]].concat();
    let (_, error) = ends(unrolled(at, &swapped), 2);
    assert!(
        error.contains("data.values: found z, y; expected y, z, as that run was trained with"),
        "{error}"
    );
    ends(unrolled(at, &[&from[..], &["other.csv", "--set", "data.values=[u, v]"]].concat()), 0);
}

#[test]
fn a_preset_that_names_a_run_keeps_to_the_weights_that_it_started_from() {
    let folder = classifier();
    let at = folder.path();
    let preset = CLASSES.replace("title: t", "title: t\nfrom: {run: a}").replace("old.tsv", "new.tsv");
    fs::write(at.join("mine.yaml"), preset).unwrap();
    ends(unrolled(at, &["train", "mine.yaml", "--run", "b"]), 0);
    let weights = checkpoint::read(&at.join("a"), Which::Last).unwrap().fingerprint();
    let spec = fs::read_to_string(at.join("b/spec.yaml")).unwrap();
    assert!(spec.contains(&format!("weights: {weights}")), "{spec}");
    // The other run goes on, and later its checkpoints are damaged.
    table(at, "old.tsv", ["good", "bad"], ["yes", "no"]);
    ends(unrolled(at, &["resume", "a", "--set", "train.epochs=3", "--headless"]), 0);
    for checkpoint in fs::read_dir(at.join("a/checkpoints")).unwrap() {
        let path = checkpoint.unwrap().path().join("model.safetensors");
        let Ok(mut bytes) = fs::read(&path) else { continue };
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let (_, error) = ends(unrolled(at, &["verify", "b"]), 1);
    assert!(error.contains(&format!("has the weights {weights} any more")), "{error}");
    assert!(error.contains("checksum"), "{error}");
}

#[test]
fn sequences_and_words_in_channels_are_trained_on_with_their_scale_and_vocabularies() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let rows = |height: i32, labels: [&str; 2]| -> String {
        let row = |n: i32| {
            let value = |t: i32| (if n % 2 == 0 { height } else { -height } + (n + t) % 5).to_string();
            format!("{}\t{}\n", labels[n as usize % 2], (0..8).map(value).collect::<Vec<_>>().join("\t"))
        };
        (0..40).map(row).collect()
    };
    fs::write(at.join("old.tsv"), rows(10, ["1", "2"])).unwrap();
    fs::write(at.join("new.tsv"), rows(90, ["1", "2"])).unwrap();
    fs::write(at.join("other.tsv"), rows(90, ["1", "3"])).unwrap();
    let preset = "title: t
data: {source: sequences, path: old.tsv, length: 8, validation: 0.2}
model: [{layer: GRU, units: 4}, {layer: Dense, units: 2, activation: softmax}]
train: {loss: sparse_categorical_crossentropy, epochs: 1}
";
    fs::write(at.join("old.yaml"), preset).unwrap();
    ends(unrolled(at, &["train", "old.yaml", "--run", "a"]), 0);
    ends(unrolled(at, &["train", "--from", "a", "--data", "new.tsv", "--run", "b"]), 0);
    assert_eq!(fs::read(at.join("a/scale.json")).unwrap(), fs::read(at.join("b/scale.json")).unwrap());
    let (_, error) = ends(unrolled(at, &["train", "--from", "a", "--data", "other.tsv"]), 2);
    assert!(error.contains("found the label \"3\""), "{error}");

    let preset = "title: t
data: {source: tags, path: old.txt, validation: 0.2}
tokens: {length: 4, channels: [{level: word, vocabulary: 20}, {level: ending, letters: 2, vocabulary: 20}]}
model:
  - {layer: Embedding, output_dim: 4, mask_zero: true, inputs: [word]}
  - {layer: Embedding, output_dim: 4, mask_zero: true, inputs: [ending]}
  - {layer: Concatenate, inputs: [0, 1]}
  - {layer: GRU, units: 4, return_sequences: true}
  - {layer: Dense, units: 3, activation: softmax}
train: {loss: sparse_categorical_crossentropy, epochs: 1}
";
    fs::write(at.join("tags.yaml"), preset).unwrap();
    fs::write(at.join("old.txt"), "the D\ncat N\nruns V\n\nit D\nruns V\n\n".repeat(20)).unwrap();
    let sentence = |n: usize| format!("the D\ndog{n} N\nruns V\n\n");
    fs::write(at.join("new.txt"), (0..20).map(sentence).collect::<String>()).unwrap();
    ends(unrolled(at, &["train", "tags.yaml", "--run", "c"]), 0);
    let from = ["train", "--from", "c", "--data", "new.txt"];
    let (out, _) = ends(unrolled(at, &[&from[..], &["--run", "d"]].concat()), 0);
    assert!(out.contains("33.3 % of the tokens") && !out.contains("--extend-vocabulary"), "{out}");
    assert_eq!(
        fs::read(at.join("c/vocabulary.json")).unwrap(),
        fs::read(at.join("d/vocabulary.json")).unwrap()
    );
    let (_, error) = ends(unrolled(at, &[&from[..], &["--extend-vocabulary", "3"]].concat()), 2);
    assert!(error.contains("its words have several channels"), "{error}");
}

#[test]
fn a_job_that_is_started_again_goes_on_from_the_same_network_only() {
    let folder = classifier();
    let at = folder.path();
    let job = ["--data", "new.tsv", "--run", "b", "--resume-or-start"];
    let from = |run: &str, code| ends(unrolled(at, &[&["train", "--from", run], &job[..]].concat()), code);
    from("a", 0);
    assert!(from("a", 0).0.contains("b is finished"));
    ends(unrolled(at, &["train", "--from", "a", "--data", "new.tsv", "--run", "c"]), 0);
    let (_, error) = from("c", 2);
    assert!(error.contains("b contains a run from") && error.contains("choose another folder"), "{error}");
    // By now `latest` is another run; the one that it was may be gone; the options are those of the first time.
    from("latest", 0);
    let (_, error) = ends(unrolled(at, &[&["train", "--from", "a", "--new-labels"], &job[..]].concat()), 2);
    assert!(error.contains("--new-labels 0, not with 1"), "{error}");
    fs::rename(at.join("a"), at.join("gone")).unwrap();
    assert!(from("a", 0).0.contains("b is finished"));
    table(at, "old.tsv", ["good", "bad"], ["yes", "no"]);
    let (_, error) = ends(unrolled(at, &["train", "old.yaml", "--run", "b", "--resume-or-start"]), 2);
    assert!(error.contains("of old alone"), "{error}");
}

//! Embeddings with pretrained vectors.

use super::frozen::trained;
use super::*;
use unrolled::infer::Predictor;

const VECTORS: &str = "3 3\ngood 1 0 0.5\nMOVIE 0 0 1\nelsewhere 7 7 7\n";

/// A preset and its file of vectors; `vectors` are settings of the Embedding.
fn written(folder: &TempDir, embedding: &str) -> String {
    std::fs::write(folder.path().join("tiny.txt"), VECTORS).unwrap();
    let preset = format!(
        "title: t
data: {{source: generated, task: word-order, train: 128, validation: 64}}
tokens: {{level: word, vocabulary: 120, length: 16}}
model:
  - {{layer: Embedding, {embedding}}}
  - {{layer: GRU, units: 6}}
  - {{layer: Dense, units: 1, activation: sigmoid}}
train: {{loss: binary_crossentropy, epochs: 2}}
"
    );
    let path = folder.path().join("preset.yaml");
    std::fs::write(&path, preset).unwrap();
    path.to_str().unwrap().to_owned()
}

fn load(preset: &str) -> RunSpec {
    preset::load(preset, &Overrides::default()).unwrap().spec
}

#[test]
fn embeddings_start_with_the_vectors_frozen_or_not_and_the_run_does_not_need_the_file() {
    for (embedding, stays) in [
        ("vectors: {path: tiny.txt}, trainable: false", true),
        ("output_dim: , vectors: {path: tiny.txt}, mask_zero: true", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let spec = load(&written(&folder, embedding));
        let vocabulary =
            Session::prepare(spec.clone(), 1, &mut |_| {}).unwrap().vocabularies.unwrap().first().clone();
        let (begin, end, events, run) = trained(spec);
        assert_eq!(begin[0].shape, [120, 3]);
        let row = |id: u32| begin[0].data[id as usize * 3..][..3].to_vec();
        assert_eq!(row(0), [0.0; 3]);
        assert_eq!(row(vocabulary.id("good").unwrap()), [1.0, 0.0, 0.5]);
        assert_eq!(row(vocabulary.id("movie").unwrap()), [0.0, 0.0, 1.0]);
        // All others are initialized uniformly within 0.05.
        let bad = row(vocabulary.id("bad").unwrap());
        assert!(bad.iter().all(|x| x.abs() <= 0.05 && *x != 0.0), "{bad:?}");
        assert_eq!(begin[0] == end[0], stays);
        let words = vocabulary.len() - 2;
        let report = events.iter().find_map(|event| match event {
            Event::Log(line) if line.text.contains("tiny.txt: vectors for") => Some(line),
            _ => None,
        });
        let report = report.unwrap();
        assert!(
            report.text.starts_with(&format!("tiny.txt: vectors for 2 of {words} words")),
            "{}",
            report.text
        );
        assert_eq!(report.level, Level::Warning, "most of the text is unknown: {}", report.text);

        drop(folder);
        let predictor = Predictor::open(&run.path().join("run"), Which::Last).unwrap();
        let Predictor::Classifier(predictor) = predictor else { panic!() };
        assert_eq!(predictor.predict(&["a good movie".to_owned()]).unwrap()[0].1.len(), 2);
    }
}

#[test]
fn vectors_are_those_of_the_channel_of_their_embedding() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tiny.txt"), VECTORS).unwrap();
    std::fs::write(folder.path().join("tags.txt"), "good A\nmovie N\n\n".repeat(3)).unwrap();
    let preset = "title: t
data: {source: tags, path: tags.txt}
tokens:
  length: 2
  channels: [{level: ending, letters: 1, vocabulary: 9}, {level: word, vocabulary: 9}]
model:
  - {layer: Embedding, inputs: [ending], output_dim: 3, mask_zero: true}
  - {layer: Embedding, inputs: [word], vectors: {path: tiny.txt}, mask_zero: true}
  - {layer: Concatenate, inputs: [0, 1]}
  - {layer: Dense, units: 2, activation: softmax}
train: {loss: sparse_categorical_crossentropy}
";
    let path = folder.path().join("preset.yaml");
    std::fs::write(&path, preset).unwrap();
    let session = Session::prepare(load(path.to_str().unwrap()), 1, &mut |_| {}).unwrap();
    let vocabularies = session.vocabularies.as_ref().unwrap();
    let params = session.stepper.params();
    for (word, vector) in [("good", [1.0, 0.0, 0.5]), ("movie", [0.0, 0.0, 1.0])] {
        let id = vocabularies.of("word").unwrap().id(word).unwrap() as usize;
        assert_eq!(params.values()[params.span(1)][id * 3..][..3], vector);
    }
    assert!(params.values()[params.span(0)].iter().all(|x| x.abs() <= 0.05), "endings begin by chance");
}

#[test]
fn missing_vectors_and_other_dimensions_are_errors_before_data_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let preset = written(&folder, "output_dim: 4, vectors: {path: tiny.txt}");
    let error = Session::prepare(load(&preset), 1, &mut |what| panic!("{what}")).unwrap_err().to_string();
    let words = "tiny.txt:1: found vectors of 3 numbers; expected 4, as in model.0.output_dim";
    assert!(error.contains(words), "{error}");

    let preset = written(&folder, "output_dim: 4, vectors: {path: gone.txt, needs: fetch it}");
    let error = Session::prepare(load(&preset), 1, &mut |what| panic!("{what}")).unwrap_err().to_string();
    assert!(error.ends_with("gone.txt: not found; fetch it"), "{error}");

    let preset = written(&folder, "vectors: {path: gone.txt}");
    let error = preset::load(&preset, &Overrides::default()).unwrap_err();
    assert_eq!(error.field, "model.0.vectors.path");
    assert!(error.place.ends_with("preset.yaml:5:40") && error.message.contains("not found"), "{error}");
}

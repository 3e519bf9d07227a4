//! Presets: errors of broken ones have line and field, valid ones round-trip.
//!
//! Messages are snapshots in `tests/messages`; `INSTA_UPDATE=always cargo test` writes them again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails is a test that fails")]

#[path = "common/messages.rs"]
mod messages;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use messages::assert_messages;
use proptest::prelude::*;
use unrolled::data::{DataSpec, GivenValidation, LabelledSpec, Source, Validation};
use unrolled::preset::{self, Overrides, PresetError, Resolved, RunSpec};

fn load(path: impl AsRef<Path>, overrides: &Overrides) -> Result<Resolved, PresetError> {
    preset::load(path.as_ref().to_str().unwrap(), overrides)
}

fn spec(preset: &str, set: &[&str]) -> RunSpec {
    preset::load(preset, &sets(set)).unwrap().spec
}

fn sets(set: &[&str]) -> Overrides {
    Overrides { set: set.iter().map(|s| (*s).to_owned()).collect(), ..Overrides::default() }
}

fn moved(data: impl Into<PathBuf>) -> Overrides {
    Overrides { data: Some(data.into()), ..Overrides::default() }
}

/// Where the validation data are that the spec names.
fn given(spec: &LabelledSpec) -> Option<PathBuf> {
    match &spec.validation {
        Some(Validation::Given(given)) => Some(given.path.clone()),
        _ => None,
    }
}

fn refusal(preset: &str, overrides: &Overrides) -> String {
    preset::load(preset, overrides).unwrap_err().to_string()
}

/// Makes an empty file with the folders above it.
fn touch(path: impl AsRef<Path>) -> PathBuf {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(&path, "").unwrap();
    path.as_ref().to_owned()
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn errors_of_broken_presets_name_file_line_and_field() {
    let folder = "tests/presets/broken";
    let entries = names_in(folder).into_iter().map(|name| {
        let path = format!("{folder}/{name}");
        let message = refusal(&path, &Overrides::default());
        let message = message.strip_prefix(&path).expect("a message begins with the file").to_owned();
        (name, message)
    });
    assert_messages("presets_broken", entries);
}

#[test]
fn the_error_of_a_missing_preset_names_it() {
    let entries =
        ["word-ordr", "no/such/preset.yaml"].map(|name| (name, refusal(name, &Overrides::default())));
    assert_messages("presets_absent", entries);
}

#[test]
fn the_catalog_and_the_folder_of_presets_are_equal() {
    let embedded: BTreeSet<String> = preset::names().map(|name| format!("{name}.yaml")).collect();
    assert_eq!(embedded, names_in("presets"));
    for name in preset::names() {
        assert_eq!(preset::text(name).unwrap(), fs::read_to_string(format!("presets/{name}.yaml")).unwrap());
    }
    let entries = preset::entries().unwrap();
    assert_eq!(
        entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(),
        preset::names().collect::<Vec<_>>()
    );
}

/// The spec, serialized and loaded as a preset in another folder.
fn again(spec: &RunSpec) -> RunSpec {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.yaml");
    fs::write(&path, spec.to_yaml().unwrap()).unwrap();
    let resolved = load(path, &Overrides::default()).unwrap();
    assert_eq!(resolved.notes, [""; 0]);
    resolved.spec
}

#[test]
fn a_resolved_spec_is_a_preset_that_resolves_to_itself() {
    let turned = [
        "name='on'",
        "title='a: b # \"c\" \\ 1e3'",
        "about=\"two\\nlines, a\\ttab and \\e[2J\"",
        "train.optimizer={name: SGD, momentum: 0.9, nesterov: true, clipvalue: 1e-30}",
        "train.seed=18446744073709551615",
        "tokens.padding=post",
        "model.0.mask_zero=true",
        "watch={every: 3, budget: 1, pace: 12.5, probes: ['yes', '~', '0x1F', ' leading', '', 'naïve 😀']}",
    ];
    for name in preset::names() {
        let as_shipped = spec(name, &[]);
        assert_eq!(again(&as_shipped), as_shipped);
        if as_shipped.tokens.is_some() {
            let spec = spec(name, &turned);
            assert_eq!(again(&spec), spec);
        }
    }
}

#[test]
fn set_reaches_every_depth() {
    let spec = spec(
        "word-order",
        &[
            "train.epochs=2",
            "model.1.units=16",
            "model.1.units=17",
            "watch.probes=[a, b]",
            "watch.probes.1=c",
            "data.train=8",
        ],
    );
    assert_eq!(spec.train.epochs, 2);
    assert!(matches!(&spec.model[1].spec, unrolled::nn::LayerSpec::SimpleRNN(rnn) if rnn.units == 17));
    assert_eq!(spec.watch.probes, preset::Probes::Texts(vec!["a".into(), "c".into()]));
    assert!(matches!(&spec.data, DataSpec::Generated(data) if data.sizes().0 == 8));
}

#[test]
fn set_creates_missing_mappings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.yaml");
    let text = "title: x\ndata: {source: csv, path: a.csv}\ntokens: {vocabulary: 9, length: 3}\n\
                model: [{layer: Embedding, output_dim: 2}, {layer: SimpleRNN, units: 2}, {layer: Dense, units: 1, activation: sigmoid}]\n\
                train: {loss: binary_crossentropy}\n";
    fs::write(&path, text).unwrap();
    let set = sets(&[
        "data.validation.path=b.csv",
        "data.validation.label=y",
        "train.optimizer.name=SGD",
        "watch.every=5",
    ]);
    let spec = load(&path, &set).unwrap().spec;
    let DataSpec::Labelled(csv) = &spec.data else { unreachable!() };
    assert_eq!(csv.path, folder.path().join("a.csv"), "relative to the preset's file");
    let beside = std::env::current_dir().unwrap().join("b.csv");
    let expected = GivenValidation { path: beside, label: Some("y".into()), ..GivenValidation::default() };
    assert_eq!(csv.validation.as_ref(), Some(&Validation::Given(expected)), "relative to the current folder");
    assert_eq!((spec.train.optimizer.name(), spec.watch.every), ("SGD", 5));
}

#[test]
fn errors_of_overrides_name_the_override() {
    let cases = [
        "train.epochs",
        "=2",
        "train.epoch=2",
        "train.epochs=two",
        "train.epochs=0",
        "train.epochs=[",
        "model.3.units=1",
        "model.rnn.units=1",
        "title.x=1",
        "data.train=3",
        // Breaks a layer that the preset wrote itself.
        "model.1.layer=Dense",
    ];
    let entries = cases.map(|set| (format!("--set {set}"), refusal("word-order", &sets(&[set]))));
    assert_messages("presets_set", entries);
}

#[test]
fn a_seed_on_the_command_line_overrides_the_preset() {
    let overrides = Overrides { seed: Some(7), ..sets(&["train.seed=6"]) };
    assert_eq!(preset::load("word-order", &overrides).unwrap().spec.train.seed, 7);
}

#[test]
fn a_data_file_has_the_validation_file_beside_it_or_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let path = touch(folder.path().join("mine-train.csv"));
    let Resolved { spec, notes } = load("lecture-rnn8", &moved(&path)).unwrap();
    let DataSpec::Labelled(csv) = spec.data else { unreachable!() };
    assert_eq!((csv.path, csv.validation), (path.clone(), None));
    let note = notes.join("\n").replace(&folder.path().display().to_string(), "DIR");
    assert_messages("presets_without_validation", [("--data DIR/mine-train.csv", note)]);

    let beside = touch(folder.path().join("mine-test.csv"));
    let Resolved { spec, notes } = load("lecture-rnn8", &moved(&path)).unwrap();
    let DataSpec::Labelled(csv) = spec.data else { unreachable!() };
    assert_eq!((given(&csv), notes.len()), (Some(beside), 0));

    let elsewhere = touch(folder.path().join("deep/test.csv"));
    let set = format!("data.validation.path={}", elsewhere.display());
    let Resolved { spec, notes } =
        load("lecture-rnn8", &Overrides { set: vec![set], ..moved(&path) }).unwrap();
    let DataSpec::Labelled(csv) = spec.data else { unreachable!() };
    assert_eq!((given(&csv), notes.len()), (Some(elsewhere), 0));
}

#[test]
fn a_data_folder_with_train_and_test_gives_both() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("aclImdb");
    for split in ["train", "test"] {
        ["pos", "neg"].iter().for_each(|class| drop(touch(root.join(split).join(class).join("1.txt"))));
    }
    let Resolved { spec, notes } = load("lecture-rnn8", &moved(&root)).unwrap();
    let DataSpec::Labelled(data) = &spec.data else { unreachable!() };
    assert_eq!(data.path, root.join("train"));
    assert_eq!(given(data), Some(root.join("test")));
    assert_eq!(notes, [""; 0]);
    assert_eq!(again(&spec), spec);
}

#[test]
fn a_folder_of_classes_has_no_validation_even_beside_a_validation_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("reviews");
    ["good", "bad"].iter().for_each(|class| drop(touch(root.join(class).join("1.txt"))));
    for _ in 0..2 {
        let Resolved { spec, notes } = load("lecture-rnn8", &moved(&root)).unwrap();
        let DataSpec::Labelled(data) = spec.data else { unreachable!() };
        assert_eq!((&data.path, data.validation), (&root, None));
        assert!(matches!(notes.as_slice(), [note] if note.contains("no validation data")), "{notes:?}");
        // A file cannot be a folder of classes.
        touch(folder.path().join("aclImdb/test"));
    }
}

#[test]
fn a_preset_of_generated_data_rejects_data() {
    assert_messages(
        "presets_own_data",
        [("word-order --data a.csv", refusal("word-order", &moved("a.csv")))],
    );
}

#[test]
fn paths_are_relative_to_their_origin() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    fs::write(&path, preset::text("lecture-rnn8").unwrap()).unwrap();
    let here = std::env::current_dir().unwrap();
    let paths = |preset: &str, overrides: &Overrides| match preset::load(preset, overrides).unwrap().spec.data
    {
        DataSpec::Labelled(csv) => [csv.path.clone(), given(&csv).unwrap()],
        _ => unreachable!(),
    };
    let both = |folder: &Path| ["train", "test"].map(|part| folder.join("aclImdb").join(part));
    assert_eq!(paths("lecture-rnn8", &Overrides::default()), both(&here));
    assert_eq!(paths(path.to_str().unwrap(), &Overrides::default()), both(folder.path()));
    let set = sets(&["data.path=a/b.csv"]);
    let expected = [here.join("a/b.csv"), folder.path().join("aclImdb/test")];
    assert_eq!(paths(path.to_str().unwrap(), &set), expected);
}

#[test]
fn a_preset_from_another_system_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windows.yaml");
    let text = preset::text("word-order").unwrap();
    fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    let mut read = load(&path, &Overrides::default()).unwrap().spec;
    read.name = "word-order".into();
    assert_eq!(read, spec("word-order", &[]));
}

/// A good preset with some stretches of it replaced.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let text = preset::text("word-order").unwrap();
    let pieces = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        prop::sample::select(vec![
            "",
            ":",
            " ",
            "\n",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "&a ",
            "*a",
            "!t ",
            "|",
            ">",
            "'",
            "\"",
            "#",
            "\t",
            "? ",
            "---\n",
            "~",
            "0",
            "-1",
            "18446744073709551615",
            "1e308",
            ".nan",
            ".inf",
            "<<: ",
            "model:",
            "layer: Flatten",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    prop::collection::vec((0..text.len(), 0..12_usize, pieces), 1..4).prop_map(move |edits| {
        let mut bytes = text.as_bytes().to_vec();
        for (at, len, piece) in edits {
            let at = at.min(bytes.len());
            let end = (at + len).min(bytes.len());
            bytes.splice(at..end, piece);
        }
        bytes
    })
}

/// Whatever it is: an answer, and one that can be shown.
fn answers(bytes: &[u8], overrides: &Overrides) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.yaml");
    fs::write(&path, bytes).unwrap();
    match load(&path, overrides) {
        Ok(resolved) => assert_eq!(again(&resolved.spec), resolved.spec),
        Err(error) => assert!(error.to_string().chars().all(|c| !c.is_control()), "{error:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        answers(&bytes, &Overrides::default());
    }

    #[test]
    fn no_change_of_a_valid_preset_makes_the_parser_panic(bytes in mutated()) {
        answers(&bytes, &Overrides::default());
    }

    #[test]
    fn no_assignment_makes_the_parser_panic(
        path in prop::sample::select(vec!["model", "model.1", "model.1.units", "data.train", "tokens.length", "train.optimizer", "watch.pace", "a.b"]),
        value in prop_oneof!["\\PC{0,12}", "[0-9]{1,20}", "-?[0-9]\\.[0-9]e-?[0-9]{1,3}"],
    ) {
        answers(preset::text("word-order").unwrap().as_bytes(), &sets(&[&format!("{path}={value}")]));
    }
}

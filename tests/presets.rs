//! Presets as people write them: every broken one is refused by line and field, every good one comes back from its own YAML.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use unrolled::data::{DataSpec, GivenValidation, LabelledSpec, Validation};
use unrolled::preset::{self, Overrides, PresetError, Resolved, RunSpec};

/// Each file of `tests/presets/broken/` and what is said of it after its name; `…` stands for more of the same.
const BROKEN: [(&str, &str); 66] = [
    ("batch-size-0.yaml", ":12:15: train.batch_size: found 0; it must be at least 1"),
    (
        "channel-unknown.yaml",
        ":7:32: model.1.inputs: layer 1 (Embedding): `inputs` names `ending`, but the data have no such channel; there are word, case",
    ),
    (
        "channel-without-letters.yaml",
        ":4:64: tokens.channels.1.letters: found nothing; expected how many letters are an ending, 1 to 20",
    ),
    (
        "channels-of-texts.yaml",
        ":4:32: tokens.channels: found channels; expected no such key: only `source: tags` has words in channels",
    ),
    (
        "channels-unnamed.yaml",
        ":6:5: model.0.inputs: layer 0 (Embedding): the data have 2 channels, and the layer names none; add `inputs: [word]`; there are word, case",
    ),
    ("clipping-0.yaml", ":11:38: train.optimizer.clipvalue: `clipvalue` is 0; it must be above 0"),
    (
        "dense-on-ids.yaml",
        ":6:5: model.0: layer 0 (Dense): Dense reads numbers, but token ids reach it; put an Embedding before it",
    ),
    ("duplicate-key.yaml", ":14:15: the key `batch_size` stands twice in one mapping; leave one out"),
    (
        "embedding-second.yaml",
        ":7:5: model.1: layer 1 (Embedding): Embedding reads token ids, but numbers reach it; let it be the first layer, or name a channel of the data under `inputs`",
    ),
    ("empty.yaml", ": found nothing; expected a mapping with the keys title, data, tokens, model, train"),
    ("epochs-0.yaml", ":13:11: train.epochs: found 0; it must be at least 1"),
    ("escape-in-a-key.yaml", ":13:18: train.epochs␛[2J: unknown key `epochs␛[2J`; known: loss…"),
    (
        "input-dim-below-vocabulary.yaml",
        ":6:35: model.0.input_dim: layer 0 (Embedding): `input_dim` is 100, but there are 120 token ids; it must be at least 120; leave it out to get just that",
    ),
    ("layer-is-a-text.yaml", ":7:5: model.1: expected a mapping such as {layer: Embedding, …}"),
    (
        "learning-rate-0.yaml",
        ":11:42: train.optimizer.learning_rate: `learning_rate` is 0; it must be above 0",
    ),
    (
        "learning-rate-infinite.yaml",
        ":11:42: train.optimizer.learning_rate: `learning_rate` is inf; it must be above 0",
    ),
    ("length-0.yaml", ":4:48: tokens.length: found 0; expected at least 1"),
    ("list.yaml", ": found a list; expected a mapping with the keys title, data, tokens, model, train"),
    ("missing-key-layer.yaml", ":7:5: model.1: the key `units` is missing"),
    ("missing-key-tokens.yaml", ":4:9: tokens: the key `length` is missing"),
    ("missing-key.yaml", ":1:1: the key `title` is missing"),
    (
        "missing-layer-name.yaml",
        ":7:5: model.1: the key `layer` is missing; it is one of Embedding, Masking, …",
    ),
    ("missing-loss.yaml", ":10:3: train: the key `loss` is missing"),
    (
        "missing-source.yaml",
        ":3:7: data: the key `source` is missing; it is one of labelled, csv, jsonl, lines, folder, text, series, sequences, tags, generated",
    ),
    ("no-key-can-stand-here.yaml", ":7:29: model.1.units: unknown key `units`; none can stand here"),
    ("no-layers.yaml", ":5:8: model: the model has no layer; name at least one"),
    (
        "no-sigmoid-at-the-end.yaml",
        ":8:5: model.2.activation: layer 2 (Dense): binary_crossentropy judges probabilities, but the last layer's activation is linear; it must be sigmoid",
    ),
    ("no-yaml.yaml", ":2:6: this is no YAML: did not find expected ',' or ']'"),
    ("not-utf-8.yaml", ":1:21: found the byte 0xfc; a preset is UTF-8 text"),
    (
        "odd-sentences.yaml",
        ":3:52: data.train: found 63; expected an even number from 2 to 100,000: every sentence comes with its twin",
    ),
    (
        "odd-validation-sentences.yaml",
        ":3:68: data.validation: found 31; expected an even number from 0 to 100,000: every sentence comes with its twin",
    ),
    (
        "output-dim-0.yaml",
        ":6:36: model.0.output_dim: layer 0 (Embedding): `output_dim` is 0; it must be at least 1",
    ),
    ("pace-0.yaml", ":16:9: watch.pace: found 0; steps a second must be above 0 and finite"),
    (
        "plain-text.yaml",
        ": found a plain value; expected a mapping with the keys title, data, tokens, model, train",
    ),
    (
        "probes-no-list.yaml",
        ":16:11: watch.probes: found the text \"The film is not bad.\"; expected a list of texts, or how many sequences of the validation data to show",
    ),
    (
        "rnn-after-a-vector.yaml",
        ":8:5: model.2: layer 2 (SimpleRNN): SimpleRNN reads a sequence [time, features], but one vector [4] reaches it; give the recurrent layer before it `return_sequences: true`, or take this layer out",
    ),
    (
        "rnn-at-the-end.yaml",
        ":7:5: model.1: layer 1 (SimpleRNN): binary_crossentropy judges one number a sequence, (None, 1), but the model's output is (None, 4); end with `{layer: Dense, units: 1, activation: sigmoid}`",
    ),
    (
        "sequence-at-the-end.yaml",
        ":8:5: model.2: layer 2 (Dense): binary_crossentropy judges one number a sequence, (None, 1), but the model's output is (None, 16, 1); end with `{layer: Dense, units: 1, activation: sigmoid}`",
    ),
    ("tab.yaml", ":3:1: this is no YAML: found character that cannot start any token"),
    (
        "too-many-parameters.yaml",
        ":7:5: model.1: layer 1 (SimpleRNN): the model has too many parameters; 1,000,000,000 are possible",
    ),
    (
        "two-clippings.yaml",
        ":11:57: train.optimizer.global_clipnorm: both `clipnorm` and `global_clipnorm` are given; only one of the three can hold",
    ),
    (
        "two-units-at-the-end.yaml",
        ":8:27: model.2.units: the model tells 2 labels at once, but the data ask for one of 2 classes a sequence; expected 1",
    ),
    ("units-0.yaml", ":7:31: model.1.units: layer 1 (SimpleRNN): `units` is 0; it must be at least 1"),
    (
        "unknown-activation.yaml",
        ":8:42: model.2.activation: unknown word `sigmod`; did you mean `sigmoid`? known: linear…",
    ),
    ("unknown-key-data.yaml", ":3:52: data.trian: unknown key `trian`; did you mean `train`? known: train…"),
    (
        "unknown-key-layer.yaml",
        ":7:30: model.1.unit: unknown key `unit`; did you mean `units`? known: units…",
    ),
    ("unknown-key-optimizer.yaml", ":11:31: train.optimizer.lr: unknown key `lr`; known: learning_rate…"),
    (
        "unknown-key-tokens.yaml",
        ":4:48: tokens.lenght: unknown key `lenght`; did you mean `length`? known: level…",
    ),
    (
        "unknown-key-train.yaml",
        ":12:14: train.batchsize: unknown key `batchsize`; did you mean `batch_size`? known: loss…",
    ),
    ("unknown-key-watch.yaml", ":15:9: watch.evry: unknown key `evry`; did you mean `every`? known: every…"),
    ("unknown-key.yaml", ":2:8: abuot: unknown key `abuot`; did you mean `about`? known: name…"),
    (
        "unknown-layer.yaml",
        ":7:13: model.1.layer: unknown layer `SimpleRnn`; did you mean `SimpleRNN`? known: Embedding…",
    ),
    ("unknown-level.yaml", ":4:17: tokens.level: unknown word `letter`; known: word…"),
    (
        "unknown-loss.yaml",
        ":10:9: train.loss: unknown word `binary_cross_entropy`; did you mean `binary_crossentropy`? known: binary_crossentropy…",
    ),
    (
        "unknown-optimizer.yaml",
        ":11:21: train.optimizer.name: unknown name `Adamm`; did you mean `Adam`? known: SGD…",
    ),
    (
        "unknown-source.yaml",
        ":3:16: data.source: unknown source `genrated`; did you mean `generated`? known: labelled…",
    ),
    (
        "unknown-task.yaml",
        ":3:33: data.task: unknown task `word-ordre`; did you mean `word-order`? known: word-order…",
    ),
    (
        "vocabulary-1.yaml",
        ":4:35: tokens.vocabulary: found 1; expected at least 3: padding and unknown are counted",
    ),
    ("watch-every-0.yaml", ":15:10: watch.every: found 0; it must be at least 1"),
    (
        "wrong-type-boolean.yaml",
        r#":7:52: model.1.return_sequences: found the text "yes"; expected true or false"#,
    ),
    (
        "wrong-type-fraction.yaml",
        ":13:11: train.epochs: found the number `2.5`; expected a whole number, 0 or more",
    ),
    ("wrong-type-list.yaml", r#":5:8: model: found the text "SimpleRNN"; expected a list"#),
    (
        "wrong-type-mapping.yaml",
        r#":4:9: tokens: found the text "word"; expected a mapping of keys to values"#,
    ),
    (
        "wrong-type-negative.yaml",
        ":12:15: train.batch_size: found the number `-32`; expected a whole number, 0 or more",
    ),
    ("wrong-type-nothing.yaml", ":1:7: title: found nothing; expected a text"),
    (
        "wrong-type-number.yaml",
        r#":7:31: model.1.units: found the text "four"; expected a whole number, 0 or more"#,
    ),
];

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
fn every_broken_preset_is_refused_by_file_line_and_field() {
    let folder = "tests/presets/broken";
    let named: BTreeSet<String> = BROKEN.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(named, names_in(folder), "the table and the folder hold the same");
    let wrong = BROKEN.iter().filter_map(|(name, expected)| {
        let path = format!("{folder}/{name}");
        let said = refusal(&path, &Overrides::default());
        let said = said.strip_prefix(&path).unwrap_or(&said);
        // Lists of names grow with the program.
        let right = match expected.strip_suffix('…') {
            Some(beginning) => said.starts_with(beginning),
            None => said == *expected,
        };
        (!right).then(|| format!("{name}{said}"))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_preset_that_is_not_there_is_told_by_name_or_path() {
    let none = Overrides::default();
    let names: Vec<&str> = preset::names().collect();
    assert_eq!(
        refusal("word-ordr", &none),
        format!(
            "word-ordr: unknown preset `word-ordr`; did you mean `word-order`? known: {}; or give the path of a YAML file",
            names.join(", ")
        )
    );
    let absent = refusal("no/such/preset.yaml", &none);
    assert!(absent.starts_with("no/such/preset.yaml: the preset cannot be read: "), "{absent}");
}

#[test]
fn the_catalogue_and_the_folder_of_presets_hold_the_same() {
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

/// What the spec says of itself as a preset in another folder.
fn again(spec: &RunSpec) -> RunSpec {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.yaml");
    fs::write(&path, spec.to_yaml().unwrap()).unwrap();
    let resolved = load(path, &Overrides::default()).unwrap();
    assert_eq!(resolved.notes, [""; 0]);
    resolved.spec
}

#[test]
fn a_resolved_spec_is_itself_a_preset_that_resolves_to_it() {
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
fn set_makes_the_mappings_that_are_missing() {
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
    assert_eq!(csv.validation.as_ref(), Some(&Validation::Given(expected)), "relative to the present folder");
    assert_eq!((spec.train.optimizer.name(), spec.watch.every), ("SGD", 5));
}

#[test]
fn what_set_breaks_is_said_of_set() {
    let cases = [
        ("train.epochs", "--set train.epochs: expected KEY=VALUE, as in train.epochs=2"),
        ("=2", "--set =2: expected KEY=VALUE, as in train.epochs=2"),
        (
            "train.epoch=2",
            "--set train.epoch=2: train.epoch: unknown key `epoch`; did you mean `epochs`? known: loss…",
        ),
        (
            "train.epochs=two",
            "--set train.epochs=two: train.epochs: found the text \"two\"; expected a whole number, 0 or more",
        ),
        ("train.epochs=0", "--set train.epochs=0: train.epochs: found 0; it must be at least 1"),
        (
            "train.epochs=[",
            "--set train.epochs=[: train.epochs: `[` is no YAML value; quote a text that has special characters",
        ),
        ("model.3.units=1", "--set model.3.units=1: model.3.units: the list has the items 0 to 2, not `3`"),
        (
            "model.rnn.units=1",
            "--set model.rnn.units=1: model.rnn.units: the list has the items 0 to 2, not `rnn`",
        ),
        ("title.x=1", "--set title.x=1: title.x: `x` cannot be looked up in a plain value"),
        (
            "data.train=3",
            "--set data.train=3: data.train: found 3; expected an even number from 2 to 100,000: every sentence comes with its twin",
        ),
        ("model.1.layer=Dense", "--set model.1.layer=Dense: model.2: layer 2"),
    ];
    for (set, expected) in cases {
        let said = refusal("word-order", &sets(&[set]));
        // The last one breaks a layer that the preset wrote itself.
        match (expected.split_once("model.2: "), expected.strip_suffix('…')) {
            (Some((_, what)), _) => {
                assert!(said.starts_with("preset word-order:") && said.contains(what), "{said}")
            }
            (_, Some(beginning)) => assert!(said.starts_with(beginning), "{said}"),
            _ => assert_eq!(said, expected),
        }
    }
}

#[test]
fn a_seed_on_the_command_line_wins() {
    let overrides = Overrides { seed: Some(7), ..sets(&["train.seed=6"]) };
    assert_eq!(preset::load("word-order", &overrides).unwrap().spec.train.seed, 7);
}

#[test]
fn a_data_file_takes_validation_from_beside_it_or_says_that_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = touch(folder.path().join("mine-train.csv"));
    let Resolved { spec, notes } = load("lecture-rnn8", &moved(&path)).unwrap();
    let DataSpec::Labelled(csv) = spec.data else { unreachable!() };
    assert_eq!((csv.path, csv.validation), (path.clone(), None));
    assert!(
        matches!(notes.as_slice(), [note] if note.contains("no validation data") && note.contains("data.validation.path="))
    );

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
fn a_preset_that_makes_its_own_data_refuses_others() {
    assert_eq!(
        refusal("word-order", &moved("a.csv")),
        "--data a.csv: this preset makes its own data; --data is for presets that read files"
    );
}

#[test]
fn paths_are_relative_to_where_they_were_written() {
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
    fn no_bytes_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        answers(&bytes, &Overrides::default());
    }

    #[test]
    fn no_change_of_a_good_preset_brings_the_reader_down(bytes in mutated()) {
        answers(&bytes, &Overrides::default());
    }

    #[test]
    fn no_assignment_brings_the_reader_down(
        path in prop::sample::select(vec!["model", "model.1", "model.1.units", "data.train", "tokens.length", "train.optimizer", "watch.pace", "a.b"]),
        value in prop_oneof!["\\PC{0,12}", "[0-9]{1,20}", "-?[0-9]\\.[0-9]e-?[0-9]{1,3}"],
    ) {
        answers(preset::text("word-order").unwrap().as_bytes(), &sets(&[&format!("{path}={value}")]));
    }
}

//! Networks in the files of other programs.
//!
//! `cargo test --release --test interop -- --ignored` writes every network of `tests/keras`, lets Keras predict with it, and imports what Keras saves:
//! `KERAS_PYTHON` names a Python with the packages of `tests/interop/requirements.txt`. `onnx` does the same with ONNX Runtime.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "keras/case.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod case;
#[path = "interop/onnx.rs"]
mod onnx;
#[path = "interop/torch.rs"]
mod torch;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use case::{Case, load, own_fixtures};
use flate2::read::GzDecoder;
use ndarray::Array2;
use proptest::prelude::*;
use serde_json::json;
use unrolled::interop::keras::{self, KerasFile};
use unrolled::interop::zip::{self, Archive};
use unrolled::interop::{ImportedNetwork, NetworkDescription, hdf5};
use unrolled::nn::{Input, LayerNode, Mode, Model, Shard, TargetsView};
use unrolled::preset::{self, Overrides};

/// The networks of `tests/keras` with their names.
fn cases() -> Vec<(String, Case)> {
    let folder = std::env::var_os("PARITY_FIXTURES").map_or_else(own_fixtures, PathBuf::from);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut all: Vec<(String, Case)> =
        files.iter().map(|file| (name(file), Case::read(file).unwrap())).collect();
    let random = Case::read_packed(&own_fixtures().with_file_name("random.jsonl")).unwrap();
    all.extend(random.into_iter().enumerate().map(|(i, case)| (format!("random-{i}"), case)));
    all
}

/// Writes a network to `NAME.keras` in the folder `to`, and its data and predictions to `NAME.json`.
fn write(to: &Path, name: &str, case: &Case) -> Result<(), String> {
    let (layers, channels, model) = (case.layers()?, case.channels()?, case.model()?);
    let mut params = model.params();
    load(&mut params, case)?;
    let network = NetworkDescription::new(name, &layers, &channels, case.loss()?, &params);
    let network = network.map_err(|error| error.to_string())?;
    let bytes = keras::archive(&network).map_err(|error| error.to_string())?;
    std::fs::write(to.join(format!("{name}.keras")), bytes).unwrap();
    let (shape, x) = case.tensor("x")?;
    let rows = shape[0] / case.batches();
    let mut shard = Shard::new(&model, &params);
    case.load_batch(&mut shard, 0, 0..rows)?;
    shard.forward(&model, &params, Mode::Evaluate);
    let out: Vec<f32> = shard.output(&model).iter().copied().collect();
    let mut shape = shape.clone();
    shape[0] = rows;
    let x = &x[..shape.iter().product()];
    let has_channels = case.config["data"]["channels"].is_array();
    let text = json!({
        "x": x, "shape": shape, "channels": has_channels, "out": out, "logits": network.activation.map(|f| f.name()),
    });
    std::fs::write(to.join(format!("{name}.json")), text.to_string()).unwrap();
    Ok(())
}

/// Imports what Keras has saved with other weights, and compares with what it predicted; returns the difference.
fn compare_saved(saved: &Path, name: &str, case: &Case) -> Result<f32, String> {
    let read = |ending: &str| {
        std::fs::read(saved.join(format!("{name}.{ending}"))).map_err(|error| error.to_string())
    };
    let expected: serde_json::Value = serde_json::from_slice(&read("json")?).unwrap();
    let file = KerasFile::open(read("keras")?).map_err(|error| error.to_string())?;
    let (known, channels, loss) = (case.layers()?, case.channels()?, case.loss()?);
    let names: Vec<String> =
        channels.iter().map(|(name, _)| name.clone()).filter(|name| !name.is_empty()).collect();
    let found = file.model(&names).map_err(|error| error.to_string())?.ok_or("there are no layers")?;
    // Keras may have put parallel layers in another order; their names begin with the number here.
    let layer = |entry: &serde_json::Value| {
        let name = entry["config"]["name"].as_str()?;
        let number: usize = name.strip_prefix("layer_")?.split('_').next()?.parse().ok()?;
        let inputs =
            entry.get("inputs").map_or(Ok(Vec::new()), |inputs| serde_json::from_value(inputs.clone()));
        Some(LayerNode { inputs: inputs.ok()?, ..known.get(number)?.clone() })
    };
    let layers: Option<Vec<LayerNode>> = found.as_array().into_iter().flatten().map(layer).collect();
    let layers = layers.filter(|layers| layers.len() == known.len()).ok_or_else(|| found.to_string())?;
    let model = Model::of_channels(&layers, &channels, loss).map_err(|error| error.to_string())?;
    let mut params = model.params();
    let weights = {
        let network = NetworkDescription::new(name, &layers, &channels, loss, &params);
        file.weights(&network.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?
    };
    for (param, values) in params.table().to_vec().into_iter().zip(weights.into_iter().flatten()) {
        params.values_mut()[param.range].copy_from_slice(&values);
    }
    let rows = case.tensor("x")?.0[0] / case.batches();
    let mut shard = Shard::new(&model, &params);
    case.load_batch(&mut shard, 0, 0..rows)?;
    shard.forward(&model, &params, Mode::Evaluate);
    let ours: Vec<f32> = shard.output(&model).iter().copied().collect();
    let theirs: Vec<f32> = serde_json::from_value(expected["out"].clone()).unwrap();
    let scale = theirs.iter().fold(1.0_f32, |max, x| max.max(x.abs()));
    let difference = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale;
    match ours.len() == theirs.len() && difference <= expected["tolerance"].as_f64().unwrap() as f32 {
        true => Ok(difference),
        false => Err(format!("{difference:.1e} of {scale:.1e}")),
    }
}

#[test]
#[ignore = "needs Keras"]
fn keras_predicts_the_same() {
    let folder = std::env::var_os("INTEROP_FILES").map(PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let to = folder.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&to).unwrap();
    let (mut written, mut failed) = (Vec::new(), Vec::new());
    for (name, case) in cases() {
        match write(&to, &name, &case) {
            Ok(()) => written.push((name, case)),
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    println!("{} networks; not written: {failed:#?}", written.len());
    let python = std::env::var_os("KERAS_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/check.py");
    let status = Command::new(python).arg(script).arg(&to).status().unwrap();
    assert!(status.success() && written.len() > 100);
    let compared = written.iter().map(|(name, case)| (name, compare_saved(&to.join("saved"), name, case)));
    let (mut worst, mut differ) = (0.0_f32, Vec::new());
    for (name, difference) in compared {
        match difference {
            Ok(difference) => worst = worst.max(difference),
            Err(error) => differ.push(format!("{name}: {error}")),
        }
    }
    println!("{} networks saved by Keras are imported, greatest difference {worst:.1e}", written.len());
    assert!(differ.is_empty(), "{differ:#?}");
    // Activations with parameters for which Keras has no layer.
    assert!(failed.iter().all(|error| error.contains("cannot store the activation")), "{failed:#?}");
}

/// The content of a compressed file in `tests/interop/files`.
fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/interop/files/{name}.gz"));
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn import(keras: &KerasFile, preset: Option<&str>) -> Result<ImportedNetwork, String> {
    let given = || preset.map(|text| preset::reload(text, &Overrides::default()).unwrap().spec);
    let spec =
        keras.spec(None, &[]).map_err(|error| error.to_string())?.or_else(given).ok_or("only weights")?;
    ImportedNetwork::of_keras(keras, spec).map_err(|error| error.to_string())
}

fn predict(network: &ImportedNetwork, ids: &serde_json::Value) -> Vec<f32> {
    let rows: Vec<Vec<u32>> = serde_json::from_value(ids.clone()).unwrap();
    let x = Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap();
    let mut shard = Shard::new(&network.model, &network.params);
    shard.load(Input::Ids(x.view()), TargetsView::None);
    shard.forward(&network.model, &network.params, Mode::Evaluate);
    shard.output(&network.model).iter().copied().collect()
}

/// All tensors below `layers`, by their paths.
fn tensors(hdf5: &[u8]) -> BTreeMap<String, (Vec<usize>, Vec<u32>)> {
    let file = hdf5::File::open(hdf5).unwrap();
    let layers = file.root().unwrap().get("layers").unwrap();
    let read = |path: String| {
        let dataset = layers.get(&path).unwrap().dataset().unwrap();
        (path, (dataset.shape, dataset.values.iter().map(|value| value.to_bits()).collect()))
    };
    let paths = layers.datasets().unwrap().into_iter();
    // The states of random numbers are no weights.
    paths.filter(|path| !path.contains("seed_generator")).map(read).collect()
}

fn expected() -> serde_json::Map<String, serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/files/expected.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn files_of_keras_predict_here_what_they_predict_there() {
    let all = expected();
    assert_eq!(all.len(), 11);
    for (name, case) in all {
        let keras = KerasFile::open(file(&name)).unwrap();
        let imported = import(&keras, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        let theirs: Vec<f32> = serde_json::from_value(case["out"].clone()).unwrap();
        let ours = predict(&imported, &case["ids"]);
        let difference = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(ours.len() == theirs.len() && difference <= 1e-6, "{name}: {difference}");
    }
}

#[test]
fn what_is_imported_is_exported_with_the_same_weights() {
    for name in ["chain", "mixed", "branches"] {
        let bytes = file(&format!("{name}.keras"));
        let imported = import(&KerasFile::open(bytes.clone()).unwrap(), None).unwrap();
        let network = NetworkDescription::of_run(&imported.spec, &imported.params).unwrap();
        let exported = keras::weights(&network).unwrap();
        let original = Archive::open(&bytes).unwrap().member("model.weights.h5").unwrap().unwrap();
        assert_eq!(tensors(&exported), tensors(&original), "{name}");
        // And once more, through an archive of ours: to the byte.
        let archive = keras::archive(&network).unwrap();
        let again = import(&KerasFile::open(archive.clone()).unwrap(), None).unwrap();
        assert_eq!(again.params.values(), imported.params.values(), "{name}");
        let network = NetworkDescription::of_run(&again.spec, &again.params).unwrap();
        assert_eq!(keras::archive(&network).unwrap(), archive, "{name}");
    }
}

#[test]
fn weights_alone_are_read_into_a_preset() {
    let whole = KerasFile::open(file("chain.keras")).unwrap();
    let preset = whole.spec(None, &[]).unwrap().unwrap().to_yaml().unwrap();
    let of_archive = import(&whole, None).unwrap();
    let alone = KerasFile::open(file("chain.weights.h5")).unwrap();
    assert_eq!(import(&alone, None).err().as_deref(), Some("only weights"));
    let of_weights = import(&alone, Some(&preset)).unwrap();
    assert_eq!(of_weights.params.values(), of_archive.params.values());
    let wider = preset.replace("units: 3", "units: 4");
    let error = import(&alone, Some(&wider)).err().unwrap();
    insta::assert_snapshot!(error, @"layer 2 (Bidirectional `bidirectional`): `fwd.kernel` has the shape [4, 12] in the file, not [4, 16]");
}

/// An HDF5 file of `save` as one of `save_weights`: its root is the group with the attribute `layer_names`.
fn weights_alone(mut bytes: Vec<u8>) -> Vec<u8> {
    let tables = bytes.windows(4).enumerate().filter(|(_, window)| *window == b"SNOD").map(|(at, _)| at);
    let addresses: Vec<usize> = tables.flat_map(|at| (0..8).map(move |i| at + 16 + 40 * i)).collect();
    for at in addresses {
        // The address of the root in a superblock of version 0.
        bytes.copy_within(at..at + 8, 64);
        let names = hdf5::File::open(&bytes).unwrap().root().and_then(|root| root.strings("layer_names"));
        if let Ok(Some(_)) = names {
            return bytes;
        }
    }
    panic!("no group has layers")
}

/// `save_weights` of Keras 2 writes no configuration; the activations are those of the preset.
#[test]
fn weights_alone_of_keras_2_have_its_hard_sigmoid() {
    let bytes = file("keras2.h5");
    let whole = KerasFile::open(bytes.clone()).unwrap();
    let preset = whole.spec(None, &[]).unwrap().unwrap().to_yaml().unwrap();
    assert!(preset.contains("recurrent_activation: hard_sigmoid"), "{preset}");
    let alone = KerasFile::open(weights_alone(bytes)).unwrap();
    assert_eq!((alone.name(), alone.is_keras_2()), (None, true));
    let whole = import(&whole, None).unwrap();
    assert_eq!(import(&alone, Some(&preset)).unwrap().params.values(), whole.params.values());
    let soft = preset.replace("recurrent_activation: hard_sigmoid", "recurrent_activation: sigmoid");
    assert_ne!(import(&alone, Some(&soft)).unwrap().params.values(), whole.params.values());
}

/// Settings may replace the layers of a file by others, which are not those of its weights.
#[test]
fn layers_that_the_file_does_not_have_are_refused() {
    for name in ["chain.keras", "chain.h5"] {
        let keras = KerasFile::open(file(name)).unwrap();
        let model = keras.model(&[]).unwrap().unwrap();
        let layers = model.as_array().unwrap();
        let dropout = json!({"class_name": "Dropout", "config": {"rate": 0.5}});
        let more = [&layers[..5], &[dropout], &layers[5..]].concat();
        let fewer = [&layers[..4], &layers[5..]].concat();
        for (model, count) in [(more, 7), (fewer, 5)] {
            let spec = keras.spec(None, &[format!("model={}", json!(model))]).unwrap().unwrap();
            let error = ImportedNetwork::of_keras(&keras, spec).err().unwrap().to_string();
            let wanted = format!("the file has 6 layers, the settings have {count} in `model`");
            assert_eq!(error, wanted, "{name}");
        }
    }
}

/// Weights alone have no configuration that says which layers there are.
#[test]
fn weights_alone_of_more_or_fewer_layers_are_refused() {
    let keras = KerasFile::open(file("chain.keras")).unwrap();
    let alone = KerasFile::open(file("chain.weights.h5")).unwrap();
    let model = keras.model(&[]).unwrap().unwrap();
    let layers = model.as_array().unwrap();
    let fewer = [&layers[..2], &layers[3..]].concat();
    let norm = json!({"class_name": "LayerNormalization", "config": {}});
    let more = [&layers[..3], &[norm], &layers[3..]].concat();
    let weightless = [&layers[..4], &layers[5..]].concat();
    let imported = |model: Vec<serde_json::Value>| {
        let spec = keras.spec(None, &[format!("model={}", json!(model))]).unwrap().unwrap();
        ImportedNetwork::of_keras(&alone, spec).map_err(|error| error.to_string())
    };
    assert_eq!(
        imported(fewer).err().unwrap(),
        "the file has weights of layers that `model` of the settings has not: bidirectional; of its layers 3 have weights"
    );
    let error = imported(more).err().unwrap();
    assert!(
        error.ends_with(
            "the file has no weights of it, which would be in `layer_normalization`; it has those of bidirectional, dense, embedding, gru"
        ),
        "{error}"
    );
    assert!(imported(weightless).is_ok(), "a Dropout has no weights");
}

/// A file of Keras with another configuration.
fn with_config(change: impl Fn(&mut serde_json::Value)) -> Result<ImportedNetwork, String> {
    let bytes = file("chain.keras");
    let archive = Archive::open(&bytes).unwrap();
    let member = |name| archive.member(name).unwrap().unwrap();
    let mut config = serde_json::from_slice(&member("config.json")).unwrap();
    change(&mut config);
    let (config, weights) = (config.to_string(), member("model.weights.h5"));
    let changed = zip::write(&[("config.json", config.as_bytes()), ("model.weights.h5", &weights)]).unwrap();
    import(&KerasFile::open(changed).map_err(|error| error.to_string())?, None)
}

#[test]
fn what_cannot_be_imported_is_named() {
    let layer = |i: usize, key: &str, value: serde_json::Value| {
        let key = key.to_owned();
        move |config: &mut serde_json::Value| config["config"]["layers"][i][&key] = value.clone()
    };
    let argument = |i: usize, key: &str, value: serde_json::Value| {
        let key = key.to_owned();
        move |config: &mut serde_json::Value| config["config"]["layers"][i]["config"][&key] = value.clone()
    };
    let errors = [
        with_config(layer(2, "class_name", "Lambda".into())),
        with_config(layer(2, "class_name", "ConvLSTM1D".into())),
        with_config(layer(2, "class_name", "TextVectorization".into())),
        with_config(argument(1, "output_dim", 5.into())),
        with_config(argument(4, "dtype", "bfloat16".into())),
        with_config(argument(6, "activation", "linear".into())),
        with_config(|config| config["class_name"] = "MyModel".into()),
        with_config(|config| {
            config["config"]["layers"][3]["config"]["backward_layer"]["config"]["units"] = 9.into()
        }),
        KerasFile::open(b"not a file".to_vec())
            .map_err(|error| error.to_string())
            .and_then(|file| import(&file, None)),
    ];
    let messages: Vec<String> = errors.into_iter().map(|error| error.err().unwrap()).collect();
    insta::assert_snapshot!("not_imported", messages.join("\n"));
}

/// `Dense(3)` and `Activation("softmax")` are `Dense(3, activation="softmax")`, also without a preset.
#[test]
fn an_activation_behind_the_last_dense_says_what_the_data_are() {
    let plain = with_config(|_| {}).unwrap();
    let apart = with_config(|config| {
        let layers = config["config"]["layers"].as_array_mut().unwrap();
        let activation = layers[6]["config"]["activation"].take();
        layers[6]["config"]["activation"] = "linear".into();
        let config = json!({"name": "activation", "activation": activation});
        layers.push(json!({"class_name": "Activation", "module": "keras.layers", "config": config}));
    });
    let apart = apart.unwrap();
    assert_eq!(apart.spec.train.loss, plain.spec.train.loss);
    assert_eq!(apart.spec.data, plain.spec.data);
    assert_eq!(apart.params.values(), plain.params.values());
    assert_eq!(apart.spec.model.len(), plain.spec.model.len() + 1);
}

/// What is no classifier of one text is no guess of its data: a preset says what they are.
#[test]
fn networks_that_do_not_say_what_their_data_are_need_a_preset() {
    let every_step = with_config(|config| {
        let layers = config["config"]["layers"].as_array_mut().unwrap();
        let (embedding, mut dense) = (layers[1].clone(), layers[6].clone());
        dense["config"]["name"] = "tags".into();
        layers.truncate(1);
        layers.extend([embedding, dense]);
    });
    let input =
        |name: &str| json!({"class_name": "InputLayer", "config": {"name": name, "batch_shape": [null, 4]}});
    let tensor =
        |name: &str| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}});
    let both = json!([{"args": [[tensor("a"), tensor("b")]], "kwargs": {}}]);
    let join = json!({"class_name": "Concatenate", "config": {"name": "c"}, "inbound_nodes": both});
    let network = json!({"name": "two", "layers": [input("a"), input("b"), join],
        "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": ["c", 0, 0]});
    let config = json!({"class_name": "Functional", "config": network}).to_string();
    let bytes = zip::write(&[("config.json", config.as_bytes()), ("model.weights.h5", b"")]).unwrap();
    let two_inputs = import(&KerasFile::open(bytes).unwrap(), None);
    for (found, expected) in [
        (
            every_step,
            "the network has an output at every step: what its data are is to be given by a preset, --as",
        ),
        (two_inputs, "the network has 2 inputs: what its data are is to be given by a preset, --as"),
    ] {
        let error = found.err().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever bytes are changed in a file, it is imported or refused.
    #[test]
    fn changed_files_never_panic(index in any::<prop::sample::Index>(), name in 0_usize..4, byte in any::<u8>()) {
        let mut bytes = file(["chain.keras", "branches.h5", "keras2.h5", "keras2-branches.h5"][name]);
        let at = index.index(bytes.len());
        bytes[at] = byte;
        if let Ok(keras) = KerasFile::open(bytes) {
            let _ = import(&keras, None);
        }
    }
}

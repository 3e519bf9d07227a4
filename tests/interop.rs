//! Networks in the files of other programs.
//!
//! `cargo test --release --test interop -- --ignored` writes every network of `tests/keras`, and lets Keras predict with it:
//! `KERAS_PYTHON` names a Python with the packages of `tests/interop/requirements.txt`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "keras/case.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod case;

use std::path::{Path, PathBuf};
use std::process::Command;

use case::{Case, load, own_fixtures};
use serde_json::json;
use unrolled::interop::{NetworkDescription, keras};
use unrolled::nn::{Mode, Shard};

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

#[test]
#[ignore = "needs Keras"]
fn keras_predicts_the_same() {
    let folder = std::env::var_os("INTEROP_FILES").map(PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let to = folder.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&to).unwrap();
    let (mut written, mut failed) = (0, Vec::new());
    for (name, case) in cases() {
        match write(&to, &name, &case) {
            Ok(()) => written += 1,
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    println!("{written} networks; not written: {failed:#?}");
    let python = std::env::var_os("KERAS_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/check.py");
    let status = Command::new(python).arg(script).arg(&to).status().unwrap();
    assert!(status.success() && written > 100);
    // Activations with parameters for which Keras has no layer.
    assert!(failed.iter().all(|error| error.contains("cannot store the activation")), "{failed:#?}");
}

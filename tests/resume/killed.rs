//! The real program, killed at any moment.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::*;

/// Presets with dropout, states, plateaus, early stopping, streamed data, and how to shrink them.
fn trainings(data: &Path) -> Vec<Vec<String>> {
    let rows =
        (0..300).map(|n| format!("{} it was n{n},{}\n", if n % 3 == 0 { "bad" } else { "good" }, n % 3 == 0));
    let table = data.join("table.csv");
    fs::write(&table, "text,label\n".to_owned() + &rows.collect::<String>()).unwrap();
    let streamed = data.join("streamed.yaml");
    fs::write(
        &streamed,
        "data: {source: csv, path: table.csv, stream: {buffer: 50}, validation: 0.2}
tokens: {vocabulary: 40, length: 6}
model:
  - {layer: Embedding, output_dim: 4, mask_zero: true}
  - {layer: GRU, units: 4, dropout: 0.2}
  - {layer: Dense, units: 1, activation: sigmoid}
train: {loss: binary_crossentropy, batch_size: 8, epochs: 6, schedule: {name: plateau, patience: 1, min_delta: 0.1}}
watch: {every: 5, probes: 2}
",
    )
    .unwrap();
    let small = ["data.train=160", "data.validation=40", "train.batch_size=8", "watch.every=7"];
    let set = |args: &[&str]| {
        args.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]).collect::<Vec<String>>()
    };
    let named =
        |preset: &str, more: &[&str]| [vec![preset.to_owned()], set(&[&small, more].concat())].concat();
    vec![
        named("word-order", &["train.epochs=6", "train.validate_every=6", "train.checkpoint.every_steps=9"]),
        named(
            "word-order",
            &[
                "train.epochs=40",
                "train.early_stopping={patience: 2, min_delta: 0.01, restore_best_weights: true}",
            ],
        ),
        named(
            "word-order",
            &[&format!("model={}", MODELS[1]), "train.epochs=6", "train.checkpoint.every_seconds=0.02"],
        ),
        [vec![streamed.to_str().unwrap().to_owned()], Vec::new()].concat(),
    ]
}

fn begin(args: &[String], folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unrolled"));
    command.arg("train").args(args).args(["--headless", "--threads", "1", "--resume-or-start", "--run"]);
    command.arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn finish(args: &[String], folder: &Path) -> Duration {
    let began = std::time::Instant::now();
    let output = begin(args, folder).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    began.elapsed()
}

/// Kills trainings at moments that the seed `n` gives, up to three times each, and resumes them to the end.
fn kill(seeds: std::ops::Range<u64>) {
    let data = tempfile::tempdir().unwrap();
    let trainings = trainings(data.path());
    let whole: Vec<(TempDir, Duration)> = trainings
        .iter()
        .map(|args| {
            let dir = tempfile::tempdir().unwrap();
            let took = finish(args, &run_folder(&dir));
            (dir, took)
        })
        .collect();
    let mut killed = 0;
    for seed in seeds {
        let index = seed as usize % trainings.len();
        let (args, (whole, took)) = (&trainings[index], &whole[index]);
        let dir = tempfile::tempdir().unwrap();
        // A linear congruential generator: moments from the start of the program to its end.
        let mut random = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for _ in 0..1 + seed % 3 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let share = (random >> 33) as f64 / f64::from(u32::MAX >> 1);
            let mut child = begin(args, &run_folder(&dir));
            sleep(took.mul_f64(share));
            child.kill().unwrap();
            killed += usize::from(!child.wait().unwrap().success());
        }
        finish(args, &run_folder(&dir));
        assert_same(&dir, whole);
    }
    assert!(killed > 0);
}

#[test]
fn a_run_that_is_killed_and_resumed_is_the_run_that_was_not() {
    kill(0..10);
}

/// `cargo test --release --test resume -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn two_hundred_runs_that_are_killed_are_those_that_were_not() {
    kill(0..200);
}

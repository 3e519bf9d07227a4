//! Sequences of numbers: training, prediction and evaluation on recordings and time series, in separate processes.

use std::f64::consts::TAU;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::*;

/// Tones that rise or fall, of several lengths and rates: `words/train` and `words/test`, a folder per class.
fn words(folder: &Path) {
    for (part, count) in [("train", 12), ("test", 4)] {
        for n in 0..count {
            for (class, slope) in [("fall", -1.0), ("rise", 1.0)] {
                let rate = [8_000, 16_000, 22_050][n % 3];
                let seconds = 0.2 + 0.02 * n as f64;
                let path = folder.join(format!("words/{part}/{class}"));
                fs::create_dir_all(&path).unwrap();
                let spec = WavSpec {
                    channels: 1,
                    sample_rate: rate,
                    bits_per_sample: 16,
                    sample_format: SampleFormat::Int,
                };
                let mut wav = WavWriter::create(path.join(format!("{n}.wav")), spec).unwrap();
                for i in 0..(seconds * f64::from(rate)) as usize {
                    let t = i as f64 / f64::from(rate);
                    let frequency = 1_200.0 + slope * 1_000.0 * (t / seconds - 0.5);
                    wav.write_sample((6_000.0 * (TAU * frequency * t).sin()) as i16).unwrap();
                }
                wav.finalize().unwrap();
            }
        }
    }
}

const TONES: &str = "title: Tones
data: {source: sequences, path: nowhere, length: 50, features: 20}
model:
  - {layer: Masking}
  - {layer: GRU, units: 8}
  - {layer: Dense, units: 1, activation: sigmoid}
train: {loss: binary_crossentropy, optimizer: {name: Adam, learning_rate: 0.03}, batch_size: 8, epochs: 12}
watch: {every: 1, probes: 2}
";

fn probabilities(line: &Value) -> [f64; 2] {
    ["fall", "rise"].map(|class| line["probabilities"][class].as_f64().unwrap())
}

#[test]
fn a_run_on_recordings_predicts_from_its_folder_alone_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    words(at);
    fs::write(at.join("tones.yaml"), TONES).unwrap();
    let (out, _) = ends(unrolled(at, &["train", "tones.yaml", "--data", "words", "--run", "runs/a"]), 0);
    assert!(out.contains("val_accuracy 100.0 %"), "{out}");
    assert!(!out.contains("padding"), "{out}");

    let reader = Reader::open(&at.join("runs/a")).unwrap();
    let events: Vec<Event> = reader.events().unwrap().collect::<Result<_, RunError>>().unwrap();
    let probes: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Probe(frame) => Some((frame.probe, frame.prediction.clone())),
            _ => None,
        })
        .collect();
    let (_, message) = probes.iter().rfind(|(probe, _)| *probe == 0).unwrap();
    let steps = events.iter().find_map(|event| match event {
        Event::Probe(frame) => frame.activations.first().map(|h| h.values.len() / h.units),
        _ => None,
    });
    assert_eq!(steps, Some(18), "a probe is as long as its recording");

    let judged = fs::copy(at.join("words/test/fall/0.wav"), at.join("0.wav")).unwrap();
    assert!(judged > 0);
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--json"]), 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((judged["n_samples"].as_u64(), judged["accuracy"].as_f64()), (Some(8), Some(1.0)));
    fs::remove_dir_all(at.join("words")).unwrap();
    let (out, _) = ends(unrolled(at, &["predict", "a", "--json", "0.wav", "0.wav"]), 0);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), lines[0]["sequence"].as_str(), lines[0]["label"].as_str()),
        (2, Some("0.wav"), Some("fall"))
    );
    for (ours, theirs) in probabilities(&lines[1]).iter().zip(message) {
        assert!((ours - f64::from(*theirs)).abs() < 1e-6, "{ours} for {theirs}");
    }
    fs::write(at.join("1.wav"), "RIFF....WAVEfmt ").unwrap();
    let (_, message) = ends(unrolled(at, &["predict", "a", "1.wav"]), 2);
    assert!(message.contains("1.wav: found"), "{message}");
    let (_, message) = ends(unrolled(at, &["predict", "a", "--per-token", "0.wav"]), 2);
    assert!(message.contains("which have no tokens; omit --per-token"), "{message}");
}

#[test]
fn the_two_files_of_an_archive_are_found_with_their_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let file = |rows: usize| {
        let row = |n: usize| {
            let sign = if n.is_multiple_of(2) { "" } else { "-" };
            let steps = 3 + n % 3;
            let values = vec![format!("{sign}1.{n}"); steps].join(",");
            format!("{values}:{}:{}\n", vec!["0.5"; steps].join(","), ["up", "down"][n % 2])
        };
        let rows: String = (0..rows).map(row).collect();
        format!("@problemName Sign\n@dimensions 2\n@classLabel true up down\n@data\n{rows}")
    };
    fs::write(at.join("Sign_TRAIN.ts"), file(32)).unwrap();
    fs::write(at.join("Sign_TEST.ts"), file(6)).unwrap();
    fs::write(at.join("tones.yaml"), TONES).unwrap();
    let (out, _) = ends(unrolled(at, &["train", "tones.yaml", "--data", ".", "--run", "runs/a"]), 0);
    assert!(out.contains("val_accuracy 100.0 %"), "{out}");
    let spec = fs::read_to_string(at.join("runs/a/spec.yaml")).unwrap();
    assert!(
        spec.contains("features: 2") && spec.contains("length: 5") && spec.contains("Sign_TEST.ts"),
        "{spec}"
    );
    // The file that is named is evaluated, not the one beside it.
    for (file, count) in [("Sign_TRAIN.ts", 32), ("Sign_TEST.ts", 6)] {
        let (out, _) = ends(unrolled(at, &["evaluate", "a", "--data", file]), 0);
        assert!(out.contains(&format!("{file}: {count} sequences")), "{out}");
    }
    let (out, _) = ends(unrolled(at, &["predict", "a", "Sign_TEST.ts"]), 0);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines.len() == 6 && lines[0].starts_with("up") && lines[0].ends_with("Sign_TEST.ts:5"), "{out}");
    assert!(lines[5].starts_with("down"), "{out}");
    let (out, _) = ends(unrolled(at, &["evaluate", "a"]), 0);
    assert!(out.contains("6 sequences"), "{out}");
    let unmasked = ["train", "tones.yaml", "--data", ".", "--set", "model.0={layer: Dropout, rate: 0.1}"];
    let (out, _) = ends(unrolled(at, &[&unmasked[..], &["--run", "runs/b"]].concat()), 0);
    assert!(out.contains("begin with {layer: Masking}"), "{out}");
}

//! Several trainings as one, and the folders that they may use.

use super::*;

/// 200 texts whose label the words hint at and noise hides: the best epoch is not the last.
fn noisy_texts() -> String {
    let words = ["good", "fine", "bad", "poor", "day", "film", "the", "very", "plot", "cast"];
    let mut state = 12345_u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut rows = String::from("text,label\n");
    for _ in 0..200 {
        let text: Vec<&str> = (0..6).map(|_| words[next(10) as usize]).collect();
        let good = text.iter().filter(|word| ["good", "fine"].contains(word)).count();
        let bad = text.iter().filter(|word| ["bad", "poor"].contains(word)).count();
        let label = if next(10) < 3 { next(2) == 0 } else { good > bad };
        rows += &format!("{},{}\n", text.join(" "), if label { "yes" } else { "no" });
    }
    rows
}

const EARLY: &str = "\
data: {source: csv, path: noisy.csv, text: text, label: label, validation: 0.3}
tokens: {vocabulary: 20, length: 8}
model:
  - {layer: Embedding, output_dim: 8}
  - {layer: LSTM, units: 16}
  - {layer: Dense, units: 2, activation: softmax}
train:
  loss: sparse_categorical_crossentropy
  optimizer: {name: Adam, learning_rate: 0.02}
  epochs: 12
  early_stopping: {monitor: val_loss, patience: 20, restore_best_weights: true}
";

#[test]
fn the_summary_is_of_the_weights_that_the_runs_keep() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("noisy.csv"), noisy_texts()).unwrap();
    fs::write(folder.path().join("early.yaml"), format!("title: noise\n{EARLY}")).unwrap();
    let (out, _) = ends(
        unrolled(folder.path(), &["train", "early.yaml", "--seeds", "1..2", "--run", "r", "--jobs", "1"]),
        0,
    );
    assert!(out.contains("the weights are the best, of step "), "the last is not the best: {out}");
    for seed in 1..=2 {
        let (json, _) = ends(unrolled(folder.path(), &["evaluate", &format!("r/seed-{seed}"), "--json"]), 0);
        let json: Value = serde_json::from_str(&json).unwrap();
        let line = out.lines().rfind(|line| line.starts_with(&format!("seed-{seed} "))).unwrap();
        let loss = format!("val_loss {:.4}", json["loss"].as_f64().unwrap());
        let accuracy = format!("val_accuracy {:.1} %", json["accuracy"].as_f64().unwrap() * 100.0);
        assert!(line.contains(&loss) && line.contains(&accuracy), "{loss}, {accuracy}: {line}");
    }
}

#[test]
fn trainings_that_diverge_do_not_end_the_others_and_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = unrolled(folder.path(), &["train", "word-order", "--seeds", "1..2", "--run", "r"]);
    command.args(sets(&SMALL)).args(["--set", "train.optimizer={name: SGD, learning_rate: 1e38}"]);
    let (out, _) = ends(command, 3);
    for seed in ["seed-1      diverged: step ", "seed-2      diverged: step "] {
        assert!(out.lines().any(|line| line.starts_with(seed)), "{out}");
    }
    assert!(out.ends_with("none of 2 trainings finished\n"), "{out}");
}

#[test]
fn so_many_seeds_are_refused_with_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = ["train", "word-order", "--seeds", "1..18446744073709551615"];
    let (_, message) = ends(unrolled(folder.path(), &seeds), 2);
    assert!(message.contains("18446744073709551615 seeds; expected at most 10000"), "{message}");
}

#[test]
fn a_folder_that_is_not_empty_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).unwrap();
    for name in ["labels.json", "vocabulary.json", "scale.json"] {
        fs::write(mine.join(name), "[\"my own\"]").unwrap();
    }
    for more in [&["--headless"][..], &["--seeds", "1..2"]] {
        let mut command = train(folder.path(), "word-order", "mine", &SMALL);
        command.args(more);
        let (_, message) = ends(command, 2);
        let found = "mine is not empty: it contains labels.json, scale.json, vocabulary.json; choose";
        assert!(message.contains(found) && message.contains("--run"), "{message}");
    }
    assert_eq!(fs::read_dir(&mine).unwrap().count(), 3);
    assert_eq!(fs::read_to_string(mine.join("labels.json")).unwrap(), "[\"my own\"]");
}

#[test]
fn seeds_join_those_of_an_earlier_command_and_replace_none() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = |seeds: &str| {
        let mut command = unrolled(folder.path(), &["train", "word-order", "--seeds", seeds, "--run", "r"]);
        command.args(sets(&SMALL));
        command
    };
    ends(seeds("1..1"), 0);
    ends(seeds("2..2"), 0);
    let (out, message) = ends(seeds("2..3"), 2);
    assert!(message.contains("r/seed-2 already contains a run"), "{message}");
    assert_eq!(out, "", "before anything is trained");
}

#[test]
fn the_last_layer_has_as_many_units_as_the_data_have_classes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let write = |name: &str, text: String| fs::write(at.join(name), text).unwrap();
    write("three.csv", "text,label\n".to_owned() + &"one a,x\ntwo b,y\nsix c,z\n".repeat(20));
    write("two.csv", "text,label\n".to_owned() + &"one a,x\ntwo b,y\n".repeat(20));
    write("labels.csv", "text,label\n".to_owned() + &"one a,x;y\ntwo b,y\nsix c,z\n".repeat(20));
    let preset = |data: &str, last: &str, loss: &str| {
        format!(
            "data: {{source: csv, path: {data}, text: text, label: label}}\n\
             tokens: {{vocabulary: 9, length: 4}}\n\
             model: [{{layer: Embedding, output_dim: 2}}, {{layer: GRU, units: 2}}, {{layer: Dense, {last}}}]\n\
             train: {{loss: {loss}}}\n"
        )
    };
    let sparse = "sparse_categorical_crossentropy";
    for (i, (data, last, loss, units)) in [
        ("three.csv", "units: classes, activation: softmax", sparse, 3),
        ("three.csv", "activation: softmax", sparse, 3),
        ("two.csv", "units: classes, activation: softmax", sparse, 2),
        ("two.csv", "activation: sigmoid", "binary_crossentropy", 1),
        ("labels.csv, multi_label: true", "units: classes, activation: sigmoid", "binary_crossentropy", 3),
    ]
    .into_iter()
    .enumerate()
    {
        write("own.yaml", preset(data, last, loss));
        let run = format!("run-{i}");
        ends(unrolled(at, &["train", "own.yaml", "--headless", "--run", &run]), 0);
        let spec = fs::read_to_string(at.join(&run).join("spec.yaml")).unwrap();
        let found = spec.split("layer: Dense\n").nth(1).unwrap();
        assert!(found.trim_start().starts_with(&format!("units: {units}\n")), "{spec}");
        let file = data.split(',').next().unwrap();
        ends(unrolled(at, &["evaluate", &run, "--data", file]), 0);
    }
    // Without a title: the name stands for it.
    assert!(fs::read_to_string(at.join("run-0/spec.yaml")).unwrap().contains("title: own"));
}

#[test]
fn presets_of_any_size_are_refused_at_once_with_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let head = "data: {source: generated, task: word-order}\ntokens: {vocabulary: 9, length: 9}\n\
                train: {loss: binary_crossentropy}\n";
    let layers = |count| "  - {layer: Dense, units: 1}\n".repeat(count);
    for (text, message) in [
        (format!("{head}model:\n{}", layers(100_000)), "model: found 100000 layers; expected at most 1000"),
        (
            format!("{head}watch: {{probes: 1000000}}\nmodel:\n{}", layers(2)),
            "watch.probes: found 1000000 probes",
        ),
        (format!("{head}about: {}\n", "x".repeat(5 << 20)), "found more than 4 MiB"),
        (format!("{head}about: {}\n", "[".repeat(100_000)), "found more than 256 brackets within each other"),
    ] {
        fs::write(folder.path().join("large.yaml"), text).unwrap();
        let (_, found) = ends(unrolled(folder.path(), &["train", "large.yaml", "--headless"]), 2);
        assert!(found.contains(message), "{found}");
    }
}

#[test]
fn a_series_of_numbers_whose_squares_overflow_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (number, found) in
        [("1e308", "numbers from -1e308 to 1e308"), ("1e-200", "numbers from -1e-200 to 1e-200")]
    {
        let sign = |i| if i % 3 == 0 { "-" } else { "" };
        let rows: String = (1..=60).map(|i| format!("{i},{}{number}\n", sign(i))).collect();
        fs::write(folder.path().join("series.csv"), format!("day,sold\n{rows}")).unwrap();
        let preset = "data: {source: series, path: series.csv, date: day, values: [sold], window: 4, horizon: 1, validation: 0.2}\n\
                      model: [{layer: GRU, units: 2}, {layer: Dense}]\n\
                      train: {loss: mean_squared_error}\n";
        fs::write(folder.path().join("series.yaml"), preset).unwrap();
        let (_, message) = ends(unrolled(folder.path(), &["train", "series.yaml", "--headless"]), 2);
        assert!(message.contains(found) && message.contains("sold"), "{message}");
    }
}

#[test]
fn several_seeds_go_on_where_a_job_has_ended_and_finished_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let train = |run: &str, more: &[&str]| {
        let mut command = unrolled(folder.path(), &["train", "word-order", "--seeds", "1..3", "--run", run]);
        command.args(sets(&SMALL)).args(["--set", "train.epochs=100"]).args(more);
        command
    };
    let (whole, _) = ends(train("whole", &[]), 0);
    let lines = |seed: u64| fs::read_to_string(folder.path().join(format!("r/seed-{seed}/metrics.jsonl")));
    let has_begun = |seed| lines(seed).is_ok_and(|text| text.lines().count() > 3);
    // The job ends during the second training.
    let mut job = train("r", &["--resume-or-start", "--jobs", "1"]);
    let mut job = job.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !has_begun(2) {
        assert!(job.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(2));
    }
    kill_process(Pid::from_child(&job), Signal::TERM).unwrap();
    assert_eq!(job.wait().unwrap().code(), Some(130));
    assert!(!has_begun(3), "the job has ended too late for this test");
    let first = lines(1).unwrap();
    let (again, _) = ends(train("r", &["--resume-or-start"]), 0);
    let results = |text: &str| {
        let lines = text.lines().skip_while(|line| !line.starts_with("seed-1 "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((results(&again), results(&whole).len()), (results(&whole), 5));
    assert_eq!(lines(1).unwrap(), first, "a finished one is not trained again");
    let steps = |text: &str| text.lines().filter(|line| line.starts_with(r#"{"kind":"step""#)).count();
    assert_eq!([1, 2, 3].map(|seed| steps(&lines(seed).unwrap())), [800; 3]);
    // Without the flag, and with another preset, runs that are there are refused.
    let (_, message) = ends(train("r", &[]), 2);
    assert!(message.contains("seed-1"), "{message}");
    let mut other = unrolled(folder.path(), &["train", "vanishing-rnn", "--seeds", "1..2", "--run", "r"]);
    other.arg("--resume-or-start");
    let (_, message) = ends(other, 2);
    assert!(message.contains("contains a run of word-order, not one of vanishing-rnn"), "{message}");
}

/// The lines of the summary.
fn summary(out: &str) -> Vec<&str> {
    out.lines().skip_while(|line| !line.starts_with("seed-1 ")).collect()
}

#[test]
fn several_seeds_at_a_time_have_the_bits_and_the_summary_of_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let train = |run: &str, more: &[&str]| {
        let mut command = unrolled(folder.path(), &["train", "word-order", "--seeds", "1..3", "--run", run]);
        command.args(sets(&SMALL)).args(more);
        command
    };
    let (one, _) = ends(train("one", &["--jobs", "1"]), 0);
    let (all, _) = ends(train("all", &["--jobs", "3", "--headless"]), 0);
    assert_eq!((summary(&all), summary(&one).len()), (summary(&one), 5), "{all}");
    assert!(all.starts_with("3 trainings at a time with 1 thread each\n"), "{all}");
    let lines: Vec<&str> = all.lines().filter(|line| line.trim_start().starts_with('[')).collect();
    assert_eq!(lines.len(), 3, "{all}");
    assert!(lines[2].trim_start().starts_with("[3/3] seed-") && lines[2].contains("val_accuracy"), "{all}");
    for seed in ["seed-1", "seed-2", "seed-3"] {
        let [one, all] = ["one", "all"].map(|run| folder.path().join(run).join(seed));
        assert_eq!(last(&one, "model.safetensors"), last(&all, "model.safetensors"), "{seed}");
        assert_eq!(timeless(&one), timeless(&all), "{seed}");
    }
    let (_, message) = ends(unrolled(folder.path(), &["train", "word-order", "--jobs", "2"]), 2);
    assert!(message.contains("--jobs needs --seeds, --folds or --fractions"), "{message}");
}

#[test]
fn a_signal_ends_all_trainings_that_are_made_at_a_time_and_they_go_on_to_the_same_summary() {
    let folder = tempfile::tempdir().unwrap();
    let train = |run: &str| {
        let mut command = unrolled(folder.path(), &["train", "word-order", "--seeds", "1..3", "--run", run]);
        command.args(sets(&SMALL)).args(["--set", "train.epochs=60", "--jobs", "2", "--resume-or-start"]);
        command
    };
    let (whole, _) = ends(train("whole"), 0);
    let mut job = train("r").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let lines = |seed: u64| fs::read_to_string(folder.path().join(format!("r/seed-{seed}/metrics.jsonl")));
    let has_begun = |seed| lines(seed).is_ok_and(|text| text.lines().count() > 3);
    while !(has_begun(1) && has_begun(2)) {
        assert!(job.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(2));
    }
    kill_process(Pid::from_child(&job), Signal::TERM).unwrap();
    assert_eq!(job.wait().unwrap().code(), Some(130));
    assert!(!has_begun(3), "no other one begins");
    for seed in 1..=2 {
        assert!(folder.path().join(format!("r/seed-{seed}/checkpoints/last")).exists(), "it is saved");
    }
    let (again, _) = ends(train("r"), 0);
    assert_eq!((summary(&again), summary(&whole).len()), (summary(&whole), 5));
}

#[test]
fn several_seeds_of_a_preset_that_was_edited_are_refused_before_any_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let preset = folder.path().join("mine.yaml");
    let (text, _) = ends(unrolled(folder.path(), &["presets", "word-order"]), 0);
    let text = text.replace("train: 4000", "train: 256").replace("validation: 1000", "validation: 64");
    fs::write(&preset, &text).unwrap();
    let job = |seeds: &str| {
        let args = ["train", "mine.yaml", "--seeds", seeds, "--run", "r", "--resume-or-start"];
        let mut command = unrolled(folder.path(), &args);
        command.args(["--set", "train.epochs=1"]);
        command
    };
    ends(job("1..2"), 0);
    let edited = text.replace("learning_rate: 0.002", "learning_rate: 0.004");
    assert!(edited != text, "{text}");
    fs::write(&preset, edited).unwrap();
    let (_, message) = ends(job("1..3"), 2);
    for part in ["seed-1 was begun with train.optimizer.learning_rate 0.002", "has 0.004", "another folder"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!folder.path().join("r/seed-3").exists(), "none is trained");
    fs::write(&preset, text).unwrap();
    ends(job("1..3"), 0);
}

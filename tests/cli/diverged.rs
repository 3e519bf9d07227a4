//! Runs that diverge: where, with which batch, and what is left to go on from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use unrolled::run::Folder;
use unrolled::run::checkpoint::{Checkpoint, NamedTensor, Tensor};

use super::*;

/// What `divergence.json` has.
fn report(run: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(run.join("divergence.json")).unwrap()).unwrap()
}

/// A run of `preset` that diverges: what it prints at the end, and its report.
#[track_caller]
fn diverged(folder: &Path, preset: &str, set: &[&str]) -> (String, Value) {
    let mut command = train(folder, preset, "run", set);
    command.arg("--headless");
    let (out, _) = ends(command, 3);
    let run = folder.join("run");
    let report = report(&run);
    // What the last line of the metrics and of the output say, and what `show` does.
    let last = metrics(&run).pop().unwrap();
    assert_eq!((&last["kind"], &last["alert"]), (&"alert".into(), &"divergence".into()));
    assert_eq!(&last["text"], &report["reason"]);
    assert_eq!(last["step"], report["recent_steps"].as_array().unwrap().last().unwrap()["step"]);
    let line = out.lines().last().unwrap().to_owned();
    assert_eq!(line, format!("diverged: {}", report["reason"].as_str().unwrap()));
    (line, report)
}

/// The weights of the last checkpoint, all of them finite.
fn saved(run: &Path) -> (u64, Vec<Tensor>) {
    let loaded = checkpoint::read(run, Which::Last).unwrap();
    assert!(loaded.model.iter().all(|tensor| tensor.data.iter().all(|x| x.is_finite())));
    (loaded.step, loaded.model)
}

fn named(tensors: &[Tensor]) -> Vec<NamedTensor<'_>> {
    let named = tensors.iter().map(|Tensor { name, shape, data }| NamedTensor {
        name: name.clone(),
        shape: shape.clone(),
        data,
    });
    named.collect()
}

const RELU: [&str; 5] = [
    "data.train=256",
    "data.validation=64",
    "train.epochs=3",
    "model.1.activation=relu",
    "train.optimizer={name: SGD, learning_rate: 1e6}",
];

#[test]
fn a_run_that_diverges_names_layer_time_step_and_batch() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let (line, report) = diverged(folder.path(), "word-order", &RELU);
    let first = &report["non_finite"];
    assert_eq!((&first["phase"], &first["tensor"]), (&"forward".into(), &"h".into()), "{line}");
    assert_eq!((&first["layer"], &first["class"]), (&1.into(), &"SimpleRNN".into()));
    let (t, row) = (first["time_step"].as_u64().unwrap(), first["row"].as_u64().unwrap());
    assert!(t < 16 && row < 32);
    assert!(line.contains(&format!("the state h of layer 1 (SimpleRNN) at time step {t} is ")), "{line}");
    // The batch: as many sequences as the preset says, each with its ids, and the tokens of the one.
    let batch = &report["batch"];
    assert_eq!(batch["sequences"].as_array().unwrap().len(), 32);
    let ids = batch["inputs"][row as usize].as_array().unwrap();
    let real = ids.iter().filter(|id| **id != 0).count();
    assert_eq!((ids.len(), batch["tokens"].as_array().unwrap().len()), (16, real));
    assert_eq!(batch["targets"].as_array().unwrap().len(), 32);
    // The last steps are those of the metrics, and the weights are those before the step that failed.
    let steps: Vec<Value> = metrics(&run).into_iter().filter(|line| line["kind"] == "step").collect();
    let recent = report["recent_steps"].as_array().unwrap();
    assert_eq!(recent.len(), steps.len().min(32));
    for (recent, step) in recent.iter().rev().zip(steps.iter().rev()) {
        assert!(["step", "loss", "grad_norm", "learning_rate"].iter().all(|key| recent[key] == step[key]));
    }
    let step = report["step"].as_u64().unwrap();
    assert_eq!(step, steps.len() as u64 + 1);
    // The checkpoint before it stays as well, if there was one.
    let (saved_at, _) = saved(&run);
    assert_eq!((saved_at, &report["checkpoint"]), (step - 1, &Value::from(step - 1)));
    let shown = ends(unrolled(folder.path(), &["show", "run"]), 0).0;
    for row in [
        "not finite  the state h of layer 1",
        "step failed step ",
        "text        ",
        "batch       sequences ",
        "before      step ",
    ] {
        assert!(shown.contains(row), "{row}:\n{shown}");
    }
    let shown: Value =
        serde_json::from_str(&ends(unrolled(folder.path(), &["show", "run", "--json"]), 0).0).unwrap();
    assert_eq!((&shown["divergence"]["non_finite"], &shown["state"]), (first, &"diverged".into()));
    assert_eq!(shown["divergence"]["batch"]["inputs"], Value::Null);
}

#[test]
fn a_diverging_run_goes_on_from_the_weights_before_the_step_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let set = ["data.train=256", "data.validation=64", "train.epochs=2", "model.1.activation=relu"];
    ends(train(folder.path(), "word-order", "run", &set), 0);
    // A checkpoint whose recurrent weights are so large that the next step fails, and finite.
    let loaded = checkpoint::read(&run, Which::Last).unwrap();
    let mut model = loaded.model.clone();
    let kernel = model.iter_mut().find(|tensor| tensor.name == "1.recurrent_kernel").unwrap();
    kernel.data.iter_mut().for_each(|weight| *weight *= 1e15);
    let weights = kernel.data.clone();
    let reopened = Folder::reopen(&run).unwrap();
    let (step, state) = (loaded.step, loaded.state.clone());
    let (model, optimizer) = (named(&model), named(&loaded.optimizer));
    checkpoint::write(&reopened, &Checkpoint { step, model, optimizer, state, ..Checkpoint::default() })
        .unwrap();
    drop(reopened);
    let resume = |set: &[&str]| {
        let mut command = unrolled(folder.path(), &["resume", "run", "--headless"]);
        command.args(sets(set));
        command
    };
    let (out, _) = ends(resume(&["train.epochs=3"]), 3);
    let report = report(&run);
    let first = &report["non_finite"];
    assert_eq!((&first["tensor"], &first["layer"]), (&"h".into(), &1.into()), "{out}");
    // 1e15 twice overflows nothing, three times does.
    assert!(first["time_step"].as_u64().unwrap() >= 2, "{first}");
    assert_eq!((&report["step"], &report["checkpoint"]), (&17.into(), &16.into()));
    assert_eq!(saved(&run).0, 16);
    let kernel = saved(&run).1.into_iter().find(|tensor| tensor.name == "1.recurrent_kernel").unwrap();
    assert_eq!(kernel.data, weights);
    assert_eq!(checkpoint::by_step(&run).len(), 2, "the checkpoint before it stays as well");
}

#[test]
fn language_models_and_convolutions_name_the_number_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..400).map(|n| format!("line {} of the text\n", n * 7 % 10)).collect();
    fs::write(folder.path().join("mine.txt"), text).unwrap();
    ends(unrolled(folder.path(), &["new", "mine.txt", "--task", "language"]), 0);
    let rate = "train.optimizer={name: SGD, learning_rate: 1e30}";
    let (line, report) = diverged(folder.path(), "mine.yaml", &[rate, "train.epochs=1"]);
    // The update before has made weights infinite.
    let first = &report["non_finite"];
    assert_eq!((&first["phase"], &first["tensor"]), (&"weights".into(), &"0.embeddings".into()), "{line}");
    assert!(first["index"].is_array() && report["batch"]["inputs"].is_array(), "{line}");
    fs::rename(folder.path().join("run"), folder.path().join("first")).unwrap();
    let set = ["data.train=128", "data.validation=64", rate];
    let (line, report) = diverged(folder.path(), "word-order-conv1d", &set);
    assert!(report["non_finite"]["layer"].is_u64(), "{line}");
}

#[test]
fn a_loss_that_is_finite_and_absurd_has_no_such_number() {
    let folder = tempfile::tempdir().unwrap();
    let set = ["data.train=256", "data.validation=64", "train.optimizer={name: Adam, learning_rate: 30}"];
    let (line, report) = diverged(folder.path(), "word-order", &set);
    assert!(line.contains("far above that of"), "{line}");
    assert_eq!((&report["non_finite"], &report["batch"]), (&Value::Null, &Value::Null));
    assert_eq!(report["recent_steps"].as_array().unwrap().len(), 32);
}

/// Every file below `folder`, with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => [(path.clone(), fs::read(&path).unwrap())].into(),
    };
    entries.flat_map(of).collect()
}

#[test]
fn a_run_without_good_weights_is_not_resumed_and_stays_as_it_is() {
    for (optimizer, checkpoint) in [
        ("train.optimizer={name: SGD, learning_rate: 1e6}", false),
        ("train.optimizer={name: Adam, learning_rate: 30}", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let set = ["data.train=256", "data.validation=64", "train.epochs=1", optimizer];
        let (_, report) = diverged(folder.path(), "word-order", &set);
        // Absurd weights are no good ones; those of the last step leave nothing to train.
        assert_eq!(report["checkpoint"].is_u64(), checkpoint, "{report}");
        let before = files(&run);
        let resume = unrolled(folder.path(), &["resume", "run", "--headless"]);
        let mut slower = unrolled(folder.path(), &["resume", "run", "--headless"]);
        slower.args(["--set", "train.optimizer.learning_rate=0.01"]);
        let mut job = train(folder.path(), "word-order", "run", &set);
        job.args(["--headless", "--resume-or-start"]);
        for command in [resume, slower, job] {
            let (_, message) = ends(command, 3);
            assert!(message.contains("run has diverged "), "{message}");
            assert!(
                message.contains("unrolled branch run --at 0 --set train.optimizer.learning_rate="),
                "{message}"
            );
            assert!(files(&run) == before, "a file has changed");
        }
        let mut branch = unrolled(folder.path(), &["branch", "run", "--at", "0", "--headless"]);
        branch.args(["--set", "train.optimizer.learning_rate=0.01"]);
        ends(branch, 0);
        // Longer, there is something to train from weights that are no worse than bad.
        let mut longer = unrolled(folder.path(), &["resume", "run", "--headless", "--set", "train.epochs=2"]);
        longer.args(["--set", "train.optimizer.learning_rate=0.01"]);
        let code = done(longer).status.code();
        assert_eq!(files(&run) == before, !checkpoint, "{code:?}");
    }
}

#[test]
fn seeds_without_good_weights_stay_as_they_are_and_the_summary_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let job = || {
        let mut command = unrolled(folder.path(), &["train", "word-order", "--seeds", "1..2", "--run", "s"]);
        command.args(sets(&["data.train=256", "data.validation=64", "train.epochs=1"]));
        command.args(["--resume-or-start", "--set", "train.optimizer={name: SGD, learning_rate: 1e6}"]);
        command
    };
    ends(job(), 3);
    let before = files(&folder.path().join("s"));
    let (out, _) = ends(job(), 3);
    for seed in 1..=2 {
        assert!(out.contains(&format!("unrolled branch s/seed-{seed} --at 0 --set ")), "{out}");
    }
    assert!(files(&folder.path().join("s")) == before, "a file has changed");
}

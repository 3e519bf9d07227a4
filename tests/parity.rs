//! The same network here and in Keras gives the same numbers: output, loss, every gradient, every hidden state and its
//! derivative, and the weights after five optimizer steps.
//!
//! `tests/keras/generate.py` generates the fixtures and documents each tensor. `PARITY_FIXTURES=DIR` reads another folder of
//! the same format. Every tensor of a fixture is compared: an unknown one is a failure.

#[path = "keras/case.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod case;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use case::{Case, Checked, load, own_fixtures};
use ndarray::{Array2, Array3, s};
use unrolled::kernel::ThreadPool;
use unrolled::nn::{BatchSums, Gradient, Mode, Model, Observer, Params, Score, Shard, Unrolled};
use unrolled::optim::{Optimizer, OptimizerSpec};
use unrolled::protocol::Direction;

fn optimizer(case: &Case) -> Checked<OptimizerSpec> {
    let config = &case.config["optimizer"];
    let name = config["class"].as_str().unwrap_or_default();
    let given = config["given"].clone();
    let spec = OptimizerSpec::read(name, given).ok_or_else(|| format!("no optimizer `{name}`"))?;
    spec.map_err(|e| e.to_string())
}

/// Collects every unrolled step.
#[derive(Default)]
struct Everything(BTreeMap<String, Vec<Step>>);

/// Input position, hidden state and its derivative.
type Step = (usize, Array2<f32>, Array2<f32>);

impl Observer for Everything {
    fn unrolled(&mut self, step: Unrolled<'_>) {
        let side = match step.direction {
            None => "",
            Some(Direction::Forward) => ".fwd",
            Some(Direction::Backward) => ".bwd",
        };
        let steps = self.0.entry(format!("{}{side}", step.layer)).or_default();
        steps.push((step.t, step.h.to_owned(), step.dh.to_owned()));
    }
}

/// Compares tensors with the fixture and records which have been compared.
struct Comparison<'a> {
    case: &'a Case,
    largest_gradient: f64,
    seen: Vec<String>,
}

impl Comparison<'_> {
    fn check(&mut self, name: &str, ours: &[f32], tolerance: impl Fn(f64, f64) -> f64) -> Checked<()> {
        let (_, theirs) = self.case.tensor(name)?;
        self.seen.push(name.to_owned());
        if ours.len() != theirs.len() {
            return Err(format!("{name}: {} numbers for {}", ours.len(), theirs.len()));
        }
        let largest = theirs.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
            let (error, allowed) = ((f64::from(*a) - b).abs(), tolerance(*b, largest));
            if error.is_nan() || error > allowed {
                return Err(format!("{name}[{i}]: {a} for {b}, off by {error:e}, allowed {allowed:e}"));
            }
        }
        Ok(())
    }

    /// Outputs and losses: 1e-5 relative, 1e-6 absolute.
    fn answer(&mut self, name: &str, ours: &[f32]) -> Checked<()> {
        self.check(name, ours, |b, _| (1e-5 * b.abs()).max(1e-6))
    }

    /// States and gradients: 1e-4 of the tensor's largest and 1e-7 of the case's largest gradient.
    fn inner(&mut self, name: &str, ours: &[f32]) -> Checked<()> {
        let floor = 1e-7 * self.largest_gradient;
        self.check(name, ours, |_, largest| 1e-4 * largest + floor)
    }
}

/// Two threads, on any machine.
fn team() -> Checked<ThreadPool> {
    ThreadPool::new(2).map_err(|e| e.to_string())
}

/// Runs one case and compares every tensor of it.
fn verify(case: &Case) -> Checked<()> {
    let model = case.model()?;
    let mut params = model.params();
    load(&mut params, case)?;
    let batch = case.tensor("x")?.0[0] / case.batches();
    let largest_gradient = case.tensors.iter().filter(|(name, _)| name.starts_with("g."));
    let largest_gradient = largest_gradient.flat_map(|(_, (_, g))| g).fold(0.0f64, |m, g| m.max(g.abs()));
    let mut comparison =
        Comparison { case, largest_gradient, seen: ["x", "y", "mask"].map(str::to_owned).to_vec() };
    let weights = params.table().iter().map(|param| format!("w.{}", param.name));
    comparison.seen.extend(weights);
    if case.tensors.contains_key("loss") {
        one_step(&mut comparison, &model, &params, batch)?;
        five_steps(&mut comparison, &model, &mut params, batch)?;
    }
    if case.tensors.contains_key("out5") {
        let mut shard = Shard::new(&model, &params);
        case.load_batch(&mut shard, 0, 0..batch)?;
        shard.forward(&model, &params, Mode::Evaluate);
        let adam_like = !matches!(optimizer(case)?, OptimizerSpec::SGD(_));
        let allowed = if adam_like { 3e-4 } else { 3e-5 };
        let output = shard.output(&model);
        let output = output.as_slice().ok_or("output not contiguous")?;
        comparison.check("out5", output, |b, _| (allowed * b.abs()).max(allowed / 10.0))?;
    }
    match case.tensors.keys().find(|name| !comparison.seen.contains(name)) {
        Some(name) => Err(format!("{name} was not compared")),
        None => Ok(()),
    }
}

/// Reads all batches with the weights at the start, and compares output, loss and derivatives of the last.
fn one_step(comparison: &mut Comparison<'_>, model: &Model, params: &Params, batch: usize) -> Checked<()> {
    let case = comparison.case;
    let mode = Mode::Train { seed: 0, step: 0, first_row: 0 };
    let mut shard = Shard::new(model, params);
    for k in 0..case.batches() {
        case.load_batch(&mut shard, k, 0..batch)?;
        shard.forward(model, params, mode);
    }
    let mut everything = Everything::default();
    let output = shard.output(model);
    let weight = shard.weight(model);
    let score = shard.backward(model, params, weight, Some(&mut everything));
    let mut gradient = Gradient::new(model, params);
    gradient.sum(params, std::iter::once(&shard), &mut team()?);

    comparison.answer("out", output.as_slice().ok_or("output not contiguous")?)?;
    let penalty = params.regularization_loss() + score.activity_penalty();
    comparison.answer("loss", &[(score.mean_loss() + penalty) as f32])?;
    for param in params.table().iter().filter(|param| param.trainable) {
        comparison.inner(&format!("g.{}", param.name), &gradient.values()[param.range.clone()])?;
    }
    for (layer, steps) in &everything.0 {
        let (time, (batch, units)) = (steps.len(), steps[0].1.dim());
        let (mut h, mut dh) = (Array3::zeros((batch, time, units)), Array3::zeros((batch, time, units)));
        for (t, state, derivative) in steps {
            h.slice_mut(s![.., *t, ..]).assign(state);
            dh.slice_mut(s![.., *t, ..]).assign(derivative);
        }
        comparison.inner(&format!("h.{layer}"), h.as_slice().ok_or("h")?)?;
        comparison.inner(&format!("dh.{layer}"), dh.as_slice().ok_or("dh")?)?;
        let name = format!("hnorm.{layer}");
        if !case.tensors.contains_key(&name) {
            continue;
        }
        let norm = |t: usize| {
            dh.slice(s![.., t, ..]).iter().map(|d| f64::from(*d).powi(2)).sum::<f64>().sqrt() as f32
        };
        comparison.check(&name, &(0..time).map(norm).collect::<Vec<_>>(), |b, _| 3e-4 * b.abs())?;
    }
    Ok(())
}

/// Five updates, each on the next batch, split into two shards as in training.
fn five_steps(
    comparison: &mut Comparison<'_>,
    model: &Model,
    params: &mut Params,
    batch: usize,
) -> Checked<()> {
    let spec = optimizer(comparison.case)?;
    let mut optimizer = Optimizer::new(&spec, params.trainable().len());
    let clip = spec.clip().map_err(|e| e.to_string())?;
    let (cut, mut shards) = (batch / 2 + 1, Vec::new());
    // A batch of one gives one shard: training makes no empty ones.
    for rows in [0..cut, cut..batch].into_iter().filter(|rows| !rows.is_empty()) {
        let mut shard = Shard::new(model, params);
        shard.set_batch(batch);
        shards.push((shard, rows));
    }
    let (mut losses, mut gradient) = (Vec::new(), Gradient::new(model, params));
    let mut team = team()?;
    for k in 0..5 {
        let (mut weight, mut score) = (0.0, Score::default());
        for (shard, rows) in &mut shards {
            comparison.case.load_batch(shard, k, rows.clone())?;
            weight += shard.weight(model);
        }
        let mode = Mode::Train { seed: 0, step: 0, first_row: 0 };
        for segment in model.segments() {
            shards
                .iter_mut()
                .for_each(|(shard, _)| shard.forward_segment(model, params, mode, segment.clone()));
            exchange(model, &mut shards, segment.end, false);
        }
        for (shard, _) in &mut shards {
            score.add(shard.begin_backward(model, weight));
        }
        for segment in model.segments().rev() {
            let each = shards.iter_mut();
            each.for_each(|(shard, _)| shard.backward_segment(model, params, segment.clone(), None));
            exchange(model, &mut shards, segment.start, true);
        }
        let penalty = params.regularization_loss() + score.activity_penalty();
        losses.push((score.loss / weight + penalty) as f32);
        gradient.sum(params, shards.iter().map(|(shard, _)| shard), &mut team);
        let norm = gradient.norm();
        let limit = clip.map(|clip| clip.apply(gradient.tensors_mut(params), norm)).unwrap_or_default();
        optimizer.step(params.trainable_mut(), gradient.values(), limit, &mut team);
        params.constrain(&mut Vec::new());
        shards[0].0.move_averages(model, params);
    }
    let adam_like = !matches!(spec, OptimizerSpec::SGD(_));
    let allowed = if adam_like { 1e-4 } else { 1e-5 };
    comparison.check("loss5", &losses, |b, _| allowed * b.abs())?;
    for param in params.table() {
        comparison
            .check(&format!("w5.{}", param.name), &params.values()[param.range.clone()], |_, _| allowed)?;
    }
    Ok(())
}

/// Gives all shards the sums of all for layer `i`.
fn exchange(model: &Model, shards: &mut [(Shard, Range<usize>)], i: usize, backward: bool) {
    let mut sums = BatchSums::default();
    shards.iter_mut().for_each(|(shard, _)| shard.add_sums(model, i, backward, &mut sums));
    shards.iter_mut().for_each(|(shard, _)| shard.set_sums(model, i, backward, &sums));
}

/// Verifies every case of a folder; returns the names of those that pass, or all errors.
fn verify_folder(folder: &Path) -> Checked<Vec<String>> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "json"));
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: no fixture", folder.display()));
    }
    let (mut passed, mut failures) = (Vec::new(), Vec::new());
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match Case::read(&file).and_then(|case| verify(&case)) {
            Ok(()) => passed.push(name),
            Err(e) => failures.push(format!("{name}: {e}")),
        }
    }
    if failures.is_empty() { Ok(passed) } else { Err(failures.join("\n")) }
}

#[test]
fn parity_with_keras() {
    let folder = std::env::var_os("PARITY_FIXTURES").map_or_else(own_fixtures, PathBuf::from);
    match verify_folder(&folder) {
        Ok(passed) => println!("{} cases: {}", passed.len(), passed.join(" ")),
        Err(e) => panic!("{e}"),
    }
}

/// The random networks; those of `PARITY_RANDOM=FILE.jsonl` where it is set.
#[test]
fn random_networks_agree_with_keras() {
    let own = || own_fixtures().with_file_name("random.jsonl");
    let file = std::env::var_os("PARITY_RANDOM").map_or_else(own, PathBuf::from);
    let cases = Case::read_packed(&file).unwrap();
    let verified = cases.iter().map(|case| (case.config["name"].as_str().unwrap_or_default(), verify(case)));
    let failures = verified.filter_map(|(name, verified)| Some(format!("{name}: {}", verified.err()?)));
    let failures = failures.collect::<Vec<_>>();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
    println!("{} random networks", cases.len());
}

/// The test itself is tested: one value of any tensor off by 1 % must be found.
#[test]
fn parity_fails_when_any_tensor_has_one_value_off_by_a_hundredth() {
    for name in ["lecture-stack", "opt-adam-clipnorm", "opt-sgd"] {
        let case = Case::read(&own_fixtures().join(format!("{name}.json"))).unwrap();
        verify(&case).unwrap();
        let answers = case.tensors.keys().filter(|name| !["x", "y"].contains(&name.as_str()));
        for tensor in answers {
            let mut altered = Case { config: case.config.clone(), tensors: case.tensors.clone() };
            let values = &mut altered.tensors.get_mut(tensor).unwrap().1;
            let largest =
                (0..values.len()).max_by(|a, b| values[*a].abs().total_cmp(&values[*b].abs())).unwrap();
            values[largest] *= 1.01;
            assert!(verify(&altered).is_err(), "{name}: {tensor} altered, and nothing noticed");
        }
    }
}

#[test]
fn parity_fails_on_an_empty_folder() {
    let empty = tempfile::tempdir().unwrap();
    assert!(verify_folder(empty.path()).unwrap_err().contains("no fixture"));
}

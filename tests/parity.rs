//! The same network here and in Keras gives the same numbers: output, loss, every gradient, every hidden state and its
//! derivative, and the weights after five optimizer steps.
//!
//! `tests/keras/generate.py` generates the fixtures and documents each tensor. `PARITY_FIXTURES=DIR` reads another folder of
//! the same format. Every tensor of a fixture is compared: an unknown one is a failure.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3, s};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use unrolled::kernel::ThreadPool;
use unrolled::nn::{
    BatchSums, Gradient, Input, InputRef, LayerNode, LayerSpec, LossSpec, Mode, Model, Observer, Params,
    Score, Shape, Shard, TargetsView, Unrolled,
};
use unrolled::optim::{Optimizer, OptimizerSpec};
use unrolled::protocol::Direction;

type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;
type Checked<T> = Result<T, String>;

/// One network and the results of Keras.
struct Case {
    config: Value,
    tensors: Tensors,
}

impl Case {
    fn read(json: &Path) -> Checked<Self> {
        let text = std::fs::read_to_string(json).map_err(|e| format!("{}: {e}", json.display()))?;
        let config = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", json.display()))?;
        let file = json.with_extension("safetensors");
        let bytes = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let raw = SafeTensors::deserialize(&bytes).map_err(|e| format!("{}: {e}", file.display()))?;
        let tensors = raw.iter().map(|(name, view)| Ok((name.to_owned(), numbers(name, &view)?)));
        Ok(Self { config, tensors: tensors.collect::<Checked<_>>()? })
    }

    /// The random networks of a `jsonl` file, whose tensors all lie in the one file beside it, `NUMBER/NAME`.
    fn read_packed(jsonl: &Path) -> Checked<Vec<Self>> {
        let text = std::fs::read_to_string(jsonl).map_err(|e| format!("{}: {e}", jsonl.display()))?;
        let file = jsonl.with_extension("safetensors");
        let bytes = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let raw = SafeTensors::deserialize(&bytes).map_err(|e| format!("{}: {e}", file.display()))?;
        let mut all = BTreeMap::<String, Tensors>::new();
        for (name, view) in raw.iter() {
            let (case, tensor) = name.split_once('/').ok_or_else(|| format!("{name}: of no case"))?;
            all.entry(case.into()).or_default().insert(tensor.into(), numbers(name, &view)?);
        }
        let case = |line: &str| {
            let config: Value =
                serde_json::from_str(line).map_err(|e| format!("{}: {e}", jsonl.display()))?;
            let name = config["name"].as_str().unwrap_or_default();
            let tensors = all.remove(name).ok_or_else(|| format!("{name}: no tensors"))?;
            Ok(Self { config, tensors })
        };
        text.lines().map(case).collect()
    }

    /// How many batches it has, one after the other.
    fn batches(&self) -> usize {
        self.config["data"]["batches"].as_u64().unwrap_or(1) as usize
    }

    fn tensor(&self, name: &str) -> Checked<&(Vec<usize>, Vec<f64>)> {
        self.tensors.get(name).ok_or_else(|| format!("no tensor `{name}`"))
    }

    /// A shard with the sequences `rows` of the `k`-th batch.
    fn load_batch(&self, shard: &mut Shard, k: usize, rows: Range<usize>) -> Checked<()> {
        let (k, batch) = (k % self.batches(), self.tensor("x")?.0[0] / self.batches());
        self.load(shard, k * batch + rows.start..k * batch + rows.end)
    }

    fn loss(&self) -> Checked<LossSpec> {
        serde_json::from_value(self.config["loss"].clone()).map_err(|e| e.to_string())
    }

    fn model(&self) -> Checked<Model> {
        let layers = self.config["layers"].as_array().ok_or("no layers")?;
        let layers: Vec<LayerNode> = layers.iter().map(layer).collect::<Checked<_>>()?;
        let loss = self.loss()?;
        let (shape, _) = self.tensor("x")?;
        if let Some(names) = self.config["data"]["channels"].as_array() {
            let vocabulary = self.config["data"]["vocab"].as_u64().unwrap_or(0) as usize;
            let name = |name: &Value| name.as_str().unwrap_or_default().to_owned();
            let channels = names.iter().map(|n| (name(n), Shape::Ids { time: shape[2], vocabulary }));
            let channels = channels.collect::<Vec<_>>();
            return Model::of_channels(&layers, &channels, loss).map_err(|e| e.to_string());
        }
        let input = match shape.as_slice() {
            [_, time, features] => Shape::Sequence { time: *time, features: *features },
            _ => {
                let vocabulary = self.config["data"]["vocab"].as_u64().unwrap_or(0) as usize;
                Shape::Ids { time: shape[1], vocabulary }
            }
        };
        Model::build(&layers, input, loss).map_err(|e| e.to_string())
    }

    /// Loads the sequences `rows` into a shard.
    fn load(&self, shard: &mut Shard, rows: Range<usize>) -> Checked<()> {
        let ((shape, x), (y_shape, y)) = (self.tensor("x")?, self.tensor("y")?);
        let (batch, width) = (shape[0], y_shape.iter().skip(1).product::<usize>());
        let classes = |range: Range<usize>| y[range].iter().map(|y| *y as u32).collect::<Vec<_>>();
        let part = rows.start * width..rows.end * width;
        let (steps, real);
        let all_classes = classes(part.clone());
        let has_classes = self.loss()?.has_classes() && self.config["data"]["target"] != "labels";
        let answers = match (has_classes, width) {
            (true, 1) => TargetsView::Classes(&all_classes),
            (true, _) => {
                steps =
                    Array2::from_shape_vec((rows.len(), width), all_classes).map_err(|e| e.to_string())?;
                TargetsView::Steps(steps.view())
            }
            (false, _) => {
                let values = y[part].iter().map(|y| *y as f32).collect();
                real = Array2::from_shape_vec((rows.len(), width), values).map_err(|e| e.to_string())?;
                TargetsView::Real(real.view())
            }
        };
        let size = x.len() / batch;
        let part = &x[rows.start * size..rows.end * size];
        let has_channels = self.config["data"]["channels"].is_array();
        match shape.as_slice() {
            [_, channels, time] if has_channels => {
                let at = |(b, c, t): (usize, usize, usize)| part[b * size + c * time + t] as u32;
                let x = Array3::from_shape_fn((rows.len(), *channels, *time), at);
                shard.load(Input::Channels(x.view()), answers);
            }
            [_, time, features] => {
                let at = |(b, t, f): (usize, usize, usize)| part[b * size + t * features + f] as f32;
                let x = Array3::from_shape_fn((rows.len(), *time, *features), at);
                shard.load(Input::Real(x.view()), answers);
            }
            _ => {
                let x = Array2::from_shape_fn((rows.len(), size), |(b, t)| part[b * size + t] as u32);
                shard.load(Input::Ids(x.view()), answers);
            }
        }
        Ok(())
    }

    fn optimizer(&self) -> Checked<OptimizerSpec> {
        let config = &self.config["optimizer"];
        let name = config["class"].as_str().unwrap_or_default();
        let given = config["given"].clone();
        let spec = OptimizerSpec::read(name, given).ok_or_else(|| format!("no optimizer `{name}`"))?;
        spec.map_err(|e| e.to_string())
    }
}

/// The shape and the numbers of a tensor.
fn numbers(name: &str, view: &TensorView<'_>) -> Checked<(Vec<usize>, Vec<f64>)> {
    let values = match view.dtype() {
        Dtype::F64 => view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        Dtype::F32 => view.data().as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        Dtype::I32 => view.data().as_chunks().0.iter().map(|b| f64::from(i32::from_le_bytes(*b))).collect(),
        Dtype::U8 => view.data().iter().map(|b| f64::from(*b)).collect(),
        other => return Err(format!("{name}: {other:?}")),
    };
    Ok((view.shape().to_vec(), values))
}

/// A layer in a fixture: Keras's class and arguments.
fn layer(config: &Value) -> Checked<LayerNode> {
    let mut config = config.clone();
    let fields = config.as_object_mut().ok_or("a layer is no object")?;
    let class =
        fields.remove("class").and_then(|c| c.as_str().map(str::to_owned)).ok_or("a layer without class")?;
    // Self-attention has its own name in the fixtures.
    let class = class.strip_prefix("Self").unwrap_or(&class);
    // A wrapped layer is [class, arguments] there, {layer: class, …} here.
    if let Some(Value::Array(wrapped)) = fields.remove("layer") {
        let mut inner = wrapped.get(1).cloned().unwrap_or_default();
        inner["layer"] = wrapped.first().cloned().unwrap_or_default();
        fields.insert("of".into(), inner);
    }
    let activity = fields.remove("activity_regularizer").map_or(Ok(None), serde_json::from_value);
    let activity_regularizer = activity.map_err(|e| e.to_string())?;
    let trainable = fields.remove("trainable").is_none_or(|trainable| trainable == Value::Bool(true));
    let inputs = fields.remove("inputs").map_or(Ok(Vec::new()), serde_json::from_value::<Vec<InputRef>>);
    let inputs = inputs.map_err(|e| e.to_string())?;
    let read = LayerSpec::read(class, config).ok_or_else(|| format!("no layer `{class}`"))?;
    let spec = read.map_err(|e| format!("{class}: {e}"))?;
    Ok(LayerNode { trainable, inputs, activity_regularizer, ..spec.into() })
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
        let adam_like = !matches!(case.optimizer()?, OptimizerSpec::SGD(_));
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
    let spec = comparison.case.optimizer()?;
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

fn load(params: &mut Params, case: &Case) -> Checked<()> {
    for param in params.table().to_vec() {
        let (shape, values) = case.tensor(&format!("w.{}", param.name))?;
        // NumPy's `ascontiguousarray` writes a scalar as one number in a row.
        let scalar = param.shape.is_empty() && *shape == [1];
        if *shape != param.shape && !scalar {
            return Err(format!("w.{}: shape {shape:?} for {:?}", param.name, param.shape));
        }
        let place = &mut params.values_mut()[param.range];
        place.iter_mut().zip(values).for_each(|(w, v)| *w = *v as f32);
    }
    Ok(())
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

fn own_fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keras/fixtures")
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

//! A network of `tests/keras`, its data and the results of Keras.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use unrolled::nn::{
    Input, InputRef, LayerNode, LayerSpec, LossSpec, Model, Params, Shape, Shard, TargetsView,
};

pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;
pub type Checked<T> = Result<T, String>;

/// One network and the results of Keras.
pub struct Case {
    pub config: Value,
    pub tensors: Tensors,
}

impl Case {
    pub fn read(json: &Path) -> Checked<Self> {
        let text = std::fs::read_to_string(json).map_err(|e| format!("{}: {e}", json.display()))?;
        let config = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", json.display()))?;
        let file = json.with_extension("safetensors");
        let bytes = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let raw = SafeTensors::deserialize(&bytes).map_err(|e| format!("{}: {e}", file.display()))?;
        let tensors = raw.iter().map(|(name, view)| Ok((name.to_owned(), numbers(name, &view)?)));
        Ok(Self { config, tensors: tensors.collect::<Checked<_>>()? })
    }

    /// The random networks of a `jsonl` file, whose tensors all lie in the one file beside it, `NUMBER/NAME`.
    pub fn read_packed(jsonl: &Path) -> Checked<Vec<Self>> {
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
    pub fn batches(&self) -> usize {
        self.config["data"]["batches"].as_u64().unwrap_or(1) as usize
    }

    pub fn tensor(&self, name: &str) -> Checked<&(Vec<usize>, Vec<f64>)> {
        self.tensors.get(name).ok_or_else(|| format!("no tensor `{name}`"))
    }

    /// A shard with the sequences `rows` of the `k`-th batch.
    pub fn load_batch(&self, shard: &mut Shard, k: usize, rows: Range<usize>) -> Checked<()> {
        let (k, batch) = (k % self.batches(), self.tensor("x")?.0[0] / self.batches());
        self.load(shard, k * batch + rows.start..k * batch + rows.end)
    }

    pub fn loss(&self) -> Checked<LossSpec> {
        serde_json::from_value(self.config["loss"].clone()).map_err(|e| e.to_string())
    }

    /// The layers.
    pub fn layers(&self) -> Checked<Vec<LayerNode>> {
        self.config["layers"].as_array().ok_or("no layers")?.iter().map(layer).collect()
    }

    /// What the network reads.
    pub fn channels(&self) -> Checked<Vec<(String, Shape)>> {
        let (shape, _) = self.tensor("x")?;
        let vocabulary = self.config["data"]["vocab"].as_u64().unwrap_or(0) as usize;
        if let Some(names) = self.config["data"]["channels"].as_array() {
            let name = |name: &Value| name.as_str().unwrap_or_default().to_owned();
            return Ok(names.iter().map(|n| (name(n), Shape::Ids { time: shape[2], vocabulary })).collect());
        }
        let input = match shape.as_slice() {
            [_, time, features] => Shape::Sequence { time: *time, features: *features },
            _ => Shape::Ids { time: shape[1], vocabulary },
        };
        Ok(vec![(String::new(), input)])
    }

    pub fn model(&self) -> Checked<Model> {
        Model::of_channels(&self.layers()?, &self.channels()?, self.loss()?).map_err(|e| e.to_string())
    }

    /// Loads the sequences `rows` into a shard.
    pub fn load(&self, shard: &mut Shard, rows: Range<usize>) -> Checked<()> {
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
pub fn layer(config: &Value) -> Checked<LayerNode> {
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

/// Loads the weights before any step.
pub fn load(params: &mut Params, case: &Case) -> Checked<()> {
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

/// The folder of the networks by name.
pub fn own_fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keras/fixtures")
}

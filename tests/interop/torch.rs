//! Networks in PyTorch.
//!
//! `cargo test --release --test interop torch -- --ignored` writes every network of `tests/keras`, lets PyTorch predict with it, and imports
//! what PyTorch then saves with other weights: `TORCH_PYTHON` names a Python with the packages of `tests/interop/requirements.txt`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::{Array2, Array3, Axis};
use serde_json::{Value, json};
use unrolled::interop::NetworkDescription;
use unrolled::interop::torch::{NameMap, TorchFile, TorchNetwork};
use unrolled::nn::{Input, LayerNode, LossSpec, Mode, Model, Params, Shape, Shard, TargetsView};

use crate::case::{Case, load};
use crate::cases;

/// What a network reads.
enum Inputs {
    Ids(Array2<u32>),
    Channels(Array3<u32>),
    Real(Array3<f32>),
}

impl Inputs {
    /// The data of a network, and sequences that are padded at either end, empty, unknown, and with holes.
    fn of(case: &Case) -> Self {
        let (shape, x) = case.tensor("x").unwrap();
        let rows = shape[0] / case.batches();
        let size: usize = shape[1..].iter().product();
        let x = &x[..rows * size];
        let with = |row: &[f64], change: &dyn Fn(usize, f64) -> f64, time: usize, width: usize| {
            let step = |i: usize| i / width % time;
            row.iter().enumerate().map(|(i, value)| change(step(i), *value)).collect::<Vec<f64>>()
        };
        let has_channels = case.config["data"]["channels"].is_array();
        let is_real = shape.len() == 3 && !has_channels;
        let (time, width) = if is_real { (shape[1], shape[2]) } else { (shape[shape.len() - 1], 1) };
        let unknown = if is_real { 0.25 } else { 1.0 };
        let changes: [&dyn Fn(usize, f64) -> f64; 6] = [
            &|_, _| 0.0,
            &|_, _| unknown,
            &|t, x| {
                if t < time / 2 {
                    0.0
                } else if x == 0.0 {
                    unknown
                } else {
                    x
                }
            },
            &|t, x| {
                if t > time / 2 {
                    0.0
                } else if x == 0.0 {
                    unknown
                } else {
                    x
                }
            },
            &|t, x| {
                if t % 3 == 1 {
                    0.0
                } else if x == 0.0 {
                    unknown
                } else {
                    x
                }
            },
            &|_, x| if x == 0.0 { unknown } else { x },
        ];
        let mut all = x.to_vec();
        for change in changes {
            all.extend(with(&x[..size], change, time, width));
        }
        let rows = rows + changes.len();
        let ids = || all.iter().map(|id| *id as u32).collect::<Vec<u32>>();
        match (is_real, has_channels) {
            (true, _) => {
                let numbers = all.iter().map(|x| *x as f32).collect();
                Self::Real(Array3::from_shape_vec((rows, shape[1], shape[2]), numbers).unwrap())
            }
            (_, true) => Self::Channels(Array3::from_shape_vec((rows, shape[1], shape[2]), ids()).unwrap()),
            _ => Self::Ids(Array2::from_shape_vec((rows, shape[1]), ids()).unwrap()),
        }
    }

    fn input(&self) -> Input<'_> {
        match self {
            Self::Ids(x) => Input::Ids(x.view()),
            Self::Channels(x) => Input::Channels(x.view()),
            Self::Real(x) => Input::Real(x.view()),
        }
    }

    /// One array for each input of the network, with its shape.
    fn to_json(&self) -> Value {
        let one = |shape: &[usize], x: Vec<f64>| json!({"shape": shape, "x": x});
        match self {
            Self::Ids(x) => json!([one(x.shape(), x.iter().map(|id| f64::from(*id)).collect())]),
            Self::Real(x) => json!([one(x.shape(), x.iter().map(|x| f64::from(*x)).collect())]),
            Self::Channels(x) => {
                let channel = |c: usize| {
                    let x = x.index_axis(Axis(1), c);
                    one(x.shape(), x.iter().map(|id| f64::from(*id)).collect())
                };
                (0..x.shape()[1]).map(channel).collect()
            }
        }
    }
}

/// What a network predicts, twice: stateful ones go on with their states.
fn outputs(model: &Model, params: &Params, inputs: &Inputs) -> [Vec<f32>; 2] {
    let mut shard = Shard::new(model, params);
    [(), ()].map(|()| {
        shard.load(inputs.input(), TargetsView::None);
        shard.forward(model, params, Mode::Evaluate);
        shard.output(model).iter().copied().collect()
    })
}

/// A network of `tests/keras` with its weights.
struct Network {
    name: String,
    layers: Vec<LayerNode>,
    channels: Vec<(String, Shape)>,
    loss: LossSpec,
    model: Model,
    params: Params,
    inputs: Inputs,
}

impl Network {
    fn of(name: String, case: &Case) -> Result<Self, String> {
        let (layers, channels, loss, model) = (case.layers()?, case.channels()?, case.loss()?, case.model()?);
        let mut params = model.params();
        load(&mut params, case)?;
        let inputs = Inputs::of(case);
        Ok(Self { name, layers, channels, loss, model, params, inputs })
    }

    fn description<'a>(&'a self, params: &'a Params) -> NetworkDescription<'a> {
        NetworkDescription::new(&self.name, &self.layers, &self.channels, self.loss, params).unwrap()
    }

    /// Writes it with what it predicts to a folder of its name.
    fn write(&self, to: &Path) {
        let folder = to.join(&self.name);
        fs::create_dir_all(&folder).unwrap();
        let written = TorchNetwork::of(&self.description(&self.params)).unwrap();
        fs::write(folder.join("model.py"), &written.module).unwrap();
        fs::write(folder.join("model.safetensors"), &written.weights).unwrap();
        let out = outputs(&self.model, &self.params, &self.inputs);
        let case = json!({"inputs": self.inputs.to_json(), "out": out, "stateful": self.model.is_stateful()});
        fs::write(folder.join("case.json"), case.to_string()).unwrap();
        // And back, to the bit.
        let again = self.import(written.weights.clone()).unwrap();
        assert_eq!(again.values(), self.params.values(), "{}", self.name);
        let again = TorchNetwork::of(&self.description(&again)).unwrap();
        assert_eq!(again, written, "{}", self.name);
    }

    fn import(&self, bytes: Vec<u8>) -> Result<Params, String> {
        let mut params = self.model.params();
        let file = TorchFile::open(bytes).map_err(|error| error.to_string())?;
        let weights = file.weights(&self.description(&self.params), &NameMap::default());
        let weights = weights.map_err(|error| error.to_string())?;
        for (param, values) in params.table().to_vec().into_iter().zip(weights.into_iter().flatten()) {
            params.values_mut()[param.range].copy_from_slice(&values);
        }
        Ok(params)
    }

    /// Imports what PyTorch has saved with other weights, and compares with what it predicted.
    fn compare_saved(&self, to: &Path) -> Result<f32, String> {
        let folder = to.join(&self.name);
        let saved: Value =
            serde_json::from_slice(&fs::read(folder.join("saved.json")).map_err(|e| e.to_string())?).unwrap();
        let theirs: Vec<f32> = serde_json::from_value(saved["out"].clone()).unwrap();
        let params = self.import(fs::read(folder.join("saved.safetensors")).unwrap())?;
        let [ours, _] = outputs(&self.model, &params, &self.inputs);
        let scale = theirs.iter().fold(1.0_f32, |max, x| max.max(x.abs()));
        let difference = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale;
        let limit = saved["tolerance"].as_f64().unwrap() as f32;
        match ours.len() == theirs.len() && difference <= limit {
            true => Ok(difference),
            false => Err(format!("{difference:.1e} of {scale:.1e}")),
        }
    }
}

#[test]
#[ignore = "needs PyTorch"]
fn torch_predicts_the_same_and_what_it_saves_is_imported() {
    let folder = std::env::var_os("TORCH_FILES").map(PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let to = folder.unwrap_or_else(|| temporary.path().to_owned());
    let networks: Vec<Network> =
        cases().into_iter().map(|(name, case)| Network::of(name, &case).unwrap()).collect();
    networks.iter().for_each(|network| network.write(&to));
    let python = std::env::var_os("TORCH_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/check_torch.py");
    let status = Command::new(python).arg(script).arg(&to).status().unwrap();
    let (mut failed, mut worst) = (Vec::new(), 0.0_f32);
    for network in &networks {
        match network.compare_saved(&to) {
            Ok(difference) => worst = worst.max(difference),
            Err(error) => failed.push(format!("{}: {error}", network.name)),
        }
    }
    println!("{} state dicts of PyTorch imported, greatest difference {worst:.1e}", networks.len());
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(status.success() && networks.len() > 100);
}

/// Every network of `tests/keras`, without PyTorch: what is written is read again to the bit.
#[test]
fn what_is_exported_is_imported_with_the_same_bits() {
    let to = tempfile::tempdir().unwrap();
    for (name, case) in cases() {
        Network::of(name, &case).unwrap().write(to.path());
    }
}

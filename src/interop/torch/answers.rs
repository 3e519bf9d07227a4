//! `answers.json`: inputs and what the network answers here, to be compared with what it answers elsewhere.

use ndarray::{Array2, Array3, Axis};
use serde_json::{Value, json};

use crate::data::{Scale, TokenSpec, Vocabulary};
use crate::interop::NetworkDescription;
use crate::nn::{Input, Mode, Model, Params, Shape, Shard, TargetsView};

/// How the data of a run become inputs.
#[derive(Debug, Clone)]
pub enum Preprocessing {
    /// Texts become ids.
    Texts(TokenSpec, Vocabulary),
    /// Numbers are scaled.
    Numbers(Scale),
    /// Words in channels become ids.
    Sentences(TokenSpec),
    /// The inputs are what the data are.
    None,
}

/// Recorded answers of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers(Value);

/// The length from which sums of single precision differ more.
const LONG: usize = 200;
/// Words of a recorded text at most.
const WORDS: usize = 12;

impl Answers {
    /// The answers of `model`, which is `network`, to a few inputs: full, padded, empty and unknown ones.
    pub fn record(
        network: &NetworkDescription<'_>,
        model: &Model,
        params: &Params,
        preprocessing: &Preprocessing,
    ) -> Self {
        let cases = match preprocessing {
            Preprocessing::Texts(tokens, vocabulary) => texts(network, tokens, vocabulary),
            Preprocessing::Numbers(scale) => numbers(network, Some(scale)),
            Preprocessing::Sentences(_) => ids(network),
            Preprocessing::None if matches!(network.inputs[0].shape, Shape::Ids { .. }) => ids(network),
            Preprocessing::None => numbers(network, None),
        };
        let mut recorded = Vec::new();
        for (mut case, input) in cases {
            let mut shard = Shard::new(model, params);
            let load = match &input {
                CaseInput::Ids(channels) if network.inputs.len() == 1 => {
                    Input::Ids(channels.index_axis(Axis(1), 0))
                }
                CaseInput::Ids(channels) => Input::Channels(channels.view()),
                CaseInput::Numbers(numbers) => Input::Real(numbers.view()),
            };
            shard.load(load, TargetsView::None);
            shard.forward(model, params, Mode::Evaluate);
            let output: Vec<f32> = shard.output(model).iter().copied().collect();
            case["output"] = output.into();
            recorded.push(case);
        }
        let time = network.inputs.iter().map(|input| input.shape.keras()[1].unwrap_or(0)).max().unwrap_or(0);
        let tolerance = if time >= LONG { 1e-5 } else { 1e-6 };
        Self(json!({"tolerance": tolerance, "cases": recorded}))
    }

    /// The content of the file.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.0)
    }
}

/// What a network reads of one sequence.
enum CaseInput {
    /// `[1, channel, time]`.
    Ids(Array3<u32>),
    /// `[1, time, features]`.
    Numbers(Array3<f32>),
}

type Case = (Value, CaseInput);

fn row_of(ids: &[u32]) -> CaseInput {
    let row = Array3::from_shape_vec((1, 1, ids.len()), ids.to_vec());
    CaseInput::Ids(row.unwrap_or_default())
}

fn texts(network: &NetworkDescription<'_>, tokens: &TokenSpec, vocabulary: &Vocabulary) -> Vec<Case> {
    let tokenizer = tokens.tokenizer();
    let words = (Vocabulary::FIRST..).take(vocabulary.len().saturating_sub(2)).map(|id| vocabulary.word(id));
    let words: Vec<&str> = words.collect();
    let join = if tokens.level == crate::data::Level::Character { "" } else { " " };
    let few: Vec<&str> = words.iter().copied().take(WORDS).collect();
    let other: Vec<&str> = words.iter().rev().copied().take(WORDS / 2).collect();
    let long: Vec<&str> =
        words.iter().cycle().copied().take(words.len().min(1) * (tokens.length + 3)).collect();
    // A letter of no alphabet.
    let unknown = ["\u{2603}", "\u{2603}\u{2603}"].join(join);
    let texts = [few.join(join), other.join(join), long.join(join), String::new(), unknown];
    let cases = texts.into_iter().filter_map(|text| {
        let ids = vocabulary.encode(&text, tokenizer);
        let ids = if network.is_stateful { ids } else { tokens.pad(&ids) };
        (!ids.is_empty()).then(|| (json!({"text": text, "inputs": [ids]}), row_of(&ids)))
    });
    cases.collect()
}

/// Numbers without an order that anyone would see, from 0 to 1.
fn sequence() -> impl FnMut() -> f64 {
    let mut state = 0.5_f64;
    move || {
        state = (state * 16807.0 + 0.618).fract();
        state
    }
}

fn ids(network: &NetworkDescription<'_>) -> Vec<Case> {
    let (mut next, mut cases) = (sequence(), Vec::new());
    let sizes: Vec<usize> = network
        .inputs
        .iter()
        .map(|input| if let Shape::Ids { vocabulary, .. } = input.shape { vocabulary } else { 1 })
        .collect();
    let time = network.inputs[0].shape.keras()[1].unwrap_or(1);
    // Full, padded behind, padded in front, empty.
    for (from, to) in [(0, time), (0, time.div_ceil(2)), (time / 3, time), (0, 0)] {
        let mut input = Array3::zeros((1, sizes.len(), time));
        for ((_, channel, t), id) in input.indexed_iter_mut() {
            if (from..to).contains(&t) {
                *id = 1 + (next() * sizes[channel].saturating_sub(1) as f64) as u32;
            }
        }
        if network.is_stateful && to == 0 {
            continue;
        }
        let rows: Vec<Vec<u32>> =
            input.index_axis(Axis(0), 0).rows().into_iter().map(|row| row.to_vec()).collect();
        cases.push((json!({"inputs": rows}), CaseInput::Ids(input)));
    }
    cases
}

fn numbers(network: &NetworkDescription<'_>, scale: Option<&Scale>) -> Vec<Case> {
    let (mut next, mut cases) = (sequence(), Vec::new());
    let shape = network.inputs[0].shape.keras();
    let (time, features) = (shape[1].unwrap_or(1), shape.last().copied().flatten().unwrap_or(1));
    let of = |scale: Option<&Scale>, feature: usize| {
        scale.and_then(|scale| Some((*scale.mean.get(feature)?, *scale.deviation.get(feature)?)))
    };
    for from in [0, time / 2] {
        let mut given = Array2::<f64>::zeros((time, features));
        for ((t, feature), x) in given.indexed_iter_mut() {
            let number = ((2.0 * next() - 1.0) * 1e4).round() / 1e4;
            let number = if t < from { 0.0 } else { number };
            *x = of(scale, feature).map_or(number, |(mean, deviation)| number * deviation + mean);
        }
        let read = |((_, feature), x): ((usize, usize), &f64)| {
            of(scale, feature).map_or(*x, |(mean, deviation)| (x - mean) / deviation) as f32
        };
        let input: Vec<f32> = given.indexed_iter().map(read).collect();
        let rows: Vec<Vec<f64>> = given.rows().into_iter().map(|row| row.to_vec()).collect();
        let input = Array3::from_shape_vec((1, time, features), input).unwrap_or_default();
        cases.push((json!({"inputs": [rows]}), CaseInput::Numbers(input)));
    }
    cases
}

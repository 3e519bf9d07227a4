mod attention;
mod budget;
mod influence;
mod predictions;
mod row_shards;
mod variant;

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis, Slice, concatenate};

use crate::data::{
    Data, Dataset, Inputs, Targets, TokenSpec, Vocabularies, Vocabulary, encode_sentences, split_words,
};
use crate::kernel::ThreadPool;
use crate::nn::{Activation, Mode, Model, Params, Quantity, Shape, Shard, TargetsView};
use crate::number;
use crate::preset::{self, WatchSpec};
use crate::protocol::{
    Activations, AttentionWeights, ProbeChange, ProbeFrame, ProbeText, ProbeVariant, TokenWindow,
};
use crate::step::network_input;
use budget::Budget;
use influence::Influence;
use predictions::{OutputReader, Prefixes};

/// The number of time steps between two labels of numeric sequences.
const LABEL_EVERY: usize = 5;

/// The sequences whose activations are shown.
#[derive(Debug)]
pub(super) struct Probes {
    pub texts: Vec<ProbeText>,
    inputs: Inputs,
    shard: Shard,
    reader: OutputReader,
    prefixes: Option<Prefixes>,
    influence: Option<Influence>,
    budget: Budget,
    threads: usize,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What is due at the monitored step of this number.
    Reading(u64),
    /// Everything.
    All,
}

impl Detail {
    /// Whether what is measured at one in `interval` monitored steps is measured.
    pub fn is_due(self, interval: u64) -> bool {
        match self {
            Self::Reading(number) => number.is_multiple_of(interval),
            Self::All => true,
        }
    }
}

impl Probes {
    /// Maximum number of tokens of a text after which a prediction of its own is made.
    pub const MOST_PREFIXES: usize = Prefixes::MOST;

    /// Encodes the probes of a preset: texts by `tokens`, or the first sequences of `data`, trained on in batches of `batch_size`.
    pub fn new(
        (spec, batch_size): (&WatchSpec, usize),
        tokens: Option<&TokenSpec>,
        data: &Data,
        (model, params, threads): (&Model, &Params, usize),
    ) -> Self {
        let (texts, inputs) = match (&spec.probes, tokens, &data.vocabularies) {
            (preset::Probes::Texts(texts), Some(spec), Some(known)) => encode(texts, known, spec),
            (preset::Probes::Texts(_), ..) => nothing(),
            (preset::Probes::First(count), ..) => first(*count, data, model.has_mask()),
        };
        // The sequences of generated tasks are padded as texts are by default.
        let padded = inputs.tokens().map(|ids| TokenSpec::symbols(ids.ncols()));
        let network = (model, params, threads);
        let prefixes =
            tokens.or(padded.as_ref()).and_then(|spec| Prefixes::new(&texts, &inputs, spec, network));
        let has_words = data.vocabularies.is_some();
        let influence = has_words.then(|| Influence::new(&texts, &inputs, network)).flatten();
        let reader = OutputReader::new(data, model);
        let budget = Budget::new(batch_size, spec.every);
        Self { texts, inputs, shard: Shard::new(model, params), reader, prefixes, influence, budget, threads }
    }

    /// Adds a text, encoded by `known` and `spec`; returns it as encoded.
    pub fn add(
        &mut self,
        text: &str,
        (known, spec): (&Vocabularies, &TokenSpec),
        network: (&Model, &Params),
    ) -> Option<ProbeText> {
        let (texts, inputs) = encode(&[text.to_owned()], known, spec);
        self.push(texts.into_iter().next()?, inputs, Some(spec), network)
    }

    /// Adds a probe once more with a change; returns it as encoded.
    ///
    /// # Errors
    /// Why it cannot be changed so, in words.
    pub fn vary(
        &mut self,
        probe: usize,
        change: &ProbeChange,
        (known, spec): (&Vocabularies, Option<&TokenSpec>),
        network: (&Model, &Params),
    ) -> Result<ProbeText, String> {
        let Some(text) = self.texts.get(probe) else {
            return Err(format!("there is no example {}", probe + 1));
        };
        let (text, inputs) = match spec.filter(|_| *change == ProbeChange::Reverse && is_given(text)) {
            // Its words, which may be several tokens each, or one token together.
            Some(spec) => {
                let reversed = text.text.split_whitespace().rev().collect::<Vec<_>>().join(" ");
                let (mut texts, inputs) = encode(&[reversed], known, spec);
                let Some(mut text) = texts.pop() else { return Err("the network reads no texts".into()) };
                text.variant = Some(ProbeVariant { of: probe, change: change.clone() });
                (text, inputs)
            }
            None => variant::changed((text, probe), &self.inputs, change, (known, spec))?,
        };
        self.push(text, inputs, spec, network).ok_or_else(|| "the examples are no texts".into())
    }

    /// Adds a row of inputs.
    fn push(
        &mut self,
        added: ProbeText,
        inputs: Inputs,
        spec: Option<&TokenSpec>,
        (model, params): (&Model, &Params),
    ) -> Option<ProbeText> {
        let joined = match (&self.inputs, inputs) {
            (_, inputs) if self.texts.is_empty() => inputs,
            (Inputs::Tokens(a), Inputs::Tokens(b)) => Inputs::Tokens(concatenate![Axis(0), *a, b]),
            (Inputs::Channels(a), Inputs::Channels(b)) => Inputs::Channels(concatenate![Axis(0), *a, b]),
            _ => return None,
        };
        self.inputs = joined;
        self.texts.push(added.clone());
        let padded = self.inputs.tokens().map(|ids| TokenSpec::symbols(ids.ncols()));
        let network = (model, params, self.threads);
        let spec = spec.or(padded.as_ref());
        self.prefixes = spec.and_then(|spec| Prefixes::new(&self.texts, &self.inputs, spec, network));
        self.influence = Influence::new(&self.texts, &self.inputs, network);
        Some(added)
    }

    /// The intervals, in monitored steps, of the predictions after each token and of the influence of tokens.
    pub fn intervals(&self) -> impl Iterator<Item = u64> {
        let prefixes = self.prefixes.iter().map(|prefixes| prefixes.interval(self.budget));
        prefixes.chain(self.influence.iter().map(|influence| influence.interval(self.budget)))
    }

    /// The activations and predictions of every probe after `step` updates.
    pub fn frames(
        &mut self,
        (model, params, pool): (&Model, &Params, &mut ThreadPool),
        step: u64,
        detail: Detail,
    ) -> Vec<ProbeFrame> {
        if self.texts.is_empty() {
            return Vec::new();
        }
        // Probes start with a zero state, also with stateful layers.
        self.shard.reset_states();
        self.shard.load(network_input(&self.inputs), TargetsView::None);
        self.shard.forward(model, params, Mode::Evaluate);
        let output = self.shard.output(model);
        let budget = self.budget;
        let influence = self.influence.as_mut().filter(|influence| detail.is_due(influence.interval(budget)));
        let mut influence = influence
            .map(|influence| influence.of_all((params, &mut *pool), &self.texts, output.view(), &self.reader))
            .unwrap_or_default()
            .into_iter();
        let is_due = |prefixes: &&mut Prefixes| detail.is_due(prefixes.interval(budget));
        let by_prefix = self.prefixes.as_mut().filter(is_due);
        let by_prefix = by_prefix.map(|prefixes| prefixes.outputs(model, params, pool));
        let (reader, prefixes) = (&self.reader, self.prefixes.as_ref());
        let is_sequence = matches!(model.output(), Shape::Sequence { .. });
        let by_token = |row, text: &ProbeText| match prefixes.zip(by_prefix.as_ref()) {
            Some((prefixes, outputs)) => prefixes.by_token(row, text, outputs.view(), reader),
            // At this step only what the network says of the whole text.
            None if prefixes.is_some() => {
                predictions::of_last(text, || reader.leading(output.view(), row, 0))
            }
            None if is_sequence => {
                let steps = text.first_step..text.first_step + text.tokens.len();
                steps.map(|step| reader.leading(output.view(), row, step)).collect()
            }
            None => Vec::new(),
        };
        let buffers = self.shard.recurrent_buffers(model);
        let quantities = buffers.iter().flat_map(|(layer, direction, cell, buffer)| {
            Quantity::all(*cell, buffer).into_iter().map(move |quantity| (*layer, *direction, quantity))
        });
        let quantities: Vec<_> = quantities.collect();
        let convolutions = self.shard.convolutions(model);
        let attention = self.shard.attention(model);
        let time = self.inputs.time();
        let frame = |(row, text): (usize, &ProbeText)| ProbeFrame {
            step,
            probe: row,
            prediction: reader.all(output.view(), row, if is_sequence { last_step(text) } else { 0 }),
            by_token: by_token(row, text),
            activations: quantities
                .iter()
                .map(|(layer, direction, values_of)| {
                    let steps = text.first_step..(text.first_step + text.tokens.len()).min(values_of.dim().0);
                    let mut values = Vec::with_capacity(steps.len() * values_of.units());
                    steps.for_each(|t| values.extend_from_slice(values_of.row(t, row)));
                    let quantity = values_of.name.into();
                    Activations {
                        layer: *layer,
                        direction: *direction,
                        quantity,
                        units: values_of.units(),
                        values,
                        window: None,
                    }
                })
                .chain(convolutions.iter().filter_map(|(layer, activation, values)| {
                    convolution(model, (*layer, *activation), values.view().index_axis(Axis(1), row), text)
                }))
                .collect(),
            attention: attention
                .iter()
                .filter(|(_, head, _)| *head < AttentionWeights::MOST_HEADS)
                .map(|(layer, head, weights)| {
                    attention::of_head((*layer, *head), weights.index_axis(Axis(0), row), time, text)
                })
                .collect(),
            influence: influence.next(),
        };
        self.texts.iter().enumerate().map(frame).collect()
    }
}

/// The name of what a convolution gives.
pub(super) fn convolution_quantity(activation: Activation) -> &'static str {
    if activation == Activation::Linear { "conv" } else { activation.name() }
}

/// The activations of a convolution at every window that reads a token of a text; `values` are `[windows, filters]`.
fn convolution(
    model: &Model,
    (layer, activation): (usize, Activation),
    values: ArrayView2<'_, f32>,
    text: &ProbeText,
) -> Option<Activations> {
    let field = model.receptive_field(layer)?;
    let window =
        TokenWindow { first: field.first - text.first_step as i64, stride: field.stride, span: field.span };
    let reads = |row: &usize| !window.tokens(*row, text.tokens.len()).is_empty();
    let first = (0..values.nrows()).find(reads)?;
    let rows = (first..values.nrows()).take_while(reads);
    let quantity = convolution_quantity(activation);
    Some(Activations {
        layer,
        direction: None,
        quantity: quantity.into(),
        units: values.ncols(),
        values: rows.flat_map(|row| values.row(row).to_vec()).collect(),
        window: Some(TokenWindow { first: window.first + (first * window.stride) as i64, ..window }),
    })
}

/// Whether a probe is a text that was given, neither a sequence of the data nor changed.
fn is_given(text: &ProbeText) -> bool {
    text.variant.is_none() && text.truth.is_none() && text.targets.is_empty()
}

/// Encodes texts as the network reads them.
fn encode(texts: &[String], known: &Vocabularies, spec: &TokenSpec) -> (Vec<ProbeText>, Inputs) {
    match spec.channels.is_empty() {
        true => read(texts, known.first(), spec),
        false => sentences(texts, known, spec),
    }
}

/// Encodes texts as rows of ids.
fn read(texts: &[String], vocabulary: &Vocabulary, spec: &TokenSpec) -> (Vec<ProbeText>, Inputs) {
    let mut rows = Array2::zeros((texts.len(), spec.length));
    let mut probes = Vec::new();
    for (text, mut row) in texts.iter().zip(rows.rows_mut()) {
        let ids = vocabulary.encode(text, spec.tokenizer());
        row.iter_mut().zip(spec.pad(&ids)).for_each(|(to, id)| *to = id);
        let ids = ids.get(spec.truncated_range(ids.len())).unwrap_or_default();
        probes.push(ProbeText {
            text: text.clone(),
            tokens: ids.iter().map(|id| vocabulary.word(*id).to_owned()).collect(),
            first_step: spec.first_step(ids.len()),
            ..ProbeText::default()
        });
    }
    (probes, Inputs::Tokens(rows))
}

/// Encodes texts as words in channels, split like sentences for a tagger. Tokens are shown unchanged, as no single channel has the words.
fn sentences(texts: &[String], known: &Vocabularies, spec: &TokenSpec) -> (Vec<ProbeText>, Inputs) {
    let known_words = spec.known_words(known);
    let is_known = |word: &str| known_words.is_some_and(|known| known.id(word).is_some());
    let cut: Vec<Vec<String>> = texts.iter().map(|text| split_words(text, is_known)).collect();
    let words: Vec<Vec<&str>> =
        cut.iter().map(|words| words.iter().take(spec.length).map(String::as_str).collect()).collect();
    let Ok(inputs) = encode_sentences(known, spec, &words) else { return nothing() };
    let probe = |(text, words): (&String, &Vec<&str>)| {
        let tokens = words.iter().map(|word| (*word).to_owned()).collect();
        ProbeText { text: text.clone(), tokens, ..ProbeText::default() }
    };
    (texts.iter().zip(&words).map(probe).collect(), inputs)
}

fn nothing() -> (Vec<ProbeText>, Inputs) {
    (Vec::new(), Inputs::Tokens(Array2::zeros((0, 0))))
}

/// The first validation sequences, or else training sequences; `masked` if the network has a mask.
fn first(count: usize, data: &Data, masked: bool) -> (Vec<ProbeText>, Inputs) {
    let (split, name) = match &data.validation {
        Some(validation) => (validation, "validation"),
        None => (&data.train, "training"),
    };
    let count = count.min(split.len());
    let probe = |row: usize| {
        let (tokens, first_step) =
            labels(split, row, data.vocabularies.as_ref().map(Vocabularies::first), masked);
        let last = (first_step + tokens.len()).saturating_sub(1);
        ProbeText {
            text: format!("{name} sequence {}", row + 1),
            truth: truth(split, row, last, &data.labels),
            targets: targets(split, row, first_step..first_step + tokens.len(), &data.labels),
            tokens,
            first_step,
            variant: None,
        }
    };
    let head = Slice::from(..count);
    let inputs = match &split.inputs {
        Inputs::Tokens(ids) => Inputs::Tokens(ids.slice_axis(Axis(0), head).to_owned()),
        Inputs::Channels(ids) => Inputs::Channels(ids.slice_axis(Axis(0), head).to_owned()),
        Inputs::Real(numbers) => Inputs::Real(numbers.slice_axis(Axis(0), head).to_owned()),
    };
    ((0..count).map(probe).collect(), inputs)
}

/// The labels of the steps of a sequence, and the first step that is not padding.
fn labels(
    split: &Dataset,
    row: usize,
    vocabulary: Option<&Vocabulary>,
    masked: bool,
) -> (Vec<String>, usize) {
    match (&split.inputs, split.inputs.tokens(), vocabulary) {
        (_, Some(ids), Some(vocabulary)) => {
            let ids = ids.row(row);
            let real = |(_, id): &(usize, &u32)| **id != Vocabulary::PADDING;
            let mut steps = ids.iter().enumerate().filter(real).map(|(t, _)| t);
            let Some(first) = steps.next() else { return (Vec::new(), 0) };
            let last = steps.next_back().unwrap_or(first);
            let tokens = ids.iter().take(last + 1).skip(first);
            (tokens.map(|id| vocabulary.word(*id).to_owned()).collect(), first)
        }
        (Inputs::Real(numbers), ..) => {
            let name =
                |t: usize| if t.is_multiple_of(LABEL_EVERY) { format!("t={t}") } else { String::new() };
            let steps = numbers.index_axis(Axis(0), row);
            let last = steps.rows().into_iter().rposition(|step| step.iter().any(|x| *x != 0.0));
            let steps = if masked { last.map_or(0, |last| last + 1) } else { steps.nrows() };
            ((0..steps).map(name).collect(), 0)
        }
        (_, ids, _) => (vec![String::new(); ids.map_or(0, |ids| ids.ncols())], 0),
    }
}

/// The target of a sequence; that of step `last` if there is a target at every step.
fn truth(split: &Dataset, row: usize, last: usize, labels: &[String]) -> Option<String> {
    let label = |class: &u32| labels.get(*class as usize).cloned();
    match &split.targets {
        Targets::Classes(classes) => classes.get(row).and_then(label),
        Targets::Steps(classes) => classes.get((row, last)).and_then(label),
        Targets::Labels(labelled) => {
            let named = labelled.row(row);
            let named = named.iter().zip(labels).filter(|(has, _)| **has > 0.5);
            let named: Vec<&str> = named.map(|(_, label)| label.as_str()).collect();
            Some(if named.is_empty() { "none".into() } else { named.join(", ") })
        }
        Targets::Real(numbers) => {
            let numbers: Vec<String> =
                numbers.row(row).iter().map(|x| number::metric(f64::from(*x))).collect();
            Some(numbers.join(" "))
        }
    }
}

/// The target of each of the `steps` of a sequence, where there is one at every step.
fn targets(split: &Dataset, row: usize, steps: Range<usize>, labels: &[String]) -> Vec<String> {
    let Targets::Steps(classes) = &split.targets else { return Vec::new() };
    let label = |step| labels.get(*classes.get((row, step))? as usize).cloned();
    steps.map(|step| label(step).unwrap_or_default()).collect()
}

/// The time step of the last token.
fn last_step(text: &ProbeText) -> usize {
    (text.first_step + text.tokens.len()).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_split_like_a_sentence_for_a_tagger() {
        let spec: TokenSpec = serde_json::from_str(
            r#"{"length":4,"channels":[{"level":"case"},{"name":"form","level":"word","vocabulary":9}]}"#,
        )
        .unwrap();
        let known = r#"{"case":["","[UNK]","lower","marks"],"form":["","[UNK]","it","'s"]}"#;
        let known: Vocabularies = serde_json::from_str(known).unwrap();
        let (texts, inputs) = sentences(&["it's so.".to_owned()], &known, &spec);
        assert_eq!(texts[0].tokens, ["it", "'s", "so", "."]);
        assert_eq!(inputs, Inputs::Channels(ndarray::array![[[2, 2, 2, 3], [2, 3, 1, 1]]]));
    }
}

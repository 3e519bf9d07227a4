//! A layer as lines of Python: its module in `__init__`, and its call in `forward`.

use super::functions::Function;
use super::identifiers::Identifiers;
use super::layout::{self, AttentionModule, TorchTensor, attention, within};
use super::place::Place;
use super::snippet::{Snippet, Snippets};
use super::windows;
use crate::interop::recurrent_layer::RecurrentLayer;
use crate::interop::{DescribedLayer, NetworkDescription};
use crate::nn::{Activation, InputSource, LayerSpec, MaskRule, ScoreMode};

/// Writes the layers of a network one after the other.
#[derive(Debug)]
pub(super) struct LayerWriter<'a> {
    network: &'a NetworkDescription<'a>,
    names: &'a Identifiers,
    /// The variable of the mask of each layer's output, if it has one.
    masks: Vec<Option<String>>,
    /// That of the mask of token ids, once there is one: padding is padding in all channels.
    mask_of_ids: Option<String>,
    mask_count: usize,
    /// Definitions that the lines need.
    pub snippets: Snippets,
    /// Lines of `__init__`.
    pub init: Vec<String>,
    /// Lines of `forward`.
    pub forward: Vec<String>,
    /// The tensors of each layer's module, as it is written.
    pub tensors: Vec<Vec<TorchTensor>>,
}

impl<'a> LayerWriter<'a> {
    pub fn new(network: &'a NetworkDescription<'a>, names: &'a Identifiers) -> Self {
        Self {
            network,
            names,
            masks: Vec::new(),
            mask_of_ids: None,
            mask_count: 0,
            snippets: Snippets::new(),
            init: Vec::new(),
            forward: Vec::new(),
            tensors: Vec::new(),
        }
    }

    fn variable(&self, source: InputSource) -> String {
        match source {
            InputSource::Data(channel) => self.names.inputs[channel].clone(),
            InputSource::Layer(_) if self.network.is_chain() => "x".to_owned(),
            InputSource::Layer(layer) => self.names.layers[layer].clone(),
        }
    }

    fn mask_of(&self, source: InputSource) -> Option<String> {
        match source {
            InputSource::Data(_) => None,
            InputSource::Layer(layer) => self.masks[layer].clone(),
        }
    }

    /// A variable for a new mask.
    fn new_mask(&mut self) -> String {
        self.mask_count += 1;
        if self.mask_count == 1 { "mask".to_owned() } else { format!("mask_{}", self.mask_count) }
    }

    /// Assigns the output of a layer.
    pub fn assign(&mut self, place: &Place<'_>, value: &str) {
        if value != place.output {
            self.forward.push(format!("{} = {value}", place.output));
        }
    }

    /// An expression with an activation.
    fn activated(&mut self, activation: Activation, value: String) -> String {
        match Function::of(activation) {
            None => value,
            Some(function) => {
                self.snippets.extend(function.snippet);
                function.call(&value)
            }
        }
    }

    /// Writes layer `i`, behind those that it reads.
    pub fn layer(&mut self, i: usize) {
        let (network, names) = (self.network, self.names);
        let layer = &network.layers[i];
        let mut place = Place {
            layer,
            made: None,
            module: format!("self.{}", names.layers[i]),
            name: &names.layers[i],
            output: self.variable(InputSource::Layer(i)),
            inputs: layer.inputs.iter().map(|source| self.variable(*source)).collect(),
            masks: layer.inputs.iter().map(|source| self.mask_of(*source)).collect(),
            shapes: layer.inputs.iter().map(|source| network.shape_of(*source)).collect(),
        };
        place.made = self.make_mask(&place);
        match RecurrentLayer::of(&layer.spec) {
            Some(recurrent) => self.recurrent(&place, &recurrent),
            None => self.other(&place, &layer.spec),
        }
        let mask = match layer.spec.layer().mask() {
            _ if layer.output.len() < 3 => None,
            MaskRule::Drop => None,
            MaskRule::Keep | MaskRule::First => place.masks[0].clone(),
            MaskRule::Make => place.made.clone(),
            MaskRule::Any => self.joined_mask(&place),
        };
        self.masks.push(mask);
        let attention = attention_module(layer, &place.masks);
        let tensors = match &layer.spec {
            LayerSpec::MultiHeadAttention(_) => layout::attention(layer, attention),
            _ => layout::layouts(layer).pop(),
        };
        self.tensors.push(tensors.unwrap_or_default());
    }

    /// The mask that a layer makes, which is computed before the variable of its input may change.
    fn make_mask(&mut self, place: &Place<'_>) -> Option<String> {
        let (input, is_of_ids) = (place.input(), matches!(place.layer.spec, LayerSpec::Embedding(_)));
        let value = match &place.layer.spec {
            LayerSpec::Embedding(embedding) if embedding.mask_zero => format!("{input} != 0"),
            LayerSpec::Masking(masking) => format!("({input} != {}).any(-1)", masking.mask_value),
            _ => return None,
        };
        if let (true, Some(mask)) = (is_of_ids, &self.mask_of_ids) {
            return Some(mask.clone());
        }
        let mask = self.new_mask();
        self.forward.push(format!("{mask} = {value}"));
        if is_of_ids {
            self.mask_of_ids = Some(mask.clone());
        }
        Some(mask)
    }

    /// The mask of what merges its inputs: a step counts where it does in any of them.
    fn joined_mask(&mut self, place: &Place<'_>) -> Option<String> {
        let masks: Vec<&String> = place.masks.iter().map(Option::as_ref).collect::<Option<_>>()?;
        if masks.iter().all(|mask| *mask == masks[0]) {
            return Some(masks[0].clone());
        }
        let all: Vec<&str> = masks.iter().map(|mask| mask.as_str()).collect();
        let value = all.join(" | ");
        let mask = self.new_mask();
        self.forward.push(format!("{mask} = {value}"));
        Some(mask)
    }

    /// Writes a layer that is not recurrent.
    fn other(&mut self, place: &Place<'_>, spec: &LayerSpec) {
        let (x, module) = (place.input(), &place.module);
        let features = place.features(0);
        match spec {
            LayerSpec::Embedding(embedding) => {
                let rows = place.layer.weights.first().map_or(0, |table| table.shape[0]);
                self.init.push(format!("{module} = nn.Embedding({rows}, {})", embedding.output_dim));
                self.assign(place, &format!("{module}({x})"));
            }
            LayerSpec::Masking(_) => {
                let mask = place.made.as_deref().unwrap_or_default();
                self.assign(place, &format!("{x} * {mask}.unsqueeze(-1)"));
            }
            LayerSpec::TimeDistributed(outer) => self.other(place, &within(&outer.of)),
            LayerSpec::Dense(dense) => {
                let bias = if dense.use_bias { "" } else { ", bias=False" };
                self.init.push(format!("{module} = nn.Linear({features}, {}{bias})", dense.units));
                let value = self.activated(dense.activation, format!("{module}({x})"));
                self.assign(place, &value);
            }
            LayerSpec::Activation(layer) => {
                let value = self.activated(layer.activation, x.to_owned());
                self.assign(place, &value);
            }
            LayerSpec::Conv1D(conv) => {
                let (init, value) = windows::conv(place, conv);
                self.init.push(init);
                let value = self.activated(conv.activation, value);
                self.assign(place, &value);
            }
            LayerSpec::MaxPooling1D(pool) => {
                let value = windows::max_pool(place, (pool.pool_size, pool.strides, pool.padding));
                self.assign(place, &value);
            }
            LayerSpec::AveragePooling1D(pool) => {
                let (value, snippet) =
                    windows::average_pool(place, (pool.pool_size, pool.strides, pool.padding));
                self.snippets.extend(snippet);
                self.assign(place, &value);
            }
            LayerSpec::GlobalMaxPooling1D(_) => self.assign(place, &format!("{x}.amax(1)")),
            LayerSpec::GlobalAveragePooling1D(_) => {
                let value = match place.mask() {
                    None => format!("{x}.mean(1)"),
                    Some(mask) => {
                        format!(
                            "({x} * {mask}.unsqueeze(-1)).sum(1) / {mask}.sum(1, keepdim=True).clamp(min=1)"
                        )
                    }
                };
                self.assign(place, &value);
            }
            LayerSpec::Flatten(_) => self.assign(place, &format!("{x}.flatten(1)")),
            LayerSpec::RepeatVector(layer) => {
                self.assign(place, &format!("{x}.unsqueeze(1).repeat(1, {}, 1)", layer.n));
            }
            LayerSpec::Reshape(layer) => {
                let sizes: Vec<String> = layer.target_shape.iter().map(i64::to_string).collect();
                self.assign(place, &format!("{x}.reshape(len({x}), {})", sizes.join(", ")));
            }
            LayerSpec::Permute(layer) => {
                let value = if layer.dims == [2, 1] { format!("{x}.mT") } else { x.to_owned() };
                self.assign(place, &value);
            }
            LayerSpec::ZeroPadding1D(layer) => {
                let (before, after) = (layer.padding.0, layer.padding.1);
                self.assign(place, &format!("F.pad({x}, (0, 0, {before}, {after}))"));
            }
            LayerSpec::UpSampling1D(layer) => {
                self.assign(place, &format!("{x}.repeat_interleave({}, dim=1)", layer.size));
            }
            LayerSpec::Concatenate(_) => {
                self.assign(place, &format!("torch.cat([{}], -1)", place.inputs.join(", ")));
            }
            LayerSpec::Add(_) | LayerSpec::Average(_) | LayerSpec::Multiply(_) | LayerSpec::Maximum(_) => {
                let value = merged(place, spec);
                self.assign(place, &value);
            }
            LayerSpec::LayerNormalization(layer) => {
                self.init.push(format!("{module} = nn.LayerNorm({features}, eps={})", layer.epsilon));
                self.assign(place, &format!("{module}({x})"));
            }
            LayerSpec::BatchNormalization(layer) => {
                let momentum = 1.0 - layer.momentum;
                // As many digits as were meant: 1 - 0.99 is 0.010000000000000009.
                let momentum = (momentum * 1e12).round() / 1e12;
                let arguments = format!("{features}, eps={}, momentum={momentum}", layer.epsilon);
                self.init.push(format!("{module} = nn.BatchNorm1d({arguments})"));
                let value = if place.is_sequence(0) {
                    format!("{module}({x}.mT).mT")
                } else {
                    format!("{module}({x})")
                };
                self.assign(place, &value);
            }
            LayerSpec::Dropout(layer) => {
                self.init.push(format!("{module} = nn.Dropout({})", layer.rate));
                self.assign(place, &format!("{module}({x})"));
            }
            LayerSpec::SpatialDropout1D(layer) => {
                self.init.push(format!("{module} = nn.Dropout1d({})", layer.rate));
                self.assign(place, &format!("{module}({x}.mT).mT"));
            }
            LayerSpec::GaussianNoise(layer) => {
                let noise =
                    format!("{x} + {} * torch.randn_like({x}) if self.training else {x}", layer.stddev);
                self.assign(place, &noise);
            }
            LayerSpec::Attention(layer) => {
                self.snippets.extend([Snippet::WeightedValues, Snippet::Attention]);
                let (scale, concat) =
                    (python(layer.use_scale), python(layer.score_mode == ScoreMode::Concat));
                let dropout = layer.dropout;
                self.init.push(format!(
                    "{module} = Attention(use_scale={scale}, concat={concat}, dropout={dropout})"
                ));
                self.assign(place, &format!("{module}({})", attended(place)));
            }
            LayerSpec::AdditiveAttention(layer) => {
                self.snippets.extend([Snippet::WeightedValues, Snippet::AdditiveAttention]);
                let (scale, dropout) = (python(layer.use_scale), layer.dropout);
                self.init.push(format!(
                    "{module} = AdditiveAttention({features}, use_scale={scale}, dropout={dropout})"
                ));
                self.assign(place, &format!("{module}({})", attended(place)));
            }
            LayerSpec::MultiHeadAttention(layer) => {
                let (heads, dropout) = (layer.num_heads, layer.dropout);
                let mut more = if layer.use_bias { String::new() } else { ", bias=False".to_owned() };
                if dropout > 0.0 {
                    more.push_str(&format!(", dropout={dropout}"));
                }
                let value_features = place.features(place.inputs.len() - 1);
                match attention_module(place.layer, &place.masks) {
                    AttentionModule::Builtin => {
                        if value_features != features {
                            more.push_str(&format!(", kdim={value_features}, vdim={value_features}"));
                        }
                        self.init.push(format!(
                            "{module} = nn.MultiheadAttention({features}, {heads}{more}, batch_first=True)"
                        ));
                        let value = &place.inputs[place.inputs.len() - 1];
                        let call = format!("{module}({x}, {value}, {value}, need_weights=False)");
                        self.forward.push(format!("{}, _ = {call}", place.output));
                    }
                    AttentionModule::Projections => {
                        self.snippets.insert(Snippet::MultiHeadAttention);
                        let sizes = (layer.key_dim, layer.value_dim.unwrap_or(layer.key_dim));
                        self.init.push(format!(
                            "{module} = MultiHeadAttention({features}, {value_features}, {heads}, {}, {}{more})",
                            sizes.0, sizes.1
                        ));
                        self.assign(place, &format!("{module}({})", attended(place)));
                    }
                }
            }
            LayerSpec::SimpleRNN(_)
            | LayerSpec::LSTM(_)
            | LayerSpec::GRU(_)
            | LayerSpec::Bidirectional(_) => {}
        }
    }
}

/// Which module an attention with several heads is: PyTorch's own gives NaN where a mask leaves nothing.
fn attention_module(layer: &DescribedLayer<'_>, masks: &[Option<String>]) -> AttentionModule {
    let is_free = masks.iter().all(Option::is_none);
    match is_free && attention(layer, AttentionModule::Builtin).is_some() {
        true => AttentionModule::Builtin,
        false => AttentionModule::Projections,
    }
}

/// The arguments of an attention: query, value and their masks.
fn attended(place: &Place<'_>) -> String {
    let last = place.inputs.len() - 1;
    let mut arguments = format!("{}, {}", place.inputs[0], place.inputs[last]);
    for (name, mask) in [("query_mask", &place.masks[0]), ("mask", &place.masks[last])] {
        if let Some(mask) = mask {
            arguments.push_str(&format!(", {name}={mask}"));
        }
    }
    arguments
}

/// The inputs of a merging layer, number by number; a vector counts for every step of a sequence.
fn merged(place: &Place<'_>, spec: &LayerSpec) -> String {
    let some_sequence = (0..place.inputs.len()).any(|i| place.is_sequence(i));
    let all_masked = place.masks.iter().all(Option::is_some);
    let plain = |i: usize| match some_sequence && !place.is_sequence(i) {
        true => format!("{}.unsqueeze(1)", place.inputs[i]),
        false => place.inputs[i].clone(),
    };
    let input = |i: usize| {
        let value = plain(i);
        let neutral = match spec {
            LayerSpec::Multiply(_) => "1.0",
            LayerSpec::Maximum(_) => "-torch.inf",
            _ => return value,
        };
        match &place.masks[i] {
            Some(mask) => format!("{value}.where({mask}.unsqueeze(-1), {neutral})"),
            None => value,
        }
    };
    let inputs: Vec<String> = (0..place.inputs.len()).map(input).collect();
    let mut masks: Vec<String> = place.masks.iter().flatten().cloned().collect();
    masks.dedup();
    let marked = |masks: &[String]| format!("({}).unsqueeze(-1)", masks.join(" | "));
    match spec {
        // A step that is masked in all of them gives 0.
        LayerSpec::Multiply(_) if all_masked => format!("({}) * {}", inputs.join(" * "), marked(&masks)),
        LayerSpec::Multiply(_) => inputs.join(" * "),
        LayerSpec::Average(_) => format!("({}) / {}", inputs.join(" + "), inputs.len()),
        LayerSpec::Maximum(_) => {
            let nested = inputs.into_iter().reduce(|a, b| format!("torch.maximum({a}, {b})"));
            let nested = nested.unwrap_or_default();
            match all_masked {
                // A step that is masked in all of them has the numbers of the first.
                true => format!("torch.where({}, {nested}, {})", marked(&masks), plain(0)),
                false => nested,
            }
        }
        _ => inputs.join(" + "),
    }
}

fn python(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

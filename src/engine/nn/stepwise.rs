use ndarray::{Array3, ArrayView2};

use super::{
    BuildError, CarriedState, CarriedStateError, Input, LayerConfigError, LayerNode, LayerSpec, LossSpec,
    Mode, Model, Params, Shape, Shard, TargetsView,
};

/// A network that reads one token, or one row of numbers, at a time and carries its state on: the time for one does not depend on how many came before.
/// It may read several sequences at once, one token of each at a time.
///
/// It has the weights of the model of the same layers. What Keras does by building the network a second time with `batch_shape=(1, 1)`
/// and `stateful=True`.
#[derive(Debug)]
pub struct Stepwise {
    model: Model,
    shard: Shard,
    /// One a sequence.
    tokens: Vec<u32>,
    /// `[1, 1, features]`.
    row: Array3<f32>,
    vocabulary: u32,
}

impl Stepwise {
    /// Of a model of these `layers` over ids below `vocabulary`, which answers at every step.
    ///
    /// # Errors
    /// The first layer that needs more than the present step and a state.
    pub fn new(
        layers: &[LayerNode],
        vocabulary: usize,
        loss: impl Into<LossSpec>,
    ) -> Result<Self, BuildError> {
        Self::build(layers, Shape::Ids { time: 1, vocabulary }, loss.into())
    }

    /// Of a model of these `layers` over rows of `features` numbers.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_numbers(
        layers: &[LayerNode],
        features: usize,
        loss: impl Into<LossSpec>,
    ) -> Result<Self, BuildError> {
        Self::build(layers, Shape::Sequence { time: 1, features }, loss.into())
    }

    fn build(layers: &[LayerNode], input: Shape, loss: LossSpec) -> Result<Self, BuildError> {
        let step = |(layer, placed): (usize, &LayerNode)| {
            let spec = placed.spec.stepwise().map_err(|error| BuildError { layer, error })?;
            Ok(LayerNode { spec, ..placed.clone() })
        };
        let layers = layers.iter().enumerate().map(step).collect::<Result<Vec<_>, _>>()?;
        let model = Model::build(&layers, input, loss)?;
        let shard = Shard::new(&model, &model.params());
        let (vocabulary, features) = match input {
            Shape::Ids { vocabulary, .. } => (u32::try_from(vocabulary).unwrap_or(u32::MAX), 0),
            Shape::Sequence { features, .. } | Shape::Vector { features } => (0, features),
        };
        Ok(Self { model, shard, tokens: Vec::new(), row: Array3::zeros((1, 1, features)), vocabulary })
    }

    /// Reads the next token with the weights `params`; its answer, before the last activation. An id beyond the vocabulary is read as
    /// 1, the unknown word.
    pub fn read(&mut self, params: &Params, id: u32) -> &[f32] {
        self.read_all(params, &[id])
    }

    /// Reads the next token of every sequence, an id each, as [`read`](Self::read) reads that of one, with the same bits: the answers,
    /// `[sequences, outputs]`. There are as many sequences as before, or as [`repeat_states`](Self::repeat_states) has made; others begin
    /// from zero states.
    pub fn read_all(&mut self, params: &Params, ids: &[u32]) -> &[f32] {
        self.tokens.clear();
        self.tokens.extend(ids.iter().map(|id| if *id < self.vocabulary { *id } else { 1 }));
        // One a row: the shape always fits.
        let Ok(tokens) = ArrayView2::from_shape((ids.len(), 1), &self.tokens) else { return &[] };
        self.shard.load(Input::Ids(tokens), TargetsView::None);
        self.shard.forward(&self.model, params, Mode::Evaluate);
        self.shard.logits().data()
    }

    /// Reads the next row of numbers with the weights `params`; those that are missing are 0.
    pub fn read_row(&mut self, params: &Params, numbers: &[f32]) {
        self.row.fill(0.0);
        self.row.iter_mut().zip(numbers).for_each(|(to, number)| *to = *number);
        self.shard.load(Input::Real(self.row.view()), TargetsView::None);
        self.shard.forward(&self.model, params, Mode::Evaluate);
    }

    /// The answer after the last token or row, after the last activation.
    pub fn answer(&self) -> Vec<f32> {
        self.shard.output(&self.model).iter().copied().collect()
    }

    /// What each recurrent layer carries to the next token.
    pub fn states(&self) -> Vec<CarriedState> {
        self.shard.carried_state(&self.model)
    }

    /// Goes on from states that [`Stepwise::states`] has returned.
    ///
    /// # Errors
    /// When they are those of another network; nothing is changed then.
    pub fn set_states(&mut self, states: Vec<CarriedState>) -> Result<(), CarriedStateError> {
        self.shard.set_carried_state(&self.model, states)
    }

    /// Starts from zero states: another text follows.
    pub fn reset_states(&mut self) {
        self.shard.reset_states();
    }

    /// Goes on with so many sequences that all begin as the one that was read.
    pub fn repeat_states(&mut self, sequences: usize) {
        self.shard.repeat_states(sequences);
    }

    /// Another reader of the same network, before its first token: several read at the same time.
    #[must_use]
    pub fn fresh(&self, params: &Params) -> Self {
        Self {
            model: self.model.clone(),
            shard: Shard::new(&self.model, params),
            tokens: Vec::new(),
            row: Array3::zeros(self.row.raw_dim()),
            vocabulary: self.vocabulary,
        }
    }
}

impl LayerSpec {
    /// The same layer for one step after the other, its state carried on.
    fn stepwise(&self) -> Result<Self, LayerConfigError> {
        let refuse = |found: String| {
            let help =
                "what arrives step by step is read by layers that read each step by itself or carry a state";
            Err(LayerConfigError::new(found, help))
        };
        let class = self.layer().class();
        if self.cell().is_some_and(|cell| cell.settings().go_backwards) {
            return refuse(format!("{class} reads backwards, from a token that is not there yet"));
        }
        Ok(match self.clone() {
            Self::SimpleRNN(layer) => Self::SimpleRNN(super::SimpleRNN { stateful: true, ..layer }),
            Self::LSTM(layer) => Self::LSTM(super::LSTM { stateful: true, ..layer }),
            Self::GRU(layer) => Self::GRU(super::GRU { stateful: true, ..layer }),
            layer @ (Self::Embedding(_)
            | Self::Dense(_)
            | Self::Dropout(_)
            | Self::SpatialDropout1D(_)
            | Self::LayerNormalization(_)
            | Self::BatchNormalization(_)
            | Self::GaussianNoise(_)
            | Self::Activation(_)
            | Self::TimeDistributed(_)
            | Self::Add(_)
            | Self::Multiply(_)
            | Self::Average(_)
            | Self::Maximum(_)
            | Self::Concatenate(_)) => layer,
            _ => return refuse(format!("{class} reads more than one step at a time")),
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::nn::{Activation, Bidirectional, Dense, Embedding, GRU, LSTM, SimpleRNN};

    const LOSS: crate::nn::Loss = crate::nn::Loss::SparseCategoricalCrossentropy;

    fn layers(recurrent: impl Into<LayerNode>) -> Vec<LayerNode> {
        let embedding = Embedding { output_dim: 3, ..Embedding::default() };
        let dense = Dense { units: 5, activation: Activation::Softmax, ..Dense::default() };
        vec![embedding.into(), recurrent.into(), dense.into()]
    }

    #[test]
    fn token_after_token_gives_what_the_whole_text_gives_and_forgetting_begins_anew() {
        let lstm = LSTM { units: 4, return_sequences: true, dropout: 0.5, ..LSTM::default() };
        let layers = layers(lstm);
        let model = Model::build(&layers, Shape::Ids { time: 6, vocabulary: 5 }, LOSS).unwrap();
        let mut params = model.params();
        params.initialize(7);
        let text = [2, 4, 1, 1, 3, 2];
        let mut whole = Shard::new(&model, &params);
        let ids = Array2::from_shape_vec((1, 6), text.to_vec()).unwrap();
        whole.load(Input::Ids(ids.view()), TargetsView::None);
        whole.forward(&model, &params, Mode::Evaluate);
        let mut stepwise = Stepwise::new(&layers, 5, LOSS).unwrap();
        for _ in 0..2 {
            for (t, id) in text.into_iter().enumerate() {
                let step = stepwise.read(&params, id);
                let difference = step.iter().zip(whole.logits().step(t)).map(|(a, b)| (a - b).abs());
                assert!(difference.fold(0.0, f32::max) < 1e-6, "step {t}");
            }
            assert_ne!(stepwise.read(&params, 2), whole.logits().step(0), "the state is carried on");
            stepwise.reset_states();
        }
    }

    #[test]
    fn weights_that_change_between_two_tokens_are_used() {
        let layers = layers(GRU { units: 4, return_sequences: true, ..GRU::default() });
        let mut params = Model::build(&layers, Shape::Ids { time: 6, vocabulary: 5 }, LOSS).unwrap().params();
        params.initialize(7);
        let [mut one, mut other] = [(); 2].map(|()| Stepwise::new(&layers, 5, LOSS).unwrap());
        let before = one.read(&params, 2).to_vec();
        params.values_mut().iter_mut().for_each(|weight| *weight *= 2.0);
        other.set_states(one.states()).unwrap();
        assert_eq!(one.read(&params, 3), other.read(&params, 3));
        one.reset_states();
        assert_ne!(one.read(&params, 2), before);
    }

    /// Widths that fill no vector, and more rows than a tile of a product has.
    #[test]
    fn sequences_read_at_once_have_the_bits_of_each_alone() {
        const SEQUENCES: usize = 70;
        let (units, return_sequences) = (37, true);
        let recurrent: [LayerNode; 4] = [
            SimpleRNN { units, return_sequences, ..SimpleRNN::default() }.into(),
            LSTM { units, return_sequences, ..LSTM::default() }.into(),
            GRU { units, return_sequences, ..GRU::default() }.into(),
            GRU { units, return_sequences, reset_after: false, ..GRU::default() }.into(),
        ];
        for recurrent in recurrent {
            let layers = layers(recurrent);
            let mut params =
                Model::build(&layers, Shape::Ids { time: 1, vocabulary: 5 }, LOSS).unwrap().params();
            params.initialize(7);
            let id = |sequence: usize, step: usize| ((sequence * 7 + step * 3) % 5) as u32;
            let mut together = Stepwise::new(&layers, 5, LOSS).unwrap();
            together.read(&params, 2);
            let mut alone = together.fresh(&params);
            together.repeat_states(SEQUENCES);
            let answers: Vec<Vec<f32>> = (0..3)
                .map(|step| {
                    let ids: Vec<u32> = (0..SEQUENCES).map(|sequence| id(sequence, step)).collect();
                    together.read_all(&params, &ids).to_vec()
                })
                .collect();
            for sequence in 0..SEQUENCES {
                alone.reset_states();
                alone.read(&params, 2);
                for (step, answers) in answers.iter().enumerate() {
                    let answer = alone.read(&params, id(sequence, step));
                    assert_eq!(answer, &answers[sequence * 5..][..5], "sequence {sequence}, step {step}");
                }
            }
        }
    }

    #[test]
    fn what_needs_later_tokens_is_refused_by_its_layer() {
        let rnn = SimpleRNN { units: 4, return_sequences: true, ..SimpleRNN::default() };
        let both = Bidirectional { of: Box::new(rnn.clone().into()), merge_mode: Default::default() };
        let error = Stepwise::new(&layers(both), 5, LOSS).unwrap_err();
        assert_eq!(error.layer, 1);
        assert!(error.to_string().contains("Bidirectional reads more than one step at a time"), "{error}");
        let error = Stepwise::new(&layers(SimpleRNN { go_backwards: true, ..rnn }), 5, LOSS).unwrap_err();
        assert!(error.to_string().contains("SimpleRNN reads backwards"), "{error}");
    }
}

use ndarray::Array2;

use crate::data::{TokenSpec, Vocabulary};
use crate::nn::{Answers, Held, Input, Mode, Model, Params, Shard};
use crate::protocol::{Activations, ProbeFrame, ProbeText};

/// The sentences whose way through the network is shown.
#[derive(Debug)]
pub(super) struct Probes {
    pub texts: Vec<ProbeText>,
    tokens: Array2<u32>,
    shard: Shard,
}

impl Probes {
    pub fn new(
        sentences: &[String],
        vocabulary: &Vocabulary,
        spec: &TokenSpec,
        model: &Model,
        params: &Params,
    ) -> Self {
        let mut tokens = Array2::zeros((sentences.len(), spec.length));
        let mut texts = Vec::new();
        for (sentence, mut row) in sentences.iter().zip(tokens.rows_mut()) {
            let ids = vocabulary.encode(sentence);
            row.iter_mut().zip(spec.pad(&ids)).for_each(|(to, id)| *to = id);
            let kept = ids.get(spec.kept(ids.len())).unwrap_or_default();
            texts.push(ProbeText {
                text: sentence.clone(),
                tokens: kept.iter().map(|id| vocabulary.word(*id).to_owned()).collect(),
                first_step: spec.first_step(ids.len()),
            });
        }
        Self { texts, tokens, shard: Shard::new(model, params) }
    }

    /// What the network makes of every sentence after `step` updates.
    pub fn look(&mut self, model: &Model, params: &Params, step: u64) -> Vec<ProbeFrame> {
        if self.texts.is_empty() {
            return Vec::new();
        }
        self.shard.load(Input::Ids(self.tokens.view()), Answers::None);
        self.shard.forward(model, params, Mode::Evaluate);
        let output = self.shard.output(model);
        let unrolls = self.shard.unrolls(model);
        let held = unrolls.iter().flat_map(|(layer, direction, cell, unroll)| {
            Held::all(*cell, unroll).into_iter().map(move |held| (*layer, *direction, held))
        });
        let held: Vec<_> = held.collect();
        let frame = |(row, text): (usize, &ProbeText)| ProbeFrame {
            step,
            probe: row,
            // One sigmoid is the probability of class 1.
            prediction: output.get((row, 0, 0)).map_or(Vec::new(), |p| vec![1.0 - p, *p]),
            activations: held
                .iter()
                .map(|(layer, direction, held)| {
                    let steps = text.first_step..(text.first_step + text.tokens.len()).min(held.dim().0);
                    let values = steps.flat_map(|t| held.row(t, row)).copied().collect();
                    let quantity = held.name.into();
                    Activations {
                        layer: *layer,
                        direction: *direction,
                        quantity,
                        units: held.units(),
                        values,
                    }
                })
                .collect(),
        };
        self.texts.iter().enumerate().map(frame).collect()
    }
}

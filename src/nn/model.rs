use super::layer::{MaskRule, Misfit, Shape};
use super::{Activation, Block, LayerSpec, Loss, Params};
use crate::protocol::{LayerRow, ModelTable};

/// A checked stack of layers and the loss at its end. It holds no weights: see [`Params`].
#[derive(Debug, Clone)]
pub struct Model {
    /// As they run: the last layer's activation has gone over to the loss.
    pub(super) layers: Vec<LayerSpec>,
    /// What each layer reads.
    pub(super) inputs: Vec<Shape>,
    /// Which layer made the mask that reaches each layer.
    pub(super) masks: Vec<Option<usize>>,
    pub(super) loss: Loss,
    table: ModelTable,
}

/// A layer that cannot stand where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer}: {misfit}")]
pub struct BuildError {
    /// The layer's number, from 0.
    pub layer: usize,
    /// Why.
    pub misfit: Misfit,
}

impl Model {
    /// Checks that every layer can read what the one before it writes, and that `loss` can judge the last.
    ///
    /// # Errors
    /// The first layer that does not fit, and what would.
    pub fn build(specs: &[LayerSpec], input: Shape, loss: Loss) -> Result<Self, BuildError> {
        let Some(last) = specs.len().checked_sub(1) else {
            return Err(BuildError {
                layer: 0,
                misfit: Misfit::new("the model has no layer", "name at least one"),
            });
        };
        let (mut shape, mut mask) = (input, None);
        let (mut inputs, mut masks, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (i, spec) in specs.iter().enumerate() {
            let layer = spec.layer();
            let output = layer.output(shape).map_err(|misfit| BuildError { layer: i, misfit })?;
            inputs.push(shape);
            masks.push(mask);
            rows.push(LayerRow {
                class: layer.class().into(),
                output: output.keras(),
                params: layer.params(shape).iter().map(|(_, shape, _)| shape.iter().product::<usize>()).sum(),
                detail: layer.detail(),
                directions: layer.directions().to_vec(),
            });
            mask = match layer.mask() {
                MaskRule::Keep => mask,
                MaskRule::Drop => None,
                MaskRule::Make => Some(i),
            };
            shape = output;
        }
        let mut layers = specs.to_vec();
        let link = layers[last].link_mut();
        loss.fits(shape, link.as_deref().copied()).map_err(|misfit| BuildError { layer: last, misfit })?;
        if let Some(activation) = link {
            *activation = Activation::Linear;
        }
        Ok(Self { layers, inputs, masks, loss, table: ModelTable { layers: rows } })
    }

    /// The layers with output shapes and numbers of parameters, as Keras's `summary`.
    pub fn table(&self) -> &ModelTable {
        &self.table
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Whether a mask reaches layer `i`.
    pub fn is_masked(&self, i: usize) -> bool {
        self.masks.get(i).is_some_and(Option::is_some)
    }

    /// Room for the weights, all zero.
    pub fn params(&self) -> Params {
        Params::new(self.layers.iter().map(LayerSpec::layer).zip(self.inputs.iter().copied()))
    }

    /// What the last layer's activation makes of `logits`, in place: the model's output as Keras has it.
    pub fn activate(&self, logits: &mut Block) {
        self.loss.link().apply(logits.data_mut());
    }
}

use crate::kernel::l2_norm;
use crate::nn::Params;
use crate::protocol::ParamNorms;

/// Measures what an update does to every weight tensor, on watched steps.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// All weights before the update; what they moved by afterwards.
    weights: Vec<f32>,
    norms: Vec<ParamNorms>,
}

impl Change {
    /// Takes note of the weights; `gradient` gives the norm of each tensor's gradient before clipping, by its place in [`Params::table`].
    pub fn before(&mut self, params: &Params, gradient: impl Fn(usize) -> f64) {
        self.weights.clear();
        self.weights.extend_from_slice(params.values());
        let norms = params.table().iter().enumerate().map(|(tensor, param)| ParamNorms {
            name: param.name.clone(),
            weight: l2_norm(&params.values()[param.range.clone()]),
            gradient: gradient(tensor),
            update: 0.0,
        });
        self.norms = norms.collect();
    }

    /// Measures how far the update moved the weights.
    pub fn after(&mut self, params: &Params) {
        self.weights.iter_mut().zip(params.values()).for_each(|(moved, w)| *moved = w - *moved);
        for (norms, param) in self.norms.iter_mut().zip(params.table()) {
            norms.update = l2_norm(&self.weights[param.range.clone()]);
        }
    }

    /// Of the last update that was measured, in the order of [`Params::table`].
    pub fn norms(&self) -> &[ParamNorms] {
        &self.norms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Dense, Loss, Model, Shape, SimpleRNN};

    #[test]
    fn an_update_is_what_the_weights_moved_by() {
        let layers = [
            SimpleRNN { units: 3, ..SimpleRNN::default() }.into(),
            Dense { units: 1, ..Dense::default() }.into(),
        ];
        let input = Shape::Sequence { time: 4, features: 2 };
        let model = Model::build(&layers, input, Loss::MeanSquaredError).unwrap();
        let mut params = model.params();
        params.initialize(1);
        let gradient: Vec<f32> = (0..params.values().len()).map(|i| i as f32 / 8.0).collect();
        let mut change = Change::default();
        let table = params.table().to_vec();
        change.before(&params, |tensor| l2_norm(&gradient[table[tensor].range.clone()]));
        params.values_mut().iter_mut().zip(&gradient).for_each(|(w, g)| *w -= 0.5 * g);
        change.after(&params);
        let names: Vec<&str> = change.norms().iter().map(|norms| norms.name.as_str()).collect();
        assert_eq!(names, ["0.kernel", "0.recurrent_kernel", "0.bias", "1.kernel", "1.bias"]);
        for norms in change.norms() {
            assert!((norms.update - 0.5 * norms.gradient).abs() < 1e-5 * norms.gradient, "{norms:?}");
        }
        let recurrent = &change.norms()[1];
        assert!((recurrent.weight - 3.0_f64.sqrt()).abs() < 1e-5, "three orthonormal rows: {recurrent:?}");
        assert_eq!(change.norms()[2].ratio(), None, "a bias begins at 0");
    }
}

use crate::kernel::{SumOfSquares, ThreadPool};
use crate::nn::Params;
use crate::protocol::ParamNorms;

/// The number of weights of a work item.
const CHUNK: usize = 1 << 14;

/// The norms of every weight tensor, its gradient and its update `‖ΔW‖`, in monitored steps.
#[derive(Debug, Default)]
pub(super) struct UpdateNorms {
    /// All weights before the update.
    weights: Vec<f32>,
    /// The sums of every chunk of every tensor, so that results do not depend on the number of threads.
    sums: Vec<SumOfSquares>,
    norms: Vec<ParamNorms>,
}

impl UpdateNorms {
    /// Copies the weights; `gradient` gives the norm of each tensor's gradient before clipping, by its index in [`Params::table`].
    pub fn before(&mut self, params: &Params, gradient: impl Fn(usize) -> f64, pool: &mut ThreadPool) {
        self.weights.resize(params.values().len(), 0.0);
        let weights = self.sum(params, pool, |mine, theirs, sum| {
            mine.copy_from_slice(theirs);
            sum.add(theirs);
        });
        let norms = params.table().iter().zip(weights).enumerate().map(|(tensor, (param, weight))| {
            ParamNorms { name: param.name.clone(), weight, gradient: gradient(tensor), update: 0.0 }
        });
        self.norms = norms.collect();
    }

    /// Measures the update of the weights.
    pub fn after(&mut self, params: &Params, pool: &mut ThreadPool) {
        let moved = self.sum(params, pool, |mine, theirs, sum| {
            mine.iter_mut().zip(theirs).for_each(|(moved, w)| *moved = w - *moved);
            sum.add(mine);
        });
        self.norms.iter_mut().zip(moved).for_each(|(norms, moved)| norms.update = moved);
    }

    /// The square root, for each tensor, of the sums that `work` computes over its chunks from the stored and the current weights.
    fn sum(
        &mut self,
        params: &Params,
        pool: &mut ThreadPool,
        work: impl Fn(&mut [f32], &[f32], &mut SumOfSquares) + Sync,
    ) -> Vec<f64> {
        let chunks = |param: &crate::nn::Param| param.range.len().div_ceil(CHUNK);
        let all = params.table().iter().map(chunks).sum();
        self.sums.clear();
        self.sums.resize(all, SumOfSquares::default());
        let tensors = params.table().iter().map(|param| param.range.clone());
        let parts = tensors.flat_map(|range| {
            let end = range.end;
            range.step_by(CHUNK).map(move |first| first..(first + CHUNK).min(end))
        });
        let mut weights = self.weights.as_mut_slice();
        let items = parts.zip(&mut self.sums).filter_map(|(part, sum)| {
            let mine = weights.split_off_mut(..part.len())?;
            Some((mine, &params.values()[part], sum))
        });
        pool.for_each(items, |(mine, theirs, sum)| work(mine, theirs, sum));
        let mut sums = self.sums.iter();
        let norm = |param| sums.by_ref().take(chunks(param)).map(|sum| sum.total()).sum::<f64>().sqrt();
        params.table().iter().map(norm).collect()
    }

    /// The norms of the last measured update, in the order of [`Params::table`].
    pub fn norms(&self) -> &[ParamNorms] {
        &self.norms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::l2_norm;
    use crate::nn::{Dense, Loss, Model, Shape, SimpleRNN};

    #[test]
    fn an_update_is_the_change_of_the_weights() {
        let layers = [
            SimpleRNN { units: 3, ..SimpleRNN::default() }.into(),
            Dense { units: 1, ..Dense::default() }.into(),
        ];
        let input = Shape::Sequence { time: 4, features: 2 };
        let model = Model::build(&layers, input, Loss::MeanSquaredError).unwrap();
        let mut params = model.params();
        params.initialize(1);
        let gradient: Vec<f32> = (0..params.values().len()).map(|i| i as f32 / 8.0).collect();
        let mut measured = UpdateNorms::default();
        let table = params.table().to_vec();
        let mut pool = ThreadPool::new(2).unwrap();
        measured.before(&params, |tensor| l2_norm(&gradient[table[tensor].range.clone()]), &mut pool);
        params.values_mut().iter_mut().zip(&gradient).for_each(|(w, g)| *w -= 0.5 * g);
        measured.after(&params, &mut pool);
        let names: Vec<&str> = measured.norms().iter().map(|norms| norms.name.as_str()).collect();
        assert_eq!(names, ["0.kernel", "0.recurrent_kernel", "0.bias", "1.kernel", "1.bias"]);
        for norms in measured.norms() {
            assert!((norms.update - 0.5 * norms.gradient).abs() < 1e-5 * norms.gradient, "{norms:?}");
        }
        let recurrent = &measured.norms()[1];
        assert!((recurrent.weight - 3.0_f64.sqrt()).abs() < 1e-5, "three orthonormal rows: {recurrent:?}");
        assert_eq!(measured.norms()[2].ratio(), None, "a bias begins at 0");
    }
}

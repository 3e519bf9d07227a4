use std::ops::Range;

use crate::kernel::{SumOfSquares, ThreadPool};
use crate::nn::{Param, Params};
use crate::optim::UpdateSquares;
use crate::protocol::ParamNorms;

/// The number of weights of a work item.
const CHUNK: usize = 1 << 14;

/// The norms of every weight tensor, its gradient and its update `‖ΔW‖`, in monitored steps.
///
/// The optimizer sums the squares while it has the weights in the cache. Tensors that something else changes as well are copied before
/// the update and compared after it.
#[derive(Debug, Default)]
pub(super) struct UpdateNorms {
    /// The sums of every chunk of every tensor that learns, in their order: results do not depend on the number of threads.
    learning: Vec<UpdateSquares>,
    copied: CopiedTensors,
    norms: Vec<ParamNorms>,
}

/// Tensors that not only the optimizer changes: those with a constraint, and those that do not learn.
#[derive(Debug, Default)]
struct CopiedTensors {
    /// Their weights before the update.
    weights: Vec<f32>,
    /// The sums of every chunk.
    sums: Vec<SumOfSquares>,
}

/// The parts of a tensor, each of which is summed alone.
fn chunks(param: &Param) -> impl Iterator<Item = Range<usize>> + use<> {
    let Range { start, end } = param.range;
    (start..end).step_by(CHUNK).map(move |first| first..(first + CHUNK).min(end))
}

impl UpdateNorms {
    /// Begins a monitored update; `gradient` gives the norm of each tensor's gradient before clipping, by its index in [`Params::table`].
    /// Returns the sums that the optimizer is to fill.
    pub fn before(
        &mut self,
        params: &Params,
        gradient: impl Fn(usize) -> f64,
        pool: &mut ThreadPool,
    ) -> &mut [UpdateSquares] {
        let learning = params.table().iter().filter(|param| param.trainable).flat_map(chunks);
        self.learning.clear();
        self.learning.extend(learning.map(|chunk| UpdateSquares::new(chunk.len())));
        let tensors = params.table().iter().enumerate();
        self.norms.clear();
        self.norms.extend(tensors.map(|(tensor, param)| {
            let (name, gradient) = (param.name.clone(), gradient(tensor));
            ParamNorms { name, weight: 0.0, gradient, update: 0.0 }
        }));
        let weights = self.copied.copy(params, pool);
        CopiedTensors::of(params, &mut self.norms)
            .zip(weights)
            .for_each(|(norms, weight)| norms.weight = weight);
        &mut self.learning
    }

    /// Measures the update of the weights.
    pub fn after(&mut self, params: &Params, pool: &mut ThreadPool) {
        let mut learning = self.learning.iter();
        let tensors = params.table().iter().zip(&mut self.norms);
        for (param, norms) in tensors.filter(|(param, _)| param.trainable) {
            let (mut weight, mut update) = (0.0, 0.0);
            for squares in learning.by_ref().take(chunks(param).count()) {
                weight += squares.weights.total();
                update += squares.changes.total();
            }
            (norms.weight, norms.update) = (weight.sqrt(), update.sqrt());
        }
        let updates = self.copied.compare(params, pool);
        CopiedTensors::of(params, &mut self.norms)
            .zip(updates)
            .for_each(|(norms, update)| norms.update = update);
    }

    /// The norms of the last measured update, in the order of [`Params::table`].
    pub fn norms(&self) -> &[ParamNorms] {
        &self.norms
    }
}

impl CopiedTensors {
    /// Those of `of`, which has one for each tensor.
    fn of<'a, T>(params: &'a Params, of: impl IntoIterator<Item = T> + 'a) -> impl Iterator<Item = T> + 'a {
        let tensors = params.table().iter().zip(of);
        tensors.filter(|(param, _)| !param.trainable || param.constraint.is_some()).map(|(_, of)| of)
    }

    /// Copies them; returns the norm of each.
    fn copy(&mut self, params: &Params, pool: &mut ThreadPool) -> Vec<f64> {
        self.weights.resize(Self::of(params, params.table()).map(|param| param.range.len()).sum(), 0.0);
        self.sum(params, pool, |mine, theirs, sum| {
            mine.copy_from_slice(theirs);
            sum.add(theirs);
        })
    }

    /// The norm of the change of each.
    fn compare(&mut self, params: &Params, pool: &mut ThreadPool) -> Vec<f64> {
        self.sum(params, pool, |mine, theirs, sum| {
            mine.iter_mut().zip(theirs).for_each(|(moved, w)| *moved = w - *moved);
            sum.add(mine);
        })
    }

    /// The square root, for each of them, of the sums that `work` computes over its chunks from the copied and the current weights.
    fn sum(
        &mut self,
        params: &Params,
        pool: &mut ThreadPool,
        work: impl Fn(&mut [f32], &[f32], &mut SumOfSquares) + Sync,
    ) -> Vec<f64> {
        let parts = || Self::of(params, params.table()).flat_map(chunks);
        self.sums.clear();
        self.sums.resize(parts().count(), SumOfSquares::default());
        let mut weights = self.weights.as_mut_slice();
        let items = parts().zip(&mut self.sums).filter_map(|(part, sum)| {
            let mine = weights.split_off_mut(..part.len())?;
            Some((mine, &params.values()[part], sum))
        });
        pool.for_each(items, |(mine, theirs, sum)| work(mine, theirs, sum));
        let mut sums = self.sums.iter();
        let norm =
            |param| sums.by_ref().take(chunks(param).count()).map(|sum| sum.total()).sum::<f64>().sqrt();
        Self::of(params, params.table()).map(norm).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::l2_norm;
    use crate::nn::{Axes, BatchNormalization, Constraint, Dense, Loss, Model, Shape, SimpleRNN};
    use crate::optim::{Limit, Optimizer, OptimizerSpec, SGD};

    fn sgd(learning_rate: f64) -> Optimizer {
        Optimizer::new(&OptimizerSpec::SGD(SGD { learning_rate, ..SGD::default() }), 0)
    }

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
        let norm = |tensor: usize| l2_norm(&gradient[table[tensor].range.clone()]);
        let squares = measured.before(&params, norm, &mut pool);
        sgd(0.5).step_measured(params.trainable_mut(), &gradient, Limit::default(), squares, &mut pool);
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

    #[test]
    fn constraints_and_moved_statistics_are_in_the_update_on_any_number_of_threads() {
        let unit = Some(Constraint::UnitNorm { axis: Axes::one(0) });
        let layers = [
            Dense { units: 300, kernel_constraint: unit, ..Dense::default() }.into(),
            BatchNormalization::default().into(),
            Dense { units: 90, ..Dense::default() }.into(),
        ];
        let model = Model::build(&layers, Shape::Vector { features: 200 }, Loss::MeanSquaredError).unwrap();
        let mut bits = Vec::new();
        for threads in [1, 2, 5] {
            let (mut params, mut pool) = (model.params(), ThreadPool::new(threads).unwrap());
            params.initialize(1);
            let gradient: Vec<f32> = (0..params.trainable().len()).map(|i| (i as f32).sin()).collect();
            let before = params.clone();
            let mut measured = UpdateNorms::default();
            let squares = measured.before(&params, |_| 1.0, &mut pool);
            assert!(squares.len() > 6, "tensors of several chunks: {}", squares.len());
            sgd(0.1).step_measured(params.trainable_mut(), &gradient, Limit::default(), squares, &mut pool);
            let frozen = params.trainable().len();
            params.values_mut()[frozen..].iter_mut().for_each(|w| *w += 0.25);
            params.constrain(&mut Vec::new());
            measured.after(&params, &mut pool);
            for (param, norms) in params.table().iter().zip(measured.norms()) {
                let old = &before.values()[param.range.clone()];
                let new = &params.values()[param.range.clone()];
                let moved: Vec<f32> = new.iter().zip(old).map(|(new, old)| new - old).collect();
                let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b;
                assert!(near(norms.weight, l2_norm(old)) && near(norms.update, l2_norm(&moved)), "{norms:?}");
                bits.push((threads, norms.update.to_bits()));
            }
        }
        let of = |threads| bits.iter().filter(move |(n, _)| *n == threads).map(|(_, bits)| *bits);
        assert!(of(2).eq(of(1)) && of(5).eq(of(1)), "{bits:?}");
    }
}

use crate::kernel::ThreadPool;
use crate::nn::{Param, Params};
use crate::protocol::{KernelPicture, WeightDistribution};

/// The distribution of the values of every weight tensor, and small pictures of the kernels.
pub(super) fn distributions(params: &Params, pool: &mut ThreadPool) -> Vec<WeightDistribution> {
    let mut all = vec![WeightDistribution::default(); params.table().len()];
    let tensors = params.table().iter().zip(&mut all);
    pool.for_each(tensors, |(param, distribution)| {
        *distribution = of_tensor(param, &params.values()[param.range.clone()]);
    });
    all
}

fn of_tensor(param: &Param, values: &[f32]) -> WeightDistribution {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (mut limit, mut count, mut sum, mut squares) = (0.0_f32, 0.0_f64, 0.0, 0.0);
    for value in finite() {
        limit = limit.max(value.abs());
        let value = f64::from(value);
        (count, sum, squares) = (count + 1.0, sum + value, squares + value * value);
    }
    let mean = if count > 0.0 { sum / count } else { 0.0 };
    let variance = if count > 0.0 { (squares / count - mean * mean).max(0.0) } else { 0.0 };
    let bins = WeightDistribution::BINS;
    let mut counts = vec![0; bins];
    let scale = if limit > 0.0 { bins as f32 / (2.0 * limit) } else { 0.0 };
    for value in finite() {
        // The bin of the largest value ends with it; of zeros alone all are in the middle one.
        let bin = if scale.is_finite() { (value * scale + bins as f32 / 2.0) as usize } else { bins / 2 };
        counts.iter_mut().skip(bin.min(bins - 1)).take(1).for_each(|count| *count += 1);
    }
    let is_kernel = param.name.ends_with("kernel") && param.shape.len() > 1;
    let columns = param.shape.last().copied().unwrap_or(0);
    WeightDistribution {
        name: param.name.clone(),
        shape: param.shape.clone(),
        limit,
        bins: counts,
        mean: mean as f32,
        deviation: variance.sqrt() as f32,
        picture: is_kernel.then(|| reduced(values, columns)),
    }
}

/// A kernel with `columns` columns, reduced to blocks of equal size, those at the ends perhaps smaller.
fn reduced(values: &[f32], columns: usize) -> KernelPicture {
    let most = KernelPicture::MOST;
    let columns = columns.max(1);
    let (high, wide) = ((values.len() / columns).div_ceil(most).max(1), columns.div_ceil(most));
    let across = columns.div_ceil(wide);
    let mut picture = Vec::new();
    for rows in values.chunks(high * columns) {
        let start = picture.len();
        picture.resize(start + across, 0.0_f32);
        for row in rows.chunks(columns) {
            for (block, to) in row.chunks(wide).zip(&mut picture[start..]) {
                *to = block
                    .iter()
                    .fold(*to, |most, value| if value.abs() > most.abs() { *value } else { most });
            }
        }
    }
    KernelPicture { columns: across, values: picture }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Dense, Loss, Model, Shape, SimpleRNN};

    /// A network of one recurrent and one dense layer, all weights set.
    fn params(units: usize) -> Params {
        let layers = [
            SimpleRNN { units, ..SimpleRNN::default() }.into(),
            Dense { units: 1, ..Dense::default() }.into(),
        ];
        let input = Shape::Sequence { time: 4, features: 2 };
        Model::build(&layers, input, Loss::MeanSquaredError).unwrap().params()
    }

    #[test]
    fn values_are_counted_in_bins_around_zero() {
        let mut params = params(2);
        // kernel [2, 2], recurrent_kernel [2, 2], bias [2], kernel [2, 1], bias [1].
        let values = [-2.0, 0.0, 0.01, 2.0, 1.0, f32::NAN, 1.0, 1.0, 0.0, 0.0, 3.0, -1.0, 0.5];
        params.values_mut().copy_from_slice(&values);
        let all = distributions(&params, &mut ThreadPool::new(2).unwrap());
        let names: Vec<&str> = all.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["0.kernel", "0.recurrent_kernel", "0.bias", "1.kernel", "1.bias"]);
        let filled = |i: usize| -> Vec<(usize, u64)> {
            let bins = all[i].bins.iter().copied().enumerate();
            bins.filter(|(_, count)| *count > 0).collect()
        };
        assert_eq!((all[0].limit, filled(0)), (2.0, vec![(0, 1), (20, 2), (40, 1)]));
        assert!((f64::from(all[0].mean) - 0.0025).abs() < 1e-6);
        assert!((f64::from(all[0].deviation) - (8.0001_f64 / 4.0 - 0.0025 * 0.0025).sqrt()).abs() < 1e-6);
        assert_eq!((all[1].limit, filled(1)), (1.0, vec![(40, 3)]), "NaN is in no bin");
        assert_eq!((all[2].limit, filled(2)), (0.0, vec![(20, 2)]));
        assert!((all[0].edge(0) + 2.0).abs() < 1e-6 && all[0].edge(20) < 0.0 && all[0].edge(21) > 0.0);
        let picture = all[3].picture.as_ref().unwrap();
        assert_eq!((picture.rows(), picture.columns, &picture.values), (2, 1, &vec![3.0, -1.0]));
        assert!(all[2].picture.is_none(), "a bias is no kernel");
    }

    #[test]
    fn a_large_kernel_is_reduced_to_the_largest_of_each_block() {
        let mut params = params(100);
        params.values_mut().fill(0.25);
        let range = params.table()[1].range.clone();
        // Row 3, column 98: block (1, 49) of 50 × 50 blocks of 2 × 2.
        params.values_mut()[range.start + 3 * 100 + 98] = -7.0;
        let picture = distributions(&params, &mut ThreadPool::new(1).unwrap())[1].picture.clone().unwrap();
        assert_eq!((picture.rows(), picture.columns), (50, 50));
        assert_eq!(picture.values[50 + 49], -7.0);
        assert_eq!(picture.values.iter().filter(|value| **value == 0.25).count(), 2499);
    }
}

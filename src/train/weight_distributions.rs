use crate::kernel::{Moments, ThreadPool, count_in_bins};
use crate::nn::{Param, Params};
use crate::protocol::{KernelPicture, WeightDistribution};

/// The number of weights of a work item.
const CHUNK: usize = 1 << 14;

/// Some neighbouring weights of a tensor.
struct Chunk<'a> {
    /// The number of the tensor in [`Params::table`].
    tensor: usize,
    values: &'a [f32],
    moments: Moments,
    counts: [u64; WeightDistribution::BINS],
}

/// The distribution of the values of every weight tensor, and small pictures of the kernels.
pub(super) fn distributions(params: &Params, pool: &mut ThreadPool) -> Vec<WeightDistribution> {
    let mut chunks = Vec::new();
    for (tensor, param) in params.table().iter().enumerate() {
        let values = params.values()[param.range.clone()].chunks(CHUNK);
        let (moments, counts) = (Moments::default(), [0; WeightDistribution::BINS]);
        chunks.extend(values.map(|values| Chunk { tensor, values, moments, counts }));
    }
    pool.run(&mut chunks, |_, chunk| chunk.moments = Moments::of(chunk.values));
    // Always in the order of the chunks: nothing depends on the number of threads.
    let mut moments = vec![Moments::default(); params.table().len()];
    chunks.iter().for_each(|chunk| moments[chunk.tensor].add(&chunk.moments));
    pool.run(&mut chunks, |_, Chunk { tensor, values, counts, .. }| {
        count_in_bins(values, moments[*tensor].limit, counts);
    });
    let tensors = params.table().iter().zip(&moments);
    let mut all: Vec<_> = tensors.map(|(param, moments)| of_tensor(param, moments)).collect();
    for chunk in &chunks {
        all[chunk.tensor].bins.iter_mut().zip(chunk.counts).for_each(|(sum, count)| *sum += count);
    }
    let kernels = params.table().iter().zip(&mut all).filter(|(param, _)| is_kernel(param));
    pool.for_each(kernels, |(param, distribution)| {
        let columns = param.shape.last().copied().unwrap_or(0);
        distribution.picture = Some(reduced(&params.values()[param.range.clone()], columns));
    });
    all
}

fn is_kernel(param: &Param) -> bool {
    param.name.ends_with("kernel") && param.shape.len() > 1
}

/// That of a tensor, whose values are not yet in their bins.
fn of_tensor(param: &Param, Moments { count, limit, sum, squares }: &Moments) -> WeightDistribution {
    let mean_of = |sum: f64| if *count > 0 { sum / *count as f64 } else { 0.0 };
    let mean = mean_of(*sum);
    WeightDistribution {
        name: param.name.clone(),
        shape: param.shape.clone(),
        limit: *limit,
        bins: vec![0; WeightDistribution::BINS],
        mean: mean as f32,
        deviation: (mean_of(*squares) - mean * mean).max(0.0).sqrt() as f32,
        picture: None,
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

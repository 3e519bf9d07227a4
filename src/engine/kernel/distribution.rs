use super::simd::Simd;
use super::{Isa, dispatch};

/// Values that are added side by side.
const LANES: usize = 16;
/// Bins at most; one more of the table is for what is not finite.
const BINS: usize = 63;
/// Tables of counts, in turn, so that no count waits for the one before it.
const TABLES: usize = 4;
/// Values at a time: fewer than a count of 32 bits holds.
const CHUNK: usize = 1 << 20;

/// Count, sums and greatest magnitude of finite values, in a fixed order: the same bits from every instruction set.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// The number of finite values.
    pub count: u64,
    /// The greatest magnitude.
    pub limit: f32,
    /// `Σ x`.
    pub sum: f64,
    /// `Σ x²`.
    pub squares: f64,
}

impl Moments {
    /// Of the finite ones of `values`.
    pub fn of(values: &[f32]) -> Self {
        let mut all = Self::default();
        values.chunks(CHUNK).for_each(|values| all.add(&moments_on(Isa::best(), values)));
        all
    }

    /// Adds those of more values.
    pub fn add(&mut self, more: &Self) {
        self.count += more.count;
        self.limit = self.limit.max(more.limit);
        self.sum += more.sum;
        self.squares += more.squares;
    }
}

/// Counts the finite ones of `values` in `counts`, whose bins are of equal width from −`limit` to `limit`; the greatest is in the last. If
/// `limit` is 0 or so small that a bin has no width, all are in the middle one.
///
/// # Panics
/// With more than 63 bins: a defect of the caller.
pub fn count_in_bins(values: &[f32], limit: f32, counts: &mut [u64]) {
    assert!((1..=BINS).contains(&counts.len()), "bins: {}", counts.len());
    let scale = if limit > 0.0 { counts.len() as f32 / (2.0 * limit) } else { 0.0 };
    let scale = if scale.is_finite() { scale } else { 0.0 };
    values.chunks(CHUNK).for_each(|values| count_on(Isa::best(), values, scale, counts));
}

dispatch!(fn moments_on(values: &[f32]) -> Moments = moments_of);

/// A scalar loop that the compiler vectorizes; it never fuses multiplication and addition.
#[inline(always)]
fn moments_of<V: Simd, N: Simd>(values: &[f32]) -> Moments {
    let (mut counts, mut limits) = ([0_u32; LANES], [0.0_f32; LANES]);
    let (mut sums, mut squares) = ([0.0_f64; LANES], [0.0_f64; LANES]);
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut last = [f32::NAN; LANES];
    last[..rest.len()].copy_from_slice(rest);
    for block in blocks.iter().chain([&last]) {
        for (lane, value) in block.iter().enumerate() {
            let x = if value.is_finite() { *value } else { 0.0 };
            counts[lane] += u32::from(value.is_finite());
            limits[lane] = if x.abs() > limits[lane] { x.abs() } else { limits[lane] };
            sums[lane] += f64::from(x);
            squares[lane] += f64::from(x) * f64::from(x);
        }
    }
    Moments {
        count: counts.iter().map(|count| u64::from(*count)).sum(),
        limit: limits.into_iter().fold(0.0, f32::max),
        sum: sums.iter().sum(),
        squares: squares.iter().sum(),
    }
}

dispatch!(fn count_on(values: &[f32], scale: f32, counts: &mut [u64]) = count_all);

#[inline(always)]
fn count_all<V: Simd, N: Simd>(values: &[f32], scale: f32, counts: &mut [u64]) {
    let (middle, last) = (counts.len() as f32 / 2.0, counts.len() as u32 - 1);
    let bin = |x: f32| {
        let bin = ((x * scale + middle) as u32).min(last);
        if x.is_finite() { bin } else { BINS as u32 }
    };
    let mut tables = [[0_u32; BINS + 1]; TABLES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        let mut bins = [0; LANES];
        for (bin_of, x) in bins.iter_mut().zip(block) {
            *bin_of = bin(*x);
        }
        for (i, bin) in bins.into_iter().enumerate() {
            tables[i % TABLES][bin as usize % (BINS + 1)] += 1;
        }
    }
    for x in rest {
        tables[0][bin(*x) as usize % (BINS + 1)] += 1;
    }
    for table in tables {
        counts.iter_mut().zip(table).for_each(|(count, more)| *count += u64::from(more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize) -> Vec<f32> {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -4.0];
        (0..n).map(|i| if i % 7 == 3 { odd[i % 5] } else { (i as f32 * 0.37).sin() * 3.0 }).collect()
    }

    #[test]
    fn moments_and_bins_are_those_of_plain_loops_at_every_length_and_instruction_set() {
        for n in 0..100 {
            let all = values(n);
            let finite: Vec<f32> = all.iter().copied().filter(|x| x.is_finite()).collect();
            let found = Moments::of(&all);
            let limit = finite.iter().fold(0.0, |limit: f32, x| limit.max(x.abs()));
            assert_eq!((found.count, found.limit), (finite.len() as u64, limit));
            let sums = |f: fn(f64) -> f64| finite.iter().map(|x| f(f64::from(*x))).sum::<f64>();
            assert!((found.sum - sums(|x| x)).abs() < 1e-9 && (found.squares - sums(|x| x * x)).abs() < 1e-9);
            let mut counts = [0; 41];
            count_in_bins(&all, limit, &mut counts);
            let mut plain = [0; 41];
            for x in &finite {
                let bin = if limit > 0.0 { (x * (41.0 / (2.0 * limit)) + 20.5) as usize } else { 20 };
                plain[bin.min(40)] += 1;
            }
            assert_eq!(counts, plain, "{n}");
            for isa in Isa::available() {
                assert_eq!(moments_on(isa, &all), found, "{isa:?} {n}");
                let mut of_isa = [0; 41];
                count_on(isa, &all, if limit > 0.0 { 41.0 / (2.0 * limit) } else { 0.0 }, &mut of_isa);
                assert_eq!(of_isa, counts, "{isa:?} {n}");
            }
        }
    }

    #[test]
    fn values_without_a_width_are_in_the_middle() {
        for (value, limit) in [(0.0, 0.0), (f32::from_bits(1), f32::from_bits(1))] {
            let mut counts = [0; 5];
            count_in_bins(&[value; 20], limit, &mut counts);
            assert_eq!(counts, [0, 0, 20, 0, 0]);
        }
    }
}

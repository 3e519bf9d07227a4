use super::simd::Simd;
use super::{Isa, Matrix, dispatch};

/// Rows of which a vector of columns is counted at a time: few enough that a lane counts them exactly and that they stay in the
/// first-level cache, with what stands beside them, until the last vector has had its turn.
const CHUNK: usize = 64;

/// How many of `values` `[rows, units]` are below the first of `bounds`, and how many above the second; `least` and `greatest`
/// `[units]` take on what is below or above them. Only rows that `taken` marks count, where it marks any at all: empty, it stands for
/// all. NaN counts as neither.
///
/// # Panics
/// When `values` is meant transposed, or another has another size: a defect, never a matter of data.
pub fn tally(
    values: Matrix<'_>,
    taken: &[bool],
    bounds: (f32, f32),
    least: &mut [f32],
    greatest: &mut [f32],
) -> (u64, u64) {
    let (rows, units) = values.dim();
    assert!(taken.is_empty() || taken.len() == rows, "a mark for every row");
    assert!(least.len() == units && greatest.len() == units, "an extreme for every unit");
    tally_on(Isa::best(), values, taken, bounds, least, greatest)
}

dispatch!(
    fn tally_on(
        values: Matrix<'_>,
        taken: &[bool],
        bounds: (f32, f32),
        least: &mut [f32],
        greatest: &mut [f32],
    ) -> (u64, u64) = tally_of
);

#[inline(always)]
fn tally_of<V: Simd, N: Simd>(
    values: Matrix<'_>,
    taken: &[bool],
    bounds: (f32, f32),
    least: &mut [f32],
    greatest: &mut [f32],
) -> (u64, u64) {
    let ((rows, units), (mut left, mut right)) = (values.dim(), (0, 0));
    for first in (0..rows).step_by(CHUNK) {
        let chunk = first..rows.min(first + CHUNK);
        for unit in (0..units).step_by(V::LANES) {
            let columns = unit..units.min(unit + V::LANES);
            let (least, greatest) = (&mut least[columns.clone()], &mut greatest[columns.clone()]);
            let (below, above) =
                columns_of::<V>(values.columns(columns), chunk.clone(), taken, bounds, least, greatest);
            (left, right) = (left + below, right + above);
        }
    }
    (left, right)
}

/// The same of some rows of at most a vector of columns.
#[inline(always)]
fn columns_of<V: Simd>(
    values: Matrix<'_>,
    rows: std::ops::Range<usize>,
    taken: &[bool],
    (low, high): (f32, f32),
    least: &mut [f32],
    greatest: &mut [f32],
) -> (u64, u64) {
    let (low, high, one, zero) = (V::splat(low), V::splat(high), V::splat(1.0), V::splat(0.0));
    let (mut least_of, mut greatest_of) = (V::load_part(least), V::load_part(greatest));
    let (mut below, mut above) = (zero, zero);
    for row in rows {
        if taken.get(row) == Some(&false) {
            continue;
        }
        let x = values.row(row);
        let x = if x.len() == V::LANES { V::load(x) } else { V::load_part(x) };
        below = below.add(x.select_less(low, one, zero));
        above = above.add(high.select_less(x, one, zero));
        least_of = x.select_less(least_of, x, least_of);
        greatest_of = greatest_of.select_less(x, x, greatest_of);
    }
    least_of.store_part(least);
    greatest_of.store_part(greatest);
    let mut counts = [[0.0; 16]; 2];
    below.store(&mut counts[0]);
    above.store(&mut counts[1]);
    let sum = |lanes: &[f32; 16]| lanes[..least.len()].iter().map(|count| *count as u64).sum();
    (sum(&counts[0]), sum(&counts[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_on_every_instruction_set_at_every_width_and_stride() {
        for isa in Isa::available() {
            for (rows, units, stride) in [(1, 1, 1), (3, 7, 9), (130, 16, 16), (70, 33, 99), (0, 5, 5)] {
                let number = |i: usize| match i % 97 {
                    0 => f32::NAN,
                    i => (i as f32 * 0.7).sin() * 10.0,
                };
                let data: Vec<f32> = (0..rows * stride).map(number).collect();
                for taken in [vec![], (0..rows).map(|row| row % 3 != 1).collect::<Vec<_>>()] {
                    let (mut least, mut greatest) = (vec![3.0; units], vec![4.0; units]);
                    let values = Matrix::strided(&data, rows, units, stride);
                    let counts = tally_on(isa, values, &taken, (-5.0, 8.0), &mut least, &mut greatest);
                    let mut plain = ((0, 0), vec![3.0_f32; units], vec![4.0_f32; units]);
                    for row in (0..rows).filter(|row| taken.get(*row) != Some(&false)) {
                        for unit in 0..units {
                            let x = data[row * stride + unit];
                            plain.0.0 += u64::from(x < -5.0);
                            plain.0.1 += u64::from(x > 8.0);
                            plain.1[unit] = plain.1[unit].min(x);
                            plain.2[unit] = plain.2[unit].max(x);
                        }
                    }
                    assert_eq!((counts, least, greatest), plain, "{isa:?} {rows} {units} {stride}");
                }
            }
        }
    }
}

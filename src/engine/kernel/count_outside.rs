use super::simd::Simd;
use super::{Isa, Matrix, dispatch};

/// Rows that are counted at a time, one vector of columns after the other: few enough that an `f32` lane counts them exactly and that
/// they, and the columns beside them, stay in the L1 cache.
const CHUNK: usize = 64;

/// Returns how many of `values` `[rows, units]` are below the first of `bounds` and how many above the second, and updates the minimum
/// and maximum of each unit in `min` and `max` `[units]`. Only rows where `mask` is true count; an empty mask includes all. NaN is
/// ignored.
///
/// # Panics
/// If `values` is transposed or the sizes differ: a defect of the caller, independent of data.
pub fn count_outside(
    values: Matrix<'_>,
    mask: &[bool],
    bounds: (f32, f32),
    min: &mut [f32],
    max: &mut [f32],
) -> (u64, u64) {
    let (rows, units) = values.dim();
    assert!(mask.is_empty() || mask.len() == rows, "mask: one value per row");
    assert!(min.len() == units && max.len() == units, "min and max: one value per unit");
    count_outside_on(Isa::best(), values, mask, bounds, min, max)
}

dispatch!(
    fn count_outside_on(
        values: Matrix<'_>,
        mask: &[bool],
        bounds: (f32, f32),
        min: &mut [f32],
        max: &mut [f32],
    ) -> (u64, u64) = count_outside_of
);

#[inline(always)]
fn count_outside_of<V: Simd, N: Simd>(
    values: Matrix<'_>,
    mask: &[bool],
    bounds: (f32, f32),
    min: &mut [f32],
    max: &mut [f32],
) -> (u64, u64) {
    let ((rows, units), (mut total_below, mut total_above)) = (values.dim(), (0, 0));
    for first in (0..rows).step_by(CHUNK) {
        let chunk = first..rows.min(first + CHUNK);
        for unit in (0..units).step_by(V::LANES) {
            let columns = unit..units.min(unit + V::LANES);
            let (min, max) = (&mut min[columns.clone()], &mut max[columns.clone()]);
            let (below, above) =
                columns_outside::<V>(values.columns(columns), chunk.clone(), mask, bounds, min, max);
            (total_below, total_above) = (total_below + below, total_above + above);
        }
    }
    (total_below, total_above)
}

/// [`count_outside`] for some rows of at most one vector of columns.
#[inline(always)]
fn columns_outside<V: Simd>(
    values: Matrix<'_>,
    rows: std::ops::Range<usize>,
    mask: &[bool],
    (low, high): (f32, f32),
    min: &mut [f32],
    max: &mut [f32],
) -> (u64, u64) {
    let (low, high, one, zero) = (V::splat(low), V::splat(high), V::splat(1.0), V::splat(0.0));
    let (mut min_lanes, mut max_lanes) = (V::load_part(min), V::load_part(max));
    let (mut below, mut above) = (zero, zero);
    for row in rows {
        if mask.get(row) == Some(&false) {
            continue;
        }
        let x = values.row(row);
        let x = if x.len() == V::LANES { V::load(x) } else { V::load_part(x) };
        below = below.add(x.select_less(low, one, zero));
        above = above.add(high.select_less(x, one, zero));
        min_lanes = x.select_less(min_lanes, x, min_lanes);
        max_lanes = max_lanes.select_less(x, x, max_lanes);
    }
    min_lanes.store_part(min);
    max_lanes.store_part(max);
    let mut counts = [[0.0; 16]; 2];
    below.store(&mut counts[0]);
    above.store(&mut counts[1]);
    let sum = |lanes: &[f32; 16]| lanes[..min.len()].iter().map(|count| *count as u64).sum();
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
                for mask in [vec![], (0..rows).map(|row| row % 3 != 1).collect::<Vec<_>>()] {
                    let (mut min, mut max) = (vec![3.0; units], vec![4.0; units]);
                    let values = Matrix::strided(&data, rows, units, stride);
                    let counts = count_outside_on(isa, values, &mask, (-5.0, 8.0), &mut min, &mut max);
                    let mut plain = ((0, 0), vec![3.0_f32; units], vec![4.0_f32; units]);
                    for row in (0..rows).filter(|row| mask.get(*row) != Some(&false)) {
                        for unit in 0..units {
                            let x = data[row * stride + unit];
                            plain.0.0 += u64::from(x < -5.0);
                            plain.0.1 += u64::from(x > 8.0);
                            plain.1[unit] = plain.1[unit].min(x);
                            plain.2[unit] = plain.2[unit].max(x);
                        }
                    }
                    assert_eq!((counts, min, max), plain, "{isa:?} {rows} {units} {stride}");
                }
            }
        }
    }
}

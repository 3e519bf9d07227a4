use super::simd::Simd;
use super::{Isa, dispatch};

/// How many of `values` are below the first of `bounds`, and how many above the second; `least` and `greatest`, as long, take on what
/// is below or above them. NaN counts as neither.
pub fn tally(values: &[f32], bounds: (f32, f32), least: &mut [f32], greatest: &mut [f32]) -> (u64, u64) {
    tally_on(Isa::best(), values, bounds, least, greatest)
}

dispatch!(
    fn tally_on(values: &[f32], bounds: (f32, f32), least: &mut [f32], greatest: &mut [f32]) -> (u64, u64) = tally_of
);

/// A plain loop: the compiler makes of it what vectors the instruction set has.
#[inline(always)]
fn tally_of<V: Simd, N: Simd>(
    values: &[f32],
    (low, high): (f32, f32),
    least: &mut [f32],
    greatest: &mut [f32],
) -> (u64, u64) {
    let (mut left, mut right) = (0_u32, 0_u32);
    for ((x, least), greatest) in values.iter().zip(least).zip(greatest) {
        left += u32::from(*x < low);
        right += u32::from(*x > high);
        *least = if *x < *least { *x } else { *least };
        *greatest = if *x > *greatest { *x } else { *greatest };
    }
    (u64::from(left), u64::from(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_on_every_instruction_set() {
        for isa in Isa::available() {
            let values: Vec<f32> = (0..37).map(|i| i as f32).chain([f32::NAN]).collect();
            let (mut least, mut greatest) = (vec![3.0; 38], vec![20.0; 38]);
            let counts = tally_on(isa, &values, (5.0, 30.0), &mut least, &mut greatest);
            assert_eq!(counts, (5, 6), "{isa:?}");
            assert!((0..37).all(|i| least[i] == values[i].min(3.0) && greatest[i] == values[i].max(20.0)));
            assert_eq!((least[37], greatest[37]), (3.0, 20.0), "{isa:?}");
        }
    }
}

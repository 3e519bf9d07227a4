//! Numbers for pictures, a byte each.

use super::bytes::{PayloadReader, put_f32, put_uint};

/// The code of a value that is not finite.
const NOT_FINITE: i8 = -128;

/// Appends the count, a scale, and a signed byte per value: `round(value / scale)` with `scale = max |value| / 127`.
///
/// So zero stays zero, the error is at most `scale / 2`, and a value that is not finite is restored as NaN.
pub(super) fn put_quantised(out: &mut Vec<u8>, values: &[f32]) {
    let largest = values.iter().filter(|x| x.is_finite()).fold(0_f32, |m, x| m.max(x.abs()));
    let scale = largest / 127.0;
    put_uint(out, values.len() as u64);
    put_f32(out, scale);
    out.extend(values.iter().map(|x| quantise(*x, scale) as u8));
}

fn quantise(x: f32, scale: f32) -> i8 {
    match x.is_finite() {
        false => NOT_FINITE,
        // All are zero, or too small for a scale.
        true if scale == 0.0 => 0,
        true => (x / scale).round().clamp(-127.0, 127.0) as i8,
    }
}

pub(super) fn take_quantised(take: &mut PayloadReader<'_>) -> Option<Vec<f32>> {
    let count = take.count()?;
    let scale = f64::from(take.f32()?);
    let value = |code: i8| match code {
        NOT_FINITE => f32::NAN,
        // In f64 and clamped: 127 times the scale of the largest number may round beyond it.
        code => (f64::from(code) * scale).clamp(-f64::from(f32::MAX), f64::from(f32::MAX)) as f32,
    };
    Some(take.bytes(count)?.iter().map(|byte| value(*byte as i8)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[f32]) -> Vec<f32> {
        let mut out = Vec::new();
        put_quantised(&mut out, values);
        take_quantised(&mut PayloadReader(&out)).unwrap()
    }

    proptest! {
        #[test]
        fn the_error_is_at_most_half_a_scale(values in proptest::collection::vec(-1e3_f32..1e3, 1..50)) {
            let bound = values.iter().fold(0_f32, |m, x| m.max(x.abs())) / 254.0 * 1.0001;
            for (before, after) in values.iter().zip(round_trip(&values)) {
                prop_assert!((before - after).abs() <= bound, "{before} became {after}");
            }
        }
    }

    #[test]
    fn extremes_stay_finite_and_non_finite_values_become_nan() {
        let after = round_trip(&[f32::MAX, -f32::MAX, 0.0, f32::NAN, f32::INFINITY]);
        assert!((after[0] / f32::MAX - 1.0).abs() < 1e-5 && (after[1] / f32::MAX + 1.0).abs() < 1e-5);
        assert_eq!(after[2], 0.0);
        assert!(after[3].is_nan() && after[4].is_nan());
        assert_eq!(round_trip(&[0.0, -0.0, 1e-45]), [0.0; 3]);
    }
}

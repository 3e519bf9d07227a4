//! Interpolation of missing values.

/// Interpolates the missing values (NaN) of `values`, `[time, features]`, linearly between their neighbours of the same feature; before
/// the first and after the last they are equal to it. Steps at the end without any value are removed: they are not part of the sequence.
///
/// Returns the number of missing values, or the first feature without a value; `None` for a sequence without a step.
pub(super) fn fill(values: &mut Vec<f32>, features: usize) -> Option<Result<usize, usize>> {
    let steps = values.chunks_exact(features).rposition(|step| step.iter().any(|x| !x.is_nan()))? + 1;
    values.truncate(steps * features);
    let mut missing = 0;
    for feature in 0..features {
        let known: Vec<(usize, f32)> = (0..steps)
            .filter_map(|t| Some((t, *values.get(t * features + feature)?)))
            .filter(|(_, x)| !x.is_nan())
            .collect();
        let (Some(first), Some(last)) = (known.first(), known.last()) else { return Some(Err(feature)) };
        missing += steps - known.len();
        let ends = [(0, first.1)].into_iter().chain(known.iter().copied());
        let nexts = known.iter().copied().chain([(steps, last.1)]);
        for ((from, a), (to, b)) in ends.zip(nexts) {
            for t in from..to {
                let Some(x) = values.get_mut(t * features + feature).filter(|x| x.is_nan()) else { continue };
                let share = (t - from) as f64 / (to - from) as f64;
                *x = (f64::from(a) + share * (f64::from(b) - f64::from(a))) as f32;
            }
        }
    }
    Some(Ok(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: f32 = f32::NAN;

    #[test]
    fn gaps_are_interpolated_and_trailing_gaps_removed() {
        let mut one = vec![N, 1.0, N, N, 4.0, 3.0, N, N];
        assert_eq!(fill(&mut one, 1), Some(Ok(3)));
        assert_eq!(one, [1.0, 1.0, 2.0, 3.0, 4.0, 3.0]);
        let mut two = vec![1.0, N, N, 8.0, 3.0, N, N, N];
        assert_eq!(fill(&mut two, 2), Some(Ok(3)));
        assert_eq!(two, [1.0, 8.0, 2.0, 8.0, 3.0, 8.0]);
        assert_eq!(fill(&mut vec![1.0, N, 2.0, N], 2), Some(Err(1)));
        assert_eq!(fill(&mut vec![N, N], 1), None);
        assert_eq!(fill(&mut Vec::new(), 1), None);
    }
}

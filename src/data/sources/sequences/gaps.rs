//! Values that are missing.

/// Puts the missing values (not a number) of `values`, `[time, features]`, on the line between their neighbours of the same feature; before the
/// first and behind the last they repeat it. Steps at the end of which every value is missing are taken off: they are no part of the
/// sequence.
///
/// Gives how many were missing, or the first feature of which no value is there; `None` for a sequence without a step.
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
    fn what_is_missing_lies_on_the_line_between_its_neighbours_and_the_end_is_the_end() {
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

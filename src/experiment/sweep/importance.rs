//! How much of the differences between trials a setting explains.

/// The most groups into which the values of a number are put.
const GROUPS: usize = 4;

/// The share of the variance of `values` that belongs to a setting alone, ω² of a one-way analysis of variance: 0 without any effect beyond
/// chance, 1 if nothing else matters. `levels` are the values of the setting; if they are numbers and mostly different, they are put into
/// groups of neighbours. `None` for fewer than two groups, or no more trials than groups.
///
/// Source: Hays 1963, *Statistics for Psychologists*; `pingouin` and R's `effectsize::omega_squared` give the same.
pub fn omega_squared(levels: &[&str], values: &[f64]) -> Option<f64> {
    let groups = groups(levels);
    let count = groups.iter().max()? + 1;
    let n = values.len();
    if count < 2 || n <= count || groups.len() != n {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let (mut sums, mut sizes) = (vec![0.0; count], vec![0.0; count]);
    for (group, value) in groups.iter().zip(values) {
        *sums.get_mut(*group)? += value - mean;
        *sizes.get_mut(*group)? += 1.0;
    }
    let between: f64 =
        sums.iter().zip(&sizes).map(|(sum, size): (&f64, &f64)| sum * sum / size.max(1.0)).sum();
    let total: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let within = (total - between) / (n - count) as f64;
    let share = (between - (count - 1) as f64 * within) / (total + within);
    (total > 0.0).then(|| share.clamp(0.0, 1.0))
}

/// The number of the group of each level.
fn groups(levels: &[&str]) -> Vec<usize> {
    let mut distinct: Vec<&str> = levels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let numbers: Option<Vec<f64>> = levels.iter().map(|level| level.parse().ok()).collect();
    match numbers {
        Some(numbers) if distinct.len() > GROUPS && distinct.len() * 2 > levels.len() => {
            let mut sorted = numbers.clone();
            sorted.sort_by(f64::total_cmp);
            let end = |k: usize| sorted.get(k * sorted.len() / GROUPS).copied().unwrap_or(f64::INFINITY);
            let ends: Vec<f64> = (1..GROUPS).map(end).collect();
            numbers.iter().map(|number| ends.iter().filter(|end| *number >= **end).count()).collect()
        }
        _ => levels.iter().map(|level| distinct.binary_search(level).unwrap_or(0)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_that_worked_out_by_hand() {
        // Means 2 and 5, grand mean 3.5: between 6·1.5² = 13.5, within 1+0+1+1+0+1 = 4, mean square 4/4 = 1: (13.5 − 1) / (17.5 + 1).
        let levels = ["a", "a", "a", "b", "b", "b"];
        let share = omega_squared(&levels, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert!((share - 12.5 / 18.5).abs() < 1e-12, "{share}");
        // No difference of means.
        assert_eq!(omega_squared(&levels, &[1.0, 2.0, 3.0, 3.0, 2.0, 1.0]), Some(0.0));
        assert_eq!(omega_squared(&levels, &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]), Some(1.0));
    }

    #[test]
    fn nothing_can_be_said_of_one_level_or_one_trial_a_level() {
        assert_eq!(omega_squared(&["a", "a"], &[1.0, 2.0]), None);
        assert_eq!(omega_squared(&["a", "b"], &[1.0, 2.0]), None);
        assert_eq!(omega_squared(&[], &[]), None);
        assert_eq!(omega_squared(&["a", "b", "a"], &[1.0, 1.0, 1.0]), None, "all the same");
    }

    #[test]
    fn numbers_that_are_all_different_are_grouped_with_their_neighbours() {
        let numbers: Vec<String> = (0..40).map(|i| format!("{}", 10 * ((i * 7) % 40))).collect();
        let levels: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let values: Vec<f64> = numbers.iter().map(|number| number.parse::<f64>().unwrap() / 400.0).collect();
        let of_value = omega_squared(&levels, &values).unwrap();
        let of_another: Vec<f64> = (0..40).map(|i| f64::from((i * 13) % 7)).collect();
        let of_nothing = omega_squared(&levels, &of_another).unwrap();
        assert!(of_value > 0.85 && of_nothing < 0.2, "{of_value} {of_nothing}");
    }
}

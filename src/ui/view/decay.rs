//! How the gradient changes towards the beginning of the input, in words: over the last monitored batches, as one batch says little.

use crate::metrics::half_life;
use crate::protocol::GradientProfile;
use crate::ui::run_state::{GradientHistory, HalfLife};
use crate::ui::view_state::Norm;

/// Steps of the profile from which on a half-life is as good as none: the norm is constant.
const CONSTANT: f32 = 10.0;

/// The norm at each position.
pub(super) fn norms(profile: &GradientProfile, norm: Norm) -> &[f32] {
    match norm {
        Norm::State => &profile.hnorm,
        Norm::CellState => &profile.cnorm,
        Norm::RecurrentKernel => &profile.kernel_norm,
    }
}

/// The wordings, from long to short. `history` may end behind `profile`, where an earlier step is looked at.
pub(super) fn wordings(
    profile: &GradientProfile,
    history: Option<&GradientHistory>,
    norm: Norm,
) -> Vec<String> {
    let norms = norms(profile, norm);
    if norms.is_empty() {
        return vec!["not in this recording".into()];
    }
    if norms.iter().all(|norm| *norm == 0.0) {
        return vec!["zero everywhere: no gradient flows back".into(), "no gradient flows back".into()];
    }
    let over = |history: &GradientHistory| match norm {
        Norm::State => history.half_life(profile.step),
        Norm::CellState => history.cell_state_half_life(),
        Norm::RecurrentKernel => history.kernel_half_life(),
    };
    let is_latest = |history: &GradientHistory| history.latest().is_some_and(|last| last <= profile.step);
    // Of the other norms there are the last batches alone.
    match history.filter(|history| norm == Norm::State || is_latest(history)) {
        Some(history) => {
            let batches = if is_latest(history) { history.batches() } else { 1 };
            in_words(over(history), batches, norms.len())
        }
        None => {
            let half_life = match norm {
                Norm::State => profile.half_life,
                Norm::CellState | Norm::RecurrentKernel => half_life(norms, &profile.padding),
            };
            let of_batch = half_life.map(|steps| HalfLife {
                median: steps,
                quartiles: [steps; 2],
                clear: 1,
                batches: 1,
            });
            in_words(of_batch, 1, norms.len())
        }
    }
}

fn in_words(half_life: Option<HalfLife>, batches: usize, positions: usize) -> Vec<String> {
    let Some(HalfLife { median, quartiles, batches, .. }) = half_life else {
        let long = (batches > 1).then(|| format!("no clear slope in most of the last {batches} batches"));
        return long.into_iter().chain(["no clear slope".to_owned()]).collect();
    };
    if is_constant(median, positions) {
        return vec![format!("nearly constant over all {positions} steps"), "nearly constant".into()];
    }
    let steps = rounded(median);
    let long = format!("{} every {steps} steps back", if median > 0.0 { "halves" } else { "doubles" });
    let short = match median > 0.0 {
        true => format!("half-life {steps} steps"),
        false => format!("doubles every {steps} steps"),
    };
    if batches < 2 {
        return vec![format!("{long}, this batch"), long, short];
    }
    let spread = spread(median, quartiles, positions);
    vec![
        format!("{long} ({spread} in half of the last {batches} batches)"),
        format!("{long} ({spread}, {batches} batches)"),
        format!("{long} ({spread})"),
        format!("{short} ({spread})"),
        short,
    ]
}

fn is_constant(half_life: f32, positions: usize) -> bool {
    !half_life.is_finite() || half_life.abs() > CONSTANT * positions as f32
}

/// The quartiles around a median: in half of the batches it is between them.
fn spread(median: f32, quartiles: [f32; 2], positions: usize) -> String {
    let [low, high] = match median > 0.0 {
        true => quartiles,
        // Of a norm that grows the slower growth comes first.
        false => [quartiles[1], quartiles[0]],
    };
    // Beyond infinity the slope has the other sign.
    let is_open = is_constant(high, positions) || high * median < 0.0;
    if is_open {
        format!("{} or more", rounded(low))
    } else {
        format!("{} to {}", rounded(low), rounded(high))
    }
}

/// It differs from batch to batch by more than what further digits say.
fn rounded(steps: f32) -> String {
    let digits = usize::from(steps.abs() < 10.0);
    format!("{:.digits$}", steps.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(half_lives: &[Option<f32>]) -> (GradientProfile, GradientHistory) {
        let mut history = GradientHistory::default();
        let mut latest = GradientProfile::default();
        for (step, half_life) in half_lives.iter().enumerate() {
            // What one batch says of U differs from the others.
            let growth = if step == 1 { 40.0 } else { 2.0 };
            latest = GradientProfile {
                step: step as u64,
                hnorm: vec![1.0; 30],
                kernel_norm: (0..30).map(|t| 2f32.powf(t as f32 / growth)).collect(),
                half_life: *half_life,
                ..GradientProfile::default()
            };
            history.add(&latest);
        }
        (latest, history)
    }

    #[test]
    fn one_batch_does_not_move_the_half_life_and_the_spread_is_said() {
        let (latest, all) = history(&[8.0, 7.5, 9.0, 8.0, 12.0, 7.0, 8.2, 147.9].map(Some));
        let words = wordings(&latest, Some(&all), Norm::State);
        assert_eq!(words[0], "halves every 8.0 steps back (8.0 to 9.0 in half of the last 8 batches)");
        assert_eq!(words.last().unwrap(), "half-life 8.0 steps");
        assert!(words.is_sorted_by(|a, b| a.len() > b.len()), "from long to short: {words:?}");
        let earlier = GradientProfile { step: 0, ..latest.clone() };
        assert_eq!(wordings(&earlier, Some(&all), Norm::State)[0], "halves every 8.0 steps back, this batch");
        // Of U, and of a batch alone.
        let kernel = wordings(&latest, Some(&all), Norm::RecurrentKernel);
        assert_eq!(kernel[2], "halves every 2.0 steps back (2.0 to 2.0)");
        let alone = wordings(&earlier, None, Norm::RecurrentKernel);
        assert_eq!(alone[0], "halves every 2.0 steps back, this batch");
    }

    #[test]
    fn batches_that_disagree_or_have_no_slope_are_said_to() {
        let first = |half_lives: &[Option<f32>]| {
            let (latest, all) = history(half_lives);
            wordings(&latest, Some(&all), Norm::State).swap_remove(0)
        };
        assert_eq!(first(&[Some(8.0), None, None]), "no clear slope in most of the last 3 batches");
        assert_eq!(first(&[None]), "no clear slope");
        assert_eq!(first(&[Some(1e6), Some(-1e5), Some(1e4)]), "nearly constant over all 30 steps");
        let mixed = first(&[Some(20.0), Some(10.0), Some(12.0), Some(-30.0), Some(-40.0)]);
        assert_eq!(mixed, "halves every 20 steps back (12 or more in half of the last 5 batches)");
        let grows = first(&[-20.0, -10.0, -40.0, -15.0, -30.0].map(Some));
        assert_eq!(grows, "doubles every 20 steps back (15 to 30 in half of the last 5 batches)");
        let (mut latest, all) = history(&[Some(8.0)]);
        latest.hnorm = vec![0.0; 30];
        assert!(wordings(&latest, Some(&all), Norm::State)[0].starts_with("zero everywhere"));
    }

    #[test]
    fn the_slope_of_the_recurrent_kernel_is_that_without_the_padding() {
        let kernel_norm: Vec<f32> = (0..20).map(|t| 2f32.powi(if t < 12 { 20 - t } else { t })).collect();
        let padding = (0..20).map(|t| t < 12).collect();
        let profile = GradientProfile { kernel_norm, padding, ..GradientProfile::default() };
        assert_eq!(
            wordings(&profile, None, Norm::RecurrentKernel)[0],
            "halves every 1.0 steps back, this batch"
        );
        let unmarked = GradientProfile { padding: Vec::new(), ..profile };
        assert_eq!(wordings(&unmarked, None, Norm::RecurrentKernel)[0], "no clear slope");
    }
}

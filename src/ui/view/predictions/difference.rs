//! What a change of an example has done to its prediction, in a sentence with the measured numbers.

use crate::escape::foreign;
use crate::metrics::Task;
use crate::protocol::{ProbeChange, ProbeFrame, ProbeText, RunInfo};
use crate::ui::run_state::RunState;

/// Probabilities that differ by less are printed as the same.
const SAME: f32 = 0.0005;

/// The sentence about an example that is a variant of another one; `None` for others, and before both are measured.
pub(super) fn sentence(run: &RunState, probe: usize) -> Option<String> {
    let info = run.info()?;
    let variant = info.probes.get(probe)?.variant.as_ref()?;
    let (before, after) = (run.probe(variant.of)?, run.probe(probe)?);
    let original = info.probes.get(variant.of)?;
    let (what, is_reversed) = match &variant.change {
        ProbeChange::Reverse => ("Reverse order".to_owned(), true),
        ProbeChange::Replace { token, .. } => {
            let new = info.probes.get(probe)?.tokens.get(*token)?;
            (format!("“{}” for “{}”", foreign(new), foreign(original.tokens.get(*token)?)), false)
        }
        ProbeChange::Occlude { token } => {
            (format!("“{}” hidden", foreign(original.tokens.get(*token)?)), false)
        }
    };
    let result = match info.task {
        Task::Tags | Task::Language => by_token(original, before, after, is_reversed)?,
        _ => at_the_end(info, before, after, is_reversed)?,
    };
    Some(format!("{what}: {result}"))
}

/// How the one prediction of an example has moved.
fn at_the_end(info: &RunInfo, before: &ProbeFrame, after: &ProbeFrame, is_reversed: bool) -> Option<String> {
    let numbers = before.prediction.iter().zip(&after.prediction);
    let moved = numbers.map(|(before, after)| (after - before).abs()).fold(0.0, f32::max);
    let has_classes = matches!(info.task, Task::Binary | Task::Classes | Task::Labels);
    let leading = |frame: &ProbeFrame| {
        let all = frame.prediction.iter().enumerate();
        all.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(output, _)| output)
    };
    let output = if has_classes { leading(before) } else { 0 };
    let name = info.data.classes.get(output).filter(|_| has_classes);
    let name = name.map_or_else(String::new, |class| format!("{} ", foreign(&info.class_name(&class.label))));
    let (old, new) = (before.prediction.get(output)?, after.prediction.get(output)?);
    let numbers = format!("{name}{old:.3} → {new:.3}");
    let end = match (is_reversed, moved < SAME) {
        (true, true) => {
            "the prediction does not move: this network does not notice the order of the words".into()
        }
        (true, false) => {
            format!("the prediction moves by {moved:.3}: this network notices the order of the words")
        }
        (false, true) => "the prediction does not move".into(),
        (false, false) => format!("it moves by {:+.3}", new - old),
    };
    let other = leading(after);
    let turned =
        info.data.classes.get(other).filter(|_| info.task != Task::Labels && has_classes && other != output);
    let turned = turned
        .map_or_else(String::new, |class| format!("; now it is {}", foreign(&info.class_name(&class.label))));
    Some(format!("{numbers}, {end}{turned}."))
}

/// After how many tokens another output leads.
fn by_token(
    original: &ProbeText,
    before: &ProbeFrame,
    after: &ProbeFrame,
    is_reversed: bool,
) -> Option<String> {
    let name = |frame: &ProbeFrame, at: usize| Some(frame.by_token.get(at)?.outputs.first()?.0.clone());
    let tokens = original.tokens.len();
    let place = |at: usize| if is_reversed { tokens - 1 - at } else { at };
    let pairs: Option<Vec<_>> =
        (0..tokens).map(|at| Some((name(before, at)?, name(after, place(at))?))).collect();
    let changed = pairs?.iter().filter(|(before, after)| before != after).count();
    Some(match (changed, is_reversed) {
        (0, true) => {
            "the prediction at every token stays: this network does not notice the order of the tokens."
                .into()
        }
        (_, true) => format!(
            "the prediction changes at {changed} of {tokens} tokens: this network notices the order of the tokens."
        ),
        (0, false) => "the prediction at every token stays.".into(),
        (_, false) => format!("the prediction changes at {changed} of {tokens} tokens."),
    })
}

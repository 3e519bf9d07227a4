//! Whether a key would change what is seen.

use super::ViewState;
use crate::ui::keymap::Action;
use crate::ui::panel::Panel;
use crate::ui::run_state::RunState;

impl ViewState {
    /// Whether the key of `action` changes what is seen of `run` at present: of a single layer, example or quantity there is no next one, and
    /// not every panel has an axis to change. `true` for actions that do not concern these.
    pub fn has_effect(&self, action: Action, run: &RunState) -> bool {
        let concerned =
            [Action::Quantity, Action::LogScale, Action::NextLayer, Action::NextProbe, Action::Zoom];
        if !concerned.contains(&action) {
            return true;
        }
        let mut next = self.clone();
        let acted = next.act(action, run);
        match action {
            Action::Quantity | Action::LogScale => acted,
            Action::NextLayer if self.focus(run) == Panel::Forecast => next.lead != self.lead,
            Action::NextLayer => next.layer != self.layer,
            Action::NextProbe => next.probe != self.probe,
            Action::Zoom => next.zoom != self.zoom,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Event, StepMetrics};
    use crate::ui::dashboard::Dashboard;

    #[test]
    fn a_key_without_a_next_thing_has_no_effect() {
        let trained = |steps: u64| {
            let mut dash = Dashboard::new();
            for step in 1..=steps {
                dash.apply(&Event::Step(StepMetrics {
                    step,
                    epoch: 1,
                    loss: 1.0,
                    accuracy: Some(0.5),
                    learning_rate: 0.001,
                    grad_norm: 1.0,
                    sequences_per_s: 1.0,
                    seconds: step as f64,
                }));
            }
            dash
        };
        let short = trained(20);
        for action in [Action::Quantity, Action::NextLayer, Action::NextProbe, Action::Zoom] {
            assert!(!short.view.has_effect(action, &short.run), "{action:?}");
        }
        // The loss is in front: it has an axis, and smoothing concerns all curves.
        assert!([Action::LogScale, Action::SmoothMore].iter().all(|a| short.view.has_effect(*a, &short.run)));
        assert_eq!(short.view.zoom, 0, "asking changes nothing");
        let long = trained(2000);
        assert!(long.view.has_effect(Action::Zoom, &long.run));
    }
}

//! The curves of the run that a branch was made from, for the charts of the branch.

use std::path::Path;

use super::replay::Recording;
use super::run_state::RunState;
use crate::protocol::Event;

/// What the parent did after the branch had left it.
#[derive(Debug)]
pub struct ParentCurves {
    /// The name of its folder. Untrusted text: escape it before printing.
    pub name: String,
    /// Its metrics, from the branching step on.
    pub run: RunState,
}

impl ParentCurves {
    /// Reads the run `parent` of the branch in the folder `branch` that left it after `step`, or the run of its name beside the branch: folders of runs are moved as a whole.
    /// `None` if it is gone, or has nothing after the branching step.
    pub fn read(branch: &Path, parent: &Path, step: u64) -> Option<Self> {
        let name = parent.file_name()?;
        let beside = branch.parent().map(|runs| runs.join(name));
        let recording = [Some(parent.to_owned()), beside].into_iter().flatten();
        let recording = recording.filter_map(|folder| Recording::open(&folder).ok()).next()?;
        let mut run = RunState::new();
        for event in recording.events() {
            let is_shown = match &event {
                Event::Prepared(_) => true,
                Event::Step(metrics) => metrics.step > step,
                Event::Validation(metrics) => metrics.step > step,
                Event::Epoch(metrics) => metrics.step > step,
                _ => false,
            };
            if is_shown {
                run.apply(&event);
            }
        }
        run.latest()?;
        Some(Self { name: name.to_string_lossy().into_owned(), run })
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    use super::*;
    use crate::protocol::{Resumed, StepMetrics};
    use crate::ui::dashboard::Dashboard;
    use crate::ui::group::tests::{info, record};
    use crate::ui::keymap::Action;
    use crate::ui::menu::tests::THEME;
    use crate::ui::view;

    /// A branch that left the run `parent` after step 40 and has made 30 steps since.
    fn branch(folder: &Path, parent: &Path) -> Dashboard {
        let mut dash = Dashboard::new();
        let mut facts = info(4);
        facts.folder = folder.to_owned();
        dash.apply(&Event::Prepared(Box::new(facts)));
        for step in 1..=70 {
            if step == 41 {
                let (changes, parent) = (vec!["a=b".into()], Some(parent.to_owned()));
                dash.apply(&Event::Resumed(Resumed {
                    step: 40,
                    epoch: 2,
                    changes,
                    settings: Vec::new(),
                    parent,
                }));
                dash.find_parent();
            }
            dash.apply(&Event::Step(StepMetrics {
                step,
                epoch: step as usize / 20 + 1,
                loss: if step > 40 { 0.9 } else { 0.5 },
                accuracy: Some(0.5),
                learning_rate: 0.01,
                grad_norm: 1.0,
                sequences_per_s: 100.0,
                seconds: step as f64,
            }));
        }
        dash
    }

    fn drawn(dash: &Dashboard, width: u16) -> String {
        let area = Rect::new(0, 0, width, 24);
        let mut buf = Buffer::empty(area);
        view::dashboard::render(dash, area, &mut buf, &THEME);
        let rows = buf.content().chunks(usize::from(width));
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
    }

    #[test]
    fn the_chart_of_a_branch_has_the_line_of_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        record(dir.path(), "first-run", 8, 4, 1.0);
        let mut dash = branch(&dir.path().join("second"), &dir.path().join("first-run"));
        let parent = dash.parent.as_ref().unwrap();
        let (first, last) = parent.run.loss().train.extent().unwrap();
        assert_eq!((first.step, last.step), (41, 80));
        let seen = drawn(&dash, 160);
        assert!(seen.contains("┄ first-run 0.") && seen.contains('B'), "{seen}");
        dash.act(Action::Open);
        insta::assert_snapshot!(drawn(&dash, 80));
    }

    #[test]
    fn a_branch_leaves_its_parent_at_the_change() {
        let mut run = RunState::new();
        let mut resumed = |step, change: Option<&str>, parent: Option<&str>| {
            let changes = change.map(str::to_owned).into_iter().collect();
            run.apply(&Event::Resumed(Resumed {
                step,
                epoch: 1,
                changes,
                settings: Vec::new(),
                parent: parent.map(Into::into),
            }));
            let letter = run.marks().last().map(|(_, letter)| *letter);
            (run.branched().map(|(_, step)| step), letter)
        };
        assert_eq!(resumed(0, None, Some("runs/a")), (Some(0), None));
        assert_eq!(resumed(20, Some("a=b"), None), (Some(20), Some('B')));
        assert_eq!(resumed(30, Some("a=c"), None), (Some(20), Some('R')));
        assert_eq!(resumed(40, None, Some("runs/b")), (Some(40), Some('B')));
    }

    #[test]
    fn a_parent_that_is_gone_or_was_moved_with_its_branch_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(branch(&dir.path().join("b"), Path::new("/gone/a")).parent.is_none());
        record(dir.path(), "a", 8, 4, 1.0);
        assert_eq!(branch(&dir.path().join("b"), Path::new("/gone/a")).parent.unwrap().name, "a");
    }
}

//! Recorded runs side by side; those in training are followed.

use std::time::{Duration, Instant};

use super::member::Member;
use crate::run::{RunState as State, owner};
use crate::runs::{self, Comparison, Run};
use crate::ui::run_state::RunState;

/// How often runs in training are read.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Recorded runs, with the settings that differ.
#[derive(Debug)]
pub struct ComparedRuns {
    /// The runs, in the order of the members of the group.
    pub comparison: Comparison,
    /// When the runs were read last.
    read: Instant,
}

impl ComparedRuns {
    pub(super) fn new(runs: Vec<Run>) -> Self {
        Self { comparison: Comparison::new(runs), read: Instant::now() }
    }

    pub(super) fn next_tick(&self) -> Option<Instant> {
        let is_live = self.comparison.runs.iter().any(|run| run.state == State::Live);
        is_live.then(|| self.read + READ_EVERY)
    }

    pub(super) fn tick(
        &mut self,
        now: Instant,
        members: &mut [Member],
        (at, front): (usize, &mut RunState),
    ) -> bool {
        if now < self.read + READ_EVERY {
            return false;
        }
        let mut is_new = false;
        let runs = self.comparison.runs.iter_mut().zip(members).enumerate();
        for (number, (run, member)) in runs.filter(|(_, (run, _))| run.state == State::Live) {
            let has_more = member.read_on(&run.path, (number == at).then_some(&mut *front));
            let has_ended = !owner::is_live(&run.path);
            if has_more || has_ended {
                *run = runs::open(&run.path, &run.name);
                is_new = true;
            }
        }
        // Reading takes a share of the time only.
        let took = now.elapsed();
        self.read = Instant::now() + took * 10;
        is_new
    }
}

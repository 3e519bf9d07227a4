//! Branches that are chosen on a screen.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::runs::RUNS;
use super::{detach, shell_word};
use crate::error::chain;
use crate::experiment::{Phase, branch_phases};
use crate::run::{self, RunError};
use crate::ui::{BranchRequest, LaunchRequest, Launched};

/// Branches that are chosen on a screen: checked at once, trained in the background, or when the screen has ended.
#[derive(Default)]
pub(super) struct ScreenBranches {
    /// What is to be trained when the screen has ended.
    next: Cell<Option<BranchRequest>>,
}

impl ScreenBranches {
    /// Checks a branch, and trains it in the background if the parent is in training.
    ///
    /// # Errors
    /// The message for the screen.
    pub fn launch(&self, request: LaunchRequest<'_>) -> Result<Launched, String> {
        let LaunchRequest::Branch(request) = request else { return Err(String::new()) };
        let set: Vec<String> = request.change.iter().cloned().collect();
        let phases = branch_phases(&request.run, request.step, &set).map_err(|error| chain(&error))?;
        if !request.is_live {
            self.next.set(Some(request.clone()));
            return Ok(Launched::Branch);
        }
        let folder = new_folder(&phases).map_err(|error| chain(&error))?;
        let arguments = ["branch".into(), request.run.clone().into_os_string(), "--headless".into()];
        let of_branch =
            ["--at".into(), request.step.to_string().into(), "--run".into(), folder.clone().into()];
        let change = set.into_iter().flat_map(|change| ["--set".into(), change.into()]);
        let all = arguments.into_iter().chain(of_branch).chain(change).chain(detach::threads_given());
        let (mut child, _) = detach::begin(&folder, all).map_err(|error| error.to_string())?;
        // So that it does not stay as a zombie while this screen is open. Without a thread it does.
        let _ = std::thread::Builder::new().name("branch".into()).spawn(move || child.wait());
        let folder = shell_word(&folder.to_string_lossy());
        Ok(Launched::Background(format!(
            "The branch trains in the background, in {folder}. `unrolled attach {folder}` shows it."
        )))
    }

    /// The branch to be trained now that the screen has ended.
    pub fn take(&self) -> Option<BranchRequest> {
        self.next.take()
    }
}

/// Creates the folder of a branch with these phases.
pub(super) fn new_folder(phases: &[Phase]) -> Result<PathBuf, RunError> {
    let name = phases.last().map_or("run", |phase| phase.spec.name.as_str());
    run::create_run_dir(Path::new(RUNS), &format!("{name}-branch"), SystemTime::now())
}

use std::path::PathBuf;

use super::turns::Turn;
use crate::preset::RunSpec;
use crate::protocol::CommandRequest;

/// Options of a run besides its spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The run folder; by default a new one under `runs/`.
    pub folder: Option<PathBuf>,
    /// The number of threads of a step.
    pub threads: usize,
    /// Whether there is a screen, and so the preset's pace applies.
    pub watched: bool,
    /// Notes to log first, such as those of the preset.
    pub notes: Vec<String>,
    /// Whether and how the run in the folder goes on; by default the run is new.
    pub resume: Option<Resume>,
    /// The run that this one is branched from.
    pub parent: Option<PathBuf>,
    /// Of a new run that is branched at step 0 from a run of another spec: that spec, and the changes as `key=value`.
    pub branched: Option<Resume>,
    /// A run whose data, as its latest checkpoint knows them, must be those of this one.
    pub data_of: Option<PathBuf>,
    /// Commands to apply before the step after so many steps, in the order of their steps.
    pub script: Vec<(u64, CommandRequest)>,
    /// The turn in which steps are made, if other trainings share the machine; it changes no bit of the training.
    pub turn: Option<Turn>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folder: None,
            threads: 1,
            watched: false,
            notes: Vec::new(),
            resume: None,
            parent: None,
            branched: None,
            data_of: None,
            script: Vec::new(),
            turn: None,
        }
    }
}

/// How a run goes on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resume {
    /// The spec until now, if it is changed; that of the checkpoint goes before, if it has one.
    pub before: Option<Box<RunSpec>>,
    /// The changes as `key=value`; if there are none, they are those between the two specs.
    pub changes: Vec<String>,
}

//! What an edited preset costs, measured on a thread of its own.

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::preset::{EditedPreset, Overrides};

/// What a training costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Bytes of weights, batches and, where they are generated, data.
    pub bytes: u64,
    /// Seconds of a step, measured.
    pub step: f64,
    /// Steps that were measured.
    pub measured: usize,
    /// Steps of an epoch; `None` if the number of sequences is not known before they are read.
    pub steps: Option<usize>,
    /// Sequences of a step.
    pub batch: usize,
}

/// Measures a preset with changes; takes about a second, more where two whole steps do. Returns why it cannot on failure.
pub type EstimateHook = fn(&str, &Overrides) -> Result<Estimate, String>;

/// The result of a measurement.
#[derive(Debug)]
pub struct EstimateResult {
    /// What was measured.
    changes: Vec<String>,
    estimate: Result<Estimate, String>,
}

/// Measures one edit after the other.
#[derive(Debug)]
pub(super) struct Estimating {
    hook: EstimateHook,
    is_busy: bool,
    /// The changes that were measured last, and the result.
    known: Option<EstimateResult>,
    send: Sender<EstimateResult>,
    results: Receiver<EstimateResult>,
}

impl Estimating {
    pub fn new(hook: EstimateHook) -> Self {
        let (send, results) = unbounded();
        Self { hook, is_busy: false, known: None, send, results }
    }

    pub fn results(&self) -> &Receiver<EstimateResult> {
        &self.results
    }

    pub fn take(&mut self, result: EstimateResult) {
        (self.is_busy, self.known) = (false, Some(result));
    }

    /// Measures `edited`, unless that is done or something else is being measured.
    pub fn want(&mut self, edited: &EditedPreset) {
        if self.is_busy || self.of(edited).is_some() {
            return;
        }
        let (hook, send) = (self.hook, self.send.clone());
        let (name, overrides) = (edited.name().to_owned(), edited.overrides());
        let started = std::thread::Builder::new().name("estimate".into()).spawn(move || {
            let estimate = hook(&name, &overrides);
            // The form may be closed.
            let _ = send.send(EstimateResult { changes: overrides.set, estimate });
        });
        self.is_busy = started.is_ok();
    }

    /// What is known of `edited` as it is now.
    pub fn of(&self, edited: &EditedPreset) -> Option<&Result<Estimate, String>> {
        let known = self.known.as_ref()?;
        (known.changes == edited.changes()).then_some(&known.estimate)
    }
}

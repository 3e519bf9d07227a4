use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::{io, panic};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::Order;
use super::encoder::{Encoder, Known, Part, Trace};
use super::file_identity::Stamp;
use super::shuffle::{Gone, Shuffle};
use crate::data::dataset::{Batch, TokenRows};
use crate::data::error::DataError;
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::LabelledSpec;

/// Batches that wait for the trainer, at most.
const WAITING: usize = 4;

/// A file as it was when it was read first, and what rows are made of it.
#[derive(Debug)]
pub(super) struct Plan {
    pub spec: LabelledSpec,
    pub known: Arc<Known>,
    pub part: Part,
    pub stamp: Stamp,
    pub trace: Trace,
    /// Of the part.
    pub rows: usize,
}

impl Plan {
    /// Reads the file once more and hands its rows on in the order of an epoch.
    fn read(
        &self,
        order: &Order,
        epoch: u64,
        to: &Sender<TokenRows>,
        spare: &Receiver<TokenRows>,
    ) -> Result<(), DataError> {
        self.stamp.check()?;
        let gone = |Gone| DataError::read(&self.spec.path, None, io::ErrorKind::BrokenPipe.into());
        let shape = (self.rows, self.known.tokens.length);
        let mut shuffle = Shuffle::new(order, epoch, shape, to, spare)?;
        let mut encoder =
            Encoder::new(&self.known, &self.part, |text| shuffle.put(text.row, text.class).map_err(gone));
        self.spec.pour(&mut encoder, &ProgressSender::to_nobody()).map_err(|error| match error {
            // It was good when it was read first.
            DataError::Content { line, .. } => self.stamp.changed(line),
            other => other,
        })?;
        let trace = encoder.trace;
        self.stamp.check()?;
        if trace != self.trace {
            return Err(self.stamp.changed(None));
        }
        shuffle.end().map_err(gone)
    }
}

/// A file on its way through an epoch, on a thread of its own.
#[derive(Debug)]
pub(super) struct Reading {
    pub epoch: u64,
    /// The batch that comes next.
    pub next: usize,
    batches: Receiver<TokenRows>,
    spare: Sender<TokenRows>,
    thread: JoinHandle<Result<(), DataError>>,
}

impl Reading {
    pub fn start(plan: &Arc<Plan>, order: &Order, epoch: u64) -> Result<Self, DataError> {
        let ((to, batches), (spare, back)) = (bounded(WAITING), bounded(WAITING));
        let (mine, order) = (Arc::clone(plan), order.clone());
        let thread = thread::Builder::new()
            .name("data".into())
            .spawn(move || mine.read(&order, epoch, &to, &back))
            .map_err(|error| DataError::read(&plan.spec.path, None, error))?;
        Ok(Self { epoch, next: 0, batches, spare, thread })
    }

    /// Fills `into` with the next batch; false after the last.
    pub fn fill(&mut self, length: usize, into: &mut Batch) -> bool {
        let Ok(rows) = self.batches.recv() else { return false };
        self.next += 1;
        // With enough of them on their way, memory goes back to the allocator.
        let _ = self.spare.try_send(into.exchange(rows, length));
        true
    }

    /// Waits for the end and asks nothing of it.
    pub fn leave(self) {
        drop((self.batches, self.spare));
        let _ = self.thread.join();
    }

    /// Waits for the end, as one who takes no batch any more; whether any was left, and how it ended.
    pub fn end(self) -> (bool, Result<(), DataError>) {
        let left = self.batches.recv().is_ok();
        drop((self.batches, self.spare));
        (left, self.thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload)))
    }
}

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::{io, panic};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::Order;
use super::encoder::{Encoder, EncoderConfig, RowsFingerprint, Subset};
use super::file_identity::FileIdentity;
use super::shuffle::{ClosedError, Shuffle};
use crate::data::dataset::{Batch, TokenRows};
use crate::data::error::DataError;
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::LabelledSpec;

/// Capacity of the channel of batches.
const WAITING: usize = 4;

/// A file as it was in the first pass, and how its rows are encoded.
#[derive(Debug)]
pub(super) struct Plan {
    pub spec: LabelledSpec,
    pub known: Arc<EncoderConfig>,
    pub subset: Subset,
    pub identity: FileIdentity,
    pub fingerprint: RowsFingerprint,
    /// The rows of the subset.
    pub rows: usize,
}

impl Plan {
    /// Reads the file and sends its rows in the order of an epoch.
    fn read(
        &self,
        order: &Order,
        epoch: u64,
        to: &Sender<TokenRows>,
        spare: &Receiver<TokenRows>,
    ) -> Result<(), DataError> {
        self.identity.check()?;
        let closed = |ClosedError| DataError::read(&self.spec.path, None, io::ErrorKind::BrokenPipe.into());
        let shape = (self.rows, self.known.tokens.length);
        let mut shuffle = Shuffle::new(order, epoch, shape, to, spare)?;
        let mut encoder =
            Encoder::new(&self.known, &self.subset, |text| shuffle.put(text.row, text.class).map_err(closed));
        self.spec.read_into(&mut encoder, &ProgressSender::disconnected()).map_err(|error| match error {
            // It was valid in the first pass.
            DataError::Content { line, .. } => self.identity.changed(line),
            other => other,
        })?;
        let fingerprint = encoder.fingerprint;
        self.identity.check()?;
        if fingerprint != self.fingerprint {
            return Err(self.identity.changed(None));
        }
        shuffle.end().map_err(closed)
    }
}

/// Reads a file through an epoch on a thread of its own.
#[derive(Debug)]
pub(super) struct EpochReader {
    pub epoch: u64,
    /// The next batch.
    pub next: usize,
    batches: Receiver<TokenRows>,
    spare: Sender<TokenRows>,
    thread: JoinHandle<Result<(), DataError>>,
}

impl EpochReader {
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
        // A full channel of spare buffers frees the memory instead.
        let _ = self.spare.try_send(into.exchange(rows, length));
        true
    }

    /// Ends the thread, ignoring its result.
    pub fn abandon(self) {
        drop((self.batches, self.spare));
        let _ = self.thread.join();
    }

    /// Ends the thread; returns whether a batch was left, and the thread's result.
    pub fn end(self) -> (bool, Result<(), DataError>) {
        let left = self.batches.recv().is_ok();
        drop((self.batches, self.spare));
        (left, self.thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload)))
    }
}

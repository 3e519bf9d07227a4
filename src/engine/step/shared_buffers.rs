//! Activations of the threads instead of the shards, in steps of which only the gradient or the output is read.

use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use super::ShardWorker;
use crate::nn::{Model, ShardBuffers};

/// Buffers that shards borrow for their passes, one a thread, since a thread processes one shard at a time: a batch then needs the memory
/// of as many shards as there are threads, which stays in the processor's cache, and not that of all.
///
/// While shards use their own, this has none worth mentioning: sharing moves the buffers of the first shards here, and back.
#[derive(Debug, Default)]
pub(super) struct SharedBuffers {
    /// Each with the thread that used it last and probably still has it in its cache; `None` before the first use.
    free: Mutex<Vec<(Option<ThreadId>, ShardBuffers)>>,
    shared: bool,
}

impl SharedBuffers {
    /// Lets `work` share buffers, or each shard use its own. Layers that carry a state or exchange sums over the batch need their own.
    pub fn share(&mut self, work: &mut [ShardWorker], model: &Model, threads: usize, share: bool) {
        let share = share && !model.is_stateful() && !model.is_synchronized();
        if std::mem::replace(&mut self.shared, share) == share {
            return;
        }
        let free = self.free.get_mut().unwrap_or_else(PoisonError::into_inner);
        free.resize_with(threads, || (None, ShardBuffers::new(model)));
        free.iter_mut().zip(work).for_each(|((_, buffers), work)| work.shard.swap_buffers(buffers));
    }

    /// Makes the passes of a shard, with buffers of the thread if they are shared.
    pub fn run(&self, model: &Model, work: &mut ShardWorker, passes: impl FnOnce(&mut ShardWorker)) {
        if !self.shared {
            return passes(work);
        }
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = Some(thread::current().id());
        let taken = {
            let mut free = free();
            let own = free.iter().position(|(last, _)| *last == thread);
            own.map(|own| free.swap_remove(own)).or_else(|| free.pop())
        };
        let mut buffers = taken.map_or_else(|| ShardBuffers::new(model), |(_, buffers)| buffers);
        work.shard.swap_buffers(&mut buffers);
        passes(work);
        work.shard.swap_buffers(&mut buffers);
        work.shard.take_results(model, &mut buffers);
        free().push((thread, buffers));
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(_, buffers)| buffers.bytes())
            .sum()
    }

    /// Bytes of the largest of them.
    pub fn largest(&self) -> usize {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.iter().map(|(_, buffers)| buffers.bytes()).max().unwrap_or(0)
    }
}

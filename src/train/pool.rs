use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::nn::{GradientNorms, Mode, Model, Observer, Params, Score, Shard};
use crate::protocol::Confusion;

/// What is to be done with every shard of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    /// Forward, loss, backward; `watch` sums the gradient norm per unrolled step.
    Learn {
        seed: u64,
        /// Updates made before.
        step: u64,
        /// What the whole batch weighs: sequences, or unmasked steps.
        weight: f64,
        watch: bool,
    },
    /// Forward and loss; `confuse` counts classes too.
    Judge { confuse: bool },
}

/// A shard with what a task leaves beside it.
#[derive(Debug)]
pub(super) struct Work {
    pub shard: Shard,
    /// The place in the batch of its first sequence.
    pub first_row: usize,
    pub norms: GradientNorms,
    pub score: Score,
    /// Of the last judged batch, if it was asked for.
    pub confusion: Confusion,
}

impl Work {
    fn run(&mut self, model: &Model, params: &Params, task: Task) {
        match task {
            Task::Learn { seed, step, weight, watch } => {
                self.shard.forward(model, params, Mode::Train { seed, step, first_row: self.first_row });
                self.norms.clear();
                let observer = watch.then_some(&mut self.norms as &mut dyn Observer);
                self.score = self.shard.backward(model, params, weight, observer);
            }
            Task::Judge { confuse } => {
                self.shard.forward(model, params, Mode::Evaluate);
                self.score = self.shard.score(model);
                if confuse {
                    self.confusion = Confusion::new(model.classes().unwrap_or(0));
                    self.shard.confuse(model, &mut self.confusion);
                }
            }
        }
    }
}

/// Threads that wait, parked, for shards to work on.
///
/// Shards travel to a thread and back, parameters as a shared pointer that is given back with them: nothing is
/// locked, and after [`Pool::run`] the parameters belong to the caller alone again.
#[derive(Debug)]
pub(super) struct Pool {
    model: Arc<Model>,
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    jobs: Sender<Job>,
    done: Receiver<Work>,
    thread: Option<JoinHandle<()>>,
}

struct Job {
    work: Work,
    params: Arc<Params>,
    task: Task,
}

impl Pool {
    /// A pool in which `threads` work, the caller's own counted.
    pub fn new(model: Arc<Model>, threads: usize) -> std::io::Result<Self> {
        let workers = (1..threads).map(|i| Worker::start(i, Arc::clone(&model))).collect::<Result<_, _>>()?;
        Ok(Self { model, workers })
    }

    /// Threads that work, the caller's counted.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Does `task` with every item, whoever gets which; the items are back in their order afterwards.
    pub fn run(&self, items: &mut Vec<Work>, params: &Arc<Params>, task: Task) {
        let (count, threads) = (items.len(), self.threads());
        // Item i goes to thread i mod threads; thread 0 is the caller's.
        let mut own = Vec::with_capacity(count.div_ceil(threads));
        for (i, mut work) in items.drain(..).enumerate() {
            match (i % threads).checked_sub(1).and_then(|w| self.workers.get(w)) {
                Some(worker) => {
                    let sent = worker.jobs.send(Job { work, params: Arc::clone(params), task });
                    if let Err(unsent) = sent {
                        // The worker's panic is raised below, when its result is missing.
                        drop(unsent);
                    }
                }
                None => {
                    work.run(&self.model, params, task);
                    own.push(work);
                }
            }
        }
        let mut own = own.into_iter();
        for i in 0..count {
            let work = match (i % threads).checked_sub(1).and_then(|w| self.workers.get(w)) {
                Some(worker) => worker.done.recv().ok(),
                None => own.next(),
            };
            match work {
                Some(work) => items.push(work),
                None => {
                    std::panic::resume_unwind(Box::new("a worker thread of the trainer panicked".to_owned()))
                }
            }
        }
    }
}

impl Worker {
    fn start(i: usize, model: Arc<Model>) -> std::io::Result<Self> {
        let (jobs, inbox) = bounded::<Job>(64);
        let (outbox, done) = bounded(64);
        let thread = thread::Builder::new().name(format!("trainer-{i}")).spawn(move || {
            for Job { mut work, params, task } in inbox {
                work.run(&model, &params, task);
                // Given back before the result is: whoever has all results has the parameters alone.
                drop(params);
                if outbox.send(work).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs, done, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A closed queue ends the thread.
        self.jobs = bounded(0).0;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

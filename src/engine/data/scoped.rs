//! Threads within a scope, or none where the system has no more.

use std::panic;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Work on a thread of its own, or done already.
pub enum ScopedTask<'scope, T> {
    /// Work on a thread.
    Thread(ScopedJoinHandle<'scope, Option<T>>),
    /// The result of work that is done already.
    Done(Option<T>),
}

/// Starts `work` on a thread of its own; does it at once where no thread can be started (a limit on processes, `ulimit -u`).
pub fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedTask<'scope, T> {
    let work = Arc::new(Mutex::new(Some(work)));
    let theirs = Arc::clone(&work);
    let thread = Builder::new().spawn_scoped(scope, move || take(&theirs).map(|work| work()));
    match thread {
        Ok(thread) => ScopedTask::Thread(thread),
        Err(_) => ScopedTask::Done(take(&work).map(|work| work())),
    }
}

fn take<F>(work: &Mutex<Option<F>>) -> Option<F> {
    work.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl<T> ScopedTask<'_, T> {
    /// Waits for the result.
    ///
    /// # Panics
    /// With the panic of the work.
    pub fn join(self) -> T {
        let result = match self {
            Self::Thread(thread) => thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload)),
            Self::Done(result) => result,
        };
        result.unwrap_or_else(|| unreachable!("the work is taken once"))
    }
}

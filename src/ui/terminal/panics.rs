//! Defers panic messages of all threads until the terminal is restored.
//!
//! A message written under the alternate screen is lost, and ratatui's own hook takes raw mode away under a live
//! screen when a worker panics. So while the guard lives a panic of any thread is only recorded; the guard of
//! a panicking UI thread restores the terminal as it unwinds, and prints what was recorded.

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

// A panic hook is global to the process, and so is what it writes to.
static INSTALL: Once = Once::new();
static DEFERRING: AtomicBool = AtomicBool::new(false);
static RECORDED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Starts to defer panic messages.
pub(super) fn defer() {
    INSTALL.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if DEFERRING.load(Ordering::Acquire) {
                RECORDED.lock().unwrap_or_else(PoisonError::into_inner).push(describe(info));
            } else {
                previous(info);
            }
        }));
    });
    DEFERRING.store(true, Ordering::Release);
}

/// Stops deferring and returns the deferred messages, oldest first.
pub(super) fn release() -> Vec<String> {
    DEFERRING.store(false, Ordering::Release);
    std::mem::take(&mut *RECORDED.lock().unwrap_or_else(PoisonError::into_inner))
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let place = info.location().map(|at| format!(" at {at}")).unwrap_or_default();
    let payload = info.payload();
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("thread '{name}' panicked{place}: {}", text.unwrap_or("(no message)"))
}

#[cfg(test)]
mod tests {
    use super::{defer, release};

    #[test]
    fn a_panic_of_another_thread_is_deferred() {
        defer();
        let worker = std::thread::Builder::new().name("worker".into());
        let ended = worker.spawn(|| panic!("the weights fell off")).unwrap().join();
        assert!(ended.is_err());
        let deferred = release();
        deferred.iter().for_each(|message| eprintln!("{message}")); // another test's may be among them
        let message = deferred.iter().find(|m| m.contains("the weights fell off")).unwrap();
        assert!(message.starts_with("thread 'worker' panicked at src/ui/terminal/panics.rs:"));
    }
}

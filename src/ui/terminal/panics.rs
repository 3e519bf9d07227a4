//! Panics while the screen is on: held back until the terminal is restored, whoever panics.
//!
//! A message written under the alternate screen is lost, and ratatui's own hook takes raw mode away under a live
//! screen when a worker panics. So while the guard lives a panic of any thread is only recorded; the guard of
//! a panicking UI thread restores the terminal as it unwinds, and prints what was recorded.

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

// A panic hook is global to the process, and so is what it writes to.
static INSTALL: Once = Once::new();
static HOLDING: AtomicBool = AtomicBool::new(false);
static RECORDED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Holds panic messages back from here on.
pub(super) fn hold() {
    INSTALL.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if HOLDING.load(Ordering::Acquire) {
                RECORDED.lock().unwrap_or_else(PoisonError::into_inner).push(describe(info));
            } else {
                previous(info);
            }
        }));
    });
    HOLDING.store(true, Ordering::Release);
}

/// Ends the holding back and returns what was held, oldest first.
pub(super) fn release() -> Vec<String> {
    HOLDING.store(false, Ordering::Release);
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
    use super::{hold, release};

    #[test]
    fn a_panic_elsewhere_is_held_back_and_told_later() {
        hold();
        let worker = std::thread::Builder::new().name("worker".into());
        let ended = worker.spawn(|| panic!("the weights fell off")).unwrap().join();
        assert!(ended.is_err());
        let held = release();
        held.iter().for_each(|message| eprintln!("{message}")); // another test's may be among them
        let told = held.iter().find(|m| m.contains("the weights fell off")).unwrap();
        assert!(told.starts_with("thread 'worker' panicked at src/ui/terminal/panics.rs:"));
    }
}

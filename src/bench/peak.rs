use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::kernel::multiply_add_in_registers;

/// Rounds between two readings of the clock: some tens of microseconds.
const ROUNDS: u64 = 10_000;
/// The duration and the number of tries: the best counts, as other programs may run on the machine.
const TRY: Duration = Duration::from_millis(20);
const TRIES: usize = 5;

/// The maximum floating-point operations a second of several threads, with the instructions that training uses: fused
/// multiply-adds in registers, all threads at once, since cores that share units or heat do less together.
#[derive(Debug)]
pub struct Peak {
    threads: usize,
    flops: f64,
}

impl Peak {
    /// For `threads` threads, not measured yet.
    pub fn new(threads: usize) -> Self {
        Self { threads, flops: 0.0 }
    }

    /// Measures again; returns the best so far.
    pub fn measure(&mut self) -> f64 {
        self.flops = (0..TRIES).map(|_| once(self.threads)).fold(self.flops, f64::max);
        self.flops
    }
}

fn once(threads: usize) -> f64 {
    all_at_once(threads, || {
        let (begin, mut operations) = (Instant::now(), 0);
        while begin.elapsed() < TRY {
            operations += multiply_add_in_registers(ROUNDS);
        }
        operations as f64 / begin.elapsed().as_secs_f64()
    })
}

/// The sum of what `work` returns on each of `threads` threads, which begin together; fewer if the system has no more.
pub(super) fn all_at_once(threads: usize, work: impl Fn() -> f64 + Sync) -> f64 {
    let all_started = AtomicBool::new(false);
    let work = || {
        while !all_started.load(Ordering::Acquire) {
            thread::yield_now();
        }
        work()
    };
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads).map_while(start).collect();
        all_started.store(true, Ordering::Release);
        let own = work();
        own + others.into_iter().filter_map(|thread| thread.join().ok()).sum::<f64>()
    })
}

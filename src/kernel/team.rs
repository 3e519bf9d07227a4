//! Threads that share work on borrowed data, many times a millisecond.
//!
//! ```text
//! caller    write job ─ open ─ wake ─▶ items … ─ close ─ wait until nobody is in ─▶ go on
//! worker          wait ─ enter ─────▶ items … ─ leave ─ wait
//! ```
//! One word says it all: which job, whether it is open, and how many workers are in it. A worker that wakes too late finds the job
//! closed and goes on waiting: the caller waits for those at work, never for those that the system has not run yet.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long a thread looks out for work before it lets the system put it to sleep: waking it again takes about as long.
const SPIN: Duration = Duration::from_micros(20);

/// Items that [`Team::for_each`] hands out at a time.
const GROUP: usize = 64;

/// Some threads, the caller's own counted, that work on the items of a slice together.
#[derive(Debug)]
pub struct Team {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Team {
    /// A team in which `threads` work, the caller's own counted; at least that one.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let mut team = Self { shared: Arc::default(), workers: Vec::new() };
        for i in 1..threads {
            let shared = Arc::clone(&team.shared);
            let worker = thread::Builder::new().name(format!("worker-{i}")).spawn(move || shared.serve())?;
            team.workers.push(worker);
        }
        Ok(team)
    }

    /// Threads that work, the caller's counted.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work` with every item and its place, whichever thread gets which, and returns when all are done. Allocates nothing.
    ///
    /// # Panics
    /// As `work` did first; with several threads after all other items are done.
    pub fn run<T: Send>(&mut self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        let helpers = self.workers.len().min(items.len().saturating_sub(1));
        if helpers == 0 {
            return items.iter_mut().enumerate().for_each(|(i, item)| work(i, item));
        }
        let call = Call { items: items.as_mut_ptr(), work: &work };
        let job = call.job(items.len());
        // SAFETY: `call` borrows `items` and `work`, both alive until `finish` has returned, and only then does this function
        // return or unwind: nothing between the two lines can panic. Every place goes to one thread only, to which `T: Send` may
        // be handed, and `work` is `Sync`. `&mut self` keeps a second job away.
        unsafe { self.shared.open(job) };
        self.workers[..helpers].iter().for_each(|worker| worker.thread().unpark());
        let panic = self.shared.finish();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Calls `work` with all that `items` gives, as [`Team::run`] does. Allocates nothing.
    ///
    /// # Panics
    /// As `work` did first, after those of the same group; later ones are not begun.
    pub fn for_each<T: Send>(&mut self, items: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
        let mut items = items.fuse();
        loop {
            let mut group: [Option<T>; GROUP] = std::array::from_fn(|_| items.next());
            let count = group.iter().take_while(|item| item.is_some()).count();
            if count == 0 {
                return;
            }
            self.run(&mut group[..count], |_, item| {
                if let Some(item) = item.take() {
                    work(item);
                }
            });
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches the panics of its work: there is nothing to hear of.
            let _ = worker.join();
        }
    }
}

/// What [`Team::run`] was called with.
struct Call<'a, T, F> {
    items: *mut T,
    work: &'a F,
}

impl<T, F: Fn(usize, &mut T)> Call<'_, T, F> {
    /// The same with its type forgotten.
    fn job(&self, count: usize) -> Job {
        Job { call: (&raw const *self).cast(), one: one::<T, F>, count, caller: thread::current() }
    }
}

/// Works on item `i` of the [`Call`] at `call`.
///
/// # Safety
/// `call` is a `Call<T, F>` whose borrows last until this returns, with more than `i` items, and nobody else has the `i`-th.
unsafe fn one<T, F: Fn(usize, &mut T)>(call: *const (), i: usize) {
    // SAFETY: as the caller promises.
    let (call, item) = unsafe {
        let call = &*call.cast::<Call<'_, T, F>>();
        (call, &mut *call.items.add(i))
    };
    (call.work)(i, item);
}

/// A [`Call`] whose type is forgotten.
struct Job {
    call: *const (),
    one: unsafe fn(*const (), usize),
    count: usize,
    /// Woken by the last worker that leaves.
    caller: Thread,
}

/// A job is open to workers.
const OPEN: u64 = 1 << 32;
/// The workers in it.
const INSIDE: u64 = OPEN - 1;
/// The number of the job, counted up.
const NEXT: u64 = OPEN << 1;

/// What caller and workers share.
#[derive(Default)]
struct Shared {
    /// The job's number, [`OPEN`], and how many workers are [`INSIDE`].
    state: AtomicU64,
    /// Written only while no worker is inside and none can enter.
    job: UnsafeCell<Option<Job>>,
    /// The first item that nobody has taken.
    next: AtomicUsize,
    /// The first panic of the job.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// The team is being dropped.
    over: AtomicBool,
}

// SAFETY: `job` is the only part that is not `Sync` (nor `Send`, for its pointer) by itself. The caller alone writes it, in `open`, while the
// state says that the job before is closed and that nobody is inside; workers read it only between entering and leaving.
// Opening releases, entering acquires, leaving releases, and the caller acquires before it goes on: a write never meets a
// read. What the pointer leads to is what `Team::run` may share: see there.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Shared {
    /// Lets workers enter `job`.
    ///
    /// # Safety
    /// One thread at a time opens jobs, and each is finished before the next. Until [`Shared::finish`] returns, `job.one` may be called on any thread
    /// with `job.call` and every number below `job.count`, each once.
    unsafe fn open(&self, job: Job) {
        // SAFETY: the job before is finished, so nobody reads it: whoever was inside has left (`finish` has acquired
        // that), and nobody enters until the state below says `OPEN`.
        unsafe { *self.job.get() = Some(job) };
        self.next.store(0, Ordering::Relaxed);
        // Nobody but this thread changes the state of a closed job.
        let closed = self.state.load(Ordering::Relaxed);
        self.state.store(closed.wrapping_add(NEXT) | OPEN, Ordering::Release);
    }

    /// Works on what is left of the job, closes it, and waits until everybody has left. The first panic, if there was one.
    fn finish(&self) -> Option<Box<dyn Any + Send>> {
        self.work();
        self.state.fetch_and(!OPEN, Ordering::Relaxed);
        // Acquires what the last to leave has released, and with it all the others: their changes of the state follow on each other.
        wait(|| (self.state.load(Ordering::Acquire) & INSIDE == 0).then_some(()));
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A worker's life.
    fn serve(&self) {
        let mut done = 0;
        while let Some(job) = wait(|| self.enter(done)) {
            done = job;
            self.work();
            let caller = self.caller();
            let left = self.state.fetch_sub(1, Ordering::Release);
            if left & (OPEN | INSIDE) == 1 {
                // Closed, and this was the last.
                if let Some(caller) = caller {
                    caller.unpark();
                }
            }
        }
    }

    /// Enters the open job, unless it is number `done`: its number. `Some(None)` when there will be no more.
    fn enter(&self, done: u64) -> Option<Option<u64>> {
        if self.over.load(Ordering::Acquire) {
            return Some(None);
        }
        let number = |state: u64| state & !(OPEN | INSIDE);
        let enter = |state: u64| (state & OPEN != 0 && number(state) != done).then_some(state + 1);
        let entered = self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter);
        entered.ok().map(|state| Some(number(state)))
    }

    /// Works on items until all are taken. For those inside the job, and the caller.
    fn work(&self) {
        // SAFETY: nobody writes the job before everybody has left.
        let Some(job) = (unsafe { &*self.job.get() }) else { return };
        loop {
            // The counter only deals places out: what they hold was released by opening.
            let i = self.next.fetch_add(1, Ordering::Relaxed);
            if i >= job.count {
                return;
            }
            // SAFETY: `open` was promised that this may be called with every place once, and the counter gives each once.
            let result = catch_unwind(AssertUnwindSafe(|| unsafe { (job.one)(job.call, i) }));
            if let Err(panic) = result {
                let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
                if first.is_none() {
                    *first = Some(panic);
                } else {
                    // To drop it might panic again, and unwind past the others at work.
                    std::mem::forget(panic);
                }
            }
        }
    }

    /// Whom the last to leave wakes. For those inside the job.
    fn caller(&self) -> Option<Thread> {
        // SAFETY: nobody writes the job before everybody has left.
        unsafe { &*self.job.get() }.as_ref().map(|job| job.caller.clone())
    }
}

/// Asks until there is an answer: at once for a short while, then each time that the thread is woken.
fn wait<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        for _ in 0..32 {
            if let Some(answer) = ask() {
                return answer;
            }
            std::hint::spin_loop();
        }
        if begin.elapsed() >= SPIN {
            break;
        }
    }
    loop {
        // Whoever changes what is asked for unparks afterwards: asking before each sleep misses nothing.
        if let Some(answer) = ask() {
            return answer;
        }
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    /// Fewer under Miri, which is slow and sees every access.
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 500 };

    #[test]
    fn every_item_is_worked_on_once_and_the_caller_sees_it() {
        for threads in [0, 1, 2, 3, 8] {
            let mut team = Team::new(threads).unwrap();
            assert_eq!(team.threads(), threads.max(1));
            for count in [0, 1, 2, 7, 20] {
                let add = vec![1; count];
                let mut items: Vec<Vec<usize>> = (0..count).map(|i| vec![i]).collect();
                for _ in 0..ROUNDS {
                    team.run(&mut items, |i, item| item[0] += add[i]);
                }
                let sums: Vec<usize> = items.iter().map(|item| item[0]).collect();
                assert_eq!(sums, (ROUNDS..ROUNDS + count).collect::<Vec<_>>(), "{threads} threads");
            }
        }
    }

    #[test]
    fn threads_work_at_the_same_time_also_after_they_slept() {
        let mut team = Team::new(3).unwrap();
        for _ in 0..ROUNDS / 5 {
            let (all, mut who) = (Barrier::new(3), [None; 3]);
            team.run(&mut who, |_, who| {
                // Nobody passes before everybody has an item.
                all.wait();
                *who = Some(thread::current().id());
            });
            assert!(who[0] != who[1] && who[1] != who[2] && who[2] != who[0]);
            let begin = Instant::now();
            while begin.elapsed() < 3 * SPIN {
                std::hint::spin_loop();
            }
        }
    }

    /// Processor time that the calling thread has had.
    fn own_time() -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    #[test]
    #[cfg_attr(miri, ignore = "it has no such clock")]
    fn a_thread_without_work_sleeps() {
        let mut team = Team::new(2).unwrap();
        let caller = thread::current().id();
        let mut of_worker = || {
            let (both, mut times) = (Barrier::new(2), [None; 2]);
            team.run(&mut times, |_, time| {
                both.wait();
                *time = Some(own_time()).filter(|_| thread::current().id() != caller);
            });
            times.into_iter().flatten().next().unwrap()
        };
        let before = of_worker();
        let idle = Duration::from_millis(200);
        thread::sleep(idle);
        let took = of_worker() - before;
        assert!(took < idle / 10, "{took:?} of {idle:?}");
    }

    #[test]
    fn a_panic_is_the_callers_after_all_others_are_done() {
        let mut team = Team::new(3).unwrap();
        for bad in 0..8 {
            let mut items = [0; 8];
            let run = catch_unwind(AssertUnwindSafe(|| {
                team.run(&mut items, |i, item| {
                    assert_ne!(i, bad, "on purpose");
                    *item = 1;
                });
            }));
            let message = *run.unwrap_err().downcast::<String>().unwrap();
            assert!(message.contains("on purpose"), "{message}");
            assert_eq!(items.iter().sum::<i32>(), 7);
        }
        let mut items = [0; 8];
        team.run(&mut items, |i, item| *item = i);
        assert_eq!(items, [0, 1, 2, 3, 4, 5, 6, 7], "it goes on working");
    }

    #[test]
    fn all_that_an_iterator_gives_is_worked_on_in_parts_of_a_slice() {
        for len in [0, 1, GROUP, 2 * GROUP + 5] {
            let mut team = Team::new(2).unwrap();
            let mut numbers = vec![1; 3 * len];
            team.for_each(numbers.chunks_mut(3).enumerate(), |(i, part)| part.fill(i));
            assert!(numbers.iter().enumerate().all(|(at, number)| *number == at / 3));
        }
    }
}

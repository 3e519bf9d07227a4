//! A scoped thread pool for short parallel loops over borrowed data, cheap enough to run many per millisecond.
//!
//! ```text
//! caller    write job ─ open ─ unpark ─▶ items … ─ close ─ wait until no worker is inside ─▶ return
//! worker          wait ─ enter ───────▶ items … ─ leave ─ wait
//! ```
//! All state is one atomic word: the job's number, whether it is open, and how many workers are inside. A worker that wakes too late
//! finds the job closed and keeps waiting: the caller waits for running workers only, never for one that has not been scheduled yet.

use std::any::Any;
use std::cell::UnsafeCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::profile::{self, Part, scope};

/// How long a thread spins before it parks: about the time that waking it takes.
const SPIN: Duration = Duration::from_micros(20);

/// Items per job of [`ThreadPool::for_each`].
const GROUP: usize = 64;

/// A pool of threads, the caller's included, that process the items of a slice in parallel.
#[derive(Debug)]
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl ThreadPool {
    /// Creates a pool of `threads` threads, the caller's included; at least that one.
    ///
    /// # Errors
    /// If a thread cannot be spawned.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let mut pool = Self { shared: Arc::new(Shared::new(threads.max(1))), workers: Vec::new() };
        for i in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let worker = thread::Builder::new().name(format!("worker-{i}")).spawn(move || shared.serve(i))?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Returns the number of threads, the caller's included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work` with the index of every item and the item, on any thread, and returns when all are done. Does not allocate.
    ///
    /// # Panics
    /// With the first panic of `work`; with several threads after all other items are done.
    pub fn run<T: Send>(&mut self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        let workers = self.workers.len().min(items.len().saturating_sub(1));
        if workers == 0 {
            return items.iter_mut().enumerate().for_each(|(i, item)| work(i, item));
        }
        let call = Call { items: items.as_mut_ptr(), work: &work };
        let job = call.job(items.len());
        // SAFETY: `call` borrows `items` and `work`, both alive until `finish` has returned, and only then does this function
        // return or unwind: nothing between the two lines can panic. Every index goes to one thread only, to which `T: Send` may
        // be moved, and `work` is `Sync`. `&mut self` excludes a second job.
        unsafe { self.shared.open(job) };
        self.workers[..workers].iter().for_each(|worker| worker.thread().unpark());
        let panic = self.shared.finish();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Calls `work` with every item of an iterator, as [`ThreadPool::run`] does. Does not allocate.
    ///
    /// # Panics
    /// With the first panic of `work`, after the other items of the same group; later groups are not started.
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

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.shutdown.store(true, Ordering::Release);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches the panics of its work, so `join` cannot fail.
            let _ = worker.join();
        }
    }
}

/// The arguments of [`ThreadPool::run`].
struct Call<'a, T, F> {
    items: *mut T,
    work: &'a F,
}

impl<T, F: Fn(usize, &mut T)> Call<'_, T, F> {
    /// Returns a type-erased job.
    fn job(&self, count: usize) -> Job {
        Job {
            call: (&raw const *self).cast(),
            process: process::<T, F>,
            count,
            caller: thread::current(),
            part: profile::current(),
        }
    }
}

/// Processes item `i` of the [`Call`] at `call`.
///
/// # Safety
/// `call` is a `Call<T, F>` whose borrows last until this returns, with more than `i` items, and no other thread accesses the `i`-th.
unsafe fn process<T, F: Fn(usize, &mut T)>(call: *const (), i: usize) {
    // SAFETY: by the contract of this function.
    let (call, item) = unsafe {
        let call = &*call.cast::<Call<'_, T, F>>();
        (call, &mut *call.items.add(i))
    };
    (call.work)(i, item);
}

/// A type-erased [`Call`].
struct Job {
    call: *const (),
    process: unsafe fn(*const (), usize),
    count: usize,
    /// Unparked by the last worker that leaves.
    caller: Thread,
    /// What the caller works on, and so its workers.
    part: Option<Part>,
}

/// Bit of the state: workers may enter the job.
const OPEN: u64 = 1 << 32;
/// Bits of the state: the number of workers inside the job.
const INSIDE: u64 = OPEN - 1;
/// Increment of the job's number, in the upper bits of the state.
const NEXT: u64 = OPEN << 1;

/// The items of one thread, which it processes before it takes those of others. On cache lines of its own, since mostly that thread alone
/// changes it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Portion {
    /// Index of the next item that no thread has taken.
    next: AtomicUsize,
    /// Index behind the last item.
    end: AtomicUsize,
}

/// The items of thread number `thread` of `threads`: equal portions, the same in every job of `count` items, so that an item's data stay in one
/// processor's cache. Of fewer items than threads, the first threads have one each.
fn portion(thread: usize, threads: usize, count: usize) -> Range<usize> {
    let portions = threads.min(count).max(1);
    let start = |thread: usize| (thread.min(portions) * count).div_ceil(portions);
    start(thread)..start(thread + 1)
}

/// State shared by caller and workers.
struct Shared {
    /// The job's number, [`OPEN`], and the number of workers [`INSIDE`].
    state: AtomicU64,
    /// Written only while the job is closed and no worker is inside.
    job: UnsafeCell<Option<Job>>,
    /// One per thread, the caller's first.
    portions: Box<[Portion]>,
    /// The first panic of the job.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// The pool is being dropped.
    shutdown: AtomicBool,
}

// SAFETY: `job` is the only part that is not `Sync` (nor `Send`, for its pointer) by itself. The caller alone writes it, in `open`, while the
// state says that the previous job is closed and that no worker is inside; workers read it only between entering and leaving.
// Opening releases, entering acquires, leaving releases, and the caller acquires before it returns: writes and reads never
// overlap. `ThreadPool::run` justifies sharing the data behind the pointer.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Shared {
    fn new(threads: usize) -> Self {
        Self {
            state: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            portions: (0..threads).map(|_| Portion::default()).collect(),
            panic: Mutex::default(),
            shutdown: AtomicBool::new(false),
        }
    }

    /// Lets workers enter `job`.
    ///
    /// # Safety
    /// One thread at a time opens jobs, and each is finished before the next. Until [`Shared::finish`] returns, `job.process` may be called on
    /// any thread with `job.call` and every index below `job.count`, each once.
    unsafe fn open(&self, job: Job) {
        for (thread, own) in self.portions.iter().enumerate() {
            let Range { start, end } = portion(thread, self.portions.len(), job.count);
            own.next.store(start, Ordering::Relaxed);
            own.end.store(end, Ordering::Relaxed);
        }
        // SAFETY: the previous job is finished, so nobody reads it: all workers have left (`finish` has acquired that), and none
        // enters until the state below has `OPEN`.
        unsafe { *self.job.get() = Some(job) };
        // Only this thread changes the state of a closed job.
        let closed = self.state.load(Ordering::Relaxed);
        self.state.store(closed.wrapping_add(NEXT) | OPEN, Ordering::Release);
    }

    /// Processes the remaining items, closes the job and waits until all workers have left. Returns the first panic, if any.
    fn finish(&self) -> Option<Box<dyn Any + Send>> {
        self.work(0);
        self.state.fetch_and(!OPEN, Ordering::Relaxed);
        let _part = scope(Part::Waiting);
        // Synchronizes with the last worker to leave, and by its release sequence with all others.
        wait(|| (self.state.load(Ordering::Acquire) & INSIDE == 0).then_some(()));
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The loop of worker number `thread`.
    fn serve(&self, thread: usize) {
        let mut done = 0;
        while let Some(job) = wait(|| self.enter(done)) {
            done = job;
            {
                let _part = self.part().map(scope);
                self.work(thread);
            }
            let caller = self.caller();
            let before = self.state.fetch_sub(1, Ordering::Release);
            if before & (OPEN | INSIDE) == 1 {
                // The job is closed, and this worker was the last inside.
                if let Some(caller) = caller {
                    caller.unpark();
                }
            }
        }
    }

    /// Enters the open job, unless it is number `done`, and returns its number; `Some(None)` on shutdown.
    fn enter(&self, done: u64) -> Option<Option<u64>> {
        if self.shutdown.load(Ordering::Acquire) {
            return Some(None);
        }
        let number = |state: u64| state & !(OPEN | INSIDE);
        let enter = |state: u64| (state & OPEN != 0 && number(state) != done).then_some(state + 1);
        let entered = self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter);
        entered.ok().map(|state| Some(number(state)))
    }

    /// Processes items until none is left, those of `thread` before those of others. Called by workers inside the job and by the caller.
    fn work(&self, thread: usize) {
        // SAFETY: the job is not written before all workers have left.
        let Some(job) = (unsafe { &*self.job.get() }) else { return };
        let (before, from) = self.portions.split_at(thread);
        for portion in from.iter().chain(before) {
            self.work_on(job, portion);
        }
    }

    /// Takes and processes the items of `portion` until none is left.
    fn work_on(&self, job: &Job, portion: &Portion) {
        // Relaxed: the counter only distributes indices; `open` has released both numbers and the items.
        let end = portion.end.load(Ordering::Relaxed);
        // It is read before it is incremented: most other portions are taken by then, and a read leaves the cache line with its owner.
        while portion.next.load(Ordering::Relaxed) < end {
            let i = portion.next.fetch_add(1, Ordering::Relaxed);
            if i >= end {
                return;
            }
            // SAFETY: by the contract of `open`; portions are disjoint, and each counter yields every index of its portion once.
            let result = catch_unwind(AssertUnwindSafe(|| unsafe { (job.process)(job.call, i) }));
            if let Err(panic) = result {
                let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
                if first.is_none() {
                    *first = Some(panic);
                } else {
                    // Dropping it might panic again and unwind while other threads still work.
                    std::mem::forget(panic);
                }
            }
        }
    }

    /// Returns what the caller works on, if time is measured. Called inside the job.
    fn part(&self) -> Option<Part> {
        // SAFETY: the job is not written before all workers have left.
        unsafe { &*self.job.get() }.as_ref().and_then(|job| job.part)
    }

    /// Returns the thread that the last worker to leave unparks. Called inside the job.
    fn caller(&self) -> Option<Thread> {
        // SAFETY: the job is not written before all workers have left.
        unsafe { &*self.job.get() }.as_ref().map(|job| job.caller.clone())
    }
}

/// Polls until there is a value: spins for a short while, then polls each time that the thread is unparked.
fn wait<T>(mut poll: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        for _ in 0..32 {
            if let Some(value) = poll() {
                return value;
            }
            std::hint::spin_loop();
        }
        if begin.elapsed() >= SPIN {
            break;
        }
    }
    loop {
        // Every change is followed by `unpark`, so that polling before each `park` misses none.
        if let Some(value) = poll() {
            return value;
        }
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    /// Fewer under Miri, which is slow and checks every access.
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 500 };

    #[test]
    fn every_item_is_processed_once_and_visible_to_the_caller() {
        for threads in [0, 1, 2, 3, 8] {
            let mut pool = ThreadPool::new(threads).unwrap();
            assert_eq!(pool.threads(), threads.max(1));
            for count in [0, 1, 2, 7, 20] {
                let add = vec![1; count];
                let mut items: Vec<Vec<usize>> = (0..count).map(|i| vec![i]).collect();
                for _ in 0..ROUNDS {
                    pool.run(&mut items, |i, item| item[0] += add[i]);
                }
                let sums: Vec<usize> = items.iter().map(|item| item[0]).collect();
                assert_eq!(sums, (ROUNDS..ROUNDS + count).collect::<Vec<_>>(), "{threads} threads");
            }
        }
    }

    #[test]
    fn threads_run_concurrently_also_after_they_parked() {
        let mut pool = ThreadPool::new(3).unwrap();
        for _ in 0..ROUNDS / 5 {
            let (all, mut who) = (Barrier::new(3), [None; 3]);
            pool.run(&mut who, |_, who| {
                // No thread passes before each has an item.
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

    #[test]
    fn portions_follow_each_other_and_are_equal() {
        for threads in 1..20 {
            for count in 0..50 {
                let portions: Vec<_> = (0..threads).map(|thread| portion(thread, threads, count)).collect();
                assert!(portions.iter().cloned().flatten().eq(0..count), "{portions:?}");
                let (busy, idle) = portions.split_at(threads.min(count));
                let equal = |own: &Range<usize>| own.len() - count / busy.len() <= 1;
                assert!(busy.iter().all(equal) && idle.iter().all(Range::is_empty), "{portions:?}");
            }
        }
    }

    #[test]
    fn every_thread_begins_with_its_own_items_and_then_helps_others() {
        let mut pool = ThreadPool::new(2).unwrap();
        for _ in 0..ROUNDS / 5 {
            let (both, done, mut order) = (Barrier::new(2), AtomicUsize::new(0), [0; 6]);
            pool.run(&mut order, |i, order| {
                if i % 3 == 0 {
                    both.wait();
                }
                // The first thread remains at its first item until all others are done.
                while i == 0 && done.load(Ordering::Relaxed) < 5 {
                    thread::yield_now();
                }
                *order = done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(order, [5, 3, 4, 0, 1, 2]);
        }
    }

    /// Returns the CPU time of the calling thread.
    fn thread_cpu_time() -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    #[test]
    #[cfg_attr(miri, ignore = "no thread CPU clock")]
    fn an_idle_worker_parks() {
        let mut pool = ThreadPool::new(2).unwrap();
        let caller = thread::current().id();
        let mut worker_cpu_time = || {
            let (both, mut times) = (Barrier::new(2), [None; 2]);
            pool.run(&mut times, |_, time| {
                both.wait();
                *time = Some(thread_cpu_time()).filter(|_| thread::current().id() != caller);
            });
            times.into_iter().flatten().next().unwrap()
        };
        let before = worker_cpu_time();
        let idle = Duration::from_millis(200);
        thread::sleep(idle);
        let took = worker_cpu_time() - before;
        assert!(took < idle / 10, "{took:?} of {idle:?}");
    }

    #[test]
    fn a_panic_reaches_the_caller_after_all_other_items_are_done() {
        let mut pool = ThreadPool::new(3).unwrap();
        for bad in 0..8 {
            let mut items = [0; 8];
            let run = catch_unwind(AssertUnwindSafe(|| {
                pool.run(&mut items, |i, item| {
                    assert_ne!(i, bad, "on purpose");
                    *item = 1;
                });
            }));
            let message = *run.unwrap_err().downcast::<String>().unwrap();
            assert!(message.contains("on purpose"), "{message}");
            assert_eq!(items.iter().sum::<i32>(), 7);
        }
        let mut items = [0; 8];
        pool.run(&mut items, |i, item| *item = i);
        assert_eq!(items, [0, 1, 2, 3, 4, 5, 6, 7], "still usable");
    }

    #[test]
    fn for_each_processes_every_item_of_an_iterator() {
        for len in [0, 1, GROUP, 2 * GROUP + 5] {
            let mut pool = ThreadPool::new(2).unwrap();
            let mut numbers = vec![1; 3 * len];
            pool.for_each(numbers.chunks_mut(3).enumerate(), |(i, part)| part.fill(i));
            assert!(numbers.iter().enumerate().all(|(at, number)| *number == at / 3));
        }
    }
}

//! What those who watch a run cost it.

use super::*;

/// Nanoseconds that the threads of a process whose names begin so have run, by name.
fn busy(process: u32, names: &[&str]) -> Vec<u64> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let mut all = vec![0; names.len()];
    for task in tasks {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let (name, time) = (read("comm"), read("schedstat"));
        let time = time.split(' ').next().and_then(|time| time.parse::<u64>().ok()).unwrap_or(0);
        for (sum, _) in all.iter_mut().zip(names).filter(|(_, begin)| name.starts_with(**begin)) {
            *sum += time;
        }
    }
    all
}

/// `cargo test --release --test attach -- --ignored viewers --nocapture`
///
/// The share of a core that the threads of the training process for one and for thirty viewers take, that of the recorder, which feeds them,
/// and the bytes that each gets. `VIEWERS_SECONDS` (10) is the time of each measurement; with
/// `VIEWERS_FAST` a small network makes thousands of steps a second, and nothing is asserted.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout, reason = "it reports a measurement")]
fn viewers_take_two_percent_of_a_core_at_most() {
    if !Path::new("/proc/self/schedstat").exists() {
        println!("skipped: this system does not tell the time of threads");
        return;
    }
    let seconds = std::env::var("VIEWERS_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(10);
    // Some hundred steps a second, or as many thousand.
    let is_fast = std::env::var_os("VIEWERS_FAST").is_some();
    let units = if is_fast { "model.1.units=24" } else { "model.1.units=256" };
    let training = Training::start(&["train.epochs=1000000", units]);
    wait("steps", || training.step() > 100);
    let names = ["recorder", "client", "control"];
    let mut alone = None;
    for viewers in [0, 1, 30] {
        let read = Arc::new(AtomicU64::new(0));
        let streams: Vec<UnixStream> = (0..viewers)
            .map(|_| {
                let mut stream = training.connect();
                stream.write_all(b"{\"request\":\"frames\"}\n").unwrap();
                let (mut from, read) = (stream.try_clone().unwrap(), Arc::clone(&read));
                spawn(move || {
                    let mut chunk = [0; 64 * 1024];
                    while let Ok(count @ 1..) = from.read(&mut chunk) {
                        read.fetch_add(count as u64, Ordering::Relaxed);
                    }
                });
                stream
            })
            .collect();
        // The history is sent first.
        sleep(Duration::from_secs(3));
        let (begin, before) = (Instant::now(), busy(training.child.id(), &names));
        let (bytes, step) = (read.load(Ordering::Relaxed), training.step());
        sleep(Duration::from_secs(seconds));
        let time = begin.elapsed().as_secs_f64();
        let after = busy(training.child.id(), &names);
        let bytes = (read.load(Ordering::Relaxed) - bytes) as f64 / time;
        let steps = (training.step() - step) as f64 / time;
        let shares: Vec<f64> =
            before.iter().zip(&after).map(|(before, after)| (after - before) as f64 / 1e7 / time).collect();
        streams.iter().for_each(|stream| drop(stream.shutdown(std::net::Shutdown::Both)));
        let each = bytes / f64::from(viewers.max(1));
        println!(
            "{viewers} viewers: recorder {:.2} %, clients {:.2} %, control {:.2} % of a core; {bytes:.0} bytes/s, {each:.0} each; {steps:.0} \
             steps/s",
            shares[0], shares[1], shares[2]
        );
        let recorder = *alone.get_or_insert(shares[0]);
        let added = shares[0] - recorder + shares[1] + shares[2];
        assert!(is_fast || added < 2.0, "{viewers} viewers take {added:.2} % of a core");
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine: {}", load.trim());
}

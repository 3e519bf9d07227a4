//! Run folders: recordings round-trip, and crashes, truncation and flipped bits lose no other data.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use unrolled::metrics::Task;
use unrolled::protocol::{
    Activations, DataFacts, Direction, EpochMetrics, Event, GradientProfile, Instruments, LayerHealth, Level,
    LogLine, ModelTable, ParamNorms, ProbeFrame, QuantityHealth, RunInfo, RunStatus, Saved, StepMetrics,
    TokenPrediction,
};
use unrolled::run::checkpoint::{self, Checkpoint, NamedTensor, Which, undo};
use unrolled::run::{Folder, Reader, Recorder, RunError, check_run_files};

const AMPLE: u64 = 1 << 30;

fn prepared() -> Event {
    Event::Prepared(Box::new(RunInfo {
        name: "word-order".into(),
        title: "Who bites whom".into(),
        about: "A test.".into(),
        folder: "runs/word-order".into(),
        model: ModelTable::default(),
        data: DataFacts { source: "generated".into(), unknown: 0.1 + 0.2, ..DataFacts::default() },
        probes: vec![],
        epochs: 2,
        steps_per_epoch: 50,
        batch_size: 32,
        watch_every: 10,
        pace: None,
        task: Task::Binary,
        loss: "binary_crossentropy".into(),
        optimizer: "Adam".into(),
        seed: u64::MAX,
        threads: 2,
        monitor: None,
    }))
}

fn step(step: u64) -> Event {
    Event::Step(StepMetrics {
        step,
        epoch: 1 + step as usize / 50,
        loss: 1.0 / step as f64,
        accuracy: step.is_multiple_of(2).then_some(0.1 * step as f64),
        learning_rate: 1e-3,
        grad_norm: (step as f64).sqrt(),
        sequences_per_s: 1e5 / 3.0,
        seconds: step as f64 * 0.01,
    })
}

fn gradient(step: u64) -> Event {
    let hnorm = (0..30).map(|t| (t as f32 - step as f32).exp2()).collect();
    let direction = Some(Direction::Backward);
    Event::Gradient(GradientProfile {
        step,
        layer: 1,
        direction,
        hnorm,
        kernel_norm: vec![0.5; 30],
        half_life: Some(-1.5),
        ..GradientProfile::default()
    })
}

fn instruments(step: u64) -> Event {
    let h = QuantityHealth {
        quantity: "h".into(),
        left: 0.1,
        right: 1.0 / 3.0,
        dead: 0.0,
        spectral_radius: (step < 50).then_some(1.02),
    };
    let direction = Some(Direction::Backward);
    let layer = LayerHealth { layer: 1, direction, proposal: "h".into(), quantities: vec![h] };
    let norms = ParamNorms { name: "1.bwd.kernel".into(), weight: 3.5, gradient: 0.1, update: 1e-3 };
    Event::Instruments(Box::new(Instruments {
        step,
        layers: vec![layer],
        params: vec![norms],
        ..Instruments::default()
    }))
}

fn probe(step: u64, probe: usize) -> Event {
    let values: Vec<f32> = (0..80).map(|i| ((i as u64 + step) as f32 * 0.37).sin()).collect();
    let h = Activations {
        layer: 1,
        direction: None,
        quantity: "h".into(),
        units: 8,
        values,
        ..Activations::default()
    };
    let c = Activations { quantity: "c".into(), values: vec![0.0; 80], ..h.clone() };
    let outputs = vec![("1".to_owned(), 0.75), ("0".to_owned(), 0.25)];
    let by_token = vec![TokenPrediction::default(), TokenPrediction { outputs }];
    let activations = vec![h, c];
    Event::Probe(Box::new(ProbeFrame {
        step,
        probe,
        prediction: vec![0.25, 0.75],
        by_token,
        activations,
        ..ProbeFrame::default()
    }))
}

/// The events of a trainer for two epochs of fifty steps.
fn story() -> Vec<Event> {
    let mut events = vec![Event::Status(RunStatus::Preparing { what: "reading".into() }), prepared()];
    events.push(Event::Status(RunStatus::Training));
    for n in 1..=100 {
        events.push(step(n));
        if n % 10 == 0 {
            events.extend([gradient(n), instruments(n), probe(n, 0), probe(n, 1)]);
        }
        if n % 50 == 0 {
            let epoch = n as usize / 50;
            let metrics = [("loss", 0.5), ("accuracy", 0.5), ("val_loss", 0.75)].into();
            let metrics = EpochMetrics { epoch, step: n, metrics, confusion: None, seconds: 2.0 };
            events.push(Event::Epoch(Box::new(metrics)));
            events.push(Event::Saved(Saved {
                step: n,
                path: format!("step-{n}").into(),
                best: n == 100,
                ..Saved::default()
            }));
        }
    }
    events.push(Event::Log(LogLine { level: Level::Warning, text: "a line\nwith \u{1b}[2J in it".into() }));
    events.push(Event::Status(RunStatus::Stopped { saved: true }));
    events
}

fn record(dir: &Path, events: &[Event], budget: u64) {
    let folder = Folder::create(dir).unwrap();
    let mut recorder = Recorder::start(&folder, budget).unwrap();
    for event in events {
        recorder.record(event.clone()).unwrap();
    }
    recorder.finish().unwrap();
}

/// The events that can be read, why there are no more if that is an error, and the bytes dropped.
fn read(dir: &Path, from: Option<u64>) -> Result<(Vec<Event>, Option<RunError>, u64), RunError> {
    let reader = Reader::open(dir)?;
    let mut iter = from.map_or_else(|| reader.events(), |step| reader.events_from(step))?;
    let (mut events, mut error) = (Vec::new(), None);
    for event in iter.by_ref() {
        match event {
            Ok(event) => events.push(event),
            Err(e) => error = Some(e),
        }
    }
    Ok((events, error, iter.trailing_bytes()))
}

/// Equal, but for activations: these within half a 127th of the largest.
fn assert_same(read: &[Event], recorded: &[Event]) {
    assert_eq!(read.len(), recorded.len());
    for (a, b) in read.iter().zip(recorded) {
        let (Event::Probe(a), Event::Probe(b)) = (a, b) else {
            assert_eq!(a, b);
            continue;
        };
        assert_eq!((a.step, a.probe, &a.prediction), (b.step, b.probe, &b.prediction));
        for (a, b) in a.activations.iter().zip(&b.activations) {
            assert_eq!(
                (a.layer, a.direction, &a.quantity, a.units),
                (b.layer, b.direction, &b.quantity, b.units)
            );
            assert_eq!(a.values.len(), b.values.len());
            assert!(a.values.iter().zip(&b.values).all(|(x, y)| (x - y).abs() <= 1.0 / 253.0));
        }
    }
}

#[test]
fn a_recording_round_trips_and_its_folder_is_rejected_for_another_run() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path(), &story(), AMPLE);
    let (events, error, dropped) = read(dir.path(), None).unwrap();
    assert!(error.is_none() && dropped == 0);
    assert_same(&events, &story());
    assert!(matches!(Folder::create(dir.path()), Err(RunError::Occupied(_))));

    let lines = fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind| rows.iter().filter(|row| row["kind"] == kind).collect::<Vec<_>>();
    assert_eq!((of("step").len(), of("epoch").len(), rows.len()), (100, 2, 102));
    assert_eq!((&rows[99]["loss"], &rows[99]["accuracy"]), (&(1.0 / 99.0).into(), &serde_json::Value::Null));
}

#[test]
fn steps_are_on_disk_during_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    let mut recorder = Recorder::start(&folder, AMPLE).unwrap();
    recorder.record(step(1)).unwrap();
    let since = Instant::now();
    let metrics = dir.path().join("metrics.jsonl");
    while !fs::read_to_string(&metrics).unwrap().ends_with('\n') {
        assert!(since.elapsed() < Duration::from_secs(20), "nothing was flushed");
        std::thread::sleep(Duration::from_millis(5));
    }
    recorder.finish().unwrap();
}

#[test]
fn a_truncated_recording_is_read_to_its_last_complete_event() {
    let dir = tempfile::tempdir().unwrap();
    let short =
        [&story()[..5], &[gradient(2), instruments(2), probe(2, 0)], &story()[story().len() - 2..]].concat();
    record(dir.path(), &short, AMPLE);
    let path = dir.path().join("frames.bin");
    let whole = fs::read(&path).unwrap();
    let (mut readable, mut clean) = (0, 0);
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let (events, error, dropped) = read(dir.path(), None).unwrap();
        assert!(error.is_none(), "cut at {cut}: {error:?}");
        assert!(events.len() == readable || events.len() == readable + 1, "cut at {cut}");
        assert_same(&events, &short[..events.len()]);
        readable = events.len();
        clean += usize::from(dropped == 0);
    }
    // Nothing is dropped from the empty file, the bare head, and after each event and the index.
    assert_eq!((readable, clean), (short.len(), short.len() + 3));
}

#[test]
fn a_flipped_bit_is_detected_and_events_before_it_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let short = [step(1), gradient(2), instruments(2), probe(2, 0), step(3)];
    record(dir.path(), &short, AMPLE);
    let path = dir.path().join("frames.bin");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, flipped).unwrap();
        match read(dir.path(), None) {
            Err(error) => assert!(at < 12 && error.to_string().contains("frames.bin"), "byte {at}: {error}"),
            Ok((events, error, dropped)) => {
                assert!(at >= 12 && dropped > 0, "byte {at} was taken for good");
                assert!(error.is_none_or(|e| e.to_string().contains("damaged")));
                assert_same(&events, &short[..events.len()]);
            }
        }
    }
}

#[test]
fn a_frame_of_an_unknown_kind_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path(), &[step(1), gradient(1)], AMPLE);
    let path = dir.path().join("frames.bin");
    let mut recorded = fs::read(&path).unwrap();
    // A frame of kind 200 for step 1, between the head of the file and the first event and again at the end.
    let mut strange = 3_u32.to_le_bytes().to_vec();
    strange.extend([200, 1, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7]);
    strange.extend(crc32fast::hash(&strange).to_le_bytes());
    recorded.splice(12..12, strange.iter().copied());
    recorded.extend(&strange);
    fs::write(&path, &recorded).unwrap();
    let (events, error, dropped) = read(dir.path(), None).unwrap();
    assert!(error.is_none() && dropped == 0, "{error:?}");
    assert_same(&events, &[step(1), gradient(1)]);
    recorded[20] ^= 1;
    fs::write(&path, &recorded).unwrap();
    assert!(read(dir.path(), None).unwrap().1.is_some(), "what is not whole is damage, whatever its kind");
}

#[test]
fn reading_from_a_step_gives_all_events_from_it_with_or_without_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let long: Vec<Event> = (1..=4_000).flat_map(|n| [step(n), gradient(n)]).collect();
    record(dir.path(), &long, AMPLE);
    let path = dir.path().join("frames.bin");
    let finished = fs::read(&path).unwrap();
    for content in [&finished[..], &finished[..finished.len() - 1]] {
        fs::write(&path, content).unwrap();
        for from in [0, 1, 2, 1_999, 4_000, 4_001] {
            let (events, error, _) = read(dir.path(), Some(from)).unwrap();
            assert!(error.is_none());
            assert_same(&events, &long[(2 * from.saturating_sub(1)) as usize..]);
        }
    }
}

#[test]
fn probes_are_thinned_evenly_to_their_budget() {
    let dir = tempfile::tempdir().unwrap();
    let watched = 500;
    let all: Vec<Event> =
        (0..watched).flat_map(|n| [step(n + 1), probe(n + 1, 0), probe(n + 1, 1)]).collect();
    record(dir.path(), &all, 20_000);
    let (events, error, dropped) = read(dir.path(), None).unwrap();
    assert!(error.is_none() && dropped == 0);
    let scalars: Vec<&Event> = events.iter().filter(|e| matches!(e, Event::Step(_))).collect();
    assert_eq!(scalars.len(), watched as usize);
    let kept: Vec<(u64, usize)> = events
        .iter()
        .filter_map(|e| if let Event::Probe(frame) = e { Some((frame.step, frame.probe)) } else { None })
        .collect();
    let stride = kept[2].0 - kept[0].0;
    assert!(stride.is_power_of_two());
    let spread: Vec<(u64, usize)> =
        (0..watched).step_by(stride as usize).flat_map(|n| [(n + 1, 0), (n + 1, 1)]).collect();
    assert_eq!(kept, spread);
    let alone = tempfile::tempdir().unwrap();
    record(alone.path(), &(0..watched).map(|n| step(n + 1)).collect::<Vec<_>>(), 20_000);
    let size = |dir: &Path| fs::metadata(dir.join("frames.bin")).unwrap().len();
    let steps = size(alone.path());
    assert!(steps <= 80 * watched, "{steps} bytes of {watched} steps");
    let probes = size(dir.path()) - steps;
    assert!((8_000..=20_000).contains(&probes), "{probes} bytes besides the steps");
    assert_eq!(read(dir.path(), Some(400)).unwrap().0.first(), Some(&step(400)));
}

fn save(folder: &Folder, step: u64, best: bool) -> Saved {
    let (weights, moments) = ([step as f32, -0.5, 1e-20, 3.0], [0.25, step as f32]);
    let checkpoint = Checkpoint {
        step,
        model: vec![
            NamedTensor { name: "1.recurrent_kernel".into(), shape: vec![2, 2], data: &weights },
            NamedTensor { name: "1.bias".into(), shape: vec![2], data: &moments },
        ],
        optimizer: vec![NamedTensor { name: "1.bias.m".into(), shape: vec![2], data: &moments }],
        state: serde_json::json!({"epoch": 3, "loss_sum": 0.1 + 0.2 + step as f64 / 7.0}),
        best,
        ..Checkpoint::default()
    };
    checkpoint::write(folder, &checkpoint).unwrap()
}

fn folders(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("checkpoints")).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_checkpoint_round_trips_and_only_last_and_best_remain() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    save(&folder, 10, false);
    assert!(checkpoint::read(dir.path(), Which::Best).unwrap_err().to_string().contains("`best`"));
    save(&folder, 20, true);
    save(&folder, 30, false);
    let saved = save(&folder, 40, false);
    let weights = saved.weights.clone();
    assert_eq!(saved, Saved { step: 40, path: dir.path().join("checkpoints/step-40"), best: false, weights });
    assert_eq!(folders(dir.path()), ["best", "last", "step-20", "step-40"]);

    let (last, best) = (Which::Last, Which::Best);
    assert_eq!(checkpoint::read(dir.path(), best).unwrap().step, 20);
    let loaded = checkpoint::read(dir.path(), last).unwrap();
    assert_eq!((loaded.step, &loaded.path), (40, &saved.path));
    assert_eq!(loaded.state["loss_sum"], 0.1 + 0.2 + 40.0 / 7.0);
    let names: Vec<&str> = loaded.model.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["1.bias", "1.recurrent_kernel"]);
    assert_eq!(
        (&loaded.model[1].shape[..], &loaded.model[1].data[..]),
        (&[2, 2][..], &[40.0, -0.5, 1e-20, 3.0][..])
    );
    assert_eq!(loaded.optimizer[0].data, [0.25, 40.0]);
}

#[test]
fn checkpoints_of_changes_stay_also_where_their_names_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(&dir.path().join("run")).unwrap();
    let point = undo::point_of(&save(&folder, 1, false).path);
    undo::protect(&folder, [point].iter()).unwrap();
    save(&folder, 2, false);
    let names = folder.path().join("checkpoints/undo");
    assert_eq!(folders(folder.path()), ["last", "step-1", "step-2", "undo"]);
    fs::remove_file(&names).unwrap();
    fs::create_dir(&names).unwrap();
    save(&folder, 3, false);
    assert_eq!(folders(folder.path()), ["last", "step-1", "step-2", "step-3", "undo"]);
    fs::remove_dir(&names).unwrap();
    save(&folder, 4, false);
    assert_eq!(folders(folder.path()), ["last", "step-4"]);
}

#[test]
fn going_back_to_a_checkpoint_names_it_and_removes_those_after_it_apart() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(&dir.path().join("run")).unwrap();
    let point = undo::point_of(&save(&folder, 1, false).path);
    undo::protect(&folder, [point.clone()].iter()).unwrap();
    save(&folder, 2, true);
    undo::go_back(&folder, &point).unwrap();
    // Whoever is stopped here goes on from where the change still applies.
    assert_eq!(checkpoint::read(folder.path(), Which::Last).unwrap().step, 2);
    undo::remove_later(&folder, &point).unwrap();
    assert_eq!(checkpoint::read(folder.path(), Which::Last).unwrap().step, 1);
    assert_eq!(folders(folder.path()), ["last", "step-1", "undo"]);
}

#[test]
fn the_bytes_of_the_model_depend_on_the_weights_alone() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bytes =
        |dir: &Path| fs::read(save(&Folder::create(dir).unwrap(), 5, false).path.join("model.safetensors"));
    assert_eq!(bytes(a.path()).unwrap(), bytes(b.path()).unwrap());
}

#[test]
fn a_second_checkpoint_of_a_step_never_endangers_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    save(&folder, 10, true);
    save(&folder, 10, false);
    assert_eq!(folders(dir.path()), ["best", "last", "step-10", "step-10-2"]);
    save(&folder, 10, true);
    let last = checkpoint::read(dir.path(), Which::Last).unwrap();
    assert_eq!(last, checkpoint::read(dir.path(), Which::Best).unwrap());
    assert_eq!(folders(dir.path()).len(), 3);
}

#[test]
fn a_crash_while_saving_leaves_the_previous_checkpoint() {
    let files = ["model.safetensors", "optimizer.safetensors", "state.json", "DONE"];
    // After so many files, the last of them half written; then renamed but not named yet; then half named.
    for crash in 0..=files.len() + 1 {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let first = save(&folder, 10, true);
        let root = dir.path().join("checkpoints");
        let partial = root.join(if crash < files.len() { ".step-20.partial" } else { "step-20" });
        fs::create_dir(&partial).unwrap();
        for (i, name) in files.iter().enumerate().take(crash + 1) {
            let bytes = fs::read(first.path.join(name)).unwrap();
            let torn = if i == crash { bytes.len() / 2 } else { bytes.len() };
            fs::write(partial.join(name), &bytes[..torn]).unwrap();
        }
        if crash > files.len() {
            fs::write(root.join(".last.partial"), "step-").unwrap();
        }
        assert_eq!(checkpoint::read(dir.path(), Which::Last).unwrap().path, first.path, "crash {crash}");
        save(&folder, 20, false);
        assert_eq!(checkpoint::read(dir.path(), Which::Last).unwrap().step, 20);
        assert_eq!(folders(dir.path()).len(), 4, "crash {crash} left something: {:?}", folders(dir.path()));
    }
}

/// The weights of [`save`] with a shape that does not fit, which is noticed after the folder is created.
fn fail(folder: &Folder, step: u64) {
    let model = vec![NamedTensor { name: "1.bias".into(), shape: vec![3], data: &[0.0] }];
    let state = serde_json::Value::Null;
    let checkpoint = Checkpoint { step, model, state, best: true, ..Checkpoint::default() };
    checkpoint::write(folder, &checkpoint).unwrap_err();
}

#[test]
fn a_failed_checkpoint_leaves_nothing_and_one_that_was_killed_is_removed_by_the_next_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    fail(&folder, 5);
    assert!(folders(dir.path()).is_empty());
    save(&folder, 10, true);
    let complete = ["best", "last", "step-10"];
    // Names that cannot be written: the checkpoint itself is complete.
    let last = dir.path().join("checkpoints/.last.partial");
    fs::create_dir(&last).unwrap();
    let state = serde_json::Value::Null;
    let checkpoint = Checkpoint { step: 11, state, ..Checkpoint::default() };
    checkpoint::write(&folder, &checkpoint).unwrap_err();
    fs::remove_dir(&last).unwrap();
    assert_eq!(folders(dir.path()), complete);
    for killed in [11, 12, 13] {
        let partial = dir.path().join(format!("checkpoints/.step-{killed}.partial"));
        fs::create_dir(&partial).unwrap();
        fs::write(partial.join("model.safetensors"), "half").unwrap();
    }
    assert_eq!(checkpoint::read(dir.path(), Which::Last).unwrap().step, 10);
    fail(&folder, 14);
    assert_eq!(folders(dir.path()), complete);
}

#[test]
fn the_step_of_the_last_checkpoint_is_that_which_is_read_though_its_save_failed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    assert_eq!(checkpoint::last_step(dir.path()), None);
    save(&folder, 10, true);
    assert_eq!(checkpoint::last_step(dir.path()), Some(10));
    // The name of the last is written, that of the best cannot be.
    fs::create_dir(dir.path().join("checkpoints/.best.partial")).unwrap();
    let state = serde_json::Value::Null;
    let checkpoint = Checkpoint { step: 11, state, best: true, ..Checkpoint::default() };
    checkpoint::write(&folder, &checkpoint).unwrap_err();
    assert_eq!(checkpoint::last_step(dir.path()), Some(11));
    assert_eq!(checkpoint::read(dir.path(), Which::Last).unwrap().step, 11);
}

#[test]
fn a_checkpoint_of_a_folder_that_was_renamed_is_an_error_and_not_written_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(&dir.path().join("run")).unwrap();
    let saved = save(&folder, 10, true);
    assert!(checkpoint::is_last(&folder, &saved));
    fs::rename(folder.path(), dir.path().join("renamed")).unwrap();
    assert!(!checkpoint::is_last(&folder, &saved));
    let state = serde_json::Value::Null;
    let checkpoint = Checkpoint { step: 11, state, ..Checkpoint::default() };
    for another in [false, true] {
        if another {
            fs::create_dir(folder.path()).unwrap();
        }
        let error = checkpoint::write(&folder, &checkpoint).unwrap_err().to_string();
        assert!(error.contains("renamed or replaced during the run"), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(checkpoint::read(&dir.path().join("renamed"), Which::Last).unwrap().step, 10);
}

#[test]
fn the_best_checkpoint_can_be_saved_after_later_ones() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    save(&folder, 10, true);
    save(&folder, 30, false);
    let state = serde_json::Value::Null;
    let best = Checkpoint { step: 20, state, best: true, ..Checkpoint::default() };
    assert!(checkpoint::write_best(&folder, &best).unwrap().best);
    let step = |which| checkpoint::read(dir.path(), which).unwrap().step;
    assert_eq!((step(Which::Last), step(Which::Best)), (30, 20));
    assert_eq!(folders(dir.path()), ["best", "last", "step-20", "step-30"]);
}

#[test]
fn a_checkpoint_that_is_replaced_while_it_is_read_is_looked_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    save(&folder, 1, true);
    std::thread::scope(|scope| {
        // Also several of one step, whose names come again.
        let saving = scope.spawn(|| (0..900).for_each(|n| drop(save(&folder, 1 + n / 3, n % 2 == 0))));
        let (mut reads, mut last) = (0, 0);
        while !saving.is_finished() {
            for which in [Which::Last, Which::Best] {
                let step = checkpoint::read(dir.path(), which).unwrap().step;
                if which == Which::Last {
                    assert!(step >= last, "{step} after {last}");
                    last = step;
                }
                reads += 1;
            }
        }
        assert!(reads > 20, "{reads}");
    });
}

#[test]
fn files_on_which_predictions_depend_are_those_of_the_training() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    folder.write_spec("title: x\n").unwrap();
    folder.write_json("labels.json", &["no", "yes"]).unwrap();
    save(&folder, 10, true);
    let check = || check_run_files(dir.path(), &checkpoint::read(dir.path(), Which::Last)?.run_files);
    check().unwrap();
    for name in ["spec.yaml", "labels.json"] {
        let path = dir.path().join(name);
        let content = fs::read(&path).unwrap();
        for i in 0..content.len() {
            let mut flipped = content.clone();
            flipped[i] ^= 1 << (i % 8);
            fs::write(&path, flipped).unwrap();
            let error = check().unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("checksum differs"), "{error}");
        }
        fs::remove_file(&path).unwrap();
        assert!(check().is_err());
        fs::write(&path, content).unwrap();
    }
    check().unwrap();
    // A checkpoint of an earlier version lists its own files only.
    let done = checkpoint::read(dir.path(), Which::Last).unwrap().path.join("DONE");
    let mut old: serde_json::Value = serde_json::from_slice(&fs::read(&done).unwrap()).unwrap();
    old.as_object_mut().unwrap().retain(|key, _| ["step", "files"].contains(&key.as_str()));
    fs::write(&done, old.to_string()).unwrap();
    fs::write(dir.path().join("labels.json"), "[]").unwrap();
    check().unwrap();
}

#[test]
fn a_flipped_byte_in_done_last_or_best_gives_no_other_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    save(&folder, 14, true);
    save(&folder, 15, false);
    let read = |which| checkpoint::read(dir.path(), which).map(|read| (read.step, read.model));
    for which in [Which::Last, Which::Best] {
        let expected = read(which).unwrap();
        let name = if which == Which::Last { "last" } else { "best" };
        let done = checkpoint::read(dir.path(), which).unwrap().path.join("DONE");
        for path in [dir.path().join("checkpoints").join(name), done] {
            let content = fs::read(&path).unwrap();
            // Every bit of the digits of a short file, and some of a long one.
            for bit in (0..8 * content.len()).rev().step_by(1 + content.len() / 8) {
                let mut flipped = content.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, &flipped).unwrap();
                assert!(read(which).map_or(true, |read| read == expected), "{name}: {flipped:?}");
            }
            fs::write(&path, content).unwrap();
        }
    }
}

#[test]
fn the_error_of_a_damaged_checkpoint_names_file_and_cause() {
    let refused = |damage: &dyn Fn(&Path), words: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let saved = save(&Folder::create(dir.path()).unwrap(), 10, false);
        damage(&saved.path);
        let message = unrolled::error::chain(&checkpoint::read(dir.path(), Which::Last).unwrap_err());
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    };
    refused(&|path| fs::remove_file(path.join("DONE")).unwrap(), &["step-10", "incomplete"]);
    refused(&|path| fs::remove_dir_all(path).unwrap(), &["step-10", "incomplete"]);
    refused(&|path| fs::remove_file(path.join("state.json")).unwrap(), &["state.json", "No such file"]);
    refused(&|path| fs::write(path.join("DONE"), "{}").unwrap(), &["DONE", "missing field"]);
    refused(
        &|path| fs::write(path.join("DONE"), r#"{"step":1,"files":[]}"#).unwrap(),
        &["DONE", "does not list"],
    );
    refused(&|path| fs::write(path.join("../last"), "../../elsewhere").unwrap(), &["last", "step-100"]);
    refused(&|path| fs::write(path.join("../last"), b"\xff\xff").unwrap(), &["last", "step-100"]);
    for name in ["model.safetensors", "optimizer.safetensors", "state.json"] {
        let cut = |path: &Path| {
            let bytes = fs::read(path.join(name)).unwrap();
            fs::write(path.join(name), &bytes[..bytes.len() - 1]).unwrap();
        };
        refused(&cut, &[name, "bytes were saved"]);
        let flip = |path: &Path| {
            let mut bytes = fs::read(path.join(name)).unwrap();
            bytes[9] ^= 4;
            fs::write(path.join(name), bytes).unwrap();
        };
        refused(&flip, &[name, "checksum"]);
    }
}

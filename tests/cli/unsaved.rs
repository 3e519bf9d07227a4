//! Runs that cannot save: what they say, how they end, and what is on disk.

use std::io::BufReader;

use unrolled::infer::Predictor;

use super::*;

/// A running training of which two epochs have ended.
fn started(folder: &Path, more: &[&str]) -> Running {
    let mut command = train(folder, "word-order", "run", &ENDLESS);
    command.arg("--headless").args(more).stderr(fs::File::create(folder.join("stderr")).unwrap());
    let mut running = Running::start(command);
    let mut lines = BufReader::new(running.child.stdout.take().unwrap());
    running.wait_for(&mut lines, "epoch 2/");
    std::thread::spawn(move || lines.lines().count());
    running
}

#[test]
fn a_run_whose_folder_was_removed_is_not_saved_and_ends_with_1() {
    for (more, at) in [(&[][..], "run"), (&["--seeds", "1..2", "--jobs", "1"], "run/seed-1")] {
        let folder = tempfile::tempdir().unwrap();
        let mut running = started(folder.path(), more);
        fs::rename(folder.path().join(at), folder.path().join("elsewhere")).unwrap();
        running.signal(Signal::TERM);
        assert_eq!(running.code(), Some(1));
        let message = fs::read_to_string(folder.path().join("stderr")).unwrap();
        assert!(message.contains(&format!("could not be saved: {at} is no longer there")), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        // What was saved before is complete.
        assert!(checkpoint::read(&folder.path().join("elsewhere"), Which::Last).is_ok());
    }
}

/// Trains with files of at most `blocks` × 512 bytes.
fn limited(folder: &Path, blocks: u32, set: &[&str]) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_unrolled");
    let set: Vec<String> = sets(set).map(|word| format!("'{word}'")).collect();
    let script = format!(
        "trap '' XFSZ; ulimit -f {blocks}; exec '{program}' train word-order --run run --headless {} > /dev/null",
        set.join(" ")
    );
    // POSIX counts blocks of 512 bytes; bash only in its POSIX mode.
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

const TINY: [&str; 4] = ["data.train=64", "data.validation=8", "model.1.units=2", "model.0.output_dim=2"];

#[test]
fn a_limit_on_file_sizes_is_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    // The weights fit, the metrics of all steps do not.
    let (code, message) = limited(folder.path(), 64, &[&TINY[..], &["train.epochs=300"]].concat());
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("the recording of the run is incomplete"), "{message}");
    assert!(message.contains("File too large") && message.contains("the weights are saved"), "{message}");
    assert_eq!(checkpoint::read(&run, Which::Last).unwrap().step, 600);
    let steps = metrics(&run).iter().filter(|line| line["kind"] == "step").count();
    assert!((20..600).contains(&steps), "{steps} whole lines");
    assert!(Reader::open(&run).unwrap().events().unwrap().all(|event| event.is_ok()));
    // The weights do not.
    let folder = tempfile::tempdir().unwrap();
    let set = [&TINY[..], &["train.epochs=300", "model.1.units=100"]].concat();
    let (code, message) = limited(folder.path(), 64, &set);
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("the weights of step 600") && message.contains("File too large"), "{message}");
    assert!(message.contains("there is no checkpoint"), "{message}");
    let left = fs::read_dir(folder.path().join("run/checkpoints")).unwrap().count();
    assert_eq!(left, 0, "no partial checkpoints");
}

#[test]
fn a_changed_file_of_a_run_is_an_error_and_gives_no_other_answer() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    ends(train(folder.path(), "word-order", "run", &[&TINY[..], &["train.epochs=1"]].concat()), 0);
    assert!(Predictor::open(&run, Which::Last).is_ok());
    for name in ["spec.yaml", "vocabulary.json", "labels.json"] {
        let path = run.join(name);
        let content = fs::read(&path).unwrap();
        for i in 0..content.len() {
            let mut changed = content.clone();
            changed[i] ^= 1 << (i % 7);
            fs::write(&path, &changed).unwrap();
            let error = Predictor::open(&run, Which::Last).unwrap_err();
            let message = unrolled::error::chain(&error);
            // What a changed setting contradicts is reported first.
            assert!(name == "spec.yaml" || message.contains(name), "{message}");
        }
        fs::write(&path, content).unwrap();
    }
    let path = run.join("labels.json");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("negative", "positive")).unwrap();
    let (_, message) = ends(unrolled(folder.path(), &["predict", "run", "not bad"]), 1);
    assert_eq!(
        message,
        "unrolled: run/labels.json: its checksum differs from the one that was saved, so predictions would not be those of the \
         trained network; restore the file from a copy\n"
    );
}

//! A change that is undone has never been: the weights, the metrics and the recording are those of a run without it.

use tempfile::TempDir;
use unrolled::preset::RunSpec;
use unrolled::protocol::{Command, CommandRequest, Event, Level, LogLine, RunStatus, Undone};
use unrolled::run::Reader;
use unrolled::run::checkpoint::{self, Which};
use unrolled::train::{Options, Outcome, Resume, Trainer};

use super::{DATA, MODELS, assert_same, facts, run_folder, spec_of, streamed, trained, word_order};

const FASTER: Command = Command::ScaleLearningRate { factor: 8.0 };
const CLIPPED: Command = Command::SetClipnorm { global_clipnorm: Some(0.01) };

/// Trains to the end, or to where the last script stops it, with each script in a process of its own.
pub fn scripted(spec: &RunSpec, scripts: &[&[(u64, Command)]]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = run_folder(&dir);
    for script in scripts {
        let by = |(step, command): &(u64, Command)| (*step, command.clone().by("tester"));
        let script: Vec<(u64, CommandRequest)> = script.iter().map(by).collect();
        let resume = folder.join("spec.yaml").exists().then(Resume::default);
        let folder = Some(folder.clone());
        let options = Options { folder, threads: 1, resume, script, ..Options::default() };
        let outcome = Trainer::start(spec.clone(), options).unwrap().join();
        assert!(matches!(outcome, Outcome::Stopped | Outcome::Finished), "{outcome:?}");
    }
    dir
}

pub fn recorded(dir: &TempDir) -> Vec<Event> {
    let reader = Reader::open(&run_folder(dir)).unwrap();
    reader.events().unwrap().map(Result::unwrap).collect()
}

fn undone(dir: &TempDir) -> Vec<Undone> {
    let undone = |event| if let Event::Undone(undone) = event { Some(undone) } else { None };
    recorded(dir).into_iter().filter_map(undone).collect()
}

#[test]
fn the_bits_are_those_of_a_run_that_never_had_the_change() {
    let set = ["train.validate_every=3", "train.early_stopping={patience: 2}", "train.checkpoint.keep=2"];
    for (i, model) in MODELS.into_iter().enumerate() {
        let files = tempfile::tempdir().unwrap();
        let model = format!("model={model}");
        let set = [&set[..], &[&model]].concat();
        let data = DATA[i].map(|data| streamed(files.path(), data, &set));
        let spec = data.unwrap_or_else(|| word_order(&set));
        let whole = trained(&spec, &[]);
        // Within an epoch, and at its end; over a validation, and over the end of an epoch.
        for (change, undo) in [(2, 4), (8, 9), (5, 12), (0, 3)] {
            let dir = scripted(&spec, &[&[(change, FASTER), (undo, Command::Undo)]]);
            assert_same(&dir, &whole);
            let undone = undone(&dir);
            let [Undone { step, from, by, changes, .. }] = &undone[..] else { panic!("{undone:?}") };
            assert_eq!((*step, *from, by.as_str(), changes.len()), (change, undo, "tester", 1));
            assert_eq!(changes[0].request.command, FASTER);
        }
    }
}

#[test]
fn a_client_that_comes_after_an_undo_knows_that_training_is_paused() {
    let dir = tempfile::tempdir().unwrap();
    let by = |(step, command): (u64, Command)| (step, command.by("tester"));
    let script = [(2, FASTER), (4, Command::Pause)].map(by).to_vec();
    let options = Options { folder: Some(run_folder(&dir)), threads: 1, script, ..Options::default() };
    let trainer = Trainer::start(word_order(&[]), options).unwrap();
    // A pause lasts as long as somebody could end it.
    let is_paused = |event: &Event| *event == Event::Status(RunStatus::Paused);
    assert!(trainer.events.iter().any(|event| is_paused(&event)));
    trainer.commands.send(Command::Undo).unwrap();
    assert!(trainer.events.iter().any(|event| matches!(event, Event::Undone(_))));
    trainer.commands.send(Command::SaveAndStop).unwrap();
    assert_eq!(trainer.join(), Outcome::Stopped);
    let events = recorded(&dir);
    let at = events.iter().position(|event| matches!(event, Event::Undone(_))).unwrap();
    let status = |event: &Event| if let Event::Status(status) = event { Some(status.clone()) } else { None };
    assert_eq!(events[at..].iter().find_map(status), Some(RunStatus::Paused));
}

#[test]
fn the_last_of_several_changes_is_undone_and_what_is_watched_stays() {
    let spec = word_order(&[]);
    let one = scripted(&spec, &[&[(6, CLIPPED)]]);
    let dir = scripted(&spec, &[&[(6, CLIPPED), (6, FASTER), (9, Command::Undo)]]);
    assert_same(&dir, &one);
    // Both are undone, the later one first; the earlier one also after a stop in between.
    let whole = trained(&spec, &[]);
    let both = [(3, FASTER), (6, CLIPPED), (9, Command::Undo), (7, Command::Undo)];
    assert_same(&scripted(&spec, &[&both]), &whole);
    let stopped: [&[_]; 2] = [&[(3, FASTER), (7, Command::SaveAndStop)], &[(9, Command::Undo)]];
    assert_same(&scripted(&spec, &stopped), &whole);
    let text = "so good".to_owned();
    let watched = [(3, FASTER), (4, Command::AddProbe { text }), (9, Command::Undo)];
    let events = recorded(&scripted(&spec, &[&watched]));
    let place = |wanted: fn(&Event) -> bool| events.iter().rposition(wanted).unwrap();
    assert!(place(|e| matches!(e, Event::ProbeAdded(_))) > place(|e| matches!(e, Event::Undone(_))));
    assert_eq!(events.iter().filter(|e| matches!(e, Event::ProbeAdded(_))).count(), 1);
}

#[test]
fn a_stop_without_a_step_after_a_command_or_an_undo_saves_what_has_changed() {
    let spec = word_order(&[]);
    let text = "so good".to_owned();
    let added = Command::AddProbe { text };
    let one = scripted(&spec, &[&[(6, CLIPPED), (6, added.clone())]]);
    let texts = |dir: &TempDir| {
        let state = checkpoint::read(&run_folder(dir), Which::Last).unwrap().state;
        let changes = state["changes"].as_array().unwrap().clone();
        changes.iter().filter(|change| change.to_string().contains("so good")).count()
    };
    // An earlier change of the step is made again; nothing is trained before the stop.
    let undo = [(6, CLIPPED), (6, FASTER), (7, added.clone()), (9, Command::Undo), (6, Command::SaveAndStop)];
    // A command of the step that was just saved.
    let saved = [(6, Command::Save), (6, CLIPPED), (6, added), (6, Command::SaveAndStop)];
    for script in [&undo[..], &saved] {
        let dir = scripted(&spec, &[script, &[]]);
        assert_same(&dir, &one);
        assert_eq!(texts(&dir), 1);
    }
}

#[test]
fn numbers_do_not_repeat_after_a_resume() {
    let spec = word_order(&[]);
    let first = [(3, FASTER), (7, Command::Undo), (3, Command::Stop)];
    let dir = scripted(&spec, &[&first, &[(6, FASTER), (9, Command::Undo)]]);
    let numbers: Vec<u64> = undone(&dir).iter().map(|undone| undone.number).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn checkpoints_after_the_change_are_gone_and_those_before_it_are_few() {
    let spec = word_order(&["train.checkpoint={every_steps: 1, keep: 1}"]);
    let changes: Vec<(u64, Command)> = (1..9).map(|step| (step * 2, FASTER)).collect();
    let dir = scripted(&spec, &[&[&changes[..], &[(17, Command::SaveAndStop)]].concat()]);
    let steps = |dir: &TempDir| -> Vec<u64> {
        let mut steps: Vec<u64> =
            checkpoint::by_step(&run_folder(dir)).into_iter().map(|(step, _)| step).collect();
        steps.dedup();
        steps
    };
    assert!(
        steps(&dir).starts_with(&[17]) && steps(&dir).ends_with(&[16, 14, 12, 10, 8]),
        "{:?}",
        steps(&dir)
    );
    // Two are undone, and then a third, of which nothing is saved later.
    let undo = [(17, Command::Undo), (17, Command::Undo), (14, Command::SaveAndStop)];
    let dir = scripted(&spec, &[&[&changes[..], &undo].concat()]);
    assert_eq!(checkpoint::read(&run_folder(&dir), Which::Last).unwrap().step, 14);
    assert_eq!(steps(&dir)[0], 14);
}

#[test]
fn nothing_to_undo_is_a_warning_and_changes_nothing() {
    let spec = spec_of("word-order", &["data.train=60", "data.validation=20", "train.epochs=1"]);
    let dir = scripted(&spec, &[&[(1, Command::Undo)]]);
    let warned = |event: &Event| {
        let Event::Log(LogLine { level: Level::Warning, text }) = event else { return false };
        text == "there is nothing to undo: no command has changed the training"
    };
    assert!(recorded(&dir).iter().any(warned));
    assert_eq!(facts(&dir).metrics, facts(&trained(&spec, &[])).metrics);
}

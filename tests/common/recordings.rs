//! Recordings of short trainings of built-in presets: events of real networks, the same on every machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where a failure is the answer")]

use std::fs;
use std::path::{Path, PathBuf};

use unrolled::preset::{self, Overrides};
use unrolled::protocol::{Event, RunStatus, StepMetrics};
use unrolled::run::{Folder, Reader, Recorder};
use unrolled::train::{Options, Trainer};

/// The name of a file and what makes its content.
type DataFile = (&'static str, fn() -> String);

/// How a recording is made.
struct Recipe {
    name: &'static str,
    preset: &'static str,
    /// `--set`: small enough that all recordings together are some hundred kilobytes.
    set: &'static [&'static str],
    /// The file of the data, with its name, where the preset does not generate them.
    data: Option<DataFile>,
}

const RECIPES: [Recipe; 6] = [
    Recipe {
        name: "classifier",
        preset: "word-order",
        set: &[
            "data.train=1600",
            "data.validation=400",
            "train.epochs=8",
            "train.optimizer.learning_rate=0.005",
            "watch.every=40",
        ],
        data: None,
    },
    Recipe {
        name: "attention",
        preset: "word-order-attention",
        set: &[
            "data.train=800",
            "data.validation=200",
            "train.epochs=6",
            "train.optimizer.learning_rate=0.005",
            "watch.every=25",
        ],
        data: None,
    },
    Recipe {
        name: "dense",
        preset: "word-order-dense",
        set: &["data.train=800", "data.validation=200", "train.epochs=6", "watch.every=25"],
        data: None,
    },
    Recipe {
        name: "tagger",
        preset: "tags-bilstm",
        set: &[
            "data.validation=0.2",
            "model.5.of.units=16",
            "train.epochs=6",
            "train.batch_size=16",
            "watch.every=10",
            "watch.probes=[She will book a flight .,They read the book on the old train .]",
        ],
        data: Some(("sentences.conllu", sentences)),
    },
    Recipe {
        name: "language-model",
        preset: "shakespeare-lstm",
        set: &[
            "tokens.length=24",
            "model.0.output_dim=16",
            "model.1.units=24",
            "model.3.units=24",
            "train.epochs=8",
            "train.batch_size=8",
            "train.optimizer.learning_rate=0.02",
            "watch.every=24",
            "watch.sample.prime=Shall I ",
            "watch.sample.length=120",
        ],
        data: Some(("sonnet.txt", sonnet)),
    },
    Recipe {
        name: "series",
        preset: "airline-lstm",
        set: &["train.epochs=40", "watch.every=40", "data.date=Month"],
        data: Some(("passengers.csv", passengers)),
    },
];

/// The names of all recordings.
pub fn names() -> impl Iterator<Item = &'static str> {
    RECIPES.iter().map(|recipe| recipe.name)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name)
}

/// The events of a recording.
pub fn events(name: &str) -> Vec<Event> {
    let reader = Reader::open(&folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    reader.events().unwrap().map(Result::unwrap).collect()
}

/// Trains all networks again, in place of the recordings.
pub fn record() {
    for recipe in &RECIPES {
        let dir = tempfile::tempdir().unwrap();
        let data = recipe.data.map(|(name, text)| {
            let path = dir.path().join(name);
            fs::write(&path, text()).unwrap();
            path
        });
        let set = recipe.set.iter().map(|set| (*set).to_owned()).collect();
        let overrides = Overrides { set, data, ..Overrides::default() };
        let spec = preset::load(recipe.preset, &overrides).unwrap_or_else(|error| panic!("{error}")).spec;
        let options = Options { folder: Some(dir.path().join("run")), threads: 1, ..Options::default() };
        let trainer = Trainer::start(spec, options).unwrap_or_else(|error| panic!("{error}"));
        let to = folder(recipe.name);
        let _ = fs::remove_dir_all(&to);
        let mut recorder = Recorder::start(&Folder::create(&to).unwrap(), 64 << 20).unwrap();
        for event in trainer.events.iter() {
            recorder.record(of_any_machine(recipe, dir.path(), event)).unwrap();
        }
        recorder.finish().unwrap();
        // All that a recording is read from.
        for entry in fs::read_dir(&to).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name != "frames.bin") {
                fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).unwrap();
            }
        }
    }
}

/// The event without times and with a folder of any machine instead of `dir`.
fn of_any_machine(recipe: &Recipe, dir: &Path, event: Event) -> Event {
    let run = format!("runs/{}-20260102-030405", recipe.preset);
    match event {
        Event::Prepared(mut info) => {
            info.folder = run.into();
            if let Some((file, _)) = recipe.data {
                info.data.source = file.into();
            }
            Event::Prepared(info)
        }
        Event::Step(step) => {
            Event::Step(StepMetrics { sequences_per_s: 3200.0, seconds: step.step as f64 * 0.01, ..step })
        }
        Event::Epoch(mut epoch) => {
            epoch.seconds = 0.25;
            Event::Epoch(epoch)
        }
        Event::Status(RunStatus::Preparing { what }) => {
            Event::Status(RunStatus::Preparing { what: what.replace(&format!("{}/", dir.display()), "") })
        }
        Event::Saved(mut saved) => {
            saved.path =
                Path::new(&run).join(saved.path.strip_prefix(dir.join("run")).unwrap_or(&saved.path));
            Event::Saved(saved)
        }
        Event::Log(mut line) => {
            let dir = dir.display().to_string();
            line.text = line.text.replace(&format!("{dir}/run"), &run).replace(&format!("{dir}/"), "");
            Event::Log(line)
        }
        other => other,
    }
}

/// Makes a run of `steps` steps of `events`, which follow one another again and again with new numbers, and passes them on.
pub fn stretched(events: &[Event], steps: u64, mut to: impl FnMut(&Event)) {
    let is_step = |event: &Event| matches!(event, Event::Step(_));
    let begin = events.iter().position(is_step).unwrap();
    let (head, body) = events.split_at(begin);
    // What follows the last step is the end of the training.
    let end = body.iter().rposition(is_step).unwrap();
    let of_epoch = head.iter().find_map(|event| match event {
        Event::Prepared(info) => Some(info.steps_per_epoch as u64),
        _ => None,
    });
    let of_epoch = of_epoch.unwrap();
    for event in head {
        match event {
            Event::Prepared(info) => {
                let mut info = info.clone();
                info.epochs = (steps / of_epoch + 1) as usize;
                to(&Event::Prepared(info));
            }
            event => to(event),
        }
    }
    let mut step = 0;
    let mut recorded = body[..end].iter().cycle();
    while let Some(event) = recorded.next().filter(|event| step < steps || !is_step(event)) {
        if is_step(event) {
            step += 1;
        }
        renumbered(event, step, of_epoch).iter().for_each(&mut to);
    }
}

/// The event as one of `step`; none where there is one of its kind in a run.
fn renumbered(event: &Event, step: u64, of_epoch: u64) -> Option<Event> {
    let epoch = 1 + (step.saturating_sub(1) / of_epoch) as usize;
    let mut event = event.clone();
    match &mut event {
        Event::Step(metrics) => {
            (metrics.step, metrics.epoch, metrics.seconds) = (step, epoch, step as f64 * 0.01);
        }
        Event::Epoch(metrics) => (metrics.step, metrics.epoch) = (step, epoch),
        Event::Validation(metrics) => (metrics.step, metrics.epoch) = (step, epoch),
        Event::Gradient(profile) => profile.step = step,
        Event::Instruments(read) => read.step = step,
        Event::Weights(read) => read.step = step,
        Event::Probe(frame) => frame.step = step,
        Event::Sample(sample) => (sample.step, sample.epoch) = (step, epoch),
        Event::Examples(examples) => (examples.step, examples.epoch) = (step, epoch),
        Event::Saved(saved) => saved.step = step,
        Event::Alert(alert) => (alert.step, alert.epoch) = (step, epoch),
        Event::Log(_) => {}
        _ => return None,
    }
    Some(event)
}

/// Sentences with their tags, a word per line: *book* and *train* are nouns or verbs by what is around them.
fn sentences() -> String {
    let patterns = [
        "She/PRON will/AUX book/VERB a/DET flight/NOUN ./PUNCT",
        "They/PRON read/VERB the/DET book/NOUN on/ADP the/DET old/ADJ train/NOUN ./PUNCT",
        "We/PRON train/VERB a/DET small/ADJ network/NOUN in/ADP Paris/PROPN ./PUNCT",
        "The/DET train/NOUN to/ADP Paris/PROPN is/AUX late/ADJ ./PUNCT",
        "I/PRON must/AUX watch/VERB the/DET play/NOUN and/CCONJ write/VERB ./PUNCT",
        "Anna/PROPN and/CCONJ Ivan/PROPN play/VERB in/ADP the/DET old/ADJ garden/NOUN ./PUNCT",
    ];
    let names = ["Paris", "Anna", "Ivan"];
    let mut text = String::new();
    for n in 0..240 {
        for (i, word) in patterns[n % patterns.len()].split(' ').enumerate() {
            let (mut word, tag) = word.split_once('/').unwrap();
            if tag == "PROPN" {
                word = names[(n / 7 + i) % names.len()];
            }
            text += &format!("{}\t{word}\t_\t{tag}\t_\t_\t_\t_\t_\t_\n", i + 1);
        }
        text.push('\n');
    }
    text
}

/// William Shakespeare, Sonnet 18, several times: a small network can learn it.
fn sonnet() -> String {
    "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\n\
     Rough winds do shake the darling buds of May,\nAnd summer's lease hath all too short a date;\n\
     Sometime too hot the eye of heaven shines,\nAnd often is his gold complexion dimm'd;\n\
     And every fair from fair sometime declines,\nBy chance or nature's changing course untrimm'd;\n\
     But thy eternal summer shall not fade,\nNor lose possession of that fair thou ow'st;\n\
     Nor shall death brag thou wander'st in his shade,\nWhen in eternal lines to time thou grow'st:\n\
     So long as men can breathe or eyes can see,\nSo long lives this, and this gives life to thee.\n\n"
        .repeat(8)
}

/// Twelve years of months with a trend and a season.
fn passengers() -> String {
    let row = |month: usize| {
        let season = (month as f64 / 12.0 * std::f64::consts::TAU).sin();
        let noise = (month * 7919 % 13) as f64 / 13.0;
        let value = (110.0 + 2.6 * month as f64) * (1.0 + 0.18 * season) + 6.0 * noise;
        format!("{}-{:02},{value:.0}\n", 1949 + month / 12, month % 12 + 1)
    };
    (0..144).map(row).fold("Month,Passengers\n".to_owned(), |text, row| text + &row)
}

//! The record of a training in the files of other programs: event files of TensorBoard, and CSV.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{SMALL, ends, metrics, train, unrolled};

/// A field of a protocol buffer.
#[derive(Debug, Clone)]
enum Field {
    Int(u64),
    Bytes(Vec<u8>),
}

impl Field {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Int(_) => panic!("no bytes: {self:?}"),
        }
    }

    fn int(&self) -> u64 {
        match self {
            Self::Int(int) => *int,
            Self::Bytes(_) => panic!("no integer: {self:?}"),
        }
    }
}

/// The fields of a message by their numbers.
type Message = BTreeMap<u64, Vec<Field>>;

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

/// The fields of a message by their numbers, those of fixed size as integers.
fn fields(mut bytes: &[u8]) -> Message {
    let mut all = Message::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let size = match tag & 7 {
            0 => 0,
            1 => 8,
            2 => varint(&mut bytes) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let field = match tag & 7 {
            0 => Field::Int(varint(&mut bytes)),
            kind => {
                let (value, rest) = bytes.split_at(size);
                bytes = rest;
                let int = || value.iter().rev().fold(0, |int, byte| int << 8 | u64::from(*byte));
                if kind == 2 { Field::Bytes(value.to_vec()) } else { Field::Int(int()) }
            }
        };
        all.entry(tag >> 3).or_default().push(field);
    }
    all
}

/// What a folder of event files has: summaries by tag, as steps and tensors; and the steps from which training went on.
#[derive(Debug, Default)]
struct Events {
    summaries: BTreeMap<String, Vec<(u64, Message)>>,
    plugins: BTreeMap<String, String>,
    restarts: Vec<u64>,
    files: usize,
}

impl Events {
    fn read(folder: &Path) -> Self {
        let mut events = Self::default();
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            events.files += 1;
            let bytes = fs::read(path).unwrap();
            let mut rest = bytes.as_slice();
            let mut is_first = true;
            while !rest.is_empty() {
                let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
                let event = fields(&rest[12..12 + length]);
                rest = &rest[12 + length + 4..];
                let step = event.get(&2).map_or(0, |step| step[0].int());
                if std::mem::take(&mut is_first) {
                    assert_eq!(event[&3][0].bytes(), b"brain.Event:2");
                } else if let Some(start) = event.get(&7) {
                    assert_eq!(fields(start[0].bytes())[&1][0].int(), 1);
                    events.restarts.push(step);
                } else {
                    let summary = fields(event[&5][0].bytes());
                    summary[&1].iter().for_each(|value| events.add(step, value.bytes()));
                }
            }
        }
        events
    }

    fn add(&mut self, step: u64, value: &[u8]) {
        let value = fields(value);
        let text = |field: &Field| String::from_utf8(field.bytes().to_vec()).unwrap();
        let tag = text(&value[&1][0]);
        let plugin = fields(fields(value[&9][0].bytes())[&1][0].bytes());
        self.plugins.insert(tag.clone(), text(&plugin[&1][0]));
        self.summaries.entry(tag).or_default().push((step, fields(value[&8][0].bytes())));
    }

    fn steps(&self, tag: &str) -> Vec<u64> {
        self.summaries[tag].iter().map(|(step, _)| *step).collect()
    }

    /// The numbers of a scalar.
    fn scalars(&self, tag: &str) -> Vec<f32> {
        let number = |tensor: &Message| f32::from_bits(tensor[&5][0].int() as u32);
        self.summaries[tag].iter().map(|(_, tensor)| number(tensor)).collect()
    }
}

fn recorded(run: &Path, name: &str) -> Vec<f32> {
    metrics(run)
        .iter()
        .filter(|line| line["kind"] == "step")
        .map(|line| line[name].as_f64().unwrap() as f32)
        .collect()
}

#[test]
fn tensorboard_and_csv_have_what_the_run_has_also_when_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let mut command = train(folder, "word-order", "run", &[&SMALL[..], &["watch.every=4"]].concat());
    command.args(["--headless", "--tensorboard", "board", "--csv", "log.csv"]);
    ends(command, 0);
    let run = folder.join("run");
    let train_events = Events::read(&folder.join("board/train"));
    let loss = recorded(&run, "loss");
    assert_eq!(train_events.steps("batch_loss"), (1..=loss.len() as u64).collect::<Vec<_>>());
    assert_eq!(train_events.scalars("batch_loss"), loss);
    assert_eq!(train_events.steps("epoch_loss"), [0, 1]);
    let validation = Events::read(&folder.join("board/validation"));
    let epochs: Vec<_> = metrics(&run).into_iter().filter(|line| line["kind"] == "epoch").collect();
    let of = |name: &str| epochs.iter().map(|epoch| epoch[name].as_f64().unwrap()).collect::<Vec<_>>();
    let narrow = |values: Vec<f64>| values.into_iter().map(|x| x as f32).collect::<Vec<_>>();
    assert_eq!(validation.scalars("epoch_loss"), narrow(of("val_loss")));
    assert_eq!(validation.steps("evaluation_loss_vs_iterations"), [8, 16]);
    for (tag, plugin) in [
        ("batch_accuracy", "scalars"),
        ("weights/1.recurrent_kernel", "histograms"),
        ("dL_dh_by_time_step/1_simple_rnn", "histograms"),
        ("states/1/1_simple_rnn/h", "images"),
        ("_hparams_/session_start_info", "hparams"),
        ("_hparams_/session_end_info", "hparams"),
    ] {
        assert_eq!(train_events.plugins.get(tag).map(String::as_str), Some(plugin), "{tag}");
    }
    let (_, picture) = &train_events.summaries["states/1/1_simple_rnn/h"][0];
    assert!(picture[&8][2].bytes().starts_with(b"\x89PNG"), "{:?}", picture[&8][2]);
    let csv = fs::read_to_string(folder.join("log.csv")).unwrap();
    let names = "epoch,accuracy,loss,val_accuracy,val_f1,val_loss,val_precision,val_recall";
    assert_eq!(csv.lines().next(), Some(names));
    let values = |csv: &str, column| {
        let lines = csv.lines().skip(1).map(str::to_owned);
        lines.map(|line| line.split(',').nth(column).unwrap().parse().unwrap()).collect::<Vec<f64>>()
    };
    assert_eq!((values(&csv, 0), values(&csv, 5)), (vec![0.0, 1.0], of("val_loss")));
    // Two epochs more: each step once, in another file.
    let more = [
        "resume",
        "run",
        "--headless",
        "--set",
        "train.epochs=4",
        "--tensorboard",
        "board",
        "--csv",
        "log.csv",
    ];
    ends(unrolled(folder, &more), 0);
    let train_events = Events::read(&folder.join("board/train"));
    assert_eq!((train_events.files, train_events.restarts.as_slice()), (2, &[17][..]));
    let loss = recorded(&run, "loss");
    assert_eq!(loss.len(), 32);
    assert_eq!(train_events.steps("batch_loss"), (1..=32).collect::<Vec<_>>());
    assert_eq!(train_events.scalars("batch_loss"), loss);
    assert_eq!(train_events.steps("epoch_loss"), [0, 1, 2, 3]);
    let csv = fs::read_to_string(folder.join("log.csv")).unwrap();
    assert_eq!(values(&csv, 0), [0.0, 1.0, 2.0, 3.0]);
    // Another training keeps the file of this one beside its own.
    let mut command = train(folder, "word-order", "other", &[&SMALL[..], &["train.epochs=1"]].concat());
    command.args(["--headless", "--csv", "log.csv"]);
    ends(command, 0);
    assert_eq!(fs::read_to_string(folder.join("log.csv.1")).unwrap(), csv);
    assert_eq!(values(&fs::read_to_string(folder.join("log.csv")).unwrap(), 0), [0.0]);
}

#[test]
fn the_record_of_a_run_is_exported_as_it_is_written_while_training() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let mut command = train(folder, "word-order", "run", &[&SMALL[..], &["watch.every=4"]].concat());
    command.args(["--headless", "--tensorboard", "live", "--csv", "live.csv"]);
    ends(command, 0);
    let export =
        |board: &str| unrolled(folder, &["export", "run", "--tensorboard", board, "--csv", "later.csv"]);
    let (out, _) = ends(export("later"), 0);
    assert!(out.contains("tensorboard --logdir later"), "{out}");
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(text("later.csv"), text("live.csv"));
    let files = |name: &str| {
        let of = |part: &str| {
            let mut files = fs::read_dir(folder.join(name).join(part)).unwrap();
            fs::read(files.next().unwrap().unwrap().path()).unwrap()
        };
        [of("train"), of("validation")]
    };
    assert_eq!(files("later"), files("live"));
    // A second set would be drawn on top of the first.
    let (_, message) = ends(export("live"), 2);
    assert!(message.contains("live has event files; choose another folder"), "{message}");
    let (_, message) = ends(unrolled(folder, &["export", "run"]), 2);
    assert!(message.contains("--tensorboard") && message.contains("--keras"), "{message}");
}

#[test]
fn several_trainings_have_no_single_record() {
    let dir = tempfile::tempdir().unwrap();
    for option in ["--tensorboard", "--csv"] {
        let mut command = train(dir.path(), "word-order", "run", &SMALL);
        command.args(["--headless", "--seeds", "1..2", option, "x"]);
        let (_, message) = ends(command, 2);
        assert!(message.contains(option) && message.contains("--seeds"), "{message}");
    }
}

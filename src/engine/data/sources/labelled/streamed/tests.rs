use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;
use crate::data::files::encoding::Encoding;
use crate::data::load;
use crate::data::sources::labelled::GivenValidation;
use crate::data::spec::DataSpec;
use crate::data::text::tokenizer::Level;
use crate::data::text::tokens::Side;

const TOKENS: TokenSpec = TokenSpec {
    level: Level::Word,
    ngrams: 1,
    vocabulary: 12,
    length: 3,
    padding: Side::Pre,
    truncating: Side::Pre,
    channels: Vec::new(),
};

/// Rows `from..to`: all texts different, labels in turn.
fn rows(from: usize, to: usize) -> Vec<(String, &'static str)> {
    let text = |n: usize| {
        let words = ["good", "bad", "so", "quite", "dull, really", ""];
        format!("{} {} n{n} {}", words[n % 6], words[n * 7 % 5], words[n / 6 % 6])
    };
    (from..to).map(|n| (text(n), ["yes", "no", "maybe"][n % 3])).collect()
}

fn csv(rows: &[(String, &str)]) -> String {
    rows.iter().fold("text,label\n".into(), |all, (text, label)| all + &format!("\"{text}\",{label}\n"))
}

fn spec(path: PathBuf) -> LabelledSpec {
    LabelledSpec { path, stream: Streaming::Always, ..LabelledSpec::default() }
}

fn written(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn given(path: PathBuf) -> Option<Validation> {
    Some(Validation::Given(GivenValidation { path, ..GivenValidation::default() }))
}

fn opened(spec: &LabelledSpec, limits: MemoryLimits) -> Result<Opened, DataError> {
    scan(spec, (&TOKENS, None), 1, limits, (&ProgressSender::disconnected(), &AtomicBool::new(false)))
}

fn in_memory(spec: &LabelledSpec) -> Data {
    load(&DataSpec::Labelled(spec.clone()), Some(&TOKENS), 1, 1, &mut |_| {}).unwrap()
}

type Row = (Vec<u32>, u32);

fn of_batch(batch: &Batch) -> Vec<Row> {
    let (Inputs::Tokens(ids), Targets::Classes(classes)) = (&batch.inputs, &batch.targets) else {
        panic!("{batch:?}")
    };
    assert_eq!((batch.len(), ids.nrows()), (classes.len(), classes.len()));
    ids.rows().into_iter().map(|row| row.to_vec()).zip(classes.iter().copied()).collect()
}

fn of_dataset(data: &Dataset) -> Vec<Row> {
    let mut batch = Batch::default();
    batch.fill(data, 0..data.len());
    of_batch(&batch)
}

fn epoch(streamed: &mut dyn StreamedSplit, epoch: u64) -> Result<Vec<Row>, DataError> {
    let (mut all, mut batch) = (Vec::new(), Batch::default());
    for number in 0..streamed.batches() {
        streamed.fill(epoch, number, &mut batch)?;
        all.extend(of_batch(&batch));
    }
    Ok(all)
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

fn in_order(
    mut split: Box<dyn StreamedSplit>,
    seed: Option<u64>,
    batch_size: usize,
) -> Box<dyn StreamedSplit> {
    split.set_order(BatchOrder { batch_size, seed, by_length: false });
    split
}

fn shuffled(opened: Opened) -> Box<dyn StreamedSplit> {
    in_order(opened.train.unwrap(), Some(1), 8)
}

#[test]
fn streamed_data_equal_data_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) = (rows(0, 100), rows(90, 130));
    let test = written(&folder, "test.csv", csv(&test));
    let mut packed =
        GzEncoder::new(File::create(folder.path().join("a.csv.gz")).unwrap(), Compression::fast());
    packed.write_all(csv(&train).as_bytes()).unwrap();
    packed.finish().unwrap();
    let lines =
        |of: &dyn Fn(&(String, &str)) -> String| train.iter().map(|row| of(row) + "\n").collect::<String>();
    written(&folder, "d.labels", lines(&|(_, label)| (*label).to_owned()));
    let files = [
        written(&folder, "a.csv", csv(&train)),
        written(&folder, "b.tsv", lines(&|(text, label)| format!("{text}\t{label}"))),
        written(
            &folder,
            "c.jsonl",
            lines(&|(text, label)| format!("{{\"text\": \"{text}\", \"label\": \"{label}\"}}")),
        ),
        written(&folder, "d.txt", lines(&|(text, _)| text.clone())),
        folder.path().join("a.csv.gz"),
    ];
    for file in files {
        let spec = LabelledSpec { validation: given(test.clone()), ..spec(file) };
        let expected = in_memory(&LabelledSpec { stream: Streaming::Never, ..spec.clone() });
        for buffer in [1, 7, 100, 5000] {
            let spec = LabelledSpec { stream: Streaming::Buffered { buffer }, ..spec.clone() };
            let opened = opened(&spec, MemoryLimits::default()).unwrap();
            let data = &opened.data;
            assert_eq!((&data.vocabularies, &data.labels), (&expected.vocabularies, &expected.labels));
            assert_eq!((&data.facts, &data.validation), (&expected.facts, &expected.validation));
            let shared =
                expected.notes.iter().find(|note| note.contains("10 of 40 validation texts")).unwrap();
            assert!(data.notes.contains(shared), "{:?}", data.notes);
            assert!(
                of_dataset(&expected.train).starts_with(&of_dataset(&data.train)) && data.train.len() == HEAD
            );
            let mut streamed = shuffled(opened);
            assert_eq!((streamed.len(), streamed.batches()), (100, 13));
            let (first, second) = (epoch(&mut *streamed, 1).unwrap(), epoch(&mut *streamed, 2).unwrap());
            assert_eq!(first == second, buffer == 1);
            assert_eq!(sorted(first), sorted(of_dataset(&expected.train)));
            assert_eq!(sorted(second), sorted(of_dataset(&expected.train)));
        }
    }
}

#[test]
fn other_encodings_are_streamed_and_errors_name_the_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let text = csv(&rows(0, 60)).replace("good", "хорошо").replace("yes", "да");
    let (koi, gbk): (Encoding, Encoding) = ("koi8-r".parse().unwrap(), "gbk".parse().unwrap());
    let file = written(&folder, "a.csv", encoding_rs::KOI8_R.encode(&text).0);
    let spec = LabelledSpec { encoding: koi, ..spec(file.clone()) };
    let expected = in_memory(&LabelledSpec { stream: Streaming::Never, ..spec.clone() });
    assert_eq!(expected.labels, ["maybe", "no", "да"]);
    let opened_here = opened(&spec, MemoryLimits::default()).unwrap();
    assert_eq!(
        (&opened_here.data.vocabularies, &opened_here.data.labels),
        (&expected.vocabularies, &expected.labels)
    );
    let read = epoch(&mut *shuffled(opened_here), 1).unwrap();
    assert_eq!(sorted(read), sorted(of_dataset(&expected.train)));
    fs::write(&file, [text.replace('х', "x").as_bytes(), b"so\xff\xff,no\n"].concat()).unwrap();
    let message =
        opened(&LabelledSpec { encoding: gbk, ..spec }, MemoryLimits::default()).unwrap_err().to_string();
    assert!(message.contains("expected text encoded as gbk"), "{message}");
}

#[test]
fn order_depends_on_seed_and_epoch_and_any_batch_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(written(&folder, "a.csv", csv(&rows(0, 100))));
    let plain = |spec: &LabelledSpec| opened(spec, MemoryLimits::default()).unwrap();
    let mut unshuffled = in_order(plain(&spec).train.unwrap(), None, 8);
    assert_eq!(
        epoch(&mut *unshuffled, 3).unwrap(),
        of_dataset(&in_memory(&LabelledSpec { stream: Streaming::Never, ..spec.clone() }).train)
    );
    let spec = LabelledSpec { stream: Streaming::Buffered { buffer: 20 }, ..spec };
    let mut streamed = shuffled(plain(&spec));
    let (first, second) = (epoch(&mut *streamed, 1).unwrap(), epoch(&mut *streamed, 2).unwrap());
    assert_ne!(first, second);
    let mut batch = Batch::default();
    // Batches out of order, and epochs that are abandoned.
    for (number, whole, place) in [(2, &second, 5), (1, &first, 12), (1, &first, 0), (1, &first, 1)] {
        streamed.fill(number, place, &mut batch).unwrap();
        assert_eq!(of_batch(&batch), whole[place * 8..whole.len().min(place * 8 + 8)]);
    }
    assert_ne!(epoch(&mut *in_order(plain(&spec).train.unwrap(), Some(2), 8), 1).unwrap(), first);
}

#[test]
fn a_share_is_held_out_by_text_and_copies_stay_on_one_side() {
    let folder = tempfile::tempdir().unwrap();
    // Each text four times, far apart.
    let texts = [rows(0, 300), rows(0, 300), rows(0, 300), rows(0, 300)].concat();
    let path = written(&folder, "a.csv", csv(&texts));
    let whole =
        of_dataset(&in_memory(&LabelledSpec { stream: Streaming::Never, ..spec(path.clone()) }).train);
    let tokens = TokenSpec { vocabulary: 1000, ..TOKENS };
    let mut held = Vec::new();
    for fold in 1..=3 {
        let spec =
            LabelledSpec { validation: Some(Validation::Fold { folds: 3, fold }), ..spec(path.clone()) };
        let opened = scan(
            &spec,
            (&tokens, None),
            1,
            MemoryLimits::default(),
            (&ProgressSender::disconnected(), &AtomicBool::new(false)),
        )
        .unwrap();
        let facts = opened.data.facts.clone();
        assert_eq!(facts.train + facts.validation, 1200);
        assert!(
            (300..500).contains(&facts.validation) && facts.validation.is_multiple_of(4),
            "{}",
            facts.validation
        );
        assert_eq!(facts.classes.iter().map(|class| class.count).sum::<usize>(), facts.train);
        let mut trained = sorted(epoch(&mut *shuffled(opened), 1).unwrap());
        assert_eq!(trained.len(), facts.train);
        trained.dedup();
        assert!(trained.len() < 300);
        held.push(facts.validation);
    }
    assert_eq!(held.iter().sum::<usize>(), whole.len());
    let share = |seed| {
        let spec = LabelledSpec { validation: Some(Validation::Share(0.2)), ..spec(path.clone()) };
        scan(
            &spec,
            (&TOKENS, None),
            seed,
            MemoryLimits::default(),
            (&ProgressSender::disconnected(), &AtomicBool::new(false)),
        )
        .unwrap()
        .data
        .validation
    };
    assert_eq!(share(1), share(1));
    assert_ne!(share(1), share(2));
}

#[test]
fn texts_beyond_the_memory_limits_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, "a.csv", csv(&rows(0, 2000)));
    let spec = LabelledSpec { validation: Some(Validation::Share(0.5)), ..spec(path) };
    let ample = opened(&spec, MemoryLimits::default()).unwrap().data;
    assert!(ample.notes.is_empty(), "{:?}", ample.notes);
    let tight =
        opened(&spec, MemoryLimits { words: 20_000, held_out: 20_000, ..MemoryLimits::default() }).unwrap();
    let [words, held] = tight.data.notes.as_slice() else { panic!("{:?}", tight.data.notes) };
    assert!(words.starts_with("more different words than fit into memory"), "{words}");
    let (all, some) = (ample.facts.validation, tight.data.facts.validation);
    assert!(some > 50 && some < all);
    assert_eq!(
        *held,
        format!(
            "of {all} held-out texts {some} fit into memory, chosen at random by the seed: validation uses these",
            all = number::count(all as u64)
        )
    );
    // Texts that are not validated on are not trained on either, and the frequent words are the same.
    assert_eq!(tight.data.facts.train, ample.facts.train);
    let frequent = |data: &Data| {
        data.vocabularies.as_ref().unwrap().first().words().take(5).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(sorted_words(frequent(&tight.data)), sorted_words(frequent(&ample)));
    let whole = of_dataset(ample.validation.as_ref().unwrap());
    assert_eq!(tight.data.validation.unwrap().len(), some);
    assert_eq!(whole.len(), all);
}

fn sorted_words(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}

#[test]
fn large_validation_data_are_streamed_in_file_order() {
    let folder = tempfile::tempdir().unwrap();
    let test = written(&folder, "test.csv", csv(&rows(90, 200)));
    let spec = LabelledSpec {
        validation: given(test.clone()),
        ..spec(written(&folder, "a.csv", csv(&rows(0, 100))))
    };
    let expected = in_memory(&LabelledSpec { stream: Streaming::Never, ..spec.clone() });
    let opened_all = opened(&spec, MemoryLimits { validation: 0, ..MemoryLimits::default() }).unwrap();
    assert_eq!(opened_all.data.facts, expected.facts);
    let all = of_dataset(expected.validation.as_ref().unwrap());
    assert_eq!(of_dataset(&opened_all.data.validation.unwrap()), all[..HEAD]);
    let mut streamed = in_order(opened_all.validation.unwrap(), None, 32);
    assert_eq!((epoch(&mut *streamed, 0).unwrap(), epoch(&mut *streamed, 0).unwrap()), (all.clone(), all));
    fs::write(&test, csv(&[("good".into(), "never")])).unwrap();
    let message =
        opened(&spec, MemoryLimits { validation: 0, ..MemoryLimits::default() }).unwrap_err().to_string();
    assert!(message.ends_with("test.csv: found only labels that the training data have not, \"never\" (1); expected labels of the training data: \"maybe\", \"no\", \"yes\""), "{message}");
}

#[test]
fn a_changed_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let good = csv(&rows(0, 100));
    let path = written(&folder, "a.csv", &good);
    let since = path.metadata().unwrap().modified().unwrap();
    let spec = LabelledSpec { stream: Streaming::Buffered { buffer: 10 }, ..spec(path.clone()) };
    let message = |content: &str, same_time: bool| {
        fs::write(&path, &good).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(since).unwrap();
        let mut streamed = shuffled(opened(&spec, MemoryLimits::default()).unwrap());
        epoch(&mut *streamed, 1).unwrap();
        fs::write(&path, content).unwrap();
        if same_time {
            File::options().write(true).open(&path).unwrap().set_modified(since).unwrap();
        }
        epoch(&mut *streamed, 2).unwrap_err().to_string()
    };
    let expected =
        "found other data than in the first pass; expected a file that does not change during training";
    let longer = good.clone() + "more,yes\n";
    let swapped = good.replacen(",yes", ",no ", 1);
    let (broken, strange) = (good.replacen(",yes", ";yes", 1), good.replacen("yes", "yez", 1));
    let shorter = csv(&rows(0, 50));
    for (content, same_time, line) in [
        (&longer, false, ""),
        (&longer, true, ""),
        (&shorter, true, ""),
        (&swapped, true, ""),
        (&broken, true, ":2"),
        (&strange, true, ""),
    ] {
        let message = message(content, same_time);
        assert!(message.ends_with(&format!("a.csv{line}: {expected}")), "{message}");
    }
    fs::write(&path, &good).unwrap();
    let mut streamed = shuffled(opened(&spec, MemoryLimits::default()).unwrap());
    fs::remove_file(&path).unwrap();
    assert!(epoch(&mut *streamed, 1).is_err());
}

#[test]
fn pipes_folders_and_files_without_classes_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: PathBuf| {
        let error = opened(&spec(path), MemoryLimits::default()).unwrap_err().to_string();
        error.replace(&folder.path().display().to_string(), "DIR")
    };
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let classes = folder.path().join("classes");
    fs::create_dir(&classes).unwrap();
    let many: String = (0..70_000).map(|n| format!("t,l{n}\n")).collect();
    let entries = [
        ("a pipe", message(pipe)),
        ("a folder", message(classes)),
        ("nothing", message(folder.path().join("none.csv"))),
        ("one class", message(written(&folder, "one.csv", "text,label\na,x\nb,x\n"))),
        ("70,000 classes", message(written(&folder, "many.csv", format!("text,label\n{many}")))),
    ];
    crate::messages::assert_messages("streaming", entries);
    let mut bad = spec(written(&folder, "bad.csv", "text,label\na,x\nb\nc,y\n"));
    bad.skip_bad_rows = true;
    let data = opened(&bad, MemoryLimits::default()).unwrap().data;
    assert_eq!((data.facts.train, data.facts.skipped), (2, 1));
}

#[test]
fn a_file_sorted_by_label_gives_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let mut sorted = rows(0, 300);
    sorted.sort_by_key(|(_, label)| *label);
    let path = written(&folder, "a.csv", csv(&sorted));
    let notes = |buffer| {
        let spec = LabelledSpec { stream: Streaming::Buffered { buffer }, ..spec(path.clone()) };
        opened(&spec, MemoryLimits::default()).unwrap().data.notes
    };
    let message = notes(50);
    assert!(
        message.len() == 1 && message[0].contains("is nearly sorted by label: within 50 rows"),
        "{message:?}"
    );
    assert!(notes(300).is_empty());
}

#[test]
fn the_setting_round_trips() {
    let read = |text: &str| {
        let spec = format!(r#"{{"path":"a","stream":{text}}}"#);
        serde_json::from_str::<LabelledSpec>(&spec).map(|spec| spec.stream).map_err(|e| e.to_string())
    };
    for (text, stream) in [
        ("true", Streaming::Always),
        ("false", Streaming::Never),
        (r#""auto""#, Streaming::Auto),
        (r#"{"buffer":5}"#, Streaming::Buffered { buffer: 5 }),
    ] {
        assert_eq!(read(text), Ok(stream));
        assert_eq!(serde_json::to_string(&stream).unwrap(), text);
    }
    assert!(read(r#""yes""#).unwrap_err().contains("expected true, false, auto, or {buffer: 50000}"));
}

#[test]
fn a_large_file_is_streamed_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, "a.csv", "text,label\n");
    let wanted = |stream| should_stream(&LabelledSpec { stream, ..spec(path.clone()) }).unwrap();
    assert_eq!(
        [wanted(Streaming::Auto), wanted(Streaming::Always), wanted(Streaming::Never)],
        [false, true, false]
    );
    // A sparse file: it takes no space on disk.
    File::options().write(true).open(&path).unwrap().set_len(LARGE + 1).unwrap();
    assert_eq!([wanted(Streaming::Auto), wanted(Streaming::Never)], [true, false]);
}

#[test]
fn the_first_pass_ends_when_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = spec(written(&folder, "a.csv", csv(&rows(0, 100))));
    let stopped = AtomicBool::new(true);
    let message = scan(
        &wanted,
        (&TOKENS, None),
        1,
        MemoryLimits::default(),
        (&ProgressSender::disconnected(), &stopped),
    )
    .unwrap_err();
    assert!(matches!(message, DataError::Read { source, .. } if source.kind() == io::ErrorKind::Interrupted));
    // Work that runs until it is cancelled.
    let work =
        |_: &ProgressSender, stopped: &AtomicBool| while check_stopped(stopped, Path::new("a")).is_ok() {};
    crate::data::progress::run_with_progress(&mut |_| {}, &mut || true, work);
}

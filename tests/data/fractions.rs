//! Training on a part of the training data.

use std::collections::BTreeSet;

use super::*;
use serde_json::{Value, json};
use unrolled::data::{Context, Fraction, Opened};

fn opened(spec: &DataSpec, tokens: Option<&TokenSpec>, fraction: f64) -> Result<Opened, DataError> {
    let context = Context {
        tokens,
        seed: 1,
        streams: 2,
        known: None,
        fraction: Fraction::new(fraction),
        may_stream: true,
        progress: &mut |_| {},
        stop: &mut || false,
    };
    data::open(spec, context)
}

fn spec(source: &str, settings: Value) -> DataSpec {
    DataSpec::read(source, settings).unwrap().unwrap()
}

/// The words that training texts have taught.
fn words(data: &Data) -> BTreeSet<String> {
    let vocabularies = data.vocabularies.as_ref().unwrap();
    let vocabulary = vocabularies.first();
    (Vocabulary::FIRST..vocabulary.len() as u32).map(|id| vocabulary.word(id).to_owned()).collect()
}

#[test]
fn every_source_trains_on_a_part_and_validates_on_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let rows = |row: &dyn Fn(usize) -> String, count: usize| (0..count).map(row).collect::<String>();
    let texts = file("texts.csv", "text,label\n".to_owned() + &rows(&|n| format!("w{n},{}\n", n % 2), 100));
    let tags = file("tags.conll", rows(&|n| format!("w{n}\tN\nv\tV\n\n"), 100));
    let text = file("text.txt", rows(&|n| format!("w{n} "), 401));
    let series =
        file("series.csv", "day,sold\n".to_owned() + &rows(&|n| format!("{},{}\n", n + 1, n * n % 37), 100));
    let sequences = file("a.tsv", rows(&|n| format!("{}\t{n}\t1\t2\n", ["x", "y"][n % 2]), 100));
    let of_texts = tokens(2);
    let of_tags =
        TokenSpec { level: Level::Symbol, padding: Side::Post, truncating: Side::Post, ..tokens(2) };
    let all = TokenSpec { level: Level::Word, vocabulary: 1000, ..of_tags.clone() };
    let task = GeneratedSpec::read("copy-memory", json!({"train": 80, "validation": 20})).unwrap().unwrap();
    let order = GeneratedSpec::read("word-order", json!({"train": 80, "validation": 20})).unwrap().unwrap();
    let sources = [
        (
            spec("labelled", json!({"path": texts, "text": "text", "label": "label", "validation": 0.2})),
            Some(&of_texts),
            80,
        ),
        (spec("tags", json!({"path": tags, "validation": 0.2})), Some(&of_tags), 80),
        // 320 words in two streams, and one more.
        (spec("text", json!({"path": text, "validation": 0.2})), Some(&all), 160),
        (
            spec("sequences", json!({"path": sequences, "length": 3, "features": 1, "validation": 0.2})),
            None,
            80,
        ),
        // The first window of 80 days begins on the first.
        (
            spec(
                "series",
                json!({"path": series, "date": "day", "values": ["sold"], "window": 4, "validation": 0.2}),
            ),
            None,
            76,
        ),
        (DataSpec::Generated(task), None, 80),
        (DataSpec::Generated(order), Some(&of_texts), 80),
    ];
    for (spec, tokens, most) in &sources {
        let name = spec.source().description();
        let of = |fraction| opened(spec, *tokens, fraction).unwrap().data;
        let (whole, half, quarter) = (of(1.0), of(0.5), of(0.25));
        let sizes = [&whole, &half, &quarter].map(|data| data.train.len());
        assert_eq!(sizes, [&whole, &half, &quarter].map(|data| data.facts.train), "{name}");
        let is_window = matches!(spec, DataSpec::Series(_) | DataSpec::Text(_));
        match is_window {
            true => assert!(
                sizes[0] == *most && sizes[1] < most / 2 + 2 && sizes[2] < most / 4 + 2,
                "{name}: {sizes:?}"
            ),
            false => assert_eq!(sizes, [*most, most / 2, most / 4], "{name}"),
        }
        let validation = [&whole, &half, &quarter].map(|data| data.validation.as_ref().unwrap().len());
        assert!(validation[0] > 0 && validation.iter().all(|size| *size == validation[0]), "{name}");
        if !matches!(spec, DataSpec::Text(_)) {
            assert_eq!(half.labels, whole.labels, "{name}");
        }
        assert_eq!(half.train, of(0.5).train, "{name}");
        if let DataSpec::Labelled(_) = spec {
            let counted: usize = half.facts.classes.iter().map(|class| class.count).sum();
            assert_eq!(counted, most / 2, "{name}");
            let [all, some, few] = [&whole, &half, &quarter].map(words);
            assert!(few.is_subset(&some) && some.is_subset(&all) && few.len() < some.len(), "{name}");
        }
    }
    // The last part of a text is trained on: what comes before what is held out.
    let quarter = words(&opened(&sources[2].0, Some(&all), 0.25).unwrap().data);
    assert!(quarter.contains("w319") && !quarter.contains("w100"), "{quarter:?}");
}

#[test]
fn streamed_texts_are_not_divided() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.csv");
    std::fs::write(&path, "text,label\na,0\nb,1\n").unwrap();
    let spec = DataSpec::Labelled(LabelledSpec { stream: unrolled::data::Streaming::Always, ..csv(&path) });
    let error = opened(&spec, Some(&tokens(2)), 0.5).unwrap_err().to_string();
    assert!(error.contains("train.fraction") && error.contains("data.stream: false"), "{error}");
    assert!(opened(&spec, Some(&tokens(2)), 1.0).is_ok());
}

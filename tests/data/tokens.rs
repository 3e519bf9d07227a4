//! Token ids and rows: Keras's answers on the same text.

use serde::Deserialize;

use super::*;

#[test]
fn rows_that_do_not_fit_in_memory_are_an_error() {
    let spec = DataSpec::Labelled(csv(here("good.csv")));
    for length in [usize::MAX, usize::MAX / 8, 1 << 58] {
        let error = data::load(&spec, Some(&tokens(length)), 1, 1, &mut |_| {}).unwrap_err();
        assert!(error.to_string().starts_with("tokens.length: found"), "{error}");
    }
}

#[derive(Deserialize)]
struct Keras {
    texts: Vec<String>,
    unseen: Vec<String>,
    cases: Vec<Case>,
    pad_sequences: Vec<Padded>,
}

#[derive(Deserialize)]
struct Case {
    vocabulary: usize,
    words: Vec<String>,
    ids: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
struct Padded {
    length: usize,
    padding: Side,
    truncating: Side,
    rows: Vec<Vec<u32>>,
}

#[test]
fn words_ids_and_rows_equal_those_of_keras() {
    let keras: Keras = serde_json::from_str(include_str!("../keras/text_vectorization.json")).unwrap();
    for case in &keras.cases {
        let vocabulary = Vocabulary::build(keras.texts.iter().map(String::as_str), case.vocabulary);
        let ids: Vec<_> = keras
            .texts
            .iter()
            .chain(&keras.unseen)
            .map(|text| vocabulary.encode(text, Level::Word))
            .collect();
        assert_eq!(ids, case.ids);
        assert_eq!(Vec::from(vocabulary), case.words);
    }
    for padded in keras.pad_sequences {
        let Padded { length, padding, truncating, rows } = padded;
        let spec = TokenSpec { length, padding, truncating, ..tokens(1) };
        let ids = &keras.cases[0].ids;
        assert_eq!(ids.iter().map(|ids| spec.pad(ids)).collect::<Vec<_>>(), rows, "{spec:?}");
    }
}

#[test]
fn training_and_prediction_read_the_same_ngrams() {
    let texts = ["not bad at all", "bad", "at all bad, not", ""];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let rows = texts.iter().zip(["x", "y", "x", "y"]).map(|(text, label)| format!("\"{text}\",{label}\n"));
    std::fs::write(&path, "text,label\n".to_owned() + &rows.collect::<String>()).unwrap();
    for (level, length) in [(Level::Word, 6), (Level::Character, 30)] {
        let spec = TokenSpec { level, ngrams: 3, ..tokens(length) };
        let data =
            data::load(&DataSpec::Labelled(csv(path.clone())), Some(&spec), 1, 1, &mut |_| {}).unwrap();
        let vocabulary = data.vocabularies.as_ref().unwrap().first();
        let rows = data.train.inputs.tokens().unwrap();
        for (text, row) in texts.iter().zip(rows.rows()) {
            assert_eq!(row.to_vec(), spec.pad(&vocabulary.encode(text, spec.tokenizer())), "{text}");
        }
        let known = if level == Level::Word { "at all" } else { "bad" };
        assert!(vocabulary.id(known).is_some(), "{known}");
    }
}

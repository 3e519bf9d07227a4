use std::fs;

use crate::data::DataSpec;
use crate::inspect::LookOptions;
use crate::preset::{Overrides, RunSpec, load};

use super::*;

/// The preset that `files` get, saved as `to`; what was looked at is the first of them.
fn preset_of(files: &[(&str, String)], to: &str) -> (RunSpec, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let to = folder.path().join(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let looked_at = folder.path().join(files[0].0.split('/').next().unwrap());
    let draft = draft(&looked_at, &LookOptions::default(), Some(&to)).unwrap();
    let text = draft.preset.unwrap();
    fs::write(&to, &text).unwrap();
    let spec =
        load(to.to_str().unwrap(), &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}")).spec;
    (spec, text)
}

fn rows(classes: usize, of: impl Fn(usize, &str) -> String) -> String {
    (0..60).map(|n| of(n, ["first", "second", "third"][n % classes])).collect()
}

#[test]
fn every_kind_has_a_preset_that_can_be_trained() {
    let labelled = |spec: &RunSpec| matches!(spec.data, DataSpec::Labelled(_));
    let (spec, text) = preset_of(
        &[("a.csv", "text,label\n".to_owned() + &rows(2, |n, l| format!("a {l} text {n},{l}\n")))],
        "a.yaml",
    );
    assert!(labelled(&spec) && text.contains("activation: sigmoid"), "{text}");
    let (spec, text) =
        preset_of(&[("a.tsv", rows(3, |n, l| format!("a {l} text {n}\t{l}\n")))], "sub/a.yaml");
    assert!(labelled(&spec) && text.contains("units: 3, activation: softmax"), "{text}");
    let (spec, _) = preset_of(
        &[("a.jsonl", rows(2, |n, l| format!("{{\"text\": \"a {l} text {n}\", \"label\": \"{l}\"}}\n")))],
        "a.yaml",
    );
    assert!(labelled(&spec));
    let (spec, text) = preset_of(
        &[
            ("n/x.txt", rows(1, |n, _| format!("Ann{n}\n"))),
            ("n/y.txt", rows(1, |n, _| format!("Otto{n}\n"))),
        ],
        "a.yaml",
    );
    assert!(labelled(&spec) && text.contains("level: character"), "{text}");
    let (spec, _) = preset_of(
        &[
            ("a.txt", rows(1, |n, l| format!("a {l} text {n}\n"))),
            ("a.labels", rows(2, |_, l| format!("{l}\n"))),
        ],
        "a.yaml",
    );
    assert!(labelled(&spec));
    let (spec, _) = preset_of(&[("a.conllu", rows(1, |n, _| format!("the D\ncat{n} N\n\n")))], "a.yaml");
    assert!(matches!(spec.data, DataSpec::Tags(_)));
    let (spec, _) = preset_of(
        &[("a.txt", rows(1, |n, _| format!("And then, he said{} there came {n} more.\n", [",", ""][n % 2])))],
        "a.yaml",
    );
    assert!(matches!(spec.data, DataSpec::Text(_)));
    let month = |n: usize| format!("{}-{:02},{},{}\n", 1950 + n / 12, n % 12 + 1, n * n + 5, n % 12);
    let (spec, _) = preset_of(&[("a.csv", "m,x,y\n".to_owned() + &rows(1, |n, _| month(n)))], "a.yaml");
    let DataSpec::Series(series) = &spec.data else { panic!("a series") };
    assert_eq!((series.values.len(), series.difference), (2, true));
}

/// What one may know of each text: whether its number is even, and whether three divides it.
fn labels(n: usize) -> Vec<&'static str> {
    [(2, "even"), (3, "third")].into_iter().filter(|(by, _)| n.is_multiple_of(*by)).map(|(_, l)| l).collect()
}

#[test]
fn several_labels_at_once_have_a_preset_that_can_be_trained() {
    let table = |between: &str| {
        "text,topics\n".to_owned() + &rows(1, |n, _| format!("a text {n},\"{}\"\n", labels(n).join(between)))
    };
    let list = |n| serde_json::json!({"text": format!("a text {n}"), "label": labels(n)}).to_string() + "\n";
    let marks = |n| ["even", "third", "none"].map(|label| u8::from(labels(n).contains(&label)).to_string());
    let marked = |n| format!("a text {n},{}\n", marks(n).join(","));
    for (files, written) in [
        (vec![("a.csv", table("|"))], &["  separator: \"|\""][..]),
        (vec![("a.csv", table(", "))], &["  separator: \",\""]),
        (vec![("a.jsonl", rows(1, |n, _| list(n)))], &["multi_label: true"]),
        // What no text has is left out.
        (
            vec![("a.csv", "text,even,third,none\n".to_owned() + &rows(1, |n, _| marked(n)))],
            &["  label_columns: [even, third]"],
        ),
        (
            vec![
                ("a.txt", rows(1, |n, _| format!("a text {n}\n"))),
                ("a.labels", rows(1, |n, _| labels(n).join(";") + "\n")),
            ],
            &["  separator: \";\"", "source: lines"],
        ),
    ] {
        let (spec, text) = preset_of(&files, "a.yaml");
        assert!(written.iter().all(|line| text.contains(line)), "{text}");
        assert!(text.contains("units: 2, activation: sigmoid") && text.contains("of the 2 labels"), "{text}");
        assert!(matches!(spec.data, DataSpec::Labelled(_)));
    }
}

#[test]
fn names_and_texts_that_yaml_minds_do_not_break_the_preset() {
    let odd = "we: \"ird\" #1 \u{1b}[2J";
    let table = format!("\"{}\",'{odd}'\n", odd.replace('"', "\"\""));
    let table = table.replace('\'', "\"").replace("\"we: \"ird\"", "\"l: \"\"ird\"\"");
    let body = rows(2, |n, l| format!("\"text: #{n} - 'of' a {l} kind, \\ {{x}} [y] \u{7}\",{l}\n"));
    let (spec, _) = preset_of(&[("a b: #.csv", table + &body)], "o d/a: #b.yaml");
    let DataSpec::Labelled(labelled) = &spec.data else { panic!("labelled texts") };
    assert!(labelled.path.ends_with("a b: #.csv"), "{labelled:?}");
}

#[test]
fn a_preset_is_called_after_its_data() {
    for (path, name) in [
        ("/x/imdb-train.csv.gz", "imdb-train"),
        ("names", "names"),
        ("a b$c.tsv", "a-b-c"),
        ("/", "mine"),
        ("--.txt", "mine"),
        (".csv", "csv"),
        ("Über.txt", "Über"),
    ] {
        assert_eq!(name_of(Path::new(path)), name);
    }
}

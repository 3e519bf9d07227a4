//! Texts as people pass them round: labels within lines, tagged words, divided data, and what is none of these.

use super::*;
use crate::data::beside::Beside;
use crate::data::sources::labelled::GivenValidation;
use crate::data::text::tokenizer::Level;

const TEXTS: [&str; 4] =
    ["the soup was cold, and late", "a fine little place", "not bad at all", "well - never again"];

/// Lines with one of `labels` each.
fn lines(labels: &[&str], line: impl Fn(&str, &str, usize) -> String) -> String {
    (0..60).map(|n| line(labels[n % labels.len()], TEXTS[n % 4], n)).collect()
}

fn task(task: TaskHint) -> InspectOptions {
    InspectOptions { task: Some(task), ..InspectOptions::default() }
}

fn doubt(inspection: Inspection) -> String {
    inspection.detected.map(|found| format!("{found:?}")).unwrap_err()
}

#[test]
fn a_label_before_or_behind_each_text_is_its_class_in_any_encoding() {
    let first = lines(&["0", "1"], |label, text, n| format!("{label} {text} {n} x\n"));
    let commas = lines(&["pos", "neg"], |label, text, n| format!("{label},{text}, {n} x\n"));
    let last = lines(&["pos", "neg"], |label, text, n| format!("{n} {text} {label}\n"));
    let trec = lines(&["DESC:manner", "NUM:date"], |label, text, n| format!("{label} {text} {n} ?\n"));
    let tabs = lines(&["0", "1"], |label, text, n| format!("{label}\t{text}{}{n} x\n", "\t".repeat(n % 3)));
    for (text, format, separator) in [
        (first.clone(), Format::LabelFirst, None),
        (first.replace('\n', "\r\n"), Format::LabelFirst, None),
        (format!("\u{feff}{first}"), Format::LabelFirst, None),
        (first.replace('\n', "\n\n"), Format::LabelFirst, None),
        (commas, Format::LabelFirst, Some(',')),
        (trec, Format::LabelFirst, None),
        (tabs, Format::LabelFirst, None),
        (last, Format::LabelLast, None),
    ] {
        let inspection = inspect_bytes("shops.all", text.as_bytes());
        assert_eq!((inspection.findings.rows, inspection.findings.classes.len()), (60, 2), "{text}");
        assert!(inspection.findings.classes.iter().all(|class| class.count == 30));
        let spec = labelled(inspection);
        assert_eq!((spec.format, spec.delimiter), (Some(format), separator), "{text}");
    }
    let latin: Vec<u8> = first.replace("fine", "fin\u{e9}").chars().map(|c| c as u8).collect();
    let spec = labelled(inspect_bytes("latin.txt", &latin));
    assert_eq!(spec.format, Some(Format::LabelFirst));
    assert_ne!(spec.encoding, Encoding::Utf8);
}

#[test]
fn labels_of_fasttext_are_one_or_several() {
    let one = lines(&["good", "bad"], |label, text, n| format!("__label__{label} {text} {n}\n"));
    let spec = labelled(inspect_bytes("a.txt", one.as_bytes()));
    assert_eq!((spec.format, spec.multi_label), (Some(Format::FastText), false));
    let several =
        lines(&["a", "b", "c"], |label, text, n| format!("__label__{label} __label__x {text} {n}\n"));
    let inspection = inspect_bytes("a.txt", several.as_bytes());
    assert!(inspection.findings.several && inspection.findings.classes.len() == 4);
    assert!(labelled(inspection).multi_label);
}

#[test]
fn an_arff_file_has_attributes() {
    let rows = lines(&["pos", "neg"], |label, text, n| format!("{n},'{text} {n}',{label}\n"));
    let text = format!(
        "@relation x\n@attribute id numeric\n@attribute words string\n@attribute mood {{pos,neg}}\n@data\n{rows}"
    );
    for name in ["a.arff", "a.txt"] {
        let inspection = inspect_bytes(name, text.as_bytes());
        let roles: Vec<&str> =
            inspection.findings.columns.iter().map(|column| column.role.as_str()).collect();
        assert_eq!(roles, ["", "text", "label"]);
        assert_eq!(labelled(inspection).label, Some("mood".into()));
    }
}

#[test]
fn words_with_columns_are_tagged_by_the_last_or_the_one_that_is_named() {
    let text = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ B-NP B-MISC\ncall NN I-NP O\n\n".repeat(6);
    let files = Files::new(&[("conll2003.txt", text.as_bytes())]);
    let found = files.inspect("conll2003.txt");
    let tags: Vec<&str> = found.findings.classes.iter().map(|class| class.label.as_str()).collect();
    assert_eq!((found.findings.rows, tags), (6, vec!["B-MISC", "B-ORG", "O"]));
    let fact = |name: &str| {
        found.findings.facts.iter().find(|(fact, _)| fact == name).map(|(_, fact)| fact.as_str())
    };
    assert_eq!(fact("documents"), Some("6"));
    assert!(
        fact("format")
            .unwrap()
            .starts_with("4 columns between blanks: the word is in column 1, the tag in column 4; --tag N")
    );
    assert!(fact("metrics").unwrap().contains("conlleval"));
    let options = InspectOptions { tag: Some(Column::Number(2)), ..InspectOptions::default() };
    let found = files.inspect_with("conll2003.txt", &options);
    assert_eq!(found.findings.classes.len(), 4);
    let Ok(DetectedData::Tags { spec, .. }) = found.detected else { panic!("tags") };
    assert_eq!(spec.tag, Some(Column::Number(2)));
    let latin = inspect_bytes(
        "esp.train",
        &"el DA O\nni\u{f1}o NC B-X\n\n".repeat(30).chars().map(|c| c as u8).collect::<Vec<_>>(),
    );
    assert_eq!((latin.findings.rows, latin.findings.classes.len()), (30, 2));
    assert!(
        matches!(latin.detected, Ok(DetectedData::Tags { spec, .. }) if spec.encoding == Encoding::Latin1)
    );
}

#[test]
fn a_folder_of_tables_or_treebanks_is_no_folder_of_classes() {
    let bank = b"1\tBirds\tbird\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tsing\tsing\tVERB\t_\t_\t0\troot\t_\t_\n\n"
        .repeat(30);
    let table = b"date,load\n2020-01-01,21\n2020-01-02,45\n2020-01-03,44\n";
    let posts = b"{\"text\": \"a\", \"label\": \"b\"}\n".repeat(9);
    let files = Files::new(&[
        ("bank/x-dev.conllu", &bank),
        ("bank/x-train.conllu", &bank),
        ("parts/1.conllu", &bank),
        ("parts/2.conllu", &bank),
        ("tables/a.csv", table),
        ("tables/b.csv", table),
        ("same/a.txt", table),
        ("same/b.txt", table),
        ("json/a.json", &posts),
        ("classes/a.txt", b"Smith, John\nDoe, Jane\nRoe, Al\n"),
        ("classes/b.txt", b"Ivanov, Ivan\nPetrov, Petr\nOrlov, O\n"),
    ]);
    let found = files.inspect("bank");
    let Ok(DetectedData::Tags { spec, .. }) = found.detected else { panic!("tags") };
    assert!(spec.path.ends_with("x-train.conllu"));
    assert!(
        matches!(spec.validation, Some(Validation::Given(given)) if given.path.ends_with("x-dev.conllu"))
    );
    let refused =
        |name: &str| inspect(&files.path(name), &InspectOptions::default()).unwrap_err().to_string();
    assert!(
        refused("parts")
            .contains("2 files of tagged sentences; expected one file of tagged sentences: name it; cat")
    );
    for name in ["tables", "same"] {
        assert!(
            refused(name).contains("2 files with columns, a table each; expected one table: name it"),
            "{}",
            refused(name)
        );
    }
    assert!(refused("json").contains("1 file of JSON lines"));
    assert_eq!(files.inspect("classes").findings.classes.len(), 2);
    for (hint, says) in
        [(TaskHint::Tag, "--task tag reads one file"), (TaskHint::Language, "--task language reads one file")]
    {
        let message = inspect(&files.path("classes"), &task(hint)).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn texts_whose_words_have_many_forms_are_read_as_characters() {
    let texts = |form: &dyn Fn(usize) -> String| -> String {
        (0..2000).map(|n| format!("{}\tthe film is {}\n", ["good", "bad"][n % 2], form(n))).collect()
    };
    for (form, expected) in [
        (&(|n| format!("long{n}a dull{n}b new{n}c")) as &dyn Fn(usize) -> String, Level::Character),
        (&|n| format!("long{}a dull{}b new{}c", n % 90, n % 80, n % 70), Level::Word),
    ] {
        let inspection = inspect_bytes("films.tsv", texts(form).as_bytes());
        let note = inspection.findings.notes.iter().any(|note| {
            note == "6,000 of 12,000 words occur only once: the texts are read by characters, which tell more of words with many forms"
        });
        assert_eq!(note, expected == Level::Character, "{:?}", inspection.findings.notes);
        assert!(matches!(inspection.detected, Ok(DetectedData::Texts { level, .. }) if level == expected));
    }
}

#[test]
fn short_phrases_are_read_as_words_and_names_as_characters() {
    let level = |rows: &str| match inspect_bytes("a.tsv", rows.as_bytes()).detected {
        Ok(DetectedData::Texts { level, .. }) => level,
        other => panic!("{other:?}"),
    };
    let words = ["good", "bad", "nice", "rude", "kind"];
    let degrees = ["very", "so", "not", "quite", "rather", "really", "too", "hardly"];
    let phrases: String =
        (0..40).map(|n| format!("{}\t{} {}\n", n % 2, degrees[n % 8], words[n % 5])).collect();
    assert_eq!(level(&phrases), Level::Word);
    let names: String = (0..40).map(|n| format!("{}\tName{n}son\n", n % 2)).collect();
    assert_eq!(level(&names), Level::Character);
    let full: String = (0..40).map(|n| format!("{}\tAb{n}r Cd{n}son\n", n % 2)).collect();
    assert_eq!(level(&full), Level::Character);
    let chinese: String = (0..40)
        .map(|n| format!("{}\t很好的电影{}\n", n % 2, ["吗", "呢", "吧"].concat().repeat(n)))
        .collect();
    assert_eq!(level(&chinese), Level::Character);
}

#[test]
fn a_task_is_obeyed_or_refused_with_what_is_missing() {
    let prose =
        "It was a bright cold day in April, and the clocks were striking thirteen.\n\nHe said nothing.\n"
            .repeat(20);
    let log: String =
        (0..60).map(|n| format!("2024-01-01 12:00:{n:02} INFO {} started\n", TEXTS[n % 4])).collect();
    let labels = lines(&["0", "1"], |label, text, n| format!("{label} {text} {n} x\n"));
    let talk = lines(&["Ann", "Bob"], |label, text, n| format!("{label}: {text} {n} x\n"));
    let files = Files::new(&[
        ("prose.txt", prose.as_bytes()),
        ("log.txt", log.as_bytes()),
        ("labels.txt", labels.as_bytes()),
        ("talk.txt", talk.as_bytes()),
        ("dna.txt", &b"GATTACACCAGTCCATTAGCATGATTAGACCAGATAGATTACACCAGTCCATTAGC\n".repeat(20)),
    ]);
    assert!(matches!(files.inspect("prose.txt").detected, Ok(DetectedData::Text { .. })));
    let refused = doubt(files.inspect_with("prose.txt", &task(TaskHint::Classify)));
    assert!(refused.starts_with("--task classify finds no labels"), "{refused}");
    let tagged = inspect(&files.path("prose.txt"), &task(TaskHint::Tag)).unwrap_err().to_string();
    assert!(tagged.contains("column"), "{tagged}");
    for name in ["log.txt", "dna.txt"] {
        assert!(doubt(files.inspect(name)).contains("--task language trains a language model on it"));
    }
    for name in ["log.txt", "labels.txt", "talk.txt", "dna.txt"] {
        let found = files.inspect_with(name, &task(TaskHint::Language));
        assert!(matches!(found.detected, Ok(DetectedData::Text { .. })), "{name}");
    }
    let asked = doubt(files.inspect("talk.txt"));
    assert!(asked.contains("begin with one of \"Ann\", \"Bob\": with --task classify"), "{asked}");
    assert_eq!(labelled(files.inspect_with("talk.txt", &task(TaskHint::Classify))).delimiter, Some(':'));
}

#[test]
fn dev_validates_and_test_is_named_for_the_evaluation() {
    let rows =
        |labels: &[&str]| lines(labels, |label, text, n| format!("{label}\t{text} {n}\n")).into_bytes();
    let two = rows(&["0", "1"]);
    let files = Files::new(&[
        ("z.train.tsv", &two),
        ("z.dev.tsv", &rows(&["0", "1", "2"])),
        ("z.test.tsv", &two),
        ("y.train.tsv", &two),
        ("y.test.tsv", &two),
        ("w.train.txt", &b"It was a bright cold day in April, and he was not at home.\n".repeat(90)),
        ("w.valid.txt", &b"It was a dark cold day in April, and he was not at home.\n".repeat(9)),
        ("w.test.txt", b"x"),
    ]);
    let given = |spec: &LabelledSpec| match &spec.validation {
        Some(Validation::Given(GivenValidation { path, .. })) => {
            path.file_name().unwrap().to_string_lossy().into_owned()
        }
        other => panic!("{other:?}"),
    };
    let found = files.inspect("z.train.tsv");
    assert_eq!(found.findings.test, Some(files.path("z.test.tsv")));
    let notes = found.findings.notes.join("\n");
    assert!(
        notes.contains(
            "20 texts of z.dev.tsv have labels that the training data have not, and count as wrong: \"2\""
        ),
        "{notes}"
    );
    assert!(
        notes.contains("60 of 60 texts of z.dev.tsv also appear in the training data: metrics say little"),
        "{notes}"
    );
    assert_eq!(given(&labelled(found)), "z.dev.tsv");
    let found = files.inspect("y.train.tsv");
    assert_eq!(found.findings.test, None);
    assert!(found.findings.notes.iter().any(|note| note.starts_with("only test data lie beside the training data: y.test.tsv validates")));
    assert_eq!(given(&labelled(found)), "y.test.tsv");
    let found = files.inspect("w.train.txt");
    assert_eq!(found.findings.test, Some(files.path("w.test.txt")));
    assert!(
        matches!(found.detected, Ok(DetectedData::Text { spec, .. }) if matches!(&spec.validation, Validation::Given(given) if given.path.ends_with("w.valid.txt")))
    );
    assert_eq!(Beside::of(&files.path("z.train.tsv")).validation, Some(files.path("z.dev.tsv")));
}

#[test]
fn labels_that_differ_by_case_and_empty_texts_are_said() {
    let rows: String = (0..40)
        .map(|n| {
            format!(
                "{},{}\n",
                ["Pos", "pos", "neg"][n % 3],
                if n % 4 == 0 { String::new() } else { format!("text number {n}") }
            )
        })
        .collect();
    let notes = inspect_bytes("a.csv", format!("label,text\n{rows}").as_bytes()).findings.notes.join("\n");
    assert!(notes.contains("labels that differ by the case of their letters only are different ones: \"Pos\" (14) and \"pos\" (13)"), "{notes}");
    assert!(notes.contains("10 of 40 texts are empty"), "{notes}");
}

#[test]
fn a_task_that_a_file_cannot_have_is_refused_with_the_reason() {
    let bank = b"1\tBirds\tbird\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tsing\tsing\tVERB\t_\t_\t0\troot\t_\t_\n\n"
        .repeat(30);
    let posts: String = (0..60)
        .map(|n| format!("{{\"text\": \"{} {n}\", \"label\": \"{}\"}}\n", TEXTS[n % 4], n % 2))
        .collect();
    let rows = lines(&["pos", "neg"], |label, text, n| format!("'{text} {n}',{label}\n"));
    let arff = format!("@relation x\n@attribute words string\n@attribute mood {{pos,neg}}\n@data\n{rows}");
    let files = Files::new(&[
        ("bank/x-dev.conllu", &bank),
        ("bank/x-train.conllu", &bank),
        ("a.jsonl", posts.as_bytes()),
        ("a.arff", arff.as_bytes()),
    ]);
    for (name, hint, says) in [
        ("a.jsonl", TaskHint::Forecast, "JSON lines; expected --task forecast reads a table"),
        ("a.arff", TaskHint::Forecast, "an ARFF file; expected --task forecast reads a table"),
        ("bank/x-train.conllu", TaskHint::Forecast, "--task forecast reads a table"),
        ("bank/x-train.conllu", TaskHint::Classify, "--task tag learns the tags of the words"),
        ("bank", TaskHint::Classify, "--task tag learns the tags of the words"),
    ] {
        let message = inspect(&files.path(name), &task(hint)).unwrap_err().to_string();
        assert!(message.contains(says), "{name}: {message}");
    }
    assert!(inspect(&files.path("bank"), &task(TaskHint::Tag)).unwrap().detected.is_ok());
    assert!(inspect(&files.path("a.arff"), &task(TaskHint::Classify)).unwrap().detected.is_ok());
}

#[test]
fn numbered_verses_are_a_doubt_and_no_tags_that_names_the_tasks() {
    let verse =
        |n: usize| format!("{} the {} sea was cold and {} of the night fell.\n", n % 21 + 1, n * 7, n * 3);
    let text: String = (0..252).map(verse).collect();
    let files = Files::new(&[("verses.txt", text.as_bytes())]);
    let says = doubt(files.inspect("verses.txt"));
    assert!(says.contains("--task classify") && says.contains("--task language"), "{says}");
}

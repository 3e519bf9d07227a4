//! Presets for the user's own data: written, trained, and errors.

use super::*;

fn rows(of: impl Fn(usize, &str) -> String) -> String {
    (0..80).map(|n| of(n, if n.is_multiple_of(2) { "good" } else { "bad" })).collect()
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn data_of_every_kind_get_a_preset_that_trains() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put(
        at,
        "table.csv",
        &("opinion,mood\n".to_owned() + &rows(|n, l| format!("\"it was {l}, really {n}\",{l}\n"))),
    );
    put(at, "objects.jsonl", &rows(|n, l| format!("{{\"text\": \"it was {l} {n}\", \"label\": \"{l}\"}}\n")));
    put(at, "names/a.txt", &rows(|n, l| format!("{l}{n}\n")));
    put(at, "names/b.txt", &rows(|n, l| format!("{n}{l}\n")));
    put(at, "lines.txt", &rows(|n, l| format!("it was {l} {n}\n")));
    put(at, "lines.labels", &rows(|_, l| format!("{l}\n")));
    put(at, "words.conllu", &rows(|_, l| format!("a DET\n{l} ADJ\nfilm NOUN\n\n")));
    put(
        at,
        "prose.txt",
        &rows(|n, l| {
            format!("And then{} said the {l} one, there were {n}.\n", [",", " it was,", " he"][n % 3])
        }),
    );
    let month = |n: usize| format!("{}-{:02};{}\n", 1950 + n / 12, n % 12 + 1, n % 12);
    put(at, "sold.csv", &("month;sold\n".to_owned() + &rows(|n, _| month(n))));
    let wave = |n: usize| format!("{}\t{}\n", n % 2, ["1\t2\t1\t0\t1", "1\t0\t1\t2\t1"][n % 2]);
    put(at, "Waves_TRAIN.tsv", &rows(|n, _| wave(n)));
    put(at, "Waves_TEST.tsv", &rows(|n, _| wave(n)));
    let labels = |n: usize, between| match n % 4 {
        0 => format!("round{between}red"),
        1 => "red".to_owned(),
        2 => "round".to_owned(),
        _ => String::new(),
    };
    put(
        at,
        "several.csv",
        &("text,tags\n".to_owned() + &rows(|n, l| format!("a {l} {n},{}\n", labels(n, "|")))),
    );
    put(
        at,
        "lists.jsonl",
        &rows(|n, l| {
            let all = labels(n, "|");
            let all: Vec<&str> = all.split('|').filter(|label| !label.is_empty()).collect();
            serde_json::json!({"text": format!("a {l} {n}"), "topics": all}).to_string() + "\n"
        }),
    );
    let marks = |n: usize| format!("{},{}", u8::from(n % 4 < 2), u8::from(n.is_multiple_of(2)));
    put(
        at,
        "marks.csv",
        &("id,text,red,round\n".to_owned() + &rows(|n, l| format!("{n},a {l} {n},{}\n", marks(n)))),
    );
    for (path, name, message) in [
        ("several.csv", "several", "tags  labels  3 different values, several at once"),
        ("lists.jsonl", "lists", "topics  labels  lists, several at once"),
        ("marks.csv", "marks", "round  labels  0 or 1"),
        ("Waves_TRAIN.tsv", "Waves_TRAIN", "labelled sequences of numbers: 80 sequences"),
        ("table.csv", "table", "opinion  text"),
        ("objects.jsonl", "objects", "JSON lines: 80 texts"),
        ("names", "names", "a folder of classes: 160 texts"),
        ("lines.txt", "lines", "a text a line: 80 texts"),
        ("words.conllu", "words", "sentences with a tag at every word: 80 sentences"),
        ("prose.txt", "prose", "one long text"),
        ("sold.csv", "sold", "repeats every 12 rows"),
    ] {
        let (out, _) = ends(unrolled(at, &["new", path]), 0);
        let preset = format!("{name}.yaml");
        assert!(out.contains(message) && out.ends_with(&format!("unrolled train {preset}\n")), "{out}");
        let (out, _) = ends(train(at, &preset, &format!("runs/{name}"), &["train.epochs=1"]), 0);
        assert!(out.contains("loss"), "{out}");
    }
}

#[test]
fn an_existing_file_is_not_overwritten_and_stdout_has_the_preset_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put(at, "mine.tsv", &rows(|n, l| format!("it was {l} {n}\t{l}\n")));
    put(at, "mine.yaml", "mine");
    let (_, err) = ends(unrolled(at, &["new", "mine.tsv"]), 2);
    assert!(err.contains("mine.yaml: already exists: --force overwrites it"), "{err}");
    assert_eq!(fs::read(at.join("mine.yaml")).unwrap(), b"mine");
    let (out, _) = ends(unrolled(at, &["new", "mine.tsv", "--out", "-"]), 0);
    ends(unrolled(at, &["new", "mine.tsv", "--force"]), 0);
    assert_eq!(fs::read_to_string(at.join("mine.yaml")).unwrap(), out);
    fs::create_dir(at.join("sub")).unwrap();
    // A symbolic link is followed; anything but a regular file is never replaced.
    std::os::unix::fs::symlink("../mine.yaml", at.join("sub/link.yaml")).unwrap();
    fs::write(at.join("mine.yaml"), "old").unwrap();
    ends(unrolled(at, &["new", "mine.tsv", "--out", "sub/link.yaml", "--force"]), 0);
    assert!(fs::read_to_string(at.join("mine.yaml")).unwrap().starts_with("# Written by"));
    assert!(fs::symlink_metadata(at.join("sub/link.yaml")).unwrap().is_symlink());
    let _socket = std::os::unix::net::UnixListener::bind(at.join("socket")).unwrap();
    for other in ["socket", "sub"] {
        let (_, err) = ends(unrolled(at, &["new", "mine.tsv", "--out", other, "--force"]), 2);
        assert!(err.contains(&format!("{other}: not a file")), "{err}");
    }
    ends(unrolled(at, &["new", "mine.tsv", "--out", "sub/x.yaml"]), 0);
    ends(train(at, "sub/x.yaml", "run", &["train.epochs=1"]), 0);
}

#[test]
fn unusable_data_are_an_error_with_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put(
        at,
        "two.csv",
        &("said,mood,site\n".to_owned() + &rows(|n, l| format!("it was a {l} one {n},{l},{}\n", n / 2 % 2))),
    );
    put(at, "empty.csv", "");
    put(at, "one.csv", &("text,label\n".to_owned() + &rows(|n, _| format!("a text {n},same\n"))));
    put(at, "binary", "a\0b");
    for (args, message) in [
        (
            &["new", "two.csv"][..],
            "two.csv: no preset: the columns \"mood\", \"site\" look like labels: --label COLUMN selects one",
        ),
        (&["new", "empty.csv"], "empty.csv: found an empty file"),
        (&["new", "one.csv"], "a single label, \"same\""),
        (&["new", "binary"], "binary:1: found bytes that are no text"),
        (&["new", "nowhere"], "nowhere: not found"),
        (&["data", "info", "empty.csv"], "empty.csv: found an empty file"),
        (&["new", "two.csv", "--label", "moods"], "a column \"moods\""),
    ] {
        let (_, err) = ends(unrolled(at, args), 2);
        assert!(err.contains(message), "{err}");
    }
    ends(unrolled(at, &["new", "two.csv", "--label", "mood"]), 0);
    let (out, _) = ends(unrolled(at, &["data", "info", "two.csv"]), 0);
    assert!(out.contains("No preset drafted"), "{out}");
    let (out, _) = ends(unrolled(at, &["data", "info", "two.csv", "--label", "3", "--json"]), 0);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["findings"]["classes"][0]["count"], 40);
    let (out, _) =
        ends(unrolled(at, &["data", "info", "two.csv", "--label", "mood", "--glyphs", "ascii"]), 0);
    assert!(out.is_ascii() && out.contains("###"), "{out}");
}

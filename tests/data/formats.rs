//! Formats are inferred from the file, or set.

use super::*;

#[test]
fn formats_and_layouts_are_detected() {
    let folder = tempfile::tempdir().unwrap();
    let expected = pairs(&[("not bad", "1"), ("not good its bad", "0"), ("good", "1")]);
    let packed = gzip(b"not bad\t1\nNot good, it's bad\t0\ngood\t1\n");
    for (name, bytes) in [
        ("tabs.txt", &b"not bad\t1\nNot good, it's bad\t0\ngood\t1\n"[..]),
        ("quotes.tsv", b"\"not bad\t1\nNot good, it's \"bad\"\t0\ngood\"\t1\n"),
        ("packed.txt.gz", &packed),
        ("first.csv", b"1,not bad\n0,\"Not good, it's bad\"\n1,good\n"),
        ("semicolons.csv", b"id;Review;Sentiment\n1;not bad;1\n2;Not good, it's bad;0\n3;good;1\n"),
        ("odd-names.csv", b"remark|verdict\nnot bad|1\nNot good, it's bad|0\ngood|1\n"),
        ("objects.jsonl", b"{\"text\":\"not bad\",\"label\":1}\n\n{\"label\":0,\"id\":7,\"text\":\"Not good, it's bad\"}\n{\"text\":\"good\",\"label\":1}"),
        ("objects", b" {\"sentence\":\"not bad\",\"class\":\"1\"}\n{\"sentence\":\"Not good, it's bad\",\"class\":\"0\"}\n{\"sentence\":\"good\",\"class\":\"1\"}"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (labels, found) = texts(found(&path), Level::Word);
        assert_eq!((labels, found), (vec!["0".to_owned(), "1".to_owned()], expected.clone()), "{name}");
    }
    let path = folder.path().join("lines.txt");
    std::fs::write(&path, "not bad\r\nNot good, it's bad\r\ngood\r\n").unwrap();
    std::fs::write(folder.path().join("lines.labels"), "1\n0\n1\n").unwrap();
    assert_eq!(texts(found(&path), Level::Word).1, expected);
}

#[test]
fn settings_of_a_table_override_detection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.txt");
    std::fs::write(&path, "a,b#pos\nc#neg\n\"d#neg\n").unwrap();
    let said = LabelledSpec {
        delimiter: Some('#'),
        quoting: Some(false),
        header: Some(false),
        label: Some(Column::Number(2)),
        ..found(&path)
    };
    assert_eq!(texts(said.clone(), Level::Word).1, pairs(&[("ab", "pos"), ("c", "neg"), ("d", "neg")]));
    let header = LabelledSpec { header: Some(true), ..said };
    assert_messages("data_header", [("a header that is none", message(folder.path(), header))]);
}

#[test]
fn errors_of_other_formats_name_position_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let mut entries = Vec::new();
    for (name, text) in [
        ("empty.jsonl", "\n"),
        ("cut.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":\""),
        ("list.jsonl", "[1]\n"),
        ("names.jsonl", "{\"txt\":2,\"id\":3,\"label\":1}\n"),
        ("null.jsonl", "{\"text\":\"a\",\"label\":null}\n"),
        ("number.jsonl", "{\"text\":3,\"label\":1}\n"),
        ("nul.jsonl", "{\"text\":\"a\\u0000\",\"label\":1}\n"),
        ("one.txt", "good\nbad\n"),
        ("three.csv", "a,b,c\nd,e,f\n"),
        ("texts.csv", "n,said,answer\n1,it was a film,it was not\n2,so it was that,it never was\n"),
        (
            "several.csv",
            "remark,sad,glad\nit was a film,0,1\nit was no film,1,0\nso it was,1,1\nso it is,0,0\n",
        ),
        (
            "several.jsonl",
            "{\"said\":\"it was\",\"sad\":0,\"glad\":1}\n{\"said\":\"it is\",\"sad\":1,\"glad\":0}\n\
             {\"said\":\"so it was\",\"sad\":0,\"glad\":1}\n{\"said\":\"so it is\",\"sad\":1,\"glad\":0}\n",
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        entries.push((name, message(folder.path(), found(&path))));
    }
    let (path, labels) = (folder.path().join("x.txt"), folder.path().join("x.labels"));
    std::fs::write(&path, "a\nb\nc\n").unwrap();
    std::fs::write(&labels, "1\n0\n").unwrap();
    entries.push(("more lines than labels", message(folder.path(), found(&path))));
    std::fs::write(&labels, "1\n\n0\n").unwrap();
    entries.push(("an empty label", message(folder.path(), found(&path))));
    std::fs::remove_file(&labels).unwrap();
    let without = LabelledSpec { format: Some(Format::Lines), ..found(&path) };
    entries.push(("no labels", message(folder.path(), without)));
    assert_messages("data_formats", entries);
}

#[test]
fn endless_lines_and_pipes_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let endless = vec![b'a'; (16 << 20) + 70_000];
    let mut entries = Vec::new();
    for name in ["endless.csv", "endless.jsonl", "endless/a.txt", "endless/pos/1.txt"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let start: &[u8] = if name.ends_with("csv") { b"text,label\n" } else { b"" };
        std::fs::write(&path, [start, &endless].concat()).unwrap();
        let wanted = if name.starts_with("endless/") { folder.path().join("endless") } else { path };
        entries.push((name.to_owned(), message(folder.path(), found(wanted))));
    }
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for format in [None, Some(Format::Csv), Some(Format::Jsonl), Some(Format::Folder)] {
        let spec = LabelledSpec { format, ..found(&pipe) };
        entries.push((format!("a pipe as {format:?}"), message(folder.path(), spec)));
    }
    assert_messages("data_endless", entries);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_any_reader_panic(
        bytes in proptest::collection::vec(
            prop_oneof![
                Just(b'"'), Just(b'\t'), Just(b'\n'), Just(b'{'), Just(b'}'), Just(b':'), Just(b'a'), any::<u8>()
            ],
            0..120,
        ),
        form in 0_usize..5,
        latin: bool,
        skip_bad_rows: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any");
        std::fs::write(&path, &bytes).unwrap();
        std::fs::write(folder.path().join("other"), "a\nb\n").unwrap();
        let format = [None, Some(Format::Csv), Some(Format::Jsonl), Some(Format::Lines), Some(Format::Folder)][form];
        let encoding = if latin { Encoding::Latin1 } else { Encoding::Utf8 };
        let wanted = if format == Some(Format::Folder) { folder.path().to_owned() } else { path };
        let labels = (format == Some(Format::Lines)).then(|| folder.path().join("other"));
        match load(LabelledSpec { format, encoding, labels, skip_bad_rows, ..found(wanted) }) {
            Ok(data) => prop_assert_eq!(data.train.inputs.tokens().unwrap().dim(), (data.facts.train, 4)),
            Err(error) => prop_assert!(error.to_string().starts_with(&folder.path().display().to_string())),
        }
    }
}

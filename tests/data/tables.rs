//! CSV files: columns, labels, bad rows, packing.

use super::*;

#[test]
fn errors_of_broken_files_name_position_and_remedy() {
    let folder = here("broken");
    let files = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort_unstable();
    let entries = files.into_iter().map(|name| {
        let path = folder.join(&name);
        let message = message(&folder, csv(&path));
        assert!(message.starts_with(&format!("DIR/{name}:")), "the message names the file: {message}");
        (name, message)
    });
    assert_messages("data_broken", entries);
}

#[test]
fn missing_files_and_other_kinds_are_errors() {
    let needs = Some("fetch it from example.org\ninto data/".to_owned());
    let folder = here("broken");
    let entries = [
        ("training data, with needs", LabelledSpec { needs: needs.clone(), ..csv("no/such.csv") }),
        (
            "validation data, with needs",
            LabelledSpec { needs, validation: validated_by("no/test.csv"), ..csv(here("good.csv")) },
        ),
        ("training data", csv("no/such.csv")),
        (
            "validation data, before the training data are read, which are wrong as well",
            LabelledSpec { validation: validated_by("no/test.csv"), ..csv(folder.join("cut-off.csv.gz")) },
        ),
        ("a folder", csv(&folder)),
    ];
    let entries = entries.map(|(input, spec)| (input, message(&folder, spec)));
    assert_messages("data_absent", entries);
}

#[test]
fn bad_rows_can_be_skipped_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some-bad.csv");
    std::fs::write(&path, b"text,label\nnot bad,pos\nshort\nna\xefve,neg\na,\nnot good,neg\nx\0y,neg\n")
        .unwrap();
    let skipping = LabelledSpec { skip_bad_rows: true, validation: validated_by(&path), ..csv(&path) };
    let facts = load(skipping.clone()).unwrap().facts;
    assert_eq!((facts.train, facts.validation, facts.skipped), (2, 2, 8));

    std::fs::write(&path, b"text,label\n\nshort\na,\n").unwrap();
    let no_good_row = message(folder.path(), skipping.clone());
    std::fs::write(&path, b"text,label\na,b\n\"c,d\ne,f\n").unwrap();
    // The rest of the file is lost with the quote.
    let open_quote = message(folder.path(), skipping);
    let entries = [("no good row", no_good_row), ("a quote never closed", open_quote)];
    assert_messages("data_skipping", entries);
}

#[test]
fn classes_are_sorted_labels_and_rows_are_the_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
    std::fs::write(&train, "id,text,label\n1,\"a b\nb, C c c d d d d\", yes\n2,d,no\n3,,no\n").unwrap();
    std::fs::write(&test, "verdict,remark\nno,d e c\n").unwrap();
    let validation = GivenValidation {
        path: test,
        text: Some("remark".into()),
        label: Some("verdict".into()),
        labels: None,
    };
    let validation = Some(Validation::Given(validation));
    let data = load(LabelledSpec { validation, ..csv(&train) }).unwrap();

    assert_eq!(Vec::from(data.vocabularies.unwrap().first().clone()), ["", "[UNK]", "d", "c", "b", "a"]);
    assert_eq!(data.labels, ["no", "yes"]);
    assert_eq!(data.train.targets, Targets::Classes(vec![1, 0, 0]));
    assert_eq!(data.train.inputs, Inputs::Tokens(ndarray::array![[2, 2, 2, 2], [0, 0, 0, 2], [0, 0, 0, 0]]));
    let validation = data.validation.unwrap();
    assert_eq!(validation.inputs, Inputs::Tokens(ndarray::array![[0, 2, 1, 3]]));
    assert_eq!(validation.targets, Targets::Classes(vec![0]));
    let facts = data.facts;
    assert_eq!((facts.source, facts.train, facts.validation), (train.display().to_string(), 3, 1));
    let classes: Vec<_> = facts.classes.into_iter().map(|class| (class.label, class.count)).collect();
    assert_eq!(classes, [("no".into(), 2), ("yes".into(), 1)]);
    assert_eq!((facts.vocabulary, facts.length, facts.skipped), (6, 4, 0));
    assert!((facts.unknown - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn gzip_members_byte_order_marks_and_line_ends_make_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let plain = load(csv(here("good.csv"))).unwrap();
    let text = std::fs::read_to_string(here("good.csv")).unwrap();
    let marked = format!("\u{feff}{}", text.replace('\n', "\r\n\r\n"));
    let (first, second) = marked.as_bytes().split_at(20);
    let members = [gzip(b"\xef\xbb"), gzip(&first[2..]), gzip(b""), gzip(second)].concat();
    for (name, bytes) in [
        ("packed", gzip(text.as_bytes())),
        ("marked", marked.clone().into_bytes()),
        ("members", members),
        ("returns", text.replace('\n', "\r").into_bytes()),
        ("open-ended", text.trim_end().into()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let data = load(csv(&path)).unwrap();
        assert_eq!(
            (data.train, data.vocabularies),
            (plain.train.clone(), plain.vocabularies.clone()),
            "{name}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_reading_hang_or_panic(
        bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), any::<u8>()], 0..200),
        with_header: bool,
        packed: bool,
        cut in 0_usize..300,
        skip_bad_rows: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.csv");
        let mut text = if with_header { b"text,label\na,b\nc,d\n".to_vec() } else { vec![] };
        text.extend(bytes);
        if packed {
            text = gzip(&text);
            text.truncate(cut.max(2));
        }
        std::fs::write(&path, text).unwrap();
        match load(LabelledSpec { skip_bad_rows, ..csv(&path) }) {
            Ok(data) => prop_assert_eq!(data.train.inputs.tokens().unwrap().dim(), (data.facts.train, 4)),
            Err(error) => prop_assert!(error.to_string().starts_with(&path.display().to_string())),
        }
    }
}

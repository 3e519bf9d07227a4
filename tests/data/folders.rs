//! A folder or a file per class.

use super::*;

#[test]
fn a_folder_per_class_is_read_in_order_of_names() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &[u8]| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("train/pos/1.txt", b"not bad");
    write("train/neg/1.txt", b"not good");
    write("train/neg/0.txt", b"bad");
    write("train/unsup/0.txt", b"so so");
    write("train/.hidden/0.txt", b"\xff");
    write("train/neg/.hidden", b"\xff");
    write("train/urls.txt", b"\xff");
    write("test/pos/0.txt", b"good");
    let (train, test) = data::train_and_test(root.path()).unwrap();
    let spec = LabelledSpec { validation: validated_by(test), ..found(&train) };
    let data = load(spec.clone()).unwrap();
    assert_eq!(data.labels, ["neg", "pos"]);
    assert_eq!(data.train.targets, Targets::Classes(vec![0, 0, 1]));
    let vocabularies = data.vocabularies.unwrap();
    let vocabulary = vocabularies.first();
    let texts: Vec<Vec<&str>> = data
        .train
        .inputs
        .tokens()
        .unwrap()
        .rows()
        .into_iter()
        .map(|row| row.iter().map(|id| vocabulary.word(*id)).collect())
        .collect();
    assert_eq!(texts, [["", "", "", "bad"], ["", "", "not", "good"], ["", "", "not", "bad"]]);
    assert_eq!(data.facts.validation, 1);

    let folder = |path: &str| {
        let spec = LabelledSpec { format: Some(Format::Folder), ..found(root.path().join(path)) };
        message(root.path(), spec)
    };
    std::fs::create_dir(root.path().join("empty")).unwrap();
    let mut entries = vec![
        ("train and test", message(root.path(), found(root.path()))),
        ("one class", folder("test")),
        ("empty", folder("empty")),
        ("a file", folder("train/urls.txt")),
        ("none", folder("none")),
    ];
    write("train/neg/2.txt", b"fine\nna\xefve");
    entries.push(("no UTF-8", folder("train")));
    write("test/neutral/0.txt", b"fine");
    std::fs::remove_file(root.path().join("train/neg/2.txt")).unwrap();
    assert_messages("data_folders", entries);
    let unseen = load(spec).unwrap().unseen;
    assert_eq!((unseen[0].label.as_str(), unseen[0].count, unseen.len()), ("neutral", 1, 1));
}

#[test]
fn a_file_per_class_is_labelled_by_its_stem_or_its_extension() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("German.txt", "Bär\nKöhler \n\n"), ("Irish.txt", "Adam\n"), ("README.md", "x")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let expected = pairs(&[("Bär", "German"), ("Köhler", "German"), ("Adam", "Irish")]);
    assert_eq!(texts(found(folder.path()), Level::Character).1, expected);

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rt-polarity.pos"), b"na\xefve\n").unwrap();
    std::fs::write(folder.path().join("rt-polarity.neg"), b"bad\nworse\xa0\n").unwrap();
    let latin = LabelledSpec { encoding: Encoding::Latin1, ..found(folder.path()) };
    assert_eq!(texts(latin, Level::Word).1, pairs(&[("bad", "neg"), ("worse", "neg"), ("naïve", "pos")]));
    assert_messages("data_encoding", [("Latin-1 as UTF-8", message(folder.path(), found(folder.path())))]);
}

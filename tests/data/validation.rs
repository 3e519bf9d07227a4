//! Validation data held out of the training data, or beside them.

use super::*;

#[test]
fn held_out_texts_are_not_trained_on_and_copies_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.csv");
    let rows: String = (0..50).map(|n| format!("w{n},{}\nv{n},{}\n", n % 2, n % 2)).collect();
    std::fs::write(&path, format!("text,label\n{rows}same,0\nsame,0\nsame,1\n")).unwrap();
    let held = |validation, seed| {
        let spec = LabelledSpec { validation: Some(validation), ..found(&path) };
        data::load(
            &DataSpec::Labelled(spec),
            Some(&TokenSpec { vocabulary: 1000, ..tokens(2) }),
            seed,
            1,
            &mut |_| {},
        )
    };
    let data = held(Validation::Share(0.2), 3).unwrap();
    let (facts, notes) = (data.facts, data.notes);
    assert_eq!(facts.train + facts.validation, 103);
    assert!((20..=24).contains(&facts.validation), "{}", facts.validation);
    assert!(notes.is_empty(), "{notes:?}");
    // No held-out text contributes to the vocabulary.
    assert_eq!(facts.unknown, 1.0);
    assert_ne!(held(Validation::Share(0.2), 4).unwrap().train, data.train);
    let wrong = held(Validation::Fold { folds: 5, fold: 6 }, 1).unwrap_err();
    assert_messages("data_fold", [("fold 6 of 5", wrong)]);

    let test = folder.path().join("test.csv");
    std::fs::write(&test, "text,label\nw1,1\nnew,0\nsame,1\n").unwrap();
    let notes = load(LabelledSpec { validation: validated_by(test), ..found(&path) }).unwrap().notes;
    assert_messages("data_copies", [("two copies", notes.join("\n"))]);
}

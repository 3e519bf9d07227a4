//! Layers that are `trainable: false`.

use super::*;
use unrolled::run::checkpoint::Tensor;

/// The weights before and after a run of `spec`, by name, and its events.
pub fn trained(spec: RunSpec) -> (Vec<Tensor>, Vec<Tensor>, Vec<Event>, TempDir) {
    let session = Session::prepare(spec.clone(), 1, &mut |_| {}).unwrap();
    let params = session.stepper.params();
    let tensor = |param: &unrolled::nn::Param| Tensor {
        name: param.name.clone(),
        shape: param.shape.clone(),
        data: params.values()[param.range.clone()].to_vec(),
    };
    let begin = params.table().iter().map(tensor).collect();
    let (events, outcome, folder) = Run::start(spec).outcome();
    assert_eq!(outcome, Outcome::Finished);
    let end = checkpoint::read(&folder.path().join("run"), Which::Last).unwrap();
    (begin, end.model, events, folder)
}

/// Names of the tensors that are, bit for bit, as they began.
fn unmoved(begin: &[Tensor], end: &[Tensor]) -> Vec<String> {
    assert_eq!(begin.len(), end.len(), "a checkpoint holds weights that do not learn too");
    let same = begin.iter().filter(|tensor| end.contains(tensor));
    same.map(|tensor| tensor.name.clone()).collect()
}

#[test]
fn frozen_weights_do_not_change_and_all_others_do() {
    for (frozen, expected) in [
        (vec![], vec![]),
        (vec![0], vec!["0.embeddings"]),
        (vec![1], vec!["1.kernel", "1.recurrent_kernel", "1.bias"]),
        (vec![0, 1], vec!["0.embeddings", "1.kernel", "1.recurrent_kernel", "1.bias"]),
        (vec![2], vec!["2.kernel", "2.bias"]),
    ] {
        // Decay and a penalty would move whatever the optimizer gets.
        let mut set = vec![
            "train.optimizer={name: AdamW, weight_decay: 0.1, clipnorm: 1.0}".to_owned(),
            "model.1.kernel_regularizer={l2: 0.1}".to_owned(),
        ];
        set.extend(frozen.iter().map(|layer| format!("model.{layer}.trainable=false")));
        let spec = spec(&set.iter().map(String::as_str).collect::<Vec<_>>());
        let (begin, end, events, _folder) = trained(spec);
        assert_eq!(unmoved(&begin, &end), expected);
        // Traces exist for frozen layers too.
        let profiles = events.iter().filter(|e| matches!(e, Event::Gradient(profile) if profile.layer == 1));
        assert!(profiles.count() > 0);
        let report = events.iter().find_map(|event| match event {
            Event::Instruments(report) => Some(report.params.clone()),
            _ => None,
        });
        let still = report.unwrap().into_iter().filter(|norms| norms.update == 0.0 && norms.gradient == 0.0);
        assert_eq!(still.map(|norms| norms.name).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn frozen_layers_are_marked_in_the_model_table_and_the_spec() {
    let (.., events, folder) = trained(spec(&["model.0.trainable=false"]));
    let info = events.iter().find_map(|e| if let Event::Prepared(info) = e { Some(info) } else { None });
    let table = &info.unwrap().model;
    assert_eq!(table.frozen(), table.layers[0].params);
    assert!(table.layers[0].detail.ends_with("not trainable"), "{}", table.layers[0].detail);
    let again = folder.path().join("run/spec.yaml");
    let again = preset::load(again.to_str().unwrap(), &Overrides::default()).unwrap().spec;
    assert_eq!(again.model.iter().map(|layer| layer.trainable).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn a_model_without_trainable_weights_is_an_error() {
    let set = (0..3).map(|layer| format!("model.{layer}.trainable=false")).collect();
    let error = preset::load("word-order", &Overrides { set, ..Overrides::default() }).unwrap_err();
    assert_eq!(error.field, "model.0.trainable");
    assert!(error.message.contains("no layer of the model learns"), "{error}");
}

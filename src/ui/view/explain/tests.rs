use serde_json::json;

use super::*;
use crate::protocol::{Event, ProbeFrame, TokenPrediction};

/// A run of this task with one example.
fn run(task: &str) -> Dashboard {
    let info = json!({
        "name": "a", "title": "", "about": "", "folder": "run", "task": task, "loss": "", "optimizer": "Adam", "seed": 1,
        "threads": 1, "epochs": 1, "steps_per_epoch": 1, "batch_size": 1, "watch_every": 1,
        "model": {"layers": []},
        "data": {
            "source": "", "train": 1, "validation": 1, "classes": [], "vocabulary": 9, "length": 1, "skipped": 0,
            "unknown": 0.0,
        },
        "probes": [{"text": "a", "tokens": ["a"], "first_step": 0}],
    });
    let mut dash = Dashboard::new();
    dash.apply(&Event::Prepared(serde_json::from_value(info).unwrap()));
    let by_token = vec![TokenPrediction { outputs: vec![("a".into(), 1.0)] }];
    dash.apply(&Event::Probe(Box::new(ProbeFrame { by_token, ..ProbeFrame::default() })));
    dash
}

/// The terms that a student looks up, each with the task and the panel at which it is explained; of findings they are the names.
const TERMS: [(&str, &str, Panel); 12] = [
    ("overfitting", "binary", Panel::Loss),
    ("vanishing gradient", "binary", Panel::Gradient),
    ("exploding gradient", "binary", Panel::Gradient),
    ("BPTT", "binary", Panel::Gradient),
    ("sequence to vector", "binary", Panel::Predictions),
    ("sequence to vector", "binary", Panel::Hidden),
    ("sequence to sequence", "tags", Panel::Predictions),
    ("saturation", "binary", Panel::Hidden),
    ("teacher forcing", "language", Panel::Samples),
    ("perplexity", "language", Panel::Samples),
    ("plateau", "binary", Panel::Findings),
    ("occlusion", "binary", Panel::Influence),
];

#[test]
fn predictions_of_an_earlier_step_are_said_to_be_so() {
    let mut dash = run("binary");
    let said = |dash: &Dashboard| paragraphs(dash, Panel::Hidden, &Theme::DARK).join(" ");
    let mut frame = |step, has: [bool; 2]| {
        let outputs = |has: bool| if has { vec![("a".to_owned(), 1.0)] } else { Vec::new() };
        let by_token = has.map(|has| TokenPrediction { outputs: outputs(has) }).to_vec();
        dash.apply(&Event::Probe(Box::new(ProbeFrame { step, by_token, ..ProbeFrame::default() })));
        said(&dash)
    };
    assert!(!frame(1_001, [true, true]).contains("Those before the last row"));
    assert!(frame(1_051, [false, true]).contains("Those before the last row are of step 1,001"));
    assert!(!frame(1_101, [true, true]).contains("Those before the last row"));
}

#[test]
fn the_terms_of_the_field_are_explained_where_they_are_seen_and_in_the_glossary() {
    let glossary = crate::help::GLOSSARY.text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    for (term, task, panel) in TERMS {
        let said = paragraphs(&run(task), panel, &Theme::DARK).join(" ").to_lowercase();
        assert!(said.contains(&term.to_lowercase()), "{term}, {panel:?}: {said}");
        assert!(glossary.contains(&term.to_lowercase()), "{term} in the glossary");
    }
}

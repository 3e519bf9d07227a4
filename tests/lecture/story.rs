//! The events of a network of the lecture, in the middle of its training.

use unrolled::metrics::Task as Kind;
use unrolled::protocol::{
    Activations, AttentionWeights, ClassCount, DataFacts, EpochMetrics, Event, GradientProfile, LayerRow,
    ModelTable, ProbeFrame, ProbeText, RunInfo, RunStatus, StepMetrics, TokenPrediction,
};
use unrolled::ui::lecture::Network;

const ONE: &str = "the movie is not bad but good if you ask me";
const OTHER: &str = "the movie is not good but bad if you ask me";
const REBER: &str = "B T B T S S X X T V V E T";
const SYMBOLS: &str = "X d a c b d a a c b d";

/// What a network of a page sends: the middle of its training.
pub fn training(network: &Network) -> Vec<Event> {
    let is_recurrent =
        !matches!(network.preset, "word-order-dense" | "word-order-conv1d" | "word-order-attention-alone");
    let (kind, classes, texts): (_, &[&str], _) = match network.preset {
        "reber-grammar" => (Kind::Tags, &["B", "T", "S", "X", "V", "P", "E"], [REBER, REBER]),
        preset if preset.starts_with("vanishing") => (Kind::Binary, &["X", "Y"], [SYMBOLS, SYMBOLS]),
        _ => (Kind::Binary, &["negative", "positive"], [ONE, OTHER]),
    };
    let layers = vec![
        LayerRow { class: "Embedding".into(), params: 1920, ..LayerRow::default() },
        LayerRow {
            class: "SimpleRNN".into(),
            params: 984,
            directions: if is_recurrent { vec![None] } else { Vec::new() },
            ..LayerRow::default()
        },
    ];
    let probe = |text: &str| ProbeText {
        text: text.into(),
        tokens: text.split(' ').map(str::to_owned).collect(),
        first_step: 0,
        truth: None,
        targets: match kind {
            Kind::Tags => text.split(' ').skip(1).chain(["E"]).map(str::to_owned).collect(),
            _ => Vec::new(),
        },
        variant: None,
    };
    let info = RunInfo {
        name: network.preset.into(),
        title: String::new(),
        about: String::new(),
        folder: "run".into(),
        model: ModelTable { layers },
        data: DataFacts {
            classes: classes.iter().map(|label| ClassCount { label: (*label).into(), count: 2000 }).collect(),
            ..DataFacts::default()
        },
        probes: texts.iter().map(|text| probe(text)).collect(),
        epochs: 12,
        steps_per_epoch: 125,
        batch_size: 32,
        watch_every: 100,
        pace: None,
        task: kind,
        loss: "binary_crossentropy".into(),
        optimizer: "Adam".into(),
        seed: 1,
        threads: 1,
        monitor: None,
    };
    let mut events = vec![Event::Prepared(Box::new(info)), Event::Status(RunStatus::Training)];
    for step in 1..=1125_u64 {
        let share = step as f64 / 1125.0;
        let epoch = ((step - 1) / 125 + 1) as usize;
        events.push(Event::Step(StepMetrics {
            step,
            epoch,
            loss: 0.7 - 0.6 * share,
            accuracy: Some(0.5 + 0.48 * share * share),
            learning_rate: 0.002,
            grad_norm: 1.0,
            sequences_per_s: 1920.0,
            seconds: step as f64 / 60.0,
        }));
        if step % 125 == 0 {
            let accuracy = 0.5 + 0.47 * share * share;
            let metrics = [("val_accuracy", accuracy), ("val_legal", 0.993)].into();
            let seconds = 2.0;
            events.push(Event::Epoch(Box::new(EpochMetrics {
                epoch,
                step,
                metrics,
                confusion: None,
                seconds,
            })));
        }
    }
    let profile = |step, rate: f32| {
        let hnorm: Vec<f32> = (0..31).map(|t| 0.3 * rate.powi(30 - t)).collect();
        let half_life = unrolled::metrics::half_life(&hnorm, &[]);
        let kernel_norm = Vec::new();
        let has_cell = network.preset == "vanishing-lstm";
        let cnorm = (0..31).filter(|_| has_cell).map(|t| 0.3 * rate.powi((30 - t) / 3)).collect();
        Event::Gradient(GradientProfile {
            step,
            layer: 1,
            direction: None,
            hnorm,
            kernel_norm,
            cnorm,
            padding: Vec::new(),
            half_life,
        })
    };
    if is_recurrent {
        events.extend([profile(1, 0.8), profile(1100, 0.9)]);
    }
    for (number, text) in texts.iter().enumerate() {
        let tokens: Vec<&str> = text.split(' ').collect();
        let mut state = 0.1_f32;
        let rows = tokens.iter().map(|token| {
            state = (state * 0.7 + 0.1 * token.len() as f32 - 0.2).sin();
            (0..8).map(|unit| state * (1.0 - unit as f32 / 4.0)).collect::<Vec<f32>>()
        });
        let values: Vec<f32> = rows.flatten().collect();
        let said = |i: usize| {
            let outputs = match kind {
                Kind::Tags => {
                    vec![(if i % 4 == 3 { "V" } else { tokens.get(i + 1).unwrap_or(&"E") }.to_string(), 0.5)]
                }
                _ => vec![
                    ("positive".to_owned(), 0.5 + 0.03 * i as f32),
                    ("negative".to_owned(), 0.5 - 0.03 * i as f32),
                ],
            };
            TokenPrediction { outputs }
        };
        let is_same = matches!(network.preset, "word-order-dense" | "word-order-attention-alone");
        let positive = if is_same { 0.498 } else { [0.944, 0.081][number] };
        events.push(Event::Probe(Box::new(ProbeFrame {
            step: 1100,
            probe: number,
            prediction: vec![1.0 - positive, positive],
            by_token: (0..tokens.len()).map(said).collect(),
            activations: match is_recurrent {
                true => {
                    let quantity = "h".into();
                    vec![Activations { layer: 1, quantity, units: 8, values, ..Activations::default() }]
                }
                false => Vec::new(),
            },
            attention: network
                .preset
                .contains("attention")
                .then(|| attention(tokens.len()))
                .into_iter()
                .collect(),
            ..ProbeFrame::default()
        })));
    }
    events
}

/// Weights of which the eighth token has the greatest for the fourth.
fn attention(tokens: usize) -> AttentionWeights {
    let weight =
        |row: usize, column: usize| if (row, column) == (7, 3) { 0.61 } else { 0.39 / tokens as f32 };
    let values = (0..tokens).flat_map(|row| (0..tokens).map(move |column| weight(row, column))).collect();
    AttentionWeights {
        keys: tokens,
        first_query: Some(0),
        first_key: Some(0),
        values,
        ..AttentionWeights::default()
    }
}

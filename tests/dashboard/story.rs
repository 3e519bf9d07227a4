//! A scripted run without a trainer: always the same events.

use unrolled::metrics::{Metrics, Task, half_life};
use unrolled::protocol::{
    Activations, ClassCount, DataFacts, Direction, EpochMetrics, Event, GradientProfile, Instruments,
    LayerHealth, LayerRow, Level, LogLine, ModelTable, Monitor, ParamNorms, ProbeFrame, ProbeText,
    QuantityHealth, RunInfo, RunStatus, Saved, StepMetrics, TokenPrediction,
};
use unrolled::rng::Rng;
use unrolled::ui::dashboard::Dashboard;

/// Steps of an epoch.
pub const EPOCH: u64 = 196;
const EPOCHS: u64 = 4;
const LENGTH: usize = 200;
const UNITS: usize = 8;
const PROBES: [&str; 2] =
    ["overall the movie is not bad and has entertainment value", "unfortunately the movie is not so good"];

/// Passes the events of the run up to `steps` to the dashboard.
pub fn after_steps(steps: u64) -> Dashboard {
    let mut dash = Dashboard::new();
    events(steps).iter().for_each(|event| dash.apply(event));
    dash
}

/// The whole run, finished.
pub fn finished() -> Dashboard {
    let mut dash = after_steps(EPOCHS * EPOCH);
    dash.apply(&Event::Status(RunStatus::Finished));
    dash
}

/// The dashboard after `steps` steps.
pub fn events(steps: u64) -> Vec<Event> {
    let mut rng = Rng::new(1, "story", 0);
    let mut events = vec![
        preparing(),
        log("25,000 training and 25,000 validation sequences, 10,000 words"),
        Event::Prepared(Box::new(info())),
        Event::Status(RunStatus::Training),
    ];
    for step in 1..=steps {
        let gone = step as f64 / (EPOCH * EPOCHS) as f64;
        let loss = 0.18 + 0.51 * (-3.2 * gone).exp() + 0.05 * rng.normal() * (0.4 + gone);
        events.push(Event::Step(StepMetrics {
            step,
            epoch: 1 + ((step - 1) / EPOCH) as usize,
            loss: loss.max(0.02),
            accuracy: Some((0.5 + 0.43 * (1.0 - (-3.4 * gone).exp()) + 0.03 * rng.normal()).clamp(0.0, 1.0)),
            learning_rate: 0.001,
            grad_norm: 0.3 + 0.1 * rng.normal().abs(),
            sequences_per_s: 1240.0,
            seconds: step as f64 * 0.103,
        }));
        if step == 1 || step % 10 == 0 {
            events.push(gradient(step, gone, &mut rng));
            events.push(instruments(step, gone));
            events.extend((0..PROBES.len()).map(|probe| activations(step, probe, gone)));
        }
        if step % EPOCH == 0 {
            events.push(epoch(step));
            events.push(Event::Saved(Saved {
                step,
                path: format!("checkpoints/step-{step}").into(),
                best: true,
                ..Saved::default()
            }));
            events.push(log(&format!("epoch {} ended, checkpoint of step {step} saved", step / EPOCH)));
        }
    }
    events
}

/// The first event of all.
pub fn preparing() -> Event {
    Event::Status(RunStatus::Preparing { what: "reading imdb-train.csv.gz".into() })
}

/// A line of the log.
pub fn log(text: &str) -> Event {
    Event::Log(LogLine { level: Level::Info, text: text.into() })
}

/// The facts of the run.
pub fn info() -> RunInfo {
    let layer = |class: &str, directions: &[Option<_>]| LayerRow {
        class: class.into(),
        directions: directions.to_vec(),
        ..LayerRow::default()
    };
    RunInfo {
        name: "imdb-first".into(),
        title: "The lecture's first network".into(),
        about: String::new(),
        folder: "runs/imdb-first-20260102-030405".into(),
        model: ModelTable {
            layers: vec![layer("Embedding", &[]), layer("SimpleRNN", &[None]), layer("Dense", &[])],
        },
        data: DataFacts {
            source: "imdb-train.csv.gz".into(),
            classes: ["negative", "positive"]
                .map(|label| ClassCount { label: label.into(), count: 12_500 })
                .into(),
            length: LENGTH,
            ..DataFacts::default()
        },
        probes: PROBES
            .map(|text| {
                let tokens: Vec<String> = text.split(' ').map(str::to_owned).collect();
                ProbeText {
                    text: text.into(),
                    first_step: LENGTH - tokens.len(),
                    tokens,
                    ..ProbeText::default()
                }
            })
            .into(),
        epochs: EPOCHS as usize,
        steps_per_epoch: EPOCH as usize,
        batch_size: 128,
        watch_every: 10,
        pace: None,
        task: Task::Binary,
        loss: "binary_crossentropy".into(),
        optimizer: "Adam".into(),
        seed: 1,
        threads: 2,
        monitor: Some(Monitor { metric: "val_loss".into(), higher_is_better: false }),
    }
}

fn epoch(step: u64) -> Event {
    let epoch = (step / EPOCH) as usize;
    let at = |values: [f64; 4]| values.get(epoch - 1).copied();
    let mut metrics = Metrics::from([("loss", 0.4), ("accuracy", 0.8)]);
    for (name, values) in
        [("val_loss", [0.5312, 0.4127, 0.3824, 0.4011]), ("val_accuracy", [0.7341, 0.8188, 0.8402, 0.8365])]
    {
        at(values).into_iter().for_each(|value| metrics.set(name, value));
    }
    Event::Epoch(Box::new(EpochMetrics { epoch, step, metrics, confusion: None, seconds: 23.0 }))
}

fn gradient(step: u64, gone: f64, rng: &mut Rng) -> Event {
    let half = 2.6 + 6.0 * gone;
    let hnorm: Vec<f32> = (0..LENGTH)
        .map(|t| {
            let back = (LENGTH - 1 - t) as f64;
            (4e-3 * (-back / half).exp2() * (0.25 * rng.normal()).exp()) as f32
        })
        .collect();
    Event::Gradient(GradientProfile {
        step,
        layer: 1,
        direction: None,
        half_life: half_life(&hnorm, &[]),
        // The first position has no predecessor.
        kernel_norm: hnorm
            .iter()
            .enumerate()
            .map(|(t, norm)| if t == 0 { 0.0 } else { 1.7 * norm })
            .collect(),
        hnorm,
        ..GradientProfile::default()
    })
}

fn instruments(step: u64, gone: f64) -> Event {
    let h = QuantityHealth {
        quantity: "h".into(),
        left: 0.11 * gone as f32,
        right: 0.12 * gone as f32,
        dead: 0.0,
        spectral_radius: Some(1.0 + 0.04 * gone as f32),
    };
    let layer = LayerHealth { layer: 1, direction: None, proposal: "h".into(), quantities: vec![h] };
    let norms = |name: &str, update| ParamNorms { name: name.into(), weight: 2.5, gradient: 0.2, update };
    let params = vec![norms("0.embeddings", 2e-3), norms("1.recurrent_kernel", 4.5e-3), norms("1.bias", 0.5)];
    Event::Instruments(Box::new(Instruments { step, layers: vec![layer], params, ..Instruments::default() }))
}

/// The story of a network that reads in both directions with gates, up to `steps`.
pub fn gated(steps: u64) -> Dashboard {
    let mut dash = Dashboard::new();
    for event in events(steps) {
        match event {
            Event::Prepared(mut info) => {
                if let Some(layer) = info.model.layers.get_mut(1) {
                    layer.class = "Bidirectional".into();
                    layer.directions = BOTH.map(Some).into();
                }
                dash.apply(&Event::Prepared(info));
            }
            Event::Gradient(profile) => {
                for direction in BOTH {
                    dash.apply(&Event::Gradient(GradientProfile {
                        direction: Some(direction),
                        ..profile.clone()
                    }));
                }
            }
            Event::Instruments(mut read) => {
                read.layers = BOTH.map(gates_of).into();
                dash.apply(&Event::Instruments(read));
            }
            Event::Probe(mut frame) => {
                frame.activations = BOTH.iter().flat_map(|d| held(*d, &frame.activations)).collect();
                dash.apply(&Event::Probe(frame));
            }
            other => dash.apply(&other),
        }
    }
    dash
}

const BOTH: [Direction; 2] = [Direction::Forward, Direction::Backward];

fn gates_of(direction: Direction) -> LayerHealth {
    let health = |(i, quantity): (usize, &str)| QuantityHealth {
        quantity: quantity.into(),
        left: 0.02 * i as f32,
        right: 0.05 * i as f32,
        dead: if i == 0 { 0.25 } else { 0.0 },
        spectral_radius: (i > 0).then_some(0.9 + 0.1 * i as f32),
    };
    let quantities = ["h", "i", "f", "g", "o"].into_iter().enumerate().map(health).collect();
    LayerHealth { layer: 1, direction: Some(direction), proposal: "g".into(), quantities }
}

/// A value derived from another.
type Made = fn(f32) -> f32;

/// All quantities of an LSTM, derived from one.
fn held(direction: Direction, h: &[Activations]) -> Vec<Activations> {
    let gate: Made = |x| (1.0 + x) / 2.0;
    let all: [(&str, Made); 6] =
        [("h", |x| x), ("c", |x| 3.0 * x), ("i", gate), ("f", gate), ("g", |x| -x), ("o", gate)];
    let of = |(quantity, made): (&str, Made)| Activations {
        direction: Some(direction),
        quantity: quantity.into(),
        values: h.iter().flat_map(|h| &h.values).map(|x| made(*x)).collect(),
        layer: 1,
        units: UNITS,
        ..Activations::default()
    };
    all.into_iter().map(of).collect()
}

fn activations(step: u64, probe: usize, gone: f64) -> Event {
    let tokens = PROBES.get(probe).map_or(0, |text| text.split(' ').count());
    let mut rng = Rng::new(7, "activations", probe as u64);
    let mut state = [0.0_f64; UNITS];
    let mut values = Vec::new();
    for _ in 0..tokens {
        for unit in &mut state {
            *unit = (0.75 * *unit + (0.4 + 2.0 * gone) * rng.normal()).tanh();
            values.push(*unit as f32);
        }
    }
    let positive = if probe == 0 { 0.5 + 0.4 * gone } else { 0.5 - 0.45 * gone } as f32;
    Event::Probe(Box::new(ProbeFrame {
        step,
        probe,
        prediction: vec![1.0 - positive, positive],
        by_token: (1..=tokens).map(|read| after_token(positive, read as f32 / tokens as f32)).collect(),
        activations: vec![Activations {
            layer: 1,
            direction: None,
            quantity: "h".into(),
            units: UNITS,
            values,
            ..Activations::default()
        }],
        ..ProbeFrame::default()
    }))
}

/// The prediction after a share of a text, at whose end class 1 is predicted with probability `positive`.
fn after_token(positive: f32, share: f32) -> TokenPrediction {
    let positive = 0.5 + (positive - 0.5) * share;
    let both = [("negative".to_owned(), 1.0 - positive), ("positive".to_owned(), positive)];
    let mut outputs = both.to_vec();
    outputs.sort_by(|a, b| b.1.total_cmp(&a.1));
    TokenPrediction { outputs }
}

/// A run on a series, whose epochs have errors in its units and those of the baselines.
pub fn forecast(steps: u64) -> Dashboard {
    let further = [("val_mae", 30.0), ("val_rmse_last", 48.0412), ("val_rmse_seasonal", 41.85)];
    forecast_of(steps, "", &further)
}

/// The same of a `variable`, `.sold` where there are several, with `further` metrics of each epoch.
pub fn forecast_of(steps: u64, variable: &str, further: &[(&str, f64)]) -> Dashboard {
    let mut dash = Dashboard::new();
    for event in events(steps) {
        match event {
            Event::Prepared(mut info) => {
                info.data.classes.clear();
                (info.task, info.loss) = (Task::Forecast, "mean_squared_error".into());
                dash.apply(&Event::Prepared(info));
            }
            Event::Step(step) => dash.apply(&Event::Step(StepMetrics { accuracy: None, ..step })),
            Event::Epoch(epoch) => {
                let own = [("val_rmse", 60.0 / epoch.epoch as f64)];
                let mut metrics = Metrics::default();
                for name in ["loss", "val_loss"] {
                    epoch.get(name).into_iter().for_each(|value| metrics.set(name, value));
                }
                let values = own.iter().chain(further);
                values.for_each(|(name, value)| metrics.set(format!("{name}{variable}"), *value));
                dash.apply(&Event::Epoch(Box::new(EpochMetrics { metrics, ..*epoch })));
            }
            other => dash.apply(&other),
        }
    }
    dash
}

//! The tabs of gradients, states and weights: what monitored steps measure, now and over training.

use unrolled::protocol::{
    Activations, AttentionWeights, Event, GradientProfile, KernelPicture, LayerRow, TokenWindow,
    WeightDistribution, WeightDistributions,
};
use unrolled::ui::dashboard::Dashboard;
use unrolled::ui::keymap::Action;

use super::{PLAIN, THEME, acted, story, text};

/// Sizes of the screen, without the footer.
const SIZES: [(u16, u16); 3] = [(80, 23), (120, 39), (200, 59)];

fn snapshots(name: &str, dash: &Dashboard) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}_{width}"), text(dash, width, height, &THEME));
    }
}

/// Distributions that grow wider with every step.
fn weights(step: u64) -> Event {
    let bins = WeightDistribution::BINS;
    let tensor = |name: &str, shape: &[usize], limit: f32| {
        let count: usize = shape.iter().product();
        let bell = |bin: usize| {
            let x = (bin as f32 - (bins / 2) as f32) / 8.0;
            (count as f32 * (-x * x).exp() / 14.0).round() as u64
        };
        let picture = name.ends_with("kernel").then(|| KernelPicture {
            columns: shape[1],
            values: (0..count).map(|i| limit * (i as f32 * 0.7).sin()).collect(),
        });
        WeightDistribution {
            name: name.into(),
            shape: shape.into(),
            limit,
            bins: (0..bins).map(bell).collect(),
            mean: 0.01,
            deviation: limit / 4.0,
            picture,
        }
    };
    let wide = 0.1 + step as f32 / 1000.0;
    let tensors = vec![
        tensor("0.embeddings", &[10_000, 32], wide / 2.0),
        tensor("1.kernel", &[32, 8], wide),
        tensor("1.recurrent_kernel", &[8, 8], 1.0),
        tensor("1.bias", &[8], wide / 10.0),
    ];
    Event::Weights(Box::new(WeightDistributions { step, tensors }))
}

/// A run whose weights have been measured as well.
fn with_weights() -> Dashboard {
    let mut dash = story::after_steps(418);
    (0..12).for_each(|i| dash.apply(&weights(i * 38)));
    dash
}

#[test]
fn the_gradient_is_shown_over_training_beside_its_profile_and_the_norms_of_the_weights() {
    let dash = acted(story::after_steps(418), &[Action::NextTab]);
    snapshots("gradients", &dash);
    let alone = acted(dash, &[Action::Focus(1), Action::Left, Action::Open]);
    insta::assert_snapshot!("waterfall_alone_120", text(&alone, 120, 39, &THEME));
    insta::assert_snapshot!("waterfall_explained", text(&acted(alone, &[Action::Explain]), 80, 23, &THEME));
}

#[test]
fn the_gradient_of_the_cell_state_is_shown_where_there_is_one() {
    let turned = |dash: Dashboard| text(&acted(dash, &[Action::Focus(1), Action::Quantity]), 120, 39, &THEME);
    let without = turned(story::after_steps(418));
    assert!(without.contains("‖∂L/∂U_t‖"), "a SimpleRNN has no cell state: {without}");
    let mut dash = story::after_steps(418);
    for event in story::events(418) {
        if let Event::Gradient(profile) = event {
            let cnorm = profile.hnorm.iter().map(|norm| norm.sqrt()).collect();
            dash.apply(&Event::Gradient(GradientProfile { cnorm, ..profile }));
        }
    }
    let shown = turned(dash);
    assert!(shown.contains("‖∂L/∂c_t‖") && shown.contains("halves every"), "{shown}");
}

#[test]
fn the_profile_at_the_best_checkpoint_is_shown_on_the_tab_of_the_gradients() {
    let dash = story::after_steps(418);
    assert!(!text(&dash, 300, 99, &THEME).contains("(best)"));
    let tab = acted(dash, &[Action::NextTab]);
    let shown = text(&tab, 300, 99, &THEME);
    // The checkpoint is saved after step 392; step 390 was monitored last before it.
    assert!(shown.contains("step 390 (best)"), "{shown}");
    let narrow = text(&tab, 120, 39, &THEME);
    assert!(narrow.contains("━ first ━ best ━ now"), "{narrow}");
}

#[test]
fn the_panel_of_the_gradient_has_the_half_life_over_several_batches_and_a_legend_at_every_width() {
    let dash = story::after_steps(418);
    let small = text(&dash, 80, 23, &THEME);
    assert!(small.contains("half-life 5.4 steps    ━ first ━ now"), "{small}");
    let wide = text(&dash, 120, 39, &THEME);
    assert!(wide.contains("halves every 5.4 steps back (5.3 to 5.6)"), "{wide}");
    // At an earlier step it is that of the batches up to there.
    let earlier = acted(dash, &[Action::Focus(3), Action::First, Action::Right]);
    let shown = text(&earlier, 120, 39, &THEME);
    assert!(!shown.contains("halves every 5.4 steps back"), "{shown}");
}

#[test]
fn a_half_life_over_several_batches_is_shown_with_its_spread() {
    let alone = acted(story::after_steps(418), &[Action::NextTab, Action::Focus(1), Action::Open]);
    let shown = text(&alone, 120, 39, &THEME);
    assert!(shown.contains("half-life ") && shown.contains("of 9 batches)"), "{shown}");
    // Below it stands its course over training.
    assert!(shown.contains("Half-life in steps · 1 SimpleRNN"), "{shown}");
    assert!(shown.contains("━ median ━ quartiles"), "{shown}");
    let wide = text(&alone, 200, 59, &THEME);
    assert!(wide.contains("· no clear slope ↑ does not fall"), "{wide}");
    let low = text(&alone, 80, 23, &THEME);
    assert!(!low.contains("Half-life in steps"), "{low}");
}

#[test]
fn weights_are_shown_as_distributions_and_as_a_kernel() {
    let dash = acted(with_weights(), &[Action::NextTab; 5]);
    snapshots("weights", &dash);
    let alone = acted(dash, &[Action::Focus(1), Action::Open]);
    insta::assert_snapshot!("histograms_alone_120", text(&alone, 120, 39, &THEME));
}

#[test]
fn a_kernel_is_shown_whole_without_colours_and_with_its_step_at_an_earlier_one() {
    let mut dash = acted(with_weights(), &[Action::NextTab; 5]);
    dash = acted(dash, &[Action::Focus(2), Action::Open]);
    // Two rows share a line only with colours.
    for (theme, cell) in
        [(&THEME, "a row an input, a column an output"), (&PLAIN, "the largest of each block of weights")]
    {
        let low = text(&dash, 80, 10, theme);
        assert!(low.contains("1.recurrent_kernel 8") && low.contains(cell), "{low}");
        assert!(!low.contains(" more"), "{low}");
    }
    assert!(!text(&dash, 120, 39, &THEME).contains("step 418 "), "the latest has none");
    dash.view.cursor = Some(100);
    let earlier = text(&dash, 120, 39, &THEME);
    assert!(earlier.contains(" step 418 "), "{earlier}");
}

/// A network with a convolution and attention instead of a recurrent layer.
fn without_states() -> Dashboard {
    let mut dash = Dashboard::new();
    for event in story::events(418) {
        match event {
            Event::Prepared(mut info) => {
                let layer = |class: &str| LayerRow { class: class.into(), ..LayerRow::default() };
                info.model.layers = ["Embedding", "Conv1D", "Attention", "Dense"].map(layer).into();
                dash.apply(&Event::Prepared(info));
            }
            Event::Gradient(_) => {}
            Event::Probe(mut frame) => {
                let rows = frame.by_token.len();
                let convolution = Activations {
                    quantity: "relu".into(),
                    window: Some(TokenWindow { first: -1, stride: 1, span: 3 }),
                    ..frame.activations[0].clone()
                };
                let weight = |i: usize| {
                    if i % rows == (i / rows + 1) % rows { 0.5 } else { 0.5 / (rows as f32 - 1.0) }
                };
                frame.attention = vec![AttentionWeights {
                    layer: 2,
                    head: 0,
                    keys: rows,
                    first_query: Some(0),
                    first_key: Some(0),
                    values: (0..rows * rows).map(weight).collect(),
                }];
                frame.activations = vec![Activations {
                    values: convolution.values.iter().map(|x| x.max(0.0)).collect(),
                    ..convolution
                }];
                dash.apply(&Event::Probe(frame));
            }
            Event::Instruments(mut read) => {
                read.layers.clear();
                dash.apply(&Event::Instruments(read));
            }
            other => dash.apply(&other),
        }
    }
    dash
}

#[test]
fn a_network_without_recurrent_layers_shows_windows_and_attention() {
    let dash = without_states();
    let overview = text(&dash, 120, 39, &THEME);
    assert!(!overview.contains("no recurrent layer"), "{overview}");
    let states = acted(dash, &[Action::NextTab; 2]);
    snapshots("states_of_convolution", &states);
    let alone = acted(states, &[Action::Focus(1), Action::Open]);
    let shown = text(&alone, 120, 39, &THEME);
    assert!(shown.contains("strongest at") && shown.contains("has entertain"), "{shown}");
}

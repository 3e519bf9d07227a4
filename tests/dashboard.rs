//! The dashboard as text, from the start of a run to its end, on every kind of terminal.

#[path = "dashboard/bytes.rs"]
mod bytes;
#[path = "dashboard/measured.rs"]
mod measured;
#[allow(dead_code, reason = "other tests make long runs of them")]
#[path = "common/recordings.rs"]
mod recordings;
#[path = "dashboard/screens.rs"]
mod screens;
#[path = "dashboard/story.rs"]
mod story;
#[path = "dashboard/tasks.rs"]
mod tasks;
#[path = "dashboard/texts.rs"]
mod texts;
#[path = "dashboard/units.rs"]
mod units;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use unrolled::escape;
use unrolled::protocol::{
    Activations, AttentionWeights, Event, LayerRow, Level, LogLine, ProbeFrame, RunStatus, StepMetrics,
    TokenInfluence,
};
use unrolled::ui::dashboard::Dashboard;
use unrolled::ui::earlier_runs::EarlierRuns;
use unrolled::ui::keymap::Action;
use unrolled::ui::panel::{Panel, Tab};
use unrolled::ui::screenshot;
use unrolled::ui::theme::{Colors, Glyphs, Theme};
use unrolled::ui::view::dashboard::{self, Target};

const THEME: Theme = Theme { colors: Colors::True, glyphs: Glyphs::Braille, light: false, ..Theme::DARK };
const PLAIN: Theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Ascii, light: false, ..Theme::DARK };

fn drawn(dash: &Dashboard, width: u16, height: u16, theme: &Theme) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    dashboard::render(dash, *buf.area(), &mut buf, theme);
    buf
}

fn text(dash: &Dashboard, width: u16, height: u16, theme: &Theme) -> String {
    let buf = drawn(dash, width, height, theme);
    let rows = buf
        .content()
        .chunks(usize::from(width))
        .map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    rows.map(|row| row.trim_end().to_owned() + "\n").collect()
}

fn acted(mut dash: Dashboard, actions: &[Action]) -> Dashboard {
    actions.iter().for_each(|action| assert!(dash.act(*action), "{action:?} concerns the dashboard"));
    dash
}

fn after(mut dash: Dashboard, events: &[Event]) -> Dashboard {
    events.iter().for_each(|event| dash.apply(event));
    dash
}

/// The words in the box whose upper left corner and title are `corner`.
fn in_box(screen: &str, corner: &str) -> String {
    let mut lines = screen.lines().skip_while(|line| !line.contains(corner));
    let first = lines.next().unwrap_or_default();
    let left = first.split(corner).next().unwrap_or_default().chars().count();
    let width = first.chars().skip(left + 1).take_while(|c| *c != '╮').count();
    let inside = |line: &str| line.chars().skip(left + 1).take(width).collect::<String>();
    let rows = lines.take_while(|line| line.chars().nth(left) != Some('╰')).map(inside);
    rows.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_series_has_its_errors_in_its_units_beside_what_needs_no_network() {
    // Before the first epoch has ended nothing is known of them.
    assert!(text(&story::forecast(100), 80, 23, &THEME).contains("4 Gradient norm"));
    insta::assert_snapshot!("series_80", text(&story::forecast(700), 80, 23, &THEME));
    let read = acted(story::forecast(700), &[Action::Focus(4), Action::Left, Action::Explain]);
    insta::assert_snapshot!("series_explained", text(&read, 80, 23, &THEME));

    let one = story::forecast_of(700, ".sold", &[("val_rmse_last", 48.0)]);
    let read = text(&acted(one, &[Action::Focus(4), Action::Explain]), 80, 23, &THEME);
    let read = in_box(&read, "╭ 4 Forecast errors");
    assert!(!read.contains("one season before") && read.contains("the dotted line, a baseline"), "{read}");
    assert!(read.contains("Of several"), "{read}");
}

#[test]
fn preparing() {
    let dash = after(Dashboard::new(), &[story::preparing(), story::log("cache of tokens is there")]);
    insta::assert_snapshot!(text(&dash, 80, 23, &THEME));
}

#[test]
fn prepared() {
    insta::assert_snapshot!(text(&story::after_steps(0), 80, 23, &THEME));
}

#[test]
fn training() {
    insta::assert_snapshot!("training_80", text(&story::after_steps(418), 80, 23, &THEME));
    insta::assert_snapshot!("training_120", text(&story::after_steps(418), 120, 39, &THEME));
}

#[test]
fn the_truth_of_a_probe_stands_beside_the_answer() {
    let shown = |classes: bool, prediction: Vec<f32>, truth: &str| {
        let mut info = story::info();
        info.data.classes.retain(|_| classes);
        info.probes.truncate(1);
        info.probes[0].truth = Some(truth.into());
        let values = vec![0.5; info.probes[0].tokens.len()];
        let h = Activations {
            layer: 1,
            direction: None,
            quantity: "h".into(),
            units: 1,
            values,
            ..Activations::default()
        };
        let frame = ProbeFrame {
            step: 0,
            probe: 0,
            prediction,
            by_token: Vec::new(),
            activations: vec![h],
            ..ProbeFrame::default()
        };
        let events = [Event::Prepared(Box::new(info)), Event::Probe(Box::new(frame))];
        text(&after(Dashboard::new(), &events), 120, 39, &THEME)
    };
    assert!(shown(false, vec![1.043, -0.5], "1.09").contains("example 1/1 1.0430 -0.5000 target 1.09"));
    assert!(shown(true, vec![0.25, 0.75], "negative").contains("example 1/1 positive 0.75 target negative"));
    assert!(shown(true, vec![0.25, 0.75], "\u{1b}[2J").contains("target ␛[2J"));
}

#[test]
fn tabs_show_more_panels_the_larger_the_screen_is() {
    insta::assert_snapshot!("overview_200", text(&story::after_steps(418), 200, 59, &THEME));
    let texts = acted(story::after_steps(418), &[Action::NextTab, Action::NextTab, Action::NextTab]);
    insta::assert_snapshot!("text_120", text(&texts, 120, 39, &THEME));
    insta::assert_snapshot!("text_80", text(&acted(texts, &[Action::Up, Action::Open]), 80, 23, &THEME));
    let log = acted(story::finished(), &[Action::PreviousTab]);
    insta::assert_snapshot!("log_80", text(&log, 80, 23, &THEME));
}

/// A network with attention over the example "the movie is not bad".
fn attentive(is_measured: bool) -> Dashboard {
    let mut info = story::info();
    let tokens = ["the", "movie", "is", "not", "bad"].map(String::from).to_vec();
    info.data.vocabulary = 10_000;
    info.probes.truncate(1);
    info.probes[0].tokens.clone_from(&tokens);
    info.probes[0].first_step = 195;
    info.model.layers[1] = LayerRow { class: "MultiHeadAttention".into(), ..LayerRow::default() };
    let weights = |head: usize| {
        let value = |query: usize, key: usize| if (query + head) % 5 == key { 0.6 } else { 0.1 };
        let values = (0..5).flat_map(|query| (0..5).map(move |key| value(query, key))).collect();
        AttentionWeights { layer: 1, head, keys: 5, first_query: Some(0), first_key: Some(0), values }
    };
    let influence = TokenInfluence {
        output: 1,
        first: 0,
        occlusion: vec![0.01, -0.02, 0.0, 0.41, -0.33],
        gradient_input: vec![0.1, 0.0, -0.2, 1.25, -2.5],
    };
    let frame = |step, influence| ProbeFrame {
        step,
        prediction: vec![0.2, 0.8],
        attention: vec![weights(0), weights(1)],
        influence,
        ..ProbeFrame::default()
    };
    let frames = [frame(10, Some(influence).filter(|_| is_measured)), frame(20, None)];
    let prepared = [Event::Prepared(Box::new(info))];
    after(
        Dashboard::new(),
        &prepared.into_iter().chain(frames.map(|f| Event::Probe(Box::new(f)))).collect::<Vec<_>>(),
    )
}

#[test]
fn an_influence_that_was_never_measured_is_not_waited_for_once_the_run_is_over() {
    let dash = acted(attentive(false), &[Action::NextTab; 3]);
    assert!(text(&dash, 120, 39, &THEME).contains("waiting: it is measured at every tenth"));
    let over = after(dash, &[Event::Status(RunStatus::Finished)]);
    let over = text(&over, 120, 39, &THEME);
    assert!(over.contains("not measured in this run") && !over.contains("waiting"), "{over}");
}

#[test]
fn attention_and_the_influence_of_each_token_are_shown() {
    let dash = acted(attentive(true), &[Action::NextTab; 3]);
    insta::assert_snapshot!("attention_120", text(&dash, 120, 39, &THEME));
    insta::assert_snapshot!("attention_ascii_80", text(&dash, 80, 23, &PLAIN));
    let second = acted(dash, &[Action::Focus(3), Action::Quantity]);
    assert!(text(&second, 120, 39, &THEME).contains("head 2 of 2"));
    // Not measured at step 20: the values of step 10 stay, and say so.
    assert!(text(&second, 120, 39, &THEME).contains("step 10"));
    let buf = drawn(&second, 120, 39, &THEME);
    let colour = |word: &str| {
        let rows: Vec<String> =
            buf.content().chunks(120).map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect();
        let (y, row) = rows.iter().enumerate().find(|(_, row)| row.contains("not bad")).unwrap();
        let x = row.find(word).map(|at| row[..at].chars().count()).unwrap();
        buf[(x as u16, y as u16)].bg
    };
    assert_ne!(colour("not bad"), colour("bad"), "words for and against the class have different colours");
}

#[test]
fn several_trainings_are_compared_by_their_best_values_and_a_band() {
    let mut dash = Dashboard::of_several(EarlierRuns::new(3, Vec::new()));
    for seed in 1..=2_u64 {
        dash.apply(&story::preparing());
        for event in story::events(784) {
            let event = match event {
                Event::Prepared(mut info) => {
                    info.folder = format!("runs/imdb-seeds/seed-{seed}").into();
                    Event::Prepared(info)
                }
                Event::Step(metrics) => {
                    Event::Step(StepMetrics { loss: metrics.loss + 0.1 * seed as f64, ..metrics })
                }
                other => other,
            };
            dash.apply(&event);
        }
        dash.apply(&Event::Status(RunStatus::Finished));
    }
    dash.apply(&story::preparing());
    let dash = after(dash, &story::events(418));
    let read = text(&dash, 120, 39, &THEME);
    assert!(
        read.contains("2 Hidden state") && !read.contains("Trainings"),
        "what is unique comes first: {read}"
    );
    let dash = acted(dash, &[Action::Focus(5)]);
    let read = text(&dash, 120, 39, &THEME);
    assert!(read.contains("best val_loss  at epoch"), "{read}");
    insta::assert_snapshot!("several_120", read);
}

#[test]
fn a_panel_that_does_not_fit_is_shown_when_it_is_focused() {
    let dash = story::after_steps(418);
    assert!(!text(&dash, 80, 23, &THEME).contains("6 Gradient norm"));
    let focused = text(&acted(dash, &[Action::Focus(6)]), 80, 23, &THEME);
    assert!(focused.contains("6 Gradient norm") && focused.contains("4 to 7 of 7"), "{focused}");
}

#[test]
fn what_is_under_the_mouse_is_what_is_drawn_there() {
    let dash = story::after_steps(418);
    let area = Rect::new(0, 0, 120, 39);
    let at = |x, y| dashboard::target_at(&dash, area, (x, y), &THEME);
    let drawn = text(&dash, 120, 39, &THEME);
    let row = drawn.lines().position(|line| line.contains("Gradients")).unwrap() as u16;
    let column = drawn.lines().nth(usize::from(row)).unwrap().find("Gradients").unwrap() as u16;
    assert_eq!(at(column, row), Some(Target::Tab(Tab::Gradients)));
    let panel = |x, y| match at(x, y) {
        Some(Target::Panel(panel, _)) => Some(panel),
        _ => None,
    };
    assert_eq!(panel(5, row + 2), Some(Panel::Gradient));
    assert_eq!(panel(100, row + 2), Some(Panel::Hidden));
    assert_eq!(panel(5, 30), Some(Panel::Loss));
    assert_eq!(at(5, 0), None);
}

#[test]
fn paused_with_a_cursor_by_epochs() {
    let paused = after(story::after_steps(418), &[Event::Status(RunStatus::Paused)]);
    let dash =
        acted(paused, &[Action::XAxis, Action::SmoothOff, Action::Zoom, Action::PageUp, Action::PageUp]);
    insta::assert_snapshot!(text(&dash, 120, 39, &THEME));
}

#[test]
fn finished() {
    insta::assert_snapshot!(text(&story::finished(), 80, 23, &THEME));
}

#[test]
fn diverged() {
    let what = "the loss of step 301 is not finite; the weights are those of step 300. A lower learning rate or \
                global_clipnorm may help.";
    let broken = StepMetrics {
        step: 301,
        epoch: 2,
        loss: f64::NAN,
        accuracy: Some(f64::NAN),
        learning_rate: 10.0,
        grad_norm: f64::INFINITY,
        sequences_per_s: 1000.0,
        seconds: 31.0,
    };
    let end = RunStatus::Diverged { what: what.into() };
    let dash = after(story::after_steps(300), &[Event::Step(broken), Event::Status(end)]);
    insta::assert_snapshot!(text(&dash, 80, 23, &THEME));
}

#[test]
fn a_warning_is_seen_in_full_until_it_is_dismissed() {
    let warning =
        LogLine { level: Level::Warning, text: "the disk is slow: training waits for the recorder".into() };
    let dash = after(story::after_steps(50), &[Event::Log(warning), story::log("later")]);
    assert!(
        text(&dash, 80, 23, &THEME).contains("warning: the disk is slow: training waits for the recorder")
    );
    assert!(!text(&acted(dash, &[Action::Back]), 80, 23, &THEME).contains("the disk is slow"));
}

#[test]
fn a_line_of_the_log_that_is_longer_than_the_panel_shows_its_end() {
    let words = (0..600).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
    let dash = after(story::after_steps(50), &[story::log("earlier"), story::log(&words)]);
    let shown = text(&acted(dash, &[Action::PreviousTab]), 80, 23, &THEME);
    assert!(shown.contains(" word599 ") && !shown.contains(" word0 "), "{shown}");
    let rows = shown.lines().filter(|line| line.contains(" word")).count();
    assert!(rows > 10, "{rows} rows: {shown}");
}

#[test]
fn a_long_warning_leaves_the_rows_of_a_low_screen_to_the_panels_unless_the_run_has_failed() {
    let long = "this preset stops after 3 epochs without an improvement, but nothing is validated: the loss of the training data \
                is monitored, which falls as long as the network learns by heart; set data.validation";
    let warning = LogLine { level: Level::Warning, text: long.into() };
    let dash = after(story::after_steps(50), &[Event::Log(warning)]);
    let rows = |dash: &Dashboard, width, height| {
        let text = text(dash, width, height, &THEME);
        let below = text.lines().skip_while(|line| !line.contains("warning: this preset"));
        below.map(str::to_owned).collect::<Vec<String>>()
    };
    let low = rows(&dash, 80, 23);
    assert_eq!(low, [" warning: this preset stops after 3 epochs withou… (L shows all, Esc dismisses)"]);
    // There is space below the panels of a high one.
    let high = rows(&dash, 80, 39);
    assert!(high.len() > 2 && high.concat().contains("(Esc dismisses)"), "{high:?}");
    let over = after(dash, &[Event::Status(RunStatus::Finished)]);
    assert_eq!(rows(&over, 80, 23)[0], low[0], "there is more to say below it");
    assert!(rows(&over, 80, 39).concat().contains("learns by heart"));
    let failed = after(over, &[Event::Status(RunStatus::Failed { what: "no space left on device".into() })]);
    assert!(rows(&failed, 80, 23).concat().contains("learns by heart"));
}

#[test]
fn fewer_glyphs() {
    let blocks = Theme { colors: Colors::Ansi16, glyphs: Glyphs::Blocks, light: false, ..Theme::DARK };
    insta::assert_snapshot!("blocks_80", text(&story::after_steps(418), 80, 23, &blocks));
    insta::assert_snapshot!("ascii_80", text(&story::after_steps(418), 80, 23, &PLAIN));
}

#[test]
fn one_panel_alone_and_explained() {
    let dash =
        acted(story::after_steps(418), &[Action::Focus(1), Action::Open, Action::Left, Action::PageUp]);
    insta::assert_snapshot!("gradient_alone", text(&dash, 80, 23, &THEME));
    insta::assert_snapshot!("gradient_explained", text(&acted(dash, &[Action::Explain]), 80, 23, &THEME));
    let small =
        acted(story::after_steps(418), &[Action::Focus(2), Action::NextProbe, Action::Up, Action::Up]);
    insta::assert_snapshot!("smallest", text(&small, 40, 10, &THEME));
    insta::assert_snapshot!("too_small", text(&small, 30, 8, &THEME));
}

#[test]
fn an_explanation_lies_beside_its_panel() {
    for number in 1..=4 {
        let dash = || acted(story::after_steps(418), &[Action::Focus(number)]);
        let explained = drawn(&acted(dash(), &[Action::Explain]), 120, 39, &THEME);
        let (dash, plain) = (dash(), drawn(&dash(), 120, 39, &THEME));
        assert_ne!(plain, explained);
        let focus = dash.view.focus(&dash.run);
        let mut positions = plain.area().positions();
        let place =
            positions.find_map(|at| match dashboard::target_at(&dash, *plain.area(), (at.x, at.y), &THEME) {
                Some(Target::Panel(panel, place)) if panel == focus => Some(place),
                _ => None,
            });
        for at in place.unwrap().positions() {
            assert_eq!(plain[at], explained[at], "panel {number} at {at}");
        }
    }
}

#[test]
fn gates_of_one_direction_and_what_each_step_gives_the_recurrent_kernel() {
    let gate = [Action::Focus(2), Action::NextLayer, Action::Quantity, Action::Quantity, Action::Quantity];
    let gate = acted(story::gated(418), &gate);
    insta::assert_snapshot!("gates_120", text(&gate, 120, 39, &THEME));
    insta::assert_snapshot!("gates_ascii_80", text(&gate, 80, 23, &PLAIN));
    insta::assert_snapshot!("gates_explained", text(&acted(gate, &[Action::Explain]), 80, 23, &THEME));
    let kernel = acted(story::gated(418), &[Action::Focus(1), Action::Quantity]);
    insta::assert_snapshot!("recurrent_kernel_120", text(&kernel, 120, 39, &THEME));
    let kernel = acted(kernel, &[Action::Open, Action::Explain]);
    insta::assert_snapshot!("recurrent_kernel_explained", text(&kernel, 80, 23, &THEME));
}

#[test]
fn the_loss_is_explained_with_how_far_a_step_moves_the_weights() {
    let screen = text(&acted(story::after_steps(418), &[Action::Explain]), 80, 23, &THEME);
    assert!(
        screen.contains("by at most 0.0018 of their norm") && screen.contains("of 1.recurrent_kernel"),
        "{screen}"
    );
    assert!(
        !text(&acted(story::after_steps(0), &[Action::Explain]), 80, 23, &THEME)
            .contains("moves the weights")
    );
}

#[test]
fn a_logarithmic_axis_refuses_what_is_not_positive_and_says_so() {
    let zero = StepMetrics { loss: 0.0, step: 101, ..first_step() };
    let dash = acted(after(story::after_steps(100), &[Event::Step(zero)]), &[Action::LogScale]);
    assert!(text(&dash, 80, 23, &THEME).contains("log scale: values ≤ 0 are omitted"));
    let dash = acted(story::after_steps(100), &[Action::LogScale]);
    assert!(!text(&dash, 80, 23, &THEME).contains("omitted"));
}

#[test]
fn a_task_without_classes_shows_the_gradient_norm_in_place_of_accuracy() {
    let events = story::events(60).into_iter().map(|event| match event {
        Event::Step(metrics) => Event::Step(StepMetrics { accuracy: None, ..metrics }),
        other => other,
    });
    let dash = after(Dashboard::new(), &events.collect::<Vec<_>>());
    let screen = text(&dash, 80, 23, &THEME);
    assert!(screen.contains("4 Gradient norm") && !screen.contains("Accuracy"));
}

#[test]
fn no_size_and_no_state_panics() {
    let states = [
        Dashboard::new(),
        after(Dashboard::new(), &[story::preparing()]),
        story::after_steps(0),
        story::after_steps(1),
        acted(
            story::after_steps(230),
            &[Action::Left, Action::LogScale, Action::XAxis, Action::XAxis, Action::Explain],
        ),
        acted(story::finished(), &[Action::Focus(2), Action::Open, Action::Up]),
        acted(story::gated(20), &[Action::Quantity, Action::Focus(1), Action::Quantity, Action::Explain]),
    ];
    for dash in &states {
        for glyphs in [Glyphs::Braille, Glyphs::Ascii] {
            let theme = Theme { glyphs, ..THEME };
            for (width, height) in (1..=60).flat_map(|width| (1..=30).map(move |height| (width, height))) {
                drawn(dash, width, height, &theme);
            }
            for (width, height) in [(80, 1), (1, 80), (200, 3), (300, 100), (75, 14), (50, 50)] {
                drawn(dash, width, height, &theme);
            }
        }
    }
}

#[test]
fn ascii_is_ascii_and_mono_has_no_colour() {
    let foreign = after(hostile(), &[story::log("naïve café 良い")]);
    for dash in [
        story::finished(),
        story::gated(20),
        foreign,
        acted(story::after_steps(100), &[Action::Focus(1), Action::Explain]),
    ] {
        for (width, height) in [(80, 23), (120, 40), (200, 59), (40, 10), (20, 5)] {
            let buf = drawn(&dash, width, height, &PLAIN);
            for cell in buf.content() {
                assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
                assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
            }
        }
    }
}

#[test]
fn foreign_text_cannot_steer_the_terminal() {
    let explained = |number| [Action::Focus(number), Action::Explain];
    for actions in [&[][..], &[Action::Focus(2), Action::Open], &explained(3), &explained(1), &explained(2)] {
        let screen = text(&acted(hostile(), actions), 120, 40, &THEME);
        assert!(screen.contains("␛[2J"), "what is harmless to show is shown");
        assert!(screen.lines().all(|row| escape::foreign(row) == row));
    }
}

#[test]
fn a_picture_holds_what_the_screen_says() {
    let svg = screenshot::svg(&drawn(&story::finished(), 120, 39, &THEME), &THEME);
    for said in ["finished", "3 Loss", "entertainment", "validation 0.4011"] {
        assert!(svg.contains(said), "{said}");
    }
    assert_eq!(svg.matches('<').count(), svg.matches('>').count());
}

fn first_step() -> StepMetrics {
    StepMetrics {
        step: 1,
        epoch: 1,
        loss: 0.7,
        accuracy: Some(0.5),
        learning_rate: 0.001,
        grad_norm: 0.3,
        sequences_per_s: 1240.0,
        seconds: 0.1,
    }
}

/// The run with control characters in all text of the data.
fn hostile() -> Dashboard {
    const EVIL: &str = "\x1b[2J\u{9b}31m\u{202e}é";
    let events = story::events(40).into_iter().map(|event| match event {
        Event::Prepared(mut info) => {
            info.name = EVIL.into();
            info.folder = EVIL.into();
            info.data.classes.iter_mut().for_each(|class| class.label = EVIL.into());
            info.model.layers.iter_mut().for_each(|layer| layer.class = EVIL.into());
            info.probes.iter_mut().flat_map(|probe| &mut probe.tokens).for_each(|token| *token = EVIL.into());
            Event::Prepared(info)
        }
        Event::Instruments(mut read) => {
            read.params.iter_mut().for_each(|param| param.name = EVIL.into());
            read.layers.iter_mut().for_each(|layer| layer.proposal = EVIL.into());
            let quantities = read.layers.iter_mut().flat_map(|layer| &mut layer.quantities);
            quantities.for_each(|quantity| quantity.quantity = EVIL.into());
            Event::Instruments(read)
        }
        Event::Probe(mut frame) => {
            frame.activations.iter_mut().for_each(|held| held.quantity = EVIL.into());
            Event::Probe(frame)
        }
        other => other,
    });
    let warning = LogLine { level: Level::Error, text: EVIL.into() };
    let end = [Event::Log(warning), Event::Status(RunStatus::Failed { what: EVIL.into() })];
    after(Dashboard::new(), &events.chain(end).collect::<Vec<_>>())
}

//! One unit of a layer: its course over the text and over training, and the tokens that drive it.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::gradient::layer_name;
use super::hidden::quantity_name;
use crate::escape;
use crate::number;
use crate::protocol::{Activations, LayerUnit, StepResponse, TokenResponse, UnitResponse};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::run_state::RecurrentLayer;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::{self, Chart, Curve, LineStyle, Sample};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::ticks::{self, Tick};

/// From this size on the tokens that drive the unit stand beside its courses.
const BESIDE: u16 = 72;
/// Columns of these tokens, on narrow and on wide screens.
const TOKENS: [u16; 2] = [36, 50];
/// From this width on a screen is wide.
const WIDE: u16 = 110;
/// From this height on there is space for the course over training.
const TALL: u16 = 14;
/// Columns of the label of a token at least.
const LEAST_LABEL: usize = 4;

/// Draws the panels.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let Some((layer, shown, unit)) = dash.view.unit(&dash.run) else { return };
    let tokens = match area.width {
        ..BESIDE => 0,
        BESIDE..WIDE => TOKENS[0],
        WIDE.. => TOKENS[1],
    };
    let left = Rect { width: area.width - tokens, ..area };
    let course =
        Rect { height: if area.height >= TALL { area.height.div_ceil(2) } else { area.height }, ..left };
    let training = Rect { y: course.bottom(), height: area.height - course.height, ..left };
    over_text(dash, (layer, shown, unit), course, buf, theme);
    if training.height > 0 {
        over_training(dash, (layer, shown, unit), training, buf, theme);
    }
    if tokens > 0 {
        let place = Rect { x: left.right(), width: tokens, ..area };
        driving(dash, (layer, shown, unit), place, buf, theme);
    }
}

/// The chosen unit.
type Chosen<'a> = (RecurrentLayer, &'a Activations, usize);

/// The value of the unit after every token of the example.
fn over_text(
    dash: &Dashboard,
    (layer, shown, unit): Chosen<'_>,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let number = dash.view.number(Panel::Hidden, &dash.run);
    let kind = if shown.window.is_some() { "Filter" } else { "Unit" };
    let title = [
        (format!("{number} {kind} {unit}").into(), theme.style(Role::Title)),
        (
            format!(" · {} · {}", quantity_name(&shown.quantity), layer_name(dash, layer)).into(),
            theme.style(Role::Text),
        ),
    ];
    let values: Vec<f32> = shown.values.iter().skip(unit).step_by(shown.units.max(1)).copied().collect();
    let row = dash.view.row(&dash.run);
    let labels = labels(dash, shown);
    let word = row.and_then(|row| labels.get(row)).cloned().unwrap_or_default();
    let value = row.and_then(|row| values.get(row)).map(|value| format!(" {value:+.3}"));
    let left = [
        ("after ".into(), theme.style(Role::Dim)),
        (word, theme.style(Role::Title)),
        (value.unwrap_or_default().into(), theme.style(Role::Text)),
    ];
    let example = format!("example {}", 1 + dash.view.probe_index());
    let right = [(example.into(), theme.style(Role::Dim))];
    let frame = PanelFrame { focused: true, title: &title, note: &[], left: &left, right: &right };
    let inner = frame.render(area, buf, theme);
    let signed = values.iter().any(|value| *value < 0.0);
    let scale = f64::from(dash.run.heat_scale(layer, &shown.quantity));
    let x = (-0.5, values.len().max(1) as f64 - 0.5);
    let y = (if signed { -scale } else { 0.0 }, scale);
    let y_ticks = ticks::linear(y.0, y.1, ticks::fitting(inner.height.saturating_sub(1)));
    let plot = chart::plot(inner, &y_ticks);
    let columns = chart::columns(plot, theme.glyphs);
    let points: Vec<(f64, f64)> =
        values.iter().enumerate().map(|(t, value)| (t as f64, f64::from(*value))).collect();
    let samples = samples(&points, x, columns);
    Chart {
        y,
        y_ticks: &y_ticks,
        x,
        x_ticks: &token_ticks(&labels, usize::from(plot.width)),
        x_name: "",
        curves: &[Curve { samples: &samples, line: LineStyle::Solid, style: theme.style(Role::Train) }],
        rules: if signed { &[0.0] } else { &[] },
        events: &[],
        cursor: dash.view.position.and(row).map(|row| row as f64),
    }
    .render(inner, buf, theme);
}

/// The names of the rows.
fn labels<'a>(dash: &'a Dashboard, shown: &Activations) -> Vec<Cow<'a, str>> {
    let Some(probe) = dash.run.info().and_then(|info| info.probes.get(dash.view.probe_index())) else {
        return Vec::new();
    };
    match shown.window {
        Some(window) => super::hidden::windows(probe, shown, window),
        None => probe.tokens.iter().map(|token| escape::foreign(token)).collect(),
    }
}

/// A mark for every token, or every few tokens, with as much of it as there is space for; each token has an equal part of the axis.
fn token_ticks(labels: &[Cow<'_, str>], width: usize) -> Vec<Tick> {
    let tokens = labels.len().max(1);
    // Characters need less than words.
    let least = labels.iter().map(|label| text::width(label)).max().unwrap_or(0).min(LEAST_LABEL);
    let every = (1..tokens).find(|every| width * every / tokens >= least + 2).unwrap_or(tokens);
    let space = (width * every / tokens).saturating_sub(2).max(1);
    let tick =
        |(at, label): (usize, &Cow<'_, str>)| Tick { at: at as f64, text: text::clip(label, space).into() };
    labels.iter().enumerate().step_by(every).filter(|(_, label)| !label.is_empty()).map(tick).collect()
}

/// A sample for every column of dots: the points between both ends of the axis that lie there.
fn samples(points: &[(f64, f64)], (from, to): (f64, f64), columns: usize) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); columns];
    for (x, y) in points {
        let share = if to > from { (x - from) / (to - from) } else { 0.0 };
        let column = ((share * columns as f64) as usize).min(columns.saturating_sub(1));
        let Some(sample) = samples.get_mut(column) else { continue };
        if y.is_finite() {
            let (low, high) = sample.span.unwrap_or((*y, *y));
            sample.span = Some((low.min(*y), high.max(*y)));
        } else {
            sample.gap = Some('×');
        }
    }
    samples
}

/// The mean magnitude of the unit over the example, at monitored steps of the training.
fn over_training(
    dash: &Dashboard,
    (layer, shown, unit): Chosen<'_>,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let title = [("Activity over training".into(), theme.style(Role::Title))];
    let note = [vec![("mean magnitude over the example".into(), theme.style(Role::Dim))], Vec::new()];
    let frame = PanelFrame { focused: false, title: &title, note: &note, left: &[], right: &[] };
    let inner = frame.render(area, buf, theme);
    let history = dash.unit_history.as_ref().filter(|history| history.example == dash.view.probe_index());
    let course = history.map(|history| history.course(layer, &shown.quantity, unit)).unwrap_or_default();
    let (Some(first), Some(last)) = (course.first(), course.last()) else { return };
    if course.len() < 2 {
        let words = "waiting for the next monitored step";
        text::put(buf, inner.x + 1, inner.y, inner.width.into(), &[(words.into(), theme.style(Role::Dim))]);
        return;
    }
    let greatest =
        course.iter().map(|(_, value)| *value).filter(|value| value.is_finite()).fold(0.0, f32::max);
    let y = (0.0, f64::from(greatest.max(1e-3)) * 1.04);
    let y_ticks = ticks::linear(y.0, y.1, ticks::fitting(inner.height.saturating_sub(1)));
    let plot = chart::plot(inner, &y_ticks);
    let columns = chart::columns(plot, theme.glyphs);
    let (from, to) = (first.0 as f64, last.0 as f64);
    let points: Vec<(f64, f64)> =
        course.iter().map(|(step, value)| (*step as f64, f64::from(*value))).collect();
    let samples = samples(&points, (from, to), columns);
    let ends = [first.0, last.0].map(|step| Tick { at: step as f64, text: number::count(step) });
    let x_ticks: Vec<Tick> =
        ends.into_iter().chain(ticks::counts(from, to, usize::from(plot.width) / 12)).collect();
    let now =
        dash.view.cursor.or(dash.is_replay.then(|| dash.view.probe(&dash.run)).flatten().map(|f| f.step));
    Chart {
        y,
        y_ticks: &y_ticks,
        x: (from, to),
        x_ticks: &x_ticks,
        x_name: "step",
        curves: &[Curve { samples: &samples, line: LineStyle::Solid, style: theme.style(Role::Train) }],
        rules: &[],
        events: &[],
        cursor: now.map(|step| (step as f64).clamp(from, to)),
    }
    .render(inner, buf, theme);
}

/// The tokens that drive the unit, or why they are not known.
fn driving(dash: &Dashboard, chosen: Chosen<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let (layer, shown, unit) = chosen;
    let address = LayerUnit { layer: layer.0, direction: layer.1, quantity: shown.quantity.clone(), unit };
    let response = dash.run.history().response(&address, dash.view.cursor);
    let reads_tokens = dash.run.info().is_some_and(|info| info.reads_tokens());
    let is_of_tokens = response.map_or(reads_tokens, |response| response.highest.is_empty());
    let name = if is_of_tokens { "What drives it" } else { "Where it is strongest" };
    let title = [(name.into(), theme.style(Role::Title))];
    let step = response.map(|response| format!("step {}", number::count(response.step)));
    let note = [vec![(step.unwrap_or_default().into(), theme.style(Role::Dim))]];
    let frame = PanelFrame { focused: false, title: &title, note: &note, left: &[], right: &[] };
    let inner = frame.render(area, buf, theme);
    let place = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let rows = match response {
        Some(response) if response.rising.is_empty() && response.falling.is_empty() && is_of_tokens => {
            wrapped("No token changes this unit: it is dead, or always the same.", place, theme)
        }
        Some(response) => listed(response, shown.window.is_some(), place, theme),
        None => wrapped(missing(dash, shown), place, theme),
    };
    for (y, row) in (place.top()..place.bottom()).zip(rows) {
        text::put(buf, place.x, y, place.width.into(), &row);
    }
}

/// A row of the list.
type Row<'a> = Vec<Piece<'a>>;

fn wrapped<'a>(words: &str, area: Rect, theme: &Theme) -> Vec<Row<'a>> {
    let row = |row: String| vec![(row.into(), theme.style(Role::Dim))];
    text::wrap(words, area.width.into()).into_iter().map(row).collect()
}

/// Why nothing is known of the chosen unit.
fn missing(dash: &Dashboard, shown: &Activations) -> &'static str {
    if shown.window.is_some() && (dash.is_replay || dash.is_race() || dash.run.is_over()) {
        "Which windows of the validation data are strongest is found by a run in training, for the chosen filter. Those of \
         the examples are listed beside the heat map: Esc goes there."
    } else if dash.is_replay {
        "This unit was not chosen while the run was trained. The tokens are counted by a run in training, which reads \
         validation data for the chosen unit."
    } else if dash.is_race() {
        "In a race no network reads validation data for a chosen unit: it would take time from the others. A run that is \
         trained alone counts the tokens."
    } else if dash.run.is_over() {
        "The training is over. The tokens are counted by a run in training, which reads validation data for the chosen \
         unit: `unrolled resume RUN --set train.epochs=N` goes on."
    } else {
        "Reading validation data …"
    }
}

/// The tokens, windows of them, or steps, in two lists.
fn listed<'a>(response: &'a UnitResponse, of_windows: bool, area: Rect, theme: &Theme) -> Vec<Row<'a>> {
    let dim = theme.style(Role::Dim);
    let data = if response.is_validation { "validation" } else { "training" };
    let said = format!(
        "{} of {data} data, {} steps; mean {:+.3}",
        number::counted(response.sequences, "sequence"),
        number::count(response.steps),
        response.mean
    );
    let mut rows = wrapped(&said, area, theme);
    // The lists share what is left: a heading and a blank line each.
    // Of a convolution that gives no negative values there is one list alone.
    let is_single = of_windows && response.falling.is_empty();
    let left = usize::from(area.height).saturating_sub(rows.len() + 4);
    let each = if is_single { left } else { left / 2 };
    let width = usize::from(area.width);
    let numbers = !response.highest.is_empty();
    let (heads, columns) = match (numbers, of_windows) {
        (true, _) => (["highest", "lowest"], "value"),
        (false, true) => (["strongest windows", "most negative windows"], "count    mean"),
        (false, false) => (["rises after", "falls after"], "count  change"),
    };
    let shown = |of: &TokenResponse| if of_windows { of.mean } else { of.change };
    for (place, head) in heads.into_iter().enumerate().take(if is_single { 1 } else { 2 }) {
        if place > 0 {
            rows.push(Vec::new());
        }
        let gap = width.saturating_sub(text::width(head) + text::width(columns));
        rows.push(vec![
            (head.into(), theme.style(Role::Title)),
            (" ".repeat(gap).into(), dim),
            (columns.into(), dim),
        ]);
        match (numbers, place) {
            (true, 0) => rows.extend(response.highest.iter().take(each).map(|of| step_row(of, width, theme))),
            (true, _) => rows.extend(response.lowest.iter().take(each).map(|of| step_row(of, width, theme))),
            (false, 0) => rows
                .extend(response.rising.iter().take(each).map(|of| token_row(of, shown(of), width, theme))),
            (false, _) => rows
                .extend(response.falling.iter().take(each).map(|of| token_row(of, shown(of), width, theme))),
        }
    }
    if !numbers && response.least_count > 1 {
        rows.push(vec![(format!("read {} times or more", response.least_count).into(), dim)]);
    }
    rows
}

fn token_row<'a>(of: &'a TokenResponse, value: f32, width: usize, theme: &Theme) -> Row<'a> {
    let numbers = format!("{:>6}  {value:+.3}", number::count(of.count));
    let token = token(&of.token);
    let token = text::clip(&token, width.saturating_sub(text::width(&numbers) + 1)).into_owned();
    let gap = width.saturating_sub(text::width(&token) + text::width(&numbers));
    vec![
        (token.into(), theme.style(Role::Text)),
        (" ".repeat(gap).into(), theme.style(Role::Dim)),
        (numbers.into(), theme.style(Role::Dim)),
    ]
}

/// A token as it is seen, a blank as well.
fn token(token: &str) -> Cow<'_, str> {
    if token == " " { "␣".into() } else { escape::foreign(token) }
}

fn step_row<'a>(of: &StepResponse, width: usize, theme: &Theme) -> Row<'a> {
    let inputs: Vec<String> = of.inputs.iter().map(|x| number::metric(f64::from(*x))).collect();
    let place = format!("sequence {} t={} reads {}", of.sequence + 1, of.step, inputs.join(" "));
    let value = format!("{:+.3}", of.value);
    let place = text::clip(&place, width.saturating_sub(value.len() + 1)).into_owned();
    let gap = width.saturating_sub(text::width(&place) + value.len());
    vec![
        (place.into(), theme.style(Role::Text)),
        (" ".repeat(gap).into(), theme.style(Role::Dim)),
        (value.into(), theme.style(Role::Dim)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::CommandSender;
    use crate::run::race::Standings;
    use crate::ui::group::Group;

    #[test]
    fn tokens_are_marked_as_far_as_there_is_space() {
        let labels: Vec<Cow<'_, str>> = ["overall", "the", "movie", "is", "not"].map(Cow::from).into();
        let texts = |width| token_ticks(&labels, width).into_iter().map(|tick| tick.text).collect::<Vec<_>>();
        assert_eq!(texts(80), ["overall", "the", "movie", "is", "not"]);
        assert_eq!(texts(30), ["ove…", "the", "mov…", "is", "not"]);
        assert_eq!(texts(15), ["ove…", "mov…", "not"]);
        assert_eq!(texts(2), ["…"]);
        let letters: Vec<Cow<'_, str>> = ["a", "b", "c"].map(Cow::from).into();
        assert_eq!(token_ticks(&letters, 9).len(), 3);
        assert!(token_ticks(&[], 20).is_empty());
        assert_eq!(token_ticks(&labels[..1], 20).len(), 1);
    }

    #[test]
    fn of_a_filter_windows_are_listed_by_their_mean() {
        let window = |token: &str, mean| TokenResponse { token: token.into(), count: 3, mean, change: 0.25 };
        let lines = |response: &UnitResponse, of_windows| {
            let rows = listed(response, of_windows, Rect::new(0, 0, 46, 20), &Theme::DARK);
            let words = |row: &Row<'_>| row.iter().map(|(words, _)| words.as_ref()).collect::<String>();
            rows.iter().map(words).collect::<Vec<_>>().join("\n")
        };
        let rising = vec![window("not bad but", 1.5)];
        let relu = UnitResponse { rising: rising.clone(), ..UnitResponse::default() };
        let shown = lines(&relu, true);
        assert!(shown.contains("strongest windows") && shown.contains("+1.500"), "{shown}");
        assert!(!shown.contains("negative") && lines(&relu, false).contains("falls after"), "{shown}");
        let tanh = UnitResponse { rising, falling: vec![window("is not", -0.75)], ..UnitResponse::default() };
        let shown = lines(&tanh, true);
        assert!(shown.contains("most negative windows") && shown.contains("-0.750"), "{shown}");
    }

    #[test]
    fn a_race_says_why_no_tokens_are_counted() {
        let (commands, _inbox) = crossbeam_channel::unbounded();
        let (_events, events) = crossbeam_channel::unbounded();
        let standings = Standings::new("memory".into(), vec![1], vec![("rnn".into(), None)]);
        let commands = CommandSender::new("screen", commands);
        let race = Group::of_race(standings, ("tokens", None), (events, commands));
        let mut dash = Dashboard::of_group(Box::new(race));
        let shown = Activations::default();
        assert!(missing(&dash, &shown).starts_with("In a race no network"));
        dash.group = None;
        assert_eq!(missing(&dash, &shown), "Reading validation data …");
    }
}

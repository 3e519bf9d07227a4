//! Hidden state, cell state and gates of a recurrent layer after each token of an example.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::gradient::layer_name;
use super::predictions::labels as labels_after;
use super::{class_name, predicted, visible};
use crate::escape;
use crate::metrics::is_predicted;
use crate::number;
use crate::protocol::{
    Activations, ClassCount, ProbeFrame, ProbeText, RunInfo, TokenPrediction, TokenWindow,
};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::{Panel, Tab};
use crate::ui::run_state::HeatScale;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::heat_map::{FEWEST_SWATCHES, HeatMap, swatch, swatches};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let view = &dash.view;
    let shown = dash.view.probe(&dash.run).zip(dash.view.activations(&dash.run));
    let scale = shown.map_or(1.0, |(_, activations)| {
        dash.run.heat_scale((activations.layer, activations.direction), &activations.quantity)
    });
    let title = title(dash, scale, usize::from(area.width).saturating_sub(6), theme);
    let probe = dash.run.info().and_then(|info| info.probes.get(view.probe_index()));
    let window = shown.and_then(|(_, activations)| activations.window);
    let labels: Vec<Cow<'_, str>> = match (probe, shown, window) {
        (Some(probe), Some((_, activations)), Some(window)) => windows(probe, activations, window),
        (Some(probe), ..) => probe.tokens.iter().map(|token| visible(token)).collect(),
        (None, ..) => Vec::new(),
    };
    let first_step = probe.map_or(0, |probe| probe.first_step);
    let notes = shown
        .zip(probe)
        .filter(|_| window.is_none())
        .map(|((frame, _), probe)| by_token((frame, probe), dash.run.info(), area.width < WIDE, theme))
        .unwrap_or_default();
    let columns = shown.and_then(|(_, of)| view.units.columns((of.layer, of.direction), of.units));
    let values = shown.map_or(Cow::Borrowed(&[][..]), |(_, activations)| in_order(activations, columns));
    let map = shown.map(|(_, activations)| HeatMap {
        values: &values,
        columns: activations.units,
        labels: &labels,
        notes: &notes,
        scale,
        selected: view
            .position
            .and_then(|at| row_of(at.checked_sub(first_step)?, window))
            .filter(|row| *row < labels.len()),
    });
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    let note = [map.map(|map| units(&map, inner, theme)).unwrap_or_default()];
    let left = shown.map(|(frame, _)| prediction(dash, frame, area.width < WIDE, theme)).unwrap_or_default();
    let right = shown
        .map(|(_, activations)| legend(scale, &activations.values, area.width < WIDE, theme))
        .unwrap_or_default();
    let frame = PanelFrame {
        focused: view.focus(&dash.run) == Panel::Hidden,
        title: &title,
        note: &note,
        left: &left,
        right: &right,
    };
    frame.render(area, buf, theme);
    match map {
        Some(map) if view.chooses_units(&dash.run) && inner.height > LEAST_NUMBERED => {
            let place = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
            unit_numbers(dash, &map, place, buf, theme);
            map.render(place, buf, theme);
        }
        Some(map) => map.render(inner, buf, theme),
        None => {
            let pieces = [(waiting(dash).into(), theme.style(Role::Dim))];
            text::put(buf, inner.x, inner.y, usize::from(inner.width), &pieces);
        }
    }
}

/// Height up to which a map has no line with the numbers of its units.
const LEAST_NUMBERED: u16 = 3;

/// The values with the units in their order on the screen.
fn in_order<'a>(activations: &'a Activations, columns: Option<&[usize]>) -> Cow<'a, [f32]> {
    let Some(columns) = columns else { return Cow::Borrowed(&activations.values) };
    let rows = activations.values.chunks_exact(activations.units.max(1));
    rows.flat_map(|row| columns.iter().filter_map(|unit| row.get(*unit).copied())).collect::<Vec<_>>().into()
}

/// Writes the numbers of the units above a heat map at `area`, as far as they fit, the chosen one in any case.
fn unit_numbers(dash: &Dashboard, map: &HeatMap<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let Some(shown) = dash.view.activations(&dash.run) else { return };
    let layer = (shown.layer, shown.direction);
    let fit = map.layout(area, theme);
    // The columns of text at which the cell of a unit begins.
    let column = |place: usize| {
        let cell = place / fit.per_cell;
        fit.labels + if fit.cell_width == 0 { cell / 2 } else { cell * fit.cell_width }
    };
    let end = usize::from(area.width) - fit.notes;
    let numbers = |place: usize| match dash.view.units.columns(layer, shown.units) {
        Some(columns) => columns.get(place).copied().unwrap_or(place),
        None => place,
    };
    let chosen = dash.view.units.chosen_of(shown.units);
    let y = area.y - 1;
    let mut write = |from: usize, number: &str, role: Role| {
        text::put(buf, area.x + from as u16, y, number.len(), &[(number.into(), theme.style(role))]);
    };
    let mut taken = None;
    if let Some(unit) = chosen {
        let number = unit.to_string();
        let from =
            column(dash.view.units.place(unit, layer, shown.units)).min(end.saturating_sub(number.len()));
        write(from, &number, Role::Selected);
        taken = Some((from, from + number.len()));
    }
    let mut free = 0;
    for place in (0..shown.units).step_by(fit.per_cell.max(1)) {
        let (from, number) = (column(place), numbers(place).to_string());
        let to = from + number.len();
        let touches = taken.is_some_and(|(first, end)| from <= end && to >= first);
        if from >= free && to <= end && !touches {
            write(from, &number, Role::Dim);
            free = to + 1;
        }
    }
}

/// The title: quantity and layer, the order of the units and the scale, in the longest wording that fits.
fn title<'a>(dash: &Dashboard, scale: f32, width: usize, theme: &Theme) -> Vec<Piece<'a>> {
    let layer = dash.view.layer(&dash.run).map(|recurrent| format!(" · {}", layer_name(dash, recurrent)));
    let order = dash.view.units.order().name().map(|order| format!(" · {order}")).unwrap_or_default();
    // Elsewhere the legend alone has it.
    let is_alone = dash.view.tab == Tab::States || dash.view.full_screen;
    let scale = if is_alone { format!(" · ±{scale}") } else { String::new() };
    let layer = layer.unwrap_or_default();
    let number = dash.view.number(Panel::Hidden, &dash.run);
    let wording = |head: &str, tail: &str| {
        let tail = format!("{layer}{tail}{order}{scale}");
        vec![
            (format!("{number} {head}").into(), theme.style(Role::Title)),
            (tail.into(), theme.style(Role::Text)),
        ]
    };
    let shown = dash.view.activations(&dash.run);
    if let Some(convolution) = shown.filter(|shown| shown.window.is_some()) {
        let activation = match convolution.quantity.as_str() {
            "conv" => String::new(),
            name => format!(" · {}", escape::foreign(name)),
        };
        return wording("Windows of the convolution", &activation);
    }
    let Some(quantity) = shown.map(|a| quantity_name(&a.quantity)).filter(|name| name != "h") else {
        return fitting(vec![wording("Hidden state", ""), wording("h", "")], width);
    };
    let long = wording("Hidden state", &format!(" · {quantity}"));
    fitting(vec![long, wording(&quantity, "")], width)
}

/// The first wording that fits, or the last one.
fn fitting(mut wordings: Vec<Vec<Piece<'_>>>, width: usize) -> Vec<Piece<'_>> {
    let at = wordings.iter().position(|wording| text::width_of(wording) <= width);
    wordings.swap_remove(at.unwrap_or(wordings.len().saturating_sub(1)))
}

/// The words that each window has read.
pub(super) fn windows<'a>(
    probe: &'a ProbeText,
    activations: &Activations,
    window: TokenWindow,
) -> Vec<Cow<'a, str>> {
    let rows = activations.values.len().checked_div(activations.units).unwrap_or(0);
    let words = |row| {
        let tokens = probe.tokens.get(window.tokens(row, probe.tokens.len())).unwrap_or_default();
        let words: Vec<Cow<'_, str>> = tokens.iter().map(|token| escape::foreign(token)).collect();
        words.join(" ").into()
    };
    (0..rows).map(words).collect()
}

/// The row of a token: of windows the first that has read it.
fn row_of(token: usize, window: Option<TokenWindow>) -> Option<usize> {
    let Some(window) = window else { return Some(token) };
    let after = token as i64 + 1 - window.first - window.span as i64;
    usize::try_from(after.max(0)).ok().map(|after| after.div_ceil(window.stride.max(1)))
}

/// The name of a quantity: `gate f`, `cell state c`; `h` is `h`.
pub(super) fn quantity_name(quantity: &str) -> Cow<'_, str> {
    match quantity {
        "h" | "candidate" => quantity.into(),
        "c" => "cell state c".into(),
        "g" => "candidate g".into(),
        gate => format!("gate {}", escape::foreign(gate)).into(),
    }
}

/// Letters of a class where there is no space for its whole name.
const SHORT: usize = 3;

/// The prediction after each token: the leading class with its probability, or a number. Its colour says whether it is the target, where the
/// data have one for the token.
pub(super) fn by_token<'a>(
    (frame, probe): (&'a ProbeFrame, &'a ProbeText),
    info: Option<&RunInfo>,
    short: bool,
    theme: &Theme,
) -> Vec<Piece<'a>> {
    let note = |(i, prediction): (usize, &'a TokenPrediction)| {
        let target = probe.targets.get(i).filter(|target| !target.is_empty());
        let Some((name, value)) = prediction.outputs.first() else {
            return ("".into(), Style::new());
        };
        if name.is_empty() {
            return (number::metric(f64::from(*value)).into(), theme.style(Role::Text));
        }
        if info.is_some_and(RunInfo::has_labels) && !short {
            return (labels_after(prediction, info).into(), theme.style(Role::Text));
        }
        let shown: String = match short {
            true => visible(name).chars().take(SHORT).collect(),
            false => class_name(info, name).into_owned(),
        };
        let said = predicted(info, &shown, *value);
        match target {
            Some(target) if target == name => (said.into(), theme.style(Role::Good)),
            Some(_) => (said.into(), theme.style(Role::Bad)),
            None => (said.into(), theme.style(Role::Text)),
        }
    };
    frame.by_token.iter().enumerate().map(note).collect()
}

/// From this width on the frame has space for whole words.
const WIDE: u16 = 44;
/// Maximum number of outputs to show.
const MAX_OUTPUTS: usize = 3;

/// The number of the example and the network's prediction for it.
fn prediction<'a>(dash: &'a Dashboard, frame: &ProbeFrame, short: bool, theme: &Theme) -> Vec<Piece<'a>> {
    let total = dash.run.info().map_or(0, |info| info.probes.len());
    let word = if short { "ex." } else { "example" };
    let mut pieces = vec![(format!("{word} {}/{total} ", frame.probe + 1).into(), theme.style(Role::Dim))];
    if let Some(step) = dash.run.looks_back_to() {
        pieces.push((format!("step {} ", number::count(step)).into(), theme.style(Role::Cursor)));
    }
    let info = dash.run.info();
    let classes = info.map_or(&[][..], |info| &info.data.classes);
    let predicted = info.filter(|info| info.has_labels()).map(|_| labels(frame, classes));
    let best = frame.prediction.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    match best.and_then(|(class, value)| Some((classes.get(class)?, value))) {
        _ if predicted.is_some() => {
            pieces.push((predicted.unwrap_or_default().into(), theme.style(Role::Title)))
        }
        Some((class, value)) => {
            pieces.push((class_name(info, &class.label), theme.style(Role::Title)));
            pieces.push((format!(" {value:.2}").into(), theme.style(Role::Text)));
        }
        None => {
            let numbers = frame.prediction.iter().take(MAX_OUTPUTS).map(|x| number::metric(f64::from(*x)));
            pieces.push((numbers.collect::<Vec<_>>().join(" ").into(), theme.style(Role::Text)));
        }
    }
    if let Some(truth) = info.and_then(|info| info.probes.get(frame.probe)?.truth.as_deref()) {
        let target = format!(" target {}", class_name(info, truth));
        pieces.push((target.into(), theme.style(Role::Dim)));
    }
    pieces
}

/// The predicted labels of a multi-label task, each with its probability; the most likely one if none is predicted.
fn labels(frame: &ProbeFrame, classes: &[ClassCount]) -> String {
    let named = |(p, class): (&f32, &ClassCount)| format!("{} {p:.2}", escape::foreign(&class.label));
    let all = || frame.prediction.iter().zip(classes);
    let predicted: Vec<String> = all().filter(|(p, _)| is_predicted(**p)).map(named).collect();
    match all().max_by(|a, b| a.0.total_cmp(b.0)) {
        Some(likeliest) if predicted.is_empty() => format!("none ({})", named(likeliest)),
        _ => predicted.join(", "),
    }
}

fn units<'a>(map: &HeatMap<'_>, area: Rect, theme: &Theme) -> Vec<Piece<'a>> {
    let text = match map.layout(area, theme).per_cell {
        1 => format!("{} units", map.columns),
        shared => format!("{} units, {shared} per cell", map.columns),
    };
    vec![(text.into(), theme.style(Role::Dim))]
}

/// The legend of the colours, or of the characters without colours, for some values: only the upper half of the scale if none is negative, as
/// of gates, and with marks where some are beyond it.
pub(super) fn legend<'a>(scale: f32, values: &[f32], short: bool, theme: &Theme) -> Vec<Piece<'a>> {
    let dim = theme.style(Role::Dim);
    let signed = values.iter().any(|value| *value < 0.0);
    let [below, above] = if HeatScale::is_exceeded(scale, values) { ["<", ">"] } else { ["", ""] };
    let (low, high) = match signed {
        true => (format!("{below}-{scale}"), format!("{above}+{scale}")),
        false => ("0".into(), format!("{above}{scale}")),
    };
    let mut pieces = vec![(low.into(), dim)];
    let last = if short { FEWEST_SWATCHES } else { swatches(signed, theme) } - 1;
    pieces.extend((0..=last).map(|i| {
        let along = i as f32 / last as f32;
        let (c, style): (char, Style) = swatch(if signed { 2.0 * along - 1.0 } else { along }, theme);
        (c.to_string().into(), style)
    }));
    pieces.push((high.into(), dim));
    pieces
}

fn waiting(dash: &Dashboard) -> &'static str {
    match (dash.view.layer(&dash.run), dash.run.info()) {
        (None, _) => "the model has no recurrent layer and no convolution",
        (_, Some(info)) if info.probes.is_empty() => "the preset has no examples (watch.probes)",
        _ => "waiting for the first monitored step",
    }
}

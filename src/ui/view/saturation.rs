//! The shares of saturated values and of dead units of the chosen layer.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::gradient::layer_name;
use crate::escape;
use crate::protocol::{LayerHealth, QuantityHealth};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of a bar, where there is space for bars.
const BAR: usize = 10;
/// From this width on there is space for bars.
const WITH_BARS: usize = 88;
/// From this width on there is space for whole names.
const WITH_NAMES: usize = 58;
/// From this width on the explanation stands beside the table.
const BESIDE: u16 = 150;
/// Numbers of dead units that are listed.
const MOST_NUMBERS: usize = 8;

/// The height that the panel needs.
pub(super) fn height(dash: &Dashboard) -> u16 {
    let rows = dash.view.health(&dash.run).map_or(1, |health| health.quantities.len());
    // The frame, the rows, the units that never change, and what the words mean.
    rows as u16 + 4
}

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let layer = dash.view.layer(&dash.run);
    let mut title = super::title(dash, Panel::Saturation, "Saturated and dead", theme);
    if let Some(layer) = layer {
        title.push((format!(" · {}", layer_name(dash, layer)).into(), theme.style(Role::Text)));
    }
    let of = dash
        .view
        .health(&dash.run)
        .map(|_| ("shares of all values of the watched batch but padding".into(), theme.style(Role::Dim)));
    let left: Vec<Piece<'_>> = of.into_iter().collect();
    let frame = PanelFrame {
        focused: dash.view.focus(&dash.run) == Panel::Saturation,
        title: &title,
        note: &[],
        left: &left,
        right: &[],
    };
    let inner = frame.render(area, buf, theme);
    let mut table = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    if area.width >= BESIDE {
        let words = Rect { x: table.x + table.width / 2 + 2, width: table.width / 2 - 2, ..table };
        table.width /= 2;
        let text = explanation(dash.view.health(&dash.run), activation(dash)).join(" ");
        for (y, row) in (words.top()..words.bottom()).zip(text::wrap(&text, words.width.into())) {
            text::put(buf, words.x, y, words.width.into(), &[(row.into(), theme.style(Role::Dim))]);
        }
    }
    let width = usize::from(table.width);
    let mut rows: Vec<Vec<Piece<'_>>> = match dash.view.health(&dash.run) {
        Some(health) => health.quantities.iter().map(|of| row(of, activation(dash), width, theme)).collect(),
        None if dash.run.recurrent_layers().next().is_some() => {
            vec![vec![("waiting for the first monitored step".into(), theme.style(Role::Dim))]]
        }
        None => Vec::new(),
    };
    rows.extend(never_changing(dash, theme));
    let bounds = bounds(dash.view.health(&dash.run), activation(dash));
    rows.push(vec![(bounds.into(), theme.style(Role::Dim))]);
    for (y, row) in (table.top()..table.bottom()).zip(rows) {
        text::put(buf, table.x, y, width, &row);
    }
}

/// The name of the activation of the state of the chosen layer, as far as it matters here.
fn activation(dash: &Dashboard) -> Activation {
    let row = dash.view.layer(&dash.run).zip(dash.run.info());
    let detail =
        row.and_then(|((layer, _), info)| info.model.layers.get(layer)).map(|row| row.detail.as_str());
    let is = |name: &str| detail.is_some_and(|detail| detail.split(", ").any(|word| word == name));
    match () {
        () if is("relu") => Activation::Relu,
        () if is("tanh") || detail.is_none_or(str::is_empty) => Activation::Tanh,
        () => Activation::Other,
    }
}

/// What values a state can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activation {
    /// −1 to 1.
    Tanh,
    /// 0 or more.
    Relu,
    /// Others, with or without flat ends.
    Other,
}

/// Whether a quantity is a gate, which multiplies another one.
fn is_gate(quantity: &str) -> bool {
    matches!(quantity, "i" | "f" | "o" | "z" | "r")
}

/// The name of a quantity, in full and in short.
fn names(quantity: &str) -> (Cow<'static, str>, Cow<'_, str>) {
    let long = match quantity {
        "h" => "hidden state h",
        "c" => "cell state c",
        "g" => "candidate g",
        "candidate" => "candidate",
        "i" => "input gate i",
        "f" => "forget gate f",
        "o" => "output gate o",
        "z" => "update gate z",
        "r" => "reset gate r",
        _ => return (escape::foreign(quantity).into_owned().into(), escape::foreign(quantity)),
    };
    (long.into(), quantity.into())
}

/// The words for values at the lower and at the upper flat end; none for an end that is not flat.
fn ends(quantity: &str, activation: Activation) -> [Option<&'static str>; 2] {
    match activation {
        _ if is_gate(quantity) => [Some("closed"), Some("open")],
        Activation::Tanh => [Some("near −1"), Some("near +1")],
        Activation::Relu => [Some("at 0"), None],
        Activation::Other => [Some("low end"), Some("high end")],
    }
}

/// The shares of a quantity.
fn row<'a>(of: &QuantityHealth, activation: Activation, width: usize, theme: &Theme) -> Vec<Piece<'a>> {
    let (long, short) = names(&of.quantity);
    let name = match width >= WITH_NAMES {
        true => format!("{long:<15}"),
        false => format!("{:<3}", text::clip(&short, 3)),
    };
    let mut pieces: Vec<Piece<'a>> = vec![(name.into(), theme.style(Role::Title))];
    let mut share = |word: &str, columns: usize, share: f32| {
        pieces.push((format!(" {word:<columns$}").into(), theme.style(Role::Dim)));
        if width >= WITH_BARS {
            let full = (share.clamp(0.0, 1.0) * BAR as f32).round() as usize;
            pieces.push((" ".into(), theme.style(Role::Text)));
            pieces.push(("━".repeat(full).into(), theme.style(Role::Train)));
            pieces.push(("─".repeat(BAR - full).into(), theme.style(Role::Border)));
        }
        pieces.push((format!(" {:>3.0} %", 100.0 * share).into(), theme.style(Role::Text)));
    };
    let [low, high] = ends(&of.quantity, activation);
    share(low.unwrap_or(""), 8, of.left);
    match high {
        Some(high) => share(high, 8, of.right),
        None => {
            let blank = 15 + if width >= WITH_BARS { BAR + 1 } else { 0 };
            pieces.push((" ".repeat(blank).into(), theme.style(Role::Text)));
        }
    }
    let mut dead = |words: &str, role: Role| pieces.push((words.to_owned().into(), theme.style(role)));
    dead(" dead", Role::Dim);
    dead(&format!(" {:>3.0} %", 100.0 * of.dead), if of.dead > 0.0 { Role::Warning } else { Role::Text });
    pieces
}

/// The units whose shown value is the same at every token of every example.
fn never_changing<'a>(dash: &Dashboard, theme: &Theme) -> Option<Vec<Piece<'a>>> {
    let (units, dead) = dash.view.constant_units(&dash.run)?;
    let dim = theme.style(Role::Dim);
    let kind = match dash.view.activations(&dash.run)?.window {
        Some(_) => "filters",
        None => "units",
    };
    if dead.is_empty() {
        return Some(vec![(format!("every one of {units} {kind} changes over the examples").into(), dim)]);
    }
    let listed: Vec<String> = dead.iter().take(MOST_NUMBERS).map(usize::to_string).collect();
    let more = if dead.len() > MOST_NUMBERS { " …" } else { "" };
    Some(vec![
        (format!("{} of {units} {kind} never change over the examples: ", dead.len()).into(), dim),
        (format!("{}{more}", listed.join(" ")).into(), theme.style(Role::Warning)),
    ])
}

/// From which values on a quantity counts as saturated.
fn bounds(health: Option<&LayerHealth>, activation: Activation) -> String {
    let Some(health) = health else {
        return "dead: a filter that never changes; of ReLU one that is 0 everywhere".into();
    };
    let has_gates = health.quantities.iter().any(|of| is_gate(&of.quantity));
    let gates = has_gates.then_some("closed: below 0.1 · open: above 0.9");
    let state = match activation {
        Activation::Tanh => Some("near ±1: beyond ±0.95"),
        Activation::Relu => Some("at 0: ReLU lets nothing through"),
        Activation::Other => None,
    };
    gates.into_iter().chain(state).collect::<Vec<_>>().join(" · ")
}

/// What the shares mean, in sentences.
fn explanation(health: Option<&LayerHealth>, activation: Activation) -> Vec<String> {
    let has_gates = health.is_some_and(|health| health.quantities.iter().any(|of| is_gate(&of.quantity)));
    let mut texts = Vec::new();
    if health.is_some() && activation != Activation::Relu {
        texts.push(
            "Saturated values are at a flat end of their activation function: there its slope is nearly 0, so \
             that hardly any gradient passes and the unit learns slowly."
                .to_owned(),
        );
    }
    if has_gates {
        texts.push(
            "A gate is a factor between 0 and 1: closed it lets nothing through, open everything. A forget gate \
             that stays open is how an LSTM remembers."
                .to_owned(),
        );
    }
    texts.push(
        "A dead unit has the same value at every step of every sequence: it tells nothing apart. With ReLU it is 0 \
         everywhere, and without a gradient it stays so."
            .to_owned(),
    );
    texts
}

/// The explanation of the panel.
pub(super) fn explained(dash: &Dashboard) -> Vec<String> {
    explanation(dash.view.health(&dash.run), activation(dash))
}

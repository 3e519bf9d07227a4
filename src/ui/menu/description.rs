//! The description of a preset, as lines.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::number;
use crate::preset::Entry;
use crate::protocol::{DataFacts, ModelTable};
use crate::ui::text::{fit, wrap};
use crate::ui::theme::{Role, Theme};

/// Returns the description of `entry` in lines of at most `width` columns.
pub fn lines(entry: &Entry, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let styled = |text: String, role| Line::styled(text, theme.style(role));
    let mut out: Vec<_> =
        wrap(&entry.title, width).into_iter().map(|line| styled(line, Role::Title)).collect();
    let own = entry.model.layers.is_empty();
    let command = if own { "unrolled new PATH".to_owned() } else { format!("unrolled train {}", entry.name) };
    out.push(styled(fit(&command, width), Role::Dim));
    out.push(Line::default());
    if let Some(missing) = &entry.missing {
        out.push(styled(fit("Data not found", width), Role::Warning));
        out.extend(wrap(missing, width).into_iter().map(|line| styled(line, Role::Text)));
        out.push(Line::default());
    }
    out.extend(wrap(&entry.about, width).into_iter().map(|line| styled(line, Role::Text)));
    if own {
        return out;
    }
    out.push(Line::default());
    out.extend(table(&entry.model, width, theme));
    for rows in [facts(&entry.data), entry.settings.clone()] {
        if !rows.is_empty() {
            out.push(Line::default());
            out.extend(pairs(&rows, width, theme));
        }
    }
    out
}

/// The layers as Keras's `summary` shows them: `Layer (type)`, `Output Shape`, `Param #`, and the total; with frozen layers also the
/// trainable parameters.
fn table(model: &ModelTable, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    const GAP: usize = 2;
    let layers = &model.layers;
    let rows: Vec<[String; 3]> = layers
        .iter()
        .enumerate()
        .map(|(i, row)| [format!("{i} {}", row.class), shape(&row.output), number::count(row.params as u64)])
        .collect();
    let heads = ["Layer (type)", "Output Shape", "Param #"];
    let total = number::count(model.params() as u64);
    let longest = |column: usize| {
        rows.iter().map(|row| row[column].width()).chain([heads[column].width()]).max().unwrap_or(0)
    };
    let params = longest(2).max(total.width());
    let output = longest(1);
    let class = longest(0).min(width.saturating_sub(output + params + 2 * GAP)).max(4);
    let used = class + output + params + 2 * GAP;
    let line = |cells: [&str; 3], role| {
        let text = format!(
            "{:<class$}  {:<output$}  {:>params$}",
            fit(cells[0], class),
            fit(cells[1], output),
            cells[2]
        );
        Span::styled(fit(&text, width), theme.style(role))
    };
    let mut out = vec![Line::from(line(heads, Role::Title))];
    for ([class, output, params], layer) in rows.iter().zip(layers) {
        let mut spans = vec![line([class, output, params], Role::Text)];
        // Details follow where the panel is wide enough.
        if width >= used + GAP + 8 && !layer.detail.is_empty() {
            let detail = format!("  {}", fit(&layer.detail, width - used - GAP));
            spans.push(Span::styled(detail, theme.style(Role::Dim)));
        }
        out.push(Line::from(spans));
    }
    out.push(Line::from(line(["Total params", "", &total], Role::Title)));
    if model.frozen() > 0 {
        let trainable = number::count((model.params() - model.frozen()) as u64);
        out.push(Line::from(line(["Trainable params", "", &trainable], Role::Dim)));
    }
    out
}

/// `(None, 200, 50)`.
fn shape(output: &[Option<usize>]) -> String {
    let sizes: Vec<String> =
        output.iter().map(|size| size.map_or("None".into(), |size| size.to_string())).collect();
    format!("({})", sizes.join(", "))
}

fn facts(data: &DataFacts) -> Vec<(String, String)> {
    let count = |n: usize| number::count(n as u64);
    let sequences = match (data.train, data.validation) {
        (0, 0) => String::new(),
        (train, 0) => format!("{} for training", count(train)),
        (train, validation) => format!("{} for training, {} for validation", count(train), count(validation)),
    };
    let classes: Vec<String> = data
        .classes
        .iter()
        .map(|class| match class.count {
            0 => class.label.clone(),
            n => format!("{} ({})", class.label, count(n)),
        })
        .collect();
    let known = |n: usize, text: String| if n > 0 { text } else { String::new() };
    [
        ("data", data.source.clone()),
        ("sequences", sequences),
        ("classes", classes.join(", ")),
        ("vocabulary", known(data.vocabulary, count(data.vocabulary))),
        ("length", known(data.length, number::counted(data.length, "time step"))),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Rows of name and value, the values in one column.
fn pairs(rows: &[(String, String)], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let names = rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0).clamp(10, 18).min(width / 2);
    let mut out = Vec::new();
    for (name, value) in rows {
        for (i, part) in wrap(value, width.saturating_sub(names + 2).max(1)).into_iter().enumerate() {
            let name = if i == 0 { fit(name, names) } else { String::new() };
            let gap = " ".repeat(names.saturating_sub(name.width()) + 2);
            out.push(Line::from(vec![
                Span::styled(name + &gap, theme.style(Role::Dim)),
                Span::styled(part, theme.style(Role::Text)),
            ]));
        }
    }
    out
}

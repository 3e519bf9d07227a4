//! The description of the selected row, as lines.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::RaceEntry;
use super::network::{self, Network};
use super::recent_runs::{RecentRun, folder};
use crate::number;
use crate::preset::{Entry, answer_to};
use crate::protocol::{DataFacts, ModelTable};
use crate::run::RunState;
use crate::runs;
use crate::ui::text::{fit, wrap};
use crate::ui::theme::{Role, Theme};

/// Columns from which the network stands beside the text, and columns of the text then: longer lines are hard to read.
const BESIDE: usize = 130;
const TEXT: usize = 78;
/// Columns below which a table has no space for the names of layers.
const NARROW: usize = 40;

/// Returns the description of a preset in lines of at most `width` columns.
pub fn preset(entry: &Entry, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let is_beside = width >= BESIDE;
    let text = if is_beside { TEXT } else { width };
    let mut out = head(&entry.title, &format!("unrolled train {}", entry.name), text, theme);
    if let Some(missing) = &entry.missing {
        out.push(Line::styled(fit("Data not found: Enter gets them", text), theme.style(Role::Warning)));
        out.extend(paragraph(&format!("By hand: {missing}"), text, theme));
        out.push(Line::default());
    }
    out.extend(paragraph(&entry.about, text, theme));
    out.push(Line::default());
    if let Some(answer) = answer_to(&entry.name) {
        let mut words = format!("{} answers what it leaves open.", answer.preset);
        if answer.can_race {
            words += &format!(" unrolled race {} {} trains both side by side.", entry.name, answer.preset);
        }
        out.extend(paragraph(&words, text, theme));
        out.push(Line::default());
    }
    out.extend(table(&entry.model, text, theme));
    let drawing = drawing(entry, if is_beside { width - TEXT - 3 } else { width }, theme);
    if !is_beside && !drawing.is_empty() {
        out.push(Line::default());
        out.extend(drawing.iter().cloned());
    }
    for rows in [facts(&entry.data), entry.settings.clone()] {
        if !rows.is_empty() {
            out.push(Line::default());
            out.extend(pairs(&rows, text, theme));
        }
    }
    if is_beside { beside(out, TEXT + 3, drawing) } else { out }
}

/// Returns the model table of a preset, and its network; where it is narrow, the network alone.
pub fn network(entry: &Entry, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let drawing = drawing(entry, width, theme);
    if width < NARROW && !drawing.is_empty() {
        return drawing;
    }
    let mut out = table(&entry.model, width, theme);
    if !drawing.is_empty() {
        out.push(Line::default());
        out.extend(drawing);
    }
    out
}

/// The network with a heading; nothing where there is too little space.
fn drawing(entry: &Entry, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let loss = entry.settings.iter().find(|(name, _)| name == "loss").map_or("", |(_, loss)| loss.as_str());
    let network = Network { model: &entry.model, reads: &entry.reads, length: entry.data.length, loss };
    let mut lines = network::lines(&network, width, theme);
    if !lines.is_empty() {
        let heading = fit("The network, unrolled over time", width);
        lines.insert(0, Line::styled(heading, theme.style(Role::Title)));
    }
    lines
}

/// `left` with the lines of `right` beside it, from `column` on.
fn beside(mut left: Vec<Line<'static>>, column: usize, right: Vec<Line<'static>>) -> Vec<Line<'static>> {
    for (i, line) in right.into_iter().enumerate() {
        if left.len() <= i {
            left.push(Line::default());
        }
        if let Some(row) = left.get_mut(i) {
            let gap = column.saturating_sub(row.width());
            // The style of a line is that of all its spans.
            let style = std::mem::take(&mut row.style);
            row.spans.iter_mut().for_each(|span| span.style = style.patch(span.style));
            row.push_span(Span::raw(" ".repeat(gap)));
            row.spans.extend(
                line.spans.into_iter().map(|span| Span::styled(span.content, line.style.patch(span.style))),
            );
        }
    }
    left
}

/// Returns the description of the row for own data.
pub fn own_data(width: usize, theme: &Theme) -> Vec<Line<'static>> {
    const ABOUT: &str = "Choose a file or a folder. Its format is detected: labelled texts (CSV, TSV, JSON Lines, a folder per class, \
                         sentences with a file of labels), tagged sentences, time series, or one long text. You see columns, classes, \
                         lengths and suggested settings; Enter writes a commented preset to the current folder and trains it.";
    let mut out = head("Train on your own data", "unrolled new PATH", width, theme);
    out.extend(paragraph(ABOUT, width, theme));
    out
}

/// Returns the description of a race; `missing` is the preset whose data are not there.
pub fn race(race: &RaceEntry, missing: Option<&str>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    const ABOUT: &str = "The networks are trained on the same data, side by side, with three seeds each; a winner is named only if the \
                         seeds agree.";
    let mut out =
        head(&format!("Race: {}", race.about), &format!("unrolled race {}", race.name), width, theme);
    if let Some(preset) = missing {
        let words = format!("Data not found: those of {preset}; Enter gets them");
        out.push(Line::styled(fit(&words, width), theme.style(Role::Warning)));
        out.push(Line::default());
    }
    out.extend(paragraph(ABOUT, width, theme));
    if !race.result.is_empty() {
        out.push(Line::default());
        out.extend(paragraph(&format!("Measured before: {}.", race.result), width, theme));
    }
    out.push(Line::default());
    let networks = race.networks.iter().map(|[name, preset]| (name.clone(), preset.clone()));
    out.extend(pairs(&networks.collect::<Vec<_>>(), width, theme));
    out
}

/// Returns the description of a run.
pub fn run(recent: &RecentRun, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let run = &recent.run;
    let summary = &run.summary;
    let title = match (&recent.sweep, run.state) {
        (Some(_), _) => "Several trainings: Enter shows all of them",
        (None, RunState::Live) => "A run in training: Enter attaches to it",
        (None, _) => "A run: Enter replays it",
    };
    let mut out = head(title, &recent.command(), width, theme);
    let of = |name: &str, value: f64| format!("{name} {}", number::named(name, value));
    let best = summary.best.as_ref().map_or_else(String::new, |best| {
        format!("{}, epoch {}", of(&summary.monitor, best.value), best.epoch)
    });
    let last: Vec<String> = summary.last.iter().map(|(name, value)| of(name, *value)).collect();
    let epochs = match summary.planned {
        0 => summary.epochs.to_string(),
        planned => format!("{} of {planned}", summary.epochs),
    };
    let rows = [
        ("latest", if recent.sweep.is_some() { run.name.to_string() } else { String::new() }),
        ("state", run.state.word().to_owned()),
        ("reason", summary.reason.to_string()),
        ("damage", summary.damage.to_string()),
        ("best", best),
        ("last epoch", last.join(", ")),
        ("preset", summary.preset.to_string()),
        ("layers", summary.layers.to_string()),
        ("epochs", epochs),
        ("steps", number::count(summary.steps)),
        ("time", number::duration(summary.seconds)),
        ("started", runs::timestamp(run.started)),
        ("folder", run.path.display().to_string()),
        ("others", folder(run).map_or_else(String::new, |folder| format!("in {folder}; r lists them"))),
    ];
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<_> = rows.map(|(name, value)| (name.to_owned(), value)).collect();
    out.extend(pairs(&rows, width, theme));
    out
}

/// The title, the command that does the same, and an empty line.
fn head(title: &str, command: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let title = wrap(title, width).into_iter().map(|line| Line::styled(line, theme.style(Role::Title)));
    let command = Line::styled(fit(command, width), theme.style(Role::Dim));
    title.chain([command, Line::default()]).collect()
}

fn paragraph(text: &str, width: usize, theme: &Theme) -> impl Iterator<Item = Line<'static>> {
    let style = theme.style(Role::Text);
    wrap(text, width).into_iter().map(move |line| Line::styled(line, style))
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

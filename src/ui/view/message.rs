//! Warnings, why a run ended, and what can be done then. Below it the latest log line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::escape;
use crate::metrics::Task;
use crate::number;
use crate::preset::answer_to;
use crate::protocol::{Level, RunStatus};
use crate::ui::dashboard::Dashboard;
use crate::ui::diagnosis::diagnose;
use crate::ui::panel::Tab;
use crate::ui::text::fit;
use crate::ui::theme::{Role, Theme};
use crate::ui::view::{runs, trainings};
use crate::ui::widget::text::{self, Piece};

/// From this height on a warning has as many rows as it needs, and the end of a run commands to go on with.
const TALL: u16 = 30;
/// From this height on the tab of several runs says how far back their gradients reach.
const LEAST_FOR_SENTENCE: u16 = 20;

/// Rows of a finding at most.
const FINDING: usize = 2;

/// Returns the rows of the message, at most half the screen.
pub(super) fn rows(dash: &Dashboard, area: Rect, theme: &Theme) -> Vec<(String, Style)> {
    let width = usize::from(area.width).saturating_sub(2);
    let mut rows = Vec::new();
    let mut say = |text: &str, role: Role| {
        let wrapped = text::wrap(&escape::foreign(text), width);
        rows.extend(wrapped.into_iter().map(|row| (row, theme.style(role))));
    };
    if let Some(group) = dash.group.as_ref().filter(|_| dash.view.tab == Tab::Runs) {
        let sentence = runs::sentence(group).filter(|_| area.height >= LEAST_FOR_SENTENCE);
        sentence.iter().for_each(|sentence| say(sentence, Role::Key));
        if let Some(race) = group.race()
            && let Some(verdict) = &race.verdict
        {
            match race.events.is_none() {
                true => say(verdict, Role::Title),
                false => say(&verdict.replacen("no winner:", "no winner yet:", 1), Role::Text),
            }
        }
        if let Some(summary) = trainings::mean(dash).filter(|_| group.is_of_trainings()) {
            say(&summary, Role::Title);
        }
        rows.truncate(usize::from(area.height / 3));
        return rows;
    }
    if let Some(line) = dash.view.warning(&dash.run) {
        let (word, role) = match line.level {
            Level::Error => ("error", Role::Bad),
            Level::Info | Level::Warning => ("warning", Role::Warning),
        };
        let whole = format!("{word}: {} (Esc dismisses)", line.text);
        // What went wrong is read whole where it ended the run.
        let is_failed = matches!(
            dash.run.status(),
            Some(RunStatus::Diverged { .. } | RunStatus::Failed { .. } | RunStatus::Stopped { saved: false })
        );
        if area.height >= TALL || is_failed {
            say(&whole, role);
        } else {
            // The panels need the rows; the log has all of it.
            let end = " (L shows all, Esc dismisses)";
            let cut = || fit(&format!("{word}: {}", line.text), width.saturating_sub(end.len())) + end;
            let is_short = text::wrap(&escape::foreign(&whole), width).len() == 1;
            say(&if is_short { whole } else { cut() }, role);
        }
    }
    if let Some(status) = dash.run.status() {
        match status {
            RunStatus::Diverged { what } => say(&format!("diverged: {what}"), Role::Bad),
            RunStatus::Failed { what } => say(&format!("failed: {what}"), Role::Bad),
            RunStatus::Stopped { saved: true } => {
                say("stopped; a checkpoint of this step is saved", Role::Text)
            }
            RunStatus::Stopped { saved: false } => {
                say("stopped without a checkpoint of this step", Role::Warning)
            }
            RunStatus::Finished => {
                let said = finished(dash);
                let rows = |said: &str| text::wrap(said, width).len();
                // It takes no row from the panels of a low screen.
                let fits = |kept: &&String| rows(&format!("{said}{kept}")) == rows(&said);
                let kept = kept(dash);
                let kept = kept.iter().find(fits).or(kept.last().filter(|_| area.height >= TALL));
                say(&(said.clone() + kept.map_or("", String::as_str)), Role::Text);
            }
            RunStatus::Preparing { .. } | RunStatus::Training | RunStatus::Validating | RunStatus::Paused => {
            }
        }
        if status.is_over() {
            let folder = dash.run.info().map(|info| format!("Run folder: {} · ", info.folder.display()));
            let is_of_group = dash.group.as_ref().is_some_and(|group| !group.is_of_trainings());
            let menu = if is_of_group {
                " · Esc goes to all runs"
            } else if dash.has_menu {
                " · Esc goes to the menu"
            } else {
                ""
            };
            say(&format!("{}q quits{menu}", folder.unwrap_or_default()), Role::Dim);
            if area.height >= TALL && !is_of_group {
                say(&next(dash), Role::Text);
            }
        }
    }
    rows.truncate(usize::from(area.height / 2));
    rows
}

/// Commands to go on with.
fn next(dash: &Dashboard) -> String {
    let Some(info) = dash.run.info() else { return String::new() };
    let mut next = Vec::new();
    // Of a replay the run may not be the latest.
    let run = match info.folder.file_name().filter(|_| dash.is_replay) {
        Some(name) => escape::foreign(&name.to_string_lossy()).into_owned(),
        None => "latest".to_owned(),
    };
    if let Some(answer) = answer_to(&info.name) {
        next.push(format!("unrolled train {}, which answers this one", answer.preset));
        if answer.can_race {
            next.push(format!("unrolled race {} {}", info.name, answer.preset));
        }
    }
    next.push(match info.task {
        Task::Language => format!("unrolled sample {run}"),
        Task::Forecast if info.data.series.is_some() => format!("unrolled predict {run}"),
        // Examples that are sequences of the data have a target: texts of one's own are none of them.
        Task::Binary | Task::Classes | Task::Labels
            if info.reads_tokens() && info.probes.iter().any(|probe| probe.truth.is_none()) =>
        {
            format!("unrolled predict {run} 'a text' --per-token")
        }
        _ => format!("unrolled replay {run}"),
    });
    next.push(format!("another seed: train with --seed {}", info.seed.saturating_add(1)));
    format!("Next: {}", next.join(" · "))
}

fn finished(dash: &Dashboard) -> String {
    let mut text = "finished".to_owned();
    let early = dash.run.latest().zip(dash.run.info()).filter(|(latest, info)| latest.epoch < info.epochs);
    if let Some((latest, info)) = early {
        text += &format!(" · early stopping after epoch {} of {}", latest.epoch, info.epochs);
    }
    if let Some(loss) = dash.run.loss().validation.value() {
        text += &format!(" · validation loss {}", number::metric(loss));
    }
    if let Some(best) = dash.run.monitored().filter(|monitored| !monitored.is_best()) {
        let value = number::named(&best.metric, best.best);
        let name = if best.metric == "val_loss" { String::new() } else { format!("{} ", best.metric) };
        text += &format!(", best {name}{value} in epoch {}", best.best_epoch);
    }
    if let Some(accuracy) = dash.run.accuracy().validation.value() {
        text += &format!(" · validation accuracy {}", number::percent(accuracy));
    }
    if let Some(rmse) = dash.run.forecast_errors().and_then(|errors| errors.rmse.validation.value()) {
        text += &format!(" · RMSE {}", number::metric(rmse));
    }
    text
}

/// Of which epoch the weights are that `predict` uses, where they are not those of the best one or the best were restored; from long to short.
fn kept(dash: &Dashboard) -> Vec<String> {
    let Some(best) = dash.run.monitored().filter(|monitored| !monitored.is_best()) else {
        return Vec::new();
    };
    let latest = dash.run.latest().map_or(0, |latest| latest.step);
    let is_restored = dash.run.saved().is_some_and(|saved| saved.best && saved.step < latest);
    match is_restored {
        true => vec![
            format!(" · the weights of epoch {} are kept", best.best_epoch),
            " · best weights kept".to_owned(),
        ],
        false => vec![
            " · the last weights are kept; predict --best uses the best".to_owned(),
            " · last weights kept".to_owned(),
        ],
    }
}

/// Draws the rows that [`rows`] returned.
pub(super) fn render(rows: &[(String, Style)], area: Rect, buf: &mut Buffer) {
    for (y, (row, style)) in (area.top()..area.bottom()).zip(rows) {
        text::put(
            buf,
            area.x + 1,
            y,
            usize::from(area.width).saturating_sub(2),
            &[(row.as_str().into(), *style)],
        );
    }
}

/// Whether a log line is a sample of a language model, which has a panel.
pub(super) fn is_sample(dash: &Dashboard, line: &str) -> bool {
    let mut samples = dash.run.history().samples(None).rev();
    samples.any(|sample| line.starts_with(&format!("step {}: {}", sample.step, sample.prime)))
}

/// What is found in the run: the run, if others are beside it, the name of the finding, and what shows it.
fn finding(dash: &Dashboard) -> Option<[String; 3]> {
    let found = diagnose(&dash.run, dash.view.cursor);
    let said: Vec<_> = found.iter().filter(|found| !found.has_panel).collect();
    let first = said.first()?;
    let more = if said.len() > 1 { format!(" (and {} more)", said.len() - 1) } else { String::new() };
    // Beside other runs a finding is one of the run in front.
    let group = dash.group.as_ref().filter(|_| dash.view.tab == Tab::Runs);
    let of = group.and_then(|group| group.members.get(group.front)).map(|member| &member.name);
    let of = of.map_or(String::new(), |name| format!("{} · ", escape::foreign(name)));
    Some([of, format!("{}: ", first.name), escape::foreign(&first.evidence).into_owned() + &more])
}

/// The rows of [`log`] in `columns` columns: a finding is whole in two.
pub(super) fn log_rows(dash: &Dashboard, columns: u16) -> u16 {
    let width = usize::from(columns).saturating_sub(2);
    let rows = finding(dash).map_or(1, |said| text::wrap(&said.concat(), width).len());
    rows.clamp(1, FINDING) as u16
}

/// Draws what is found in the run, or else the latest log line that is neither shown as a warning already nor a sample.
pub(super) fn log(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let width = usize::from(area.width).saturating_sub(2);
    if let Some(said) = finding(dash).filter(|_| area.height > 0) {
        let rows = text::wrap(&said.concat(), width);
        let [of, name, _] = &said;
        for (y, row) in (area.top()..area.bottom()).zip(&rows) {
            // The last row has all that is left, cut where it ends.
            let is_last = y + 1 == area.bottom();
            let row = if is_last { rows[usize::from(y - area.y)..].join(" ") } else { row.clone() };
            let head = of.clone() + name;
            let pieces: Vec<Piece<'_>> = match row.strip_prefix(&head).filter(|_| y == area.y) {
                Some(rest) => vec![
                    (of.as_str().into(), theme.style(Role::Text)),
                    (name.as_str().into(), theme.style(Role::Warning)),
                    (rest.to_owned().into(), theme.style(Role::Text)),
                ],
                None => vec![(row.into(), theme.style(Role::Text))],
            };
            text::put(buf, area.x + 1, y, width, &pieces);
        }
        return;
    }
    let warning = dash.view.warning(&dash.run);
    let mut lines =
        dash.run.log().rev().filter(|line| Some(*line) != warning && !is_sample(dash, &line.text));
    let Some(line) = lines.next().filter(|_| area.height > 0) else { return };
    let pieces = [(escape::foreign(&line.text), theme.style(Role::Dim))];
    text::put(buf, area.x + 1, area.y, usize::from(area.width).saturating_sub(2), &pieces);
}

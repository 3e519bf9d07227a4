//! The status of the run, in one or two rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::escape;
use crate::number;
use crate::protocol::RunStatus;
use crate::ui::dashboard::Dashboard;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// Longest progress bar.
const LONGEST_BAR: usize = 48;
/// Shortest progress bar.
const SHORTEST_BAR: usize = 4;

/// Rows that the status takes.
pub(super) fn rows(area: Rect) -> u16 {
    if area.height < 16 { 1 } else { 2 }
}

/// Columns of the epoch before the monitored metric.
const EPOCH: usize = 18;

/// Draws the status in the rows of `area`.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let width = usize::from(area.width);
    let head = head(dash, theme);
    let used = text::put(buf, area.x, area.y, width, &head);
    let monitored = [true, false].map(|long| monitored(dash, long, theme));
    let monitored = monitored.into_iter().find(|words| used + EPOCH + text::width_of(words) <= width);
    let monitored = monitored.unwrap_or_default();
    let [facts, short] = [true, false].map(|long| facts(dash, long, theme));
    let facts = if text::width_of(&facts) <= width { facts } else { short };
    let taken = if area.height > 1 { text::width_of(&facts) + 3 } else { 0 };
    let mut settings = settings(dash, true, theme);
    if taken + text::width_of(&settings) > width {
        settings = self::settings(dash, false, theme);
    }
    let tail = text::width_of(&facts) + text::width_of(&settings) + text::width_of(&monitored) + 6;
    let one_row = area.height == 1 && used + tail + 30 <= width;
    let room = width.saturating_sub(used + if one_row { tail } else { text::width_of(&monitored) });
    let used = used + progress(dash, area.x + used as u16, area.y, room, buf, theme);
    let used = used + text::put(buf, area.x + used as u16, area.y, width - used, &monitored);
    if one_row {
        text::put(buf, area.x + used as u16 + 3, area.y, width.saturating_sub(used + 3), &facts);
        right(&settings, area, area.y, buf);
    } else if area.height > 1 {
        let used = text::put(buf, area.x, area.y + 1, width, &facts);
        if used + 3 + text::width_of(&settings) <= width {
            right(&settings, area, area.y + 1, buf);
        }
    }
}

fn right(pieces: &[Piece<'_>], area: Rect, y: u16, buf: &mut Buffer) {
    let wide = text::width_of(pieces);
    text::put(buf, area.right().saturating_sub(wide as u16), y, wide, pieces);
}

/// The mark and the colour of a state.
pub(super) fn mark(status: Option<&RunStatus>) -> (char, Role) {
    match status {
        None | Some(RunStatus::Preparing { .. }) => ('○', Role::Dim),
        Some(RunStatus::Training) => ('●', Role::Good),
        Some(RunStatus::Validating) => ('◐', Role::Good),
        Some(RunStatus::Paused) => ('‖', Role::Warning),
        Some(RunStatus::Finished) => ('✓', Role::Good),
        Some(RunStatus::Stopped { .. }) => ('■', Role::Warning),
        Some(RunStatus::Diverged { .. } | RunStatus::Failed { .. }) => ('✗', Role::Bad),
    }
}

fn head<'a>(dash: &'a Dashboard, theme: &Theme) -> Vec<Piece<'a>> {
    let (mark, role) = if dash.is_replay { ('▶', Role::Key) } else { mark(dash.run.status()) };
    let word = match dash.is_replay {
        true => "replay",
        false => dash.run.status().map_or("starting", RunStatus::word),
    };
    let mut pieces = vec![(format!("{mark} {word}").into(), theme.style(role))];
    // Of several seeds, which have the name of the preset, an earlier one is named.
    let group = dash.group.as_ref().filter(|group| !group.is_of_trainings() || group.front != group.live());
    if let Some(member) = group.and_then(|group| group.members.get(group.front)) {
        let style = theme.series(member.curves.color());
        pieces.push((format!("  {} {} ", member.curves.letter(), member.curves.sample()).into(), style));
        pieces.push((escape::foreign(&member.name), theme.style(Role::Title)));
    } else if let Some(info) = dash.run.info() {
        pieces.push(("  ".into(), Style::new()));
        pieces.push((escape::foreign(&info.name), theme.style(Role::Title)));
        if let Some(earlier) = &dash.earlier {
            pieces.push((
                format!(" {} of {}", earlier.now(), earlier.planned()).into(),
                theme.style(Role::Text),
            ));
        }
    }
    let race = dash.group.as_ref().and_then(|group| group.race());
    if race.is_some_and(|race| race.standings.is_paused && race.events.is_some()) {
        pieces.push(("  paused".into(), theme.style(Role::Warning)));
    }
    pieces
}

/// `epoch 2/4 ████░░░░ 53 %`; the columns used.
fn progress(dash: &Dashboard, x: u16, y: u16, room: usize, buf: &mut Buffer, theme: &Theme) -> usize {
    let Some((info, total)) = dash.run.info().zip(dash.run.total_steps()) else { return 0 };
    let step = dash.run.latest().map_or(0, |latest| latest.step);
    let epoch = dash.run.latest().map_or(1, |latest| latest.epoch);
    let share = (step as f64 / total as f64).min(1.0);
    let before = format!("   epoch {epoch}/{}  ", info.epochs);
    let after = format!(" {:>3.0} %", (share * 100.0).floor());
    let bar = room.saturating_sub(before.len() + after.len()).min(LONGEST_BAR);
    if bar < SHORTEST_BAR {
        let short = format!("  epoch {epoch}/{}", info.epochs);
        return text::put(buf, x, y, room, &[(short.into(), theme.style(Role::Text))]);
    }
    let full = (share * bar as f64).round() as usize;
    let pieces = [
        (before.into(), theme.style(Role::Text)),
        ("━".repeat(full).into(), theme.style(Role::Good)),
        ("─".repeat(bar - full).into(), theme.style(Role::Border)),
        (after.into(), theme.style(Role::Dim)),
    ];
    text::put(buf, x, y, room, &pieces)
}

/// The monitored metric after the latest epoch, and its best value.
fn monitored<'a>(dash: &Dashboard, long: bool, theme: &Theme) -> Vec<Piece<'a>> {
    let Some(monitored) = dash.run.monitored() else { return Vec::new() };
    let value = |value| number::named(&monitored.metric, value);
    let role = if monitored.is_best() { Role::Good } else { Role::Warning };
    let mut pieces = vec![
        (format!("   {} ", monitored.metric).into(), theme.style(Role::Text)),
        (value(monitored.latest).into(), theme.style(Role::Title)),
        (monitored.trend().into(), theme.style(role)),
    ];
    pieces.push(match (monitored.is_best(), long) {
        (true, _) => (" best".into(), theme.style(Role::Good)),
        (false, true) => {
            let best = format!(" best {} in epoch {}", value(monitored.best), monitored.best_epoch);
            (best.into(), theme.style(Role::Text))
        }
        (false, false) => (format!(" best {}", value(monitored.best)).into(), theme.style(Role::Text)),
    });
    pieces
}

fn facts<'a>(dash: &Dashboard, long: bool, theme: &Theme) -> Vec<Piece<'a>> {
    let Some(latest) = dash.run.latest() else { return Vec::new() };
    let over = dash.run.status().is_some_and(RunStatus::is_over);
    let mut words = vec![match dash.run.total_steps() {
        Some(total) => format!("step {}/{}", number::count(latest.step), number::count(total)),
        None => format!("step {}", number::count(latest.step)),
    }];
    let (sequences, learning_rate) = if long { ("sequences", "learning rate") } else { ("seq", "lr") };
    words.push(format!("{} {sequences}/s", number::rate(latest.sequences_per_s)));
    words.push(format!(
        "{learning_rate} {}",
        number::setting(dash.view.learning_rate(&dash.run).unwrap_or(latest.learning_rate))
    ));
    let elapsed = number::duration(latest.seconds);
    if over {
        words.push(format!("took {elapsed}"));
    } else if dash.group.as_ref().is_some_and(|group| group.race().is_some()) {
        // The others have their turns in between: what is left of its own says nothing of when it ends.
        words.push(format!("{elapsed} of training"));
    } else {
        words.push(format!("{elapsed} elapsed"));
        words.extend(
            dash.run
                .remaining()
                .filter(|_| !dash.is_replay)
                .map(|left| format!("ETA {}", number::duration(left))),
        );
    }
    separated(words.into_iter().map(|word| (word, Role::Dim)).collect(), theme)
}

/// The run folder, the latest checkpoint, and how the curves are drawn.
fn settings<'a>(dash: &Dashboard, saved: bool, theme: &Theme) -> Vec<Piece<'a>> {
    let view = &dash.view;
    let mut words = Vec::new();
    if let Some(info) = dash.run.info().filter(|_| saved) {
        words.push(escape::foreign(&info.folder.to_string_lossy()).into_owned());
    }
    if let Some(saved) = dash.run.saved().filter(|_| saved) {
        words.push(format!("saved at step {}", number::count(saved.step)));
    }
    if dash.run.latest().is_some() {
        words.push(match view.smoothing.factor() {
            0.0 => "not smoothed".to_owned(),
            factor => format!("smoothed {factor}"),
        });
    }
    if view.zoom > 0 {
        words.push(format!("zoom {}×", view.zoom_factor()));
    }
    separated(words.into_iter().map(|word| (word, Role::Dim)).collect(), theme)
}

/// `words` with dim dots between.
pub(super) fn separated<'a>(words: Vec<(String, Role)>, theme: &Theme) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    for (word, role) in words {
        if !pieces.is_empty() {
            pieces.push((" · ".into(), theme.style(Role::Dim)));
        }
        pieces.push((word.into(), theme.style(role)));
    }
    pieces
}

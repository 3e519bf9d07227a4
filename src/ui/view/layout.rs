//! The places of the panels of a tab: as many as there is space for.

use ratatui::layout::{Constraint, Layout, Rect};

use super::saturation;
use crate::sort::SmallSort as _;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;

/// From this size on two panels stand side by side.
const GRID: (u16, u16) = (72, 14);
/// From this height on narrow screens stack the panels.
const COLUMN: u16 = 34;
/// From these widths on three and four panels stand side by side.
const COLUMNS: [u16; 2] = [165, 250];
/// Rows that other panels have at least above one that needs a few.
const LEAST_ABOVE: u16 = 11;
/// From this width on others stand beside a panel that leaves no row below it.
const BESIDE: u16 = 100;
/// Lines for texts of a cell of the confusion matrix.
const TEXTS: u16 = 8;
/// Rows of panels that are shown only where others leave space for them.
const LEAST_BELOW: u16 = 12;
/// From these heights on there are three and four rows of panels.
const ROWS: [u16; 2] = [48, 76];

/// The height from which on panels stand in more rows rather than side by side, and the width that they have then at most.
const TALL: (u16, u16) = (36, 150);
/// Classes up to which a confusion matrix has its measures below it.
const CLASSES: usize = 20;

/// The panels to be drawn in `area`, each with its place: those of the tab in front, or the focused one where it fills the screen.
pub fn places(dash: &Dashboard, area: Rect) -> Vec<(Panel, Rect)> {
    let focus = dash.view.focus(&dash.run);
    let all = dash.view.tab.panels(&dash.run);
    let (area, low) = match below(dash, &all, area) {
        Some((_, low)) if low.height == 0 && focus == Panel::Saturation => {
            return vec![(Panel::Saturation, area)];
        }
        Some(split) => split,
        None => (area, Rect::ZERO),
    };
    let (low_panels, panels): (Vec<Panel>, Vec<Panel>) =
        all.into_iter().partition(|panel| low != Rect::ZERO && *panel == Panel::Saturation);
    let [columns, rows] = if dash.view.full_screen { [1, 1] } else { grid(area) };
    let main = dash.view.tab.main_panels(&dash.run).len();
    let leave_space = leave_space(panels.iter().take(main).map(|panel| useful(dash, *panel)), area.height);
    let most = match main < panels.len() && !leave_space {
        // A single row of them, with others beside where few panels would be far wider than they have a use for.
        true if area.width >= BESIDE => (columns * rows).min(main.max(columns)),
        true => (columns * rows).min(main),
        false => columns * rows,
    };
    let at = panels.iter().position(|panel| *panel == focus).unwrap_or(0);
    // The page with the focused panel, as full as the others.
    let first = (at / most * most).min(panels.len().saturating_sub(most));
    let shown = panels.iter().copied().skip(first).take(most).collect::<Vec<_>>();
    let useful: Vec<Option<u16>> = shown.iter().map(|panel| useful(dash, *panel)).collect();
    let fewer = fewer_columns(columns, rows, &useful, area);
    let rows = if fewer < columns.min(shown.len()) { shown.len().div_ceil(fewer) } else { rows };
    let rows = split(shown.len(), fewer, rows);
    let filled: Vec<Option<u16>> = shown.iter().map(|panel| filled(dash, *panel)).collect();
    let heights = Layout::vertical(heights(&rows, &filled, area.height)).split(area);
    let places = rows.iter().zip(heights.iter()).flat_map(|(count, row)| {
        let row = Layout::horizontal((0..*count).map(|_| Constraint::Fill(1))).split(*row);
        row.iter().copied().collect::<Vec<_>>()
    });
    let low_panels = low_panels.into_iter().filter(|_| low.height > 0).map(|panel| (panel, low));
    let mut places: Vec<(Panel, Rect)> = shown.into_iter().zip(places).chain(low_panels).collect();
    places.small_sort_by_key(|(panel, _)| dash.view.number(*panel, &dash.run));
    places
}

/// The places of the other panels and, below them, of the one that needs a few rows alone, if the tab has it beside others; without space
/// for both its height is 0.
fn below(dash: &Dashboard, panels: &[Panel], area: Rect) -> Option<(Rect, Rect)> {
    if dash.view.full_screen || panels.len() < 2 || !panels.contains(&Panel::Saturation) {
        return None;
    }
    let height = saturation::height(dash);
    let height = if area.height >= height + LEAST_ABOVE { height } else { 0 };
    let above = Rect { height: area.height - height, ..area };
    Some((above, Rect { y: above.bottom(), height, ..area }))
}

/// The lines that a panel of text has a use for; `None` of one that grows with its area.
fn useful(dash: &Dashboard, panel: Panel) -> Option<u16> {
    let info = dash.run.info()?;
    let tokens = || info.probes.iter().map(|probe| probe.tokens.len()).max().unwrap_or(0);
    let classes = info.data.classes.len();
    // With the frame.
    let lines = match panel {
        Panel::Findings => 9,
        Panel::Predictions => tokens() + 4,
        Panel::Influence => tokens() + 6,
        Panel::Tensors => dash.run.param_norms().len() + 4,
        Panel::Confusion if classes <= CLASSES => 2 * classes + 6,
        Panel::Labels => classes + 4,
        _ => return None,
    };
    u16::try_from(lines).ok()
}

/// Whether panels with so many lines of use leave space for a row of others below them.
fn leave_space(useful: impl Iterator<Item = Option<u16>>, height: u16) -> bool {
    let lines = useful.flatten().max().unwrap_or(0);
    let [high, _] = ROWS;
    // The rows of a low screen are of one height.
    if height >= high {
        lines + LEAST_BELOW <= height
    } else {
        height >= 2 * LEAST_BELOW && 2 * lines <= height
    }
}

/// The lines that a panel of text fills if it has them: of several examples all.
fn filled(dash: &Dashboard, panel: Panel) -> Option<u16> {
    let least = useful(dash, panel)?;
    let probes = &dash.run.info()?.probes;
    let tokens = probes.iter().map(|probe| probe.tokens.len() as u16);
    Some(match panel {
        // With its number, its text and the names of the columns.
        Panel::Influence => tokens.map(|tokens| tokens + 5).sum::<u16>().max(least),
        Panel::Confusion => least + TEXTS,
        _ => least,
    })
}

/// So many columns that no panel is far taller than it has a use for, as there are `useful` panels and at most so many columns and rows.
fn fewer_columns(columns: usize, rows: usize, useful: &[Option<u16>], area: Rect) -> usize {
    let panels = useful.len();
    let width = |columns: usize| area.width / u16::try_from(columns).unwrap_or(u16::MAX).max(1);
    let is_tall = |columns: usize| {
        let rows = u16::try_from(panels.div_ceil(columns)).unwrap_or(u16::MAX).max(1);
        area.height / rows > TALL.0
    };
    // A few lines of text below a panel that fills the rest.
    let is_of_text = panels == 2 && useful.iter().flatten().any(|lines| *lines < TALL.0 / 2);
    let mut columns = columns.min(panels).max(1);
    while columns > 1
        && panels.div_ceil(columns - 1) <= rows
        && is_tall(columns)
        && (width(columns - 1) <= TALL.1 || is_of_text && useful.contains(&None))
    {
        columns -= 1;
    }
    columns
}

/// The heights of rows of panels: on high screens those with text alone have what they have a use for, and the others the rest.
fn heights(rows: &[usize], useful: &[Option<u16>], height: u16) -> Vec<Constraint> {
    let mut left = useful;
    let lines = rows.iter().map(|count| {
        let (row, rest) = left.split_at((*count).min(left.len()));
        left = rest;
        row.iter().copied().reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten()
    });
    let lines: Vec<Option<u16>> = lines.collect();
    let share = height / u16::try_from(rows.len()).unwrap_or(u16::MAX).max(1);
    let [high, _] = ROWS;
    let row = |lines: &Option<u16>| match lines {
        Some(lines) if height >= high => Constraint::Length((*lines).min(share)),
        _ => Constraint::Fill(1),
    };
    // Without a panel that grows, all are stretched.
    match lines.contains(&None) {
        true => lines.iter().map(row).collect(),
        false => lines.iter().map(|_| Constraint::Fill(1)).collect(),
    }
}

/// The largest number of columns and of rows that `area` has space for.
fn grid(area: Rect) -> [usize; 2] {
    let steps = |steps: [u16; 2], size: u16| steps.iter().filter(|step| size >= **step).count();
    if area.width >= GRID.0 && area.height >= GRID.1 {
        [2 + steps(COLUMNS, area.width), 2 + steps(ROWS, area.height)]
    } else if area.height >= COLUMN {
        [1, 4]
    } else {
        [1, 1]
    }
}

/// The number of panels in each row: as even as can be, the first rows with fewer and wider ones.
fn split(panels: usize, columns: usize, rows: usize) -> Vec<usize> {
    let fits = |wide: usize| panels.div_ceil(wide) <= rows;
    let unused = |wide: usize| panels.next_multiple_of(wide) - panels;
    let best = (1..=columns).rev().filter(|wide| fits(*wide)).min_by_key(|wide| unused(*wide));
    let rows = panels.div_ceil(best.unwrap_or(columns).max(1)).max(1);
    (0..rows).map(|row| panels / rows + usize::from(row >= rows - panels % rows)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_split_evenly_and_the_first_are_the_widest() {
        assert_eq!(split(1, 2, 2), [1]);
        assert_eq!(split(2, 2, 2), [2]);
        assert_eq!(split(3, 2, 2), [1, 2]);
        assert_eq!(split(4, 2, 2), [2, 2]);
        assert_eq!(split(4, 3, 3), [2, 2]);
        assert_eq!(split(6, 3, 3), [3, 3]);
        assert_eq!(split(7, 3, 3), [2, 2, 3]);
        assert_eq!(split(8, 4, 4), [4, 4]);
        assert_eq!(split(4, 1, 4), [1, 1, 1, 1]);
        assert_eq!(split(0, 2, 2), [0]);
    }

    #[test]
    fn panels_of_text_leave_the_rows_of_a_high_screen_to_the_others() {
        let grown = |count| vec![None; count];
        let text = Some(9);
        // Three tall columns become a wide panel over two.
        let area = Rect::new(0, 0, 200, 54);
        assert_eq!(fewer_columns(3, 3, &grown(3), area), 2);
        assert_eq!(fewer_columns(3, 3, &grown(2), area), 2);
        assert_eq!(fewer_columns(3, 3, &[None, text], area), 1);
        assert_eq!(fewer_columns(3, 3, &[text, text], area), 2);
        assert_eq!(fewer_columns(3, 3, &grown(9), area), 3);
        assert_eq!(fewer_columns(2, 2, &grown(3), Rect::new(0, 0, 120, 36)), 2);
        let (fill, nine) = (Constraint::Fill(1), Constraint::Length(9));
        assert_eq!(heights(&[1, 1], &[None, text], 54), [fill, nine]);
        assert_eq!(heights(&[2, 2], &[None, text, text, Some(4)], 54), [fill, nine]);
        assert_eq!(heights(&[1, 1], &[None, Some(99)], 54), [fill, Constraint::Length(27)]);
        assert_eq!(heights(&[1, 1], &[text, text], 54), [fill, fill]);
        assert_eq!(heights(&[1, 1], &[None, text], 36), [fill, fill], "a low screen has no lines to spare");
    }

    #[test]
    fn other_panels_are_shown_where_tables_leave_a_row_for_them() {
        let leaves = |lines: u16, height| leave_space([Some(lines), None, Some(3)].into_iter(), height);
        assert!(leaves(9, 54) && leaves(42, 54) && !leaves(43, 54));
        // The rows of a lower screen are of one height.
        assert!(leaves(15, 30) && !leaves(16, 30) && !leaves(3, 20));
    }

    #[test]
    fn larger_areas_show_more_panels() {
        let most = |width, height| {
            let [columns, rows] = grid(Rect::new(0, 0, width, height));
            columns * rows
        };
        assert_eq!(most(40, 10), 1);
        assert_eq!(most(80, 20), 4);
        assert_eq!(most(120, 36), 4);
        assert_eq!(most(200, 56), 9);
        assert_eq!(most(300, 96), 16);
    }
}

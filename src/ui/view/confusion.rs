//! The confusion matrix of the validation data over the epochs, precision, recall and F1 of each class, and texts of a cell.
//!
//! ```text
//! ╭ 2 Confusion ────────────────────────────── epoch 3 ╮
//! │ actual ╲ predicted  Arabic  German   precision recall F1   support │
//! │ Arabic                 171      14     91.4 %  92.4 % 91.9 %   185 │
//! │ German                  16      99     87.6 %  86.1 % 86.8 %   115 │
//! ╰────────────────────────────────────────────────────╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;

use super::labels::{Measures, level};
use super::{class_name, title};
use crate::escape::foreign;
use crate::metrics::{Confusion, Task};
use crate::number;
use crate::protocol::RunInfo;
use crate::sort::SmallSort as _;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::run_state::EpochConfusion;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of the name of a class at most.
const NAME: usize = 14;
/// Columns of a cell of the matrix at least.
const CELL: usize = 5;
/// Columns of the course of F1.
const COURSE: usize = 12;
/// Columns of the list of confusions where it stands beside the classes, and between both.
const LIST: usize = 40;
const GAP: usize = 3;

/// Lines from which on texts are shown below the matrix.
const LEAST_TEXTS: u16 = 4;

/// A cell of the matrix that is not empty: actual class, predicted class, sequences.
pub type Cell = (usize, usize, u64);

/// The cells, the most frequent confusions first, then the correct ones; the order in which they are chosen.
pub fn cells(matrix: &Confusion) -> Vec<Cell> {
    let all = (0..matrix.classes).flat_map(|actual| {
        (0..matrix.classes).map(move |predicted| (actual, predicted, matrix.count(actual, predicted)))
    });
    let mut cells: Vec<Cell> = all.filter(|(.., count)| *count > 0).collect();
    cells.small_sort_by(|a, b| (a.0 == a.1).cmp(&(b.0 == b.1)).then(b.2.cmp(&a.2)).then(a.cmp(b)));
    cells
}

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let run = &dash.run;
    let title = title(dash, Panel::Confusion, "Confusion", theme);
    let latest = run.history().confusions(dash.view.cursor).next_back();
    let note: Vec<Vec<Piece<'_>>> = latest
        .map(|latest| {
            let role = if dash.view.cursor.is_some() { Role::Cursor } else { Role::Dim };
            vec![(format!("epoch {}", latest.epoch).into(), theme.style(role))]
        })
        .into_iter()
        .collect();
    let hint: [Piece<'_>; 4] = [
        ("↑ ↓".into(), theme.style(Role::Key)),
        (" cell  ".into(), theme.style(Role::Dim)),
        ("Enter".into(), theme.style(Role::Key)),
        (" its texts".into(), theme.style(Role::Dim)),
    ];
    let frame = PanelFrame {
        focused: dash.view.focus(run) == Panel::Confusion,
        title: &title,
        note: &note,
        left: &[],
        right: if dash.view.full_screen { &[] } else { &hint },
    };
    let inner = frame.render(area, buf, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(latest) = latest else {
        let words = match run.info().map(|info| info.data.validation) {
            Some(0) => "there are no validation data",
            _ => "waiting for the first validation",
        };
        text::put(buf, inner.x, inner.y, usize::from(inner.width), &[(words.into(), theme.style(Role::Dim))]);
        return;
    };
    let matrix = &latest.matrix;
    let names = names(run.info(), matrix.classes);
    let history: Vec<&EpochConfusion> = run.history().confusions(dash.view.cursor).collect();
    let cells = cells(matrix);
    let chosen = cells.get(dash.view.cell.min(cells.len().saturating_sub(1))).copied();
    let below = texts_below(dash, matrix, inner);
    let [upper, lower] = Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(inner);
    Matrix { matrix, names: &names, chosen, history: &history }.render(upper, buf, theme);
    if let Some(chosen) = chosen.filter(|_| below > 1) {
        render_texts(dash, latest, chosen, &names, lower, buf, theme);
    }
}

/// The lines for texts of the chosen cell: a third of the screen if the panel fills it, else what the matrix with its measures below leaves.
fn texts_below(dash: &Dashboard, matrix: &Confusion, area: Rect) -> u16 {
    let rows = u16::try_from(2 * matrix.classes + 3).unwrap_or(u16::MAX);
    let left = area.height.saturating_sub(rows);
    let has_texts = dash.run.info().is_some_and(|info| info.task != Task::Tags && info.reads_tokens());
    match dash.view.full_screen {
        true => left.max(area.height / 3),
        false if has_texts && left >= LEAST_TEXTS => left,
        false => 0,
    }
}

/// The names of the classes, as they are shown.
fn names(info: Option<&RunInfo>, classes: usize) -> Vec<String> {
    let label = |class: usize| Some(info?.data.classes.get(class)?.label.as_str());
    let name =
        |class| label(class).map_or_else(|| class.to_string(), |label| class_name(info, label).into_owned());
    (0..classes).map(name).collect()
}

/// How many of `all` lines are shown in so many rows, and how many the last row counts if not all are.
fn whole(all: usize, rows: usize) -> (usize, Option<usize>) {
    if all <= rows || rows < 2 {
        return (all.min(rows), None);
    }
    (rows - 1, Some(all - (rows - 1)))
}

struct Matrix<'a> {
    matrix: &'a Confusion,
    names: &'a [String],
    chosen: Option<Cell>,
    history: &'a [&'a EpochConfusion],
}

impl Matrix<'_> {
    fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let count = self.matrix.classes;
        let width = usize::from(area.width);
        // On a wide screen whole names.
        let most = NAME.max(width / 6);
        let names: Vec<String> =
            self.names.iter().map(|name| text::clip_name(name, most).into_owned()).collect();
        let longest = names.iter().map(|name| text::width(name)).max().unwrap_or(0).max(6);
        let digits = self.matrix.counts.iter().map(|n| number::count(*n).len()).max().unwrap_or(1);
        let least = (digits + 1).max(CELL);
        let left = width.saturating_sub(longest + 1);
        let fits = count * least <= left && count < usize::from(area.height);
        // Narrow measures beside whole names rather than wide ones beside cut names.
        let whole_names = count * (longest + 1);
        let fitting = [Measures::WIDE, Measures::NARROW].into_iter();
        let measures = fitting
            .filter(|_| fits)
            .find(|measures| whole_names + measures.width() <= left)
            .unwrap_or(Measures::WIDE);
        let has_measures = left.saturating_sub(if fits { count * least } else { 0 }) >= measures.width();
        // Where there is space, cells are as wide as their names.
        let free = if has_measures { left - measures.width() } else { left };
        let cell = (longest + 1).min(free / count.max(1)).max(least);
        // Where the matrix has no place, its largest confusions are listed.
        let used = if fits { count * cell } else { 0 };
        let has_course = left.saturating_sub(used + measures.width()) > COURSE + 4;
        let dim = theme.style(Role::Dim);
        let mut head = format!("{:longest$} ", if fits { "actual" } else { "class" });
        if fits {
            for name in &names {
                // Where `class 12` has no place its number has.
                let short =
                    if name.len() < cell { name } else { name.strip_prefix("class ").unwrap_or(name) };
                let short = text::clip_name(short, cell - 1).into_owned();
                head += &format!("{}{short}", " ".repeat(cell - text::width(&short)));
            }
        }
        if has_measures {
            head += &measures.head();
        }
        if has_course {
            head += "  F1 by epochs";
        }
        text::put(buf, area.x, area.y, width, &[(head.into(), dim)]);
        let rows = usize::from(area.height.saturating_sub(1));
        let order: Vec<usize> = if fits { (0..count).collect() } else { self.ranked() };
        // The list of confusions stands beside the classes, or below them.
        let table = longest
            + 1
            + if has_measures { measures.width() } else { 0 }
            + if has_course { COURSE + 2 } else { 0 };
        let is_beside = !fits && width >= table + GAP + LIST;
        let room = if fits || is_beside { rows } else { rows.div_ceil(2) };
        let (shown, more) = whole(order.len(), room);
        let shown = if fits { count } else { shown };
        if let Some(more) = more.filter(|_| !fits) {
            let classes = if more == 1 { "class" } else { "classes" };
            let words = format!("and {} {classes} with a greater F1", number::count(more as u64));
            text::put(buf, area.x, area.y + 1 + shown as u16, width, &[(words.into(), dim)]);
        }
        for (y, class) in (area.y + 1..).zip(order.into_iter().take(shown)) {
            let name = names.get(class).map_or("", String::as_str);
            let gap = " ".repeat(longest + 1 - text::width(name));
            let mut pieces: Vec<Piece<'_>> = vec![(format!("{name}{gap}").into(), theme.style(Role::Text))];
            if fits {
                pieces.extend((0..count).map(|predicted| self.cell(class, predicted, cell, theme)));
            }
            if has_measures {
                pieces.extend(measures.of(self.measures(class), theme));
            }
            if has_course {
                pieces.push((format!("  {}", self.course(class)).into(), theme.style(Role::Validation)));
            }
            text::put(buf, area.x, y, width, &pieces);
        }
        if fits && !has_measures {
            self.below(&names, Rect { y: area.y + 2 + shown as u16, ..area }, area.bottom(), buf, theme);
        }
        if !fits {
            let used = (shown + usize::from(more.is_some())) as u16;
            let place = match is_beside {
                true => {
                    let left = (table + GAP) as u16;
                    let (x, y) = (area.x + left, area.y + 1);
                    Rect { x, y, width: area.width - left, height: rows as u16 }
                }
                false => Rect { y: area.y + 1 + used, height: (rows as u16).saturating_sub(used), ..area },
            };
            self.list(&names, place, buf, theme);
        }
    }

    /// Precision, recall, F1 and support of a class.
    fn measures(&self, class: usize) -> ([f64; 3], u64) {
        let matrix = self.matrix;
        ([matrix.precision(class), matrix.recall(class), matrix.f1(class)], matrix.support(class))
    }

    /// The measures below the matrix, from the row of `area` to `bottom`, where they have no place beside it.
    fn below(&self, names: &[String], area: Rect, bottom: u16, buf: &mut Buffer, theme: &Theme) {
        let width = usize::from(area.width);
        let room = width.saturating_sub(Measures::NARROW.width());
        if area.y + 1 >= bottom || room < 3 {
            return;
        }
        let head = format!("{}{}", " ".repeat(room), Measures::NARROW.head());
        text::put(buf, area.x, area.y, width, &[(head.into(), theme.style(Role::Dim))]);
        let rows = usize::from(bottom - area.y - 1);
        let fit = if rows < self.matrix.classes { rows - 1 } else { self.matrix.classes };
        if let Some(hidden) = Some(self.matrix.classes - fit).filter(|hidden| *hidden > 0) {
            let words = format!("↓ {hidden} more");
            text::put(buf, area.x, bottom - 1, width, &[(words.into(), theme.style(Role::Dim))]);
        }
        for (y, class) in (area.y + 1..bottom).zip(0..fit) {
            let name = text::clip_name(names.get(class).map_or("", String::as_str), room).into_owned();
            let gap = " ".repeat(room - text::width(&name));
            let mut pieces: Vec<Piece<'_>> = vec![(format!("{name}{gap}").into(), theme.style(Role::Text))];
            pieces.extend(Measures::NARROW.of(self.measures(class), theme));
            text::put(buf, area.x, y, width, &pieces);
        }
    }

    /// The classes, the least F1 first.
    fn ranked(&self) -> Vec<usize> {
        let mut order: Vec<usize> =
            (0..self.matrix.classes).filter(|c| self.matrix.support(*c) > 0).collect();
        order.small_sort_by(|a, b| self.matrix.f1(*a).total_cmp(&self.matrix.f1(*b)));
        order
    }

    /// A cell, its colour by its share of the row: correct ones towards the one end of the scale, confusions towards the other.
    fn cell<'a>(&self, actual: usize, predicted: usize, width: usize, theme: &Theme) -> Piece<'a> {
        let count = self.matrix.count(actual, predicted);
        let share = count as f32 / self.matrix.support(actual).max(1) as f32;
        let words = if count == 0 { "·".to_owned() } else { number::count(count) };
        let words = format!("{words:>width$}");
        let is_chosen = self.chosen.is_some_and(|(a, p, _)| (a, p) == (actual, predicted));
        let style = match (is_chosen, count, actual == predicted) {
            (true, ..) => theme.style(Role::Selected),
            (_, 0, _) => theme.style(Role::Border),
            (.., true) => theme.style(Role::Good),
            _ => match theme.diverging(0.25 + share) {
                Some(color) => Style::new().fg(color),
                None if share > 0.2 => theme.style(Role::Bad),
                None => theme.style(Role::Text),
            },
        };
        (words.into(), style)
    }

    /// The course of F1 over the epochs so far, in as many characters.
    fn course(&self, class: usize) -> String {
        let first = self.history.len().saturating_sub(COURSE);
        self.history.iter().skip(first).map(|confusion| level(confusion.matrix.f1(class))).collect()
    }

    /// The largest confusions in words.
    fn list(&self, names: &[String], area: Rect, buf: &mut Buffer, theme: &Theme) {
        let all = cells(self.matrix);
        // They come before the correct cells.
        let count = all.iter().filter(|(actual, predicted, _)| actual != predicted).count();
        let name = |class: usize| names.get(class).map_or("", String::as_str);
        let height = usize::from(area.height);
        let chosen = self.chosen.and_then(|chosen| all.iter().position(|cell| *cell == chosen)).unwrap_or(0);
        let first = (chosen + 1).saturating_sub(height).min(count.saturating_sub(height));
        for (y, cell) in (area.top()..area.bottom()).zip(all.into_iter().take(count).skip(first)) {
            let (actual, predicted, count) = cell;
            let share = count as f64 / self.matrix.support(actual).max(1) as f64;
            let words = format!(
                "{:>6}  {} taken for {} ({} of it)",
                number::count(count),
                name(actual),
                name(predicted),
                number::percent(share)
            );
            let role = if self.chosen == Some(cell) { Role::Selected } else { Role::Text };
            text::put(buf, area.x, y, usize::from(area.width), &[(words.into(), theme.style(role))]);
        }
    }
}

/// Texts of the chosen cell, of the same validation as the matrix.
fn render_texts(
    dash: &Dashboard,
    confusion: &EpochConfusion,
    (actual, predicted, count): Cell,
    names: &[String],
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let width = usize::from(area.width);
    let name = |class: usize| names.get(class).map_or("", String::as_str);
    let head = match actual == predicted {
        true => format!("{} right: {}", number::count(count), name(actual)),
        false => format!("{} of {} taken for {}", number::count(count), name(actual), name(predicted)),
    };
    let mut of_step = dash.run.history().examples(Some(confusion.step)).rev();
    let examples = of_step.next().filter(|examples| examples.step == confusion.step);
    let texts = examples.iter().flat_map(|examples| &examples.texts);
    let texts: Vec<_> = texts.filter(|text| (text.actual, text.predicted) == (actual, predicted)).collect();
    let mut pieces: Vec<Piece<'_>> = vec![(head.into(), theme.style(Role::Title))];
    if !texts.is_empty() && (texts.len() as u64) < count {
        let recorded = format!(", of which {} are recorded", number::count(texts.len() as u64));
        pieces.push((recorded.into(), theme.style(Role::Dim)));
    }
    text::put(buf, area.x, area.y, width, &pieces);
    let mut y = area.y + 1;
    for found in texts {
        let known = foreign(&found.text);
        for (i, row) in text::wrap(&known, width.saturating_sub(2)).into_iter().enumerate() {
            if y >= area.bottom() {
                return;
            }
            let mark = if i == 0 { "· " } else { "  " };
            let pieces = [(mark.into(), theme.style(Role::Dim)), (row.into(), theme.style(Role::Text))];
            text::put(buf, area.x, y, width, &pieces);
            y += 1;
        }
    }
    if y == area.y + 1 {
        let words = match examples {
            Some(_) => {
                "no texts of this cell are recorded: only those of a bounded number of cells are, and only texts"
                    .to_owned()
            }
            None => format!("no texts of epoch {} are recorded", confusion.epoch),
        };
        text::put(buf, area.x + 2, y, width.saturating_sub(2), &[(words.into(), theme.style(Role::Dim))]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusions_come_before_what_is_right() {
        let matrix = Confusion { classes: 2, counts: vec![50, 3, 7, 0], ..Confusion::default() };
        assert_eq!(cells(&matrix), [(1, 0, 7), (0, 1, 3), (0, 0, 50)]);
        assert_eq!(cells(&Confusion::new(3)), []);
    }

    #[test]
    fn names_are_whole_where_narrow_measures_leave_them_space() {
        let matrix = Confusion { classes: 2, counts: vec![50, 3, 7, 40], ..Confusion::default() };
        let names = ["negative".to_owned(), "positive".to_owned()];
        let head = |width| {
            let area = Rect::new(0, 0, width, 8);
            let mut buf = Buffer::empty(area);
            Matrix { matrix: &matrix, names: &names, chosen: None, history: &[] }.render(
                area,
                &mut buf,
                &Theme::DARK,
            );
            crate::ui::screenshot::text(&buf).lines().next().unwrap_or_default().to_owned()
        };
        let narrow = head(62);
        assert!(narrow.contains("negative positive") && narrow.contains("prec."), "{narrow}");
        let wide = head(70);
        assert!(wide.contains("negative positive") && wide.contains("precision"), "{wide}");
    }

    #[test]
    fn classes_that_have_no_line_are_counted_and_confusions_stand_beside_them_where_there_is_space() {
        let classes = 30;
        let counts = (0..classes * classes).map(|cell| if cell % (classes + 1) == 0 { 50 } else { 1 });
        let matrix = Confusion { classes, counts: counts.collect(), ..Confusion::default() };
        let names: Vec<String> = (0..classes).map(|class| format!("tag{class}")).collect();
        let lines = |width, height| {
            let area = Rect::new(0, 0, width, height);
            let mut buf = Buffer::empty(area);
            Matrix { matrix: &matrix, names: &names, chosen: None, history: &[] }.render(
                area,
                &mut buf,
                &Theme::DARK,
            );
            let text = crate::ui::screenshot::text(&buf);
            text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
        };
        let narrow = lines(60, 12);
        assert!(narrow[6].starts_with("and 25 classes with a greater F1"), "{narrow:?}");
        assert!(narrow[7].contains("taken for") && narrow[11].contains("taken for"), "{narrow:?}");
        let wide = lines(116, 12);
        assert!(wide[1].starts_with("tag") && wide[1].contains("taken for"), "{wide:?}");
        assert!(wide[11].starts_with("and 20 classes") && wide[11].contains("taken for"), "{wide:?}");
        assert_eq!((whole(3, 3), whole(3, 2), whole(3, 1)), ((3, None), (1, Some(2)), (1, None)));
    }

    #[test]
    fn the_list_of_confusions_stays_where_a_correct_cell_is_chosen() {
        let matrix = Confusion { classes: 2, counts: vec![50, 3, 7, 40], ..Confusion::default() };
        let all = cells(&matrix);
        let names = ["a".to_owned(), "b".to_owned()];
        for (chosen, height, expected) in [
            (0, 1, "b taken for a"),
            (1, 1, "a taken for b"),
            (3, 1, "a taken for b"),
            (3, 4, "b taken for a"),
        ] {
            let chosen = all.get(chosen).copied();
            let area = Rect::new(0, 0, 60, height);
            let mut buf = Buffer::empty(area);
            let panel = Matrix { matrix: &matrix, names: &[], chosen, history: &[] };
            panel.list(&names, area, &mut buf, &Theme::DARK);
            let text = crate::ui::screenshot::text(&buf);
            assert!(text.lines().next().unwrap().contains(expected), "{chosen:?}: {text}");
        }
    }
}

//! The report on inspected data, as lines: for the menu and for `unrolled data info`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::text::{fit, wrap};
use super::theme::{Colors, Glyphs, Role, Theme};
use super::widget::glyph_fallback;
use crate::number::{count, percent};
use crate::protocol::{ClassCount, Coverage, Draft, Findings, Lengths};
use crate::sort::SmallSort as _;

/// Classes that are named, at most.
const CLASSES: usize = 24;
/// Columns that a bar takes, at most.
const BAR: usize = 36;

/// How much of the report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// All; warnings and settings last, next to the prompt after printing.
    Full,
    /// All; warnings and settings before histogram and vocabulary, at the top of a screen.
    Screen,
    /// Without histogram and vocabulary.
    Short,
}

/// All of `draft` in lines of at most `width` columns.
pub fn lines(draft: &Draft, detail: Detail, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let found = &draft.findings;
    let full = detail != Detail::Short;
    let mut out = LineBuilder { lines: Vec::new(), width, theme: *theme };
    out.head(found);
    out.pairs(&found.facts);
    out.columns(found);
    if detail == Detail::Screen {
        out.settled(draft);
    }
    out.classes(found, full);
    if let Some(lengths) = found.lengths.as_ref().filter(|_| full) {
        out.lengths(lengths, &found.unit);
    }
    if let Some(vocabulary) = found.vocabulary.as_ref().filter(|_| full) {
        out.vocabulary(vocabulary);
    }
    if detail != Detail::Screen {
        out.settled(draft);
    }
    out.lines
}

/// Lines as plain text, with the characters that `glyphs` promises and a line end after each.
pub fn as_text(lines: Vec<Line<'_>>, width: usize, glyphs: Glyphs) -> String {
    let width = u16::try_from(width).unwrap_or(u16::MAX);
    let mut out = String::new();
    for line in lines {
        // A row at a time: a buffer has at most 65,535 cells.
        let area = Rect::new(0, 0, width, 1);
        let mut row = Buffer::empty(area);
        line.render(area, &mut row);
        glyph_fallback::replace(&mut row, area, glyphs);
        let mut skip = 0;
        let mut text = String::new();
        for cell in row.content() {
            if skip == 0 {
                text.push_str(cell.symbol());
            }
            // A character two columns wide is in the first of two cells.
            skip = cell.symbol().width().max(skip).saturating_sub(1);
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// A theme without colours.
pub fn plain_theme(glyphs: Glyphs) -> Theme {
    Theme { colors: Colors::Mono, glyphs, light: false, ..Theme::DARK }
}

struct LineBuilder {
    lines: Vec<Line<'static>>,
    width: usize,
    theme: Theme,
}

impl LineBuilder {
    fn span(&self, text: String, role: Role) -> Span<'static> {
        Span::styled(text, self.theme.style(role))
    }

    fn push(&mut self, spans: Vec<Span<'static>>) {
        self.lines.push(Line::from(spans));
    }

    fn title(&mut self, words: &str) {
        self.lines.push(Line::default());
        let title = self.span(fit(words, self.width), Role::Title);
        self.push(vec![title]);
    }

    /// A sentence behind a mark.
    fn marked(&mut self, mark: &str, words: &str, role: Role) {
        for (i, part) in wrap(words, self.width.saturating_sub(4).max(1)).into_iter().enumerate() {
            let mark = if i == 0 { format!("  {mark} ") } else { "    ".to_owned() };
            let spans = vec![self.span(mark, role), self.span(part, Role::Text)];
            self.push(spans);
        }
    }

    fn head(&mut self, found: &Findings) {
        let path = found.path.display().to_string();
        for line in wrap(&path, self.width) {
            let line = self.span(line, Role::Title);
            self.push(vec![line]);
        }
        let rows = format!("{} {}", count(found.rows as u64), found.unit);
        let looked = if found.more { format!("first {rows} (more follow)") } else { rows };
        for line in wrap(&format!("{}: {looked}", found.kind), self.width) {
            let line = self.span(line, Role::Text);
            self.push(vec![line]);
        }
        self.lines.push(Line::default());
    }

    /// Rows of name and value, the values in one column.
    fn pairs(&mut self, rows: &[(String, String)]) {
        let names = rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0).max(10).min(self.width / 3);
        for (name, value) in rows {
            for (i, part) in wrap(value, self.width.saturating_sub(names + 4).max(1)).into_iter().enumerate()
            {
                let name = if i == 0 { fit(name, names) } else { String::new() };
                let gap = " ".repeat(names.saturating_sub(name.width()) + 2);
                let spans = vec![self.span(format!("  {name}{gap}"), Role::Dim), self.span(part, Role::Text)];
                self.push(spans);
            }
        }
    }

    /// Warnings, and the suggested settings or why there are none.
    fn settled(&mut self, draft: &Draft) {
        if !draft.findings.notes.is_empty() {
            self.title("Warnings");
            draft.findings.notes.iter().for_each(|note| self.marked("!", note, Role::Warning));
        }
        match &draft.preset {
            Ok(_) => {
                self.title("Suggested settings");
                self.pairs(&draft.findings.suggested);
            }
            Err(doubt) => {
                self.title("No preset drafted");
                self.marked("!", doubt, Role::Bad);
            }
        }
    }

    fn columns(&mut self, found: &Findings) {
        if found.columns.is_empty() {
            return;
        }
        self.title(if found.kind.starts_with("JSON") { "Fields" } else { "Columns" });
        let names =
            found.columns.iter().map(|column| fit(&column.name, self.width / 3).width()).max().unwrap_or(0);
        for column in &found.columns {
            let name = fit(&column.name, self.width / 3);
            let gap = " ".repeat(names - name.width() + 2);
            let role = if column.role.is_empty() { "–" } else { &column.role };
            let used = 2 + names + 2 + 8;
            let why = fit(&column.why, self.width.saturating_sub(used));
            let (bright, dim) =
                if column.role.is_empty() { (Role::Dim, Role::Dim) } else { (Role::Text, Role::Good) };
            let spans = vec![
                self.span(format!("  {name}{gap}"), bright),
                self.span(format!("{role:<8}"), dim),
                self.span(why, Role::Dim),
            ];
            self.push(spans);
        }
    }

    fn classes(&mut self, found: &Findings, full: bool) {
        let classes = &found.classes;
        if classes.is_empty() {
            return;
        }
        let title = if found.several { "Labels (multi-label)" } else { "Classes" };
        self.title(&format!("{title} ({})", classes.len()));
        let all: usize = match found.several {
            true => found.rows,
            false => classes.iter().map(|class| class.count).sum(),
        };
        let most = classes.iter().map(|class| class.count).max().unwrap_or(0);
        let shown = if full { CLASSES } else { 8 };
        // Of very many only the most frequent are shown.
        let mut order: Vec<_> = classes.iter().collect();
        if order.len() > shown {
            order.small_sort_by_key(|class| std::cmp::Reverse(class.count));
        }
        let counts = order.iter().map(|class| count(class.count as u64).width()).max().unwrap_or(0);
        let row = |class: &ClassCount| {
            let share = percent(class.count as f64 / all.max(1) as f64);
            let words = format!("{:>counts$}  {share:>7}", count(class.count as u64));
            (class.label.clone(), words, class.count)
        };
        let rows: Vec<_> = order.into_iter().take(shown).map(row).collect();
        self.bars(&rows, most);
        if classes.len() > shown {
            let more = self.span(format!("  and {} more", count((classes.len() - shown) as u64)), Role::Dim);
            self.push(vec![more]);
        }
    }

    fn lengths(&mut self, lengths: &Lengths, unit: &str) {
        let quantile = |percent| lengths.quantile(percent).map_or_else(|| "?".into(), |n| count(n as u64));
        let one = unit.strip_suffix('s').unwrap_or(unit);
        let mut name = lengths.unit.clone();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        self.title(&format!(
            "{name} per {one}: median {}, 90 % ≤ {}, 99 % ≤ {}, maximum {}",
            quantile(50),
            quantile(90),
            quantile(99),
            count(lengths.most as u64)
        ));
        let most = lengths.bins.iter().map(|(.., n)| *n).max().unwrap_or(0);
        let bin = |(from, to, n): &(usize, usize, usize)| {
            let range = if from == to {
                count(*from as u64)
            } else {
                format!("{}–{}", count(*from as u64), count(*to as u64))
            };
            (range, count(*n as u64), *n)
        };
        self.bars(&lengths.bins.iter().map(bin).collect::<Vec<_>>(), most);
    }

    fn vocabulary(&mut self, found: &Coverage) {
        let (distinct, running) = (count(found.distinct as u64), count(found.running));
        let rest = if found.shares.is_empty() { "" } else { "; coverage by the most frequent" };
        self.title(&format!("{distinct} distinct {} among {running}{rest}", found.unit));
        let row = |(size, share): &(usize, f64)| {
            (count(*size as u64), percent(*share), (share * 10_000.0) as usize)
        };
        self.bars(&found.shares.iter().map(row).collect::<Vec<_>>(), 10_000);
    }

    /// Rows of a name, its value in words, and a bar in proportion to `most`.
    fn bars(&mut self, rows: &[(String, String, usize)], most: usize) {
        let widest = |of: &dyn Fn(&(String, String, usize)) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let names = widest(&|row| fit(&row.0, self.width / 3).width());
        let words_width = widest(&|row| row.1.width());
        let room = self.width.saturating_sub(2 + names + 2 + words_width + 2).min(BAR);
        for (name, words, n) in rows {
            let name = fit(name, self.width / 3);
            let gap = " ".repeat(names - name.width() + 2 + words_width - words.width());
            let spans = vec![
                self.span(format!("  {name}"), Role::Text),
                self.span(format!("{gap}{words}  "), Role::Dim),
                self.span(bar(*n, most, room, self.theme.glyphs), Role::Train),
            ];
            self.push(spans);
        }
    }
}

/// A bar of `width` columns × `n` / `most`, to half a column; at least half a column if `n` > 0.
fn bar(n: usize, most: usize, width: usize, glyphs: Glyphs) -> String {
    if n == 0 || most == 0 {
        return String::new();
    }
    let halves = ((2 * width) as f64 * n as f64 / most as f64).round().max(1.0) as usize;
    match glyphs {
        Glyphs::Ascii | Glyphs::Letters => "#".repeat(halves.div_ceil(2).min(width)),
        Glyphs::Blocks | Glyphs::Braille => "█".repeat(halves / 2) + if halves % 2 == 1 { "▌" } else { "" },
    }
}

#[cfg(test)]
pub(super) mod tests;

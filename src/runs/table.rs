use std::iter::repeat_n;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of text between two columns of a table.
const GAP: usize = 2;
/// The first column is not clipped below this.
const NARROWEST: usize = 12;
/// The first column takes no space from others beyond this.
const WIDEST: usize = 24;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub head: String,
    /// Whether its cells are at the right, as numbers are.
    pub is_right: bool,
    /// Its rank: where there is too little width, columns of lower rank are left out first. The first column stays.
    pub rank: u8,
    /// One a row, escaped.
    pub cells: Vec<String>,
}

impl Column {
    /// A column of texts.
    pub fn text(head: impl Into<String>, rank: u8, cells: Vec<String>) -> Self {
        Self { head: head.into(), is_right: false, rank, cells }
    }

    /// A column of numbers.
    pub fn number(head: impl Into<String>, rank: u8, cells: Vec<String>) -> Self {
        Self { head: head.into(), is_right: true, rank, cells }
    }

    fn width(&self) -> usize {
        self.cells.iter().map(|cell| cell.width()).chain([self.head.width()]).max().unwrap_or(0)
    }

    /// Whether no row has anything in it.
    fn is_empty(&self) -> bool {
        self.cells.iter().all(String::is_empty)
    }
}

/// A table of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// From left to right, all of one length.
    pub columns: Vec<Column>,
}

impl Table {
    /// A table of these columns, without those in which there is nothing.
    pub fn new(columns: Vec<Column>) -> Self {
        let columns = columns.into_iter().enumerate().filter(|(i, column)| *i == 0 || !column.is_empty());
        Self { columns: columns.map(|(_, column)| column).collect() }
    }

    /// How many columns are left out in `width` columns of text.
    pub fn hidden(&self, width: usize) -> usize {
        self.columns.len() - self.shown(width).len()
    }

    /// The columns that are shown in `width` columns of text, with their widths.
    fn shown(&self, width: usize) -> Vec<(&Column, usize)> {
        let mut shown: Vec<(&Column, usize)> =
            self.columns.iter().map(|column| (column, column.width())).collect();
        let total = |shown: &[(&Column, usize)]| -> usize {
            shown.iter().map(|(_, width)| width + GAP).sum::<usize>().saturating_sub(GAP)
        };
        while total(&shown) > width {
            let first = shown.first().map_or(0, |(_, width)| *width);
            let excess = total(&shown) - width;
            let least = (1..shown.len()).min_by_key(|i| shown.get(*i).map(|(column, _)| column.rank));
            match least {
                // A name that loses a few letters is worth less than a column.
                Some(least) if excess > first.saturating_sub(first.div_ceil(2).clamp(NARROWEST, WIDEST)) => {
                    shown.remove(least);
                }
                _ => {
                    if let Some((_, first)) = shown.first_mut() {
                        *first = first.saturating_sub(excess);
                    }
                    break;
                }
            }
        }
        shown
    }

    /// Returns the heading and the rows in lines of at most `width` columns: of the columns as many as fit, the first clipped.
    pub fn lines(&self, width: usize) -> (String, Vec<String>) {
        let shown = self.shown(width);
        let row = |cell: &dyn Fn(&Column) -> String| {
            let mut line = String::new();
            for (i, (column, width)) in shown.iter().enumerate() {
                let text = clip(&cell(column), *width);
                let blanks = repeat_n(' ', width.saturating_sub(text.width()));
                if i > 0 {
                    line.extend(repeat_n(' ', GAP));
                }
                if column.is_right {
                    line.extend(blanks);
                    line.push_str(&text);
                } else {
                    line.push_str(&text);
                    line.extend(blanks);
                }
            }
            line.trim_end().to_owned()
        };
        let rows = self.columns.first().map_or(0, |column| column.cells.len());
        let rows =
            (0..rows).map(|i| row(&|column| column.cells.get(i).cloned().unwrap_or_default())).collect();
        (row(&|column| column.head.clone()), rows)
    }
}

/// `text` in at most `width` columns; what is cut is at its middle, for names differ at their ends.
fn clip(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let take = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let taken: String = chars
            .take_while(|c| {
                used += c.width().unwrap_or(0);
                used <= room
            })
            .collect();
        taken
    };
    let end: String = take(&mut text.chars().rev(), room * 2 / 3).chars().rev().collect();
    let start = take(&mut text.chars(), room - end.width());
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let cells = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        Table::new(vec![
            Column::text("name", 0, cells(["word-order-20261129-140000", "b"])),
            Column::text("state", 9, cells(["finished", "live"])),
            Column::number("best", 8, cells(["0.1234", "良"])),
            Column::text("tags", 1, cells(["keep", ""])),
            Column::text("nothing", 9, cells(["", ""])),
        ])
    }

    #[test]
    fn a_wide_terminal_shows_all_columns_that_contain_something() {
        let (head, rows) = table().lines(usize::MAX);
        assert_eq!(head, "name                        state       best  tags");
        assert_eq!(rows[0], "word-order-20261129-140000  finished  0.1234  keep");
        assert_eq!(rows[1], "b                           live          良");
    }

    #[test]
    fn a_narrow_one_clips_the_name_and_then_leaves_columns_out() {
        assert_eq!(table().lines(45).1[0], "word-or…261129-140000  finished  0.1234  keep");
        assert_eq!(table().lines(34).1[0], "word-…129-140000  finished  0.1234");
        assert_eq!([200, 45, 34].map(|width| table().hidden(width)), [0, 0, 1]);
        for width in 0..60 {
            let (head, rows) = table().lines(width);
            assert!(rows.iter().chain([&head]).all(|line| line.width() <= width), "{width}: {rows:?}");
        }
    }
}

//! Rows of characters that are drawn from the bottom to the top.

use ratatui::text::{Line, Span};

use crate::ui::theme::{Role, Theme};

/// Rows of characters, the last of which is the topmost.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    rows: Vec<Vec<(char, Role)>>,
}

impl Canvas {
    /// Begins a row above the others.
    pub fn row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// Puts `text`, whose characters are a column wide, into the topmost row.
    pub fn put(&mut self, column: usize, text: &str, role: Role) {
        let Some(row) = self.rows.last_mut() else { return };
        for (i, c) in text.chars().enumerate() {
            let at = column + i;
            if row.len() <= at {
                row.resize(at + 1, (' ', Role::Text));
            }
            if let Some(place) = row.get_mut(at) {
                *place = (c, role);
            }
        }
    }

    /// The rows from the top to the bottom, cut at `width`.
    pub fn lines(&self, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let line = |row: &Vec<(char, Role)>| {
            let row = row.get(..width.min(row.len())).unwrap_or_default();
            let runs = row.chunk_by(|a, b| a.1 == b.1);
            Line::from_iter(runs.map(|run| {
                let role = run.first().map_or(Role::Text, |(_, role)| *role);
                Span::styled(run.iter().map(|(c, _)| *c).collect::<String>(), theme.style(role))
            }))
        };
        self.rows.iter().rev().map(line).collect()
    }
}

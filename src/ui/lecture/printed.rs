//! A page as plain text.

use super::{LectureScreen, PAGES};
use crate::escape::foreign;
use crate::ui::widget::text::wrap;

impl LectureScreen {
    /// The page as lines of at most `width` columns, with the numbers that are known; drawings take 38 columns in any case.
    pub fn printed(&self, width: usize) -> Vec<String> {
        let (text, words) = (self.text(), &self.texts.words);
        let title = format!("{}/{} {}", self.page + 1, PAGES.len(), text.title);
        let mut lines = wrap(&title, width.max(1));
        lines.push(String::new());
        let mut paragraph = |words: &str| {
            lines.extend(wrap(words, width.max(1)));
            lines.push(String::new());
        };
        text.text.iter().for_each(|words| paragraph(words));
        paragraph(&format!("{}: {}", words.to_do, text.task));
        paragraph(&format!("{}: {}", words.seen, foreign(&self.finding())));
        if let Some(error) = &self.error {
            paragraph(&foreign(error));
        }
        let drawing = self.network_text().drawing;
        lines.extend(drawing.iter().map(|line| (*line).to_owned()));
        if !drawing.is_empty() {
            lines.push(String::new());
        }
        lines
    }
}

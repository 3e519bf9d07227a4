//! Renders frames to bytes: ratatui's terminal over a buffer in memory, which never queries the real terminal.

use std::io;

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::{Frame, Terminal};

use super::pen::Pen;

/// The content of the terminal, and the bytes that update it.
pub struct Screen {
    terminal: Terminal<Bytes>,
}

impl Screen {
    /// A screen of `size` whose first frame draws every cell.
    pub fn new(size: Size) -> io::Result<Self> {
        let bytes =
            Bytes { out: Vec::new(), size, cursor: Position::ORIGIN, shown: None, cursor_astray: true };
        Ok(Self { terminal: Terminal::new(bytes)? })
    }

    /// Sets a new size: the next frame draws every cell.
    pub fn resize(&mut self, size: Size) {
        self.terminal.backend_mut().size = size;
    }

    /// The size in cells.
    pub fn size(&self) -> Size {
        self.terminal.backend().size
    }

    /// Forgets what the terminal shows: the next frame draws every cell.
    pub fn forget(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().shown = None;
        self.terminal.clear()
    }

    /// Draws a frame into `buffer`, an empty one to reuse. Returns `None` if nothing changes: then nothing needs to be sent.
    pub fn draw(
        &mut self,
        buffer: Vec<u8>,
        render: impl FnOnce(&mut Frame<'_>),
    ) -> io::Result<Option<Vec<u8>>> {
        // The output of `forget` precedes the frame, within the same update.
        let cleared = std::mem::replace(&mut self.terminal.backend_mut().out, buffer);
        queue!(self.terminal.backend_mut().out, BeginSynchronizedUpdate)?;
        let opening = self.terminal.backend().out.len();
        self.terminal.backend_mut().out.extend_from_slice(&cleared);
        self.terminal.draw(render)?;
        let mut out = std::mem::take(&mut self.terminal.backend_mut().out);
        if out.len() == opening {
            return Ok(None);
        }
        queue!(out, EndSynchronizedUpdate)?;
        Ok(Some(out))
    }
}

struct Bytes {
    out: Vec<u8>,
    size: Size,
    cursor: Position,
    /// Whether the cursor is visible; `None` when not known.
    shown: Option<bool>,
    /// Whether drawing has moved the cursor since it was last put in its place.
    cursor_astray: bool,
}

impl Bytes {
    fn crossterm(&mut self) -> CrosstermBackend<&mut Vec<u8>> {
        CrosstermBackend::new(&mut self.out)
    }
}

impl Backend for Bytes {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let mut content = content.peekable();
        self.cursor_astray |= content.peek().is_some();
        Pen::draw(content, &mut self.out)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.shown.replace(false) == Some(false) { Ok(()) } else { self.crossterm().hide_cursor() }
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.shown.replace(true) == Some(true) { Ok(()) } else { self.crossterm().show_cursor() }
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor == position && !self.cursor_astray {
            return Ok(());
        }
        (self.cursor, self.cursor_astray) = (position, false);
        self.crossterm().set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.crossterm().clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.crossterm().clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::text::Line;

    fn text(screen: &mut Screen, text: &str) -> Option<String> {
        let frame = screen.draw(Vec::new(), |frame| frame.render_widget(Line::raw(text), frame.area()));
        frame.unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_frame_is_one_synchronized_update_of_what_changed() {
        let mut screen = Screen::new(Size::new(20, 2)).unwrap();
        let first = text(&mut screen, "loss 0.69").unwrap();
        assert!(first.starts_with("\x1b[?2026h") && first.ends_with("\x1b[?2026l"));
        assert!(first.contains("0.69") && first.contains("\x1b[?25l"));
        let second = text(&mut screen, "loss 0.68").unwrap();
        assert!(second.contains('8') && !second.contains("loss"), "{second:?}");
    }

    #[test]
    fn an_unchanged_frame_sends_nothing_also_with_a_cursor() {
        let mut screen = Screen::new(Size::new(20, 2)).unwrap();
        let mut with_cursor = || {
            let frame = screen.draw(Vec::new(), |frame| {
                frame.render_widget(Line::raw("/lstm"), frame.area());
                frame.set_cursor_position((5, 0));
            });
            frame.unwrap()
        };
        assert!(with_cursor().is_some());
        assert_eq!(with_cursor(), None);
        assert!(text(&mut screen, "/lstm").is_some(), "the cursor is hidden again");
        assert_eq!(text(&mut screen, "/lstm"), None);
    }

    #[test]
    fn after_a_resize_and_after_another_program_every_cell_is_drawn() {
        let mut screen = Screen::new(Size::new(20, 2)).unwrap();
        text(&mut screen, "menu");
        screen.resize(Size::new(30, 3));
        assert!(text(&mut screen, "menu").unwrap().contains("menu"));
        screen.forget().unwrap();
        let again = text(&mut screen, "menu").unwrap();
        assert!(again.starts_with("\x1b[?2026h\x1b[2J") && again.contains("menu"), "{again:?}");
    }
}

//! Colours by what they mean, on every kind of terminal.

use ratatui::style::{Color, Modifier, Style};

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colors {
    /// None: bold, dim, underline and reverse only.
    Mono,
    /// The terminal's own 16.
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// 24 bits.
    True,
}

/// Which characters a terminal's font has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Glyphs {
    /// ASCII only.
    Ascii,
    /// Blocks and box drawing.
    Blocks,
    /// Braille as well.
    Braille,
}

/// What a piece of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Running text.
    Text,
    /// Less important text.
    Dim,
    /// Headings and panel titles.
    Title,
    /// Frames of panels.
    Border,
    /// The frame of the panel that keys go to.
    Focus,
    /// The chosen row of a list.
    Selected,
    /// A key in footer and help.
    Key,
    /// All is well.
    Good,
    /// Look here.
    Warning,
    /// Something failed.
    Bad,
    /// Curves of training data.
    Train,
    /// Curves of validation data.
    Validation,
    /// The unsmoothed curve behind.
    Raw,
    /// The cursor in a chart.
    Cursor,
}

/// Colours and glyphs for one terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Colours to use.
    pub colors: Colors,
    /// Characters to use.
    pub glyphs: Glyphs,
    /// Whether the background is light.
    pub light: bool,
}

impl Theme {
    /// The style of `role`.
    pub fn style(&self, role: Role) -> Style {
        match role {
            Role::Selected => Style::new().add_modifier(Modifier::REVERSED),
            _ => Style::new(),
        }
    }

    /// The colour of a value between -1 and 1 on a diverging, colour-blind-safe scale; `None` without colours.
    pub fn diverging(&self, _value: f32) -> Option<Color> {
        None
    }
}

//! Colours by what they mean, on every kind of terminal.

mod palette;

pub(crate) use palette::rgb;

use ratatui::style::{Color, Style};

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
    /// ASCII, and the letters of any script in texts and names: boxes and charts are of ASCII.
    Letters,
    /// Blocks and box drawing.
    Blocks,
    /// Braille as well.
    Braille,
}

/// The colours of a screen, on dark and on light backgrounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Palette {
    /// Orange and blue, green and red; Okabe and Ito's colours.
    #[default]
    Standard,
    /// Blue, orange and yellow only, apart in brightness as well.
    ColorBlind,
}

/// A theme by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThemeName {
    /// For the terminal's own background.
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// [`Palette::ColorBlind`], for the terminal's own background.
    ColorBlind,
    /// Without colours.
    Mono,
}

impl ThemeName {
    /// All themes.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Dark, Self::Light, Self::ColorBlind, Self::Mono];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::ColorBlind => "colorblind",
            Self::Mono => "mono",
        }
    }

    /// The theme with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
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
    /// Which colours.
    pub palette: Palette,
    /// Whether heat maps have half the levels, so that they cost fewer bytes while they move.
    pub coarse: bool,
}

impl Theme {
    /// All that a terminal can do, on a dark background.
    pub const DARK: Self = Self {
        colors: Colors::True,
        glyphs: Glyphs::Braille,
        light: false,
        palette: Palette::Standard,
        coarse: false,
    };

    /// The style of `role`, with no colour above the terminal's tier.
    pub fn style(&self, role: Role) -> Style {
        let style = Style::new().add_modifier(palette::modifier(role, self.colors == Colors::Mono));
        match palette::role_color(role, self.palette, self.light) {
            Some(color) => match color.on(self.colors) {
                Some(color) => style.fg(color),
                None => style,
            },
            None => style,
        }
    }

    /// The style of the curve of one of several equal things: eight colours, which repeat.
    pub fn series(&self, number: usize) -> Style {
        let color = palette::series_color(number, self.palette, self.light).on(self.colors);
        color.map_or(Style::new(), |color| Style::new().fg(color))
    }

    /// The colour of a value between -1 and 1 on a diverging, colour-blind-safe scale; `None` without colours.
    ///
    /// Blue for negative, orange for positive, the background's own black or white for 0; values beyond ±1 take
    /// the scale's ends, NaN its middle. The scale has 17 colours, 9 of them if [`coarse`](Self::coarse), and 7 on a terminal of 16:
    /// neighbours that share a colour cost no bytes on the way to the screen.
    pub fn diverging(&self, value: f32) -> Option<Color> {
        let value = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
        let value = if self.coarse { (value * 4.0).round() / 4.0 } else { value };
        palette::diverging(value, self.colors, self.palette, self.light)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 14] = [
        Role::Text,
        Role::Dim,
        Role::Title,
        Role::Border,
        Role::Focus,
        Role::Selected,
        Role::Key,
        Role::Good,
        Role::Warning,
        Role::Bad,
        Role::Train,
        Role::Validation,
        Role::Raw,
        Role::Cursor,
    ];

    fn tier(color: Color) -> Colors {
        match color {
            Color::Reset => Colors::Mono,
            Color::Rgb(..) => Colors::True,
            Color::Indexed(_) => Colors::Ansi256,
            _ => Colors::Ansi16,
        }
    }

    #[test]
    fn no_tier_uses_colours_above_it() {
        for colors in [Colors::Mono, Colors::Ansi16, Colors::Ansi256, Colors::True] {
            for light in [false, true] {
                let theme = Theme { colors, glyphs: Glyphs::Braille, light, ..Theme::DARK };
                let styles = ROLES.map(|role| theme.style(role));
                let used = styles.iter().flat_map(|s| [s.fg, s.bg]).flatten();
                let scale = (-10..=10).filter_map(|i| theme.diverging(i as f32 / 10.0));
                assert!(used.chain(scale).all(|color| tier(color) <= colors), "{theme:?}");
            }
        }
    }

    #[test]
    fn what_must_be_told_apart_differs_in_every_tier() {
        for colors in [Colors::Ansi16, Colors::Ansi256, Colors::True] {
            for light in [false, true] {
                let theme = Theme { colors, glyphs: Glyphs::Braille, light, ..Theme::DARK };
                let of = |role| theme.style(role);
                assert_ne!(of(Role::Train), of(Role::Validation));
                assert_ne!(of(Role::Train), of(Role::Raw));
                assert_ne!(of(Role::Border), of(Role::Focus));
                assert_ne!(of(Role::Good), of(Role::Bad));
            }
        }
        for colors in [Colors::Ansi16, Colors::Ansi256, Colors::True] {
            for light in [false, true] {
                let theme = Theme { colors, glyphs: Glyphs::Braille, light, ..Theme::DARK };
                let series: Vec<Style> = (0..8).map(|number| theme.series(number)).collect();
                assert!((0..8).all(|i| !series[..i].contains(&series[i])), "{series:?}");
                assert!(series.iter().flat_map(|style| style.fg).all(|color| tier(color) <= colors));
            }
        }
        let mono = Theme { colors: Colors::Mono, glyphs: Glyphs::Ascii, light: false, ..Theme::DARK };
        assert_eq!(mono.series(3), Style::new());
        assert_ne!(mono.style(Role::Train), mono.style(Role::Raw));
        assert_ne!(mono.style(Role::Border), mono.style(Role::Focus));
    }

    #[test]
    fn the_diverging_scale_is_quantised_and_has_two_sides() {
        for (colors, levels) in [(Colors::True, 17), (Colors::Ansi256, 17), (Colors::Ansi16, 7)] {
            for light in [false, true] {
                let theme = Theme { colors, glyphs: Glyphs::Blocks, light, ..Theme::DARK };
                let mut seen: Vec<Color> = Vec::new();
                for color in (-1000..=1000).filter_map(|i| theme.diverging(i as f32 / 1000.0)) {
                    if seen.last() != Some(&color) {
                        seen.push(color);
                    }
                }
                assert_eq!(seen.len(), levels);
                assert!(seen.iter().enumerate().all(|(i, c)| !seen[..i].contains(c)), "no colour comes back");
                assert_eq!(theme.diverging(f32::NAN), theme.diverging(0.0));
                assert_eq!(theme.diverging(9.0), theme.diverging(1.0));
            }
        }
    }
}

//! Detects the capabilities of a terminal from its environment. Only its background is asked for, and not waited for: see [`Modes`].

use std::time::Duration;

use super::{Modes, UiError};
use crate::ui::theme::{Colors, Glyphs, Palette, Theme, ThemeName};

/// The user's settings for the terminal; unset ones are detected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Colours to use.
    pub colors: Option<Colors>,
    /// Characters to use.
    pub glyphs: Option<Glyphs>,
    /// The theme.
    pub theme: Option<ThemeName>,
    /// Whether the background is light, whatever the theme says.
    pub light: Option<bool>,
    /// Maximum number of frames a second.
    pub fps: Option<u8>,
    /// Whether the mouse is used.
    pub mouse: Option<bool>,
}

/// How the screen is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenSettings {
    /// Colours and characters.
    pub theme: Theme,
    /// Minimum time between two frames caused by training; a key redraws at once.
    pub frame: Duration,
    /// Maximum number of bytes a second of those frames.
    pub bytes_per_s: u32,
    /// What is switched on in the terminal.
    pub modes: Modes,
    /// What the user should know of the detection, once.
    pub notice: Option<&'static str>,
}

/// Why charts are of ASCII.
const ASCII_NOTICE: &str = "plain ASCII, as the locale is not UTF-8; --glyphs braille draws more";

/// Frames a second. Twice the rate looks no smoother, but a screen of 80×24 then needs twice the bytes.
const FPS: u8 = 15;
/// The same over SSH: every byte crosses the network.
const FPS_OVER_SSH: u8 = 6;

/// Bytes a second of frames caused by training.
const BYTES: u32 = 28 << 10;
/// The same over SSH.
const BYTES_OVER_SSH: u32 = 14 << 10;

impl TerminalOptions {
    /// The settings for the terminal that `env` describes; see [`TerminalOptions::theme`].
    pub fn settings(&self, env: impl Fn(&str) -> Option<String>) -> Result<ScreenSettings, UiError> {
        let over_ssh = env("SSH_CONNECTION").is_some_and(|value| !value.is_empty());
        let fps = self.fps.unwrap_or(if over_ssh { FPS_OVER_SSH } else { FPS });
        let frame = Duration::from_secs(1) / u32::from(fps.max(1));
        let theme = Theme { coarse: over_ssh, ..self.theme(&env)? };
        let is_ascii = self.glyphs.is_none() && theme.glyphs == Glyphs::Ascii;
        let term = env("TERM").unwrap_or_default();
        let modes = Modes {
            mouse: self.mouse.unwrap_or(true),
            // The Linux console would print a part of the question.
            background: self.is_light().is_none() && theme.colors != Colors::Mono && term != "linux",
        };
        // Who says how many frames wants them.
        let bytes = if over_ssh { BYTES_OVER_SSH } else { BYTES };
        let bytes_per_s = self.fps.map_or(bytes, |_| u32::MAX);
        Ok(ScreenSettings { theme, frame, bytes_per_s, modes, notice: is_ascii.then_some(ASCII_NOTICE) })
    }

    /// These settings, and those of `other` where they are unset.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            colors: self.colors.or(other.colors),
            glyphs: self.glyphs.or(other.glyphs),
            theme: self.theme.or(other.theme),
            // A theme that is chosen here is not for a background that was chosen there.
            light: self.light.or(other.light.filter(|_| self.theme.is_none())),
            fps: self.fps.or(other.fps),
            mouse: self.mouse.or(other.mouse),
        }
    }

    /// Whether the background is light, if the user says so.
    pub fn is_light(&self) -> Option<bool> {
        self.light.or(match self.theme {
            Some(ThemeName::Dark) => Some(false),
            Some(ThemeName::Light) => Some(true),
            _ => None,
        })
    }

    /// How many colours to use, if the user says so.
    pub fn wanted_colors(&self) -> Option<Colors> {
        self.colors.or((self.theme == Some(ThemeName::Mono)).then_some(Colors::Mono))
    }

    /// Which colours to use.
    pub fn palette(&self) -> Palette {
        if self.theme == Some(ThemeName::ColorBlind) { Palette::ColorBlind } else { Palette::Standard }
    }

    /// The theme for the terminal that `env` (a variable's value by its name) describes.
    ///
    /// Fails with [`UiError::Dumb`] where the terminal cannot move its cursor.
    pub fn theme(&self, env: impl Fn(&str) -> Option<String>) -> Result<Theme, UiError> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let term = env("TERM").unwrap_or_default();
        if matches!(term.as_str(), "" | "dumb" | "unknown") {
            return Err(UiError::Dumb { term });
        }
        Ok(Theme {
            colors: self.wanted_colors().unwrap_or_else(|| colors(&term, &env)),
            glyphs: self.glyphs.map_or_else(|| glyphs(&term, &env), |wanted| with_letters(wanted, &env)),
            light: self.is_light().unwrap_or_else(|| light(&env)),
            palette: self.palette(),
            coarse: false,
        })
    }

    /// The characters to print with, also where there is no terminal.
    pub fn glyphs(&self, env: impl Fn(&str) -> Option<String>) -> Glyphs {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let found = || glyphs(&env("TERM").unwrap_or_default(), &env);
        self.glyphs.map_or_else(found, |wanted| with_letters(wanted, &env))
    }
}

fn colors(term: &str, env: &impl Fn(&str) -> Option<String>) -> Colors {
    // GNU screen passes the outer terminal's COLORTERM on but shows no more than 256 colours.
    let screen = env("STY").is_some() && term.starts_with("screen");
    let promised = env("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
    let known = ["-direct", "kitty", "ghostty", "alacritty", "wezterm", "foot"];
    if env("NO_COLOR").is_some() {
        Colors::Mono
    } else if (promised && !screen) || known.iter().any(|name| term.contains(name)) {
        Colors::True
    } else if term.contains("256color") {
        Colors::Ansi256
    } else if ["vt1", "vt2", "vt3"].iter().any(|old| term.starts_with(old)) || term.ends_with("-mono") {
        Colors::Mono
    } else {
        Colors::Ansi16
    }
}

/// Whether the locale is UTF-8, by the rules of the C library.
fn is_utf_8(env: &impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env(name)).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// ASCII is about boxes and charts: letters of names are still shown where the locale is UTF-8.
fn with_letters(wanted: Glyphs, env: &impl Fn(&str) -> Option<String>) -> Glyphs {
    if wanted == Glyphs::Ascii && is_utf_8(env) { Glyphs::Letters } else { wanted }
}

fn glyphs(term: &str, env: &impl Fn(&str) -> Option<String>) -> Glyphs {
    match term {
        _ if !is_utf_8(env) => Glyphs::Ascii,
        "linux" => Glyphs::Blocks, // the console's fonts have 512 glyphs, none of them braille
        _ => Glyphs::Braille,
    }
}

/// `COLORFGBG` is `foreground;background` or `foreground;default;background` in the 16 colours; 7 and 15 are the whites.
fn light(env: &impl Fn(&str) -> Option<String>) -> bool {
    env("COLORFGBG").is_some_and(|value| matches!(value.rsplit(';').next(), Some("7" | "15")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(vars: &[(&str, &str)]) -> Theme {
        try_detect(TerminalOptions::default(), vars).unwrap()
    }

    fn try_detect(options: TerminalOptions, vars: &[(&str, &str)]) -> Result<Theme, UiError> {
        options.theme(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn colours_follow_the_terminal() {
        let colors = |vars: &[(&str, &str)]| detect(vars).colors;
        assert_eq!(colors(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Colors::True);
        assert_eq!(colors(&[("TERM", "xterm-256color")]), Colors::Ansi256, "SSH drops COLORTERM");
        assert_eq!(colors(&[("TERM", "xterm-kitty")]), Colors::True);
        assert_eq!(colors(&[("TERM", "xterm")]), Colors::Ansi16);
        assert_eq!(colors(&[("TERM", "linux")]), Colors::Ansi16);
        assert_eq!(colors(&[("TERM", "vt100")]), Colors::Mono);
        let screen = [("TERM", "screen.xterm-256color"), ("COLORTERM", "truecolor"), ("STY", "1.pts-0")];
        assert_eq!(colors(&screen), Colors::Ansi256);
    }

    #[test]
    fn no_color_wins_over_every_promise_unless_it_is_empty() {
        let vars = |no| [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", no)].to_vec();
        assert_eq!(detect(&vars("1")).colors, Colors::Mono);
        assert_eq!(detect(&vars("")).colors, Colors::True);
    }

    #[test]
    fn glyphs_follow_the_locale_as_the_c_library_reads_it() {
        let glyphs = |vars: &[(&str, &str)]| detect(&[&[("TERM", "xterm")], vars].concat()).glyphs;
        assert_eq!(glyphs(&[("LANG", "de_DE.UTF-8")]), Glyphs::Braille);
        assert_eq!(glyphs(&[("LANG", "C"), ("LC_CTYPE", "en_US.utf8")]), Glyphs::Braille);
        assert_eq!(glyphs(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")]), Glyphs::Ascii);
        assert_eq!(glyphs(&[("LC_ALL", ""), ("LANG", "en_US.UTF-8")]), Glyphs::Braille);
        assert_eq!(glyphs(&[]), Glyphs::Ascii);
        assert_eq!(detect(&[("TERM", "linux"), ("LANG", "C.UTF-8")]).glyphs, Glyphs::Blocks);
    }

    #[test]
    fn a_light_background_is_seen_where_the_terminal_tells() {
        let light = |value| detect(&[("TERM", "xterm"), ("COLORFGBG", value)]).light;
        assert!(light("0;15") && light("0;default;7"));
        assert!(!light("15;0") && !light("") && !detect(&[("TERM", "xterm")]).light);
    }

    #[test]
    fn what_the_user_says_is_not_detected() {
        let options = TerminalOptions {
            colors: Some(Colors::Ansi16),
            glyphs: Some(Glyphs::Ascii),
            light: Some(true),
            ..TerminalOptions::default()
        };
        let vars = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")];
        let theme = try_detect(options, &vars).unwrap();
        assert_eq!(
            theme,
            Theme { colors: Colors::Ansi16, glyphs: Glyphs::Letters, light: true, ..Theme::DARK }
        );
        let theme = try_detect(options, &vars[..2]).unwrap();
        assert_eq!(theme.glyphs, Glyphs::Ascii, "letters would not arrive");
    }

    #[test]
    fn a_theme_decides_on_background_palette_and_colours() {
        let vars = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("COLORFGBG", "0;15")];
        let theme = |name| {
            let options = TerminalOptions { theme: Some(name), ..TerminalOptions::default() };
            let theme = try_detect(options, &vars).unwrap();
            (theme.colors, theme.palette, theme.light)
        };
        assert_eq!(theme(ThemeName::Auto), (Colors::Ansi256, Palette::Standard, true));
        assert_eq!(theme(ThemeName::Dark), (Colors::Ansi256, Palette::Standard, false));
        assert_eq!(theme(ThemeName::Light), (Colors::Ansi256, Palette::Standard, true));
        assert_eq!(theme(ThemeName::ColorBlind), (Colors::Ansi256, Palette::ColorBlind, true));
        assert_eq!(theme(ThemeName::Mono), (Colors::Mono, Palette::Standard, true));
        assert!(ThemeName::ALL.iter().all(|theme| ThemeName::by_name(theme.name()) == Some(*theme)));
    }

    #[test]
    fn flags_come_before_remembered_choices() {
        let remembered = TerminalOptions {
            theme: Some(ThemeName::Mono),
            fps: Some(5),
            mouse: Some(false),
            ..TerminalOptions::default()
        };
        let flags = TerminalOptions { theme: Some(ThemeName::Dark), fps: Some(9), ..Default::default() };
        let both = flags.or(remembered);
        assert_eq!((both.theme, both.fps, both.mouse), (Some(ThemeName::Dark), Some(9), Some(false)));
        assert_eq!(both.wanted_colors(), None, "the theme that is not chosen has no effect");
        let light = TerminalOptions { light: Some(true), ..Default::default() };
        assert_eq!(flags.or(light).is_light(), Some(false));
        assert_eq!(light.or(flags).is_light(), Some(true));
    }

    #[test]
    fn the_background_is_asked_for_unless_it_is_known_or_does_not_matter() {
        let asked = |options: TerminalOptions, term: &str| {
            let env = |name: &str| (name == "TERM").then(|| term.to_owned());
            options.settings(env).unwrap().modes.background
        };
        let with = |theme| TerminalOptions { theme: Some(theme), ..TerminalOptions::default() };
        assert!(asked(TerminalOptions::default(), "xterm-256color"));
        assert!(asked(with(ThemeName::ColorBlind), "tmux-256color"));
        assert!(!asked(with(ThemeName::Light), "xterm-256color"));
        assert!(!asked(with(ThemeName::Mono), "xterm-256color"));
        assert!(!asked(TerminalOptions::default(), "linux"));
        assert!(!asked(TerminalOptions::default(), "vt100"));
    }

    #[test]
    fn plain_ascii_is_explained_unless_it_is_wanted() {
        let notice = |glyphs, locale: &str| {
            let env = |name: &str| match name {
                "TERM" => Some("xterm-256color".to_owned()),
                "LANG" => Some(locale.to_owned()),
                _ => None,
            };
            TerminalOptions { glyphs, ..TerminalOptions::default() }.settings(env).unwrap().notice
        };
        assert!(notice(None, "").is_some_and(|notice| notice.contains("--glyphs braille")));
        assert_eq!(notice(None, "C.UTF-8"), None);
        assert_eq!(notice(Some(Glyphs::Ascii), ""), None);
    }

    #[test]
    fn a_terminal_that_cannot_move_its_cursor_is_refused_with_the_way_out() {
        for vars in [&[("TERM", "dumb")][..], &[]] {
            let refused = try_detect(TerminalOptions::default(), vars).unwrap_err().to_string();
            assert!(refused.contains("--headless"), "{refused}");
        }
    }

    #[test]
    fn over_ssh_fewer_frames_are_sent_unless_the_user_says_how_many() {
        let frame = |fps, ssh: Option<&str>| {
            let env = |name: &str| match name {
                "TERM" => Some("xterm-256color".to_owned()),
                "SSH_CONNECTION" => ssh.map(str::to_owned),
                _ => None,
            };
            TerminalOptions { fps, ..TerminalOptions::default() }.settings(env).unwrap().frame.as_millis()
        };
        let ssh = Some("10.0.0.1 50000 10.0.0.2 22");
        assert_eq!([frame(None, None), frame(None, Some("")), frame(None, ssh)], [66, 66, 166]);
        assert_eq!([frame(Some(20), None), frame(Some(20), ssh)], [50, 50]);
    }
}

//! Detects the capabilities of a terminal from its environment; the terminal itself is not queried.

use std::time::Duration;

use super::UiError;
use crate::ui::theme::{Colors, Glyphs, Theme};

/// The user's settings for the terminal; unset ones are detected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Colours to use.
    pub colors: Option<Colors>,
    /// Characters to use.
    pub glyphs: Option<Glyphs>,
    /// Whether the background is light.
    pub light: Option<bool>,
    /// Maximum number of frames a second.
    pub fps: Option<u8>,
}

/// How the screen is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenSettings {
    /// Colours and characters.
    pub theme: Theme,
    /// Minimum time between two frames caused by training; a key redraws at once.
    pub frame: Duration,
}

/// Frames a second. Twice the rate looks no smoother, but a screen of 80×24 then needs twice the bytes.
const FPS: u8 = 15;
/// The same over SSH: every byte crosses the network.
const FPS_OVER_SSH: u8 = 6;

impl TerminalOptions {
    /// The settings for the terminal that `env` describes; see [`TerminalOptions::theme`].
    pub fn settings(&self, env: impl Fn(&str) -> Option<String>) -> Result<ScreenSettings, UiError> {
        let over_ssh = env("SSH_CONNECTION").is_some_and(|value| !value.is_empty());
        let fps = self.fps.unwrap_or(if over_ssh { FPS_OVER_SSH } else { FPS });
        let frame = Duration::from_secs(1) / u32::from(fps.max(1));
        Ok(ScreenSettings { theme: self.theme(env)?, frame })
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
            colors: self.colors.unwrap_or_else(|| colors(&term, &env)),
            glyphs: self.glyphs.map_or_else(|| glyphs(&term, &env), |wanted| with_letters(wanted, &env)),
            light: self.light.unwrap_or_else(|| light(&env)),
        })
    }
}

impl TerminalOptions {
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
            fps: None,
        };
        let vars = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")];
        let theme = try_detect(options, &vars).unwrap();
        assert_eq!(theme, Theme { colors: Colors::Ansi16, glyphs: Glyphs::Letters, light: true });
        let theme = try_detect(options, &vars[..2]).unwrap();
        assert_eq!(theme.glyphs, Glyphs::Ascii, "letters would not arrive");
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

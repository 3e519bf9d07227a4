//! The user's choices that are remembered: `unrolled/config.yaml` in `$XDG_CONFIG_HOME` or `~/.config`.
//!
//! A choice a line, `key: value`, as in YAML; `#` starts a comment. A line that is wrong is reported and has no effect.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::terminal::TerminalOptions;
use super::theme::{Colors, Glyphs, ThemeName};
use crate::escape::foreign;

/// A choice: its key, its values as an error names them, its meaning.
pub type Setting = (&'static str, &'static str, &'static str);

/// All choices, in the order of the listing.
pub const SETTINGS: [Setting; 5] = [
    (
        "theme",
        "auto, dark, light, colorblind or mono",
        "colours of the screen; auto asks the terminal for its background",
    ),
    ("colors", "true, 256, 16 or none", "how many colours the terminal has"),
    ("glyphs", "braille, blocks or ascii", "characters of charts and boxes"),
    ("fps", "a number from 1 to 60", "frames a second of the screen at most"),
    ("mouse", "yes or no", "whether clicks and the wheel are used; Shift-drag selects text all the same"),
];

/// What a configuration file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The choices.
    pub options: TerminalOptions,
    /// What is wrong with it, a sentence a line: where, what was found, what would be right.
    pub problems: Vec<String>,
}

impl Config {
    /// The file's place by the XDG base directories; `None` without a home.
    pub fn path(env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
        let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))?;
        Some(base.join("unrolled/config.yaml"))
    }

    /// Reads the file; without one nothing is chosen.
    pub fn read(path: &Path) -> Self {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::default(),
            Err(error) => {
                let problems = vec![format!("{}: {error}", path.display())];
                Self { problems, ..Self::default() }
            }
        }
    }

    /// Parses `text`, which errors say is from `path`.
    pub fn parse(text: &str, path: &Path) -> Self {
        let mut config = Self::default();
        for (number, line) in text.lines().enumerate() {
            let Some((key, value)) = entry(line) else {
                if !without_comment(line).is_empty() {
                    let found = foreign(line.trim());
                    config.problem(path, number, &format!("found {found:?}; expected KEY: VALUE"));
                }
                continue;
            };
            if let Err(what) = config.set(key, value) {
                config.problem(path, number, &what);
            }
        }
        config
    }

    /// The value of `key` in the text of a file, as it is written.
    pub fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
        text.lines().filter_map(entry).filter(|(name, _)| *name == key).map(|(_, value)| value).next_back()
    }

    fn problem(&mut self, path: &Path, line: usize, what: &str) {
        self.problems.push(format!("{}, line {}: {what}", path.display(), line + 1));
    }

    /// Makes a choice; one that is empty or `default` is none.
    ///
    /// # Errors
    /// What was found, and what would be right.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let Some((key, values, _)) = SETTINGS.into_iter().find(|(name, ..)| *name == key) else {
            let known: Vec<&str> = SETTINGS.iter().map(|(name, ..)| *name).collect();
            return Err(format!("found key {:?}; expected one of {}", foreign(key), known.join(", ")));
        };
        let wrong = || format!("found {key}: {}; expected {values}", foreign(value));
        let options = &mut self.options;
        match (key, value) {
            (_, "" | "default") => {}
            ("theme", name) => options.theme = Some(ThemeName::by_name(name).ok_or_else(wrong)?),
            ("colors", "true") => options.colors = Some(Colors::True),
            ("colors", "256") => options.colors = Some(Colors::Ansi256),
            ("colors", "16") => options.colors = Some(Colors::Ansi16),
            ("colors", "none") => options.colors = Some(Colors::Mono),
            ("glyphs", "braille") => options.glyphs = Some(Glyphs::Braille),
            ("glyphs", "blocks") => options.glyphs = Some(Glyphs::Blocks),
            ("glyphs", "ascii") => options.glyphs = Some(Glyphs::Ascii),
            ("fps", number) => {
                let fps = number.parse().ok().filter(|fps| (1..=60).contains(fps));
                options.fps = Some(fps.ok_or_else(wrong)?);
            }
            ("mouse", "yes" | "true") => options.mouse = Some(true),
            ("mouse", "no" | "false") => options.mouse = Some(false),
            _ => return Err(wrong()),
        }
        Ok(())
    }
}

fn without_comment(line: &str) -> &str {
    // As in YAML, within a value only after a blank.
    let end = match line.trim_start().starts_with('#') {
        true => Some(0),
        false => line.find(" #"),
    };
    end.and_then(|end| line.get(..end)).unwrap_or(line).trim()
}

/// The key and the value of a line, if it has any.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = without_comment(line).split_once(':')?;
    Some((key.trim(), value.trim().trim_matches(['"', '\''])))
}

/// The text of a configuration file with `key` set to `value`, or without it: all other lines stay.
pub fn with_setting(text: &str, key: &str, value: Option<&str>) -> String {
    let mut out = String::new();
    let mut left = value;
    for line in text.lines() {
        if entry(line).is_none_or(|(name, _)| name != key) {
            out.push_str(line);
            out.push('\n');
        } else if let Some(value) = left.take() {
            let _ = writeln!(out, "{key}: {value}");
        }
    }
    if let Some(value) = left {
        let _ = writeln!(out, "{key}: {value}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Config {
        Config::parse(text, Path::new("config.yaml"))
    }

    #[test]
    fn choices_are_read_and_wrong_lines_are_reported_without_effect() {
        let config = parsed("# mine\ntheme: colorblind # at work\nglyphs: 'blocks'\nfps: 10\n\nmouse: no\n");
        let expected = TerminalOptions {
            theme: Some(ThemeName::ColorBlind),
            glyphs: Some(Glyphs::Blocks),
            fps: Some(10),
            mouse: Some(false),
            ..TerminalOptions::default()
        };
        assert_eq!(config, Config { options: expected, problems: Vec::new() });
        let lines = ["theme: bl\u{1b}au", "fps: 99", "mous: yes", "- a list", "colors: 257", "glyphs: ", "{"];
        let wrong = lines.map(|line| (foreign(line).into_owned(), parsed(line)));
        assert!(wrong.iter().all(|(_, config)| config.options == TerminalOptions::default()));
        crate::messages::assert_messages(
            "config",
            wrong.map(|(line, config)| (line, config.problems.join("\n"))),
        );
        let rest = parsed("theme: blau\ncolors: 256\n");
        assert_eq!(rest.options, TerminalOptions { colors: Some(Colors::Ansi256), ..Default::default() });
        assert_eq!(rest.problems.len(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_problem_and_a_missing_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Config::read(&folder.path().join("config.yaml")), Config::default());
        let broken = Config::read(folder.path());
        assert!(broken.options == TerminalOptions::default() && broken.problems.len() == 1, "{broken:?}");
    }

    #[test]
    fn the_place_is_that_of_the_xdg_base_directories() {
        let path = |vars: &[(&str, &str)]| {
            Config::path(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        let (xdg, home) = (("XDG_CONFIG_HOME", "/etc/me"), ("HOME", "/home/me"));
        assert_eq!(path(&[xdg, home]), Some("/etc/me/unrolled/config.yaml".into()));
        assert_eq!(path(&[home]), Some("/home/me/.config/unrolled/config.yaml".into()));
        assert_eq!(path(&[("XDG_CONFIG_HOME", "relative"), home]), path(&[home]), "as the standard says");
        assert_eq!(path(&[]), None);
    }

    #[test]
    fn a_setting_replaces_its_line_and_no_other() {
        let text = "# mine\ntheme: dark\nfps: 10";
        assert_eq!(with_setting(text, "theme", Some("light")), "# mine\ntheme: light\nfps: 10\n");
        assert_eq!(with_setting(text, "mouse", Some("no")), "# mine\ntheme: dark\nfps: 10\nmouse: no\n");
        assert_eq!(with_setting(text, "fps", None), "# mine\ntheme: dark\n");
        assert_eq!(with_setting("", "fps", None), "");
    }
}

use crate::ui::theme::Glyphs;

use super::texts::{Texts, english, russian};

/// A language of the lecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::English, Self::Russian];

    /// The language of the messages of a locale, as the C library finds it: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set.
    /// English, if it is another one.
    pub fn of_locale(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| env(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).unwrap_or_default();
        let language = locale.split(['_', '.', '@']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("ru") { Self::Russian } else { Self::English }
    }

    /// The language itself where the terminal has its letters, else English.
    #[must_use]
    pub fn shown_with(self, glyphs: Glyphs) -> Self {
        if glyphs == Glyphs::Ascii { Self::English } else { self }
    }

    /// The texts in this language.
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &english::TEXTS,
            Self::Russian => &russian::TEXTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_of_messages_decides() {
        let of = |vars: &[(&str, &str)]| {
            let vars: Vec<_> = vars.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            Language::of_locale(|name| vars.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
        };
        assert_eq!(of(&[("LANG", "ru_RU.UTF-8")]), Language::Russian);
        assert_eq!(of(&[("LANG", "ru_RU.UTF-8"), ("LC_ALL", "C.UTF-8")]), Language::English);
        assert_eq!(of(&[("LANG", "en_GB.UTF-8"), ("LC_MESSAGES", "ru"), ("LC_ALL", "")]), Language::Russian);
        assert_eq!(of(&[("LANG", "run_RW")]), Language::English);
        assert_eq!(of(&[]), Language::English);
    }
}

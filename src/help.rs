//! The pages of `unrolled help`: Markdown that is built into the program, and its layout for terminals and the manual.
//!
//! The texts are in `src/cli/help/`. Each page is a constant of this module, so this documentation shows them all.

mod layout;
mod markdown;
mod roff;

pub use layout::{Line, Span, layout, width};
pub use markdown::Style;
pub use roff::roff;

/// A help page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The topic: `unrolled help NAME` shows the page.
    pub name: &'static str,
    /// The Markdown source. Its first line is the title, as a heading.
    pub text: &'static str,
}

impl Page {
    /// The title, one line.
    pub fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches('#').trim()
    }

    /// The Markdown source without the title.
    pub fn body(&self) -> &'static str {
        self.text.split_once('\n').map_or("", |(_, body)| body)
    }
}

/// Defines a constant for each page and the list of all.
macro_rules! pages {
    ($($constant:ident = $name:literal),* $(,)?) => {
        $(
            #[doc = include_str!(concat!("cli/help/", $name, ".md"))]
            pub const $constant: Page =
                Page { name: $name, text: include_str!(concat!("cli/help/", $name, ".md")) };
        )*

        /// Every page, in the order of the list.
        pub const PAGES: &[Page] = &[$($constant),*];
    };
}

pages! {
    PRESETS = "presets",
    DATA = "data",
    LAYERS = "layers",
    LANGUAGE = "language",
    SERIES = "series",
    RECORDINGS = "recordings",
    TAGS = "tags",
    STREAMING = "streaming",
    LECTURE = "lecture",
    GLOSSARY = "glossary",
    RUNS = "runs",
    SWEEPS = "sweeps",
    EXPORT = "export",
    CONTROL = "control",
    JSON = "json",
    KEYS = "keys",
    SSH = "ssh",
    SPEED = "speed",
    LIMITS = "limits",
    DEVELOPING = "developing",
}

/// The page with this name.
pub fn page(name: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_a_title_and_fits_80_columns() {
        for page in PAGES {
            assert!(page.text.starts_with("# ") && !page.title().is_empty(), "{}", page.name);
            assert!(page.title().len() <= 56, "{}: the title is too long for the list", page.name);
            for line in layout(page.text, 80) {
                let text: String = line.iter().map(|span| span.text.as_str()).collect();
                assert!(width(&line) <= 80, "{}: {text}", page.name);
            }
        }
        assert_eq!(page("json"), Some(&JSON));
        assert_eq!(page("jso"), None);
    }

    #[test]
    fn code_fits_without_being_wrapped() {
        for page in PAGES {
            let (mut code, mut number) = (false, 0);
            for line in page.text.lines() {
                number += 1;
                if line.starts_with("```") {
                    code = !code;
                    // Code without a language would be a Rust example of the documentation.
                    assert!(!code || line.len() > 3, "{}:{number}: which language?", page.name);
                } else if code {
                    assert!(line.chars().count() <= 72, "{}:{number}: {line}", page.name);
                }
            }
        }
    }

    #[test]
    fn links_name_pages_that_exist() {
        for page in PAGES {
            for (at, _) in page.text.match_indices("](") {
                let target = page.text[at + 2..].split(')').next().unwrap_or_default();
                let found = target.strip_suffix(".md").and_then(super::page);
                assert!(target.starts_with("https://") || found.is_some(), "{}: {target}", page.name);
            }
        }
    }
}

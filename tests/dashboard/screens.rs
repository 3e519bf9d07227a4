//! Whole screens of real networks: every tab with every size of the screen, every tier of glyphs and of colours.
//!
//! `cargo test --test dashboard record -- --ignored` trains the networks again, where there is something new to record, and
//! `INSTA_UPDATE=always cargo test --test dashboard screens` writes the screens again.

use std::collections::BTreeMap;
use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::recordings;
use super::*;

/// Columns and rows of terminals, with the footer.
const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 60), (300, 100)];
const GLYPHS: [Glyphs; 4] = [Glyphs::Braille, Glyphs::Blocks, Glyphs::Letters, Glyphs::Ascii];
const COLORS: [Colors; 4] = [Colors::True, Colors::Ansi256, Colors::Ansi16, Colors::Mono];
const TABS: [Tab; 7] =
    [Tab::Overview, Tab::Gradients, Tab::States, Tab::Text, Tab::Task, Tab::Weights, Tab::Log];

/// The dashboard at the end of a recording.
fn recorded(name: &str) -> Dashboard {
    after(Dashboard::new(), &recordings::events(name))
}

/// A screen of the matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shown {
    name: &'static str,
    tab: Tab,
    size: (u16, u16),
    theme: Theme,
}

impl Shown {
    /// Every pair of two of its values, as numbers.
    fn pairs(&self) -> Vec<String> {
        let values = [
            self.name.to_owned(),
            format!("{:?}", self.tab),
            format!("{:?}", self.size),
            format!("{:?}", self.theme.glyphs),
            format!("{:?}", self.theme.colors),
            if self.theme.light { "light" } else { "dark" }.to_owned(),
        ];
        let pair =
            |(i, a): (usize, &String)| values[i + 1..].iter().map(|b| format!("{a} {b}")).collect::<Vec<_>>();
        values.iter().enumerate().flat_map(pair).collect()
    }

    fn file(&self) -> String {
        format!("{}_{:?}_{}", self.name, self.tab, self.size.0).to_lowercase()
    }
}

/// All combinations of all values.
fn all(runs: &BTreeMap<&'static str, Dashboard>) -> Vec<Shown> {
    let mut shown = Vec::new();
    for (name, dash) in runs {
        for tab in TABS.into_iter().filter(|tab| Tab::of(&dash.run).contains(tab)) {
            for (size, glyphs) in SIZES.iter().flat_map(|size| GLYPHS.map(|glyphs| (*size, glyphs))) {
                for (colors, light) in COLORS.iter().flat_map(|colors| [(*colors, false), (*colors, true)]) {
                    let theme = Theme { colors, glyphs, light, ..Theme::DARK };
                    shown.push(Shown { name, tab, size, theme });
                }
            }
        }
    }
    shown
}

/// As few as contain every value together with every value of another kind, found greedily: always the same.
fn matrix(all: &[Shown]) -> Vec<Shown> {
    let pairs: Vec<Vec<String>> = all.iter().map(Shown::pairs).collect();
    // How often a pair is in the matrix already.
    let mut seen: BTreeMap<&str, usize> = pairs.iter().flatten().map(|pair| (pair.as_str(), 0)).collect();
    let mut chosen = Vec::new();
    while seen.values().any(|times| *times == 0) {
        let times = |at: &usize| pairs[*at].iter().map(|pair| seen[pair.as_str()]);
        let new = |at: &usize| times(at).filter(|times| *times == 0).count();
        // Of those with as many new pairs the smallest screen, as snapshots are read; then what is rare.
        let rare = |at: &usize| std::cmp::Reverse((all[*at].size, times(at).sum::<usize>()));
        let Some(best) = (0..all.len()).max_by_key(|at| (new(at), rare(at))) else { break };
        pairs[best].iter().for_each(|pair| *seen.entry(pair).or_default() += 1);
        chosen.push(all[best]);
    }
    chosen
}

fn runs() -> BTreeMap<&'static str, Dashboard> {
    recordings::names().map(|name| (name, recorded(name))).collect()
}

/// The screen with the tab in front; the footer has the last row of the terminal.
fn screen(runs: &mut BTreeMap<&'static str, Dashboard>, shown: &Shown) -> Buffer {
    let dash = runs.entry(shown.name).or_insert_with(|| recorded(shown.name));
    dash.view.tab = shown.tab;
    drawn(dash, shown.size.0, shown.size.1 - 1, &shown.theme)
}

/// The text of a screen, and how many cells have which colours.
fn described(buf: &Buffer, theme: &Theme) -> String {
    let rows = buf.content().chunks(usize::from(buf.area.width));
    let mut text =
        format!("{:?} {:?} {}\n", theme.glyphs, theme.colors, if theme.light { "light" } else { "dark" });
    for row in rows {
        let row: String = row.iter().map(|cell| cell.symbol()).collect();
        let _ = writeln!(text, "{}", row.trim_end());
    }
    let mut styles: BTreeMap<String, usize> = BTreeMap::new();
    for cell in buf.content() {
        *styles.entry(format!("{} on {} {:?}", cell.fg, cell.bg, cell.modifier)).or_default() += 1;
    }
    let mut styles: Vec<(String, usize)> = styles.into_iter().collect();
    styles.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let count = styles.len();
    for (style, cells) in styles.into_iter().take(12) {
        let _ = writeln!(text, "{cells:>6} {}", style.replace(" NONE", ""));
    }
    let _ = writeln!(text, "{count:>6} styles");
    text
}

#[test]
#[ignore = "trains the networks of the recordings again and writes them"]
fn record() {
    recordings::record();
}

#[test]
#[ignore = "writes pictures to be looked at"]
fn pictures() {
    let to = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("screens");
    std::fs::create_dir_all(&to).unwrap();
    let mut runs = runs();
    let all = all(&runs);
    let full = all.iter().filter(|shown| shown.theme == THEME);
    for shown in full.chain(&matrix(&all)) {
        let Theme { glyphs, colors, light, .. } = shown.theme;
        let tier = format!("{glyphs:?}_{colors:?}_{}", if light { "light" } else { "dark" }).to_lowercase();
        let svg = screenshot::svg(&screen(&mut runs, shown), &shown.theme);
        std::fs::write(to.join(format!("{}_{tier}.svg", shown.file())), svg).unwrap();
    }
}

#[test]
fn screens_of_every_tab_size_and_tier() {
    let mut runs = runs();
    let shown = matrix(&all(&runs));
    for shown in &shown {
        let buf = screen(&mut runs, shown);
        insta::assert_snapshot!(shown.file(), described(&buf, &shown.theme));
    }
    let files: std::collections::BTreeSet<String> = shown.iter().map(Shown::file).collect();
    assert_eq!(files.len(), shown.len(), "a file each");
}

/// Whether a terminal of this tier has the colour.
fn is_of_tier(color: Color, colors: Colors) -> bool {
    match color {
        Color::Reset => true,
        Color::Rgb(..) => colors == Colors::True,
        Color::Indexed(_) => colors == Colors::Ansi256,
        _ => matches!(colors, Colors::Ansi16),
    }
}

#[test]
fn no_screen_of_a_tier_has_what_the_terminal_lacks() {
    let mut runs = runs();
    // All tiers; the largest sizes have the panels of the smaller ones.
    let shown = all(&runs).into_iter().filter(|shown| shown.size.0 <= 120);
    for shown in shown {
        let buf = screen(&mut runs, &shown);
        for cell in buf.content() {
            let symbol = cell.symbol();
            let is_there = match shown.theme.glyphs {
                Glyphs::Ascii => symbol.is_ascii(),
                Glyphs::Letters => symbol.chars().all(|c| c.is_ascii() || c.is_alphabetic()),
                Glyphs::Blocks => !symbol.chars().any(|c| ('\u{2800}'..='\u{28ff}').contains(&c)),
                Glyphs::Braille => true,
            };
            assert!(is_there, "{shown:?}: {symbol:?}");
            let colors = shown.theme.colors;
            assert!(is_of_tier(cell.fg, colors) && is_of_tier(cell.bg, colors), "{shown:?}: {cell:?}");
            assert!(!cell.modifier.intersects(Modifier::SLOW_BLINK | Modifier::RAPID_BLINK), "{shown:?}");
        }
    }
}

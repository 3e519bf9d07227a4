//! The README's lists are those of the program. `UPDATE_README=1 cargo test --test readme` writes them anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test, where a failure is the answer")]

use unrolled::{preset, ui::keymap};

/// Puts `list` between the marks `<!-- name -->` and `<!-- /name -->` of `readme`.
fn with_list(readme: &str, name: &str, list: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("no mark {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no mark {end}"));
    format!("{before}{begin}{list}{end}{after}")
}

fn presets() -> String {
    let (mut out, mut group) = ("| | preset | shows |\n|---|---|---|\n".to_owned(), String::new());
    for entry in preset::entries().unwrap() {
        let heading = if entry.group == group { "" } else { &entry.group };
        out += &format!("| {heading} | `{}` | {} |\n", entry.name, entry.title);
        group = entry.group;
    }
    out
}

#[test]
fn the_readme_names_the_presets_and_the_keys_that_there_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let written = std::fs::read_to_string(path).unwrap();
    let right = with_list(&with_list(&written, "presets", &presets()), "keys", &keymap::markdown());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, &right).unwrap();
    }
    assert!(
        written == right,
        "lists of the README are not the program's: UPDATE_README=1 cargo test --test readme"
    );
}

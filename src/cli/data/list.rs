use std::fmt::Write;
use std::path::Path;

use crate::cli::error::CliResult;
use crate::cli::pages;
use crate::fetch::catalog::DATASETS;
use crate::fetch::{self, Dataset, File, Size};
use crate::number::{bytes, percent};
use crate::ui::text::wrap;

/// The widths of the columns, 80 together.
const NAME: usize = 20;
const SIZE: usize = 9;
const REST: usize = 80 - NAME - SIZE - 4;
/// The indentation of continuation lines.
const INDENT: usize = 2;

/// Prints the data sets, and which of them are in the current folder.
pub(super) fn list() -> CliResult {
    pages::write(table(Path::new("")).as_bytes())
}

fn table(folder: &Path) -> String {
    let mut out = String::new();
    for dataset in DATASETS {
        let mut head = format!("{:NAME$}  {:>SIZE$}  ", dataset.name, size(dataset));
        for line in facts(dataset, folder).iter().flat_map(|fact| wrapped(fact)) {
            let _ = writeln!(out, "{head}{line}");
            head = " ".repeat(NAME + SIZE + 4);
        }
    }
    out.push_str("\nunrolled data fetch NAME downloads one to the current folder.\n");
    out
}

fn facts(dataset: &Dataset, folder: &Path) -> Vec<String> {
    let mut facts = vec![dataset.what.to_owned(), format!("terms: {}", dataset.terms)];
    if !dataset.presets.is_empty() {
        facts.push(format!("presets: {}", dataset.presets.join(", ")));
    }
    facts.extend(dataset.files.iter().filter_map(|file| state(file, folder)));
    facts
}

/// The state of `file`, if it is downloaded or partly downloaded.
fn state(file: &File<'_>, folder: &Path) -> Option<String> {
    let target = folder.join(file.target);
    if target.exists() {
        return Some(format!("here: {}", file.target));
    }
    let begun = fetch::part(file, folder).metadata().ok()?.len();
    Some(format!("begun: {} of {}", percent(begun as f64 / file.size.bytes() as f64), file.target))
}

fn size(dataset: &Dataset) -> String {
    let all = dataset.files.iter().map(|file| file.size.bytes()).sum();
    let about = dataset.files.iter().any(|file| matches!(file.size, Size::About(_)));
    format!("{}{}", if about { "~" } else { "" }, bytes(all))
}

/// Wraps `text` to lines of at most [`REST`] columns, with continuation lines indented.
fn wrapped(text: &str) -> Vec<String> {
    let lines = wrap(text, REST - INDENT).into_iter().enumerate();
    lines.map(|(i, line)| format!("{:1$}{line}", "", if i == 0 { 0 } else { INDENT })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_80_columns_and_shows_downloaded_files() {
        let dir = tempfile::tempdir().unwrap();
        let before = table(dir.path());
        assert!(before.lines().all(|line| line.chars().count() <= 80), "{before}");
        assert!(DATASETS.iter().all(|dataset| before.contains(dataset.name)));
        assert!(!before.contains("here:") && !before.contains("begun:"), "{before}");
        std::fs::create_dir(dir.path().join("aclImdb")).unwrap();
        std::fs::write(dir.path().join("rt-polaritydata.tar.gz.part"), [0; 48_777]).unwrap();
        let after = table(dir.path());
        assert!(after.contains("here: aclImdb\n"), "{after}");
        assert!(after.contains("begun: 10.0 % of rt-polaritydata\n"), "{after}");
    }
}

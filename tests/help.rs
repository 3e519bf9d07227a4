//! The help pages and the README: their tables are those of the program, their commands run, their JSON keys are all there are.
//!
//! `UPDATE_HELP=1 cargo test --test help` rewrites the tables.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test, where a failure is the answer")]

#[path = "help/commands.rs"]
mod commands;
#[path = "help/fixtures.rs"]
mod fixtures;
#[path = "help/json.rs"]
mod json;
#[path = "help/tables.rs"]
mod tables;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use unrolled::help::PAGES;

/// Runs `line` in a shell in which `unrolled` is this program.
fn shell(folder: &Path, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_unrolled"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("PATH", path).env("LANG", "C.UTF-8").current_dir(folder);
    command.stdin(Stdio::null()).output().unwrap()
}

/// What `line` prints; it ends with exit code 0.
#[track_caller]
fn printed(folder: &Path, line: &str) -> String {
    let Output { status, stdout, stderr } = shell(folder, line);
    let (out, err) = (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{line}: {status}\n{out}\n{err}");
    out
}

#[test]
fn help_lists_pages_and_shows_pages_and_commands() {
    let here = Path::new(".");
    let list = printed(here, "unrolled help");
    for page in PAGES {
        assert!(list.contains(&format!("  {:12} {}", page.name, page.title())), "{list}");
        let text = printed(here, &format!("unrolled help {}", page.name));
        assert!(text.starts_with(page.title()) && !text.contains('\x1b'), "{text}");
    }
    for command in ["train", "data fetch", "bench"] {
        let long = printed(here, &format!("unrolled {command} --help"));
        assert_eq!(printed(here, &format!("unrolled help {command}")), long);
    }
    assert_eq!(printed(here, "unrolled data help fetch"), printed(here, "unrolled data fetch --help"));
    assert!(printed(here, "unrolled help data").contains("unrolled data --help"));
    let manual = printed(here, "unrolled man");
    assert!(PAGES.iter().all(|page| manual.contains(&format!(".SH \"{}: ", page.name.to_uppercase()))));
}

#[test]
fn an_unknown_topic_exits_with_2_and_a_suggestion() {
    for (topic, hint) in [
        ("layer", "did you mean `layers`?"),
        ("trian", "did you mean `train`?"),
        ("something else", "`unrolled help` lists them"),
    ] {
        let output = shell(Path::new("."), &format!("unrolled help {topic}"));
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        let expected = format!("unrolled: no help page and no command `{topic}`; {hint}\n");
        assert_eq!(message, expected);
    }
}

#[test]
fn the_readme_is_short_and_its_links_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(text.lines().count() <= 150);
    for (at, _) in text.match_indices("](") {
        let target = text[at + 2..].split(')').next().unwrap();
        assert!(target.starts_with("https://") || root.join(target).exists(), "{target}");
    }
}

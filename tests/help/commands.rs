//! Commands of the pages run, in a folder with the files that they name.

use std::fs;
use std::path::Path;

use super::{fixtures, printed, shell};

/// The command lines in the ```sh blocks of `text` that start `unrolled`, without comments.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let (mut inside, mut before) = (false, String::new());
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            // A continuation of the line before.
            let Some(line) = joined(&mut before, line) else { continue };
            let command = line.split("  #").next().unwrap().trim();
            let command = command.trim_start_matches("nohup ").trim_end_matches('&').trim();
            let name = command.split_whitespace().next();
            if name == Some("unrolled") {
                commands.push(command.to_owned());
            } else {
                let known = [
                    "cargo",
                    "python",
                    ".ci/run",
                    ".ci/arm",
                    ".ci/pictures",
                    ".ci/release",
                    "INSTA_UPDATE=always",
                    "UPDATE_HELP=1",
                ];
                let more = ["KERAS_BACKEND=tensorflow", "MIRIFLAGS=-Zmiri-disable-isolation"];
                let known = name.is_none_or(|name| known.contains(&name) || more.contains(&name));
                assert!(known || command.starts_with('#'), "what is this command: {line}");
            }
        }
    }
    commands
}

/// The command that ends with `line`; `None` if a backslash continues it.
fn joined(before: &mut String, line: &str) -> Option<String> {
    before.push_str(line);
    match before.strip_suffix('\\') {
        Some(start) => {
            *before = start.to_owned();
            None
        }
        None => Some(std::mem::take(before)),
    }
}

/// As the test runs it: without a screen, and for a single epoch.
fn shortened(command: &str) -> String {
    let command = &command
        .replace("--at 400", "--at 1")
        .replace("sweep word-order --random 40", "sweep word-order --set data.train=64 --random 2")
        .replace("resume latest --set train.epochs=20", "resume latest --set train.epochs=2");
    if let Some(rest) = command.strip_prefix("unrolled race") {
        return format!("unrolled race --set train.epochs=1{rest}");
    }
    if !command.starts_with("unrolled train") {
        return command.to_owned();
    }
    let headless = if command.contains("--headless") { "" } else { " --headless" };
    let epochs = format!("unrolled train --set train.epochs=1{headless}");
    let command: Vec<&str> = command.split(" --set train.epochs=30").collect();
    command.concat().replacen("unrolled train", &epochs, 1)
}

/// Whether a command needs a network, a terminal or minutes: only its arguments are checked.
fn is_only_parsed(command: &str) -> bool {
    command == "unrolled"
        || command.contains("--detach")
        || [" RUN", " DIR", "--slurm"].iter().any(|part| command.contains(part))
        || ["unrolled data fetch", "unrolled bench", "unrolled import"]
            .iter()
            .any(|start| command.starts_with(start))
        || command.starts_with("unrolled replay") && !command.contains("--cast")
        || command.starts_with("unrolled lecture") && !command.contains("--text")
}

fn run(page: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path =
        if page == "README" { root.join("README.md") } else { root.join(format!("src/cli/help/{page}.md")) };
    let folder = tempfile::tempdir().unwrap();
    for command in fixtures::make(folder.path(), page) {
        printed(folder.path(), command);
    }
    let commands = commands(&fs::read_to_string(path).unwrap());
    assert!(!commands.is_empty());
    for command in commands {
        if is_only_parsed(&command) {
            printed(folder.path(), &format!("{command} --help"));
        } else {
            printed(folder.path(), &shortened(&command));
        }
    }
}

macro_rules! pages {
    ($($page:ident),*) => {
        $(#[test]
        #[allow(non_snake_case)]
        fn $page() {
            run(stringify!($page));
        })*
    };
}

pages!(
    README, export, lecture, presets, data, language, series, recordings, tags, streaming, runs, json, ssh,
    speed, sweeps
);

#[test]
fn parsing_alone_finds_invalid_arguments() {
    for wrong in ["unrolled bench --secnods 1 --help", "unrolled data fetch imdb --in-to x --help"] {
        assert_eq!(shell(Path::new("."), wrong).status.code(), Some(2), "{wrong}");
    }
}

//! The shape of the sources: imports point one way, `unsafe` stays in one place, files stay readable.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What each module of the crate may see, besides itself. From the bottom to the top.
const MAY_SEE: [(&str, &[&str]); 18] = [
    ("durable", &[]),
    ("escape", &[]),
    ("number", &[]),
    ("rng", &[]),
    ("protocol", &[]),
    ("kernel", &["rng"]),
    ("fetch", &["durable", "number"]),
    ("data", &["protocol", "escape", "number", "rng"]),
    ("nn", &["protocol", "kernel", "number", "rng"]),
    ("optim", &["protocol", "kernel"]),
    ("preset", &["protocol", "escape", "number", "data", "nn", "optim"]),
    ("inspect", &["protocol", "escape", "number", "data", "preset"]),
    ("run", &["durable", "protocol", "escape", "number", "preset"]),
    // `kernel` for its threads, which shards, gradients and weights share.
    ("train", &["protocol", "escape", "number", "rng", "kernel", "data", "nn", "optim", "preset", "run"]),
    ("ui", &["protocol", "escape", "number", "preset", "run"]),
    (
        "bench",
        &["protocol", "escape", "number", "rng", "kernel", "data", "nn", "optim", "preset", "train", "ui"],
    ),
    (
        "cli",
        &[
            "protocol", "escape", "number", "rng", "durable", "data", "fetch", "preset", "inspect", "run",
            "train", "ui", "bench",
        ],
    ),
    ("main", &["kernel", "cli"]),
];

/// Lines of a file before its tests, at most.
const LONGEST: usize = 500;

/// A source without its comments and without what stands in quotes: what the compiler goes by.
fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest)
        } else if let Some(len) = quoted(rest).filter(|_| !code.ends_with(is_word)) {
            code.push_str("\"\"");
            len
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the comment that `text` starts with; such comments nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of the string or character literal that `text` starts with.
fn quoted(text: &str) -> Option<usize> {
    let body = text.strip_prefix(['b', 'c']).unwrap_or(text);
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = raw[hashes..].strip_prefix('"')?;
        let len = inside.find(&end).map_or(inside.len(), |at| at + end.len());
        return Some(text.len() - inside.len() + len);
    }
    let quote = body.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut inside = body[1..].char_indices().peekable();
    let mut seen = 0;
    while let Some((at, c)) = inside.next() {
        seen += 1;
        match c {
            '\\' => drop(inside.next()),
            c if c == quote => return Some(text.len() - body.len() + 1 + at + 1),
            // A second character before the quote ends: a lifetime.
            _ if quote == '\'' && inside.peek().is_none_or(|(_, next)| *next != '\'') && seen == 1 => {
                return None;
            }
            _ => {}
        }
    }
    None
}

/// The modules of the crate that `code` in the module `of` names: `crate::nn::…`, `crate::{data, nn::Model}`,
/// `unrolled::cli::…`, and `super::` where it leads to the root.
fn named(code: &str, depth: usize) -> BTreeSet<String> {
    let to_root = "super::".repeat(depth);
    let roots = ["crate::".to_owned(), "unrolled::".to_owned()];
    let roots = roots.into_iter().chain((depth > 0).then_some(to_root));
    let dense: String = code.split_whitespace().collect::<Vec<_>>().join(" ").replace(" :: ", "::");
    let mut all = BTreeSet::new();
    for root in roots {
        for (at, _) in dense.match_indices(&root) {
            let before = &dense[..at];
            // `a::crate_name::` is a path of `a`; `::crate_name::` is not.
            let before = before.strip_suffix("::").unwrap_or(before);
            if before.ends_with(|c| is_word(c) || matches!(c, '$' | '>')) {
                continue;
            }
            all.extend(heads(&dense[at + root.len()..]));
        }
    }
    all
}

/// The first words of a path, or of each path in a group.
fn heads(path: &str) -> Vec<String> {
    let word = |text: &str| -> String { text.trim_start().chars().take_while(|c| is_word(*c)).collect() };
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut depth, mut start, mut heads) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                heads.push(word(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads
}

/// What is wrong with a file `path` (from `src/`) of this text, a line each.
fn faults(path: &str, source: &str) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = MAY_SEE.into_iter().collect();
    let code = code(source);
    let mut faults = Vec::new();
    let module = path.split('/').next().unwrap().trim_end_matches(".rs");
    if module != "lib" {
        let depth = path.split('/').count();
        let Some(seen) = table.get(module) else {
            return vec![format!("{path}: the table does not know {module}")];
        };
        for name in named(&code, depth) {
            if name != module && table.contains_key(name.as_str()) && !seen.contains(&name.as_str()) {
                faults.push(format!("{path}: {module} must not see {name}"));
            }
        }
    }
    let uses_unsafe = code.split(|c| !is_word(c)).any(|word| word == "unsafe");
    if uses_unsafe && module != "kernel" {
        faults.push(format!("{path}: unsafe outside kernel"));
    }
    let lines = source.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    if lines > LONGEST && !path.ends_with("/tests.rs") {
        faults.push(format!("{path}: {lines} lines before its tests"));
    }
    if path.ends_with("/mod.rs") {
        faults.push(format!("{path}: modules are foo.rs beside foo/"));
    }
    faults
}

fn sources(folder: &Path, prefix: &str, all: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            sources(&path, &format!("{name}/"), all);
        } else if name.ends_with(".rs") {
            all.push((name, fs::read_to_string(path).unwrap()));
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut all);
    all
}

#[test]
fn the_sources_keep_to_their_shape() {
    let faults: Vec<String> = all_sources().iter().flat_map(|(path, source)| faults(path, source)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_table_names_the_modules_that_there_are_and_points_downwards() {
    let there: BTreeSet<String> = all_sources()
        .iter()
        .map(|(path, _)| path.split('/').next().unwrap().trim_end_matches(".rs").to_owned())
        .filter(|module| module != "lib")
        .collect();
    assert_eq!(there, MAY_SEE.iter().map(|(module, _)| (*module).to_owned()).collect());
    for (i, (module, seen)) in MAY_SEE.iter().enumerate() {
        for name in *seen {
            assert!(MAY_SEE[..i].iter().any(|(lower, _)| lower == name), "{module} sees {name} from below");
        }
    }
}

#[test]
fn a_wrong_import_is_found_however_it_is_written() {
    let wrong = [
        ("ui/view.rs", "use crate::train::Trainer;", "train"),
        ("ui.rs", "fn f() { let _ = crate::nn::Model::build; }", "nn"),
        ("ui/a/b.rs", "use crate::{\n    escape,\n    data::{self, Rows},\n};", "data"),
        ("ui/a.rs", "use crate::{run::{A, B}, kernel};", "kernel"),
        ("ui/view.rs", "use crate::optim as o;", "optim"),
        ("data/spec.rs", "use super::super::nn::Dense;", "nn"),
        ("data.rs", "use super::preset;", "preset"),
        ("nn/model.rs", "pub(crate) use crate :: preset :: RunSpec;", "preset"),
        ("run/folder.rs", "type T = Vec<crate::ui::App>;", "ui"),
        ("run.rs", "use ::unrolled::train;", "train"),
        ("protocol/event.rs", "use crate::number;", "number"),
        (
            "nn/layer.rs",
            "struct A<'a>(&'a str); const Q: char = '\"'; use crate::data::X; const R: char = '\"';",
            "data",
        ),
        ("nn/layer.rs", "const S: &str = \"\\\\\"; use crate::data::X;", "data"),
        ("nn/layer.rs", "const S: &str = r#\"a\"b\"#; use crate::data::X;", "data"),
    ];
    for (path, source, seen) in wrong {
        let module = path.split(['/', '.']).next().unwrap();
        assert_eq!(faults(path, source), [format!("{path}: {module} must not see {seen}")], "{source}");
    }
}

#[test]
fn what_is_right_or_only_spoken_of_is_left_alone() {
    let right = [
        ("ui/view.rs", "use crate::{escape, preset::Entry, run::Reader, ui::state::Dashboard};"),
        ("ui/view.rs", "//! [`crate::train`]\n/* crate::nn /* nested */ crate::nn */ /// crate::data\n"),
        (
            "ui/view.rs",
            "const SAID: &str = \"crate::train unsafe\"; const RAW: &str = r#\"crate::nn \" unsafe\"#;",
        ),
        ("ui/view.rs", "use super::train; // a module of its own"),
        ("ui/a/b.rs", "use super::super::nn; use self::data::X; use other::crate_::nn;"),
        ("train/trainer.rs", "use crate::nn::Model; use super::ui;"),
        ("kernel/simd.rs", "unsafe { go() }"),
        ("nn/model.rs", "#![allow(unsafe_code)] fn not_unsafe() {}"),
        ("lib.rs", "pub mod ui; pub use crate::train;"),
        ("main.rs", "fn main() { unrolled::cli::main() }"),
    ];
    for (path, source) in right {
        assert_eq!(faults(path, source), [""; 0], "{source}");
    }
}

#[test]
fn unsafe_long_files_and_strange_modules_are_found() {
    assert_eq!(faults("nn/a.rs", "unsafe fn f() {}"), ["nn/a.rs: unsafe outside kernel"]);
    let long = "//\n".repeat(LONGEST + 1);
    assert_eq!(faults("nn/a.rs", &long), ["nn/a.rs: 501 lines before its tests"]);
    let tested = "//\n".repeat(LONGEST) + "#[cfg(test)]\nmod tests {}\n";
    assert_eq!(faults("nn/a.rs", &tested), [""; 0]);
    assert_eq!(faults("nn/a/mod.rs", ""), ["nn/a/mod.rs: modules are foo.rs beside foo/"]);
    assert_eq!(faults("helpers/a.rs", ""), ["helpers/a.rs: the table does not know helpers"]);
}

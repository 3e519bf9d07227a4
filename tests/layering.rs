//! Rules of the sources: imports between modules point one way, files form no cycle, `unsafe` is in one module, files are
//! readable.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "layering/graph.rs"]
mod graph;
#[path = "layering/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use graph::Graph;
use source::Source;

/// The modules that each top-level module may use besides itself, from the bottom to the top. An unused
/// permission is an error as well.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("durable", &[]),
    ("escape", &[]),
    ("help", &[]),
    ("memory", &[]),
    ("number", &[]),
    ("rng", &[]),
    ("sort", &[]),
    ("metrics", &["sort"]),
    ("protocol", &["metrics"]),
    ("kernel", &["rng"]),
    ("fetch", &["durable", "number"]),
    ("data", &["metrics", "protocol", "escape", "memory", "number", "rng", "sort"]),
    ("nn", &["metrics", "protocol", "kernel", "number", "rng"]),
    ("optim", &["metrics", "kernel"]),
    ("step", &["metrics", "protocol", "kernel", "data", "nn", "optim"]),
    ("preset", &["metrics", "protocol", "escape", "data", "nn", "optim", "sort"]),
    (
        "inspect",
        &["error", "metrics", "protocol", "escape", "number", "rng", "data", "nn", "optim", "preset", "sort"],
    ),
    ("run", &["error", "durable", "metrics", "protocol", "sort"]),
    ("runs", &["error", "durable", "escape", "metrics", "number", "preset", "protocol", "run", "sort"]),
    ("infer", &["metrics", "protocol", "number", "rng", "data", "nn", "step", "preset", "run"]),
    ("interop", &["metrics", "protocol", "data", "nn", "preset", "run", "sort"]),
    // `kernel` for its threads, which shards, gradients and weights share.
    (
        "train",
        &[
            "error", "metrics", "protocol", "memory", "number", "rng", "kernel", "data", "nn", "optim",
            "step", "preset", "run", "infer", "sort",
        ],
    ),
    (
        "experiment",
        &[
            "error", "durable", "rng", "metrics", "protocol", "escape", "number", "data", "preset", "run",
            "runs", "train", "sort",
        ],
    ),
    ("ui", &["error", "metrics", "protocol", "escape", "help", "number", "preset", "run", "runs", "sort"]),
    (
        "bench",
        &[
            "metrics", "protocol", "escape", "number", "rng", "kernel", "data", "nn", "optim", "step",
            "preset", "train", "ui",
        ],
    ),
    (
        "cli",
        &[
            "error",
            "protocol",
            "metrics",
            "escape",
            "help",
            "number",
            "rng",
            "durable",
            "memory",
            "data",
            "fetch",
            "preset",
            "inspect",
            "run",
            "runs",
            "interop",
            "infer",
            "train",
            "experiment",
            "ui",
            "bench",
        ],
    ),
    ("main", &["kernel", "cli"]),
];

/// The maximum number of lines of a file before its tests.
const MAX_LINES: usize = 500;

/// The modules that a file uses, including tests.
fn modules(source: &Source) -> BTreeSet<&str> {
    let absolute = source.references.iter().filter(|reference| reference.absolute);
    absolute.filter_map(|reference| reference.path.first().map(String::as_str)).collect()
}

/// The package of the modules that are compiled for speed, a folder of `src/`.
const ENGINE: &str = "engine/";

/// The violations of a file `path` (from `src/` or from the engine) with this text, a line each.
fn faults(path: &str, text: &str) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let source = Source::read(path, text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut faults = Vec::new();
    let module = source.module.first().map_or("lib", String::as_str);
    if module != "lib" {
        let Some(allowed) = table.get(module) else {
            return vec![format!("{path}: the table does not know {module}")];
        };
        for name in modules(&source) {
            if name != module && table.contains_key(name) && !allowed.contains(&name) {
                faults.push(format!("{path}: {module} must not use {name}"));
            }
        }
    }
    if source.is_unsafe && module != "kernel" {
        faults.push(format!("{path}: unsafe outside kernel"));
    }
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    if lines > MAX_LINES && !path.ends_with("/tests.rs") {
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
    // The library of the program has the modules of the engine as its own.
    all.retain(|(path, _)| path != "engine/lib.rs");
    for (path, _) in &mut all {
        if let Some(of_engine) = path.strip_prefix(ENGINE) {
            *path = of_engine.to_owned();
        }
    }
    all
}

/// The cycles of these files, and the arrows that make them.
fn cycles(files: &[(String, String)]) -> Vec<(Vec<String>, Vec<String>)> {
    Graph::new(files.iter().map(|(path, text)| Source::read(path, text).unwrap())).cycles()
}

#[test]
fn source_files_follow_the_rules() {
    let faults: Vec<String> = all_sources().iter().flat_map(|(path, text)| faults(path, text)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn files_form_no_cycles() {
    let found = cycles(&all_sources());
    let message: Vec<String> =
        found.iter().map(|(files, arrows)| format!("{files:?}\n  {}", arrows.join("\n  "))).collect();
    assert!(message.is_empty(), "{}", message.join("\n"));
}

#[test]
fn the_table_has_all_modules_and_points_downwards() {
    let there: BTreeSet<String> = all_sources()
        .iter()
        .map(|(path, _)| path.split('/').next().unwrap().trim_end_matches(".rs").to_owned())
        .filter(|module| module != "lib")
        .collect();
    assert_eq!(there, MAY_USE.iter().map(|(module, _)| (*module).to_owned()).collect());
    for (i, (module, used)) in MAY_USE.iter().enumerate() {
        for name in *used {
            assert!(MAY_USE[..i].iter().any(|(lower, _)| lower == name), "{module} uses {name} from below");
        }
    }
}

#[test]
fn every_allowed_dependency_is_used() {
    let mut unused: BTreeSet<(&str, &str)> =
        MAY_USE.iter().flat_map(|(module, used)| used.iter().map(|name| (*module, *name))).collect();
    for (path, text) in all_sources() {
        let source = Source::read(&path, &text).unwrap();
        let module = path.split('/').next().unwrap().trim_end_matches(".rs");
        let used = modules(&source);
        unused.retain(|(from, to)| *from != module || !used.contains(to));
    }
    assert!(unused.is_empty(), "arrows that the table allows and nobody needs: {unused:?}");
}

#[test]
fn a_forbidden_import_is_found_in_any_form() {
    let wrong = [
        ("ui/view.rs", "use crate::train::Trainer;", "train"),
        ("ui.rs", "fn f() { let _ = crate::nn::Model::build; }", "nn"),
        ("ui/a/b.rs", "use crate::{\n    escape,\n    data::{self, Rows},\n};", "data"),
        ("ui/a.rs", "use crate::{protocol::{A, B}, kernel};", "kernel"),
        ("ui/view.rs", "use crate::optim as o;", "optim"),
        ("data/spec.rs", "use super::super::nn::Dense;", "nn"),
        ("data.rs", "use super::preset;", "preset"),
        ("data.rs", "mod a { mod b { fn f() { super::super::super::preset::read() } } }", "preset"),
        ("nn/model.rs", "pub(crate) use crate :: preset :: RunSpec;", "preset"),
        ("run/folder.rs", "type T = Vec<crate::ui::App>;", "ui"),
        ("run.rs", "use ::unrolled::train;", "train"),
        ("ui.rs", "use unrolled_engine::nn::Model;", "nn"),
        ("protocol/event.rs", "use crate::number;", "number"),
        ("nn/layer.rs", "fn f() { vec![g(&crate::data::load::<u8>())]; }", "data"),
        ("nn/layer.rs", "#[cfg(test)] mod tests { use crate::data::X; }", "data"),
    ];
    for (path, text, used) in wrong {
        let module = path.split(['/', '.']).next().unwrap();
        assert_eq!(faults(path, text), [format!("{path}: {module} must not use {used}")], "{text}");
    }
}

#[test]
fn allowed_imports_and_comments_are_ignored() {
    let right = [
        ("ui/view.rs", "use crate::{escape, preset::Entry, ui::state::Dashboard};"),
        (
            "ui/view.rs",
            "//! [`crate::train`]\n/* crate::nn /* nested */ crate::nn */ /// crate::data\nfn f() {}",
        ),
        (
            "ui/view.rs",
            "const A: &str = \"crate::train unsafe\"; const RAW: &str = r#\"crate::nn \" unsafe\"#;",
        ),
        ("ui/view.rs", "use super::train; // a module of its own"),
        ("ui/a/b.rs", "use super::super::nn; use self::data::X; use other::crate_::nn;"),
        ("train/trainer.rs", "use crate::nn::Model; use super::ui;"),
        ("kernel/simd.rs", "fn f() { unsafe { go() } }"),
        ("nn/model.rs", "#![allow(unsafe_code)] fn not_unsafe() {}"),
        ("lib.rs", "pub mod ui; pub use crate::train;"),
        ("main.rs", "fn main() { unrolled::cli::main() }"),
    ];
    for (path, text) in right {
        assert_eq!(faults(path, text), [""; 0], "{text}");
    }
}

#[test]
fn unsafe_code_long_files_and_unknown_modules_are_found() {
    for text in [
        "unsafe fn f() {}",
        "fn f() { unsafe { g() } }",
        "unsafe impl A for B {}",
        "fn f() { go!(unsafe { g() }) }",
        "#[cfg(test)] mod tests { fn f() { unsafe { g() } } }",
    ] {
        assert_eq!(faults("nn/a.rs", text), ["nn/a.rs: unsafe outside kernel"], "{text}");
    }
    let long = "//\n".repeat(MAX_LINES + 1);
    assert_eq!(faults("nn/a.rs", &long), ["nn/a.rs: 501 lines before its tests"]);
    let tested = "//\n".repeat(MAX_LINES) + "#[cfg(test)]\nmod tests {}\n";
    assert_eq!(faults("nn/a.rs", &tested), [""; 0]);
    assert_eq!(faults("nn/a/mod.rs", ""), ["nn/a/mod.rs: modules are foo.rs beside foo/"]);
    assert_eq!(faults("helpers/a.rs", ""), ["helpers/a.rs: the table does not know helpers"]);
}

#[test]
fn cycles_are_found_through_reexports_children_and_macros() {
    let of = |files: &[(&str, &str)]| {
        let files: Vec<_> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        cycles(&files).into_iter().map(|(files, _)| files.join(" ")).collect::<Vec<_>>()
    };
    let none = [""; 0];
    let facade = ("nn.rs", "mod a; mod b; pub use a::A; pub use b::B; struct Own;");
    // A re-export counts as a use of the defining module.
    assert_eq!(of(&[facade, ("nn/a.rs", "use super::B; struct A;"), ("nn/b.rs", "struct B;")]), none);
    let b = "struct B; fn f() { super::a::g() }";
    assert_eq!(of(&[facade, ("nn/a.rs", "use crate::nn::B; struct A;"), ("nn/b.rs", b)]), ["nn/a nn/b"]);
    let b = "use super::a as x; struct B; fn f() { vec![x::A] }";
    assert_eq!(
        of(&[facade, ("nn/a.rs", "use super::*; use super::B; struct A;"), ("nn/b.rs", b)]),
        ["nn/a nn/b"]
    );
    // A child may use items of its parent, and the parent those of the child.
    let child = [("nn/a.rs", "use super::Own; struct A;"), ("nn/b.rs", "struct B;")];
    let parent = ("nn.rs", "mod a; mod b; pub use a::A; struct Own(A); fn f() { b::h() }");
    assert_eq!(of(&[&[parent], &child[..]].concat()), none);
    // Below a file, everything is part of it.
    let deep = ("nn/b/c.rs", "use crate::nn::a::A; struct C;");
    let a = ("nn/a.rs", "use super::b::c::C; struct A;");
    assert_eq!(of(&[facade, a, ("nn/b.rs", "pub mod c;"), deep]), ["nn/a nn/b/c"]);
    // Tests may use everything.
    let a = ("nn/a.rs", "struct A; #[cfg(test)] mod tests; #[cfg(test)] fn f() { super::b::g() }");
    let tests = ("nn/a/tests.rs", "use super::super::b::B;");
    assert_eq!(of(&[facade, a, tests, ("nn/b.rs", "use super::A; struct B;")]), none);
}

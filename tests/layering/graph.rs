//! The dependency graph of the crate's files: a file points to the files that define the items it uses.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Kind, Module, Reference, Source};

pub struct Graph {
    files: BTreeMap<Module, Source>,
}

/// The target of a path.
enum Target {
    Module(Module),
    /// An item, by the module of the file that defines it.
    Item(Module),
    /// Something of another crate.
    Foreign,
}

/// `pub use` of `pub use` of …: more than anybody writes.
const DEEPEST: usize = 20;

impl Graph {
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Self {
        Self { files: sources.into_iter().map(|source| (source.module.clone(), source)).collect() }
    }

    /// The files that `of` uses outside tests. A module and those below it are one: it re-exports what they define without using
    /// it, and they use what it defines, as `super::`, without an arrow back.
    fn uses(&self, of: &Source) -> BTreeSet<&Module> {
        let references = of.references.iter().filter(|reference| !reference.test);
        let target = |reference: &Reference| match self.resolve(&of.module, reference, 0) {
            Target::Item(file) => Some(file),
            Target::Module(file) if reference.kind == Kind::Glob => Some(file),
            Target::Module(_) | Target::Foreign => None,
        };
        let files = references.filter_map(|reference| {
            let is_facade = |file: &Module| reference.kind == Kind::Reexport && file.starts_with(&of.module);
            target(reference).filter(|file| !is_facade(file) && !of.module.starts_with(file))
        });
        files.filter_map(|file| self.files.get_key_value(&file).map(|(file, _)| file)).collect()
    }

    fn resolve(&self, from: &Module, reference: &Reference, depth: usize) -> Target {
        let Some((first, rest)) = reference.path.split_first().filter(|_| depth < DEEPEST) else {
            return Target::Foreign;
        };
        if reference.absolute {
            return self.walk(Vec::new(), &reference.path, depth);
        }
        let child = [from.as_slice(), std::slice::from_ref(first)].concat();
        let bound = self.files.get(from).and_then(|source| source.bound.get(first));
        // `use spec::Spec` reads a module of its own, not what it binds itself.
        let is_itself = |bound: &&Reference| bound.path == reference.path && !bound.absolute;
        match bound.filter(|bound| !is_itself(bound)) {
            Some(bound) if rest.is_empty() || !self.files.contains_key(&child) => {
                match self.resolve(from, bound, depth + 1) {
                    Target::Module(module) => self.walk(module, rest, depth + 1),
                    target => target,
                }
            }
            _ if self.files.contains_key(&child) => self.walk(child, rest, depth),
            _ => Target::Foreign,
        }
    }

    fn walk(&self, mut at: Module, mut path: &[String], depth: usize) -> Target {
        while let Some((name, rest)) = path.split_first() {
            let child = [at.as_slice(), std::slice::from_ref(name)].concat();
            if self.files.contains_key(&child) {
                (at, path) = (child, rest);
                continue;
            }
            let Some(source) = self.files.get(&at) else { return Target::Foreign };
            if source.items.contains(name) || depth > DEEPEST {
                return Target::Item(at);
            }
            if let Some(bound) = source.bound.get(name) {
                return match self.resolve(&at, bound, depth + 1) {
                    Target::Module(module) => self.walk(module, rest, depth + 1),
                    Target::Item(file) => Target::Item(file),
                    // What is re-exported from another crate counts as defined here.
                    Target::Foreign => Target::Item(at),
                };
            }
            let globs = source.references.iter().filter(|reference| reference.kind == Kind::Glob);
            let through = globs.filter_map(|glob| match self.resolve(&at, glob, depth + 1) {
                Target::Module(module) if module != at => Some(module),
                _ => None,
            });
            let found = through.into_iter().find(|module| {
                self.files.get(module).is_some_and(|s| s.items.contains(name) || s.bound.contains_key(name))
            });
            return found.map_or(Target::Item(at), |module| self.walk(module, path, depth + 1));
        }
        Target::Module(at)
    }

    /// The files of each cycle, in alphabetical order, and the arrows that make it.
    pub fn cycles(&self) -> Vec<(Vec<String>, Vec<String>)> {
        let tests: BTreeSet<&Module> = self.files.values().flat_map(|source| &source.test_modules).collect();
        let is_test = |file: &Module| (1..=file.len()).any(|n| tests.contains(&file[..n].to_vec()));
        let files = self.files.values().filter(|source| !is_test(&source.module));
        let arrows: BTreeMap<&Module, BTreeSet<&Module>> =
            files.map(|source| (&source.module, self.uses(source))).collect();
        let reached: BTreeMap<&Module, BTreeSet<&Module>> =
            arrows.keys().map(|file| (*file, reached(&arrows, file))).collect();
        let reaches = |a: &Module, b: &Module| reached.get(a).is_some_and(|files| files.contains(b));
        let mut cycles = BTreeSet::new();
        for file in arrows.keys().filter(|file| reaches(file, file)) {
            cycles.insert(arrows.keys().filter(|b| reaches(file, b) && reaches(b, file)).collect::<Vec<_>>());
        }
        let name = |file: &Module| file.join("/");
        let cycle = |files: Vec<&&Module>| {
            let inside = files.iter().flat_map(|a| {
                let to = arrows[**a].iter().filter(|b| files.contains(b));
                to.map(|b| format!("{} -> {}", name(a), name(b)))
            });
            (files.iter().map(|file| name(file)).collect(), inside.collect())
        };
        cycles.into_iter().map(cycle).collect()
    }
}

/// All files that `from` uses, directly or not.
fn reached<'a>(arrows: &BTreeMap<&'a Module, BTreeSet<&'a Module>>, from: &Module) -> BTreeSet<&'a Module> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        for to in arrows.get(file).into_iter().flatten() {
            if reached.insert(*to) {
                next.push(to);
            }
        }
    }
    reached
}

//! The syntax tree of one file of `src/`: the paths it uses, the items it defines, and its `unsafe` code.

use std::collections::{BTreeMap, BTreeSet};

use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, Token, UseTree, Visibility};

/// `["data", "series"]` for `data/series.rs`.
pub type Module = Vec<String>;

/// A path that a file names.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Without `crate`, `self` and `super` where it is absolute; as written otherwise.
    pub path: Vec<String>,
    pub absolute: bool,
    pub kind: Kind,
    /// In code that only tests have.
    pub test: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Import,
    /// `pub use`, for whatever audience.
    Reexport,
    /// `use …::*`
    Glob,
    /// A path in an expression, a type, a pattern or a macro.
    Plain,
}

#[derive(Debug, Default)]
pub struct Source {
    pub module: Module,
    pub references: Vec<Reference>,
    /// Names that the file's `use` items bind.
    pub bound: BTreeMap<String, Reference>,
    /// Names of the items that the file defines.
    pub items: BTreeSet<String>,
    pub is_unsafe: bool,
    /// Modules of other files that are declared under `#[cfg(test)]`.
    pub test_modules: Vec<Module>,
    at: Module,
    test: bool,
}

impl Source {
    /// Reads the file `path`, from `src/`.
    pub fn read(path: &str, text: &str) -> syn::Result<Self> {
        let module: Module = match path.trim_end_matches(".rs") {
            "lib" => Vec::new(),
            path => path.split('/').map(str::to_owned).collect(),
        };
        let mut source = Self { at: module.clone(), module, ..Self::default() };
        source.visit_file(&syn::parse_file(text)?);
        Ok(source)
    }

    fn refer(&mut self, written: &[String], kind: Kind) -> Option<Reference> {
        let (mut absolute, mut path) = (None, written);
        match written.first()?.as_str() {
            "crate" | "unrolled" | "unrolled_engine" => (absolute, path) = (Some(Vec::new()), &written[1..]),
            "self" | "super" => absolute = Some(self.at.clone()),
            _ => {}
        }
        if let Some(module) = absolute.as_mut() {
            while let Some(("self" | "super", rest)) = path.split_first().map(|(s, rest)| (s.as_str(), rest))
            {
                if path[0] == "super" {
                    module.pop();
                }
                path = rest;
            }
        }
        let is_absolute = absolute.is_some();
        let path = [absolute.unwrap_or_default().as_slice(), path].concat();
        let reference = Reference { path, absolute: is_absolute, kind, test: self.test };
        self.references.push(reference.clone());
        Some(reference)
    }

    fn import(&mut self, tree: &UseTree, before: &[String], kind: Kind) {
        let with = |name: &Ident| [before, &[name.unraw().to_string()]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident), kind),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, before, kind));
            }
            UseTree::Glob(_) => return drop(self.refer(before, Kind::Glob)),
            UseTree::Name(name) => (with(&name.ident), &name.ident),
            UseTree::Rename(rename) => (with(&rename.ident), &rename.rename),
        };
        // `a::{self}` names `a`.
        let path =
            if path.len() > 1 && path.last().is_some_and(|last| last == "self") { before } else { &path };
        let name = if name == "self" { path.last().unwrap().clone() } else { name.unraw().to_string() };
        if let Some(reference) = self.refer(path, kind) {
            self.bound.insert(name, reference);
        }
    }

    /// Paths in the tokens of a macro, which may be anything.
    fn tokens(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        while !input.is_empty() {
            if input.peek(syn::token::Paren)
                || input.peek(syn::token::Bracket)
                || input.peek(syn::token::Brace)
            {
                let inside;
                if input.peek(syn::token::Paren) {
                    syn::parenthesized!(inside in input);
                } else if input.peek(syn::token::Bracket) {
                    syn::bracketed!(inside in input);
                } else {
                    syn::braced!(inside in input);
                }
                self.tokens(&inside)?;
            } else if input.peek(Ident::peek_any) {
                let mut path = vec![input.call(Ident::parse_any)?.unraw().to_string()];
                self.is_unsafe |= path[0] == "unsafe";
                while input.peek(Token![::]) && input.peek3(Ident::peek_any) {
                    input.parse::<Token![::]>()?;
                    path.push(input.call(Ident::parse_any)?.unraw().to_string());
                }
                self.refer(&path, Kind::Plain);
            } else {
                input.step(|cursor| Ok(((), cursor.token_tree().map_or(*cursor, |(_, rest)| rest))))?;
            }
        }
        Ok(())
    }

    fn within(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let before = self.test;
        self.test |= attributes.iter().any(is_test);
        visit(self);
        self.test = before;
    }
}

/// `#[cfg(test)]`, also among other conditions, and `#[test]`.
fn is_test(attribute: &Attribute) -> bool {
    let condition = |tokens: ParseStream<'_>| {
        let path = tokens.call(Ident::parse_any)?;
        if path == "all" {
            let inside;
            syn::parenthesized!(inside in tokens);
            let found = inside.peek(Ident::peek_any) && inside.call(Ident::parse_any)? == "test";
            while !inside.is_empty() {
                inside.step(|cursor| Ok(((), cursor.token_tree().map_or(*cursor, |(_, rest)| rest))))?;
            }
            return Ok(found);
        }
        while !tokens.is_empty() {
            tokens.step(|cursor| Ok(((), cursor.token_tree().map_or(*cursor, |(_, rest)| rest))))?;
        }
        Ok(path == "test")
    };
    attribute.path().is_ident("test")
        || attribute.path().is_ident("cfg") && attribute.parse_args_with(condition).unwrap_or(false)
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = match item {
            Item::Const(item) => (Some(&item.ident), &item.attrs),
            Item::Enum(item) => (Some(&item.ident), &item.attrs),
            Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
            Item::Macro(item) => (item.ident.as_ref(), &item.attrs),
            Item::Mod(item) => (Some(&item.ident), &item.attrs),
            Item::Static(item) => (Some(&item.ident), &item.attrs),
            Item::Struct(item) => (Some(&item.ident), &item.attrs),
            Item::Trait(item) => (Some(&item.ident), &item.attrs),
            Item::Type(item) => (Some(&item.ident), &item.attrs),
            Item::Union(item) => (Some(&item.ident), &item.attrs),
            Item::Use(item) => (None, &item.attrs),
            Item::Impl(item) => (None, &item.attrs),
            _ => return visit::visit_item(self, item),
        };
        if self.at == self.module {
            self.items.extend(name.map(|name| name.unraw().to_string()));
        }
        self.within(attributes, |source| visit::visit_item(source, item));
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.at.push(module.ident.unraw().to_string());
        if module.content.is_none() && self.test {
            self.test_modules.push(self.at.clone());
        }
        visit::visit_item_mod(self, module);
        self.at.pop();
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.within(&function.attrs, |source| visit::visit_impl_item_fn(source, function));
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let kind = if matches!(item.vis, Visibility::Inherited) { Kind::Import } else { Kind::Reexport };
        self.import(&item.tree, &[], kind);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written: Vec<String> = path.segments.iter().map(|s| s.ident.unraw().to_string()).collect();
        self.refer(&written, Kind::Plain);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, of: &'ast syn::Macro) {
        visit::visit_macro(self, of);
        let tokens = of.tokens.clone();
        (|input: ParseStream<'_>| self.tokens(input)).parse2(tokens).unwrap();
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.is_unsafe |= attribute.path().is_ident("unsafe");
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.is_unsafe = true;
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.is_unsafe |= signature.unsafety.is_some();
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.is_unsafe |= item.unsafety.is_some();
        visit::visit_item_impl(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.is_unsafe |= item.unsafety.is_some();
        visit::visit_item_trait(self, item);
    }

    fn visit_item_foreign_mod(&mut self, item: &'ast syn::ItemForeignMod) {
        self.is_unsafe |= item.unsafety.is_some();
        visit::visit_item_foreign_mod(self, item);
    }
}

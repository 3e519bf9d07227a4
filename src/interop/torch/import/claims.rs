//! Which tensors of a file the weights of each layer are.

use std::collections::{BTreeMap, BTreeSet};

use super::title;
use crate::interop::torch::identifiers::Identifiers;
use crate::interop::torch::layout::{Content, TorchTensor, layouts};
use crate::interop::torch::name_map::NameMap;
use crate::interop::{DescribedLayer, NetworkDescription};
use crate::sort::SmallSort as _;

/// The tensors of a layer with their names in the file; several names are added.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    pub tensors: Vec<(TorchTensor, Vec<String>)>,
}

/// A module of the file: what its tensors have before their names, and which of the stacked layers of an `nn.LSTM` it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct TorchModule {
    prefix: String,
    stacked: usize,
}

impl TorchModule {
    /// As messages and maps call it: `encoder`, or `encoder.*_l1` of stacked layers.
    fn read(text: &str) -> Self {
        let stacked = text.rsplit_once(".*_l").and_then(|(prefix, n)| Some((prefix, n.parse().ok()?)));
        let (prefix, stacked) = stacked.unwrap_or((text, 0));
        Self { prefix: prefix.to_owned(), stacked }
    }

    fn title(&self) -> String {
        match (self.prefix.as_str(), self.stacked) {
            ("", 0) => "(no prefix)".to_owned(),
            (prefix, 0) => prefix.to_owned(),
            (prefix, stacked) => format!("{prefix}.*_l{stacked}"),
        }
    }

    /// The name of one of its tensors in the file.
    fn tensor(&self, name: &str) -> String {
        let name = name.replacen("_l0", &format!("_l{}", self.stacked), 1);
        if self.prefix.is_empty() { name } else { format!("{}.{name}", self.prefix) }
    }

    /// Its name with the numbers as numbers, and the parts between them: `layer10` is behind `layer9`.
    fn natural(&self) -> (Vec<String>, Vec<usize>) {
        let (mut texts, mut numbers) = (vec![String::new()], Vec::<usize>::new());
        let mut was_digit = false;
        for letter in self.prefix.chars() {
            match letter.to_digit(10) {
                Some(digit) if was_digit => {
                    if let Some(number) = numbers.last_mut() {
                        *number = number.saturating_mul(10).saturating_add(digit as usize);
                    }
                }
                Some(digit) => {
                    numbers.push(digit as usize);
                    texts.push(String::new());
                }
                None => {
                    if let Some(text) = texts.last_mut() {
                        text.push(letter);
                    }
                }
            }
            was_digit = letter.is_ascii_digit();
        }
        numbers.push(self.stacked);
        (texts, numbers)
    }
}

type Shapes<'a> = BTreeMap<&'a str, &'a [usize]>;

/// A module that may be a layer, in one of the layer's layouts.
#[derive(Debug, Clone, PartialEq)]
struct Candidate {
    module: TorchModule,
    layout: usize,
}

/// What layers claim of a file.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// By layer; none for those without weights, and for those with a fault.
    pub layers: Vec<Option<Claim>>,
    /// Tensors that may be those of several layers.
    pub undecided: BTreeSet<String>,
    /// What is missing or cannot be decided.
    pub faults: Vec<String>,
}

/// The claims of all layers.
pub(super) fn claims(network: &NetworkDescription<'_>, shapes: &Shapes<'_>, map: &NameMap) -> Claims {
    let names = Identifiers::of(network).layers;
    let all: Vec<Vec<Vec<TorchTensor>>> = network.layers.iter().map(layouts).collect();
    let mut claims = Claims { layers: vec![None; all.len()], ..Claims::default() };
    let mut taken = BTreeSet::<String>::new();
    let mut open = Vec::new();
    let mut known = BTreeSet::new();
    for (i, layer) in network.layers.iter().enumerate() {
        if all[i].is_empty() {
            continue;
        }
        let keys = [
            i.to_string(),
            names[i].clone(),
            layer.name.clone(),
            layer.node.name.clone().unwrap_or_default(),
        ];
        match mapped(layer, &all[i], &keys, map, shapes, &mut known) {
            Some(Ok(claim)) => {
                taken.extend(claim.tensors.iter().flat_map(|(_, names)| names.clone()));
                claims.layers[i] = Some(claim);
            }
            Some(Err(what)) => claims.faults.push(format!("{}: {what}", title(i, layer))),
            None => open.push(i),
        }
    }
    for key in map.keys().filter(|key| !known.contains(*key)) {
        claims.faults.push(format!("the map has `{key}`, which is no layer or weight of the network"));
    }
    // Modules by the names that exported networks have.
    open.retain(|i| {
        let module = TorchModule { prefix: names[*i].clone(), stacked: 0 };
        let fitting = (0..all[*i].len()).find(|layout| has_names(&module, &all[*i][*layout], shapes));
        match fitting {
            Some(layout) => {
                let claim = claim(&module, &all[*i][layout], shapes);
                taken.extend(claim.tensors.iter().flat_map(|(_, names)| names.clone()));
                claims.layers[*i] = Some(claim);
                false
            }
            None => true,
        }
    });
    by_shape(network, &all, shapes, (open, taken), &mut claims);
    claims
}

/// The claim of a layer by the map, if the map says something of it.
fn mapped<'m>(
    layer: &DescribedLayer<'_>,
    layouts: &[Vec<TorchTensor>],
    keys: &[String],
    map: &'m NameMap,
    shapes: &Shapes<'_>,
    known: &mut BTreeSet<&'m str>,
) -> Option<Result<Claim, String>> {
    let mut entry = |name: &str| {
        let key = map.keys().find(|key| *key == name)?;
        known.insert(key);
        map.get(key)
    };
    if let Some(theirs) = keys.iter().find_map(|key| entry(key)) {
        let module = TorchModule::read(&theirs[0]);
        let layout = layouts.iter().find(|layout| has_names(&module, layout, shapes)).unwrap_or(&layouts[0]);
        return Some(Ok(claim(&module, layout, shapes)));
    }
    let of_weights: Vec<Option<&[String]>> = layer
        .weights
        .iter()
        .map(|weights| keys.iter().find_map(|key| entry(&format!("{key}.{}", weights.name))))
        .collect();
    if of_weights.iter().all(Option::is_none) {
        return None;
    }
    let missing = layer.weights.iter().zip(&of_weights).find(|(_, names)| names.is_none());
    if let Some((weights, _)) = missing {
        return Some(Err(format!("the map has some of its weights and not `{}.{}`", keys[0], weights.name)));
    }
    // Tensors with numbers of one weight each.
    let single = |tensor: &TorchTensor| match &tensor.content {
        Content::Weights(pieces) => pieces.len() == 1,
        _ => true,
    };
    let layout = layouts.iter().find(|layout| layout.iter().all(single))?;
    let mut left: Vec<Vec<String>> = of_weights.iter().flatten().map(|names| names.to_vec()).collect();
    let mut tensors = Vec::new();
    for tensor in layout {
        let weight = match &tensor.content {
            Content::Weights(pieces) => pieces[0].weight,
            Content::Summand(piece) => piece.weight,
            Content::Constant(_) => continue,
        };
        let others = layout
            .iter()
            .filter(|other| matches!(&other.content, Content::Weights(pieces) if pieces[0].weight == weight));
        // A weight of one tensor may be the sum of several, one of two tensors has a name for each.
        let several = others.count() > 1;
        let names = match &tensor.content {
            Content::Summand(_) => Vec::new(),
            _ if several && left[weight].is_empty() => Vec::new(),
            _ if several => vec![left[weight].remove(0)],
            _ => std::mem::take(&mut left[weight]),
        };
        if names.is_empty() && matches!(tensor.content, Content::Weights(_)) {
            let name = layer.weights[weight].name;
            return Some(Err(format!("`{name}` is two tensors of PyTorch: give both, as in `a + b`")));
        }
        tensors.push((tensor.clone(), names));
    }
    Some(Ok(Claim { tensors }))
}

/// Whether a module has all the tensors of a layout that it must have.
fn has_names(module: &TorchModule, layout: &[TorchTensor], shapes: &Shapes<'_>) -> bool {
    let must = layout.iter().filter(|tensor| matches!(tensor.content, Content::Weights(_)));
    must.map(|tensor| module.tensor(&tensor.name)).all(|name| shapes.contains_key(name.as_str()))
}

/// Whether their shapes are those of the layer as well, and the module has no others.
fn fits(module: &TorchModule, layout: &[TorchTensor], shapes: &Shapes<'_>) -> bool {
    let has_shape = |tensor: &TorchTensor| match shapes.get(module.tensor(&tensor.name).as_str()) {
        Some(shape) => *shape == tensor.shape,
        None => !matches!(tensor.content, Content::Weights(_)),
    };
    has_names(module, layout, shapes) && layout.iter().all(has_shape) && surplus(module, layout, shapes) == 0
}

/// How many tensors of a module are none of a layout.
fn surplus(module: &TorchModule, layout: &[TorchTensor], shapes: &Shapes<'_>) -> usize {
    let of_layout: BTreeSet<String> = layout.iter().map(|tensor| module.tensor(&tensor.name)).collect();
    // Names within, as those of the output of an attention, are of modules of their own, but for those of the layout.
    let within: Vec<&str> =
        layout.iter().filter_map(|tensor| tensor.name.split_once('.')).map(|(name, _)| name).collect();
    let is_stacked = layout.iter().any(|tensor| tensor.name.contains("_l0"));
    let begin = if module.prefix.is_empty() { String::new() } else { format!("{}.", module.prefix) };
    let own = shapes
        .range(begin.as_str()..)
        .map_while(|(name, _)| name.strip_prefix(&begin).map(|rest| (name, rest)));
    let surplus = own.filter(|(name, rest)| {
        let is_own = match rest.split_once('.') {
            Some((part, _)) => within.contains(&part),
            // Of stacked layers each is a module of its own here.
            None => !is_stacked || stacked_in(rest) == Some(module.stacked),
        };
        is_own && !rest.ends_with(super::COUNTER) && !of_layout.contains(**name)
    });
    surplus.count()
}

/// The number of the stacked layer of a tensor of `nn.LSTM`: 1 of `weight_ih_l1_reverse`.
fn stacked_in(name: &str) -> Option<usize> {
    let digits = name.split_once("_l")?.1.trim_end_matches("_reverse");
    digits.parse().ok()
}

/// All tensors of a layout that the file has, or must have.
fn claim(module: &TorchModule, layout: &[TorchTensor], shapes: &Shapes<'_>) -> Claim {
    let tensors = layout.iter().filter_map(|tensor| {
        let name = module.tensor(&tensor.name);
        let is_there = shapes.contains_key(name.as_str());
        let must = matches!(tensor.content, Content::Weights(_));
        (must || is_there).then(|| (tensor.clone(), vec![name]))
    });
    Claim { tensors: tensors.collect() }
}

/// The modules of the file that have the first tensor of a layout.
fn modules(layout: &[TorchTensor], shapes: &Shapes<'_>) -> Vec<TorchModule> {
    let Some(first) = layout.first() else { return Vec::new() };
    let module = |name: &&str| match first.name.split_once("_l0") {
        Some((begin, end)) => {
            let (prefix, rest) = name.rsplit_once('.').unwrap_or(("", name));
            let stacked = rest.strip_prefix(begin)?.strip_prefix("_l")?.strip_suffix(end)?.parse().ok()?;
            Some(TorchModule { prefix: prefix.to_owned(), stacked })
        }
        None if **name == first.name => Some(TorchModule { prefix: String::new(), stacked: 0 }),
        None => {
            let prefix = name.strip_suffix(&first.name)?.strip_suffix('.')?;
            Some(TorchModule { prefix: prefix.to_owned(), stacked: 0 })
        }
    };
    shapes.keys().filter_map(module).collect()
}

/// Gives layers the modules that alone have their shapes; several that are numbered, in the order of their numbers.
fn by_shape(
    network: &NetworkDescription<'_>,
    all: &[Vec<Vec<TorchTensor>>],
    shapes: &Shapes<'_>,
    (mut open, mut taken): (Vec<usize>, BTreeSet<String>),
    claims: &mut Claims,
) {
    let candidates =
        |i: usize, taken: &BTreeSet<String>, test: fn(&TorchModule, &[TorchTensor], &Shapes<'_>) -> bool| {
            let mut found = Vec::new();
            for (layout, tensors) in all[i].iter().enumerate() {
                for module in modules(tensors, shapes) {
                    let free = tensors.iter().all(|tensor| !taken.contains(&module.tensor(&tensor.name)));
                    if free && test(&module, tensors, shapes) {
                        found.push(Candidate { module, layout });
                    }
                }
            }
            found.small_sort_by_key(|candidate| candidate.module.natural());
            found
        };
    let give = |i: usize, candidate: &Candidate, taken: &mut BTreeSet<String>, claims: &mut Claims| {
        let claim = claim(&candidate.module, &all[i][candidate.layout], shapes);
        taken.extend(claim.tensors.iter().flat_map(|(_, names)| names.clone()));
        claims.layers[i] = Some(claim);
    };
    loop {
        let found: Vec<Vec<Candidate>> = open.iter().map(|i| candidates(*i, &taken, fits)).collect();
        // Layers with most tensors first: the projections of an attention are modules like those of a Dense.
        let tensors = |place: usize| all[open[place]].iter().map(Vec::len).max();
        let single = (0..open.len()).filter(|place| {
            found[*place].len() == 1 && found.iter().filter(|other| **other == found[*place]).count() == 1
        });
        let chosen = match single.max_by_key(|place| (tensors(*place), std::cmp::Reverse(*place))) {
            Some(place) => vec![(place, found[place][0].clone())],
            None => {
                // Layers alike, as many as there are modules for them whose names differ in their numbers alone.
                let group = (0..open.len()).find_map(|place| {
                    let alike: Vec<usize> =
                        (0..open.len()).filter(|other| found[*other] == found[place]).collect();
                    let texts: BTreeSet<Vec<String>> =
                        found[place].iter().map(|candidate| candidate.module.natural().0).collect();
                    (alike.len() == found[place].len() && texts.len() == 1).then_some(alike)
                });
                match group {
                    Some(group) => group
                        .iter()
                        .enumerate()
                        .map(|(n, place)| (*place, found[*place][n].clone()))
                        .collect(),
                    None => break,
                }
            }
        };
        for (place, candidate) in &chosen {
            give(open[*place], candidate, &mut taken, claims);
        }
        let done: Vec<usize> = chosen.iter().map(|(place, _)| open[*place]).collect();
        open.retain(|i| !done.contains(i));
    }
    for i in open {
        let layer = title(i, &network.layers[i]);
        let fitting = candidates(i, &taken, fits);
        let named = candidates(i, &taken, has_names);
        if fitting.len() > 1 {
            let titles: Vec<String> =
                fitting.iter().map(|candidate| format!("`{}`", candidate.module.title())).collect();
            claims.faults.push(format!(
                "{layer}: {} have its shapes; --map FILE with the line `{i}: NAME` says which it is",
                titles.join(" and ")
            ));
            for Candidate { module, layout } in &fitting {
                claims.undecided.extend(all[i][*layout].iter().map(|tensor| module.tensor(&tensor.name)));
            }
        } else if let [one] = &named[..] {
            // Its shapes are others, which reading says of each tensor.
            give(i, one, &mut taken, claims);
        } else {
            let wanted = all[i][0].iter().filter(|tensor| matches!(tensor.content, Content::Weights(_)));
            let wanted: Vec<String> =
                wanted.map(|tensor| format!("{} {:?}", tensor.name, tensor.shape)).collect();
            claims.faults.push(format!("{layer}: the file has no module with {}", wanted.join(", ")));
        }
    }
}

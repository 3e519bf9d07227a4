//! Recurrent layers: the order of reading, masks, carried states, and both directions.

use std::collections::BTreeMap;

use super::cell::{CellWeights, State};
use super::graph::{Attribute, Dimension, Graph, Type};
use super::packing::Packing;
use crate::interop::DescribedLayer;
use crate::interop::recurrent_layer::RecurrentLayer;
use crate::nn::{Bidirectional, Merge};

/// Recurrent layers of a network while they are written.
#[derive(Debug, Default)]
pub(super) struct Recurrent {
    /// Whether the states of all layers go in and out, also of those that are not stateful.
    with_states: bool,
    /// The packing by each mask, forwards and backwards.
    packings: BTreeMap<(String, bool), Packing>,
    /// States to give out: the name of the input, the value, the units.
    next_states: Vec<(String, String, usize)>,
}

/// The input of a recurrent layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence<'a> {
    /// `[batch, time, features]`.
    pub value: &'a str,
    /// `[batch, time]`.
    pub mask: Option<&'a str>,
}

/// What a direction of a layer gives.
struct Direction {
    /// `[batch, time, units]` in the order of reading, or `[batch, units]`.
    output: String,
    packing: Option<Packing>,
}

impl Recurrent {
    pub fn new(with_states: bool) -> Self {
        Self { with_states, ..Self::default() }
    }

    /// A layer with one direction.
    pub fn layer(
        &mut self,
        graph: &mut Graph,
        layer: &DescribedLayer<'_>,
        cell: RecurrentLayer,
        x: Sequence<'_>,
    ) -> String {
        let Direction { output, packing } = self.direction(graph, layer, (cell, ""), x, cell.go_backwards);
        let Some(packing) = packing.filter(|_| cell.zero_output_for_mask) else { return output };
        let zero = graph.scalar(0.0);
        let counts = if cell.return_sequences {
            graph.unsqueeze(&packing.mask, 2)
        } else {
            graph.steps(&packing.mask, -1, i64::MAX)
        };
        graph.select(&counts, &output, &zero)
    }

    /// A layer with two directions.
    pub fn bidirectional(
        &mut self,
        graph: &mut Graph,
        layer: &DescribedLayer<'_>,
        both: &Bidirectional,
        x: Sequence<'_>,
    ) -> String {
        let cell = RecurrentLayer::from(&*both.of);
        let forward = self.direction(graph, layer, (cell, "fwd."), x, false).output;
        let mut backward = self.direction(graph, layer, (cell, "bwd."), x, true).output;
        if cell.return_sequences {
            backward = graph.reversed(&backward);
        }
        let merged = match both.merge_mode {
            Merge::Concat => graph.op("Concat", &[&forward, &backward], &[("axis", Attribute::Int(-1))]),
            Merge::Sum => graph.add(&forward, &backward),
            Merge::Mul => graph.mul(&forward, &backward),
            Merge::Ave => {
                let (sum, half) = (graph.add(&forward, &backward), graph.scalar(0.5));
                graph.mul(&sum, &half)
            }
        };
        match x.mask.filter(|_| cell.return_sequences) {
            Some(mask) => {
                let (counts, zero) = (graph.unsqueeze(mask, 2), graph.scalar(0.0));
                graph.select(&counts, &merged, &zero)
            }
            None => merged,
        }
    }

    fn direction(
        &mut self,
        graph: &mut Graph,
        layer: &DescribedLayer<'_>,
        (cell, prefix): (RecurrentLayer, &str),
        x: Sequence<'_>,
        backwards: bool,
    ) -> Direction {
        let mut value = x.value.to_owned();
        if backwards {
            value = graph.reversed(&value);
        }
        let packing = x.mask.map(|mask| self.packing(graph, mask, backwards));
        if let Some(packing) = &packing {
            value = packing.pack(graph, &value);
        }
        let has_state = cell.stateful || self.with_states;
        let from = has_state.then(|| self.state(graph, layer, cell, prefix));
        let weights = CellWeights::of(layer, prefix);
        let steps = cell.run(graph, &value, weights, packing.as_ref(), from.as_ref());
        let output = if cell.return_sequences {
            match &packing {
                Some(packing) => packing.unpack(graph, &steps.outputs),
                None => steps.outputs,
            }
        } else {
            // A sequence without a step gives 0, whatever state it began with.
            match &packing {
                Some(packing) => {
                    let zero = graph.scalar(0.0);
                    graph.select(&packing.any, &steps.last.hidden, &zero)
                }
                None => steps.last.hidden.clone(),
            }
        };
        if let Some(from) = from {
            self.keep(graph, cell, &from, &steps.last, packing.as_ref());
        }
        Direction { output, packing }
    }

    fn packing(&mut self, graph: &mut Graph, mask: &str, backwards: bool) -> Packing {
        let key = (mask.to_owned(), backwards);
        if let Some(packing) = self.packings.get(&key) {
            return packing.clone();
        }
        let mask = if backwards { graph.reversed(mask) } else { mask.to_owned() };
        let packing = Packing::new(graph, &mask);
        self.packings.insert(key, packing.clone());
        packing
    }

    /// The state that a layer begins with, an input of the model.
    fn state(
        &mut self,
        graph: &mut Graph,
        layer: &DescribedLayer<'_>,
        cell: RecurrentLayer,
        prefix: &str,
    ) -> State {
        let shape = [Dimension::any("batch"), Dimension::Size(cell.units)];
        let mut input = |of: &str| graph.input(&format!("{}.{prefix}{of}", layer.name), Type::Float, &shape);
        let hidden = input("hidden");
        State { hidden, cell: cell.has_cell_state().then(|| input("cell")) }
    }

    /// Keeps the state after the last step, or of a sequence without a step the one before it, for the outputs of the model.
    fn keep(
        &mut self,
        graph: &mut Graph,
        cell: RecurrentLayer,
        from: &State,
        last: &State,
        packing: Option<&Packing>,
    ) {
        let pairs = [(Some(&from.hidden), Some(&last.hidden)), (from.cell.as_ref(), last.cell.as_ref())];
        for (from, last) in pairs.into_iter().filter_map(|(from, last)| from.zip(last)) {
            let value = match packing {
                Some(packing) => graph.select(&packing.any, last, from),
                None => last.clone(),
            };
            self.next_states.push((from.clone(), value, cell.units));
        }
    }

    /// Makes the states after the last step outputs of the model: that of the input `lstm.hidden` is `lstm.hidden.next`.
    pub fn give_states(self, graph: &mut Graph) {
        for (input, value, units) in self.next_states {
            let shape = [Dimension::any("batch"), Dimension::Size(units)];
            graph.output(&format!("{input}.next"), &value, Type::Float, &shape);
        }
    }
}

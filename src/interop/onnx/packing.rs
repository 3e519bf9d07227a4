use super::graph::{Attribute, Graph, Type};

/// The steps of sequences that a mask leaves, moved to their front: a recurrent operator reads the first so many steps of each sequence and no
/// others, wherever the padding was.
///
/// ```text
/// mask     0 1 1 0 1        order    1 2 4 0 3        lengths  3
/// counts   0 1 2 2 3        output at step t: that after the counts[t]-th packed step, 0 where that is none
/// ```
#[derive(Debug, Clone)]
pub(super) struct Packing {
    /// Whether a step counts, `[batch, time]`, in the order of reading.
    pub mask: String,
    /// The place of each packed step, `[batch, time, 1]`: first those that count.
    order: String,
    /// How many steps up to each count, `[batch, time, 1]`.
    counts: String,
    /// How many steps count, at least 1, as not every runtime takes 0: `[batch]`.
    pub lengths: String,
    /// Whether any step counts, `[batch, 1]`.
    pub any: String,
    /// Whether a packed step counts, `[batch, time]`.
    pub packed_mask: String,
}

impl Packing {
    pub fn new(graph: &mut Graph, mask: &str) -> Self {
        let (zero, one) = (graph.int(0), graph.int(1));
        let time = graph.size(mask, 1);
        let end = graph.squeeze(&time, 0);
        let range = graph.op("Range", &[&zero, &end, &one], &[]);
        // Sorted by place, those that do not count behind all others; every key is another one.
        let behind = graph.add(&range, &time);
        let keys = graph.select(mask, &range, &behind);
        let ascending = [("axis", Attribute::Int(1)), ("largest", Attribute::Int(0))];
        let order = graph.op_with_outputs("TopK", &[&keys, &time], &["keys", "order"], &ascending);
        let order = graph.unsqueeze(&order[1], 2);
        let marks = graph.cast(mask, Type::Int64);
        let counts = graph.op("CumSum", &[&marks, &one], &[]);
        let counts = graph.unsqueeze(&counts, 2);
        let length = graph.sum(&marks, 1, true);
        let any = graph.op("Greater", &[&length, &zero], &[]);
        let packed_mask = graph.op("Less", &[&range, &length], &[]);
        let lengths = graph.op("Max", &[&length, &one], &[]);
        let lengths = graph.squeeze(&lengths, 1);
        let lengths = graph.cast(&lengths, Type::Int32);
        Self { mask: mask.to_owned(), order, counts, lengths, any, packed_mask }
    }

    /// The steps of `x`, `[batch, time, features]`, those that count first.
    pub fn pack(&self, graph: &mut Graph, x: &str) -> String {
        graph.op("GatherND", &[x, &self.order], &[("batch_dims", Attribute::Int(1))])
    }

    /// The outputs of packed steps at the places of all steps: one that does not count has the output of the one before it that does, or 0.
    pub fn unpack(&self, graph: &mut Graph, y: &str) -> String {
        let ends = graph.ints(&[0, 1, 0, 0, 0, 0]);
        let from_zero = graph.op("Pad", &[y, &ends], &[]);
        graph.op("GatherND", &[&from_zero, &self.counts], &[("batch_dims", Attribute::Int(1))])
    }
}

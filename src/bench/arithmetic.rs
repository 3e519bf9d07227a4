use crate::nn::Params;
use crate::protocol::{LayerRow, ModelTable};

/// Floating-point operations of one training step of `sequences` sequences, counted as usual:
///
/// ```text
/// 6 · sequences · Σ over layers of  time · Σ over kernels of  size
///     size   numbers of a kernel or recurrent_kernel: as many multiply-adds a step of time
///     time   steps that a recurrent layer reads, that any other writes; 1 for a vector
///     6      a multiply-add is 2 operations; forward makes each once, backward twice: for its input and for its weights
/// ```
/// Embeddings are looked up and cost nothing; biases, activations, losses, the optimizer, and the products of queries and keys in
/// attention are not counted (as for transformers in Kaplan et al. 2020, section 2.1).
///
/// This is the number of operations of the formulas, not of the program: if a frequent token is multiplied only once, or an input
/// needs no derivative, the rate of a program can exceed that of the processor.
pub fn training_flops(table: &ModelTable, params: &Params, sequences: usize) -> f64 {
    let mut multiply_adds = 0;
    let mut before = None;
    for (i, row) in table.layers.iter().enumerate() {
        let time = if row.directions.is_empty() { time(row) } else { before.map_or(1, time) };
        let layer = format!("{i}.");
        let own = params.table().iter().filter(|param| param.name.starts_with(&layer));
        let kernels = own.filter(|param| param.name.ends_with("kernel"));
        multiply_adds += time * kernels.map(|param| param.range.len()).sum::<usize>();
        before = Some(row);
    }
    6.0 * sequences as f64 * multiply_adds as f64
}

/// The number of time steps of the output of a layer.
fn time(row: &LayerRow) -> usize {
    match row.output.as_slice() {
        [_, Some(time), _] => *time,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use crate::bench::workloads;

    #[test]
    fn operations_are_those_counted_by_hand() {
        let by_hand: [(&str, u64); 6] = [
            ("lecture-rnn8", 128 * (200 * (50 * 8 + 8 * 8) + 8)),
            ("bilstm64", 32 * (200 * 2 * (128 + 64) * 256 + 200 * 2 * (128 + 64) * 256 + 128)),
            ("charlm-lstm256x2", 64 * 64 * ((64 + 256) * 1024 + (256 + 256) * 1024 + 256 * 65)),
            ("conv1d-128", 128 * (196 * 5 * 50 * 128 + 128)),
            ("dense-bag", 128 * (50 * 16 + 16)),
            ("long-rnn64-t2000", 16 * (2000 * (16 + 64) * 192 + 64)),
        ];
        for (name, multiply_adds) in by_hand {
            let workload = &workloads(None, &[name.to_owned()]).unwrap()[0];
            let model = workload.model().unwrap();
            let flops = super::training_flops(model.table(), &model.params(), workload.sequences());
            assert_eq!(flops, (6 * multiply_adds) as f64, "{name}");
        }
    }
}

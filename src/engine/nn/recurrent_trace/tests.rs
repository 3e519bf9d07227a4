use ndarray::{Array2, Array3};

use super::*;
use crate::kernel::ThreadPool;
use crate::nn::GradientNorms;
use crate::nn::{
    Activation, Bidirectional, Conv1D, Dense, Embedding, Flatten, GRU, Gradient, Input, LSTM, LayerNode,
    LayerSpec, Loss, Masking, MaxPooling1D, Merge, Mode, RecurrentSpec, Shape, SimpleRNN, TargetsView,
};

const TIME: usize = 7;
const VOCABULARY: usize = 9;
const UNITS: usize = 5;

/// A network around one recurrent layer and two shards of a batch, some of whose sequences are padded at the start.
struct Bench {
    model: Model,
    params: Params,
    shards: Vec<Shard>,
}

impl Bench {
    fn new(layer: LayerSpec) -> Self {
        let layers: [LayerNode; 3] = [
            Embedding { output_dim: 4, mask_zero: true, ..Embedding::default() }.into(),
            layer.into(),
            Dense { units: 1, activation: Activation::Sigmoid, ..Dense::default() }.into(),
        ];
        let input = Shape::Ids { time: TIME, vocabulary: VOCABULARY };
        let model = Model::build(&layers, input, Loss::BinaryCrossentropy).unwrap();
        let mut params = model.params();
        params.initialize(5);
        let shards = (0..2).map(|_| Shard::new(&model, &params)).collect();
        Self { model, params, shards }
    }

    /// The weights called `name`.
    fn weights(&mut self, name: &str) -> &mut [f32] {
        let param = self.params.table().iter().find(|param| param.name == name).unwrap();
        let range = param.range.clone();
        &mut self.params.values_mut()[range]
    }

    /// Learns from a batch of 3 + 2 sequences; the gradient.
    fn learn(&mut self, step: u64) -> Vec<f32> {
        let rows = [0..3, 3..5];
        for (shard, rows) in self.shards.iter_mut().zip(rows) {
            let id = |(row, t): (usize, usize)| {
                let row = row + rows.start;
                if t < row { 0 } else { ((row * 5 + t * 3 + step as usize) % (VOCABULARY - 1) + 1) as u32 }
            };
            let ids = Array2::from_shape_fn((rows.len(), TIME), id);
            let classes: Vec<u32> = rows.clone().map(|row| (row % 2) as u32).collect();
            shard.load(Input::Ids(ids.view()), TargetsView::Classes(&classes));
            shard.forward(&self.model, &self.params, Mode::Train { seed: 1, step, first_row: rows.start });
            // Watched: δ of all steps stays.
            let mut norms = GradientNorms::default();
            shard.backward(&self.model, &self.params, 5.0, Some(&mut norms));
        }
        let mut gradient = Gradient::new(&self.model, &self.params);
        gradient.sum(&self.params, self.shards.iter(), &mut ThreadPool::new(1).unwrap());
        gradient.values().to_vec()
    }

    fn traces(&self) -> Vec<RecurrentTrace<'_>> {
        self.model.recurrent_traces(self.shards.iter())
    }
}

fn both(of: RecurrentSpec) -> LayerSpec {
    Bidirectional { of: Box::new(of), merge_mode: Merge::Concat }.into()
}

#[test]
fn the_contributions_of_all_positions_add_up_to_the_gradient_of_the_recurrent_kernel() {
    let rnn = SimpleRNN { units: UNITS, ..SimpleRNN::default() };
    let lstm = LSTM { units: UNITS, recurrent_dropout: 0.4, ..LSTM::default() };
    let gru = GRU { units: UNITS, stateful: true, ..GRU::default() };
    let paper = GRU { units: UNITS, reset_after: false, recurrent_dropout: 0.4, ..GRU::default() };
    let layers: [LayerSpec; 6] = [
        rnn.clone().into(),
        SimpleRNN { go_backwards: true, ..rnn }.into(),
        lstm.clone().into(),
        gru.into(),
        GRU { stateful: true, go_backwards: true, ..paper.clone() }.into(),
        both(paper.into()),
    ];
    for layer in layers {
        let mut bench = Bench::new(layer.clone());
        // The second batch begins with the state that the first ended with, where it is carried.
        bench.learn(1);
        let gradient = bench.learn(2);
        for trace in bench.traces() {
            let prefix = match trace.direction {
                None => "",
                Some(Direction::Forward) => "fwd.",
                Some(Direction::Backward) => "bwd.",
            };
            let name = format!("1.{prefix}recurrent_kernel");
            let range = bench.params.table().iter().find(|p| p.name == name).unwrap().range.clone();
            let mut sum = vec![0.0; range.len()];
            trace.contributions(trace.order().unwrap(), 0..TIME, |part| {
                sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x)
            });
            let scale = l2_norm(&gradient[range.clone()]);
            assert!(scale > 1e-6, "{name} of {layer:?} has a gradient");
            for (sum, g) in sum.iter().zip(&gradient[range]) {
                assert!(f64::from((sum - g).abs()) < 1e-6 * scale.max(1.0), "{sum} for {g}: {layer:?}");
            }
        }
    }
}

#[test]
fn a_norm_is_that_of_the_state_before_times_delta_at_its_input_position() {
    for go_backwards in [false, true] {
        let mut bench = Bench::new(LSTM { units: UNITS, go_backwards, ..LSTM::default() }.into());
        bench.learn(1);
        let norms = bench.traces()[0].kernel_norms(&mut ThreadPool::new(2).unwrap());
        assert_eq!(norms.len(), TIME);
        for (t, norm) in norms.iter().enumerate() {
            let before = if go_backwards { (t + 1 < TIME).then_some(t + 1) } else { t.checked_sub(1) };
            let mut squares = 0.0;
            for (i, j) in (0..UNITS).flat_map(|i| (0..4 * UNITS).map(move |j| (i, j))) {
                let mut sum = 0.0;
                for shard in &bench.shards {
                    let (_, _, _, buffers) = shard.recurrent_buffers(&bench.model)[0];
                    for row in 0..buffers.cache.h.dim().1 {
                        let h = before.map_or(0.0, |before| buffers.cache.h.step(before)[row * UNITS + i]);
                        sum += f64::from(h) * f64::from(buffers.deltas.input.step(t)[row * 4 * UNITS + j]);
                    }
                }
                squares += sum * sum;
            }
            let plain = squares.sqrt();
            assert!((f64::from(*norm) - plain).abs() <= 1e-5 * plain, "{norm} for {plain} at {t}");
        }
    }
}

#[test]
fn a_norm_does_not_depend_on_whether_the_sum_is_made() {
    let (units, team) = (24, &mut ThreadPool::new(2).unwrap());
    let layers: [LayerSpec; 3] = [
        SimpleRNN { units, go_backwards: true, ..SimpleRNN::default() }.into(),
        LSTM { units, recurrent_dropout: 0.4, ..LSTM::default() }.into(),
        both(GRU { units, stateful: true, ..GRU::default() }.into()),
    ];
    for layer in layers {
        let mut bench = Bench::new(layer.clone());
        bench.learn(1);
        bench.learn(2);
        for trace in bench.traces() {
            let (order, mut made) = (trace.order().unwrap(), Vec::new());
            assert!(OuterSum::pays(5, units, units), "few sequences");
            trace.contributions(order, 0..TIME, |sum| made.push(l2_norm(sum)));
            if order.backwards {
                made.reverse();
            }
            let norms = trace.kernel_norms(team);
            let near = |(norm, made): (&f32, &f64)| (f64::from(*norm) - made).abs() <= 1e-5 * made;
            assert!(norms.iter().zip(&made).all(near), "{norms:?} for {made:?}: {layer:?}");
            assert!(norms.iter().any(|norm| *norm > 0.0));
        }
    }
}

#[test]
fn padding_is_where_most_sequences_are_masked() {
    let padding = |mask_value: f32| {
        let layers: [LayerNode; 3] = [
            Masking { mask_value }.into(),
            SimpleRNN { units: 2, ..SimpleRNN::default() }.into(),
            Dense { units: 1, activation: Activation::Sigmoid, ..Dense::default() }.into(),
        ];
        let input = Shape::Sequence { time: 3, features: 1 };
        let model = Model::build(&layers, input, Loss::BinaryCrossentropy).unwrap();
        let params = model.params();
        let mut shards = [(); 2].map(|()| Shard::new(&model, &params));
        // Of both shards the first step is −1, of one the second is, and the last is 0.
        for (shard, second) in shards.iter_mut().zip([-1.0, 5.0]) {
            let numbers = Array3::from_shape_vec((1, 3, 1), vec![-1.0, second, 0.0]).unwrap();
            shard.load(Input::Real(numbers.view()), TargetsView::Classes(&[1]));
            shard.forward(&model, &params, Mode::Evaluate);
        }
        model.recurrent_traces(shards.iter())[0].padding()
    };
    assert_eq!(padding(-1.0), [true, false, false]);
    assert_eq!(padding(0.0), [false, false, true]);
    assert!(padding(9.0).is_empty());
    let mut bench = Bench::new(SimpleRNN { units: 2, ..SimpleRNN::default() }.into());
    bench.learn(1);
    // Sequence i of five has padding at the first i steps: three of them at the first two.
    assert_eq!(bench.traces()[0].padding(), [true, true, false, false, false, false, false]);
}

#[test]
fn padding_that_no_mask_marks_is_found_in_the_ids_of_each_step() {
    let rnn = |units| SimpleRNN { units, return_sequences: true, ..SimpleRNN::default() };
    let embedding = || LayerNode::from(Embedding { output_dim: 2, ..Embedding::default() });
    let dense = || Dense { units: 1, activation: Activation::Sigmoid, ..Dense::default() }.into();
    let padding = |layers: &[LayerNode], rows: &[[u32; 6]]| {
        let model =
            Model::build(layers, Shape::Ids { time: 6, vocabulary: 9 }, Loss::BinaryCrossentropy).unwrap();
        let params = model.params();
        let mut shard = Shard::new(&model, &params);
        let ids = Array2::from_shape_fn((rows.len(), 6), |(row, t)| rows[row][t]);
        shard.load(Input::Ids(ids.view()), TargetsView::Classes(&vec![1; rows.len()]));
        shard.forward(&model, &params, Mode::Evaluate);
        let traces = model.recurrent_traces(std::iter::once(&shard));
        traces.iter().map(RecurrentTrace::padding).collect::<Vec<_>>()
    };
    let pre = [[0, 0, 0, 0, 5, 6], [0, 0, 0, 4, 5, 6], [0, 3, 1, 4, 5, 6]];
    let first_three = vec![true, true, true, false, false, false];
    let stacked =
        [embedding(), rnn(3).into(), SimpleRNN { units: 2, ..SimpleRNN::default() }.into(), dense()];
    assert_eq!(padding(&stacked, &pre), [first_three.clone(), first_three]);
    let full = [[1, 2, 3, 4, 5, 6]; 3];
    assert!(padding(&stacked, &full).iter().all(Vec::is_empty));
    // A window of two steps is padding where both are; pooling halves time.
    let conv = Conv1D { filters: 2, kernel_size: 2, ..Conv1D::default() };
    let convolved = [embedding(), conv.into(), rnn(2).into(), Flatten::default().into(), dense()];
    assert_eq!(padding(&convolved, &pre), [[true, true, false, false, false]]);
    let pooling = MaxPooling1D { pool_size: 2, ..MaxPooling1D::default() };
    let pooled = [embedding(), pooling.into(), rnn(2).into(), Flatten::default().into(), dense()];
    assert_eq!(padding(&pooled, &pre), [[true, false, false]]);
    // What a layer read backwards gives is in another order.
    let turned = SimpleRNN { go_backwards: true, ..rnn(2) };
    let turned = [embedding(), turned.into(), rnn(2).into(), Flatten::default().into(), dense()];
    assert_eq!(padding(&turned, &pre), [vec![true, true, true, false, false, false], vec![]]);
}

#[test]
fn saturated_and_dead_are_counted_over_what_is_not_masked() {
    let mut bench = Bench::new(SimpleRNN { units: 4, ..SimpleRNN::default() }.into());
    // Unit 0 always near 1, unit 1 always near −1, unit 2 free, unit 3 near 0.
    bench.weights("1.recurrent_kernel").fill(0.0);
    bench
        .weights("1.kernel")
        .iter_mut()
        .enumerate()
        .for_each(|(i, w)| *w = if i % 4 == 2 { 0.3 } else { 0.0 });
    bench.weights("1.bias").copy_from_slice(&[9.0, -9.0, 0.0, 0.1]);
    bench.learn(1);
    let health = bench.traces()[0].health(&bench.params, false, &mut ThreadPool::new(2).unwrap());
    let [h] = health.quantities.as_slice() else { panic!("{health:?}") };
    // The state of padding is 0: were it counted, shares would be lower and no unit would be dead.
    assert_eq!((h.quantity.as_str(), h.left, h.right, h.dead), ("h", 0.25, 0.25, 0.75));
    assert_eq!((health.saturated(), health.dead()), (0.5, 0.75));
}

#[test]
fn padding_that_no_mask_marks_is_not_counted_as_saturated_or_dead() {
    let embedding = |mask_zero| Embedding { output_dim: 1, mask_zero, ..Embedding::default() }.into();
    let health = |mask_zero: bool, rows: &[[u32; 4]]| {
        let dense = Dense { units: 1, activation: Activation::Sigmoid, ..Dense::default() };
        let layers: [LayerNode; 3] =
            [embedding(mask_zero), SimpleRNN { units: 2, ..SimpleRNN::default() }.into(), dense.into()];
        let model =
            Model::build(&layers, Shape::Ids { time: 4, vocabulary: 9 }, Loss::BinaryCrossentropy).unwrap();
        let mut params = model.params();
        params.values_mut().fill(0.0);
        let range = |params: &Params, name: &str| {
            params.table().iter().find(|param| param.name.ends_with(name)).unwrap().range.clone()
        };
        // Unit 0 is near 1 after each token but 0, after which it is near -1; unit 1 tells 0 apart alone.
        let (embeddings, kernel) = (range(&params, "embeddings"), range(&params, "1.kernel"));
        params.values_mut()[embeddings.clone()].fill(9.0);
        params.values_mut()[embeddings.start] = -9.0;
        params.values_mut()[kernel].copy_from_slice(&[1.0, 0.01]);
        let mut shard = Shard::new(&model, &params);
        let ids = Array2::from_shape_fn((rows.len(), 4), |(row, t)| rows[row][t]);
        shard.load(Input::Ids(ids.view()), TargetsView::Classes(&vec![1; rows.len()]));
        shard.forward(&model, &params, Mode::Evaluate);
        let traces = model.recurrent_traces(std::iter::once(&shard));
        let health = traces[0].health(&params, false, &mut ThreadPool::new(1).unwrap());
        let [h] = health.quantities.as_slice() else { panic!("{health:?}") };
        (h.left, h.right, h.dead)
    };
    // Three of eight steps are padding; what is read has the same state at each step.
    let padded = [[0, 0, 5, 6], [0, 3, 1, 4]];
    assert_eq!(health(false, &padded), (0.0, 0.5, 1.0));
    assert_eq!(health(true, &padded), health(false, &padded));
    assert_eq!(health(false, &[[1, 2, 3, 4]]), (0.0, 0.5, 1.0), "without padding all is counted");
}

#[test]
fn of_a_long_sequence_some_positions_are_counted_whatever_its_period() {
    let time = 3 * saturation::MOST_STEPS + 1;
    let layers: [LayerNode; 2] = [
        SimpleRNN { units: 1, return_sequences: false, ..SimpleRNN::default() }.into(),
        Dense { units: 1, activation: Activation::Sigmoid, ..Dense::default() }.into(),
    ];
    let input = Shape::Sequence { time, features: 1 };
    let model = Model::build(&layers, input, Loss::BinaryCrossentropy).unwrap();
    let mut params = model.params();
    params.values_mut().fill(0.0);
    let kernel = params.table()[0].range.clone();
    params.values_mut()[kernel].fill(1.0);
    // One of every four positions is counted, and the state has that very period.
    let numbers = Array3::from_shape_fn((2, time, 1), |(_, t, _)| if t % 4 == 0 { 9.0 } else { -9.0 });
    let mut shard = Shard::new(&model, &params);
    shard.load(Input::Real(numbers.view()), TargetsView::Classes(&[0, 1]));
    shard.forward(&model, &params, Mode::Evaluate);
    let traces = model.recurrent_traces([&shard].into_iter());
    let health = traces[0].health(&params, false, &mut ThreadPool::new(1).unwrap());
    let [h] = health.quantities.as_slice() else { panic!("{health:?}") };
    assert!((h.left - 0.75).abs() < 0.05 && (h.right - 0.25).abs() < 0.05, "{h:?}");
    assert_eq!((h.left + h.right, h.dead), (1.0, 0.0));
}

#[test]
fn gates_are_told_apart_and_relu_is_dead_at_zero() {
    let mut bench = Bench::new(LSTM { units: UNITS, activation: Activation::Relu, ..LSTM::default() }.into());
    for name in ["1.kernel", "1.recurrent_kernel"] {
        bench.weights(name).fill(0.0);
    }
    let bias = [-9.0, 9.0, -1.0, 0.0].map(|bias| [bias; UNITS]).concat();
    bench.weights("1.bias").copy_from_slice(&bias);
    bench.learn(1);
    let health = bench.traces()[0].health(&bench.params, false, &mut ThreadPool::new(2).unwrap());
    let read: Vec<_> =
        health.quantities.iter().map(|q| (q.quantity.as_str(), q.left, q.right, q.dead)).collect();
    let expected = [
        ("h", 1.0, 0.0, 1.0),
        ("i", 1.0, 0.0, 1.0),
        ("f", 0.0, 1.0, 1.0),
        ("g", 1.0, 0.0, 1.0),
        ("o", 0.0, 0.0, 1.0),
    ];
    assert_eq!(read, expected);
}

#[test]
fn spectral_radii_are_those_of_each_block_of_each_direction() {
    let mut bench = Bench::new(both(GRU { units: 3, ..GRU::default() }.into()));
    bench.weights("1.fwd.recurrent_kernel").fill(0.0);
    let backward = bench.weights("1.bwd.recurrent_kernel");
    backward.fill(0.0);
    for unit in 0..3 {
        for (gate, factor) in [0.5, 1.0, -2.0].into_iter().enumerate() {
            backward[unit * 9 + gate * 3 + unit] = factor;
        }
    }
    bench.learn(1);
    let radii: Vec<Vec<Option<f32>>> = bench
        .traces()
        .iter()
        .map(|trace| {
            trace
                .health(&bench.params, false, &mut ThreadPool::new(2).unwrap())
                .quantities
                .iter()
                .map(|q| q.spectral_radius)
                .collect()
        })
        .collect();
    assert_eq!(radii[0], [None, Some(0.0), Some(0.0), Some(0.0)]);
    assert_eq!(radii[1][0], None);
    for (radius, expected) in radii[1][1..].iter().zip([0.5, 1.0, 2.0]) {
        assert!((radius.unwrap() - expected).abs() < 1e-3 * expected);
    }
    let trace = &bench.traces()[1];
    assert!(
        (trace.health(&bench.params, false, &mut ThreadPool::new(2).unwrap()).spectral_radius().unwrap()
            - 2.0)
            .abs()
            < 2e-3
    );
}

#[test]
fn radii_of_large_layers_are_measured_only_when_asked_for() {
    let mut bench = Bench::new(SimpleRNN { units: FREE_UNITS + 1, ..SimpleRNN::default() }.into());
    bench.learn(1);
    let traces = bench.traces();
    assert_eq!(
        traces[0].health(&bench.params, false, &mut ThreadPool::new(2).unwrap()).spectral_radius(),
        None
    );
    let radius =
        traces[0].health(&bench.params, true, &mut ThreadPool::new(1).unwrap()).spectral_radius().unwrap();
    assert!((radius - 1.0).abs() < 1e-3, "orthogonal as it begins");
}

/// The loss of an LSTM of `activation` φ whose cell state is changed by `by` at one unit after `read` steps, and its output `h = o·φ(c)` with
/// it; and `cnorm` from there on.
fn loss_of_cell_state(
    (activation, phi): (Activation, fn(f32) -> f32),
    read: usize,
    unit: usize,
    by: f32,
) -> (f64, Vec<f32>) {
    let lstm = LSTM { units: 3, stateful: true, activation, ..LSTM::default() };
    let input = Shape::Sequence { time: TIME, features: 2 };
    let dense = Dense { units: 1, ..Dense::default() };
    let model = Model::build(&[lstm.into(), dense.into()], input, Loss::MeanSquaredError).unwrap();
    let mut params = model.params();
    params.initialize(4);
    let x = Array3::from_shape_fn((1, TIME, 2), |(_, t, i)| ((t * 3 + i * 5) % 7) as f32 / 3.0 - 1.0);
    let y = Array2::from_elem((1, 1), 0.7);
    let mut shard = Shard::new(&model, &params);
    let forward = |shard: &mut Shard, steps: Range<usize>| {
        let x = x.slice(ndarray::s![.., steps, ..]);
        shard.load(Input::Real(x), TargetsView::Real(y.view()));
        shard.forward(&model, &params, Mode::Evaluate);
    };
    if read > 0 {
        forward(&mut shard, 0..read);
        let mut states = shard.carried_state(&model);
        let c = states[0].c.data()[unit];
        states[0].c.data_mut()[unit] = c + by;
        states[0].h.data_mut()[unit] *= phi(c + by) / phi(c);
        shard.set_carried_state(&model, states).unwrap();
    }
    forward(&mut shard, read..TIME);
    let mut norms = GradientNorms::default();
    let score = shard.backward(&model, &params, 1.0, Some(&mut norms));
    let cnorm = norms.norms().next().map(|(_, _, [_, cnorm])| cnorm).unwrap();
    (score.mean_loss(), cnorm)
}

#[test]
fn the_norm_of_the_gradient_of_a_cell_state_is_that_of_numerical_differences() {
    let silu: Activation = serde_json::from_str("\"silu\"").unwrap();
    assert!(silu.needs_input(), "its slope is computed from c itself");
    for cell in [(Activation::Tanh, f32::tanh as fn(f32) -> f32), (silu, |c| c / (1.0 + (-c).exp()))] {
        let (_, cnorm) = loss_of_cell_state(cell, 0, 0, 0.0);
        assert_eq!(cnorm.len(), TIME);
        for read in 1..TIME {
            let by = 1e-2;
            let slope = |unit| {
                let at = |by| loss_of_cell_state(cell, read, unit, by).0;
                (at(by) - at(-by)) / (2.0 * f64::from(by))
            };
            let expected = (0..3).map(|unit| slope(unit).powi(2)).sum::<f64>().sqrt();
            let found = f64::from(cnorm[read - 1]);
            assert!((found - expected).abs() < 1e-2 * expected + 1e-5, "{found} for {expected} at {read}");
        }
        // The part of the sequence that is left has the same gradient.
        assert!((loss_of_cell_state(cell, 3, 0, 0.0).1[0] - cnorm[3]).abs() < 1e-6);
    }
}

#[test]
fn cells_without_a_cell_state_have_no_norms_of_it_and_a_masked_step_passes_it_on() {
    let norms = |layer: LayerSpec| {
        let mut bench = Bench::new(layer);
        bench.learn(1);
        let ids = ndarray::array![[0, 0, 5, 3, 7, 3, 1]];
        let shard = &mut bench.shards[0];
        shard.load(Input::Ids(ids.view()), TargetsView::Classes(&[1]));
        shard.forward(&bench.model, &bench.params, Mode::Evaluate);
        let mut norms = GradientNorms::default();
        shard.backward(&bench.model, &bench.params, 1.0, Some(&mut norms));
        norms.norms().map(|(_, _, [_, cnorm])| cnorm).collect::<Vec<_>>()
    };
    assert_eq!(norms(GRU { units: UNITS, ..GRU::default() }.into()), [Vec::<f32>::new()]);
    let of_lstm = norms(LSTM { units: UNITS, ..LSTM::default() }.into());
    // Two steps of padding: nothing is read, so that c stays what it is.
    assert!(of_lstm[0].len() == TIME && of_lstm[0][0] > 0.0 && of_lstm[0][0] == of_lstm[0][1], "{of_lstm:?}");
    assert_eq!(norms(both(LSTM { units: UNITS, ..LSTM::default() }.into())).len(), 2);
}

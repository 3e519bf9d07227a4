pub(crate) mod sampler;

use ndarray::{Array, Array2, Array3, ArrayView1, ArrayView2, ArrayView3, Axis, RemoveAxis};

/// The inputs of sequences.
#[derive(Debug, Clone, PartialEq)]
pub enum Inputs {
    /// Token ids, `[sequence, time]`.
    Tokens(Array2<u32>),
    /// Token ids in several channels, `[sequence, channel, time]`; padding is the same in all channels.
    Channels(Array3<u32>),
    /// Numbers, `[sequence, time, features]`.
    Real(Array3<f32>),
}

/// The targets of sequences.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// One class a sequence.
    Classes(Vec<u32>),
    /// A class at every time step, `[sequence, time]`; 0 at padding, where it has no loss.
    Steps(Array2<u32>),
    /// Numbers a sequence, `[sequence, outputs]`.
    Real(Array2<f32>),
    /// Several labels a sequence, `[sequence, label]`: 0 or 1.
    Labels(Array2<f32>),
}

/// Sequences with their targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The sequences.
    pub inputs: Inputs,
    /// The targets, one for each sequence.
    pub targets: Targets,
}

impl Dataset {
    /// The number of steps of every sequence without padding, which is token 0, or numbers that are all 0.
    pub fn lengths(&self) -> Vec<usize> {
        match (&self.inputs, self.inputs.tokens()) {
            (Inputs::Real(numbers), _) => {
                let length = |rows: ArrayView2<'_, f32>| rows.rows().into_iter().filter(is_step).count();
                numbers.outer_iter().map(length).collect()
            }
            (_, ids) => {
                let length = |ids: ArrayView1<'_, u32>| ids.iter().filter(|id| **id != 0).count();
                ids.iter().flat_map(|ids| ids.rows()).map(length).collect()
            }
        }
    }

    /// The number of sequences.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// The sequences with these indices, in this order; all must be below the number of sequences.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        Self { inputs: self.inputs.of(rows), targets: self.targets.of(rows) }
    }

    /// Whether there are no sequences.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inputs {
    /// The number of sequences.
    pub fn len(&self) -> usize {
        match self {
            Self::Tokens(ids) => ids.nrows(),
            Self::Channels(all) => all.len_of(Axis(0)),
            Self::Real(numbers) => numbers.len_of(Axis(0)),
        }
    }

    /// Whether there are no sequences.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Time steps of a sequence.
    pub fn time(&self) -> usize {
        match self {
            Self::Tokens(ids) => ids.ncols(),
            Self::Channels(all) => all.len_of(Axis(2)),
            Self::Real(numbers) => numbers.len_of(Axis(1)),
        }
    }

    /// The token ids, of the first channel if there are several; `None` for numbers.
    pub fn tokens(&self) -> Option<ArrayView2<'_, u32>> {
        self.channel(0)
    }

    /// The token ids of channel `number`, from 0; `None` if there is no such channel.
    pub fn channel(&self, number: usize) -> Option<ArrayView2<'_, u32>> {
        match self {
            Self::Tokens(ids) => Some(ids.view()).filter(|_| number == 0),
            Self::Channels(all) => all.axis_iter(Axis(1)).nth(number),
            Self::Real(_) => None,
        }
    }

    /// The numbers; `None` for token ids.
    pub fn real(&self) -> Option<ArrayView3<'_, f32>> {
        match self {
            Self::Tokens(_) | Self::Channels(_) => None,
            Self::Real(numbers) => Some(numbers.view()),
        }
    }
}

impl Targets {
    /// The number of sequences.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Steps(classes) => classes.nrows(),
            Self::Real(numbers) | Self::Labels(numbers) => numbers.nrows(),
        }
    }

    /// Whether there are no sequences.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The sequences and targets of a training step. A batch is refilled in place and does not allocate once it has held the largest.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The inputs, of the kind of the dataset.
    pub inputs: Inputs,
    /// The targets, one for each sequence.
    pub targets: Targets,
    rows: Vec<usize>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            inputs: Inputs::Tokens(Array2::default((0, 0))),
            targets: Targets::Classes(Vec::new()),
            rows: Vec::new(),
        }
    }
}

impl Batch {
    /// The number of sequences.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no sequences.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Copies the `sequences` of `data`, in that order; indices beyond `data` are ignored.
    pub fn fill(&mut self, data: &Dataset, sequences: impl IntoIterator<Item = usize>) {
        self.rows.clear();
        self.rows.extend(sequences.into_iter().filter(|sequence| *sequence < data.len()));
        match (&data.inputs, &mut self.inputs) {
            (Inputs::Tokens(all), Inputs::Tokens(mine)) => gather(all, &self.rows, mine),
            (Inputs::Channels(all), Inputs::Channels(mine)) => gather(all, &self.rows, mine),
            (Inputs::Real(all), Inputs::Real(mine)) => gather(all, &self.rows, mine),
            (all, mine) => *mine = all.of(&self.rows),
        }
        match (&data.targets, &mut self.targets) {
            (Targets::Classes(all), Targets::Classes(mine)) => {
                mine.clear();
                mine.extend(self.rows.iter().filter_map(|row| all.get(*row)));
            }
            (Targets::Steps(all), Targets::Steps(mine)) => gather(all, &self.rows, mine),
            (Targets::Real(all), Targets::Real(mine)) | (Targets::Labels(all), Targets::Labels(mine)) => {
                gather(all, &self.rows, mine);
            }
            (all, mine) => *mine = all.of(&self.rows),
        }
    }
}

/// Rows of token ids with their classes, in buffers that are passed back and forth between the reader thread and the trainer.
#[derive(Debug, Default)]
pub(crate) struct TokenRows {
    /// One row after the other.
    pub ids: Vec<u32>,
    pub classes: Vec<u32>,
}

impl TokenRows {
    pub fn push(&mut self, row: &[u32], class: u32) {
        self.ids.extend_from_slice(row);
        self.classes.push(class);
    }

    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// The row at `place`, of `length` ids.
    pub fn row(&self, place: usize, length: usize) -> &[u32] {
        self.ids.get(place * length..(place + 1) * length).unwrap_or_default()
    }

    pub fn clear(&mut self) {
        self.ids.clear();
        self.classes.clear();
    }

    /// The ids `[row, length]`, and the classes.
    pub fn parts(self, length: usize) -> (Array2<u32>, Vec<u32>) {
        let ids = Array2::from_shape_vec((self.classes.len(), length), self.ids)
            .unwrap_or_else(|_| unreachable!("`length` ids a row"));
        (ids, self.classes)
    }
}

impl Batch {
    /// Replaces the batch by `rows` of `length` ids, and returns its previous buffers.
    pub(crate) fn exchange(&mut self, rows: TokenRows, length: usize) -> TokenRows {
        self.rows.clear();
        self.rows.extend(0..rows.len());
        let (ids, classes) = rows.parts(length);
        let inputs = std::mem::replace(&mut self.inputs, Inputs::Tokens(ids));
        let targets = std::mem::replace(&mut self.targets, Targets::Classes(classes));
        let Inputs::Tokens(ids) = inputs else { return TokenRows::default() };
        let Targets::Classes(classes) = targets else { return TokenRows::default() };
        TokenRows { ids: ids.into_raw_vec_and_offset().0, classes }
    }
}

/// Whether the numbers of a step are not padding.
fn is_step(numbers: &ArrayView1<'_, f32>) -> bool {
    numbers.iter().any(|x| *x != 0.0)
}

impl Inputs {
    fn of(&self, rows: &[usize]) -> Self {
        match self {
            Self::Tokens(all) => Self::Tokens(all.select(Axis(0), rows)),
            Self::Channels(all) => Self::Channels(all.select(Axis(0), rows)),
            Self::Real(all) => Self::Real(all.select(Axis(0), rows)),
        }
    }
}

impl Targets {
    fn of(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes(all) => {
                Self::Classes(rows.iter().filter_map(|row| all.get(*row).copied()).collect())
            }
            Self::Steps(all) => Self::Steps(all.select(Axis(0), rows)),
            Self::Real(all) => Self::Real(all.select(Axis(0), rows)),
            Self::Labels(all) => Self::Labels(all.select(Axis(0), rows)),
        }
    }
}

/// Copies the `rows` of `all` into `mine`, reusing its memory.
fn gather<T: Copy, D: RemoveAxis>(all: &Array<T, D>, rows: &[usize], mine: &mut Array<T, D>) {
    let mut shape = all.raw_dim();
    shape[0] = 0;
    let empty = Array::from_shape_vec(shape.clone(), Vec::new())
        .unwrap_or_else(|_| unreachable!("no values for no rows"));
    let (mut values, _) = std::mem::replace(mine, empty).into_raw_vec_and_offset();
    values.clear();
    rows.iter().for_each(|row| values.extend(all.index_axis(Axis(0), *row)));
    shape[0] = rows.len();
    *mine =
        Array::from_shape_vec(shape, values).unwrap_or_else(|_| unreachable!("as many values as the shape"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, s, stack};

    fn classified() -> Dataset {
        let tokens = array![[0, 2], [3, 4], [0, 6]];
        Dataset { inputs: Inputs::Tokens(tokens), targets: Targets::Classes(vec![0, 1, 0]) }
    }

    fn tagged() -> Dataset {
        let tokens = array![[1, 2], [3, 4], [5, 6]];
        Dataset { inputs: Inputs::Tokens(tokens.clone()), targets: Targets::Steps(tokens + 10) }
    }

    /// The same tokens in a second channel, which has no padding.
    fn in_channels() -> Dataset {
        let tokens = array![[0, 2], [3, 4], [0, 6]];
        let inputs = Inputs::Channels(stack![Axis(1), tokens, &tokens + 10]);
        Dataset { inputs, ..classified() }
    }

    fn measured() -> Dataset {
        let step = array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]];
        let numbers = stack![Axis(1), step, step.clone() * 10.0];
        Dataset { inputs: Inputs::Real(numbers), targets: Targets::Real(step) }
    }

    #[test]
    fn a_batch_holds_the_requested_rows() {
        let mut batch = Batch::default();
        batch.fill(&classified(), [2, 99, 0]);
        assert_eq!(batch.inputs, Inputs::Tokens(array![[0, 6], [0, 2]]));
        assert_eq!((&batch.targets, batch.len()), (&Targets::Classes(vec![0, 0]), 2));
        batch.fill(&in_channels(), [2, 0]);
        assert_eq!(batch.inputs, Inputs::Channels(array![[[0, 6], [10, 16]], [[0, 2], [10, 12]]]));
        assert_eq!(in_channels().lengths(), [1, 2, 1]);
        batch.fill(&tagged(), [1]);
        assert_eq!(batch.targets, Targets::Steps(array![[13, 14]]));
        batch.fill(&measured(), [2, 1]);
        assert_eq!(
            batch.inputs,
            Inputs::Real(array![[[4.0, 5.0], [40.0, 50.0]], [[2.0, 3.0], [20.0, 30.0]]])
        );
        assert_eq!(batch.targets, Targets::Real(array![[4.0, 5.0], [2.0, 3.0]]));
        assert_eq!(measured().lengths(), [2, 2, 2]);
        let mut short = measured();
        if let Inputs::Real(numbers) = &mut short.inputs {
            numbers.slice_mut(s![..2, 1, ..]).fill(0.0);
        }
        assert_eq!(short.lengths(), [1, 1, 2]);
        batch.fill(&measured(), []);
        assert_eq!(batch.inputs.real().unwrap().dim(), (0, 2, 2));
        assert!(batch.is_empty());
    }

    #[test]
    fn refilling_reuses_memory() {
        fn addresses(batch: &Batch) -> [usize; 2] {
            let inputs = match &batch.inputs {
                Inputs::Tokens(ids) => ids.as_ptr() as usize,
                Inputs::Channels(ids) => ids.as_ptr() as usize,
                Inputs::Real(numbers) => numbers.as_ptr() as usize,
            };
            let targets = match &batch.targets {
                Targets::Classes(classes) => classes.as_ptr() as usize,
                Targets::Steps(classes) => classes.as_ptr() as usize,
                Targets::Real(numbers) | Targets::Labels(numbers) => numbers.as_ptr() as usize,
            };
            [inputs, targets]
        }
        let labelled =
            Dataset { targets: Targets::Labels(array![[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]), ..tagged() };
        for data in [classified(), in_channels(), tagged(), measured(), labelled] {
            let mut batch = Batch::default();
            batch.fill(&data, [2, 0, 1]);
            let before = addresses(&batch);
            for rows in [vec![1], vec![0, 1, 2], vec![2, 2]] {
                batch.fill(&data, rows);
                assert_eq!(addresses(&batch), before);
            }
        }
    }
}

use super::norm::SumOfSquares;
use super::profile::{Part, scope};
use super::simd::Simd;
use super::{Isa, dispatch};

/// Scatter-add: `to[index[i]] += from[i]` for rows of `width` numbers, in the order of `i`.
///
/// # Panics
/// If an index is out of range: a defect of the caller, independent of data.
pub fn scatter_add(to: &mut [f32], index: &[u32], from: &[f32], width: usize) {
    assert_eq!(index.len() * width, from.len(), "index: one per row");
    let _part = scope(Part::Scatter);
    scatter_add_on(Isa::best(), to, index, from, width);
}

/// Adds the column sums of `rows` `[n, sums.len()]` to `sums`, four rows at a time in their order.
pub fn add_column_sums(sums: &mut [f32], rows: &[f32]) {
    add_column_sums_on(Isa::best(), sums, rows);
}

/// Gathers rows and sums them over time: `to[i mod batch] += table[index[i]]` for all positions `i` of `[time, batch]` where `mask` is
/// true (empty: all); `to` has `batch` rows.
pub fn gather_sum(to: &mut [f32], table: &[f32], index: &[u32], mask: &[bool], width: usize) {
    gather_sum_on(Isa::best(), to, table, index, mask, width);
}

/// The gradient of [`gather_sum`]: row `r` of `to` becomes the sum of `from[i mod batch]` over all positions `i` with `index[i] = r`, in
/// their order. Positions are grouped by row first, in `groups`, so that each row is written once.
///
/// # Panics
/// If an index is out of range, also at a masked position: a defect of the caller, independent of data.
pub fn gather_sum_backward(
    to: &mut [f32],
    groups: &mut RowGroups,
    index: &[u32],
    mask: &[bool],
    from: &[f32],
    width: usize,
) {
    let _part = scope(Part::Scatter);
    groups.group(index, mask, to.len() / width.max(1), from.len() / width.max(1));
    sum_groups_on(Isa::best(), to, groups, from, width);
}

/// Positions of `[time, batch]`, grouped by row and in their order within each group.
#[derive(Debug, Default)]
pub struct RowGroups {
    /// Where the group of each row ends among `sequences`.
    ends: Vec<u32>,
    /// The sequence of each position; those of masked positions are unspecified, behind the last group.
    sequences: Vec<u32>,
}

impl RowGroups {
    /// Groups the positions where `mask` is true (empty: all), by a counting sort.
    fn group(&mut self, index: &[u32], mask: &[bool], rows: usize, batch: usize) {
        let is_counted = |i: usize| mask.is_empty() || mask[i];
        self.ends.clear();
        // Exactly, as they are counted before: see `Layer::cache_numbers`.
        self.ends.reserve_exact(rows);
        self.ends.resize(rows, 0);
        for (i, row) in index.iter().enumerate() {
            self.ends[*row as usize] += u32::from(is_counted(i));
        }
        // Where each group begins; it becomes the end as its positions are added.
        let mut count = 0;
        for end in &mut self.ends {
            count += std::mem::replace(end, count);
        }
        self.sequences.reserve_exact(index.len().saturating_sub(self.sequences.len()));
        self.sequences.resize(index.len(), 0);
        for (t, rows) in index.chunks(batch.max(1)).enumerate() {
            for (sequence, row) in rows.iter().enumerate() {
                if is_counted(t * batch + sequence) {
                    let end = &mut self.ends[*row as usize];
                    self.sequences[*end as usize] = sequence as u32;
                    *end += 1;
                }
            }
        }
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        (self.ends.capacity() + self.sequences.capacity()) * size_of::<u32>()
    }
}

/// Copies row `index[i]` of `table` to row `i` of `to`; rows have `width` numbers.
///
/// # Panics
/// If `to` has another number of rows than `index`, or an index is out of range: a defect of the caller, independent of data.
pub fn gather_rows(to: &mut [f32], table: &[f32], index: &[u32], width: usize) {
    assert_eq!(index.len() * width, to.len(), "index: one per row");
    gather_rows_on(Isa::best(), to, table, index, width);
}

dispatch!(fn gather_rows_on(to: &mut [f32], table: &[f32], index: &[u32], width: usize) = gather_rows_of);

#[inline(always)]
fn gather_rows_of<V: Simd, N: Simd>(to: &mut [f32], table: &[f32], index: &[u32], width: usize) {
    for (to, row) in to.chunks_exact_mut(width.max(1)).zip(index) {
        apply::<CopyRow, V, N>(to, &table[*row as usize * width..][..width]);
    }
}

dispatch!(fn gather_sum_on(to: &mut [f32], table: &[f32], index: &[u32], mask: &[bool], width: usize) = gather_sum_of);
dispatch!(fn sum_groups_on(to: &mut [f32], groups: &RowGroups, from: &[f32], width: usize) = sum_groups_of);

#[inline(always)]
fn gather_sum_of<V: Simd, N: Simd>(
    to: &mut [f32],
    table: &[f32],
    index: &[u32],
    mask: &[bool],
    width: usize,
) {
    // Four vectors of a sequence stay in registers from its first time step to its last.
    for column in (0..width).step_by(4 * V::LANES) {
        let used = (width - column).min(4 * V::LANES);
        match used.div_ceil(V::LANES) {
            1 => gather_sum_columns::<V, 1>(to, table, index, mask, (width, column, used)),
            2 => gather_sum_columns::<V, 2>(to, table, index, mask, (width, column, used)),
            3 => gather_sum_columns::<V, 3>(to, table, index, mask, (width, column, used)),
            _ => gather_sum_columns::<V, 4>(to, table, index, mask, (width, column, used)),
        }
    }
}

/// [`gather_sum`] for `used` columns from number `column` on, in `W` vectors.
#[inline(always)]
fn gather_sum_columns<V: Simd, const W: usize>(
    to: &mut [f32],
    table: &[f32],
    index: &[u32],
    mask: &[bool],
    (width, column, used): (usize, usize, usize),
) {
    let batch = to.len() / width;
    for (sequence, to) in to.chunks_exact_mut(width).enumerate() {
        let to = &mut to[column..column + used];
        let mut sums = load_columns::<V, W>(to);
        let mut at = sequence;
        while at < index.len() {
            if mask.is_empty() || mask[at] {
                let row = load_columns::<V, W>(&table[index[at] as usize * width + column..][..used]);
                for (sum, x) in sums.iter_mut().zip(row) {
                    *sum = sum.add(x);
                }
            }
            at += batch;
        }
        store_columns(to, sums);
    }
}

/// Stores what [`load_columns`] has loaded, or sums of it.
#[inline(always)]
fn store_columns<V: Simd, const W: usize>(to: &mut [f32], vectors: [V; W]) {
    if to.len() < V::LANES {
        return vectors[0].store_part(to);
    }
    let last = to.len() - V::LANES;
    for (w, vector) in vectors.iter().enumerate() {
        vector.store(&mut to[(w * V::LANES).min(last)..]);
    }
}

/// All of `from` in `W` vectors. The last ends with `from`, and may have numbers in common with the one before; fewer numbers than lanes are
/// followed by zeros.
#[inline(always)]
fn load_columns<V: Simd, const W: usize>(from: &[f32]) -> [V; W] {
    if from.len() < V::LANES {
        return [V::load_part(from); W];
    }
    let mut vectors = [V::splat(0.0); W];
    for (w, vector) in vectors.iter_mut().enumerate() {
        *vector = V::load(&from[(w * V::LANES).min(from.len() - V::LANES)..]);
    }
    vectors
}

#[inline(always)]
fn sum_groups_of<V: Simd, N: Simd>(to: &mut [f32], groups: &RowGroups, from: &[f32], width: usize) {
    // Four vectors of a row stay in registers until all of its positions are added.
    for column in (0..width).step_by(4 * V::LANES) {
        let used = (width - column).min(4 * V::LANES);
        match used.div_ceil(V::LANES) {
            1 => sum_group_columns::<V, 1>(to, groups, from, (width, column, used)),
            2 => sum_group_columns::<V, 2>(to, groups, from, (width, column, used)),
            3 => sum_group_columns::<V, 3>(to, groups, from, (width, column, used)),
            _ => sum_group_columns::<V, 4>(to, groups, from, (width, column, used)),
        }
    }
}

/// The sums of all groups in `used` columns from number `column` on, in `W` vectors.
#[inline(always)]
fn sum_group_columns<V: Simd, const W: usize>(
    to: &mut [f32],
    groups: &RowGroups,
    from: &[f32],
    (width, column, used): (usize, usize, usize),
) {
    let mut start = 0;
    for (to, end) in to.chunks_exact_mut(width).zip(&groups.ends) {
        let end = *end as usize;
        let mut sums = [V::splat(0.0); W];
        for sequence in &groups.sequences[start..end] {
            let row = load_columns::<V, W>(&from[*sequence as usize * width + column..][..used]);
            for (sum, x) in sums.iter_mut().zip(row) {
                *sum = sum.add(x);
            }
        }
        start = end;
        store_columns(&mut to[column..column + used], sums);
    }
}

dispatch!(fn scatter_add_on(to: &mut [f32], index: &[u32], from: &[f32], width: usize) = scatter_add_of);
dispatch!(fn add_column_sums_on(sums: &mut [f32], rows: &[f32]) = add_column_sums_of);

#[inline(always)]
fn scatter_add_of<V: Simd, N: Simd>(to: &mut [f32], index: &[u32], from: &[f32], width: usize) {
    for (row, from) in index.iter().zip(from.chunks_exact(width.max(1))) {
        let at = *row as usize * width;
        add::<V, N>(&mut to[at..at + width], from);
    }
}

#[inline(always)]
fn add_column_sums_of<V: Simd, N: Simd>(sums: &mut [f32], rows: &[f32]) {
    let width = sums.len();
    // Four rows at a time: a shorter chain of dependent additions.
    let mut fours = rows.chunks_exact((4 * width).max(1));
    for rows in &mut fours {
        let mut k = 0;
        while k + V::LANES <= width {
            add_four::<V>(&mut sums[k..k + V::LANES], rows, k, width);
            k += V::LANES;
        }
        if k + N::LANES <= width {
            add_four::<N>(&mut sums[k..k + N::LANES], rows, k, width);
            k += N::LANES;
        }
        for (j, sum) in sums.iter_mut().enumerate().skip(k) {
            *sum += (rows[j] + rows[width + j]) + (rows[2 * width + j] + rows[3 * width + j]);
        }
    }
    for row in fours.remainder().chunks_exact(width.max(1)) {
        add::<V, N>(sums, row);
    }
}

/// `sums += ` a vector of each of four rows of `width` numbers, from column `k` on.
#[inline(always)]
fn add_four<V: Simd>(sums: &mut [f32], rows: &[f32], k: usize, width: usize) {
    let first = V::load(&rows[k..]).add(V::load(&rows[width + k..]));
    let second = V::load(&rows[2 * width + k..]).add(V::load(&rows[3 * width + k..]));
    V::load(sums).add(first.add(second)).store(sums);
}

/// The content of a row of the gradient of a table, of which a batch touches few rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// Zeros.
    Zero,
    /// What was summed before: the first addition replaces it.
    Stale,
    /// The sum of this batch so far.
    Touched,
}

/// Adds row `i` of `from` to row `ids[i] − first` of `to`, which becomes [`RowState::Touched`]; rows have `width` numbers. `ids` are in
/// ascending order, so that both are passed through from end to end.
///
/// # Panics
/// If an id is out of range: a defect of the caller, independent of data.
pub fn add_rows(
    to: &mut [f32],
    states: &mut [RowState],
    (ids, first): (&[u32], usize),
    from: &[f32],
    width: usize,
) {
    add_rows_on(Isa::best(), to, states, (ids, first), from, width);
}

dispatch! {
    fn add_rows_on(to: &mut [f32], states: &mut [RowState], ids: (&[u32], usize), from: &[f32], width: usize) = add_rows_of
}

/// Completes a sum of [`add_rows`]: rows that are [`RowState::Stale`] become zeros, and the squares of those that are
/// [`RowState::Touched`] are added to `squares`.
///
/// # Panics
/// If there are not as many states as rows: a defect of the caller, independent of data.
pub fn complete_rows(values: &mut [f32], states: &mut [RowState], width: usize, squares: &mut SumOfSquares) {
    assert_eq!(states.len() * width, values.len(), "states: one per row");
    complete_rows_on(Isa::best(), values, states, width, squares);
}

dispatch! {
    fn complete_rows_on(values: &mut [f32], states: &mut [RowState], width: usize, squares: &mut SumOfSquares) = complete_rows_of
}

#[inline(always)]
fn complete_rows_of<V: Simd, N: Simd>(
    values: &mut [f32],
    states: &mut [RowState],
    width: usize,
    squares: &mut SumOfSquares,
) {
    let mut sums = *squares;
    for (row, state) in values.chunks_exact_mut(width.max(1)).zip(states) {
        match *state {
            RowState::Touched => sums.add_inlined(row),
            RowState::Stale => {
                row.fill(0.0);
                *state = RowState::Zero;
            }
            RowState::Zero => {}
        }
    }
    *squares = sums;
}

#[inline(always)]
fn add_rows_of<V: Simd, N: Simd>(
    to: &mut [f32],
    states: &mut [RowState],
    (ids, first): (&[u32], usize),
    from: &[f32],
    width: usize,
) {
    for (id, from) in ids.iter().zip(from.chunks_exact(width.max(1))) {
        let row = *id as usize - first;
        let to = &mut to[row * width..][..width];
        match std::mem::replace(&mut states[row], RowState::Touched) {
            RowState::Touched => add::<V, N>(to, from),
            RowState::Zero | RowState::Stale => apply::<AddRowToZero, V, N>(to, from),
        }
    }
}

/// What a row `to` becomes, from its present numbers and those of a row `from`.
trait RowOperation {
    /// Whether the result depends on `to`; if not, a number may be computed twice.
    const READS: bool;
    /// The number to write.
    fn number(to: f32, from: f32) -> f32;
    /// The same for the lanes of a vector.
    fn vector<V: Simd>(to: V, from: V) -> V;
}

/// `from`.
struct CopyRow;

impl RowOperation for CopyRow {
    const READS: bool = false;
    #[inline(always)]
    fn number(_to: f32, from: f32) -> f32 {
        from
    }
    #[inline(always)]
    fn vector<V: Simd>(_to: V, from: V) -> V {
        from
    }
}

/// `to + from`.
struct AddRow;

impl RowOperation for AddRow {
    const READS: bool = true;
    #[inline(always)]
    fn number(to: f32, from: f32) -> f32 {
        to + from
    }
    #[inline(always)]
    fn vector<V: Simd>(to: V, from: V) -> V {
        to.add(from)
    }
}

/// `0 + from`: the bits of an addition to zeros, −0 among them.
struct AddRowToZero;

impl RowOperation for AddRowToZero {
    const READS: bool = false;
    #[inline(always)]
    fn number(_to: f32, from: f32) -> f32 {
        0.0 + from
    }
    #[inline(always)]
    fn vector<V: Simd>(_to: V, from: V) -> V {
        V::splat(0.0).add(from)
    }
}

/// Applies an operation to two rows of one length.
#[inline(always)]
fn apply<O: RowOperation, V: Simd, N: Simd>(to: &mut [f32], from: &[f32]) {
    let from = &from[..to.len()];
    let mut k = 0;
    while k + V::LANES <= to.len() {
        let to = &mut to[k..k + V::LANES];
        O::vector(V::load(to), V::load(&from[k..k + V::LANES])).store(to);
        k += V::LANES;
    }
    if !O::READS && k > 0 && k < to.len() {
        // The last vector ends with the row: the numbers that it has in common with the one before are written twice.
        let last = to.len() - V::LANES;
        let to = &mut to[last..];
        return O::vector(V::load(to), V::load(&from[last..])).store(to);
    }
    if k + N::LANES <= to.len() {
        let to = &mut to[k..k + N::LANES];
        O::vector(N::load(to), N::load(&from[k..k + N::LANES])).store(to);
        k += N::LANES;
    }
    // Fewer than a vector: to pad them would cost more than to process them.
    for (to, from) in to[k..].iter_mut().zip(&from[k..]) {
        *to = O::number(*to, *from);
    }
}

/// `to += from`, of one length.
#[inline(always)]
pub(super) fn add<V: Simd, N: Simd>(to: &mut [f32], from: &[f32]) {
    apply::<AddRow, V, N>(to, from);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole vectors and parts, of up to more columns than stay in registers.
    fn widths() -> impl Iterator<Item = usize> {
        (1..40).chain([63, 64, 65, 100, 128, 131])
    }

    #[test]
    fn rows_are_added_where_they_belong_at_every_width() {
        let mut groups = RowGroups::default();
        for isa in Isa::available() {
            for width in widths() {
                let from: Vec<f32> = (0..4 * width).map(|i| i as f32).collect();
                let mut to = vec![1.0; 3 * width];
                scatter_add_on(isa, &mut to, &[2, 0, 2, 2], &from, width);
                for j in 0..width {
                    let at = |i: usize| from[i * width + j];
                    let column = [to[j], to[width + j], to[2 * width + j]];
                    assert_eq!(column, [1.0 + at(1), 1.0, 1.0 + at(0) + at(2) + at(3)], "{isa:?} {width}");
                }
                let (mut sums, mut back) = (vec![0.0; 2 * width], vec![9.0; 4 * width]);
                let (index, mask) = ([3, 0, 1, 1], [true, true, false, true]);
                gather_sum_on(isa, &mut sums, &from, &index, &mask, width);
                groups.group(&index, &mask, 4, 2);
                sum_groups_on(isa, &mut back, &groups, &sums, width);
                for j in 0..width {
                    let at = |i: usize| from[i * width + j];
                    // Position 2 is masked; 0 is of the first sequence, 1 and 3 of the second.
                    assert_eq!([sums[j], sums[width + j]], [at(3), at(0) + at(1)]);
                    let back = [back[j], back[width + j], back[2 * width + j], back[3 * width + j]];
                    assert_eq!(back, [at(0) + at(1), at(0) + at(1), 0.0, at(3)], "{isa:?} {width}");
                }
                let mut whole = vec![1.0; 2 * width];
                gather_sum_on(isa, &mut whole, &from, &index, &[], width);
                let at = |j: usize, i: usize| from[i * width + j];
                let expected = |j| {
                    if j < width {
                        1.0 + at(j, 3) + at(j, 1)
                    } else {
                        1.0 + at(j - width, 0) + at(j - width, 1)
                    }
                };
                assert!((0..2 * width).all(|j| whole[j] == expected(j)), "{isa:?} {width}");
                let mut rows = vec![9.0; 3 * width + 1];
                gather_rows_on(isa, &mut rows[..3 * width], &from, &[3, 0, 3], width);
                let copied = [&from[3 * width..], &from[..width], &from[3 * width..], &[9.0]].concat();
                assert_eq!(rows, copied, "{isa:?} {width}");
                let mut sums = vec![0.5; width];
                add_column_sums_on(isa, &mut sums, &from);
                assert!(
                    (0..width).all(|j| sums[j] == 0.5 + (0..4).map(|i| from[i * width + j]).sum::<f32>())
                );
            }
        }
    }

    #[test]
    fn the_gradient_of_a_sum_over_time_is_added_in_the_order_of_positions() {
        let mut groups = RowGroups::default();
        // Fewer positions and rows after more; with and without a mask; rows that no position has.
        for (time, batch, rows) in [(40, 3, 7), (5, 2, 4), (30, 5, 3), (1, 1, 2)] {
            let index: Vec<u32> = (0..time * batch).map(|i| (i * i % rows) as u32).collect();
            for mask in [vec![], (0..time * batch).map(|i| i % 3 != 1).collect::<Vec<_>>()] {
                for width in [1, 8, 50, 131] {
                    // Of magnitudes so different that another order gives other bits.
                    let number = |i: usize| (i as f32 + 0.3).sin() * 10_f32.powi(i as i32 % 13 - 6);
                    let from: Vec<f32> = (0..batch * width).map(number).collect();
                    let mut expected = vec![0.0; rows * width];
                    for (i, row) in index.iter().enumerate().filter(|(i, _)| mask.is_empty() || mask[*i]) {
                        let to = expected[*row as usize * width..][..width].iter_mut();
                        to.zip(&from[i % batch * width..]).for_each(|(to, from)| *to += from);
                    }
                    for isa in Isa::available() {
                        let mut to = vec![f32::NAN; rows * width];
                        groups.group(&index, &mask, rows, batch);
                        sum_groups_on(isa, &mut to, &groups, &from, width);
                        assert!(to == expected, "{isa:?} {time} {batch} {rows} {width}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_are_added_to_those_of_their_ids_at_every_width() {
        use RowState::{Stale, Touched, Zero};
        for isa in Isa::available() {
            for width in widths() {
                let from: Vec<f32> = (0..2 * width).map(|i| i as f32).collect();
                let (mut to, mut states) = (vec![1.0; 4 * width], [Touched, Zero, Stale, Stale]);
                add_rows_on(isa, &mut to, &mut states, (&[10, 13], 10), &from, width);
                for j in 0..width {
                    let column = [to[j], to[width + j], to[2 * width + j], to[3 * width + j]];
                    assert_eq!(column, [1.0 + from[j], 1.0, 1.0, from[width + j]], "{isa:?} {width}");
                }
                assert_eq!(states, [Touched, Zero, Stale, Touched]);
                add_rows_on(isa, &mut to, &mut states, (&[11], 10), &vec![-0.0; width], width);
                assert!(to[width..2 * width].iter().all(|sum| sum.to_bits() == 0), "0 + −0 is 0");
            }
        }
    }

    #[test]
    fn a_sum_is_completed_by_zeros_and_has_the_squares_of_its_rows() {
        use RowState::{Stale, Touched, Zero};
        for isa in Isa::available() {
            for width in widths() {
                let mut values: Vec<f32> = (0..4 * width).map(|i| (i as f32 * 0.37).sin()).collect();
                let (mut states, rows) = ([Touched, Stale, Zero, Touched], values.clone());
                let mut squares = SumOfSquares::default();
                squares.add(&[0.5, 3.0]);
                let mut expected = squares;
                complete_rows_on(isa, &mut values, &mut states, width, &mut squares);
                expected.add(&rows[..width]);
                expected.add(&rows[3 * width..]);
                assert_eq!(squares.total().to_bits(), expected.total().to_bits(), "{isa:?} {width}");
                let zeros = vec![0.0; width];
                let completed = [&rows[..width], &zeros, &rows[2 * width..]].concat();
                assert_eq!((values, states), (completed, [Touched, Zero, Zero, Touched]), "{isa:?} {width}");
            }
        }
    }
}

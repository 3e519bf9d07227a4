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

/// The gradient of [`gather_sum`]: `to[index[i]] += from[i mod batch]`.
pub fn gather_sum_backward(to: &mut [f32], index: &[u32], mask: &[bool], from: &[f32], width: usize) {
    let _part = scope(Part::Scatter);
    gather_sum_backward_on(Isa::best(), to, index, mask, from, width);
}

dispatch!(fn gather_sum_on(to: &mut [f32], table: &[f32], index: &[u32], mask: &[bool], width: usize) = gather_sum_of);
dispatch!(fn gather_sum_backward_on(to: &mut [f32], index: &[u32], mask: &[bool], from: &[f32], width: usize) = gather_sum_backward_of);

#[inline(always)]
fn gather_sum_of<V: Simd, N: Simd>(
    to: &mut [f32],
    table: &[f32],
    index: &[u32],
    mask: &[bool],
    width: usize,
) {
    let batch = to.len() / width.max(1);
    for (i, row) in index.iter().enumerate().filter(|(i, _)| mask.is_empty() || mask[*i]) {
        let (at, from) = (i % batch * width, *row as usize * width);
        add::<V, N>(&mut to[at..at + width], &table[from..from + width]);
    }
}

#[inline(always)]
fn gather_sum_backward_of<V: Simd, N: Simd>(
    to: &mut [f32],
    index: &[u32],
    mask: &[bool],
    from: &[f32],
    width: usize,
) {
    let batch = from.len() / width.max(1);
    for (i, row) in index.iter().enumerate().filter(|(i, _)| mask.is_empty() || mask[*i]) {
        let (at, from_at) = (*row as usize * width, i % batch * width);
        add::<V, N>(&mut to[at..at + width], &from[from_at..from_at + width]);
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
            RowState::Zero | RowState::Stale => add_to_zero::<V, N>(to, from),
        }
    }
}

/// `to = 0 + from`, of one length: the bits of an addition to zeros, −0 among them.
#[inline(always)]
fn add_to_zero<V: Simd, N: Simd>(to: &mut [f32], from: &[f32]) {
    let (whole, half) = (V::splat(0.0), N::splat(0.0));
    let mut k = 0;
    while k + V::LANES <= to.len() {
        whole.add(V::load(&from[k..k + V::LANES])).store(&mut to[k..k + V::LANES]);
        k += V::LANES;
    }
    if k + N::LANES <= to.len() {
        half.add(N::load(&from[k..k + N::LANES])).store(&mut to[k..k + N::LANES]);
        k += N::LANES;
    }
    for (to, from) in to[k..].iter_mut().zip(&from[k..]) {
        *to = 0.0 + *from;
    }
}

/// `to += from`, of one length.
#[inline(always)]
pub(super) fn add<V: Simd, N: Simd>(to: &mut [f32], from: &[f32]) {
    let mut k = 0;
    while k + V::LANES <= to.len() {
        let to = &mut to[k..k + V::LANES];
        V::load(to).add(V::load(&from[k..k + V::LANES])).store(to);
        k += V::LANES;
    }
    if k + N::LANES <= to.len() {
        let to = &mut to[k..k + N::LANES];
        N::load(to).add(N::load(&from[k..k + N::LANES])).store(to);
        k += N::LANES;
    }
    // Fewer than a vector: to pad them would cost more than to add them.
    for (to, from) in to[k..].iter_mut().zip(&from[k..]) {
        *to += from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_added_where_they_belong_at_every_width() {
        for isa in Isa::available() {
            for width in 1..40 {
                let from: Vec<f32> = (0..4 * width).map(|i| i as f32).collect();
                let mut to = vec![1.0; 3 * width];
                scatter_add_on(isa, &mut to, &[2, 0, 2, 2], &from, width);
                for j in 0..width {
                    let at = |i: usize| from[i * width + j];
                    let column = [to[j], to[width + j], to[2 * width + j]];
                    assert_eq!(column, [1.0 + at(1), 1.0, 1.0 + at(0) + at(2) + at(3)], "{isa:?} {width}");
                }
                let (mut sums, mut back) = (vec![0.0; 2 * width], vec![0.0; 4 * width]);
                let (index, mask) = ([3, 0, 1, 1], [true, true, false, true]);
                gather_sum_on(isa, &mut sums, &from, &index, &mask, width);
                gather_sum_backward_on(isa, &mut back, &index, &mask, &sums, width);
                for j in 0..width {
                    let at = |i: usize| from[i * width + j];
                    // Position 2 is masked; 0 is of the first sequence, 1 and 3 of the second.
                    assert_eq!([sums[j], sums[width + j]], [at(3), at(0) + at(1)]);
                    let back = [back[j], back[width + j], back[2 * width + j], back[3 * width + j]];
                    assert_eq!(back, [at(0) + at(1), at(0) + at(1), 0.0, at(3)], "{isa:?} {width}");
                }
                let mut sums = vec![0.5; width];
                add_column_sums_on(isa, &mut sums, &from);
                assert!(
                    (0..width).all(|j| sums[j] == 0.5 + (0..4).map(|i| from[i * width + j]).sum::<f32>())
                );
            }
        }
    }

    #[test]
    fn rows_are_added_to_those_of_their_ids_at_every_width() {
        use RowState::{Stale, Touched, Zero};
        for isa in Isa::available() {
            for width in 1..40 {
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
}

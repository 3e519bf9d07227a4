use crate::kernel::simd::Simd;
use crate::kernel::{AlignedVec, Isa, Matrix};

/// Weights `[depth, gates·units]` in the order in which a step reads them: for each vector of units, for each row, that vector of every
/// gate. Units beyond the last are zero.
#[derive(Debug, Clone, Default)]
pub struct PackedMatrix {
    data: AlignedVec,
    depth: usize,
    units: usize,
    gates: usize,
    lanes: usize,
}

/// Lanes of a vector of units: half as wide where a wide one would be half empty.
fn lanes(isa: Isa, units: usize) -> usize {
    if units <= 8 { 8 } else { isa.lanes() }
}

impl PackedMatrix {
    /// Weights without padding.
    pub(super) fn size(&self) -> usize {
        self.depth * self.units * self.gates
    }

    /// Units of a gate.
    pub(super) fn units(&self) -> usize {
        self.units
    }

    /// Numbers in a row of the matrix that is multiplied by it.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Packs `matrix`, whose columns are `gates` blocks of equally many units. Memory is reused.
    pub fn pack(&mut self, matrix: Matrix<'_>, gates: usize) {
        self.pack_for(Isa::best(), matrix, gates);
    }

    pub(crate) fn pack_for(&mut self, isa: Isa, matrix: Matrix<'_>, gates: usize) {
        let (depth, columns) = matrix.dim();
        let units = columns / gates;
        let lanes = lanes(isa, units);
        *self = Self { data: std::mem::take(&mut self.data), depth, units, gates, lanes };
        self.data.resize(units.div_ceil(lanes) * depth * gates * lanes, 0.0);
        for (panel, data) in self.data.chunks_exact_mut((depth * gates * lanes).max(1)).enumerate() {
            let first = panel * lanes;
            let used = lanes.min(units - first);
            for (k, row) in data.chunks_exact_mut(gates * lanes).enumerate() {
                for (gate, vector) in row.chunks_exact_mut(lanes).enumerate() {
                    matrix.copy_row(k, gate * units + first, &mut vector[..used]);
                    vector[used..].fill(0.0);
                }
            }
        }
    }

    /// Calls `finish` for every row and vector of units with its sums, `begin + x·weights`; `x` are `rows` rows that begin `stride`
    /// apart. With an empty `x` the sums keep their initial values.
    #[inline(always)]
    pub(super) fn run<V: Simd, N: Simd, F: Finish<G>, const G: usize>(
        &self,
        x: &[f32],
        stride: usize,
        rows: usize,
        f: &mut F,
    ) {
        assert_eq!(self.gates, G, "packed for another cell");
        assert!(self.lanes == N::LANES || self.lanes == V::LANES, "packed for other vectors");
        let size = self.depth * G * self.lanes;
        let panels = self.units.div_ceil(self.lanes);
        let vector = |panel: usize| {
            let unit = panel * self.lanes;
            UnitVector::new(rows, self.units, unit, self.lanes.min(self.units - unit))
        };
        let data = |panel: usize| if x.is_empty() { &[][..] } else { &self.data[panel * size..][..size] };
        let mut panel = 0;
        // One sum a row is too few to keep the multipliers busy: two vectors of units at a time.
        while V::SPECIALIZES && G == 1 && self.lanes == V::LANES && panel + 2 <= panels {
            let run = Run { x, stride, panels: [data(panel), data(panel + 1)], depth: self.depth };
            run.rows::<V, F, G>(rows, [vector(panel), vector(panel + 1)], f);
            panel += 2;
        }
        while panel < panels {
            let run = Run { x, stride, panels: [data(panel)], depth: self.depth };
            if self.lanes == V::LANES {
                run.rows::<V, F, G>(rows, [vector(panel)], f);
            } else if V::LANES > N::LANES {
                run.half_rows::<V, F, G>(rows, vector(panel), f);
            }
            panel += 1;
        }
    }
}

/// The maximum of vectors that a block has for a unit: the size of a block is never more than a `usize` holds.
const MAX_GATES: usize = 8;

/// One vector of units in a row; or the units of a row and of the next, where both together are a vector: see
/// [`Finish::can_join_rows`].
///
/// It lies within `size` numbers, which the accesses rely on: only what runs a product makes one.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnitVector {
    row: usize,
    /// The first unit.
    unit: usize,
    /// Units from there on, at most a vector's.
    lanes: usize,
    /// Units of the whole row.
    units: usize,
    /// Numbers of a block with one gate: rows·units.
    size: usize,
}

impl UnitVector {
    /// `lanes` units from `unit` on, of the first of `rows` rows of `units`.
    fn new(rows: usize, units: usize, unit: usize, lanes: usize) -> Self {
        let size = rows.saturating_mul(units);
        assert!(unit + lanes <= units && size < usize::MAX / MAX_GATES, "units of a row");
        Self { row: 0, unit, lanes, units, size }
    }

    /// The row, a sequence of the step.
    #[inline(always)]
    pub fn row(self) -> usize {
        self.row
    }

    /// The first unit.
    #[inline(always)]
    pub fn unit(self) -> usize {
        self.unit
    }

    /// Numbers of a block with one gate.
    #[inline(always)]
    pub fn size(self) -> usize {
        self.size
    }

    /// Where gate `i` of `of` begins in a block of so many gates a row.
    #[inline(always)]
    pub fn place(self, (i, of): (usize, usize)) -> usize {
        self.row * of * self.units + i * self.units + self.unit
    }

    /// The same units in a block of one row.
    #[inline(always)]
    pub fn in_one_row(self) -> Self {
        assert!(self.unit + self.lanes <= self.units, "units of one row");
        Self { row: 0, size: self.units, ..self }
    }

    /// Checks that `numbers` are those of a block with `of` gates, and that gate `i` is one of them: the one comparison of an access.
    #[inline(always)]
    fn check(self, numbers: usize, (i, of): (usize, usize)) {
        assert!(i < of && of <= MAX_GATES, "a gate of a block");
        assert!(numbers == self.size * of, "a block of all sequences");
    }

    /// Loads gate `i` of `of` from a block `[rows, of·units]`.
    #[inline(always)]
    pub fn load<V: Simd>(self, from: &[f32], (i, of): (usize, usize)) -> V {
        self.check(from.len(), (i, of));
        let at = self.place((i, of));
        // SAFETY: the block has `of` gates of all rows, and the vector is within the units of one row, or of two neighbouring rows.
        let from = unsafe { from.get_unchecked(at..at + self.lanes) };
        if self.lanes == V::LANES { V::load(from) } else { V::load_part(from) }
    }

    /// Stores `value` to gate `i` of `of` in a block `[rows, of·units]`.
    #[inline(always)]
    pub fn store<V: Simd>(self, to: &mut [f32], (i, of): (usize, usize), value: V) {
        self.check(to.len(), (i, of));
        let at = self.place((i, of));
        // SAFETY: as in `load`.
        let to = unsafe { to.get_unchecked_mut(at..at + self.lanes) };
        if self.lanes == V::LANES { value.store(to) } else { value.store_part(to) }
    }
}

/// What is done with one vector of units of one row: `G` sums, one a gate.
pub(super) trait Finish<const G: usize> {
    /// Whether `finish` may be called for two rows at once, where the units of a row are half a vector. This requires that in all buffers a
    /// row is directly followed by the next, and that no row is masked.
    fn can_join_rows(&self) -> bool;
    /// The initial values of the sums.
    fn begin<V: Simd>(&mut self, vector: UnitVector) -> [V; G];
    /// Replaces the finished sums by what `finish` reads; called for all rows of a tile before `finish`.
    #[inline(always)]
    fn prepare<V: Simd>(&mut self, _vector: UnitVector, _sums: &mut [V; G]) {}
    /// Uses the prepared sums.
    fn finish<V: Simd>(&mut self, vector: UnitVector, sums: [V; G]);
}

/// Rows times `W` panels, which are neighbours.
struct Run<'a, const W: usize> {
    x: &'a [f32],
    stride: usize,
    panels: [&'a [f32]; W],
    depth: usize,
}

/// Rows that a tile holds at most.
const TILE: usize = 8;

impl<const W: usize> Run<'_, W> {
    /// Calls `f` for all rows with their sums.
    #[inline(always)]
    fn rows<V: Simd, F: Finish<G>, const G: usize>(
        &self,
        rows: usize,
        mut vectors: [UnitVector; W],
        f: &mut F,
    ) {
        if !V::SPECIALIZES || vectors.iter().any(|vector| vector.lanes < V::LANES) {
            return self.rows_of::<V, F, G>(rows, vectors, f);
        }
        // Compiled apart: where the number of lanes is known, no access depends on it.
        for vector in &mut vectors {
            vector.lanes = V::LANES;
        }
        self.rows_of::<V, F, G>(rows, vectors, f);
    }

    /// [`Run::rows`] for vectors of any number of lanes.
    #[inline(always)]
    fn rows_of<V: Simd, F: Finish<G>, const G: usize>(
        &self,
        rows: usize,
        vectors: [UnitVector; W],
        f: &mut F,
    ) {
        let mut sums = [[[V::splat(0.0); G]; W]; TILE];
        let mut row = 0;
        while row < rows {
            let height = self.next_tile::<V, F, G>((row, rows), vectors, f, &mut sums);
            // Activation functions take long, and those of a row depend on one another: as many rows as there are at a time.
            for (r, sums) in sums[..height].iter_mut().enumerate() {
                for (sums, vector) in sums.iter_mut().zip(vectors) {
                    f.prepare::<V>(UnitVector { row: row + r, ..vector }, sums);
                }
            }
            for (r, sums) in sums[..height].iter().enumerate() {
                for (sums, vector) in sums.iter().zip(vectors) {
                    f.finish::<V>(UnitVector { row: row + r, ..vector }, *sums);
                }
            }
            row += height;
        }
    }

    /// Computes the sums of as many of the rows from `row` to `end` as registers hold: enough to keep the multipliers busy. Returns their
    /// number.
    #[inline(always)]
    fn next_tile<V: Simd, F: Finish<G>, const G: usize>(
        &self,
        (row, end): (usize, usize),
        vectors: [UnitVector; W],
        f: &mut F,
        sums: &mut [[[V; G]; W]; TILE],
    ) -> usize {
        let left = end - row;
        let tall = match V::LANES {
            _ if !V::SPECIALIZES => 2,
            16 if G * W <= 3 => 8,
            16 => 4,
            _ if G * W == 1 => 8,
            _ if G * W <= 3 => 4,
            _ => 2,
        };
        let height = [tall, 4, 2].into_iter().find(|height| *height <= left.min(tall)).unwrap_or(1);
        // The cell's arithmetic is compiled once, for any number of rows; only the tiles are unrolled for each.
        for (r, sums) in sums[..height].iter_mut().enumerate() {
            for (sums, vector) in sums.iter_mut().zip(vectors) {
                *sums = f.begin::<V>(UnitVector { row: row + r, ..vector });
            }
        }
        if self.panels.iter().any(|panel| !panel.is_empty()) {
            match height {
                8 if V::SPECIALIZES => self.tile::<V, G, 8>(row, sums),
                4 if V::SPECIALIZES => self.tile::<V, G, 4>(row, sums),
                2 => self.tile::<V, G, 2>(row, sums),
                _ => self.tile::<V, G, 1>(row, sums),
            }
        }
        height
    }

    /// Adds to the sums of `R` rows, in registers while `k` runs.
    #[inline(always)]
    fn tile<V: Simd, const G: usize, const R: usize>(&self, row: usize, all: &mut [[[V; G]; W]; TILE]) {
        let mut sums = [[[V::splat(0.0); G]; W]; R];
        sums.copy_from_slice(&all[..R]);
        let (first, size) = (row * self.stride, G * V::LANES);
        assert!(first + (R - 1) * self.stride + self.depth <= self.x.len(), "a tile within x");
        assert!(self.panels.iter().all(|panel| panel.len() == self.depth * size), "panels of this depth");
        for k in 0..self.depth {
            // A loop and no closure: a closure is not sure to be inlined in the instruction set's copy.
            let mut b = [[V::splat(0.0); G]; W];
            for (b, panel) in b.iter_mut().zip(self.panels) {
                // SAFETY: `k < depth`, so the end is at most the length asserted above.
                let row = unsafe { panel.get_unchecked(k * size..(k + 1) * size) };
                for (b, vector) in b.iter_mut().zip(row.chunks_exact(V::LANES)) {
                    *b = V::load(vector);
                }
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `k < depth` and `r < R`: so the index is below the bound asserted above.
                let x = V::splat(unsafe { *self.x.get_unchecked(first + r * self.stride + k) });
                for (sums, b) in sums.iter_mut().zip(b) {
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum = x.mul_add(b, *sum);
                    }
                }
            }
        }
        all[..R].copy_from_slice(&sums);
    }
}

impl Run<'_, 1> {
    /// [`Run::rows`] where a row has half a vector of units: what follows the sums takes as long for half a vector as for a whole one, so
    /// two rows at a time where `f` can.
    #[inline(always)]
    fn half_rows<V: Simd, F: Finish<G>, const G: usize>(&self, rows: usize, vector: UnitVector, f: &mut F) {
        let joins = vector.lanes == V::Half::LANES && vector.units == vector.lanes && f.can_join_rows();
        let mut sums = [[[V::Half::splat(0.0); G]; 1]; TILE];
        let mut row = 0;
        while row < rows {
            let height = self.next_tile::<V::Half, F, G>((row, rows), [vector], f, &mut sums);
            if joins && height > 1 {
                let (pairs, _) = sums[..height].as_chunks::<2>();
                let both = |i: usize| UnitVector { row: row + 2 * i, lanes: V::LANES, ..vector };
                let mut joined = [[V::splat(0.0); G]; TILE / 2];
                for (i, (joined, [[low], [high]])) in joined.iter_mut().zip(pairs).enumerate() {
                    for (joined, (low, high)) in joined.iter_mut().zip(low.iter().zip(high)) {
                        *joined = V::join(*low, *high);
                    }
                    f.prepare::<V>(both(i), joined);
                }
                for (i, joined) in joined[..pairs.len()].iter().enumerate() {
                    f.finish::<V>(both(i), *joined);
                }
            } else {
                for (r, [sums]) in sums[..height].iter_mut().enumerate() {
                    f.prepare::<V::Half>(UnitVector { row: row + r, ..vector }, sums);
                }
                for (r, [sums]) in sums[..height].iter().enumerate() {
                    f.finish::<V::Half>(UnitVector { row: row + r, ..vector }, *sums);
                }
            }
            row += height;
        }
    }
}

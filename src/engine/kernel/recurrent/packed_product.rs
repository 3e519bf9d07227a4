use super::PackedMatrix;
use super::packed::{Finish, UnitVector};
use crate::kernel::simd::Simd;
use crate::kernel::work_count::{count, numbers};
use crate::kernel::{Isa, dispatch};

/// Computes `c = a·b` with a `b` that is packed for one product, without gates: for weights that many products share. `a` `[rows, depth]`
/// and `c` `[rows, units]` are row-major and contiguous. The bits are those of [`matmul`](crate::kernel::matmul).
///
/// # Panics
/// If the sizes differ: a defect of the caller, independent of data.
pub fn matmul_packed(c: &mut [f32], a: &[f32], b: &PackedMatrix) {
    matmul_packed_on(Isa::best(), c, a, b);
}

fn matmul_packed_on(isa: Isa, c: &mut [f32], a: &[f32], b: &PackedMatrix) {
    let (depth, units) = (b.depth(), b.units());
    let rows = c.len() / units.max(1);
    assert!(c.len() == rows * units && a.len() == rows * depth, "sizes of a product");
    count(rows * b.size(), numbers(a.len() + b.size() + c.len()));
    store_product(isa, b, a, rows, c);
}

dispatch!(fn store_product(b: &PackedMatrix, a: &[f32], rows: usize, c: &mut [f32]) = body);

#[inline(always)]
fn body<V: Simd, N: Simd>(b: &PackedMatrix, a: &[f32], rows: usize, c: &mut [f32]) {
    b.run::<V, N, _, 1>(a, b.depth(), rows, &mut Store { c });
}

/// Stores the sums of a product.
struct Store<'a> {
    c: &'a mut [f32],
}

impl Finish<1> for Store<'_> {
    #[inline(always)]
    fn can_join_rows(&self) -> bool {
        false
    }

    #[inline(always)]
    fn begin<V: Simd>(&mut self, _: UnitVector) -> [V; 1] {
        [V::splat(0.0)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, vector: UnitVector, [sum]: [V; 1]) {
        vector.store(self.c, (0, 1), sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Matrix, matmul};
    use crate::rng::Rng;

    #[test]
    fn products_with_packed_weights_are_those_with_plain_ones_to_the_bit() {
        let sizes =
            [(0, 3, 4), (1, 1, 1), (2, 8, 40), (7, 33, 8), (12, 300, 20), (23, 64, 33), (40, 700, 70)];
        for (rows, depth, units) in sizes {
            let mut rng = Rng::new(1, "packed product", (rows * depth) as u64);
            let mut numbers = |n: usize| (0..n).map(|_| rng.normal() as f32).collect::<Vec<_>>();
            let (a, weights) = (numbers(rows * depth), numbers(units * depth));
            let transpose = Matrix::new(&weights, units, depth).t();
            let mut expected = vec![1.0; rows * units];
            matmul(&mut expected, Matrix::new(&a, rows, depth), transpose, false);
            for isa in Isa::available().into_iter().filter(|isa| *isa != Isa::Portable) {
                let mut packed = PackedMatrix::default();
                packed.pack_for(isa, transpose, 1);
                let mut c = vec![1.0; rows * units];
                matmul_packed_on(isa, &mut c, &a, &packed);
                let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&c), bits(&expected), "{isa:?}, {rows} x {depth} x {units}");
            }
        }
    }
}

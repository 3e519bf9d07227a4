use super::rows::add;
use super::simd::Simd;
use super::{Isa, dispatch};

/// `to[i] += from[places[i] − 1]` for rows of `width` numbers, and `touched[i]`, wherever `places[i]` is not 0.
///
/// It reads `to` from end to end, whatever the order of the rows of `from`.
///
/// # Panics
/// When a row is not there: a defect in a layer, never a matter of data.
pub fn add_placed(to: &mut [f32], touched: &mut [bool], places: &[u32], from: &[f32], width: usize) {
    add_placed_on(Isa::best(), to, touched, places, from, width);
}

dispatch! {
    fn add_placed_on(to: &mut [f32], touched: &mut [bool], places: &[u32], from: &[f32], width: usize) = add_placed_of
}

#[inline(always)]
fn add_placed_of<V: Simd, N: Simd>(
    to: &mut [f32],
    touched: &mut [bool],
    places: &[u32],
    from: &[f32],
    width: usize,
) {
    let rows = to.chunks_exact_mut(width.max(1)).zip(touched);
    for ((to, touched), place) in rows.zip(places) {
        let Some(at) = place.checked_sub(1) else { continue };
        add::<V, N>(to, &from[at as usize * width..][..width]);
        *touched = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_added_where_they_have_a_place_at_every_width() {
        for isa in Isa::available() {
            for width in 1..40 {
                let from: Vec<f32> = (0..2 * width).map(|i| i as f32).collect();
                let (mut to, mut touched) = (vec![1.0; 4 * width], [false, false, true, false]);
                add_placed_on(isa, &mut to, &mut touched, &[2, 0, 0, 1], &from, width);
                for j in 0..width {
                    let column = [to[j], to[width + j], to[2 * width + j], to[3 * width + j]];
                    assert_eq!(column, [1.0 + from[width + j], 1.0, 1.0, 1.0 + from[j]], "{isa:?} {width}");
                }
                assert_eq!(touched, [true, false, true, true]);
            }
        }
    }
}

//! Characters that are drawn rather than written: their geometry within a cell.

/// How a character is drawn.
pub(super) enum Shape {
    /// Filled parts of the cell: see [`quarters`].
    Blocks(char),
    /// Path data from the cell's upper left corner.
    Line(&'static str),
    /// Braille: the bits of Unicode's numbering.
    Dots(u32),
}

/// The shape of a cell's text; `None` when it is to be written.
pub(super) fn of(symbol: &str) -> Option<Shape> {
    let mut chars = symbol.chars();
    let c = chars.next().filter(|_| chars.as_str().is_empty())?;
    Some(match c {
        '━' | '▀'..='▐' | '▔' | '▕' | '▖'..='▟' => Shape::Blocks(c),
        '\u{2800}'..='\u{28ff}' => Shape::Dots(u32::from(c) - 0x2800),
        '─' => Shape::Line("m0 8h8"),
        '═' => Shape::Line("m0 6.5h8m-8 3h8"),
        '│' => Shape::Line("m4 0v16"),
        '┤' => Shape::Line("m4 0v16m0 -8h-4"),
        '├' => Shape::Line("m4 0v16m0 -8h4"),
        '┬' => Shape::Line("m0 8h8m-4 0v8"),
        '┴' => Shape::Line("m0 8h8m-4 0v-8"),
        '┼' => Shape::Line("m0 8h8m-4 -8v16"),
        '╭' => Shape::Line("m4 16v-4q0 -4 4 -4"),
        '╮' => Shape::Line("m4 16v-4q0 -4 -4 -4"),
        '╰' => Shape::Line("m4 0v4q0 4 4 4"),
        '╯' => Shape::Line("m4 0v4q0 4 -4 4"),
        '┌' => Shape::Line("m4 16v-8h4"),
        '┐' => Shape::Line("m4 16v-8h-4"),
        '└' => Shape::Line("m4 0v8h4"),
        '┘' => Shape::Line("m4 0v8h-4"),
        _ => return None,
    })
}

/// The rectangles of a block element in a cell of `width` × `height`: left, top, width, height.
pub(super) fn quarters(block: char, width: usize, height: usize) -> Vec<(usize, usize, usize, usize)> {
    let code = u32::from(block) as usize;
    let (half, middle) = (width / 2, height / 2);
    match block {
        '━' => vec![(0, middle - 2, width, 3)],
        '▀' => vec![(0, 0, width, middle)],
        '▁'..='█' => {
            let high = (code - 0x2580) * height / 8;
            vec![(0, height - high, width, high)]
        }
        '▉'..='▏' => vec![(0, 0, (0x2590 - code) * width / 8, height)],
        '▐' => vec![(half, 0, width - half, height)],
        '▔' => vec![(0, 0, width, height / 8)],
        '▕' => vec![(width - width / 8, 0, width / 8, height)],
        _ => {
            // upper left, upper right, lower left, lower right
            const FILLED: [u8; 10] =
                [0b0100, 0b1000, 0b0001, 0b1101, 0b1001, 0b0111, 0b1011, 0b0010, 0b0110, 0b1110];
            let filled = code.checked_sub(0x2596).and_then(|i| FILLED.get(i)).copied().unwrap_or(0);
            let places = [(0, 0), (half, 0), (0, middle), (half, middle)];
            let shown = places.into_iter().enumerate().filter(|(i, _)| filled >> i & 1 == 1);
            shown.map(|(_, (x, y))| (x, y, half, middle)).collect()
        }
    }
}

/// The middles of braille dots in a cell of 8 × 16.
pub(super) fn dots(bits: u32) -> impl Iterator<Item = (usize, usize)> {
    const PLACES: [(usize, usize); 8] = [(2, 2), (2, 6), (2, 10), (6, 2), (6, 6), (6, 10), (2, 14), (6, 14)];
    PLACES.into_iter().enumerate().filter(move |(i, _)| bits >> i & 1 == 1).map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadrants_fill_the_quarters_that_they_show() {
        let filled = |c| quarters(c, 8, 16).iter().map(|(x, y, ..)| (*x, *y)).collect::<Vec<_>>();
        assert_eq!(filled('▖'), [(0, 8)]);
        assert_eq!(filled('▘'), [(0, 0)]);
        assert_eq!(filled('▚'), [(0, 0), (4, 8)]);
        assert_eq!(filled('▙'), [(0, 0), (0, 8), (4, 8)]);
        assert_eq!(filled('▟'), [(4, 0), (0, 8), (4, 8)]);
        assert_eq!(quarters('█', 8, 16), [(0, 0, 8, 16)]);
        assert_eq!(quarters('▌', 8, 16), [(0, 0, 4, 16)]);
        assert_eq!(quarters('▄', 8, 16), [(0, 8, 8, 8)]);
    }

    #[test]
    fn shades_and_letters_are_written() {
        assert!(["a", "░", "é", "", "✓"].into_iter().all(|text| of(text).is_none()));
    }
}

/// How rows are split into micro-tiles: tall ones first, then lower ones, down to single rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles {
    /// Rows of the tall ones.
    tall: usize,
    /// Where the tall ones end, those of 8 and those of 4 rows.
    pub ends: [usize; 3],
}

impl Tiles {
    /// `rows` in micro-tiles of `tall` rows; next to 12 are 8, next to all others 4.
    #[inline(always)]
    pub fn of(rows: usize, tall: usize) -> Self {
        let mut of_tall = rows / tall * tall;
        // 8 and 8 are faster than 12 and 4, which do not keep the multipliers busy.
        if tall == 12 && rows - of_tall == 4 && of_tall > 0 {
            of_tall -= 12;
        }
        let of_8 = if tall == 12 { of_tall + (rows - of_tall) / 8 * 8 } else { of_tall };
        Self { tall, ends: [of_tall, of_8, of_8 + (rows - of_8) / 4 * 4] }
    }

    /// The height of the one that begins at `row`.
    #[inline(always)]
    pub fn height(self, row: usize) -> usize {
        let [tall, of_8, of_4] = self.ends;
        if row < tall {
            self.tall
        } else if row < of_8 {
            8
        } else if row < of_4 {
            4
        } else {
            1
        }
    }
}

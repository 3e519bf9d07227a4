use png::{BitDepth, ColorType, Encoder, EncodingError};

/// The side of a value in pixels.
const SCALE: usize = 6;

/// A PNG of values, a square each.
#[derive(Debug)]
pub(super) struct Picture {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// The file.
    pub png: Vec<u8>,
}

impl Picture {
    /// `values` `[rows, columns]` from blue through white to orange: `−limit`, 0, `limit`.
    ///
    /// # Errors
    /// When it has no pixel.
    pub fn diverging(values: &[f32], columns: usize, limit: f32) -> Result<Self, EncodingError> {
        let rows = values.len().checked_div(columns).unwrap_or(0);
        let (width, height) = (columns * SCALE, rows * SCALE);
        let mut pixels = Vec::with_capacity(width * height * 3);
        for row in values.chunks_exact(columns.max(1)) {
            let line: Vec<u8> =
                row.iter().flat_map(|value| [color(value / limit); SCALE]).flatten().collect();
            (0..SCALE).for_each(|_| pixels.extend(&line));
        }
        let mut png = Vec::new();
        let mut encoder = Encoder::new(&mut png, width as u32, height as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&pixels)?;
        writer.finish()?;
        Ok(Self { width, height, png })
    }
}

/// The colour of a value in −1…1; grey if it is not a number.
fn color(x: f32) -> [u8; 3] {
    const NEGATIVE: [f32; 3] = [33.0, 102.0, 172.0];
    const POSITIVE: [f32; 3] = [230.0, 97.0, 1.0];
    if x.is_nan() {
        return [128; 3];
    }
    let end = if x < 0.0 { NEGATIVE } else { POSITIVE };
    let share = x.abs().min(1.0);
    end.map(|channel| (255.0 + (channel - 255.0) * share).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_square_of_the_colour_of_every_value() {
        let values = [0.0, 1.0, -1.0, -5.0, f32::NAN, 0.5];
        let picture = Picture::diverging(&values, 3, 1.0).unwrap();
        assert_eq!((picture.width, picture.height), (18, 12));
        let mut reader = png::Decoder::new(std::io::Cursor::new(&picture.png)).read_info().unwrap();
        let mut pixels = vec![0; 18 * 12 * 3];
        reader.next_frame(&mut pixels).unwrap();
        let at =
            |row: usize, column: usize| &pixels[((row * SCALE + 5) * 18 + column * SCALE + 5) * 3..][..3];
        assert_eq!(at(0, 0), [255; 3]);
        assert_eq!(at(0, 1), [230, 97, 1]);
        assert_eq!(at(0, 2), [33, 102, 172]);
        assert_eq!(at(1, 0), [33, 102, 172]);
        assert_eq!(at(1, 1), [128; 3]);
        assert_eq!(at(1, 2), [243, 176, 128]);
    }

    #[test]
    fn no_values_are_an_error() {
        Picture::diverging(&[], 0, 1.0).unwrap_err();
    }
}

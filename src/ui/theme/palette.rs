//! The colours themselves: Okabe & Ito's set (2008), distinguishable with every kind of colour vision, lightened on
//! dark and darkened on light backgrounds.

use ratatui::style::{Color, Modifier};

use super::{Colors, Role};

/// One colour in three tiers.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoleColor {
    rgb: u32,
    indexed: u8,
    ansi: Color,
}

impl RoleColor {
    const fn new(rgb: u32, indexed: u8, ansi: Color) -> Self {
        Self { rgb, indexed, ansi }
    }

    /// The colour in the words of a tier.
    pub(super) fn on(self, colors: Colors) -> Option<Color> {
        match colors {
            Colors::Mono => None,
            Colors::Ansi16 => Some(self.ansi),
            Colors::Ansi256 => Some(Color::Indexed(self.indexed)),
            Colors::True => Some(Color::from_u32(self.rgb)),
        }
    }
}

/// The foreground of a role; `None` is the terminal's own.
pub(super) fn role_color(role: Role, light: bool) -> Option<RoleColor> {
    let (dark, bright) = match role {
        Role::Text | Role::Title | Role::Selected => return None,
        Role::Dim => (
            RoleColor::new(0x8b_93_9f, 246, Color::DarkGray),
            RoleColor::new(0x66_6d_78, 242, Color::DarkGray),
        ),
        Role::Border => {
            (RoleColor::new(0x45_4c_58, 239, Color::DarkGray), RoleColor::new(0xb4_ba_c4, 250, Color::Gray))
        }
        Role::Focus => {
            (RoleColor::new(0xe8_ec_f2, 255, Color::White), RoleColor::new(0x1c_20_26, 234, Color::Black))
        }
        Role::Key => {
            (RoleColor::new(0xf0_e4_42, 227, Color::Yellow), RoleColor::new(0x7a_5c_00, 94, Color::Blue))
        }
        Role::Good => {
            (RoleColor::new(0x2f_c4_98, 42, Color::Green), RoleColor::new(0x00_78_58, 29, Color::Green))
        }
        Role::Warning => (
            RoleColor::new(0xf0_e4_42, 227, Color::LightYellow),
            RoleColor::new(0x8a_68_00, 94, Color::Yellow),
        ),
        Role::Bad => {
            (RoleColor::new(0xff_78_55, 209, Color::LightRed), RoleColor::new(0xb8_3a_00, 130, Color::Red))
        }
        Role::Train => {
            (RoleColor::new(0xff_b0_2e, 214, Color::Yellow), RoleColor::new(0xc4_4f_00, 166, Color::Red))
        }
        Role::Validation => {
            (RoleColor::new(0x56_b4_e9, 75, Color::LightCyan), RoleColor::new(0x00_62_a8, 25, Color::Blue))
        }
        Role::Raw => {
            (RoleColor::new(0x75_56_26, 94, Color::DarkGray), RoleColor::new(0xe3_b4_8c, 180, Color::Gray))
        }
        Role::Cursor => (
            RoleColor::new(0xd9_8b_b6, 175, Color::LightMagenta),
            RoleColor::new(0xa0_3e_78, 132, Color::Magenta),
        ),
    };
    Some(if light { bright } else { dark })
}

/// The colours of several equal curves, on dark and on light backgrounds.
const SERIES: [[RoleColor; 8]; 2] = [
    [
        RoleColor::new(0xff_b0_2e, 214, Color::Yellow),
        RoleColor::new(0x56_b4_e9, 75, Color::LightCyan),
        RoleColor::new(0x2f_c4_98, 42, Color::Green),
        RoleColor::new(0xd9_8b_b6, 175, Color::LightMagenta),
        RoleColor::new(0xf0_e4_42, 227, Color::LightYellow),
        RoleColor::new(0xff_78_55, 209, Color::LightRed),
        RoleColor::new(0x7a_9c_ff, 69, Color::LightBlue),
        RoleColor::new(0xe8_ec_f2, 255, Color::White),
    ],
    [
        RoleColor::new(0xc4_4f_00, 166, Color::Red),
        RoleColor::new(0x00_62_a8, 25, Color::Blue),
        RoleColor::new(0x00_78_58, 29, Color::Green),
        RoleColor::new(0xa0_3e_78, 132, Color::Magenta),
        RoleColor::new(0x8a_68_00, 94, Color::Yellow),
        RoleColor::new(0xb8_00_3a, 125, Color::LightRed),
        RoleColor::new(0x4a_3a_c0, 55, Color::LightBlue),
        RoleColor::new(0x1c_20_26, 234, Color::Black),
    ],
];

/// The colour of one of several equal curves.
pub(super) fn series_color(number: usize, light: bool) -> RoleColor {
    let [dark, bright] = SERIES;
    let colors = if light { bright } else { dark };
    colors[number % colors.len()]
}

/// What a role adds to its colour, or says without any.
pub(super) fn modifier(role: Role, mono: bool) -> Modifier {
    match role {
        Role::Title | Role::Key => Modifier::BOLD,
        Role::Selected => Modifier::REVERSED,
        Role::Bad | Role::Focus | Role::Warning | Role::Cursor if mono => Modifier::BOLD,
        Role::Dim | Role::Border | Role::Raw if mono => Modifier::DIM,
        _ => Modifier::empty(),
    }
}

/// From the middle of the scale to its ends in eight levels, for each sign; negative first.
const STOPS_ON_DARK: [[u32; 3]; 2] =
    [[0x12_15_1a, 0x1f_5f_a8, 0x7c_d0_ff], [0x12_15_1a, 0xb3_5a_0c, 0xff_d0_6b]];
const STOPS_ON_LIGHT: [[u32; 3]; 2] =
    [[0xf2_f3_f5, 0x7f_b4_dc, 0x08_3d_7a], [0xf2_f3_f5, 0xf0_a8_5a, 0x8a_34_00]];
const LEVELS: f32 = 8.0;

pub(super) fn diverging(value: f32, colors: Colors, light: bool) -> Option<Color> {
    let value = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
    match colors {
        Colors::Mono => None,
        Colors::Ansi16 => Some(diverging_ansi(value, light)),
        Colors::Ansi256 => diverging_indexed(value, light).map(Color::Indexed),
        Colors::True => {
            let [r, g, b] = diverging_rgb(value, light);
            Some(Color::Rgb(r, g, b))
        }
    }
}

fn diverging_rgb(value: f32, light: bool) -> [u8; 3] {
    let [negative, positive] = if light { STOPS_ON_LIGHT } else { STOPS_ON_DARK };
    let [middle, half, end] = if value < 0.0 { negative } else { positive };
    let along = (value.abs() * LEVELS).round() / LEVELS * 2.0;
    let (from, to, share) = if along <= 1.0 { (middle, half, along) } else { (half, end, along - 1.0) };
    [16, 8, 0].map(|shift| {
        let channel = |rgb: u32| (rgb >> shift & 0xff) as f32;
        (channel(from) + share * (channel(to) - channel(from))).round() as u8
    })
}

/// From the middle of the scale to its ends in xterm's 256 colours: chosen by eye, as the nearest ones have other hues. Further from the
/// middle is never darker on dark, nor brighter on light; the first step is grey, as there is no dark blue or orange that is quiet.
const INDEXED_ON_DARK: [[u8; 9]; 2] =
    [[233, 235, 24, 25, 31, 32, 74, 75, 117], [233, 236, 94, 130, 166, 172, 208, 214, 222]];
const INDEXED_ON_LIGHT: [[u8; 9]; 2] =
    [[255, 189, 153, 117, 74, 32, 26, 25, 18], [255, 254, 223, 222, 215, 208, 172, 130, 94]];

fn diverging_indexed(value: f32, light: bool) -> Option<u8> {
    let [negative, positive] = if light { INDEXED_ON_LIGHT } else { INDEXED_ON_DARK };
    let scale = if value < 0.0 { negative } else { positive };
    scale.get((value.abs() * LEVELS).round() as usize).copied()
}

fn diverging_ansi(value: f32, light: bool) -> Color {
    let level = (value.abs() * 3.0).round() as u8;
    // away from the background: brighter on black, darker on white
    match (level, value < 0.0, light) {
        (0, _, false) => Color::Black,
        (0, _, true) => Color::White,
        (1, true, false) | (3, true, true) => Color::Blue,
        (2, true, _) => Color::LightBlue,
        (_, true, _) => Color::LightCyan,
        (1, false, false) | (3, false, true) => Color::Red,
        (2, false, _) => Color::Yellow,
        (_, false, _) => Color::LightYellow,
    }
}

/// The steps of a channel in xterm's 6×6×6 cube.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The red, green and blue that a terminal usually shows for a colour; `None` for its own default.
pub(crate) fn rgb(color: Color) -> Option<[u8; 3]> {
    const ANSI: [u32; 16] = [
        0x00_00_00, 0xcd_31_31, 0x0d_bc_79, 0xc8_a8_10, 0x24_72_c8, 0xbc_3f_bc, 0x11_a8_cd, 0xcc_cc_cc,
        0x66_66_66, 0xf1_4c_4c, 0x23_d1_8b, 0xf5_f5_43, 0x3b_8e_ea, 0xd6_70_d6, 0x29_b8_db, 0xff_ff_ff,
    ];
    let index = match color {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => return Some([r, g, b]),
        Color::Indexed(i) => i,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Some(match index {
        0..=15 => {
            let [_, r, g, b] = ANSI[usize::from(index)].to_be_bytes();
            [r, g, b]
        }
        16..=231 => {
            let i = usize::from(index - 16);
            [CUBE[i / 36], CUBE[i / 6 % 6], CUBE[i % 6]]
        }
        232..=255 => [8 + 10 * (index - 232); 3],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2, "relative luminance").
    fn luminance(color: Color) -> f64 {
        let linear = |channel: u8| match f64::from(channel) / 255.0 {
            c if c <= 0.04045 => c / 12.92,
            c => ((c + 0.055) / 1.055).powf(2.4),
        };
        let [r, g, b] = rgb(color).unwrap().map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn larger_values_stand_out_more_from_the_background() {
        for (colors, light) in
            [Colors::Ansi256, Colors::True].into_iter().flat_map(|c| [(c, false), (c, true)])
        {
            for sign in [-1.0, 1.0] {
                let at =
                    |level: i32| luminance(diverging(sign * level as f32 / LEVELS, colors, light).unwrap());
                for level in 1..=LEVELS as i32 {
                    let (less, more) = (at(level - 1), at(level));
                    assert!(
                        if light { more < less } else { more > less },
                        "{colors:?} {light} {sign} {level}"
                    );
                }
            }
        }
    }
}

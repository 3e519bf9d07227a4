//! The colours themselves: Okabe & Ito's set (2008), distinguishable with every kind of colour vision, lightened on
//! dark and darkened on light backgrounds; and a set without green and red, after IBM's, whose colours differ in brightness as well.

use ratatui::style::{Color, Modifier};

use super::{Colors, Palette, Role};

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
pub(super) fn role_color(role: Role, palette: Palette, light: bool) -> Option<RoleColor> {
    if palette == Palette::ColorBlind
        && let Some([dark, bright]) = color_blind(role)
    {
        return Some(if light { bright } else { dark });
    }
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

/// The colours of [`Palette::ColorBlind`] that differ, on dark and on light backgrounds.
fn color_blind(role: Role) -> Option<[RoleColor; 2]> {
    Some(match role {
        Role::Key | Role::Warning => {
            [RoleColor::new(0xff_e0_70, 221, Color::LightYellow), RoleColor::new(0x6b_4e_00, 58, Color::Blue)]
        }
        Role::Good => {
            [RoleColor::new(0x7a_a2_ff, 111, Color::LightBlue), RoleColor::new(0x1f_4f_c8, 26, Color::Blue)]
        }
        Role::Bad => {
            [RoleColor::new(0xff_7a_1a, 208, Color::LightRed), RoleColor::new(0xb0_3a_00, 130, Color::Red)]
        }
        Role::Train => {
            [RoleColor::new(0xff_c2_33, 220, Color::Yellow), RoleColor::new(0xb8_58_00, 166, Color::Red)]
        }
        Role::Validation => {
            [RoleColor::new(0x5a_8c_ff, 69, Color::LightBlue), RoleColor::new(0x1a_3f_b0, 25, Color::Blue)]
        }
        Role::Raw => {
            [RoleColor::new(0x70_58_20, 94, Color::DarkGray), RoleColor::new(0xe3_b4_8c, 180, Color::Gray)]
        }
        Role::Cursor => {
            [RoleColor::new(0xff_f6_d0, 230, Color::White), RoleColor::new(0x30_30_38, 236, Color::Black)]
        }
        _ => return None,
    })
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

/// The same of [`Palette::ColorBlind`]: neighbours differ in brightness.
const COLOR_BLIND_SERIES: [[RoleColor; 8]; 2] = [
    [
        RoleColor::new(0xff_c2_33, 220, Color::Yellow),
        RoleColor::new(0x5a_8c_ff, 69, Color::LightBlue),
        RoleColor::new(0xff_f6_d0, 230, Color::White),
        RoleColor::new(0xd6_45_8f, 168, Color::Magenta),
        RoleColor::new(0xa9_d4_ff, 153, Color::LightCyan),
        RoleColor::new(0xd0_66_10, 166, Color::LightRed),
        RoleColor::new(0xff_a8_d0, 218, Color::LightMagenta),
        RoleColor::new(0x8a_6c_e8, 98, Color::Blue),
    ],
    [
        RoleColor::new(0xb8_58_00, 166, Color::Red),
        RoleColor::new(0x1c_20_26, 234, Color::Black),
        RoleColor::new(0xc0_3a_7a, 168, Color::Magenta),
        RoleColor::new(0x1a_3f_b0, 25, Color::Blue),
        RoleColor::new(0xd0_70_20, 172, Color::LightRed),
        RoleColor::new(0x10_28_80, 18, Color::LightBlue),
        RoleColor::new(0x8a_68_00, 94, Color::Yellow),
        RoleColor::new(0x5a_1a_40, 53, Color::LightMagenta),
    ],
];

/// The colour of one of several equal curves.
pub(super) fn series_color(number: usize, palette: Palette, light: bool) -> RoleColor {
    let [dark, bright] = match palette {
        Palette::Standard => SERIES,
        Palette::ColorBlind => COLOR_BLIND_SERIES,
    };
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

/// A diverging scale, negative values first.
struct Scale {
    /// From the middle of the scale to its end, with what is between.
    stops: [[u32; 3]; 2],
    /// The same in xterm's 256 colours, level by level: chosen by eye, as the nearest ones have other hues. Further from the middle is never
    /// darker on dark, nor brighter on light; the first step is grey, as there is no dark blue or orange that is quiet.
    indexed: [[u8; 9]; 2],
}

/// Levels of a scale from its middle to an end.
const LEVELS: f32 = 8.0;

/// Of each palette, on dark and on light backgrounds.
const SCALES: [[Scale; 2]; 2] = [
    [
        Scale {
            stops: [[0x12_15_1a, 0x1f_5f_a8, 0x7c_d0_ff], [0x12_15_1a, 0xb3_5a_0c, 0xff_d0_6b]],
            indexed: [[233, 235, 24, 25, 31, 32, 74, 75, 117], [233, 236, 94, 130, 166, 172, 208, 214, 222]],
        },
        Scale {
            stops: [[0xf2_f3_f5, 0x7f_b4_dc, 0x08_3d_7a], [0xf2_f3_f5, 0xf0_a8_5a, 0x8a_34_00]],
            indexed: [[255, 189, 153, 117, 74, 32, 26, 25, 18], [255, 254, 223, 222, 215, 208, 172, 130, 94]],
        },
    ],
    [
        Scale {
            stops: [[0x12_15_1a, 0x2a_4f_b0, 0x8f_b0_ff], [0x12_15_1a, 0xb0_7a_00, 0xff_f2_90]],
            indexed: [[233, 235, 24, 25, 26, 33, 69, 75, 153], [233, 236, 94, 136, 172, 178, 214, 220, 228]],
        },
        Scale {
            stops: [[0xf2_f3_f5, 0x7a_9c_ea, 0x0a_20_70], [0xf2_f3_f5, 0xf0_c0_40, 0x7a_4a_00]],
            indexed: [[255, 189, 153, 111, 75, 69, 27, 26, 19], [255, 254, 222, 220, 214, 178, 172, 136, 94]],
        },
    ],
];

fn scale(palette: Palette, light: bool) -> &'static Scale {
    let [standard, color_blind] = &SCALES;
    let [dark, bright] = match palette {
        Palette::Standard => standard,
        Palette::ColorBlind => color_blind,
    };
    if light { bright } else { dark }
}

/// The colour of a value from -1 to 1.
pub(super) fn diverging(value: f32, colors: Colors, palette: Palette, light: bool) -> Option<Color> {
    match colors {
        Colors::Mono => None,
        Colors::Ansi16 => Some(diverging_ansi(value, light)),
        Colors::Ansi256 => diverging_indexed(value, scale(palette, light)).map(Color::Indexed),
        Colors::True => {
            let [r, g, b] = diverging_rgb(value, scale(palette, light));
            Some(Color::Rgb(r, g, b))
        }
    }
}

fn diverging_rgb(value: f32, scale: &Scale) -> [u8; 3] {
    let [negative, positive] = scale.stops;
    let [middle, half, end] = if value < 0.0 { negative } else { positive };
    let along = (value.abs() * LEVELS).round() / LEVELS * 2.0;
    let (from, to, share) = if along <= 1.0 { (middle, half, along) } else { (half, end, along - 1.0) };
    [16, 8, 0].map(|shift| {
        let channel = |rgb: u32| (rgb >> shift & 0xff) as f32;
        (channel(from) + share * (channel(to) - channel(from))).round() as u8
    })
}

fn diverging_indexed(value: f32, scale: &Scale) -> Option<u8> {
    let [negative, positive] = scale.indexed;
    let side = if value < 0.0 { negative } else { positive };
    side.get((value.abs() * LEVELS).round() as usize).copied()
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
        let palettes = [Palette::Standard, Palette::ColorBlind];
        let tiers = [Colors::Ansi256, Colors::True];
        let cases = palettes.iter().flat_map(|palette| tiers.map(|tier| (*palette, tier)));
        for ((palette, colors), light) in cases.flat_map(|case| [(case, false), (case, true)]) {
            for sign in [-1.0, 1.0] {
                let color = |level: i32| diverging(sign * level as f32 / LEVELS, colors, palette, light);
                let at = |level: i32| luminance(color(level).unwrap());
                for level in 1..=LEVELS as i32 {
                    let (less, more) = (at(level - 1), at(level));
                    let grows = if light { more < less } else { more > less };
                    assert!(grows, "{palette:?} {colors:?} {light} {sign} {level}");
                }
            }
        }
    }

    #[test]
    fn without_red_and_green_good_and_bad_differ_in_blue_and_neighbouring_curves_in_brightness() {
        for (light, colors) in
            [false, true].into_iter().flat_map(|l| [(l, Colors::Ansi256), (l, Colors::True)])
        {
            let color = |role| role_color(role, Palette::ColorBlind, light).unwrap().on(colors).unwrap();
            for (one, other) in [(Role::Good, Role::Bad), (Role::Train, Role::Validation)] {
                let blue = |role| f64::from(rgb(color(role)).unwrap()[2]);
                assert!((blue(one) - blue(other)).abs() > 80.0, "{one:?} {other:?}");
            }
            let series = |number| series_color(number, Palette::ColorBlind, light).on(colors).unwrap();
            for number in 1..8 {
                let [a, b] = [series(number - 1), series(number)].map(|c| luminance(c) + 0.05);
                assert!(a.max(b) / a.min(b) > 1.25, "{light} {colors:?} {number}");
            }
        }
    }
}

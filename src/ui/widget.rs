//! Widgets of the panels. They take slices and know no events.

mod canvas;
pub mod chart;
pub mod glyph_fallback;
pub mod heat_map;
pub mod panel_frame;
pub mod parallel;
pub mod profile;
pub mod text;
pub mod ticks;

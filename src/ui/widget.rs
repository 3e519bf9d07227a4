//! What panels are drawn with. Widgets take slices and know no event.

mod canvas;
pub mod chart;
pub mod frame;
pub mod heat_map;
pub mod plain;
pub mod text;
pub mod ticks;

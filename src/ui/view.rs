//! What is seen: one panel a file. Views are handed state and a buffer, and fetch nothing.

mod attention;
pub mod dashboard;
mod detail;
mod explain;
mod gradient;
mod hidden;
mod histograms;
mod kernel;
pub mod layout;
mod log;
mod message;
mod metric;
pub mod plot;
mod predictions;
mod preparing;
mod status;
pub mod tabs;
mod tensors;
mod waterfall;

use super::dashboard::Dashboard;
use super::panel::Panel;
use super::theme::{Role, Theme};
use super::widget::text::Piece;

/// The title of a panel: its number and its name.
fn title<'a>(dash: &Dashboard, panel: Panel, name: &str, theme: &Theme) -> Vec<Piece<'a>> {
    let number = dash.view.number(panel, &dash.run);
    vec![(format!("{number} {name}").into(), theme.style(Role::Title))]
}

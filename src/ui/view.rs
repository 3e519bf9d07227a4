//! What is seen: one panel a file. Views are handed state and a buffer, and fetch nothing.

mod attention;
mod confusion;
pub mod dashboard;
mod decay;
mod detail;
mod diagnosis;
mod entities;
mod explain;
mod forecast;
mod gradient;
mod half_life;
mod hidden;
mod histograms;
mod influence;
mod kernel;
mod labels;
pub mod layout;
mod log;
mod message;
mod metric;
mod neighbours;
pub mod plot;
mod predictions;
mod preparing;
mod runs;
mod samples;
mod saturation;
mod status;
pub mod tabs;
mod tensors;
mod trainings;
mod unit;
mod waterfall;
mod words;

use std::borrow::Cow;

use super::dashboard::Dashboard;
use super::panel::Panel;
use super::theme::{Role, Theme};
use super::widget::text::Piece;
use crate::escape;
use crate::metrics::is_predicted;
use crate::protocol::RunInfo;

/// The title of a panel: its number and its name.
fn title<'a>(dash: &Dashboard, panel: Panel, name: &str, theme: &Theme) -> Vec<Piece<'a>> {
    let number = dash.view.number(panel, &dash.run);
    vec![(format!("{number} {name}").into(), theme.style(Role::Title))]
}

/// A class as it is shown.
fn class_name<'a>(info: Option<&RunInfo>, label: &'a str) -> Cow<'a, str> {
    match info.map(|info| info.class_name(label)) {
        Some(Cow::Owned(name)) => name.into(),
        _ => visible(label),
    }
}

/// The leading class and its probability as words; of several labels `none`, if the leading one is not predicted.
fn predicted(info: Option<&RunInfo>, name: &str, value: f32) -> String {
    match info.is_some_and(RunInfo::has_labels) && !is_predicted(value) {
        true => "none".to_owned(),
        false => format!("{name} {value:.2}"),
    }
}

/// A token as it is shown: a blank and a line end have a mark, as they are the whole of a character that is read or predicted.
fn visible(token: &str) -> Cow<'_, str> {
    match token {
        " " => "␣".into(),
        "\n" => "↵".into(),
        token => escape::foreign(token),
    }
}

//! The gradient norms per unrolled step of all runs, at the last monitored step of each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::CompareScreen;
use super::chart::bounds;
use super::curves::RunCurves;
use crate::escape::foreign;
use crate::protocol::{Direction, GradientProfile};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::Sample;
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::profile::{self, Profile};
use crate::ui::widget::text;

impl CompareScreen {
    pub(super) fn render_gradients(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let Some(layer @ (number, direction)) = self.layers.get(self.layer).copied() else { return };
        let class = self
            .curves
            .iter()
            .find_map(|curves| curves.gradients.get(&layer).and(curves.classes.get(number)));
        let direction = match direction {
            None => "",
            Some(Direction::Forward) => " fwd",
            Some(Direction::Backward) => " bwd",
        };
        let class = class.map_or("", String::as_str);
        let title = [
            ("‖∂L/∂h_t‖".into(), theme.style(Role::Title)),
            (format!(" · {number} {}{direction}", foreign(class)).into(), theme.style(Role::Text)),
        ];
        let note = match self.layers.len() {
            1 => Vec::new(),
            count => vec![vec![(format!("{} of {count}", self.layer + 1).into(), theme.style(Role::Dim))]],
        };
        let inner = PanelFrame { focused: false, title: &title, note: &note, left: &[], right: &[] }
            .render(area, buf, theme);
        let profiles: Vec<(&RunCurves, &GradientProfile)> =
            self.curves.iter().filter_map(|curves| Some((curves, curves.gradients.get(&layer)?))).collect();
        let half_lives: Vec<String> = profiles
            .iter()
            .filter_map(|(curves, profile)| {
                let half_life = f64::from(profile.half_life?);
                let doubles = if half_life < 0.0 { "doubles in " } else { "" };
                Some(format!("{} {doubles}{:.1}", curves.letter(), half_life.abs()))
            })
            .collect();
        let words = match half_lives.is_empty() {
            true => "no half-life".to_owned(),
            false => format!("half-life in steps: {}", half_lives.join("  ")),
        };
        let room = usize::from(inner.width).saturating_sub(2);
        text::put(buf, inner.x + 1, inner.y, room, &[(words.into(), theme.style(Role::Dim))]);
        // The lower line of the frame has the marks of the x axis.
        let area = Rect { y: inner.y + 1, ..inner };
        let last =
            profiles.iter().map(|(_, profile)| profile.hnorm.len()).max().unwrap_or(0).saturating_sub(1);
        let exponents: Vec<Vec<f64>> = profiles
            .iter()
            .map(|(_, profile)| profile.hnorm.iter().map(|norm| f64::from(*norm).log10()).collect())
            .collect();
        let sampled: Vec<Vec<Sample>> =
            exponents.iter().map(|curve| profile::samples(curve, last, last + 1)).collect();
        let Some(y) = bounds(&sampled, true).filter(|_| inner.height > 2) else { return };
        let drawn: Vec<Profile<'_>> = profiles
            .iter()
            .zip(&exponents)
            .map(|((curves, _), exponents)| Profile {
                exponents,
                line: curves.line(),
                style: theme.series(curves.color()),
            })
            .collect();
        profile::render(&drawn, last, y, area, buf, theme);
    }
}

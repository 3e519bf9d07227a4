//! The gradient norm at every unrolled step of a recurrent layer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::escape;
use crate::metrics::half_life;
use crate::number;
use crate::protocol::{Direction, GradientProfile, LayerHealth};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::{Panel, Tab};
use crate::ui::run_state::{Profiles, RecurrentLayer};
use crate::ui::theme::{Glyphs, Role, Theme};
use crate::ui::view_state::Norm;
use crate::ui::widget::chart::{self, Chart, Curve, LineStyle, Sample};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::ticks::{self, Tick};

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let view = &dash.view;
    let log = view.is_log(Panel::Gradient);
    let title = title(dash, usize::from(area.width).saturating_sub(6), theme);
    let note = dash.view.health(&dash.run).map(|health| note(health, theme)).unwrap_or_default();
    let frame = PanelFrame {
        focused: view.focus(&dash.run) == Panel::Gradient,
        title: &title,
        note: &note,
        left: &[],
        right: &[],
    };
    let inner = frame.render(area, buf, theme);
    let room = usize::from(inner.width).saturating_sub(2);
    let mut write = |words: &str, role: Role| {
        text::put(buf, inner.x + 1, inner.y, room, &[(words.into(), theme.style(role))])
    };
    let Some(profiles) = dash.view.profiles(&dash.run).filter(|_| inner.height > 2) else {
        write(&waiting(dash), Role::Dim);
        return;
    };
    let profile = &profiles.latest;
    let (latest, first) = (norms(profile, view.norm), norms(&profiles.first, view.norm));
    let used = match view.position.and_then(|at| Some((at, latest.get(at)?))) {
        Some((at, norm)) => {
            let norm = number::metric(f64::from(*norm));
            let padding = if profiles.latest.is_padding(at) { " · padding" } else { "" };
            write(
                &format!("t = {at} · {norm}{padding} · at step {}", number::count(profiles.latest.step)),
                Role::Cursor,
            )
        }
        None => {
            let slope = decay(&profiles.latest, view.norm);
            // Beside it stands the half-life over several batches.
            let of_batch = format!("{slope}, this batch");
            let is_named = view.tab == Tab::Gradients && text::width(&of_batch) <= room;
            let slope = if is_named { of_batch } else { slope };
            let with_padding = padding_words(&profiles.latest).map(|padding| format!("{slope} · {padding}"));
            let fitting = with_padding.filter(|words| text::width(words) <= room);
            write(&fitting.unwrap_or(slope), Role::Text)
        }
    };
    let best_step = best(dash, profiles).map(|best| best.step);
    for wording in [true, false].map(|long| legend(profiles, best_step, long, theme)) {
        let wide = text::width_of(&wording);
        if used + 2 + wide <= room {
            text::put(buf, inner.right() - 1 - wide as u16, inner.y, wide, &wording);
            break;
        }
    }
    let chart_area = Rect { y: inner.y + 1, height: inner.height, ..inner };
    let Some(y) = bounds(latest.iter().chain(first).map(|norm| f64::from(*norm)), log) else { return };
    let most = ticks::fitting(chart_area.height.saturating_sub(1));
    let y_ticks = if log { ticks::logarithmic(y.0, y.1, most) } else { ticks::linear(y.0, y.1, most) };
    let columns = chart::columns(chart::plot(chart_area, &y_ticks), theme.glyphs);
    let last = latest.len().saturating_sub(1) as f64;
    let (read, padded) = (samples_where(latest, columns, log, |t| !profile.is_padding(t)), {
        samples_where(latest, columns, log, |t| profile.is_padding(t))
    });
    let first = samples(first, columns, log);
    let best = best(dash, profiles).map(|best| samples(norms(best, view.norm), columns, log));
    let mut curves = vec![
        Curve { samples: &first, line: LineStyle::Behind, style: theme.style(Role::Raw) },
        Curve { samples: &padded, line: LineStyle::Faint, style: theme.style(Role::Dim) },
        Curve { samples: &read, line: LineStyle::Solid, style: theme.style(Role::Train) },
    ];
    if profiles.first.step == profiles.latest.step {
        curves.remove(0);
    }
    if let Some(best) = &best {
        let at = curves.len() - 1;
        curves.insert(at, Curve { samples: best, line: LineStyle::Behind, style: theme.style(Role::Good) });
    }
    Chart {
        y,
        y_ticks: &y_ticks,
        x: (0.0, last),
        x_ticks: &x_ticks(last, columns),
        x_name: "t",
        curves: &curves,
        rules: &[],
        events: &[],
        cursor: view.position.map(|at| at as f64),
    }
    .render(chart_area, buf, theme);
}

/// The profile at the best checkpoint, on the tab of the gradients; `None` where it is the first or the latest.
fn best<'a>(dash: &'a Dashboard, profiles: &Profiles) -> Option<&'a GradientProfile> {
    let best = dash.run.gradient_history(dash.view.layer(&dash.run)?)?.best()?;
    let is_own = best.step != profiles.first.step && best.step < profiles.latest.step;
    Some(best).filter(|_| is_own && dash.view.tab == Tab::Gradients)
}

/// The title: gradient and layer, in the longest wording that fits.
fn title<'a>(dash: &Dashboard, room: usize, theme: &Theme) -> Vec<Piece<'a>> {
    let symbol = match dash.view.norm {
        Norm::State => "‖∂L/∂h_t‖",
        Norm::CellState => "‖∂L/∂c_t‖",
        Norm::RecurrentKernel => "‖∂L/∂U_t‖",
    };
    let layer = dash.view.layer(&dash.run).map(|recurrent| format!(" · {}", layer_name(dash, recurrent)));
    let tail = format!(" {symbol}{}", layer.unwrap_or_default());
    let number = dash.view.number(Panel::Gradient, &dash.run);
    let wording = |name: &str| {
        let head = format!("{number}{name}");
        vec![(head.into(), theme.style(Role::Title)), (tail.clone().into(), theme.style(Role::Text))]
    };
    let long = wording(" Gradient");
    if text::width_of(&long) <= room { long } else { wording("") }
}

/// The name of a recurrent layer: number, class, direction.
pub(super) fn layer_name(dash: &Dashboard, (layer, direction): RecurrentLayer) -> String {
    let row = dash.run.info().and_then(|info| info.model.layers.get(layer));
    let class = escape::foreign(row.map_or("", |row| row.class.as_str()));
    match direction {
        None => format!("{layer} {class}"),
        Some(Direction::Forward) => format!("{layer} {class} fwd"),
        Some(Direction::Backward) => format!("{layer} {class} bwd"),
    }
}

pub(super) fn norms(profile: &GradientProfile, norm: Norm) -> &[f32] {
    match norm {
        Norm::State => &profile.hnorm,
        Norm::CellState => &profile.cnorm,
        Norm::RecurrentKernel => &profile.kernel_norm,
    }
}

/// Where the padding is, which has no part in the slope; `None` where there is none.
pub(super) fn padding_words(profile: &GradientProfile) -> Option<String> {
    let (first, last) = (profile.first_position(), profile.last_position());
    let count = profile.padding.iter().filter(|is_padding| **is_padding).count();
    let after = profile.hnorm.len().saturating_sub(last + 1);
    match (first, after, count) {
        (_, _, 0) => None,
        (first, _, count) if first == count => Some(format!("t < {first} padding")),
        (_, after, count) if after == count => Some(format!("t > {last} padding")),
        (_, _, count) => Some(format!("padding at {count} of {} steps", profile.hnorm.len())),
    }
}

/// Describes how the norm changes towards the beginning of the input.
pub(super) fn decay(profile: &GradientProfile, norm: Norm) -> String {
    let norms = norms(profile, norm);
    let half_life = match norm {
        Norm::State => profile.half_life,
        Norm::CellState | Norm::RecurrentKernel => half_life(norms, &profile.padding),
    };
    let steps = norms.len();
    match half_life {
        _ if steps == 0 => "not in this recording".into(),
        _ if norms.iter().all(|norm| *norm == 0.0) => "zero everywhere: no gradient flows back".into(),
        None => "no clear slope".into(),
        Some(half_life) if !half_life.is_finite() || half_life.abs() > 10.0 * steps as f32 => {
            format!("nearly constant over all {steps} steps")
        }
        Some(half_life) => {
            let verb = if half_life > 0.0 { "halves" } else { "doubles" };
            // It differs from batch to batch by more than what further digits say.
            let digits = usize::from(half_life.abs() < 10.0);
            format!("{verb} every {:.digits$} steps back", half_life.abs())
        }
    }
}

/// Spectral radius and saturation, in wordings from long to short.
fn note<'a>(health: &LayerHealth, theme: &Theme) -> Vec<Vec<Piece<'a>>> {
    let radius = health.spectral_radius().map(|radius| format!("{} {radius:.2}", rho(theme)));
    let percent = |share: f32| format!("{:.0} %", 100.0 * share);
    let saturated = percent(health.saturated());
    let (long, short) = (format!("{saturated} saturated"), format!("{saturated} sat."));
    let dead = (health.dead() > 0.0).then(|| format!("{} dead", percent(health.dead())));
    let wordings = [
        [radius.clone(), Some(long.clone()), dead],
        [radius.clone(), Some(long), None],
        [radius.clone(), Some(short), None],
        [radius, None, None],
    ];
    let piece = |words: [Option<String>; 3]| {
        let words: Vec<String> = words.into_iter().flatten().collect();
        vec![(words.join(" · ").into(), theme.style(Role::Dim))]
    };
    wordings.map(piece).into()
}

/// The symbol of the spectral radius; the Latin name where the terminal has no Greek letters.
pub(super) fn rho(theme: &Theme) -> &'static str {
    if matches!(theme.glyphs, Glyphs::Ascii | Glyphs::Letters) { "rho" } else { "ρ" }
}

fn waiting(dash: &Dashboard) -> String {
    match (dash.view.layer(&dash.run), dash.run.info()) {
        (None, _) => "the model has no recurrent layer".into(),
        _ => "waiting for the first step".into(),
    }
}

fn legend<'a>(profiles: &Profiles, best: Option<u64>, long: bool, theme: &Theme) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    if profiles.first.step != profiles.latest.step {
        let words = if long { " (first)" } else { "" };
        let text = format!("━ step {}{words} ", number::count(profiles.first.step));
        pieces.push((text.into(), theme.style(Role::Raw)));
    }
    if let Some(best) = best {
        let words = if long { " (best)" } else { "" };
        let text = format!("━ step {}{words} ", number::count(best));
        pieces.push((text.into(), theme.style(Role::Good)));
    }
    let text = format!("━ step {}", number::count(profiles.latest.step));
    pieces.push((text.into(), theme.style(Role::Train)));
    pieces
}

/// The range of the y axis: whole decades if logarithmic, so that it rarely changes; else from 0.
fn bounds(norms: impl Iterator<Item = f64>, log: bool) -> Option<(f64, f64)> {
    let usable = norms.filter(|norm| norm.is_finite() && *norm > 0.0);
    let (low, high) =
        usable.fold((f64::INFINITY, 0.0_f64), |(low, high), norm| (low.min(norm), high.max(norm)));
    if low > high {
        return None;
    }
    let decade = low.log10().floor();
    Some(if log { (decade, high.log10().ceil().max(decade + 1.0)) } else { (0.0, high * 1.04) })
}

fn samples(norms: &[f32], columns: usize, log: bool) -> Vec<Sample> {
    samples_where(norms, columns, log, |_| true)
}

/// Those of the positions for which `is_shown` returns true.
fn samples_where(norms: &[f32], columns: usize, log: bool, is_shown: impl Fn(usize) -> bool) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); columns];
    let last = norms.len().saturating_sub(1).max(1);
    for (t, norm) in norms.iter().enumerate().filter(|(t, _)| is_shown(*t)) {
        let Some(sample) = samples.get_mut((t * columns / last).min(columns.saturating_sub(1))) else {
            continue;
        };
        let norm = f64::from(*norm);
        if norm.is_finite() && norm > 0.0 {
            let value = if log { norm.log10() } else { norm };
            let (low, high) = sample.span.unwrap_or((value, value));
            sample.span = Some((low.min(value), high.max(value)));
        } else {
            sample.gap = Some(if norm == 0.0 { '·' } else { '×' });
        }
    }
    samples
}

/// The first and the last position come first: they take precedence.
fn x_ticks(last: f64, columns: usize) -> Vec<Tick> {
    let mut ticks = vec![Tick { at: 0.0, text: "0".into() }, Tick { at: last, text: format!("{last}") }];
    ticks.extend(ticks::counts(0.0, last, columns / 20));
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_padding_is_named_by_its_place_and_drawn_apart() {
        let of = |padding: &[bool]| {
            let (hnorm, padding) = (vec![1.0; padding.len()], padding.to_vec());
            padding_words(&GradientProfile { hnorm, padding, ..GradientProfile::default() })
        };
        assert_eq!(of(&[false, false]), None);
        assert_eq!(of(&[true, true, false, false]).as_deref(), Some("t < 2 padding"));
        assert_eq!(of(&[false, false, true, true]).as_deref(), Some("t > 1 padding"));
        assert_eq!(of(&[true, false, true, true]).as_deref(), Some("padding at 3 of 4 steps"));
        let spans = |is_shown: fn(usize) -> bool| {
            let samples = samples_where(&[1.0, 2.0, 3.0, 4.0], 4, false, is_shown);
            samples.iter().filter_map(|sample| sample.span).collect::<Vec<_>>()
        };
        assert_eq!(spans(|t| t < 2), [(1.0, 1.0), (2.0, 2.0)]);
        assert_eq!(spans(|t| t >= 2), [(3.0, 3.0), (4.0, 4.0)]);
    }

    #[test]
    fn the_slope_of_the_recurrent_kernel_is_that_without_the_padding() {
        let kernel_norm: Vec<f32> = (0..20).map(|t| 2f32.powi(if t < 12 { 24 - t } else { t })).collect();
        let padding = (0..20).map(|t| t < 12).collect();
        let profile = GradientProfile { kernel_norm, padding, ..GradientProfile::default() };
        assert_eq!(decay(&profile, Norm::RecurrentKernel), "halves every 1.0 steps back");
        let unmarked = GradientProfile { padding: Vec::new(), ..profile };
        assert_eq!(decay(&unmarked, Norm::RecurrentKernel), "no clear slope");
    }
}

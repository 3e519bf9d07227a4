//! The gradient norm at every unrolled step of a recurrent layer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::decay::{self, norms};
use crate::escape;
use crate::number;
use crate::protocol::{Direction, GradientProfile, LayerHealth};
use crate::sort::SmallSort as _;
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
        text::put(buf, inner.x + 1, inner.y, room, &[(words.into(), theme.style(role))]);
    };
    let Some(profiles) = dash.view.profiles(&dash.run).filter(|_| inner.height > 2) else {
        write(&waiting(dash), Role::Dim);
        return;
    };
    let profile = &profiles.latest;
    let latest = norms(profile, view.norm);
    let best_step = best(dash, profiles).map(|best| best.step);
    let legends = legends(profiles, best_step, view.cursor.is_some(), theme);
    let (words, role) = match view.position.and_then(|at| Some((at, latest.get(at)?))) {
        Some((at, norm)) => {
            let norm = number::metric(f64::from(*norm));
            let padding = if profile.is_padding(at) { " · padding" } else { "" };
            let of_step = format!("t = {at} · {norm}{padding} · at step {}", number::count(profile.step));
            (vec![of_step, format!("t = {at} · {norm}{padding}")], Role::Cursor)
        }
        // The full sentence is that of the explanation.
        None => {
            let mut words = decay(dash, profiles);
            words.drain(..usize::from(words.len() > 3));
            if let Some(padding) = padding_words(profile) {
                let with_padding = words.iter().map(|words| format!("{words} · {padding}"));
                words = with_padding.chain(words.iter().cloned()).collect();
                words.small_sort_by_key(|words| std::cmp::Reverse(text::width(words)));
            }
            (words, Role::Text)
        }
    };
    // The longest of both that fit, and the words alone if none do.
    let pair = words.iter().find_map(|words| {
        let left = room.checked_sub(text::width(words) + 2)?;
        Some((words, legends.iter().find(|legend| text::width_of(legend) <= left)?))
    });
    if let Some((words, legend)) = pair {
        let wide = text::width_of(legend);
        write(words, role);
        text::put(buf, inner.right() - 1 - wide as u16, inner.y, wide, legend);
    } else if let Some(words) = words.iter().find(|words| text::width(words) <= room).or(words.last()) {
        write(words, role);
    }
    let chart_area = Rect { y: inner.y + 1, height: inner.height, ..inner };
    let best = best(dash, profiles);
    let shown = [Some(profile), Some(&profiles.first), best];
    let Some(y) = range(shown.into_iter().flatten(), view.norm, log) else { return };
    let most = ticks::fitting(chart_area.height.saturating_sub(1));
    let y_ticks = if log { ticks::logarithmic(y.0, y.1, most) } else { ticks::linear(y.0, y.1, most) };
    let columns = chart::columns(chart::plot(chart_area, &y_ticks), theme.glyphs);
    let last = latest.len().saturating_sub(1) as f64;
    let read = samples_where(latest, columns, log, |t| !profile.is_padding(t));
    // What is beyond the axis would lie on its edge.
    let is_in_range = |t: usize| latest.get(t).is_some_and(|norm| *norm == 0.0 || is_within(*norm, y, log));
    let padded = samples_where(latest, columns, log, |t| profile.is_padding(t) && is_in_range(t));
    let of_read =
        |of: &GradientProfile| samples_where(norms(of, view.norm), columns, log, |t| !of.is_padding(t));
    let first = of_read(&profiles.first);
    let best = best.map(of_read);
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

/// The curves by their steps, in wordings from long to short; the shortest calls the latest step by its number only if a cursor chose it.
fn legends<'a>(
    profiles: &Profiles,
    best: Option<u64>,
    is_chosen: bool,
    theme: &Theme,
) -> [Vec<Piece<'a>>; 3] {
    let step = |step: u64| format!("step {}", number::count(step));
    let first = (profiles.first.step != profiles.latest.step).then_some(profiles.first.step);
    let legend = |words: &dyn Fn(u64, &str) -> String, latest: String| {
        let named = [(first, "first", Role::Raw), (best, "best", Role::Good)];
        let named = named.into_iter().filter_map(|(at, name, role)| {
            Some((format!("━ {} ", words(at?, name)).into(), theme.style(role)))
        });
        named.chain([(format!("━ {latest}").into(), theme.style(Role::Train))]).collect()
    };
    let latest = step(profiles.latest.step);
    let now = if is_chosen { latest.clone() } else { "now".to_owned() };
    [
        legend(&|at, name| format!("{} ({name})", step(at)), latest.clone()),
        legend(&|at, _| step(at), latest),
        legend(&|_, name| name.to_owned(), now),
    ]
}

/// How the norm changes towards the beginning of the input, in wordings from long to short.
pub(super) fn decay(dash: &Dashboard, profiles: &Profiles) -> Vec<String> {
    let history = dash.view.layer(&dash.run).and_then(|layer| dash.run.gradient_history(layer));
    decay::wordings(&profiles.latest, history, dash.view.norm)
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

/// The range of the y axis for some profiles: of what they have read, as the gradient at padding, many decades lower where the last batch of an
/// epoch is small and short, would leave the curves a few rows; of all where there is nothing else.
fn range<'p>(
    profiles: impl Iterator<Item = &'p GradientProfile> + Clone,
    norm: Norm,
    log: bool,
) -> Option<(f64, f64)> {
    let of = |profile: &'p GradientProfile, padding: bool| {
        let norms = norms(profile, norm).iter().enumerate();
        norms.filter(move |(t, _)| padding || !profile.is_padding(*t)).map(|(_, norm)| f64::from(*norm))
    };
    let read = bounds(profiles.clone().flat_map(|profile| of(profile, false)), log);
    read.or_else(|| bounds(profiles.flat_map(|profile| of(profile, true)), log))
}

fn is_within(norm: f32, (low, high): (f64, f64), log: bool) -> bool {
    let value = if log { f64::from(norm).log10() } else { f64::from(norm) };
    (low..=high).contains(&value)
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
    fn the_axis_is_that_of_what_is_read_not_of_the_padding() {
        let profile = |hnorm: &[f32], padding: &[bool]| GradientProfile {
            hnorm: hnorm.to_vec(),
            padding: padding.to_vec(),
            ..GradientProfile::default()
        };
        let first = profile(&[0.02, 0.03, 0.05, 0.04], &[]);
        // Of a small last batch with short sentences.
        let last = profile(&[0.02, 0.5, 3e-9, 2e-12], &[false, false, true, true]);
        let range_of = |shown: &[&GradientProfile]| range(shown.iter().copied(), Norm::State, true);
        assert_eq!(range_of(&[&last, &first]), Some((-2.0, 0.0)));
        assert!(is_within(0.02, (-2.0, 0.0), true) && !is_within(3e-9, (-2.0, 0.0), true));
        let all_padding = profile(&[2e-3, 2e-5], &[true, true]);
        assert_eq!(range_of(&[&all_padding]), Some((-5.0, -2.0)));
        assert_eq!(range_of(&[&profile(&[0.0], &[])]), None);
    }

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
}

//! Where an axis is marked, and what the marks say.

use crate::number;

/// A share of a number by which single-precision values differ that are the same.
const ROUNDING: f64 = 1e-5;

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where, in units of the axis.
    pub at: f64,
    /// What it says.
    pub text: String,
}

/// How many marks fit a y axis of `rows` rows: close on a low one, where there must be two at least, apart on a
/// high one.
pub fn fitting(rows: u16) -> usize {
    usize::from(if rows < 12 { rows * 2 / 3 } else { rows / 3 + 2 }).clamp(2, 10)
}

/// At most about `most` marks between `from` and `to`, at multiples of 1, 2 or 5 times a power of ten.
pub fn linear(from: f64, to: f64, most: usize) -> Vec<Tick> {
    at_multiples(from, to, nice_step((to - from) / most.max(1) as f64))
}

fn at_multiples(from: f64, to: f64, step: f64) -> Vec<Tick> {
    let place = step.log10().floor() as i32;
    multiples(from, to, step).map(|at| Tick { at, text: plain(at, place) }).collect()
}

/// How much wider a range may become for even marks.
const WIDEST: f64 = 1.35;

/// A range that contains that from `from` to `to` and whose marks, at multiples of 1, 2 or 5 times a power of ten, lie whole lines of text
/// apart, where a chart has `lines` lines of `dots` dots each; of several the narrowest with at most about `most` marks. Where only a much
/// wider one has such marks, the range is as it was.
pub fn even(from: f64, to: f64, most: usize, (lines, dots): (u16, usize)) -> ((f64, f64), Vec<Tick>) {
    let (dots, all) = (dots as f64, f64::from(lines) * dots as f64 - 1.0);
    let least = nice_step((to - from) / most.max(1) as f64);
    let steps = std::iter::successors(Some(least), |step| Some(nice_step(step * 1.5)));
    let widened = |step: f64| {
        // As far apart as the range allows; below the first mark are so many dots that `from` is on the chart.
        let first = (from / step - 1e-6).ceil() * step;
        let most_apart = (step * all / ((to - from) * dots)).floor();
        let ranges =
            [most_apart, most_apart - 1.0].into_iter().filter(|apart| *apart >= 1.0).map(move |apart| {
                let dot = step / (apart * dots);
                let low = first - ((first - from) / dot - 1e-6).ceil().max(0.0) * dot;
                (low, low + all * dot, step)
            });
        ranges.filter(move |range| range.1 >= to - 1e-9 * step)
    };
    let ranges = steps.take_while(|step| 2.0 * step <= to - from || *step == least).take(4).flat_map(widened);
    let width = |range: &(f64, f64, f64)| range.1 - range.0;
    match ranges
        .filter(|range| width(range) <= WIDEST * (to - from))
        .min_by(|a, b| width(a).total_cmp(&width(b)))
    {
        Some((low, high, step)) => ((low, high), at_multiples(low, high, step)),
        None => ((from, to), linear(from, to, most)),
    }
}

/// The space to leave above and below the values of a y axis, which are from `low` to `high`, in units of the exponent if `log`. A constant
/// has a range of its own, and so has what differs by rounding errors alone: its marks would show them.
pub fn margin(low: f64, high: f64, log: bool) -> f64 {
    let (span, size) = (high - low, low.abs().max(high.abs()));
    match log {
        true if span < ROUNDING => 0.05,
        true => (span * 0.04).max(size * 0.02),
        false if size == 0.0 => 1.0,
        false if span < size * ROUNDING => size * 0.05,
        false => span * 0.04,
    }
}

/// Marks at whole numbers, written as counts; `most` as in [`linear`].
pub fn counts(from: f64, to: f64, most: usize) -> Vec<Tick> {
    let step = nice_step((to - from) / most.max(1) as f64).max(1.0);
    multiples(from, to, step).map(|at| Tick { at, text: number::count(at.max(0.0) as u64) }).collect()
}

/// Marks at spans of time that people use, from seconds to days; `most` as in [`linear`].
pub fn seconds(from: f64, to: f64, most: usize) -> Vec<Tick> {
    const USUAL: [f64; 17] = [
        1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0,
        28800.0, 86400.0,
    ];
    let least = (to - from) / most.max(1) as f64;
    let step = USUAL
        .into_iter()
        .find(|usual| *usual >= least)
        .unwrap_or_else(|| nice_step(least / 86400.0) * 86400.0);
    multiples(from, to, step)
        .map(|at| Tick { at, text: if at == 0.0 { "0".into() } else { number::duration(at) } })
        .collect()
}

/// Marks between the powers of ten `10^from` and `10^to`, in units of the exponent: decades, thinned to about
/// `most`; within less than two decades also 2 and 5, and within less than a third of one as [`linear`].
pub fn logarithmic(from: f64, to: f64, most: usize) -> Vec<Tick> {
    let span = to - from;
    if span < 0.3 {
        return on_exponents(from, to, most);
    }
    let every = nice_step(span / most.max(1) as f64).max(1.0).ceil();
    let factors: &[f64] = if span < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let first = (from / every).floor() as i64;
    let last = (to / every).floor() as i64;
    let ticks: Vec<Tick> = (first..=last)
        .flat_map(|i| factors.iter().map(move |factor| (i as f64 * every, *factor)))
        .map(|(decade, factor)| Tick { at: decade + factor.log10(), text: power(factor, decade) })
        .filter(|tick| (from - 1e-9..=to + 1e-9).contains(&tick.at))
        .collect();
    // A single mark gives no scale.
    if ticks.len() < 2 && span < 2.0 { on_exponents(from, to, most) } else { ticks }
}

/// Marks at even distances of the values, which is all that there is within a part of a decade.
fn on_exponents(from: f64, to: f64, most: usize) -> Vec<Tick> {
    let ticks = linear(10_f64.powf(from), 10_f64.powf(to), most);
    ticks.into_iter().map(|tick| Tick { at: tick.at.log10(), ..tick }).collect()
}

/// The least of 1, 2 and 5 times a power of ten that is not below `least`.
fn nice_step(least: f64) -> f64 {
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let decade = 10_f64.powf(least.log10().floor());
    let factor =
        [1.0, 2.0, 5.0].into_iter().find(|factor| factor * decade >= least * (1.0 - 1e-9)).unwrap_or(10.0);
    factor * decade
}

fn multiples(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (from / step - 1e-6).ceil();
    // far from 0 a tiny range has no representable marks: never count without end
    let count = ((to / step + 1e-6).floor() - first + 1.0).clamp(0.0, 1000.0) as usize;
    (0..count).map(move |i| (first + i as f64) * step)
}

/// A number with the digits down to `place`, an exponent of ten.
fn plain(at: f64, place: i32) -> String {
    let at = if at == 0.0 { 0.0 } else { at };
    let digits = usize::try_from(-place).unwrap_or(0);
    match at.abs() {
        a if a >= 1e5 || digits > 4 && a > 0.0 => {
            let significant = a.log10().floor() as i32 - place;
            match usize::try_from(significant) {
                // As many digits as tell one mark from the next, and one at least.
                Ok(significant) if !(1e-3..1e5).contains(&a) => format!("{at:.*e}", significant.clamp(1, 12)),
                Ok(_) => format!("{at:.*}", digits.min(12)),
                Err(_) => format!("{at:.1e}"),
            }
        }
        _ if digits > 4 => "0".into(),
        _ => format!("{at:.digits$}"),
    }
}

fn power(factor: f64, exponent: f64) -> String {
    match exponent {
        e if (-3.0..=-1.0).contains(&e) => format!("{:.*}", (-e) as usize, factor * 10_f64.powf(e)),
        e if (0.0..=3.0).contains(&e) => format!("{:.0}", factor * 10_f64.powf(e)),
        e => format!("{factor:.0}e{e:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn linear_marks_are_round() {
        assert_eq!(texts(&linear(0.0, 1.0, 5)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&linear(0.31, 0.69, 4)), ["0.4", "0.5", "0.6"]);
        assert_eq!(texts(&linear(-3.0, 3.0, 3)), ["-2", "0", "2"]);
        assert_eq!(texts(&linear(0.0, 3e-6, 3)), ["0", "1.0e-6", "2.0e-6", "3.0e-6"]);
    }

    #[test]
    fn marks_of_a_narrow_range_differ() {
        assert_eq!(texts(&linear(0.71234, 0.71237, 3)), ["0.71234", "0.71235", "0.71236", "0.71237"]);
        assert_eq!(texts(&linear(2e5, 2.00003e5, 3)), ["2.00000e5", "2.00001e5", "2.00002e5", "2.00003e5"]);
        assert_eq!(texts(&linear(1e5, 3e5, 2)), ["1.0e5", "2.0e5", "3.0e5"]);
    }

    #[test]
    fn a_constant_has_marks_without_rounding_errors() {
        for value in [0.3, 0.1, 2.0, 700.0, 1e-4] {
            let noisy = f64::from(value as f32);
            let (low, high) = (noisy.min(value), noisy.max(value));
            let margin = margin(low, high, false);
            for tick in linear(low - margin, high + margin, 6) {
                assert!(tick.text.len() <= 7, "{value}: {}", tick.text);
            }
        }
        assert_eq!(texts(&linear(-margin(0.0, 0.0, false), margin(0.0, 0.0, false), 2)), ["-1", "0", "1"]);
    }

    #[test]
    fn marks_of_an_even_axis_are_whole_lines_apart_and_it_contains_all_values() {
        for (from, to) in [(0.31, 0.69), (0.0, 1.0), (0.58, 0.92), (-3.0, 3.0), (1e-5, 3e-3), (99.0, 101.0)] {
            for (lines, dots, most) in [(4, 4, 2), (7, 4, 4), (9, 2, 6), (13, 4, 6), (40, 4, 10)] {
                let ((low, high), ticks) = even(from, to, most, (lines, dots));
                assert!(low <= from + 1e-9 && high >= to - 1e-9 && high - low <= WIDEST * (to - from));
                if (low, high) == (from, to) {
                    assert!(lines <= 9, "{from} {to} {lines}");
                    continue;
                }
                assert!(ticks.len() >= 2, "{from} {to} {lines}: {ticks:?}");
                let all = f64::from(lines) * dots as f64 - 1.0;
                let line = |tick: &Tick| ((high - tick.at) / (high - low) * all).round() as usize / dots;
                let at: Vec<usize> = ticks.iter().map(line).collect();
                let apart: Vec<usize> = at.windows(2).map(|pair| pair[0] - pair[1]).collect();
                assert!(apart.iter().all(|lines| *lines == apart[0]), "{from} {to} {lines}×{dots}: {at:?}");
            }
        }
    }

    #[test]
    fn counts_are_whole_and_times_are_usual() {
        assert_eq!(texts(&counts(0.0, 3.0, 10)), ["0", "1", "2", "3"]);
        assert_eq!(texts(&counts(0.0, 20_000.0, 4)), ["0", "5,000", "10,000", "15,000", "20,000"]);
        assert_eq!(texts(&seconds(0.0, 170.0, 3)), ["0", "1:00", "2:00"]);
        assert_eq!(texts(&seconds(0.0, 4e6, 5)).len(), 5);
    }

    #[test]
    fn decades_are_marked_and_thinned() {
        assert_eq!(texts(&logarithmic(-3.2, 0.1, 5)), ["0.001", "0.01", "0.1", "1"]);
        assert_eq!(texts(&logarithmic(-12.0, 0.0, 4)), ["1e-10", "1e-5", "1"]);
        assert_eq!(texts(&logarithmic(-1.1, 0.0, 6)), ["0.1", "0.2", "0.5", "1"]);
        assert_eq!(texts(&logarithmic(-0.2, 0.0, 3)), ["0.8", "1.0"]);
        // From 0.3 to 0.7 there is a single 1, 2 or 5.
        assert_eq!(texts(&logarithmic(-0.52, -0.15, 4)), ["0.4", "0.6"]);
    }

    #[test]
    fn no_range_makes_them_endless() {
        for (from, to) in
            [(0.0, 0.0), (1e18, 1e18 + 1.0), (f64::MIN, f64::MAX), (0.0, f64::MIN_POSITIVE), (f64::NAN, 1.0)]
        {
            for ticks in [linear(from, to, 5), counts(from, to, 5), seconds(from, to, 5)] {
                assert!(ticks.len() <= 1000);
            }
        }
    }
}

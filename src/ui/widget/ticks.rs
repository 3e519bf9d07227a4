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
    let step = nice_step((to - from) / most.max(1) as f64);
    let place = step.log10().floor() as i32;
    multiples(from, to, step).map(|at| Tick { at, text: plain(at, place) }).collect()
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
        let ticks = linear(10_f64.powf(from), 10_f64.powf(to), most);
        return ticks.into_iter().map(|tick| Tick { at: tick.at.log10(), ..tick }).collect();
    }
    let every = nice_step(span / most.max(1) as f64).max(1.0).ceil();
    let factors: &[f64] = if span < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let first = (from / every).floor() as i64;
    let last = (to / every).floor() as i64;
    (first..=last)
        .flat_map(|i| factors.iter().map(move |factor| (i as f64 * every, *factor)))
        .map(|(decade, factor)| Tick { at: decade + factor.log10(), text: power(factor, decade) })
        .filter(|tick| (from - 1e-9..=to + 1e-9).contains(&tick.at))
        .collect()
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
        assert_eq!(texts(&linear(0.69314, 0.69317, 3)), ["0.69314", "0.69315", "0.69316", "0.69317"]);
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

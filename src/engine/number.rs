//! Number formatting for the screen and for plain output.

/// Formats a count with thousands separators: `25,000`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A count with its unit: `1 field`, `1,200 fields`.
pub fn counted(n: usize, unit: &str) -> String {
    format!("{} {unit}{}", count(n as u64), if n == 1 { "" } else { "s" })
}

/// Formats a measured value in at most eight columns: `0.6932`, `12.35`, `1.2e-7`, `nan`.
pub fn metric(x: f64) -> String {
    match x.abs() {
        _ if x.is_nan() => "nan".into(),
        _ if x.is_infinite() => if x > 0.0 { "inf" } else { "-inf" }.into(),
        0.0 => "0".into(),
        a if a < 1e-3 => format!("{x:.1e}"),
        a if a < 10.0 => format!("{x:.4}"),
        a if a < 1e3 => format!("{x:.2}"),
        a if a < 1e5 => format!("{x:.0}"),
        _ => format!("{x:.1e}"),
    }
}

/// Formats a value in the units of the user's data: five significant digits, all digits before the point, no exponent unless it is huge
/// or tiny: `447.18`, `1234567`, `-0.0125`.
pub fn value(x: f64) -> String {
    let size = x.abs();
    if !x.is_finite() || size >= 1e15 || (size > 0.0 && size < 1e-6) {
        return if x.is_finite() { format!("{x:.4e}") } else { metric(x) };
    }
    let before = if size >= 1.0 { size.log10().floor() as usize + 1 } else { 1 };
    let written = format!("{x:.*}", 5_usize.saturating_sub(before));
    match written.contains('.') {
        true => written.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => written,
    }
}

/// Formats a setting, such as a learning rate, as one writes it: four significant digits, no zeros behind them, an exponent for tiny and
/// huge ones only: `0.001`, `0.00025`, `1e-7`.
pub fn setting(x: f64) -> String {
    let size = x.abs();
    if !x.is_finite() {
        return metric(x);
    }
    // As it is written with four digits, so that 0.00099999 is 0.001.
    let rounded = format!("{x:.3e}").parse().unwrap_or(x);
    if size > 0.0 && !(1e-6..1e6).contains(&size) {
        return format!("{rounded:e}");
    }
    rounded.to_string()
}

/// Formats a fraction in per cent: `98.7 %`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1} %", share * 100.0) } else { "nan".into() }
}

/// Formats a throughput in at most five columns: `950`, `12.4k`, `1.3M`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        r if !r.is_finite() => "–".into(),
        r if r < 1e3 => format!("{r:.0}"),
        r if r < 1e5 => format!("{:.1}k", r / 1e3),
        r if r < 1e6 => format!("{:.0}k", r / 1e3),
        r => format!("{:.1}M", r / 1e6),
    }
}

/// Formats an amount of memory in at most eight columns: `950 B`, `12.4 KiB`, `1.3 GiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let power = (n.ilog2() / 10).min(3);
    let amount = n as f64 / f64::from(1_u32 << (10 * power));
    let unit = UNITS[power as usize - 1];
    if amount < 100.0 { format!("{amount:.1} {unit}") } else { format!("{amount:.0} {unit}") }
}

/// Formats a duration: `0.8 s`, `42 s`, `3:05`, `2:10:00`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds > 0.0 && seconds < 0.05 => format!("{:.0} ms", (seconds * 1000.0).ceil()),
        0..=9 => format!("{seconds:.1} s"),
        10..=59 => format!("{whole} s"),
        60..=3599 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60),
    }
}

/// A metric by its name: accuracies in percent.
pub fn named(name: &str, x: f64) -> String {
    if name.ends_with("accuracy") { percent(x) } else { metric(x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_values_keep_their_significant_digits() {
        for (x, expected) in [
            (447.183_94, "447.18"),
            (1_234_567.8, "1234568"),
            (-0.0125, "-0.0125"),
            (12.0, "12"),
            (0.0, "0"),
            (3.2e-9, "3.2000e-9"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(value(x), expected);
        }
    }

    #[test]
    fn a_halved_rate_is_written_like_the_rate() {
        let rates = [0.002, 0.001, 0.0005, 0.00025, 0.000_125, 0.000_062_5].map(setting);
        assert_eq!(rates, ["0.002", "0.001", "0.0005", "0.00025", "0.000125", "0.0000625"]);
        assert_eq!([1.0, 0.0, -0.25, 8389.0, 123_456.7].map(setting), ["1", "0", "-0.25", "8389", "123500"]);
        assert_eq!(
            [1e-7, 2.048e7, 0.000_999_999, 1.0 / 3.0].map(setting),
            ["1e-7", "2.048e7", "0.001", "0.3333"]
        );
        assert_eq!([f64::NAN, f64::INFINITY].map(setting), ["nan", "inf"]);
    }

    #[test]
    fn numbers_are_formatted_for_reading() {
        assert_eq!(
            [count(0), count(999), count(25_000), count(1_234_567)],
            ["0", "999", "25,000", "1,234,567"]
        );
        assert_eq!(
            [metric(0.693_2), metric(12.345_6), metric(1.2e-7), metric(f64::NAN)],
            ["0.6932", "12.35", "1.2e-7", "nan"]
        );
        assert_eq!(
            [metric(-0.25), metric(123_456.0), metric(0.0), metric(f64::NEG_INFINITY)],
            ["-0.2500", "1.2e5", "0", "-inf"]
        );
        assert_eq!(
            [percent(0.987), rate(950.2), rate(12_400.0), rate(1.3e6)],
            ["98.7 %", "950", "12.4k", "1.3M"]
        );
        assert_eq!(
            [bytes(0), bytes(1023), bytes(1024), bytes(200 << 10), bytes(1 << 20), bytes(7 << 40)],
            ["0 B", "1023 B", "1.0 KiB", "200 KiB", "1.0 MiB", "7168 GiB"]
        );
        assert_eq!(
            [duration(0.84), duration(42.0), duration(185.0), duration(7800.0)],
            ["0.8 s", "42 s", "3:05", "2:10:00"]
        );
        assert_eq!([duration(f64::NAN), duration(-1.0), rate(f64::INFINITY)], ["–", "–", "–"]);
    }
}

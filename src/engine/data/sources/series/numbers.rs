//! Notations of numbers: `1.5`, `1,5`, `1.234,5`, `1'234`, `1,00,000`.

/// What separates thousands beside the other of comma and point: blanks of all widths, apostrophes.
const GROUPING: [char; 6] = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '’'];
/// Signs before or after an amount, which all numbers of a column have.
const UNITS: [char; 6] = ['$', '€', '£', '¥', '₹', '%'];
/// What stands for a missing value, in lower case.
const MISSING: [&str; 14] =
    ["", "na", "n/a", "#n/a", "nan", "null", "none", "nat", "-", "--", "?", ".", "..", "missing"];

/// Whether a cell says that there is no value.
pub(crate) fn is_missing(text: &str) -> bool {
    let text = text.trim();
    text.len() <= 7 && MISSING.contains(&text.to_ascii_lowercase().as_str())
}

/// Parses a number with the decimal separator `decimal`; the other of comma and point, a blank or `'` may separate thousands.
pub(crate) fn number(text: &str, decimal: char) -> Option<f64> {
    let plain = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    if decimal == '.'
        && let Some(number) = plain(text)
    {
        return Some(number);
    }
    let text =
        text.trim_matches(|c: char| UNITS.contains(&c) || c == ' ' || c == '\u{a0}' || c == '\u{202f}');
    let (sign, unsigned) = match text.strip_prefix(['-', '+', '−']) {
        Some(rest) => (if text.starts_with('+') { "" } else { "-" }, rest),
        None => ("", text),
    };
    let unsigned = unsigned.trim_start_matches(UNITS);
    let (whole, fraction) = match unsigned.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let other = if decimal == ',' { '.' } else { ',' };
    let mut groups = whole.split(|c| c == other || GROUPING.contains(&c));
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let fits = are_groups(first, &rest) && digits(first) && rest.iter().all(|group| digits(group));
    // `1,5e3` is a number too.
    fits.then(|| plain(&format!("{sign}{first}{}.{}", rest.concat(), fraction.unwrap_or("0")))).flatten()
}

/// Whether digits are grouped as thousands: threes, or twos before a last three, as in India.
fn are_groups(first: &str, rest: &[&str]) -> bool {
    let Some((last, middle)) = rest.split_last() else { return true };
    // No thousands begin with 0: `0,123` is a fraction, or nothing.
    let leads = |most: usize| (1..=most).contains(&first.len()) && !first.starts_with('0');
    let all = |size: usize| leads(size) && middle.iter().all(|group| group.len() == size);
    last.len() == 3 && (all(3) || !middle.is_empty() && all(2))
}

/// Parses a number with either decimal separator.
pub(crate) fn any_number(text: &str) -> Option<f64> {
    number(text, '.').or_else(|| number(text, ','))
}

/// Whether `text` has digits alone.
pub(crate) fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_parsed_with_comma_or_point_and_thousands() {
        for (text, decimal, expected) in [
            ("1,5", ',', 1.5),
            ("-1.234.567,25", ',', -1_234_567.25),
            ("1 234,5", ',', 1234.5),
            ("1\u{a0}234", ',', 1234.0),
            ("1\u{202f}234,5", ',', 1234.5),
            ("12", ',', 12.0),
            ("1,5e3", ',', 1500.0),
            ("1,234.5", '.', 1234.5),
            ("1'234.5", '.', 1234.5),
            ("1’234’567", '.', 1_234_567.0),
            ("1,00,000", '.', 100_000.0),
            ("12,34,56,789.5", '.', 123_456_789.5),
            ("4e1", '.', 40.0),
            ("−3", '.', -3.0),
            (".5", '.', 0.5),
            ("$1,234.50", '.', 1234.5),
            ("-€5", '.', -5.0),
            ("1.234,50 €", ',', 1234.5),
            ("12,5 %", ',', 12.5),
        ] {
            assert_eq!(number(text, decimal), Some(expected), "{text}");
        }
        for (text, decimal) in [
            ("1,5", '.'),
            ("1.5", ','),
            ("1,2,3", ','),
            ("1,00,00", '.'),
            ("123,45,678", '.'),
            ("NA", '.'),
            ("", ','),
            ("nan", '.'),
            ("inf", ','),
            ("1234,567", '.'),
            ("0,123", '.'),
            ("-0.500", ','),
            ("%", '.'),
        ] {
            assert_eq!(number(text, decimal), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_round_trip(x in -1e6_f64..1e6) {
            prop_assert_eq!(number(&x.to_string(), '.'), Some(x));
            prop_assert_eq!(number(&x.to_string().replace('.', ","), ','), Some(x));
        }
    }
}

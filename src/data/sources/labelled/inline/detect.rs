//! Whether the lines of a file have a label each, and where.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{PREFIX, divide};
use crate::data::error::DataError;
use crate::data::files::encoding::Encoding;
use crate::data::files::open;
use crate::data::files::sniff::Head;
use crate::data::sources::labelled::Format;

/// Bytes of a file that are looked at: a file that is sorted by label shows one label only for a long time.
const ENOUGH: usize = 48 << 20;
/// Lines that are looked at, evenly over these bytes.
const LINES: usize = 50_000;
/// The minimum number of lines, and of lines a label.
const FEWEST: usize = 8;
const FEWEST_EACH: usize = 4;
/// The maximum number of different labels, of labels that are words, and of characters of a label.
const MOST: usize = 200;
const MOST_WORDS: usize = 50;
const LONGEST: usize = 40;
/// Of a thousand words of the texts so many may be one of the labels, where the labels are words: of `positive` and `negative` that is
/// rare, of `the` and `and`, with which lines of poems begin, frequent.
const WITHIN: usize = 10;
/// From here on they are words of the texts and no labels.
const WITHIN_PROSE: usize = 30;
/// What may stand between label and text, white space first.
const SEPARATORS: [Option<char>; 5] = [None, Some(','), Some(';'), Some('|'), Some(':')];

/// Labels in the lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InlineLabels {
    /// `label-first` or `label-last`.
    pub format: Format,
    /// The character between label and text; `None` for white space.
    pub separator: Option<char>,
    /// The labels, sorted.
    pub labels: Vec<String>,
    /// Whether there can hardly be another reading; else they may be words with which lines of prose begin, or names of speakers.
    pub certain: bool,
}

/// The text of `head`, decoded, and its lines that are not blank, at most [`LINES`] evenly over it.
pub(crate) fn lines_of<'t>(text: &'t str) -> Vec<&'t str> {
    let all: Vec<&'t str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let step = all.len().div_ceil(LINES).max(1);
    all.into_iter().step_by(step).collect()
}

/// Detects labels in the lines of the file at `path`; `None` where there are none.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn detect(path: &Path, encoding: Encoding) -> Result<Option<InlineLabels>, DataError> {
    let (head, failed) = Head::read(&mut open::text(path, None)?, ENOUGH);
    if let Some(error) = failed {
        return Err(open::broken(path, 1, error));
    }
    let whole = head.whole_lines();
    let text: Cow<'_, str> = match (encoding, str::from_utf8(whole)) {
        (Encoding::Utf8, Ok(text)) => text.into(),
        (Encoding::Utf8, Err(_)) => Encoding::guess(whole).lossy(whole),
        (other, _) => other.lossy(whole),
    };
    Ok(inline_labels(&lines_of(&text)))
}

/// Whether most of these lines have labels of fastText, and whether some have several, or some none.
pub(crate) fn fasttext(lines: &[&str]) -> Option<bool> {
    let count = |line: &&str| line.split_whitespace().filter(|word| word.starts_with(PREFIX)).count();
    let counts: Vec<usize> = lines.iter().map(count).collect();
    let labelled = counts.iter().filter(|count| **count > 0).count();
    (labelled > 0 && labelled * 10 >= counts.len() * 9).then(|| counts.iter().any(|count| *count > 1))
}

/// Detects a label at the beginning of every line, or at its end.
pub(super) fn inline_labels(lines: &[&str]) -> Option<InlineLabels> {
    // What is repeated, such as a refrain, shows no structure.
    let mut seen = HashSet::new();
    let lines: Vec<&str> = lines.iter().copied().filter(|line| seen.insert(*line)).collect();
    let lines = lines.as_slice();
    // The lines of a program are indented, but not all of them.
    let indented = lines.iter().filter(|line| line.starts_with([' ', '\t'])).count();
    if lines.len() < FEWEST || indented * 10 > lines.len() && indented < lines.len() {
        return None;
    }
    let formats = [Format::LabelFirst, Format::LabelLast];
    let candidates = formats.into_iter().flat_map(|format| SEPARATORS.map(|separator| (format, separator)));
    let found: Vec<InlineLabels> =
        candidates.filter_map(|(format, separator)| labels_at(lines, format, separator)).collect();
    found.iter().find(|found| found.certain).or(found.first()).cloned()
}

fn labels_at(lines: &[&str], format: Format, separator: Option<char>) -> Option<InlineLabels> {
    let last = format == Format::LabelLast;
    let most = MOST.min(lines.len() / FEWEST_EACH);
    let (mut counts, mut texts) = (HashMap::<&str, usize>::new(), Vec::new());
    let mut strange = 0;
    for line in lines {
        let (label, text) = divide(line.trim(), last, separator);
        if !may_be_label(label) {
            strange += 1;
            continue;
        }
        *counts.entry(label).or_default() += 1;
        texts.push(text);
        if counts.len() > most + lines.len() / 100 {
            return None;
        }
    }
    // A line of a hundred may be broken.
    let rare = counts.values().filter(|count| **count == 1).count();
    let wordless = texts.iter().filter(|text| !text.contains(char::is_alphabetic)).count();
    // The cells of a table may be quoted, the texts of lines are not.
    let quoted = texts.iter().filter(|text| text.len() > 1 && text.starts_with('"') && text.ends_with('"'));
    let is_table = separator.is_some() && quoted.count() * 50 > lines.len();
    if is_table
        || (strange + rare) * 100 > lines.len()
        || wordless * 10 > lines.len()
        || !(2..=most).contains(&counts.len())
    {
        return None;
    }
    let marks = counts.keys().all(|label| is_mark(label));
    let within = within(&counts, &texts);
    // `Ann: Hello` may be anybody's class, or a conversation.
    let certain = marks && separator != Some(':')
        || !marks
            && separator != Some(':')
            && within < WITHIN
            && counts.len() <= MOST_WORDS
            && lines.len() >= 20
            && counts.len() * 10 <= lines.len();
    if !marks && within >= WITHIN_PROSE {
        return None;
    }
    let mut labels: Vec<String> = counts.into_keys().map(str::to_owned).collect();
    labels.sort_unstable();
    Some(InlineLabels { format, separator, labels, certain })
}

/// Of a thousand words of `texts`, those that are one of the labels.
fn within(labels: &HashMap<&str, usize>, texts: &[&str]) -> usize {
    let labels: HashSet<String> = labels.keys().map(|label| label.to_lowercase()).collect();
    let (mut all, mut same) = (0_usize, 0_usize);
    for word in texts.iter().flat_map(|text| text.split_whitespace()) {
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation()).to_lowercase();
        all += 1;
        same += usize::from(labels.contains(&word));
    }
    same * 1000 / all.max(1)
}

/// Whether this may be a label: a short word or number, no date or time, no punctuation at its ends.
fn may_be_label(word: &str) -> bool {
    let (Some(first), Some(last)) = (word.chars().next(), word.chars().next_back()) else { return false };
    let parts = |c: char| c.is_alphanumeric() || "_-:./+&#".contains(c);
    word.chars().count() <= LONGEST
        && word.chars().all(parts)
        && (first.is_alphanumeric() || "+-_#".contains(first))
        && (last.is_alphanumeric() || "+-".contains(last))
        && word.contains(char::is_alphanumeric)
        && !is_date(word)
}

/// Whether digits stand on both sides of a hyphen, colon or slash, or of two points: a date, a time, an address.
fn is_date(word: &str) -> bool {
    let between = |marks: &[u8]| {
        let three = word.as_bytes().windows(3);
        let is = |three: &&[u8]| match three {
            [before, mark, after] => {
                before.is_ascii_digit() && marks.contains(mark) && after.is_ascii_digit()
            }
            _ => false,
        };
        three.filter(is).count()
    };
    between(b"-:/") > 0 || between(b".") > 1
}

/// Whether a label is a number, or written as no word of a text is: `NUM:date`, `pos_1`, `B2`.
fn is_mark(label: &str) -> bool {
    let number = label.parse::<f64>().is_ok();
    let letters = || label.chars().filter(|c| c.is_alphabetic());
    let upper = letters().count() > 1 && letters().all(char::is_uppercase);
    number || upper || label.contains(['_', ':', '#']) || label.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<InlineLabels> {
        inline_labels(&lines_of(text))
    }

    fn labelled(labels: &[&str], line: impl Fn(&str, usize) -> String) -> String {
        (0..40).map(|n| line(labels[n % labels.len()], n)).collect()
    }

    #[test]
    fn labels_are_found_at_both_ends_and_between_several_separators() {
        let text = |n: usize| ["the soup was cold, and late", "well", "a fine place - really"][n % 3];
        for labels in
            [&["0", "1"][..], &["-1", "0", "+1"], &["DESC:manner", "NUM:date", "ABBR:exp"], &["pos", "neg"]]
        {
            for (separator, expected) in
                [(" ", None), ("\t", None), (",", Some(',')), ("|", Some('|')), (";", Some(';'))]
            {
                let first =
                    found(&labelled(labels, |label, n| format!("{label}{separator}{} {n}\n", text(n))));
                let first = first.unwrap_or_else(|| panic!("{labels:?} {separator:?}"));
                assert_eq!(
                    (first.format, first.separator, first.certain),
                    (Format::LabelFirst, expected, true)
                );
                assert_eq!(first.labels.len(), labels.len());
                let last =
                    found(&labelled(labels, |label, n| format!("{}{n}x{separator}{label}\n", text(n))))
                        .unwrap();
                assert_eq!((last.format, last.separator, last.certain), (Format::LabelLast, expected, true));
            }
        }
    }

    #[test]
    fn a_sorted_file_has_its_labels_too() {
        let text: String = (0..4000).map(|n| format!("{} line {n} of a text\n", n / 2000)).collect();
        assert_eq!(found(&text).unwrap().labels, ["0", "1"]);
    }

    #[test]
    fn names_of_speakers_are_in_doubt() {
        let text = labelled(&["Ann", "Bob"], |name, n| format!("{name}: what about {n}, then\n"));
        assert_eq!(found(&text).map(|found| found.certain), Some(false));
    }

    #[test]
    fn verses_programs_logs_and_numbers_have_no_labels() {
        let verses = "And did those feet in ancient time\nWalk upon Englands mountains green\nAnd was the holy Lamb of God\n\
                      On Englands pleasant pastures seen\nAnd did the Countenance Divine\nShine forth upon our clouded hills\n\
                      And was Jerusalem builded here\nAmong these dark Satanic Mills\n";
        let anaphora = labelled(&["And", "The"], |word, n| {
            format!("{word} light and the dark of day {n} and the sea\n")
        });
        let log =
            labelled(&["2024-01-01", "2024-01-02"], |day, n| format!("{day} 12:00:{n:02} INFO started\n"));
        let numbers = labelled(&["0", "1"], |label, n| format!("{label} {n} 1.5 2.5\n"));
        let sparse = labelled(&["0", "1"], |label, n| format!("{label} 1:{n} 7:0.5\n"));
        let code =
            labelled(&["let", "if"], |word, n| format!("{}{word} x{n} = 5;\n", ["", "    "][n / 4 % 2]));
        for text in [verses, &anaphora, &log, &numbers, &sparse, &code] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn labels_of_fasttext_are_one_or_several() {
        assert_eq!(fasttext(&["__label__a x", "__label__b y"]), Some(false));
        assert_eq!(fasttext(&["__label__a __label__b x", "__label__b y"]), Some(true));
        assert_eq!(fasttext(&["x __label__a", "y"]), None);
        assert_eq!(fasttext(&[]), None);
    }
}

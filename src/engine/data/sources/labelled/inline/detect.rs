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
/// Lines that are looked at, in blocks of so many that follow each other, which lie all over these bytes.
const LINES: usize = 50_000;
const BLOCK: usize = 32;
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
/// Characters up to which capitals are an abbreviation, as classes have them: `DESC`, `ENTY`.
const SHORT: usize = 4;
/// Usual names of labels, which may be in capitals.
const USUAL: [&str; 24] = [
    "positive",
    "negative",
    "neutral",
    "mixed",
    "true",
    "false",
    "other",
    "subjective",
    "objective",
    "toxic",
    "offensive",
    "hateful",
    "sports",
    "sport",
    "business",
    "politics",
    "world",
    "science",
    "technology",
    "anger",
    "sadness",
    "surprise",
    "disgust",
    "anticipation",
];
/// Levels of logs, and states of entries of lists.
const STATUS: [&str; 22] = [
    "trace",
    "debug",
    "verbose",
    "info",
    "notice",
    "warn",
    "warning",
    "err",
    "error",
    "severe",
    "crit",
    "critical",
    "fatal",
    "panic",
    "alert",
    "emerg",
    "todo",
    "done",
    "fixme",
    "wip",
    "cancelled",
    "waiting",
];
/// Names of the column of labels, in a header.
const HEADERS: [&str; 9] =
    ["label", "labels", "class", "category", "sentiment", "target", "polarity", "rating", "stars"];
/// Units of amounts in recipes and lists.
const UNITS: [&str; 30] = [
    "tsp",
    "teaspoon",
    "teaspoons",
    "tbsp",
    "tablespoon",
    "tablespoons",
    "cup",
    "cups",
    "oz",
    "ounce",
    "ounces",
    "lb",
    "lbs",
    "pound",
    "pounds",
    "g",
    "gram",
    "grams",
    "kg",
    "ml",
    "l",
    "litre",
    "litres",
    "liter",
    "pinch",
    "clove",
    "cloves",
    "slice",
    "slices",
    "can",
];
/// What may enclose a label.
const BRACKETS: [(char, char); 3] = [('[', ']'), ('(', ')'), ('"', '"')];
/// What may stand between label and text, white space first.
const SEPARATORS: [Option<char>; 5] = [None, Some(','), Some(';'), Some('|'), Some(':')];

/// Labels in the lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineLabels {
    /// `label-first` or `label-last`.
    pub format: Format,
    /// The character between label and text; `None` for white space.
    pub separator: Option<char>,
    /// The labels, sorted.
    pub labels: Vec<String>,
    /// Whether there can hardly be another reading; else they may be words with which lines of prose begin, names of speakers, levels of a
    /// log, or numbers of verses, steps and pages.
    pub certain: bool,
    /// Whether the first line looks like a header, which would be a text with a label of its own.
    pub header: bool,
}

/// The lines of `text` that are not blank; of more than `LINES` about as many, in blocks whose places have no period.
pub fn lines_of(text: &str) -> Vec<&str> {
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let step = all.len().div_ceil(LINES) as u64;
    if step < 2 {
        return all;
    }
    let is_drawn = |block: usize| scattered(block as u64).is_multiple_of(step);
    all.chunks(BLOCK)
        .enumerate()
        .filter(|(at, _)| is_drawn(*at))
        .flat_map(|(_, lines)| lines)
        .copied()
        .collect()
}

/// The finalizer of SplitMix64 (Steele, Lea & Flood 2014): bits without a pattern of a number.
fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Detects labels in the lines of the file at `path`; `None` where there are none.
///
/// # Errors
/// When the file cannot be read.
pub fn detect(path: &Path, encoding: Encoding) -> Result<Option<InlineLabels>, DataError> {
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
pub fn fasttext(lines: &[&str]) -> Option<bool> {
    let count = |line: &&str| line.split_whitespace().filter(|word| word.starts_with(PREFIX)).count();
    let counts: Vec<usize> = lines.iter().map(count).collect();
    let labelled = counts.iter().filter(|count| **count > 0).count();
    (labelled > 0 && labelled * 10 >= counts.len() * 9).then(|| counts.iter().any(|count| *count > 1))
}

/// Detects a label at the beginning of every line, or at its end.
pub(super) fn inline_labels(lines: &[&str]) -> Option<InlineLabels> {
    let (in_order, first) = (lines, lines.first().copied().unwrap_or_default());
    // What is repeated, such as a refrain, shows no structure.
    let mut seen = HashSet::new();
    let lines: Vec<&str> = lines.iter().copied().filter(|line| seen.insert(*line)).collect();
    let all = lines.as_slice();
    let header = is_header(first, all);
    let lines = if header { all.get(1..).unwrap_or_default() } else { all };
    // The lines of a program are indented, but not all of them.
    let indented = lines.iter().filter(|line| line.starts_with([' ', '\t'])).count();
    if lines.len() < FEWEST || indented * 10 > lines.len() && indented < lines.len() {
        return None;
    }
    let formats = [Format::LabelFirst, Format::LabelLast];
    let candidates = formats.into_iter().flat_map(|format| SEPARATORS.map(|separator| (format, separator)));
    let found: Vec<InlineLabels> =
        candidates.filter_map(|(format, separator)| labels_at(lines, format, separator)).collect();
    let mut found = found.iter().find(|found| found.certain).or(found.first()).cloned()?;
    found.header = header;
    found.certain &= !header && !counts_lines(in_order, &found);
    Some(found)
}

/// Whether the first line has the name of a column where the others have labels, and none of the others has it. A line with other separators
/// than blanks is the header of a table.
fn is_header(first: &str, lines: &[&str]) -> bool {
    let is_name = |line: &str, last: bool| {
        let (label, _) = divide(line.trim(), last, None);
        HEADERS.contains(&label.to_lowercase().as_str())
    };
    let is_table = first.contains(['\t', ',', ';', '|']);
    let mut ends = [false, true].into_iter();
    !is_table
        && ends.any(|last| is_name(first, last) && !lines.iter().skip(1).any(|line| is_name(line, last)))
}

/// Whether the labels are whole numbers that count the lines: those of verses, steps and pages.
///
/// They rise by one and start again, now here, now there; or they never fall, and there are many for few lines. Labels of a file that is
/// sorted by them are few and stand many times each.
fn counts_lines(lines: &[&str], found: &InlineLabels) -> bool {
    let last = found.format == Format::LabelLast;
    let number = |line: &&str| {
        let (label, _) = divide(line.trim(), last, found.separator);
        label.trim_matches(['(', ')', '[', ']', '.']).parse::<u64>().ok()
    };
    let numbers: Vec<u64> = lines.iter().filter_map(number).collect();
    let Some(least) = numbers.iter().min().copied() else { return false };
    let (mut counted, mut fell, mut tops) = (0, 0, HashSet::new());
    for pair in numbers.windows(2) {
        let [before, after] = *pair else { continue };
        let again = after < before && after == least;
        counted += usize::from(after == before + 1 || again);
        fell += usize::from(after < before);
        if again {
            tops.insert(before);
        }
    }
    let (pairs, labels) = (numbers.len().saturating_sub(1), found.labels.len());
    // Labels in turn, as many each, have a period too, but are few or begin with 0.
    let in_turn = tops.len() < 2 && labels < if least == 0 { 8 } else { 5 };
    let starts_again = counted * 10 > pairs * 9 && fell > 0 && labels > 2 && !in_turn;
    let never_falls = fell * 100 <= pairs && labels > 5 && numbers.len() < labels * 20;
    numbers.len() * 10 > lines.len() * 9 && (starts_again || never_falls)
}

fn labels_at(lines: &[&str], format: Format, separator: Option<char>) -> Option<InlineLabels> {
    let last = format == Format::LabelLast;
    let most = MOST.min(lines.len() / FEWEST_EACH);
    let (mut counts, mut texts) = (HashMap::<&str, usize>::new(), Vec::new());
    let (mut strange, mut bracketed) = (0, 0);
    for line in lines {
        let (label, text) = divide(line.trim(), last, separator);
        let bare =
            if last || separator.is_some() { label } else { without_brackets(label, line.trim(), text) };
        bracketed += usize::from(bare != label);
        if !may_be_label(bare) {
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
    if !last && separator == Some(':') && has_fine_labels(lines) {
        return fine_labels(lines);
    }
    let marks = counts.keys().all(|label| is_mark(label));
    let within = within(&counts, &texts);
    // `LEAR Nothing` may be anybody's class, or a play; `INFO started` a log.
    let capitals = counts.keys().all(|label| is_capital(label) || is_status(label));
    let doubtful = bracketed > 0
        || counts.keys().all(|label| is_status(label))
        || !last && has_quantities(&texts) && counts.keys().all(|label| label.parse::<f64>().is_ok());
    // `Ann: Hello` may be anybody's class, or a conversation.
    let certain = !doubtful && marks && separator != Some(':')
        || !doubtful
            && !marks
            && !capitals
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
    Some(InlineLabels { format, separator, labels, certain, header: false })
}

/// Whether nearly all lines begin with a label of two parts, as those of TREC: `NUM:date`.
fn has_fine_labels(lines: &[&str]) -> bool {
    let is_fine = |line: &&&str| {
        let (label, _) = divide(line.trim(), false, None);
        let parts = label.split_once(':').filter(|(coarse, _)| is_capital(coarse) && !is_status(coarse));
        parts.is_some_and(|(_, fine)| may_be_label(fine) && fine.starts_with(char::is_lowercase))
    };
    lines.iter().filter(is_fine).count() * 100 >= lines.len() * 99
}

/// The labels of [`has_fine_labels`], though there are few texts for each.
fn fine_labels(lines: &[&str]) -> Option<InlineLabels> {
    let mut labels: Vec<String> =
        lines.iter().map(|line| divide(line.trim(), false, None).0.to_owned()).collect();
    labels.sort_unstable();
    labels.dedup();
    let is_few = labels.len() <= MOST.min(lines.len() / 2);
    is_few.then_some(InlineLabels {
        format: Format::LabelFirst,
        separator: None,
        labels,
        certain: false,
        header: false,
    })
}

/// What brackets or quotes enclose: `[pos] text`, `"pos" text`. A table may have quotes around its cells.
fn without_brackets<'l>(label: &'l str, line: &str, text: &str) -> &'l str {
    let is_cell = text.starts_with('"') || line.get(label.len()..).is_some_and(|rest| !rest.starts_with(' '));
    let inner = BRACKETS.iter().find_map(|(open, close)| label.strip_prefix(*open)?.strip_suffix(*close));
    inner.filter(|_| !is_cell).unwrap_or(label)
}

/// Whether many texts begin with a unit: numbers before them are amounts, as those of a recipe.
fn has_quantities(texts: &[&str]) -> bool {
    let begins = |text: &&&str| {
        let unit = text.split_whitespace().next().unwrap_or_default().trim_end_matches('.').to_lowercase();
        UNITS.contains(&unit.as_str())
    };
    texts.iter().filter(begins).count() * 10 >= texts.len() * 3
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

/// Whether a label is a number, or written as no word of a text is: `NUM:date`, `pos_1`, `B2`, `DESC`, or a usual name in capitals.
fn is_mark(label: &str) -> bool {
    let number = label.parse::<f64>().is_ok();
    let usual = || label.chars().count() <= SHORT || USUAL.contains(&label.to_lowercase().as_str());
    let name = is_capital(label) && usual();
    let sign = label.contains(['_', ':', '#']) || label.contains(|c: char| c.is_ascii_digit());
    !is_status(label) && (number || name || sign)
}

/// Whether a label has capitals only, two or more.
fn is_capital(label: &str) -> bool {
    let letters = || label.chars().filter(|c| c.is_alphabetic());
    letters().count() > 1 && letters().all(char::is_uppercase)
}

/// Whether a label is, or begins with, the level of a line of a log, or the state of an entry of a list: `INFO`, `INFO:root:`, `TODO`.
fn is_status(label: &str) -> bool {
    let word = label.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    STATUS.contains(&word.to_lowercase().as_str())
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
    fn numbers_that_count_the_lines_are_in_doubt() {
        let certain = |text: &str| found(text).map(|found| found.certain);
        let words = ["went", "said", "took it and", "was"];
        let line = |n: usize| format!("he {} home {n} x", words[n % 4]);
        // Verses of chapters of three lengths, steps of a period, pages, amounts.
        let verses: String = (0..252)
            .map(|n| n % 63)
            .map(|n| {
                if n < 20 {
                    n
                } else if n < 41 {
                    n - 20
                } else {
                    n - 41
                }
            })
            .enumerate()
            .map(|(n, verse)| format!("{} {}\n", verse + 1, line(n)))
            .collect();
        let steps: String = (0..60).map(|n| format!("{} {}\n", n % 5 + 1, line(n))).collect();
        let stories: String =
            (0..300).map(|n| format!("{} he {} home\n", n % 15 + 1, words[n % 4])).collect();
        let pages: String = (0..80).map(|n| format!("{} {}\n", line(n), n / 4)).collect();
        let amounts: String = (0..80)
            .map(|n| format!("{} {} of {}\n", n * 7 % 4 + 1, ["tsp", "cups"][n % 2], line(n)))
            .collect();
        for text in [&verses, &steps, &pages, &amounts] {
            assert_eq!(certain(text), Some(false), "{text}");
        }
        assert_ne!(certain(&stories), Some(true));
        // Classes: sorted, in turn, without order.
        let sorted: String = (0..400).map(|n| format!("{} {}\n", n / 80, line(n))).collect();
        let in_turn: String = (0..400).map(|n| format!("{} {}\n", n % 5, line(n))).collect();
        let mixed: String =
            (0..400_u64).map(|n| format!("{} {}\n", scattered(n) % 5 + 1, line(n as usize))).collect();
        for text in [sorted, in_turn, mixed] {
            assert_eq!(certain(&text), Some(true), "{text}");
        }
    }

    #[test]
    fn levels_states_names_in_capitals_and_brackets_are_in_doubt() {
        let certain = |labels: &[&str]| {
            let text = labelled(labels, |label, n| format!("{label} what about {n}, then\n"));
            found(&text).map(|found| found.certain)
        };
        for labels in [
            ["INFO", "WARN"],
            ["INFO:root:started", "ERROR:root:failed"],
            ["TODO", "DONE"],
            ["HAMLET", "OPHELIA"],
            ["info", "error"],
            ["[INFO]", "[ERROR]"],
            ["[pos]", "[neg]"],
            ["\"pos\"", "\"neg\""],
            ["INFO", "HAMLET"],
        ] {
            assert_eq!(certain(&labels), Some(false), "{labels:?}");
        }
        for labels in [
            ["POS", "NEG"],
            ["POSITIVE", "NEGATIVE"],
            ["DESC", "HUM"],
            ["NUM:date", "HUM:ind"],
            ["0", "4"],
            ["pos", "neg"],
            ["info", "complaint"],
            ["class_a", "class_b"],
        ] {
            assert_eq!(certain(&labels), Some(true), "{labels:?}");
        }
    }

    #[test]
    fn labels_of_two_parts_end_at_the_blank_though_there_are_few_texts() {
        let labels = [
            "NUM:count",
            "NUM:date",
            "HUM:ind",
            "LOC:city",
            "LOC:other",
            "DESC:def",
            "ENTY:animal",
            "ABBR:exp",
        ];
        let text: String = (0..24).map(|n| format!("{} What is number {n} ?\n", labels[n % 8])).collect();
        let found = found(&text).unwrap();
        assert_eq!((found.separator, found.labels.len(), found.certain), (None, 8, false));
    }

    #[test]
    fn a_header_is_in_doubt() {
        let text = labelled(&["pos", "neg"], |label, n| format!("{label} what about {n}, then\n"));
        let headed = found(&format!("label text\n{text}")).unwrap();
        assert_eq!((headed.certain, headed.header, headed.labels.len()), (false, true, 2));
        assert!(!found(&text).unwrap().header);
        // A table has its own reader.
        assert_eq!(found(&format!("label\ttext\n{}", text.replace(" what", "\twhat"))), None);
    }

    #[test]
    fn lines_of_a_long_file_are_drawn_without_a_period() {
        let text: String = (0..120_000).map(|n| format!("{} line {n} of a text\n", n % 2)).collect();
        let lines = lines_of(&text);
        assert!((30_000..60_000).contains(&lines.len()), "{}", lines.len());
        assert_eq!(found(&text).map(|found| (found.labels.len(), found.certain)), Some((2, true)));
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

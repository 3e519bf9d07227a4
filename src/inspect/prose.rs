//! Whether a text looks like one to continue: prose, verse, a program, in any script.

use std::collections::HashSet;

use crate::data::sources::labelled::inline::lines_of;

/// Lines from which on a structure is none by chance.
const LINES: usize = 10;
/// Letters from which on an alphabet shows.
const LETTERS: usize = 200;
/// The minimum number of different letters: fewer are codes, such as bases.
const ALPHABET: usize = 9;
/// Characters of a string without blanks that is no word.
const STRING: usize = 40;
/// Pieces of a line in which a time of day is looked for.
const PIECES: usize = 4;

/// Why `text` looks like something else than a text to continue; `None` if it looks like one.
///
/// It is none if one of these applies:
/// 1. fewer than half of its characters but white space are letters;
/// 2. it has 200 letters or more, and fewer than nine different ones (DNA);
/// 3. four of five lines (at least one) are a single string of 40 letters, digits and signs or more, of ASCII (proteins, base64);
/// 4. nine of ten words have a tag behind a slash or an underscore (Brown corpus);
/// 5. of ten lines or more, nine of ten have the same number of columns, two or more, between tabs, bars, semicolons or (three or more)
///    commas or blanks;
/// 6. nine of ten begin with a number, or have a date, a time or an address at the same place (logs);
/// 7. six of ten begin with `<` (markup).
pub(super) fn not_prose(text: &str) -> Option<String> {
    // What is repeated shows no structure.
    let mut seen = HashSet::new();
    let lines: Vec<&str> = lines_of(text).into_iter().filter(|line| seen.insert(*line)).collect();
    let (mut all, mut letters) = (0_usize, 0_usize);
    let mut alphabet = HashSet::new();
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        all += 1;
        // Scripts whose vowels are marks, such as Devanagari and Thai, have letters and marks.
        if c.is_alphabetic() || !c.is_ascii() && !c.is_numeric() {
            letters += 1;
            alphabet.extend(c.to_lowercase());
        }
    }
    if letters * 2 < all {
        return Some(format!("only {} % of its characters are letters", letters * 100 / all.max(1)));
    }
    if letters >= LETTERS && alphabet.len() < ALPHABET {
        return Some(format!("it has only {} different letters", alphabet.len()));
    }
    let share =
        |is: &dyn Fn(&&&str) -> bool| lines.iter().filter(is).count() as f64 / lines.len().max(1) as f64;
    // A line before each of them may name it (FASTA).
    let is_string = |line: &str| {
        let line = line.trim();
        line.len() >= STRING && line.is_ascii() && !line.contains(char::is_whitespace)
    };
    let strings = lines.iter().filter(|line| is_string(line)).count();
    let named = lines.iter().filter(|line| line.starts_with('>')).count();
    if strings > 0 && strings * 10 >= (lines.len() - named) * 8 {
        return Some("its lines are long strings without blanks".to_owned());
    }
    let words = || lines.iter().flat_map(|line| line.split_whitespace());
    let (all, tagged) = (words().count(), words().filter(|word| has_tag(word)).count());
    if tagged >= LINES && tagged * 10 >= all * 9 {
        let why = "its words have their tags behind them, as house/NN has: put a word and its tag on each line, a blank between and an \
                   empty line after each sentence";
        return Some(why.to_owned());
    }
    if lines.len() < LINES {
        return None;
    }
    if share(&|line| line.trim_start().starts_with('<')) >= 0.6 {
        return Some("its lines begin with <, as markup does".to_owned());
    }
    for (separator, name, least) in
        [('\t', "tabs", 2), ('|', "|", 2), (';', "semicolons", 2), (',', "commas", 3), (' ', "blanks", 3)]
    {
        let columns = |line: &str| match separator {
            ' ' => line.split_whitespace().count(),
            separator => line.split(separator).count(),
        };
        let first = lines.first().map_or(0, |line| columns(line));
        if first >= least && share(&|line| columns(line) == first) >= 0.9 {
            return Some(format!("its lines have {first} columns each, between {name}"));
        }
    }
    let piece =
        |line: &str, at: usize| line.split_whitespace().nth(at).map(str::to_owned).unwrap_or_default();
    let begins = |line: &&&str| {
        let first = piece(line, 0);
        let first = first.trim_matches(|c: char| c.is_ascii_punctuation());
        !first.is_empty() && first.parse::<f64>().is_ok()
    };
    if share(&begins) >= 0.9 {
        return Some("its lines begin with numbers".to_owned());
    }
    let timed = |at: usize| share(&|line| is_time(&piece(line, at))) >= 0.9;
    (0..PIECES)
        .any(timed)
        .then(|| "its lines have a date, a time or an address at the same place, as logs have".to_owned())
}

/// Whether a word ends with a tag in capital letters or marks: `house/NN`, `the_DT`, `./.`.
fn has_tag(word: &str) -> bool {
    let parts = word.rsplit_once('/').or_else(|| word.rsplit_once('_'));
    let is_tag = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c.is_ascii_punctuation();
    parts.is_some_and(|(word, tag)| {
        !word.is_empty() && !tag.is_empty() && tag.len() <= 8 && tag.chars().all(is_tag)
    })
}

/// Whether digits stand on both sides of a hyphen, colon, slash or point, as in dates, times and addresses.
fn is_time(word: &str) -> bool {
    word.as_bytes().windows(3).any(|three| match three {
        [before, mark, after] => before.is_ascii_digit() && b"-:/.".contains(mark) && after.is_ascii_digit(),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_verse_and_programs_of_all_scripts_look_like_texts() {
        let cases = [
            "It was a bright cold day in April, and the clocks were striking thirteen. He said:\n\n“Well.”\n".repeat(12),
            "Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye,\nCould frame thy fearful symmetry?\n\n".repeat(4),
            "fn main() {\n    let x = 5;\n    if x > 3 {\n        println!(\"{x}\");\n    }\n}\n\n// The end.\n".repeat(4),
            "Я помню чудное мгновенье:\nПередо мной явилась ты,\nКак мимолётное виденье,\nКак гений чистой красоты.\n".repeat(4),
            "床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。\n".repeat(6),
            "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。".repeat(9),
            "मैं एक किताब पढ़ रहा हूँ और वह बहुत अच्छी है\nयह घर है\n".repeat(9),
            "BARNARDO.\nWho’s there?\n\nFRANCISCO.\nNay, answer me. Stand and unfold yourself.\n\n".repeat(5),
            // Names, one a line.
            "anna\nberta\nclara\ndora\nemil\nfriedrich\ngustav\nheinrich\nida\njulius\nkonrad\nludwig\n".repeat(4),
            "A single line of a letter, and nothing else.".to_owned(),
        ];
        for text in &cases {
            assert_eq!(not_prose(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_prose_is_named() {
        let rows = |line: &dyn Fn(usize) -> String| (0..40).map(line).collect::<String>();
        let words = ["one", "seven", "eleven more words", "a few words"];
        let cases = [
            (
                rows(&|n| ["GATTACACCAGT", "CCATTAGCATGA", "TTAGACCAGATA"][n % 3].repeat(5) + "\n"),
                "4 different letters",
            ),
            ("GATTACA".repeat(60), "4 different letters"),
            (rows(&|n| format!("MKVLAAGICQDERSTPYWHFNN{n}KVLAGMKVLAAGICQDERSTPYWHF\n")), "long strings"),
            (rows(&|n| format!("{n} {} {}.5\n", n * 7, n % 9)), "are letters"),
            (rows(&|n| format!("2024-01-01 12:00:{n:02} INFO {} started\n", words[n % 4])), "a date, a time"),
            (
                rows(&|n| format!("Jan {} 12:00:{n:02} host sshd: {}\n", n % 9, words[n % 4])),
                "a date, a time",
            ),
            (
                rows(&|n| format!("127.0.0.1 - - [10/Oct/2000:13:55:{n:02}] \"GET /{}\"\n", words[n % 4])),
                "are letters",
            ),
            (rows(&|n| format!("Ann\tsold{}\tthe house\n", n)), "3 columns each, between tabs"),
            (rows(&|n| format!("{n} {}\n", words[n % 4])), "begin with numbers"),
            (rows(&|n| "Ann/NNP sold/VBD the/DT house/NN ".repeat(1 + n % 3) + "./.\n"), "tags behind them"),
            (rows(&|n| format!(">seq{n}\n{}\n", "MKVLAAGICQDERSTPYWHF".repeat(3))), "long strings"),
            (rows(&|n| format!("<p>{} on page {n}</p>\n", words[n % 4])), "markup"),
            (rows(&|n| format!("name{n} verb noun NN VB\n")), "5 columns each, between blanks"),
        ];
        for (text, expected) in &cases {
            assert!(
                not_prose(text).is_some_and(|why| why.contains(expected)),
                "{text}: {:?}",
                not_prose(text)
            );
        }
    }
}

//! Splits a text into words like those of tagged sentences.

/// Punctuation that becomes a separate word at the beginning or end of a word.
const MARKS: &str = ".,;:!?()[]{}\"'`$%-–—…“”‘’„«»‹›¿¡€£¥";
const APOSTROPHES: [char; 2] = ['\'', '’'];

/// Splits `text` into words: at white space, with punctuation at both ends as separate words (`(really?)` is four words; a run of one
/// mark, such as `...`, is one), and at an apostrophe if the part before or after it is known (`it's` if `'s` is known, `don't` if `n't`
/// is). Known words are not split, nor are addresses and abbreviations with several points (`e.g.`).
pub fn split_words(text: &str, is_known: impl Fn(&str) -> bool) -> Vec<String> {
    let mut words = Vec::new();
    for piece in text.split_whitespace() {
        let (before, core, behind) = split_punctuation(piece, &is_known);
        words.extend(before.into_iter().map(str::to_owned));
        words.extend(
            split_at_apostrophe(core, &is_known)
                .into_iter()
                .filter(|word| !word.is_empty())
                .map(str::to_owned),
        );
        words.extend(behind.into_iter().rev().map(str::to_owned));
    }
    words
}

/// Splits a piece into the punctuation before its core, the core, and the punctuation after it, from last to first.
fn split_punctuation<'a>(
    piece: &'a str,
    is_known: &impl Fn(&str) -> bool,
) -> (Vec<&'a str>, &'a str, Vec<&'a str>) {
    let (mut before, mut core, mut behind) = (Vec::new(), piece, Vec::new());
    let whole = |core: &str| core.is_empty() || is_known(core);
    while let Some(mark) = core.chars().next().filter(|c| MARKS.contains(*c) && !whole(core)) {
        let rest = core.trim_start_matches(mark);
        // `-5` and `.5` are numbers.
        if "-.".contains(mark) && rest.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        before.push(core.get(..core.len() - rest.len()).unwrap_or_default());
        core = rest;
    }
    while let Some(mark) = core.chars().next_back().filter(|c| MARKS.contains(*c) && !whole(core)) {
        let rest = core.trim_end_matches(mark);
        let abbreviated =
            mark == '.' && rest.len() + 1 == core.len() && rest.contains('.') && !is_address(rest);
        if abbreviated {
            break;
        }
        behind.push(core.get(rest.len()..).unwrap_or_default());
        core = rest;
    }
    (before, core, behind)
}

/// Splits a word at an apostrophe if one of the parts is known.
fn split_at_apostrophe<'a>(word: &'a str, is_known: &impl Fn(&str) -> bool) -> Vec<&'a str> {
    if is_known(word) || is_address(word) {
        return vec![word];
    }
    let end = |cut: usize| (word.get(..cut).unwrap_or_default(), word.get(cut..).unwrap_or_default());
    for (at, c) in word.char_indices().filter(|(_, c)| APOSTROPHES.contains(c)) {
        let not = word.get(..at).filter(|head| head.ends_with(['n', 'N'])).map(|_| at - 1);
        for cut in not.into_iter().chain([at]) {
            let (head, tail) = end(cut);
            if !head.is_empty() && is_known(tail) {
                return vec![head, tail];
            }
        }
        let (head, tail) = end(at + c.len_utf8());
        if !tail.is_empty() && is_known(head) {
            return vec![head, tail];
        }
    }
    vec![word]
}

fn is_address(word: &str) -> bool {
    word.contains("://") || word.contains('@') || word.starts_with("www.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_is_separated_and_known_words_stay_whole() {
        let known = ["'s", "n't", "l'", ":)", "Mr.", "'em"];
        let words = |text: &str| split_words(text, |word| known.contains(&word)).join("|");
        for (text, expected) in [
            ("She will book a flight.", "She|will|book|a|flight|."),
            ("  \"Really?!\" (he said)...", "\"|Really|?|!|\"|(|he|said|)|..."),
            ("It's Mr. X, don't you :) :(", "It|'s|Mr.|X|,|do|n't|you|:)|:|("),
            ("l'homme d'or dogs' 'em", "l'|homme|d'or|dogs|'|'em"),
            ("e.g. U.S., 3.50 -5 $9.99 50% 1,000.", "e.g.|U.S.|,|3.50|-5|$|9.99|50|%|1,000|."),
            (
                "see http://a.b/c-d. or me@x.org, -- well-known",
                "see|http://a.b/c-d|.|or|me@x.org|,|--|well-known",
            ),
            ("«non…» ''", "«|non|…|»|''"),
            ("", ""),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_letter_is_lost(text in "[a-z.,'’ \u{e9}n-]{0,40}", known in "[a-z']{1,3}") {
            let words = split_words(&text, |word| word == known);
            proptest::prop_assert!(words.iter().all(|word| !word.is_empty()));
            proptest::prop_assert_eq!(words.concat(), text.split_whitespace().collect::<String>());
        }
    }
}

//! A text cut into words as tagged sentences have them.

/// Marks that stand by themselves where they begin or end a word.
const MARKS: &str = ".,;:!?()[]{}\"'`$%-–—…“”‘’„«»‹›¿¡€£¥";
const APOSTROPHES: [char; 2] = ['\'', '’'];

/// The words of a `text`: what stands between blanks, marks at both ends by themselves (`(really?)` is four words; a run of one mark, as
/// `...`, is one), and cut at an apostrophe where `knows` what stands before or behind it (`it's` where `'s` is known, `don't` where `n't`
/// is). What is known as it stands stays whole, and so do addresses and abbreviations with several points (`e.g.`).
pub fn split_words(text: &str, knows: impl Fn(&str) -> bool) -> Vec<String> {
    let mut words = Vec::new();
    for piece in text.split_whitespace() {
        let (before, core, behind) = bare(piece, &knows);
        words.extend(before.into_iter().map(str::to_owned));
        words.extend(
            at_apostrophe(core, &knows).into_iter().filter(|word| !word.is_empty()).map(str::to_owned),
        );
        words.extend(behind.into_iter().rev().map(str::to_owned));
    }
    words
}

/// The marks before what is left of a piece, that, and the marks behind it from the last to the first.
fn bare<'a>(piece: &'a str, knows: &impl Fn(&str) -> bool) -> (Vec<&'a str>, &'a str, Vec<&'a str>) {
    let (mut before, mut core, mut behind) = (Vec::new(), piece, Vec::new());
    let whole = |core: &str| core.is_empty() || knows(core);
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

/// The two parts of a word that has an apostrophe where one of them is known; else the word.
fn at_apostrophe<'a>(word: &'a str, knows: &impl Fn(&str) -> bool) -> Vec<&'a str> {
    if knows(word) || is_address(word) {
        return vec![word];
    }
    let end = |cut: usize| (word.get(..cut).unwrap_or_default(), word.get(cut..).unwrap_or_default());
    for (at, c) in word.char_indices().filter(|(_, c)| APOSTROPHES.contains(c)) {
        let not = word.get(..at).filter(|head| head.ends_with(['n', 'N'])).map(|_| at - 1);
        for cut in not.into_iter().chain([at]) {
            let (head, tail) = end(cut);
            if !head.is_empty() && knows(tail) {
                return vec![head, tail];
            }
        }
        let (head, tail) = end(at + c.len_utf8());
        if !tail.is_empty() && knows(head) {
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
    fn marks_stand_by_themselves_and_what_is_known_stays_whole() {
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
            let told = split_words(&text, |word| word == known);
            proptest::prop_assert!(told.iter().all(|word| !word.is_empty()));
            proptest::prop_assert_eq!(told.concat(), text.split_whitespace().collect::<String>());
        }
    }
}

//! What a word that is too rare to be known by itself still tells: how it is written and how it ends.

/// Names that stand in for `word` in a vocabulary, the most telling first: its form with its last three and two letters (lower case),
/// and its form alone. Forms are `9` with digits, `A` all capitals, `Aa` capitalised, `a-a` with a hyphen, `a` other letters, `.` no letters.
///
/// So do taggers for words that training has not seen (Brants 2000, "TnT", section 2.3).
pub(super) fn names(word: &str) -> impl Iterator<Item = String> {
    let form = form(word);
    let lower = word.to_lowercase();
    let letters = lower.chars().count();
    [3, 2]
        .into_iter()
        .filter(move |ending| letters > *ending && form.starts_with(['a', 'A']))
        .map({
            let lower = lower.clone();
            move |ending| {
                let ending: String = lower.chars().skip(letters - ending).collect();
                format!("<{form} …{ending}>")
            }
        })
        .chain([format!("<{form}>")])
}

fn form(word: &str) -> &'static str {
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    let upper = letters().filter(|c| c.is_uppercase()).count();
    match letters().count() {
        _ if word.contains(char::is_numeric) => "9",
        0 => ".",
        all if all > 1 && upper == all => "A",
        _ if word.starts_with(char::is_uppercase) => "Aa",
        _ if word.contains('-') => "a-a",
        _ => "a",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_named_by_its_form_and_its_ending() {
        for (word, expected) in [
            ("Running", "<Aa …ing> <Aa …ng> <Aa>"),
            ("ÉTÉS", "<A …tés> <A …és> <A>"),
            ("co-op", "<a-a …-op> <a-a …op> <a-a>"),
            ("ab", "<a>"),
            ("1990s", "<9>"),
            (":-)", "<.>"),
        ] {
            assert_eq!(names(word).collect::<Vec<_>>().join(" "), expected);
        }
    }
}

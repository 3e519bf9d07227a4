//! A probe once more with a change: a token replaced or hidden, or all in reverse order.

use ndarray::{Axis, Slice};

use crate::data::{Inputs, TokenSpec, Vocabularies, Vocabulary, encode_sentences, tokens};
use crate::protocol::{ProbeChange, ProbeText, ProbeVariant};

/// The row of the probe with number `of` of `inputs`, changed; `spec` is that of the preset, if it has one.
///
/// # Errors
/// Why it cannot be changed so, in words.
pub(super) fn changed(
    (text, of): (&ProbeText, usize),
    inputs: &Inputs,
    change: &ProbeChange,
    (known, spec): (&Vocabularies, Option<&TokenSpec>),
) -> Result<(ProbeText, Inputs), String> {
    let count = text.tokens.len();
    let place = |token: usize| match token < count {
        true => Ok(text.first_step + token),
        false => Err(format!("token {} of {count}; expected 1 to {count}", token + 1)),
    };
    let row = Slice::from(of..of + 1);
    let mut row = match inputs {
        Inputs::Tokens(ids) if of < ids.nrows() => Inputs::Tokens(ids.slice_axis(Axis(0), row).to_owned()),
        Inputs::Channels(ids) if of < ids.dim().0 => {
            Inputs::Channels(ids.slice_axis(Axis(0), row).to_owned())
        }
        Inputs::Real(_) => return Err("the network reads numbers, not tokens".into()),
        _ => return Err(format!("there is no example {}", of + 1)),
    };
    let mut words = text.tokens.clone();
    match change {
        ProbeChange::Reverse => {
            let steps = text.first_step..text.first_step + count;
            reverse(&mut row, steps);
            words.reverse();
        }
        ProbeChange::Occlude { token } => {
            let (step, nothing) = (place(*token)?, vec![Vocabulary::PADDING; channels(&row)]);
            set(&mut row, step, &nothing);
            words.iter_mut().skip(*token).take(1).for_each(|word| *word = ProbeChange::OCCLUDED.into());
        }
        ProbeChange::Replace { token, word } => {
            let step = place(*token)?;
            let (word, ids) = read(word, known, spec)?;
            set(&mut row, step, &ids);
            words.iter_mut().skip(*token).take(1).for_each(|old| old.clone_from(&word));
        }
    }
    let variant = Some(ProbeVariant { of, change: change.clone() });
    // The target was that of the tokens as they were.
    let text = ProbeText {
        text: words.join(" "),
        tokens: words,
        first_step: text.first_step,
        truth: None,
        targets: Vec::new(),
        variant,
    };
    Ok((text, row))
}

/// The ids of a word, one a channel, and how the network reads it.
fn read(word: &str, known: &Vocabularies, spec: Option<&TokenSpec>) -> Result<(String, Vec<u32>), String> {
    if let Some(spec) = spec.filter(|spec| !spec.channels.is_empty()) {
        let word = word.trim();
        let Ok(Inputs::Channels(ids)) = encode_sentences(known, spec, &[vec![word]]) else {
            return Err("the network reads no words".into());
        };
        return Ok((word.to_owned(), ids.index_axis(Axis(0), 0).index_axis(Axis(1), 0).to_vec()));
    }
    let vocabulary = known.first();
    // Symbols, and n-grams of several words, are entries as they stand.
    let entry = vocabulary.id(word.trim()).filter(|_| spec.is_none_or(|spec| spec.tokenizer().ngrams > 1));
    let ids = match (entry, spec) {
        (Some(id), _) => vec![id],
        (None, Some(spec)) => {
            let found = tokens(word, spec.tokenizer());
            found.iter().map(|token| vocabulary.id(token).unwrap_or(Vocabulary::UNKNOWN)).collect()
        }
        (None, None) => vec![Vocabulary::UNKNOWN],
    };
    match ids.as_slice() {
        [id] => Ok((vocabulary.word(*id).to_owned(), ids)),
        ids => Err(format!("{word:?} is {} tokens; expected one", ids.len())),
    }
}

fn channels(row: &Inputs) -> usize {
    if let Inputs::Channels(ids) = row { ids.dim().1 } else { 1 }
}

/// Sets the ids of a step, one a channel.
fn set(row: &mut Inputs, step: usize, ids: &[u32]) {
    match row {
        Inputs::Tokens(all) => all.column_mut(step).iter_mut().zip(ids).for_each(|(to, id)| *to = *id),
        Inputs::Channels(all) => {
            all.index_axis_mut(Axis(2), step).iter_mut().zip(ids).for_each(|(to, id)| *to = *id);
        }
        Inputs::Real(_) => {}
    }
}

/// Reverses the order of steps.
fn reverse(row: &mut Inputs, steps: std::ops::Range<usize>) {
    let slice = Slice::from(steps);
    match row {
        Inputs::Tokens(all) => {
            let mut steps = all.slice_axis_mut(Axis(1), slice);
            let mut reversed = steps.to_owned();
            reversed.invert_axis(Axis(1));
            steps.assign(&reversed);
        }
        Inputs::Channels(all) => {
            let mut steps = all.slice_axis_mut(Axis(2), slice);
            let mut reversed = steps.to_owned();
            reversed.invert_axis(Axis(2));
            steps.assign(&reversed);
        }
        Inputs::Real(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn known(json: &str) -> Vocabularies {
        serde_json::from_str(json).unwrap()
    }

    /// The second probe, "not bad", after one step of padding; changed, as tokens and ids.
    fn of_words(change: &ProbeChange) -> Result<(Vec<String>, Inputs), String> {
        let known = known(r#"["","[UNK]","not","bad","good"]"#);
        let spec: TokenSpec = serde_json::from_str(r#"{"length":3,"vocabulary":5}"#).unwrap();
        let tokens = ["not", "bad"].map(String::from).to_vec();
        let truth = Some("positive".into());
        let text = ProbeText { text: "not bad".into(), tokens, first_step: 1, truth, ..ProbeText::default() };
        let inputs = Inputs::Tokens(array![[4, 4, 4], [0, 2, 3]]);
        let (text, row) = changed((&text, 1), &inputs, change, (&known, Some(&spec)))?;
        assert_eq!(text.truth, None, "it is that of the other tokens");
        assert_eq!(text.variant, Some(ProbeVariant { of: 1, change: change.clone() }));
        Ok((text.tokens, row))
    }

    #[test]
    fn a_token_is_replaced_hidden_or_all_are_reversed_and_padding_stays() {
        let replace = |token, word: &str| ProbeChange::Replace { token, word: word.into() };
        for (change, tokens, ids) in [
            (replace(1, "Good!"), ["not", "good"], array![[0, 2, 4]]),
            (replace(0, "splendid"), ["[UNK]", "bad"], array![[0, 1, 3]]),
            (ProbeChange::Occlude { token: 0 }, ["[PAD]", "bad"], array![[0, 0, 3]]),
            (ProbeChange::Reverse, ["bad", "not"], array![[0, 3, 2]]),
        ] {
            let expected = (tokens.map(String::from).to_vec(), Inputs::Tokens(ids));
            assert_eq!(of_words(&change), Ok(expected), "{change:?}");
        }
        for (change, error) in [
            (replace(2, "good"), "token 3 of 2; expected 1 to 2"),
            (replace(0, "very good"), "\"very good\" is 2 tokens; expected one"),
            (replace(0, "?!"), "\"?!\" is 0 tokens; expected one"),
        ] {
            assert_eq!(of_words(&change).unwrap_err(), error);
        }
    }

    #[test]
    fn of_a_tagger_all_channels_are_those_of_the_new_word() {
        let known = known(r#"{"case":["","[UNK]","lower","Capitalised"],"form":["","[UNK]","it","so"]}"#);
        let spec: TokenSpec = serde_json::from_str(
            r#"{"length":3,"channels":[{"level":"case"},{"name":"form","level":"word","vocabulary":9}]}"#,
        )
        .unwrap();
        let tokens = ["It", "so"].map(String::from).to_vec();
        let text = ProbeText { tokens, ..ProbeText::default() };
        let inputs = Inputs::Channels(array![[[3, 2, 0], [1, 3, 0]]]);
        let varied = |change| changed((&text, 0), &inputs, &change, (&known, Some(&spec))).unwrap().1;
        let replaced = varied(ProbeChange::Replace { token: 0, word: "so".into() });
        assert_eq!(replaced, Inputs::Channels(array![[[2, 2, 0], [3, 3, 0]]]));
        let reversed = varied(ProbeChange::Reverse);
        assert_eq!(reversed, Inputs::Channels(array![[[2, 3, 0], [3, 1, 0]]]));
    }
}

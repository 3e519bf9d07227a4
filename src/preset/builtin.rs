//! The texts of the built-in presets.

/// The built-in presets by what they teach, in the order of a lecture on recurrent networks, which is that of the menu; the first is the default.
pub(super) const CATALOG: &[(&str, &[(&str, &str)])] = &[
    (
        "Word order",
        &[
            ("word-order", include_str!("../../presets/word-order.yaml")),
            ("word-order-dense", include_str!("../../presets/word-order-dense.yaml")),
            ("imdb-dense", include_str!("../../presets/imdb-dense.yaml")),
        ],
    ),
    ("Recurrence", &[("lecture-rnn8", include_str!("../../presets/lecture-rnn8.yaml"))]),
    (
        "Stacks, both directions",
        &[
            ("lecture-rnn16-rnn8", include_str!("../../presets/lecture-rnn16-rnn8.yaml")),
            ("word-order-bilstm", include_str!("../../presets/word-order-bilstm.yaml")),
            ("imdb-bilstm", include_str!("../../presets/imdb-bilstm.yaml")),
        ],
    ),
    (
        "Sequence to sequence",
        &[
            ("copy-memory", include_str!("../../presets/copy-memory.yaml")),
            ("reber-grammar", include_str!("../../presets/reber-grammar.yaml")),
            ("tags-bilstm", include_str!("../../presets/tags-bilstm.yaml")),
        ],
    ),
    (
        "Vanishing gradient",
        &[
            ("vanishing-rnn", include_str!("../../presets/vanishing-rnn.yaml")),
            ("vanishing-lstm", include_str!("../../presets/vanishing-lstm.yaml")),
            ("vanishing-gru", include_str!("../../presets/vanishing-gru.yaml")),
        ],
    ),
    (
        "LSTM and GRU",
        &[
            ("temporal-order", include_str!("../../presets/temporal-order.yaml")),
            ("adding-problem", include_str!("../../presets/adding-problem.yaml")),
            ("imdb-lstm", include_str!("../../presets/imdb-lstm.yaml")),
            ("imdb-gru", include_str!("../../presets/imdb-gru.yaml")),
        ],
    ),
    (
        "Convolution",
        &[
            ("word-order-conv1d", include_str!("../../presets/word-order-conv1d.yaml")),
            ("imdb-conv1d", include_str!("../../presets/imdb-conv1d.yaml")),
            ("mr-conv1d", include_str!("../../presets/mr-conv1d.yaml")),
        ],
    ),
    (
        "Attention",
        &[
            ("word-order-attention", include_str!("../../presets/word-order-attention.yaml")),
            ("word-order-attention-alone", include_str!("../../presets/word-order-attention-alone.yaml")),
            ("imdb-attention", include_str!("../../presets/imdb-attention.yaml")),
        ],
    ),
    (
        "Characters",
        &[
            ("shakespeare-lstm", include_str!("../../presets/shakespeare-lstm.yaml")),
            ("names-gru", include_str!("../../presets/names-gru.yaml")),
        ],
    ),
    (
        "Series and sound",
        &[
            ("sine-forecast", include_str!("../../presets/sine-forecast.yaml")),
            ("airline-lstm", include_str!("../../presets/airline-lstm.yaml")),
            ("temperatures-gru", include_str!("../../presets/temperatures-gru.yaml")),
            ("spoken-words-gru", include_str!("../../presets/spoken-words-gru.yaml")),
        ],
    ),
];

/// The names of all embedded presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    CATALOG.iter().flat_map(|(_, presets)| presets.iter().map(|(name, _)| *name))
}

/// The YAML text of an embedded preset.
pub fn text(name: &str) -> Option<&'static str> {
    CATALOG.iter().flat_map(|(_, presets)| *presets).find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// Built-in presets, each with the one that answers the question that it raises, and whether a race can train both.
const ANSWERS: [(&str, &str, bool); 14] = [
    ("word-order-dense", "word-order", true),
    ("word-order", "word-order-bilstm", true),
    ("word-order-bilstm", "word-order-attention", true),
    ("word-order-conv1d", "word-order-attention", true),
    ("word-order-attention-alone", "word-order-attention", true),
    ("vanishing-rnn", "vanishing-lstm", true),
    ("vanishing-lstm", "vanishing-gru", true),
    ("vanishing-gru", "temporal-order", false),
    ("temporal-order", "adding-problem", false),
    ("copy-memory", "reber-grammar", false),
    ("lecture-rnn8", "lecture-rnn16-rnn8", true),
    ("lecture-rnn16-rnn8", "imdb-lstm", false),
    ("imdb-dense", "imdb-lstm", false),
    ("imdb-lstm", "imdb-bilstm", true),
];

/// What answers the question that a built-in preset raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The name of the built-in preset to be trained next.
    pub preset: &'static str,
    /// Whether a race can train both: on the same data, for as many epochs.
    pub can_race: bool,
}

/// The built-in preset that answers the question that preset `name` raises.
pub fn answer_to(name: &str) -> Option<Answer> {
    let (_, preset, can_race) = ANSWERS.iter().find(|(question, ..)| *question == name)?;
    Some(Answer { preset, can_race: *can_race })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_are_built_in_presets() {
        for (question, answer, _) in ANSWERS {
            assert!(text(question).is_some() && text(answer).is_some(), "{question} {answer}");
        }
        assert_eq!(answer_to("vanishing-rnn").map(|answer| answer.preset), Some("vanishing-lstm"));
        assert_eq!(answer_to("my-own"), None);
    }
}

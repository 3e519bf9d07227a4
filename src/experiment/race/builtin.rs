//! The built-in races.

/// A network of a race: its name, its preset, and what it lays over it.
type Network = (&'static str, &'static str, &'static [&'static str]);

/// A built-in race.
#[derive(Debug, Clone, Copy)]
pub struct BuiltinRace {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it compares, in a line.
    pub about: &'static str,
    pub(super) networks: &'static [Network],
}

/// All built-in races.
pub const RACES: &[BuiltinRace] = &[
    BuiltinRace {
        name: "lecture",
        about: "word order: dense, SimpleRNN, LSTM, GRU, Conv1D, attention",
        networks: &[
            ("dense", "word-order-dense", &[]),
            ("rnn", "word-order", &[]),
            ("lstm", "word-order", &["model.1={layer: LSTM, units: 24}"]),
            ("gru", "word-order", &["model.1={layer: GRU, units: 24}"]),
            ("conv1d", "word-order-conv1d", &[]),
            ("attention", "word-order-attention", &[]),
        ],
    },
    BuiltinRace {
        name: "memory",
        about: "the first of 31 symbols: SimpleRNN, LSTM, GRU",
        networks: &[
            ("rnn", "vanishing-rnn", &[]),
            ("lstm", "vanishing-lstm", &[]),
            ("gru", "vanishing-gru", &[]),
        ],
    },
    BuiltinRace {
        name: "imdb",
        about: "film reviews, three epochs: dense, LSTM, GRU, bidirectional LSTM, Conv1D, attention",
        networks: &[
            ("dense", "imdb-dense", &["train.epochs=3"]),
            ("lstm", "imdb-lstm", &["train.epochs=3"]),
            ("gru", "imdb-gru", &["train.epochs=3"]),
            ("bilstm", "imdb-bilstm", &["train.epochs=3"]),
            ("conv1d", "imdb-conv1d", &["train.epochs=3"]),
            ("attention", "imdb-attention", &["train.epochs=3"]),
        ],
    },
];

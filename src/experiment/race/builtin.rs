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
    /// What it has shown with seeds 1 to 3: mean and standard deviation of `val_accuracy`. Empty where it was not measured.
    pub result: &'static str,
    pub(super) networks: &'static [Network],
}

impl BuiltinRace {
    /// The name of each network, and its preset.
    pub fn networks(&self) -> impl Iterator<Item = [&'static str; 2]> + use<> {
        self.networks.iter().map(|(name, preset, _)| [*name, *preset])
    }
}

/// All built-in races.
pub const RACES: &[BuiltinRace] = &[
    BuiltinRace {
        name: "lecture",
        about: "word order: dense, SimpleRNN, LSTM, GRU, Conv1D, attention",
        result: "dense 50.0 % (it cannot know the order), rnn 99.9 ± 0.1 %, all others 100 %",
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
        result: "rnn 50.3 ± 1.9 % (as by guessing), lstm and gru 100 %",
        networks: &[
            ("rnn", "vanishing-rnn", &["watch.every=10"]),
            ("lstm", "vanishing-lstm", &["watch.every=10"]),
            ("gru", "vanishing-gru", &["watch.every=10"]),
        ],
    },
    BuiltinRace {
        name: "imdb",
        about: "film reviews, three epochs: dense, LSTM, GRU, bidirectional LSTM, Conv1D, attention",
        result: "",
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

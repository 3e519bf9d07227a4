//! The pages: which networks each trains, what is shown of them, and what its key does.

/// A network of a page: a preset with changes, trained on generated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The name of a built-in preset.
    pub preset: &'static str,
    /// Changes, as `key=value`.
    pub set: &'static [&'static str],
}

/// What the key of a page does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Swaps two words of the example.
    SwapWords,
    /// Goes on to the next word of the example.
    NextWord,
    /// Trains another network.
    NextNetwork,
}

/// A picture of the network in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    /// The answers for both orders of the words.
    Answers,
    /// Accuracy over the training steps, of all networks of the page.
    Accuracy,
    /// The state after each token, and the answer there.
    States,
    /// `‖∂L/∂h_t‖` at each step of time.
    StateGradient,
    /// The same of what the cell remembers with: of an LSTM `‖∂L/∂c_t‖`, beside it `‖∂L/∂h_t‖`.
    MemoryGradient,
    /// The weights of attention between the tokens.
    Attention,
}

/// A page without its texts.
#[derive(Debug)]
pub struct Page {
    /// The networks to choose from.
    pub networks: &'static [Network],
    /// The one that is trained first.
    pub(super) first: usize,
    /// What its key does.
    pub(super) task: Task,
    /// Pictures, the most important first.
    pub(super) panels: &'static [Panel],
    /// Whether the drawing is the chain of unrolled cells, instead of the one of the texts.
    pub(super) is_chain: bool,
}

const fn network(preset: &'static str, set: &'static [&'static str]) -> Network {
    Network { preset, set }
}

const fn page(
    networks: &'static [Network],
    first: usize,
    task: Task,
    panels: &'static [Panel],
    is_chain: bool,
) -> Page {
    Page { networks, first, task, panels, is_chain }
}

const WORD_ORDER: Network = network("word-order", &["watch.pace=60"]);

/// The deciding symbol is so many steps back.
const DISTANCES: &[Network] = &[
    network("vanishing-rnn", &["data.gap=5"]),
    network("vanishing-rnn", &["data.gap=10"]),
    network("vanishing-rnn", &["data.gap=20"]),
    network("vanishing-rnn", &["data.gap=30"]),
];

const KERAS: &[Network] = &[
    network(
        "word-order",
        &[
            "model=[{layer: Embedding, output_dim: 50}, {layer: SimpleRNN, units: 16, return_sequences: true}, \
             {layer: SimpleRNN, units: 8}, {layer: Dense, units: 1, activation: sigmoid}]",
            "watch.pace=60",
        ],
    ),
    network(
        "word-order",
        &[
            "model=[{layer: Embedding, output_dim: 50}, {layer: SimpleRNN, units: 8}, \
             {layer: Dense, units: 1, activation: sigmoid}]",
            "watch.pace=60",
        ],
    ),
];

const WINDOWS: &[Network] = &[
    network("word-order-conv1d", &["model.1.kernel_size=1", "watch.pace=40", "train.epochs=6"]),
    network("word-order-conv1d", &["model.1.kernel_size=2", "watch.pace=40", "train.epochs=6"]),
    network("word-order-conv1d", &["model.1.kernel_size=3", "watch.pace=40", "train.epochs=6"]),
    network("word-order-conv1d", &["model.1.kernel_size=5", "watch.pace=40", "train.epochs=6"]),
];

/// The pages, in order.
pub static PAGES: [Page; 10] = [
    page(
        &[network("word-order-dense", &["watch.pace=60"])],
        0,
        Task::SwapWords,
        &[Panel::Answers, Panel::Accuracy],
        false,
    ),
    page(&[WORD_ORDER], 0, Task::SwapWords, &[Panel::Answers, Panel::Accuracy], false),
    page(&[WORD_ORDER], 0, Task::NextWord, &[Panel::States, Panel::Accuracy], true),
    page(
        &[
            WORD_ORDER,
            network(
                "reber-grammar",
                &[
                    "model.1={layer: SimpleRNN, units: 24, return_sequences: true}",
                    "watch.pace=40",
                    // Sequences of the data: with their targets.
                    "watch.probes=1",
                ],
            ),
        ],
        0,
        Task::NextNetwork,
        &[Panel::States, Panel::Accuracy],
        false,
    ),
    page(KERAS, 0, Task::NextNetwork, &[Panel::Accuracy, Panel::States], false),
    page(DISTANCES, 1, Task::NextNetwork, &[Panel::StateGradient, Panel::Accuracy], false),
    page(DISTANCES, 3, Task::NextNetwork, &[Panel::StateGradient, Panel::Accuracy], false),
    page(
        &[network("vanishing-lstm", &[]), network("vanishing-gru", &[]), network("vanishing-rnn", &[])],
        0,
        Task::NextNetwork,
        &[Panel::Accuracy, Panel::MemoryGradient],
        false,
    ),
    page(WINDOWS, 2, Task::NextNetwork, &[Panel::Accuracy, Panel::Answers], false),
    page(
        &[
            network("word-order-attention", &["watch.pace=60"]),
            network("word-order-attention-alone", &["watch.pace=60"]),
        ],
        0,
        Task::NextNetwork,
        &[Panel::Attention, Panel::Answers, Panel::Accuracy],
        false,
    ),
];

//! The drawings without words.

pub const STACK: &[&str] = &[
    "model = Sequential([",
    " Embedding(120, 50),",
    " SimpleRNN(16, return_sequences=True),",
    " SimpleRNN(8),",
    " Dense(1, activation=\"sigmoid\"),",
    "])",
];

pub const SINGLE: &[&str] = &[
    "model = Sequential([",
    " Embedding(120, 50),",
    " SimpleRNN(8),",
    " Dense(1, activation=\"sigmoid\"),",
    "])",
];

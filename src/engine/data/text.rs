//! Text → tokens → ids: tokenization, vocabularies, word vectors.

pub(crate) mod channels;
pub mod conll;
pub(crate) mod corpus;
pub mod interner;
pub mod label_set;
pub mod notes;
pub(crate) mod sentences;
pub(crate) mod splits;
pub mod text_sink;
pub mod tokenizer;
pub(crate) mod tokens;
pub(crate) mod unknown_words;
pub mod unseen;
pub(crate) mod vectors;
pub(crate) mod vocabularies;
pub(crate) mod vocabulary;

//! Text → tokens → ids: tokenization, vocabularies, word vectors.

pub(crate) mod channels;
pub(crate) mod conll;
pub(crate) mod corpus;
pub(crate) mod interner;
pub(crate) mod label_set;
pub(crate) mod notes;
pub(crate) mod sentences;
pub(crate) mod splits;
pub(crate) mod text_sink;
pub(crate) mod tokenizer;
pub(crate) mod tokens;
pub(crate) mod unknown_words;
pub(crate) mod unseen;
pub(crate) mod vectors;
pub(crate) mod vocabularies;
pub(crate) mod vocabulary;

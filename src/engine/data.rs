//! Datasets of sequences with targets, read from files or generated, and their batches. Independent of models.
//!
//! ```text
//! DataSpec ─ text (one long text, the next token at every step) ─→ Dataset
//!        ├─ series (numbers over time) ─→ Dataset, and Forecasts: the inverse transform
//!        ├─ sequences (of vectors: time series, recordings; a class each) ─→ Dataset, Scale
//!        ├─ tags (a class at every word) ─→ Vocabularies (one a channel), Dataset
//!        ├─ labelled | word-order ─→ Corpus (words by number, two splits on two threads)
//!        │                                  ├─→ Vocabulary (of the training split)
//!        │  TokenSpec ──────────────────────┴─→ Dataset (Inputs, Targets) ─ Sampler ─→ Batch (both: Batches)
//!        ├─ labelled, too large for memory ─→ Streamed: re-read every epoch ────────→ Batch
//!        └─ the other generated tasks ─────────→ Dataset
//! ```

mod batches;
pub mod beside;
pub mod columns;
pub(crate) mod dataset;
pub mod error;
pub mod files;
mod folds;
pub(crate) mod form;
mod fraction;
mod known;
mod opened;
pub mod progress;
pub mod scoped;
mod source;
pub mod sources;
mod spec;
pub mod text;

use progress::check_exists;

pub use batches::{BatchOrder, Batches, StreamedSplit};
pub use beside::{Beside, DividedFolder, divided_folder, test_beside, test_of, train_and_test};
pub use columns::Column;
pub use dataset::sampler::{Sampler, in_order};
pub use dataset::{Batch, Dataset, Inputs, Targets};
pub use error::DataError;
pub use files::encoding::Encoding;
pub use folds::check_folds;
pub use form::{Form, InputForm, TargetForm};
pub use fraction::Fraction;
pub use known::Known;
pub use opened::{Data, Opened};
pub use source::{Context, FoldSizes, PathSetting, RequiredFile, Source, TokenUse};
pub use sources::generated::{
    AddingProblem, CopyMemory, FirstSymbol, GeneratedSpec, ReberGrammar, SineForecast, TemporalOrder,
    WordOrder,
};
pub use sources::labelled::evaluation_set::{LabelledTexts, labelled_texts};
pub use sources::labelled::streamed::Streaming;
pub use sources::labelled::{Format, GivenValidation, LabelledSpec, Validation};
pub use sources::language::{EvaluationText, TextSpec};
pub use sources::sequences::{
    LabelledSequences, Scale, Scaling, SequenceStatistics, SequencesSpec, archive, sequence_statistics,
};
pub use sources::series::{
    DateColumns, DateOrder, Difference, EvaluationSeries, Fill, ForecastInput, Forecasts, RowStream,
    SeriesFacts, SeriesSpec,
};
pub use sources::tags::{TaggedSentences, TagsSpec, split_words};
pub use spec::DataSpec;
pub use text::channels::{ChannelLevel, ChannelSpec};
pub use text::sentences::encode_sentences;
pub use text::tokenizer::{Level, Tokenizer, tokens};
pub use text::tokens::{RawTokenSpec, Side, TokenRules, TokenSpec};
pub use text::unknown_words::UnknownWords;
pub use text::vectors::{Coverage, Vectors};
pub use text::vocabularies::Vocabularies;
pub use text::vocabulary::Vocabulary;

/// Checks the settings of `spec`, and that `tokens` are present if and only if its texts need them.
///
/// # Errors
/// [`DataError::Setting`] for the first invalid setting.
pub fn check(spec: &DataSpec, tokens: Option<&TokenSpec>) -> Result<(), DataError> {
    let source = spec.source();
    source.check()?;
    let rules = match source.token_use() {
        TokenUse::Required(rules) => Some(rules),
        TokenUse::Own { source, .. } | TokenUse::Numbers { source } if tokens.is_some() => {
            return error::refuse(
                "tokens",
                "settings for texts",
                format!("no such key: {source} has no texts"),
            );
        }
        TokenUse::Own { .. } | TokenUse::Numbers { .. } => None,
    };
    match (rules, tokens) {
        (Some(rules), Some(tokens)) => rules.check(tokens),
        (Some(_), None) => Err(source::missing_tokens()),
        (None, _) => Ok(()),
    }
}

/// The size of the vocabulary, with padding and unknown, of all words that occur at least `least` times in the training data of `spec`; the
/// part of them that is trained on is sampled by `seed`.
///
/// # Errors
/// When the data are missing or invalid, have no such vocabulary, or no word occurs so often.
pub fn vocabulary_at_least(
    spec: &DataSpec,
    tokens: &TokenSpec,
    seed: u64,
    least: u64,
) -> Result<usize, DataError> {
    let (source, found) = (spec.source(), format!("at_least: {least}"));
    if !tokens.channels.is_empty() {
        return error::refuse("tokens.vocabulary", found, "nothing: every channel has its own at_least");
    }
    check_exists(&source.files())?;
    match source.vocabulary_at_least(tokens, seed, least)? {
        Some(size) if size > Vocabulary::FIRST as usize => Ok(size),
        Some(_) => error::refuse(
            "tokens.vocabulary",
            found,
            "a smaller number: no word of the training data occurs so often",
        ),
        None => error::refuse(
            "tokens.vocabulary",
            found,
            "a number of entries: these data have no vocabulary of words",
        ),
    }
}

/// Reads or generates the data. The vocabulary is that of the training texts; all texts are encoded by the token settings.
///
/// The result depends on the files, the specs, (for generated data) the seed and (for one long text) the number of streams only.
///
/// # Errors
/// The first thing that is missing or wrong: see [`DataError`]. A missing file is reported before anything is read. Both splits are
/// read before an error of either is returned; that of the training split comes first.
pub fn open(spec: &DataSpec, context: Context<'_>) -> Result<Opened, DataError> {
    check(spec, context.tokens)?;
    check_exists(&spec.source().files())?;
    spec.source().open(context)
}

/// As [`open`], with all data in memory.
///
/// # Errors
/// As [`open`].
pub fn load(
    spec: &DataSpec,
    tokens: Option<&TokenSpec>,
    seed: u64,
    streams: usize,
    progress: &mut dyn FnMut(String),
) -> Result<Data, DataError> {
    let context = Context {
        tokens,
        seed,
        streams,
        known: None,
        fraction: Fraction::ALL,
        may_stream: false,
        progress,
        stop: &mut || false,
    };
    open(spec, context).map(|opened| opened.data)
}

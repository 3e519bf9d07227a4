//! Labelled texts for evaluation and prediction.

use crate::data::dataset::TokenRows;
use crate::data::dataset::{Inputs, Targets};
use crate::data::error::DataError;
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::streamed;
use crate::data::sources::labelled::streamed::{Encoded, Encoder, EncoderConfig};
use crate::data::sources::labelled::{LabelledSpec, Validation, split};
use crate::data::text::tokens::TokenSpec;
use crate::data::text::unseen::Unseen;
use crate::data::text::vocabulary::Vocabulary;
use crate::protocol::ClassCount;

/// Texts of a block at most, and bytes of texts from which on a block is full.
const BLOCK: usize = 2048;
const BLOCK_BYTES: usize = 16 << 20;

/// A block of labelled texts, encoded.
#[derive(Debug, Clone)]
pub struct LabelledTexts {
    /// The original texts.
    pub texts: Vec<String>,
    /// The ids, `[text, step]`.
    pub inputs: Inputs,
    /// The class of each, or its labels. Those that training data have not are behind the others.
    pub targets: Targets,
}

/// Encodes the validation texts of `spec` (or, if `whole`, all texts at its path) by an existing vocabulary and existing labels, passes
/// them to `each` in blocks, and returns their source and the labels that are not among `labels`. Texts held out of data in memory come in
/// one block.
///
/// # Errors
/// As [`load`](crate::data::load).
pub fn labelled_texts(
    spec: &LabelledSpec,
    whole: bool,
    seed: u64,
    (labels, vocabulary, tokens): (&[String], &Vocabulary, &TokenSpec),
    each: &mut dyn FnMut(&LabelledTexts),
) -> Result<(String, Vec<ClassCount>), DataError> {
    let given = spec.of_validation().filter(|_| !whole);
    let source_spec = given.as_ref().unwrap_or(spec);
    let held_out = spec.validation.as_ref().filter(|_| given.is_none() && !whole);
    let source = source_spec.path.display().to_string();
    let report = ProgressSender::disconnected();
    let in_memory = held_out.filter(|_| matches!(streamed::should_stream(spec), Ok(false)));
    if in_memory.is_some() || source_spec.is_multi_label() {
        let (texts, unseen) =
            read_first(source_spec, in_memory, seed, (labels, vocabulary, tokens), &report)?;
        each(&texts);
        return Ok((source, unseen));
    }
    let known =
        EncoderConfig { tokens: tokens.clone(), vocabulary: vocabulary.clone(), labels: labels.to_vec() };
    let subset = streamed::validation_subset(held_out, seed);
    let mut block = Block::default();
    let mut encoder = Encoder::new(&known, &subset, |text: &Encoded<'_>| {
        block.push(text);
        if block.rows.len() == BLOCK || block.bytes > BLOCK_BYTES {
            each(&block.take(tokens.length));
        }
        Ok(())
    });
    source_spec.read_into(&mut encoder, &report)?;
    let unseen = std::mem::take(&mut encoder.unseen);
    let all = encoder.encoded;
    drop(encoder);
    unseen.check(&source_spec.path, all, labels)?;
    if block.rows.len() > 0 {
        each(&block.take(tokens.length));
    }
    Ok((source, unseen.counts()))
}

/// Reads all texts into memory and returns those that `held_out` selects, or all.
fn read_first(
    spec: &LabelledSpec,
    held_out: Option<&Validation>,
    seed: u64,
    (labels, vocabulary, tokens): (&[String], &Vocabulary, &TokenSpec),
    report: &ProgressSender,
) -> Result<(LabelledTexts, Vec<ClassCount>), DataError> {
    let mut corpus = spec.read(tokens.tokenizer(), true, report)?;
    if let Some(held_out) = held_out {
        corpus = corpus.subset(&split::split(&corpus, held_out, seed).1);
    }
    let mut unseen = Unseen::default();
    let (dataset, _) = corpus.encode(labels, vocabulary, tokens, &mut unseen)?;
    let texts = corpus.texts.unwrap_or_default();
    if !spec.is_multi_label() {
        unseen.check(&spec.path, dataset.targets.len(), labels)?;
    }
    let texts = LabelledTexts { texts, inputs: dataset.inputs, targets: dataset.targets };
    Ok((texts, unseen.counts()))
}

/// Texts collected for the next block.
#[derive(Default)]
struct Block {
    texts: Vec<String>,
    rows: TokenRows,
    /// Bytes of the texts.
    bytes: usize,
}

impl Block {
    fn push(&mut self, text: &Encoded<'_>) {
        self.texts.push(text.text.to_owned());
        self.rows.push(text.row, text.class);
        self.bytes += text.text.len();
    }

    /// Empties the block and returns its texts, as rows of `length` ids.
    fn take(&mut self, length: usize) -> LabelledTexts {
        let Self { texts, rows, .. } = std::mem::take(self);
        let (rows, classes) = rows.parts(length);
        LabelledTexts { texts, inputs: Inputs::Tokens(rows), targets: Targets::Classes(classes) }
    }
}

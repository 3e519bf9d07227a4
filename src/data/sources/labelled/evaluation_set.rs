//! Labelled texts to judge a network by.

use crate::data::dataset::TokenRows;
use crate::data::dataset::{Inputs, Targets};
use crate::data::error::DataError;
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::streamed;
use crate::data::sources::labelled::streamed::{Encoded, Encoder, Known};
use crate::data::sources::labelled::{LabelledSpec, Validation, split};
use crate::data::text::tokens::TokenSpec;
use crate::data::text::vocabulary::Vocabulary;

/// Texts that are handed on at once, at most, and bytes of them beyond which no further one is waited for.
const BLOCK: usize = 2048;
const BLOCK_BYTES: usize = 16 << 20;

/// Labelled texts as a network reads them.
#[derive(Debug, Clone)]
pub struct LabelledTexts {
    /// As they are written.
    pub texts: Vec<String>,
    /// As ids.
    pub inputs: Inputs,
    /// The class of each, or its labels.
    pub targets: Targets,
}

/// Hands on the validation texts of `spec` (or, if `whole`, all that stand at its path) by a vocabulary and labels that there are, some of
/// them at a time, and gives where they are from. What was drawn from data that are held in memory comes at once.
///
/// # Errors
/// As [`load`](crate::data::load); a label that is not among `labels` is one.
pub fn labelled_texts(
    spec: &LabelledSpec,
    whole: bool,
    seed: u64,
    (labels, vocabulary, tokens): (&[String], &Vocabulary, &TokenSpec),
    each: &mut dyn FnMut(&LabelledTexts),
) -> Result<String, DataError> {
    let given = spec.of_validation().filter(|_| !whole);
    let wanted = given.as_ref().unwrap_or(spec);
    let drawn = spec.validation.as_ref().filter(|_| given.is_none() && !whole);
    let source = wanted.path.display().to_string();
    let report = ProgressSender::to_nobody();
    let held = drawn.filter(|_| matches!(streamed::is_wanted(spec), Ok(false)));
    if held.is_some() || wanted.has_several() {
        each(&read_first(wanted, held, seed, (labels, vocabulary, tokens), &report)?);
        return Ok(source);
    }
    let known = Known { tokens: tokens.clone(), vocabulary: vocabulary.clone(), labels: labels.to_vec() };
    let part = streamed::held_part(drawn, seed);
    let mut block = Block::default();
    let mut encoder = Encoder::new(&known, &part, |text: &Encoded<'_>| {
        block.push(text);
        if block.rows.len() == BLOCK || block.bytes > BLOCK_BYTES {
            each(&block.taken(tokens.length));
        }
        Ok(())
    });
    wanted.pour(&mut encoder, &report)?;
    drop(encoder);
    if block.rows.len() > 0 {
        each(&block.taken(tokens.length));
    }
    Ok(source)
}

/// Texts that are all read first: what `drawn` holds back of them, or all.
fn read_first(
    spec: &LabelledSpec,
    drawn: Option<&Validation>,
    seed: u64,
    (labels, vocabulary, tokens): (&[String], &Vocabulary, &TokenSpec),
    report: &ProgressSender,
) -> Result<LabelledTexts, DataError> {
    let mut corpus = spec.read(tokens.level, true, report)?;
    if let Some(drawn) = drawn {
        corpus = corpus.part(&split::split(&corpus, drawn, seed).1);
    }
    let (dataset, _) = corpus.encode(labels, vocabulary, tokens)?;
    let texts = corpus.texts.unwrap_or_default();
    Ok(LabelledTexts { texts, inputs: dataset.inputs, targets: dataset.targets })
}

/// Texts on their way.
#[derive(Default)]
struct Block {
    texts: Vec<String>,
    rows: TokenRows,
    /// Of the texts.
    bytes: usize,
}

impl Block {
    fn push(&mut self, text: &Encoded<'_>) {
        self.texts.push(text.text.to_owned());
        self.rows.push(text.row, text.class);
        self.bytes += text.text.len();
    }

    /// All of them, as rows of `length` ids.
    fn taken(&mut self, length: usize) -> LabelledTexts {
        let Self { texts, rows, .. } = std::mem::take(self);
        let (rows, classes) = rows.parts(length);
        LabelledTexts { texts, inputs: Inputs::Tokens(rows), targets: Targets::Classes(classes) }
    }
}

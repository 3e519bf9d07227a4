//! Examples of a validation, collected while it is made.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::session::Session;
use crate::data::{Batch, Forecasts, Level, Targets, UnknownWords, Vocabulary};
use crate::metrics::{Confusion, Details, EvaluationResult, LabelCount, Task};
use crate::protocol::{ClassifiedText, EntityCount, SeriesExcerpt, ValidationExamples, WordErrors};
use crate::sort::SmallSort as _;

/// The maximum number of texts.
const TEXTS: usize = 96;
/// The maximum number of characters of a text.
const CHARACTERS: usize = 200;
/// The maximum number of words, and behind them of errors at words that the vocabulary does not have.
const WORDS: (usize, usize) = (40, 10);
/// Validations of which every one has examples; of twice as many every second one, and so on.
const EVERY: u64 = 256;

/// Whether the `number`-th validation of a run, from 1, has examples: of a long run not all, so that they take bounded space.
pub(super) fn is_shown(number: u64) -> bool {
    let mut stride = 1;
    while number / stride > EVERY {
        stride *= 2;
    }
    number.is_multiple_of(stride)
}

/// What becomes [`ValidationExamples`].
#[derive(Debug)]
pub(super) struct Examples {
    /// The number of the first sequence whose forecast is shown.
    first_window: Option<usize>,
    forecasts: Vec<Option<f32>>,
    /// The vocabulary, and what stands between two tokens, if there are texts.
    words: Option<(Vocabulary, &'static str)>,
    /// The words that the vocabulary does not have.
    unknown_words: Arc<UnknownWords>,
    task: Task,
    texts: BTreeMap<(usize, usize), Vec<String>>,
    count: usize,
    /// By word, tag and predicted tag.
    errors: HashMap<(u32, u32, u32), u64>,
    labels: Vec<LabelCount>,
    entities: Vec<EntityCount>,
}

impl Examples {
    /// Of a validation of `session`; `None` if it has none to show.
    pub fn new(session: &Session) -> Option<Self> {
        let sequences = session.validation.as_ref()?.len();
        let excerpt: Option<&SeriesExcerpt> = session.series();
        let task = session.task;
        let level = session.spec.tokens.as_ref().map_or(Level::Symbol, |tokens| tokens.level);
        let gap = if level == Level::Character { "" } else { " " };
        let has_words = match task {
            Task::Binary | Task::Classes => session.labels.len() <= Confusion::MAX_CLASSES,
            Task::Tags => true,
            _ => false,
        };
        let words = session.vocabularies.as_ref().filter(|_| has_words).map(|all| (all.first().clone(), gap));
        let first_window = excerpt.map(|excerpt| sequences.saturating_sub(excerpt.starts.len()));
        (words.is_some() || first_window.is_some() || task == Task::Labels).then(|| Self {
            first_window,
            forecasts: Vec::new(),
            words,
            unknown_words: Arc::clone(&session.unknown_words),
            task,
            texts: BTreeMap::new(),
            count: 0,
            errors: HashMap::new(),
            labels: Vec::new(),
            entities: Vec::new(),
        })
    }

    /// Whether it needs the predicted classes of each batch.
    pub fn needs_classes(&self) -> bool {
        self.words.is_some()
    }

    /// Takes the `output` for a sequence of a series.
    pub fn forecast(&mut self, forecasts: Option<&Forecasts>, sequence: usize, output: &[f32]) {
        let (Some(first), Some(forecasts)) = (self.first_window, forecasts) else { return };
        if sequence >= first {
            let width = forecasts.names().len().max(1);
            let values = forecasts.inverse_transform(sequence, output).into_iter().step_by(width);
            self.forecasts.extend(values.map(|x| Some(x as f32).filter(|x| x.is_finite())));
        }
    }

    /// Takes the predicted classes of the `row`-th sequence of a batch, the `sequence`-th of all: of each step for tags.
    pub fn classes(&mut self, batch: &Batch, (sequence, row): (usize, usize), predicted: &[u32]) {
        let (Some((vocabulary, gap)), Some(ids)) = (&self.words, batch.inputs.tokens()) else { return };
        match (&batch.targets, self.task) {
            (Targets::Steps(targets), Task::Tags) => {
                let steps = ids.row(row).into_iter().zip(targets.row(row)).zip(predicted);
                for ((id, actual), predicted) in steps.filter(|((id, _), _)| **id != Vocabulary::PADDING) {
                    if actual != predicted {
                        *self.errors.entry((*id, *actual, *predicted)).or_default() += 1;
                    }
                }
            }
            (Targets::Classes(classes), _) if self.count < TEXTS => {
                let (Some(actual), Some(predicted)) = (classes.get(row), predicted.first()) else { return };
                let texts = self.texts.entry((*actual as usize, *predicted as usize)).or_default();
                let is_right = predicted == actual;
                let most = if is_right { ClassifiedText::MOST_RIGHT } else { ClassifiedText::MOST_WRONG };
                if texts.len() < most {
                    let real = ids.row(row).into_iter().filter(|id| **id != Vocabulary::PADDING);
                    let mut unknown = self.unknown_words.of(sequence);
                    let word = |id: &u32| {
                        let word = if *id == Vocabulary::UNKNOWN { unknown.next() } else { None };
                        word.map_or(Cow::Borrowed(vocabulary.word(*id)), |word| format!("[{word}]").into())
                    };
                    texts.push(text(real.map(word), gap));
                    self.count += 1;
                }
            }
            _ => {}
        }
    }

    /// Takes the counts of an evaluation.
    pub fn counts(&mut self, result: &EvaluationResult) {
        if let Some(chunks) = &result.chunks {
            let entity =
                |(kind, count): (&String, &LabelCount)| EntityCount { kind: kind.clone(), count: *count };
            self.entities = chunks.types.iter().take(ValidationExamples::LABELS).map(entity).collect();
        }
        if let Details::Labels(counts) = &result.details {
            self.labels = counts.labels.iter().copied().take(ValidationExamples::LABELS).collect();
        }
    }

    /// The examples of the validation after `step` updates in `epoch`; `None` if there are none.
    pub fn finish(self, step: u64, epoch: usize) -> Option<ValidationExamples> {
        let mut errors: Vec<((u32, u32, u32), u64)> = self.errors.into_iter().collect();
        errors.small_sort_by(|(a, many), (b, fewer)| fewer.cmp(many).then(a.cmp(b)));
        let words = self.words.as_ref().map(|(vocabulary, _)| vocabulary);
        let error = |((word, actual, predicted), count): ((u32, u32, u32), u64)| {
            let word = words?.word(word).to_owned();
            Some(WordErrors { word, actual: actual as usize, predicted: predicted as usize, count })
        };
        let text = |((actual, predicted), texts): ((usize, usize), Vec<String>)| {
            texts.into_iter().map(move |text| ClassifiedText { actual, predicted, text })
        };
        let examples = ValidationExamples {
            step,
            epoch,
            forecasts: self.forecasts,
            texts: self.texts.into_iter().flat_map(text).collect(),
            words: worst(errors).into_iter().filter_map(error).collect(),
            labels: self.labels,
            entities: self.entities,
        };
        (!examples.is_empty()).then_some(examples)
    }
}

/// The errors at words of the vocabulary, then those at all others together, which would otherwise take the first places and name no word.
fn worst(errors: Vec<((u32, u32, u32), u64)>) -> Vec<((u32, u32, u32), u64)> {
    let (unknown, known): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|((word, ..), _)| *word == Vocabulary::UNKNOWN);
    known.into_iter().take(WORDS.0).chain(unknown.into_iter().take(WORDS.1)).collect()
}

/// The tokens as a text, shortened in its middle: sequences are often padded and decided at either end.
fn text<'w>(tokens: impl Iterator<Item = Cow<'w, str>>, gap: &str) -> String {
    let tokens: Vec<Cow<'w, str>> = tokens.collect();
    let text = tokens.join(gap);
    let length = text.chars().count();
    if length <= CHARACTERS {
        return text;
    }
    let half = CHARACTERS / 2;
    let (head, tail): (String, String) =
        (text.chars().take(half).collect(), text.chars().skip(length - half).collect());
    format!("{} … {}", head.trim_end(), tail.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Inputs};

    #[test]
    fn examples_of_a_long_run_take_bounded_space() {
        let shown = |validations: u64| (1..=validations).filter(|number| is_shown(*number)).count() as u64;
        assert_eq!((shown(1), shown(EVERY)), (1, EVERY));
        assert_eq!(shown(2 * EVERY), EVERY + EVERY / 2);
        assert!(shown(1 << 20) <= EVERY + 12 * EVERY / 2 + 12, "{}", shown(1 << 20));
    }

    #[test]
    fn a_word_that_the_vocabulary_does_not_have_stands_in_brackets_in_its_text() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let vocabulary: Vocabulary =
            serde_json::from_value(serde_json::json!(["", "[UNK]", "not", "bad"])).unwrap();
        let mut unknown_words = UnknownWords::default();
        let places: Vec<u32> = words("zany overlong").iter().map(|w| unknown_words.add_word(w)).collect();
        unknown_words.add_text([].into_iter());
        unknown_words.add_text([places[1], places[0]].into_iter());
        let mut examples = Examples {
            first_window: None,
            forecasts: Vec::new(),
            words: Some((vocabulary, " ")),
            unknown_words: unknown_words.into(),
            task: Task::Binary,
            texts: BTreeMap::new(),
            count: 0,
            errors: HashMap::new(),
            labels: Vec::new(),
            entities: Vec::new(),
        };
        let data = Dataset {
            inputs: Inputs::Tokens(ndarray::array![[0, 2, 3, 3, 2], [0, 1, 2, 3, 1]]),
            targets: Targets::Classes(vec![1, 1]),
        };
        let mut batch = Batch::default();
        batch.fill(&data, 0..2);
        // The second sequence is read in another batch as well, whose words were not kept.
        for (sequence, row) in [(0, 0), (1, 1), (9, 1)] {
            examples.classes(&batch, (sequence, row), &[1]);
        }
        let found = examples.finish(5, 1).unwrap().texts;
        let texts: Vec<&str> = found.iter().map(|found| found.text.as_str()).collect();
        assert_eq!(texts, ["not bad bad not", "[overlong] not bad [zany]", "[UNK] not bad [UNK]"]);
    }

    #[test]
    fn words_that_are_not_known_do_not_take_the_places_of_those_that_are() {
        let unknown = (0..60).map(|tag| ((Vocabulary::UNKNOWN, tag, 0), 500));
        let known = (0..60).map(|word| ((Vocabulary::FIRST + word, 1, 0), 9));
        let words: Vec<u32> =
            worst(unknown.chain(known).collect()).iter().map(|((word, ..), _)| *word).collect();
        assert_eq!(words.len(), WORDS.0 + WORDS.1);
        assert!(words.iter().take(WORDS.0).all(|word| *word >= Vocabulary::FIRST), "{words:?}");
        assert!(words.iter().skip(WORDS.0).all(|word| *word == Vocabulary::UNKNOWN), "{words:?}");
    }

    #[test]
    fn a_long_text_is_shortened_in_its_middle() {
        assert_eq!(text(["not", "bad"].into_iter().map(Cow::from), " "), "not bad");
        assert_eq!(text(["a", "b"].into_iter().map(Cow::from), ""), "ab");
        let words: Vec<String> = (0..200).map(|n| format!("word{n}")).collect();
        let short = text(words.iter().map(Cow::from), " ");
        assert!(
            short.starts_with("word0 ") && short.ends_with(" word199") && short.contains(" … "),
            "{short}"
        );
        assert!(short.chars().count() <= CHARACTERS + 3);
    }
}

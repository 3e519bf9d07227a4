//! Labelled texts as read from one source: words by number, before there is a vocabulary.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use ndarray::Array2;

use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::text::interner::{Words, print};
use crate::data::text::label_set;
use crate::data::text::text_sink::Sink;
use crate::data::text::tokens::for_each_token;
use crate::data::text::tokens::{Level, TokenSpec};
use crate::data::text::vocabulary::Vocabulary;

/// Texts of one split. The text itself is kept where that is asked for only, else the numbers of its words.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    words: Words,
    /// The words of all texts, one text after the other.
    numbers: Vec<u32>,
    /// Where in `numbers` each text ends.
    ends: Vec<usize>,
    /// The label of each text, in `labels`.
    label_of: Vec<u32>,
    labels: Vec<Label>,
    label_numbers: HashMap<String, u32>,
    /// The labels that each of `labels` stands for, where a text may have several at once.
    sets: Option<Vec<Vec<String>>>,
    /// What parts them in one field, where it is said.
    separator: Option<char>,
    word: String,
    level: Level,
    /// A print of each text: that of another text is another.
    prints: Vec<u64>,
    /// The texts themselves, where they are kept.
    pub texts: Option<Vec<String>>,
    /// Rows left out because they were bad.
    pub skipped: usize,
}

/// A label, and where it came first.
#[derive(Debug, Clone)]
struct Label {
    name: String,
    count: usize,
    path: PathBuf,
    line: Option<u64>,
}

impl Corpus {
    /// No text yet; texts are cut into tokens of this level, and kept if `keep`.
    pub fn new(level: Level, keep: bool) -> Self {
        Self { level, texts: keep.then(Vec::new), ..Self::default() }
    }

    /// Adds one text that was found at `path` and `line`.
    pub fn push(&mut self, text: &str, label: &str, path: &Path, line: Option<u64>) {
        for_each_token(text, self.level, &mut self.word, |word| self.numbers.push(self.words.count(word)));
        self.ends.push(self.numbers.len());
        self.prints.push(print(text));
        if let Some(texts) = &mut self.texts {
            texts.push(text.to_owned());
        }
        let number = match self.label_numbers.get(label) {
            Some(number) => *number,
            None => {
                let number = self.labels.len() as u32;
                self.label_numbers.insert(label.into(), number);
                self.labels.push(Label { name: label.into(), count: 0, path: path.into(), line });
                number
            }
        };
        self.label_of.push(number);
        if let Some(label) = self.labels.get_mut(number as usize) {
            label.count += 1;
        }
    }

    /// Texts so far.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The print of each text, and the number of its label in order of first appearance; 0 for all where a text may have several.
    pub fn prints(&self) -> impl Iterator<Item = (u64, usize)> {
        let one = usize::from(self.sets.is_none());
        self.prints.iter().copied().zip(self.label_of.iter().map(move |label| *label as usize * one))
    }

    /// Takes each label for several at once, parted by `separator`, or by what is found to part them.
    pub fn part_labels(&mut self, separator: Option<char>) {
        self.separator = separator;
        self.sets = Some(label_set::part(self.labels.iter().map(|label| label.name.as_str()), separator));
    }

    /// Whether a text may have several labels at once.
    pub fn has_several(&self) -> bool {
        self.sets.is_some()
    }

    /// These texts alone, in this order.
    pub fn part(&self, texts: &[usize]) -> Self {
        let (words, sets) = (self.words.uncounted(), self.sets.clone());
        let mut part = Self { words, sets, separator: self.separator, level: self.level, ..Self::default() };
        part.labels = self.labels.iter().map(|label| Label { count: 0, ..label.clone() }).collect();
        part.texts = self.texts.is_some().then(Vec::new);
        for text in texts {
            let numbers = self.text(*text);
            numbers.iter().for_each(|number| part.words.again(*number));
            part.numbers.extend_from_slice(numbers);
            part.ends.push(part.numbers.len());
            part.prints.extend(self.prints.get(*text));
            part.label_of.extend(self.label_of.get(*text));
            if let Some(label) =
                self.label_of.get(*text).and_then(|label| part.labels.get_mut(*label as usize))
            {
                label.count += 1;
            }
            if let (Some(kept), Some(all)) = (&mut part.texts, &self.texts) {
                kept.extend(all.get(*text).cloned());
            }
        }
        part
    }

    /// The numbers of a text's words.
    fn text(&self, text: usize) -> &[u32] {
        let start = text.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(text).copied().unwrap_or(start);
        self.numbers.get(start..end).unwrap_or_default()
    }

    /// How many texts of `other` are here as well.
    pub fn shared(&self, other: &Self) -> usize {
        let mine: HashSet<u64> = self.prints.iter().copied().collect();
        other.prints.iter().filter(|print| mine.contains(print)).count()
    }

    /// The labels in sorted order, each with its number of texts: the classes.
    pub fn classes(&self) -> Vec<(&str, usize)> {
        if let Some(sets) = &self.sets {
            let mut counts = BTreeMap::new();
            let there = sets.iter().zip(&self.labels).filter(|(_, label)| label.count > 0);
            for (name, label) in there.flat_map(|(set, label)| set.iter().map(move |name| (name, label))) {
                *counts.entry(name.as_str()).or_default() += label.count;
            }
            return counts.into_iter().collect();
        }
        let mut classes: Vec<_> = self
            .labels
            .iter()
            .map(|label| (label.name.as_str(), label.count))
            .filter(|(_, n)| *n > 0)
            .collect();
        classes.sort_unstable();
        classes
    }

    /// The vocabulary of these texts, at most `size` entries long.
    pub fn vocabulary(&self, size: usize) -> Vocabulary {
        Vocabulary::of_counts(
            self.words.iter().map(|(word, _, count)| (word, count)).filter(|(_, n)| *n > 0),
            size,
        )
    }

    /// The texts as rows of ids with classes by their place in `labels` (sorted), and the share of the kept words that
    /// `vocabulary` does not have.
    ///
    /// # Errors
    /// A label that is not in `labels`, with the place where it came first; rows that do not fit in memory.
    pub fn encode(
        &self,
        labels: &[String],
        vocabulary: &Vocabulary,
        spec: &TokenSpec,
    ) -> Result<(Dataset, f64), DataError> {
        let targets = self.targets(labels)?;
        let mut id_of = vec![Vocabulary::UNKNOWN; self.words.len()];
        for (word, number, _) in self.words.iter() {
            if let (Some(slot), Some(id)) = (id_of.get_mut(number as usize), vocabulary.id(word)) {
                *slot = id;
            }
        }
        let mut tokens = blank(self.len(), spec.length)?;
        let (mut kept_words, mut unknown) = (0_u64, 0_u64);
        for (i, mut row) in tokens.rows_mut().into_iter().enumerate() {
            let text = self.text(i);
            let kept = text.get(spec.kept(text.len())).unwrap_or_default();
            kept_words += kept.len() as u64;
            for (step, number) in row.iter_mut().skip(spec.first_step(text.len())).zip(kept) {
                *step = id_of.get(*number as usize).copied().unwrap_or(Vocabulary::UNKNOWN);
                unknown += u64::from(*step == Vocabulary::UNKNOWN);
            }
        }
        let data = Dataset { inputs: Inputs::Tokens(tokens), targets };
        Ok((data, unknown as f64 / kept_words.max(1) as f64))
    }

    /// What each text should give: its class by its place in `labels`, or which of several `labels` it has.
    fn targets(&self, labels: &[String]) -> Result<Targets, DataError> {
        // A label that no text has (another part has them all) is no class's.
        let there = |label: &Label| label.count > 0;
        let Some(guessed) = &self.sets else {
            let class_of = self
                .labels
                .iter()
                .map(|label| if there(label) { class(label, &label.name, labels) } else { Ok(0) });
            let class_of = class_of.collect::<Result<Vec<u32>, _>>()?;
            let classes = self.label_of.iter().filter_map(|number| class_of.get(*number as usize).copied());
            return Ok(Targets::Classes(classes.collect()));
        };
        // What parts the labels of one file was found from those of another: the labels that there are tell.
        let names = self.labels.iter().filter(|_| self.separator.is_none()).map(|label| label.name.as_str());
        let known = label_set::part_known(names, labels);
        let sets = known.as_ref().unwrap_or(guessed);
        let classes = sets.iter().zip(&self.labels).map(|(set, label)| match there(label) {
            true => set.iter().map(|name| class(label, name, labels)).collect(),
            false => Ok(Vec::new()),
        });
        let classes = classes.collect::<Result<Vec<Vec<u32>>, _>>()?;
        let mut targets = Array2::zeros((self.len(), labels.len()));
        for (mut row, number) in targets.rows_mut().into_iter().zip(&self.label_of) {
            for class in classes.get(*number as usize).into_iter().flatten() {
                if let Some(target) = row.get_mut(*class as usize) {
                    *target = 1.0;
                }
            }
        }
        Ok(Targets::Labels(targets))
    }
}

impl Sink for Corpus {
    fn push(&mut self, text: &str, label: &str, path: &Path, line: Option<u64>) -> Result<(), DataError> {
        Self::push(self, text, label, path, line);
        Ok(())
    }

    fn skip(&mut self) {
        self.skipped += 1;
    }

    fn len(&self) -> usize {
        Self::len(self)
    }

    fn skipped(&self) -> usize {
        self.skipped
    }
}

/// The place of `name`, which `label` is or has, in `labels`.
fn class(label: &Label, name: &str, labels: &[String]) -> Result<u32, DataError> {
    match labels.binary_search_by(|known| known.as_str().cmp(name)) {
        Ok(class) => Ok(class as u32),
        Err(_) => Err(DataError::content(
            &label.path,
            label.line,
            format!("the label {}", quoted(name)),
            format!("a label of the training data: {}", listed(labels.iter().map(String::as_str))),
        )),
    }
}

/// Rows of padding.
pub(crate) fn blank(rows: usize, length: usize) -> Result<Array2<u32>, DataError> {
    let mut ids = Vec::new();
    let size = rows.checked_mul(length).filter(|size| ids.try_reserve_exact(*size).is_ok());
    let filled = size.and_then(|size| {
        ids.resize(size, Vocabulary::PADDING);
        Array2::from_shape_vec((rows, length), ids).ok()
    });
    filled.ok_or_else(|| DataError::Setting {
        field: "tokens.length".into(),
        found: length.to_string(),
        expected: format!("a length at which {rows} rows fit in memory"),
    })
}

#[cfg(test)]
impl Corpus {
    /// Every text as its words, with its class.
    pub fn sentences(&self) -> Vec<(Vec<String>, u32)> {
        let mut names = vec![String::new(); self.words.len()];
        self.words.iter().for_each(|(word, number, _)| names[number as usize] = word.to_owned());
        let classes: Vec<&str> = self.classes().iter().map(|(label, _)| *label).collect();
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let texts = starts.zip(&self.ends).map(|(start, end)| &self.numbers[start..*end]);
        texts
            .zip(&self.label_of)
            .map(|(text, label)| {
                let words = text.iter().map(|number| names[*number as usize].clone()).collect();
                let class = classes.binary_search(&self.labels[*label as usize].name.as_str()).unwrap();
                (words, class as u32)
            })
            .collect()
    }
}

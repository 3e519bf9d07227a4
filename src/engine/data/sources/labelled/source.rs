use std::path::PathBuf;

use super::streamed;
use super::{LabelledSpec, Validation, split};
use crate::data::dataset::Dataset;
use crate::data::error::{DataError, refuse};
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::opened::{Data, Opened};
use crate::data::progress::{ProgressSender, read_splits};
use crate::data::source::{Context, FoldSizes, PathSetting, RequiredFile, Source, TokenUse};
use crate::data::text::notes::{cased_note, empty_note, overlap_note};
use crate::data::text::splits::TextSplits;
use crate::data::text::tokenizer::{Level, Tokenizer};
use crate::data::text::tokens::{TokenRules, TokenSpec};
use crate::data::text::unseen::Unseen;
use crate::data::text::vocabulary::Vocabulary;
use crate::number;

impl Source for LabelledSpec {
    fn description(&self) -> String {
        self.path.display().to_string()
    }

    fn check(&self) -> Result<(), DataError> {
        self.check_settings()
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Required(TokenRules::TEXTS)
    }

    fn form(&self, tokens: Option<&TokenSpec>) -> Form {
        let targets =
            if self.is_multi_label() { TargetForm::Labels(None) } else { TargetForm::Classes(None) };
        Form { inputs: InputForm::of_tokens(tokens, true), targets }
    }

    fn open(&self, context: Context<'_>) -> Result<Opened, DataError> {
        let tokens = context.required_tokens()?;
        if context.may_stream && streamed::should_stream(self)? {
            if !context.fraction.is_all() {
                let expected =
                    "1: these texts are streamed from their file; data.stream: false reads them into memory";
                return refuse("train.fraction", "a part of the training data", expected);
            }
            return streamed::open(self, tokens, context);
        }
        let splits = self.splits(tokens.tokenizer(), context.seed, context.progress)?;
        let splits = splits.keep(context.fraction, context.seed);
        let mut notes = Vec::new();
        if let Some(validation) = &splits.validation {
            if self.is_multi_label() && self.of_validation().is_none() {
                notes.push(
                    "validation texts are split off at random, not by class: texts have several labels"
                        .into(),
                );
            }
            let shared = splits.train.shared(validation);
            notes.extend(overlap_note(shared, validation.len(), "validation texts"));
        }
        notes.extend(empty_note(splits.train.empty(), splits.train.len()));
        notes.extend(cased_note(
            splits.classes.iter().map(|(label, count)| (label.as_str(), *count)),
            "labels",
        ));
        let mut data = splits.encode(self.description(), tokens, context.known, context.progress)?;
        let held_out = data.validation.as_ref().map_or(0, Dataset::len);
        if let Some(given) = self.of_validation().filter(|_| !self.is_multi_label()) {
            Unseen::of(&data.unseen).check(&given.path, held_out, &data.labels)?;
        }
        notes.append(&mut data.notes);
        Ok(Data { notes, ..data }.into())
    }

    fn files(&self) -> Vec<RequiredFile<'_>> {
        let needs = self.needs.as_deref();
        let validation = match &self.validation {
            Some(Validation::Given(given)) => Some(given.path.as_path()),
            _ => None,
        };
        let paths = [Some(self.path.as_path()), validation];
        paths.into_iter().flatten().map(|path| RequiredFile { path, needs }).collect()
    }

    fn paths_mut(&mut self) -> Vec<PathSetting<'_>> {
        let mut paths = vec![PathSetting { key: &["data", "path"], path: &mut self.path }];
        if let Some(path) = &mut self.labels {
            paths.push(PathSetting { key: &["data", "labels"], path });
        }
        if let Some(Validation::Given(given)) = &mut self.validation
            && let Some(path) = &mut given.labels
        {
            paths.push(PathSetting { key: &["data", "validation", "labels"], path });
        }
        paths
    }

    fn validation_path_mut(&mut self) -> Option<&mut PathBuf> {
        self.validation.as_mut().and_then(Validation::path_mut)
    }

    fn remove_validation(&mut self) {
        self.validation = None;
    }

    fn vocabulary_at_least(
        &self,
        tokens: &TokenSpec,
        seed: u64,
        least: u64,
    ) -> Result<Option<usize>, DataError> {
        if streamed::should_stream(self)? {
            let expected = "a number of words: these texts are too large to be counted before training";
            return refuse("tokens.vocabulary", format!("at_least: {least}"), expected);
        }
        let mut corpus = self.read(tokens.tokenizer(), false, &ProgressSender::disconnected())?;
        let held_out = self.validation.as_ref().filter(|_| self.of_validation().is_none());
        if let Some(held_out) = held_out {
            corpus = corpus.subset(&split::split(&corpus, held_out, seed).0);
        }
        Ok(Some(corpus.words_at_least(least) + Vocabulary::FIRST as usize))
    }

    fn fold_sizes(&self, folds: usize, seed: u64) -> Result<Option<FoldSizes>, DataError> {
        if streamed::should_stream(self)? {
            return Ok(None);
        }
        let corpus = self.read(Level::Word, false, &ProgressSender::disconnected())?;
        let sizes = split::folds(corpus.fingerprints(), folds, seed);
        Ok(Some(FoldSizes { path: self.path.clone(), unit: "texts", sizes }))
    }
}

impl LabelledSpec {
    /// Reads the texts, each split on a thread of its own, and splits off validation texts if `validation` is a share or a fold.
    fn splits(
        &self,
        tokenizer: Tokenizer,
        seed: u64,
        progress: &mut dyn FnMut(String),
    ) -> Result<TextSplits, DataError> {
        let read = |spec: &Self, report: &ProgressSender| spec.read(tokenizer, false, report);
        let (whole, validation) = read_splits(self, self.of_validation().as_ref(), read, progress)?;
        let Some(validation_setting) = self.validation.as_ref().filter(|_| validation.is_none()) else {
            return Ok(TextSplits::new(whole, validation));
        };
        let (train, held_out) = split::split(&whole, validation_setting, seed);
        if train.is_empty() || held_out.is_empty() {
            let found = format!("{} texts", number::count(whole.len() as u64));
            let expected = "enough texts to hold some out: see data.validation";
            return Err(DataError::content(&self.path, None, found, expected));
        }
        let (mut train, validation) = (whole.subset(&train), whole.subset(&held_out));
        train.skipped = whole.skipped;
        // Classes of the whole data, even where no text of a class is left for training.
        let counts = train.classes();
        let count = |label| counts.iter().find(|(l, _)| *l == label).map_or(0, |(_, count)| *count);
        let classes =
            whole.classes().into_iter().map(|(label, _)| (label.to_owned(), count(label))).collect();
        Ok(TextSplits { train, validation: Some(validation), classes })
    }
}

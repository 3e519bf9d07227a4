//! `source: tags`: sentences with a tag for every word in CoNLL formats, a word a line, an empty line after each sentence.

mod evaluation_set;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::dataset::{Dataset, Targets};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::text_file;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::opened::{Data, Opened};
use crate::data::source::{Context, PathSetting, RequiredFile, Source, TokenUse};
use crate::data::text::corpus::blank;
use crate::data::text::sentences::{encode_sentences, vocabularies};
use crate::data::text::tokens::{TokenRules, TokenSpec};
use crate::data::text::vocabularies::Vocabularies;
use crate::protocol::{ClassCount, DataFacts};

pub use evaluation_set::TaggedSentences;
pub use words::split_words;

/// A file (plain or gzip) of tagged sentences, `{source: tags, path: …}`: CoNLL-U (ten columns: the word is the second, the tag the
/// universal part of speech in the fourth), or two columns, word and tag, separated by a tab or blanks.
///
/// Lines that start with `#` are comments in CoNLL-U; its multiword tokens (`3-4`) and empty nodes (`8.1`) are skipped: their words
/// have lines of their own, or are not in the text. Words are not normalized. A sentence starts at the first step and is truncated at
/// `tokens.length`. The preset chooses the features of a word: see [`ChannelSpec`](crate::data::text::channels::ChannelSpec). Entries that
/// appear once are unknown by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagsSpec {
    /// The training file.
    pub path: PathBuf,
    /// The validation file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<TagsValidation>,
    /// Instructions to obtain the data, shown when a file is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

/// The validation data of a [`TagsSpec`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagsValidation {
    /// The file.
    pub path: PathBuf,
}

/// A word of a sentence.
#[derive(Debug, PartialEq)]
pub(crate) struct Token<'a> {
    pub word: &'a str,
    pub tag: &'a str,
    line: u64,
}

impl Source for TagsSpec {
    fn description(&self) -> String {
        self.path.display().to_string()
    }

    fn check(&self) -> Result<(), DataError> {
        Ok(())
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Required(TokenRules::TAGS)
    }

    fn form(&self, tokens: Option<&TokenSpec>) -> Form {
        Form { inputs: InputForm::of_tokens(tokens, true), targets: TargetForm::Steps(Vec::new()) }
    }

    fn open(&self, context: Context<'_>) -> Result<Opened, DataError> {
        Ok(self.load(context.required_tokens()?, context.progress)?.into())
    }

    fn files(&self) -> Vec<RequiredFile<'_>> {
        let needs = self.needs.as_deref();
        let validation = self.validation.iter().map(|validation| &validation.path);
        let paths = std::iter::once(&self.path).chain(validation);
        paths.map(|path| RequiredFile { path, needs }).collect()
    }

    fn paths_mut(&mut self) -> Vec<PathSetting<'_>> {
        vec![PathSetting { key: &["data", "path"], path: &mut self.path }]
    }

    fn validation_path_mut(&mut self) -> Option<&mut PathBuf> {
        self.validation.as_mut().map(|validation| &mut validation.path)
    }

    fn remove_validation(&mut self) {
        self.validation = None;
    }
}

impl TagsSpec {
    /// Reads both files; the classes are the sorted tags.
    fn load(&self, spec: &TokenSpec, progress: &mut dyn FnMut(String)) -> Result<Data, DataError> {
        let mut read = |path: &Path| {
            progress(format!("reading {}", path.display()));
            text_file::read(path, self.needs.as_deref())
        };
        let text = read(&self.path)?;
        let held_out =
            self.validation.as_ref().map(|v| Ok((v.path.as_path(), read(&v.path)?))).transpose()?;
        let train = sentences(&self.path, &text)?;
        let mut tags = BTreeMap::<&str, usize>::new();
        train.iter().flatten().for_each(|token| *tags.entry(token.tag).or_default() += 1);
        if tags.len() < 2 {
            let found = format!("a single tag, {}", listed(tags.keys().copied()));
            return Err(DataError::content(&self.path, None, found, "at least two tags"));
        }
        let labels: Vec<String> = tags.keys().map(|tag| (*tag).to_owned()).collect();
        let vocabularies = vocabularies(spec, train.iter().flatten().map(|token| token.word));
        let encode = |path: &Path, sentences: &[Vec<Token<'_>>]| {
            dataset(path, sentences, &labels, &vocabularies, spec)
        };
        let train_set = encode(&self.path, &train)?;
        let (mut counted, mut validation) = (train, None);
        if let Some((path, text)) = &held_out {
            counted = sentences(path, text)?;
            validation = Some(encode(path, &counted)?);
        }
        let words = counted.iter().flatten().count();
        // Without a channel of words none is unknown.
        let known = spec.known_words(&vocabularies);
        let is_unknown = |word: &str| known.is_some_and(|known| known.id(word).is_none());
        let unknown = counted.iter().flatten().filter(|token| is_unknown(token.word)).count();
        let facts = DataFacts {
            source: self.path.display().to_string(),
            train: train_set.len(),
            validation: validation.as_ref().map_or(0, Dataset::len),
            classes: tags
                .iter()
                .map(|(tag, count)| ClassCount { label: (*tag).into(), count: *count })
                .collect(),
            vocabulary: known.unwrap_or(vocabularies.first()).len(),
            length: spec.length,
            skipped: 0,
            unknown: unknown as f64 / words.max(1) as f64,
        };
        Ok(Data { validation, vocabularies: Some(vocabularies), labels, ..Data::of(train_set, facts) })
    }
}

/// Parses the sentences of `text`; `path` is for errors.
pub(crate) fn sentences<'a>(path: &Path, text: &'a str) -> Result<Vec<Vec<Token<'a>>>, DataError> {
    let (mut all, mut sentence, mut columns) = (Vec::new(), Vec::new(), None);
    let mut plain = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let has_comments = plain.next().is_none_or(|line| line.split('\t').count() == 10);
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim_end_matches('\r');
        let fields: Vec<&str> = match line.contains('\t') {
            true => line.split('\t').map(str::trim).collect(),
            false => line.split_whitespace().collect(),
        };
        if line.trim().is_empty() {
            if !sentence.is_empty() {
                all.push(std::mem::take(&mut sentence));
            }
            continue;
        }
        // In two columns `#` is a word.
        if line.starts_with('#') && has_comments {
            continue;
        }
        let wrong =
            |found: String, expected: String| Err(DataError::content(path, Some(number), found, expected));
        let count = *columns.get_or_insert(fields.len());
        let (word, tag, at) = match fields.as_slice() {
            [id, ..] if fields.len() == 10 && count == 10 && id.contains(['-', '.']) => continue,
            [_, word, _, tag, ..] if fields.len() == 10 && count == 10 => (*word, *tag, 4),
            [word, tag] if count == 2 => (*word, *tag, 2),
            _ => {
                let found = crate::number::counted(fields.len(), "column");
                return match count {
                    2 | 10 => wrong(found, format!("{count} as in the lines before")),
                    _ => wrong(found, "10 (CoNLL-U, separated by tabs) or 2 (a word and its tag)".into()),
                };
            }
        };
        if word.is_empty() {
            return wrong(format!("no word in column {}", if at == 4 { 2 } else { 1 }), "a word".into());
        }
        if tag.is_empty() || tag == "_" {
            return wrong(format!("no tag for {} in column {at}", quoted(word)), "the word's tag".into());
        }
        sentence.push(Token { word, tag, line: number });
    }
    if !sentence.is_empty() {
        all.push(sentence);
    }
    match all.is_empty() {
        true => Err(DataError::content(path, None, "no sentence", "a word a line, with its tag")),
        false => Ok(all),
    }
}

fn dataset<'a>(
    path: &Path,
    sentences: &[Vec<Token<'a>>],
    labels: &[String],
    vocabularies: &Vocabularies,
    tokens: &TokenSpec,
) -> Result<Dataset, DataError> {
    let mut targets = blank(sentences.len(), tokens.length)?;
    for (row, sentence) in sentences.iter().enumerate() {
        for (t, token) in sentence.iter().enumerate() {
            let Ok(class) = labels.binary_search_by(|label| label.as_str().cmp(token.tag)) else {
                let expected =
                    format!("a tag of the training data: {}", listed(labels.iter().map(String::as_str)));
                return Err(DataError::content(
                    path,
                    Some(token.line),
                    format!("the tag {}", quoted(token.tag)),
                    expected,
                ));
            };
            if let Some(target) = targets.get_mut((row, t)) {
                *target = class as u32;
            }
        }
    }
    let words = |sentence: &Vec<Token<'a>>| sentence.iter().map(|token| token.word).collect();
    let words: Vec<Vec<&str>> = sentences.iter().map(words).collect();
    Ok(Dataset { inputs: encode_sentences(vocabularies, tokens, &words)?, targets: Targets::Steps(targets) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::text::tokenizer::Level;
    use crate::data::text::tokens::Side;
    use crate::data::text::vocabulary::Vocabulary;
    use proptest::prelude::*;

    const CONLLU: &str = "# newpar\n# sent_id = 1\n# text = Don't go\n1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_\n\
        1\tDo\tdo\tAUX\t_\t_\t0\t_\t_\t_\n2\tn't\tnot\tPART\t_\t_\t0\t_\t_\t_\n3\tgo\tgo\tVERB\t_\t_\t0\t_\t_\t_\n\
        3.1\tgone\tgo\tVERB\t_\t_\t_\t_\t_\t_\n\r\n\n# sent_id = 2\n1\t#\t#\tSYM\t_\t_\t0\t_\t_\t_";

    fn read(text: &str) -> Result<Vec<Vec<(String, String)>>, String> {
        let pairs = |s: &Vec<Token<'_>>| s.iter().map(|t| (t.word.to_owned(), t.tag.to_owned())).collect();
        match sentences(Path::new("tags.conllu"), text) {
            Ok(all) => Ok(all.iter().map(pairs).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn pair(word: &str, tag: &str) -> (String, String) {
        (word.into(), tag.into())
    }

    #[test]
    fn comments_multiword_tokens_and_empty_nodes_are_skipped() {
        let first = vec![pair("Do", "AUX"), pair("n't", "PART"), pair("go", "VERB")];
        assert_eq!(read(CONLLU).unwrap(), [first, vec![pair("#", "SYM")]]);
    }

    #[test]
    fn two_columns_are_separated_by_tabs_or_blanks() {
        let expected = [vec![pair("#", "SYM"), pair("1", "NUM")], vec![pair("a-b", "X")]];
        assert_eq!(read("#\tSYM\n1\tNUM\n\na-b\tX\n").unwrap(), expected);
        assert_eq!(read("# SYM\n1  NUM\n\n\n\na-b X\n\n").unwrap(), expected);
    }

    #[test]
    fn errors_name_line_and_column() {
        let texts = [
            "# only\n# comments here\n",
            "a b c\n",
            "a X\nb\n",
            "a X\n\nb\t_\n",
            "1\tDo\tdo\t_\t_\t_\t0\t_\t_\t_\n",
            "\tX\n",
        ];
        let entries = texts.map(|text| (format!("{text:?}"), read(text).unwrap_err()));
        crate::messages::assert_messages("tags_files", entries);
    }

    fn load(train: &str, validation: &str) -> Result<Data, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let path = put("train", train);
        let validation =
            (!validation.is_empty()).then(|| TagsValidation { path: put("validation", validation) });
        let (padding, truncating) = (Side::Post, Side::Post);
        let tokens = TokenSpec {
            level: Level::Word,
            vocabulary: 40,
            length: 3,
            padding,
            truncating,
            channels: Vec::new(),
        };
        TagsSpec { path, validation, needs: None }.load(&tokens, &mut |_| {})
    }

    #[test]
    fn rare_words_are_unknown_and_sentences_are_padded_at_the_end() {
        let train = "the D\nthe D\nthe D\nthe D\n\ncat N\ncat N\n\ndog N\n";
        let data = load(train, "The D\ncat N\n").unwrap();
        assert_eq!(data.labels, ["D", "N"]);
        let (inputs, Targets::Steps(targets)) = (data.train.inputs.tokens().unwrap(), &data.train.targets)
        else {
            panic!("a class a step")
        };
        let id = |word: &str| data.vocabularies.as_ref().unwrap().first().id(word).unwrap();
        let (the, cat, unknown) = (id("the"), id("cat"), Vocabulary::UNKNOWN);
        assert_eq!(inputs, ndarray::array![[the, the, the], [cat, cat, 0], [unknown, 0, 0]]);
        assert_eq!(targets, &ndarray::array![[0, 0, 0], [1, 1, 0], [1, 0, 0]]);
        let validation = data.validation.unwrap();
        assert_eq!(validation.inputs.tokens().unwrap(), ndarray::array![[unknown, cat, 0]]);
        assert_eq!((data.facts.unknown, data.facts.classes[0].count), (0.5, 4));
    }

    #[test]
    fn the_error_of_an_unknown_tag_names_file_and_line() {
        let message = load("a X\nb Y\n", "a X\nb Z\n").unwrap_err().to_string();
        assert!(
            message.contains("validation:2: found the tag \"Z\"; expected a tag of the training"),
            "{message}"
        );
        assert!(load("a X\nb X\n", "").unwrap_err().to_string().contains("found a single tag, \"X\""));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            text in proptest::collection::vec(prop_oneof![Just('\n'), Just('\t'), Just(' '), Just('#'), any::<char>()], 0..80),
        ) {
            let text: String = text.into_iter().collect();
            if let Ok(sentences) = read(&text) {
                prop_assert!(sentences.iter().all(|sentence| !sentence.is_empty()));
            }
        }
    }
}

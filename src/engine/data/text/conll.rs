//! The CoNLL formats: a word a line with its columns, an empty line after each sentence.

use std::collections::HashSet;
use std::path::Path;

use crate::data::columns::Column;
use crate::data::error::{DataError, listed, quoted};
use crate::number;

/// The columns of CoNLL-U, which `data.tag` may name.
const CONLLU: [&str; 10] = ["ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"];
/// Rows from which the columns are chosen.
const SAMPLE: usize = 500;
/// Columns from which on a row with an id is one of a treebank, and from which on one of CoNLL-2009.
const TREEBANK: usize = 8;
const CONLL_2009: usize = 12;
/// A row between documents, as CoNLL-2003 has it.
const DOCUMENT: &str = "-DOCSTART-";

/// A word of a sentence.
#[derive(Debug, PartialEq)]
pub struct Token<'a> {
    /// The word.
    pub word: &'a str,
    /// Its tag.
    pub tag: &'a str,
    /// Its line, from 1.
    pub line: u64,
}

/// The sentences of a file.
#[derive(Debug)]
pub struct Sentences<'a> {
    /// The words of each sentence.
    pub all: Vec<Vec<Token<'a>>>,
    /// Which columns they are from.
    pub layout: Layout,
    /// Sentences without an empty line before them.
    pub glued: usize,
    /// Rows between documents.
    pub documents: usize,
}

/// Which columns hold what, by their indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The number of columns.
    pub columns: usize,
    /// The column of the word.
    pub word: usize,
    /// The column of the tag.
    pub tag: usize,
    /// Whether the first column numbers the words of a sentence.
    pub has_ids: bool,
    /// Whether the column of the tag is set.
    is_set: bool,
}

impl Sentences<'_> {
    /// A sentence for people about what is unusual.
    pub fn note(&self) -> Option<String> {
        let count = |n: usize| number::count(n as u64);
        (self.glued > 0).then(|| {
            format!(
                "{} of {} sentences begin without an empty line before them, by # sent_id or an id that starts again",
                count(self.glued),
                count(self.all.len())
            )
        })
    }
}

/// Parses the sentences of `text`; `path` is for errors, `tag` the column of the tag if it is set.
pub fn sentences<'a>(path: &Path, text: &'a str, tag: Option<&Column>) -> Result<Sentences<'a>, DataError> {
    let layout = layout(path, text, tag)?;
    let mut found = Sentences { all: Vec::new(), layout, glued: 0, documents: 0 };
    let (mut sentence, mut last_id) = (Vec::new(), None);
    for (line, number) in text.lines().zip(1..) {
        let (line, layout) = (line.trim_end_matches('\r'), &found.layout);
        if line.trim().is_empty() || line.starts_with(DOCUMENT) {
            found.documents += usize::from(!line.trim().is_empty());
            found.all.extend(Some(std::mem::take(&mut sentence)).filter(|words| !words.is_empty()));
            last_id = None;
            continue;
        }
        let fields = fields(line);
        if is_comment(line, &fields, layout) {
            if line.trim_start_matches('#').trim_start().starts_with("sent_id") && !sentence.is_empty() {
                found.all.push(std::mem::take(&mut sentence));
                found.glued += 1;
                last_id = None;
            }
            continue;
        }
        let wrong =
            |found: String, expected: String| Err(DataError::content(path, Some(number), found, expected));
        if fields.len() != layout.columns {
            let found = number::counted(fields.len(), "column");
            return wrong(found, format!("{} as in the lines before", layout.columns));
        }
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        if layout.has_ids {
            let id = field(0);
            let begins = id.split(['-', '.']).next().and_then(|id| id.parse::<u64>().ok());
            if begins.is_some() && begins <= last_id && !id.contains('.') && !sentence.is_empty() {
                found.all.push(std::mem::take(&mut sentence));
                found.glued += 1;
                last_id = None;
            }
            // The words of `3-4` have lines of their own; `8.1` is not in the text.
            if id.contains(['-', '.']) {
                continue;
            }
            last_id = begins.or(last_id);
        }
        let (word, tag) = (field(layout.word), field(layout.tag));
        if word.is_empty() {
            return wrong(format!("no word in column {}", layout.word + 1), "a word".into());
        }
        if tag.is_empty() || tag == "_" && !layout.is_set {
            let expected = match layout.columns {
                2 => "the word's tag".to_owned(),
                _ => "the word's tag; data.tag names another column".to_owned(),
            };
            return wrong(format!("no tag for {} in column {}", quoted(word), layout.tag + 1), expected);
        }
        sentence.push(Token { word, tag, line: number });
    }
    found.all.extend(Some(sentence).filter(|words| !words.is_empty()));
    match found.all.is_empty() {
        true => Err(DataError::content(path, None, "no sentence", "a word a line, with its tag")),
        false => Ok(found),
    }
}

/// Whether `text` has words with their tags, a word a line, with empty lines between sentences.
pub fn is_tagged(path: &Path, text: &str) -> bool {
    sentences(path, text, None).is_ok_and(|found| {
        let words = || found.all.iter().flatten();
        let (count, all) = (words().count(), found.all.len());
        // Numbered lines of as many words each, such as verses, are no rows of a treebank.
        if found.layout.has_ids && !text.contains('\t') && found.glued * 10 > all * 8 {
            return false;
        }
        let tags = words().map(|token| token.tag).collect::<HashSet<_>>().len();
        // Rows of texts, or of numbers, are none of words.
        let is_word = |token: &&Token<'_>| {
            !token.word.contains(char::is_whitespace) && token.word.parse::<f64>().is_err()
        };
        let few = tags > 1 && tags * 2 <= count && words().filter(is_word).count() * 10 > count * 6;
        // Of the rows of a table with empty lines in it none belong together.
        few && all > 1 && count * 2 > all * 3 && count <= all * 500
    })
}

/// The columns of a line: between tabs, or else between blanks.
fn fields(line: &str) -> Vec<&str> {
    match line.contains('\t') {
        true => line.split('\t').map(|field| field.trim_matches(|c: char| c.is_ascii_whitespace())).collect(),
        // A space that does not break, U+00A0, is within a word.
        false => line.split_ascii_whitespace().collect(),
    }
}

/// Whether a line that starts with `#` is no word: words have ids, or as many columns as others.
fn is_comment(line: &str, fields: &[&str], layout: &Layout) -> bool {
    let is_setting = || line.get(1..).is_some_and(|rest| rest.split_whitespace().nth(1) == Some("="));
    line.starts_with('#') && (layout.has_ids || fields.len() != layout.columns || is_setting())
}

/// Chooses the columns from the first rows.
fn layout(path: &Path, text: &str, tag: Option<&Column>) -> Result<Layout, DataError> {
    let is_row = |line: &&str| !line.trim().is_empty() && !line.starts_with(DOCUMENT);
    let without_hash = || text.lines().filter(is_row).filter(|line| !line.starts_with('#'));
    let first = without_hash().next().or_else(|| text.lines().find(is_row));
    let Some(columns) = first.map(|line| fields(line).len()) else {
        return Err(DataError::content(path, None, "no sentence", "a word a line, with its tag"));
    };
    let line = text.lines().zip(1..).find(|(line, _)| Some(*line) == first).map(|(_, number)| number);
    let wrong =
        |found: String, expected: &str| Err(DataError::content(path, line, found, expected.to_owned()));
    if without_hash().next().is_none() {
        return Err(DataError::content(path, None, "no sentence", "a word a line, with its tag"));
    }
    if text.starts_with("#begin document") && columns > TREEBANK {
        let expected = "a word and its tag a line: awk '{print $4, $5}' takes word and part of speech of it";
        return wrong("CoNLL-2012, whose columns differ in number".into(), expected);
    }
    if columns < 2 {
        let expected = "a word and its tag, between a tab or blanks, or the columns of a CoNLL format";
        return wrong(number::counted(columns, "column"), expected);
    }
    let rows: Vec<Vec<&str>> =
        without_hash().take(SAMPLE).map(fields).filter(|row| row.len() == columns).collect();
    let id = |row: &Vec<&str>| {
        let id = row.first().copied().unwrap_or_default();
        id.split(['-', '.']).all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let starts = rows.first().and_then(|row| row.first()).is_some_and(|id| id.starts_with(['0', '1']));
    let has_ids = columns > 2 && starts && rows.iter().all(id);
    let word = usize::from(has_ids);
    let names = names(text, columns, has_ids);
    let missing = |at: usize| rows.iter().all(|row| row.get(at).is_none_or(|tag| *tag == "_"));
    let tag_at = match tag {
        Some(column) => match column {
            Column::Number(number) => number.checked_sub(1).filter(|at| *at < columns),
            Column::Name(name) => names.iter().position(|known| known.eq_ignore_ascii_case(name)),
        },
        None if has_ids && columns >= CONLL_2009 => Some(4),
        // A treebank may have the parts of speech of its language alone.
        None if has_ids && columns >= TREEBANK && missing(3) && !missing(4) => Some(4),
        None if has_ids && columns >= TREEBANK => Some(3),
        // Lines may end with a tab.
        None => (0..columns)
            .rev()
            .find(|at| rows.iter().any(|row| row.get(*at).is_some_and(|tag| !tag.is_empty()))),
    };
    let Some(tag_at) = tag_at.filter(|at| *at != word) else {
        let wanted = tag.map(ToString::to_string).unwrap_or_default();
        let known = match names.is_empty() {
            true => String::new(),
            false => format!(", or one of {}", listed(names.iter().map(String::as_str))),
        };
        let found = format!("{} (data.tag is {})", number::counted(columns, "column"), quoted(&wanted));
        let expected = format!("the number of another column than that of the word, 1 to {columns}{known}");
        return wrong(found, &expected);
    };
    Ok(Layout { columns, word, tag: tag_at, has_ids, is_set: tag.is_some() })
}

/// The names of the columns: those of CoNLL-U Plus (`# global.columns = ID FORM …`), or of CoNLL-U.
fn names(text: &str, columns: usize, has_ids: bool) -> Vec<String> {
    let global = text.lines().take(20).find_map(|line| {
        let (name, value) = line.strip_prefix('#')?.split_once('=')?;
        (name.trim() == "global.columns").then(|| value.split_whitespace().map(str::to_owned).collect())
    });
    let global = global.filter(|names: &Vec<String>| names.len() == columns);
    global.unwrap_or_else(|| match has_ids && columns == CONLLU.len() {
        true => CONLLU.map(str::to_owned).to_vec(),
        false => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONLLU: &str = "# newpar\n# sent_id = 1\n# text = Don't go\n1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_\n\
        1\tDo\tdo\tAUX\t_\t_\t0\t_\t_\t_\n2\tn't\tnot\tPART\t_\t_\t0\t_\t_\t_\n3\tgo\tgo\tVERB\t_\t_\t0\t_\t_\t_\n\
        3.1\tgone\tgo\tVERB\t_\t_\t_\t_\t_\t_\n\r\n\n# sent_id = 2\n1\t#\t#\tSYM\t_\t_\t0\t_\t_\t_";

    fn read_as(text: &str, tag: Option<Column>) -> Result<Vec<String>, String> {
        let pairs = |s: &Vec<Token<'_>>| {
            s.iter().map(|t| format!("{}/{}", t.word, t.tag)).collect::<Vec<_>>().join(" ")
        };
        match sentences(Path::new("tags.conllu"), text, tag.as_ref()) {
            Ok(found) => Ok(found.all.iter().map(pairs).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn read(text: &str) -> Result<Vec<String>, String> {
        read_as(text, None)
    }

    #[test]
    fn comments_multiword_tokens_and_empty_nodes_are_skipped() {
        assert_eq!(read(CONLLU).unwrap(), ["Do/AUX n't/PART go/VERB", "#/SYM"]);
    }

    #[test]
    fn two_columns_are_separated_by_tabs_or_blanks() {
        let expected = ["#/SYM 1/NUM", "a-b/X"];
        assert_eq!(read("#\tSYM\n1\tNUM\n\na-b\tX\n").unwrap(), expected);
        assert_eq!(read("1\u{a0}000 NUM\nx X\n").unwrap(), ["1\u{a0}000/NUM x/X"]);
        assert_eq!(read("# SYM\n1  NUM\n\n\n\na-b X\n\n").unwrap(), expected);
    }

    #[test]
    fn the_tag_is_in_the_last_column_unless_words_have_numbers() {
        let conll2003 = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\n# # B-NP O\n\n-DOCSTART- -X- -X- O\r\n\r\nhe PRP B-NP O\r\n";
        assert_eq!(read(conll2003).unwrap(), ["EU/B-ORG #/O", "he/O"]);
        assert_eq!(read_as(conll2003, Some(Column::Number(2))).unwrap(), ["EU/NNP #/#", "he/PRP"]);
        assert_eq!(read("-DOCSTART-\n\na DT B-NP\n  \nb NN I-NP\n").unwrap(), ["a/B-NP", "b/I-NP"]);
        // GermEval: an id before the word, a comment with blanks.
        let germeval =
            "#\thttp://a.b [2009-10-17]\n1\tAachen\tB-LOC\tO\n2\tist\tO\tO\n\n#\tx\n1\tJa\tO\tB-X\n";
        assert_eq!(read(germeval).unwrap(), ["Aachen/O ist/O", "Ja/B-X"]);
        assert_eq!(read_as(germeval, Some(Column::Number(3))).unwrap(), ["Aachen/B-LOC ist/O", "Ja/O"]);
        // Eight and ten columns of CoNLL-X: the fourth.
        let x = "#Text=Hi\n1\tHi\thi\tINTJ\tUH\t_\t0\troot\n2\tyou\tyou\tPRON\tPRP\t_\t1\tvoc\n\n#Text=Hi\n1\tHi\thi\tINTJ\tUH\t_\t0\troot\n";
        assert_eq!(read(x).unwrap(), ["Hi/INTJ you/PRON", "Hi/INTJ"]);
        assert_eq!(
            read(&x.replace('\t', " ").replace("#Text=Hi\n", "")).unwrap(),
            ["Hi/INTJ you/PRON", "Hi/INTJ"]
        );
        assert_eq!(read("a\tDT\t\nb\tNN\t\n").unwrap(), ["a/DT b/NN"]);
        // A number as the first word is no id.
        assert_eq!(read("1 CD B-NP\nman NN I-NP\n\n2 CD O\n").unwrap(), ["1/B-NP man/I-NP", "2/O"]);
    }

    #[test]
    fn a_column_may_be_named() {
        let name = |name: &str| read_as(CONLLU, Some(name.into()));
        assert_eq!(name("upos"), read(CONLLU));
        assert_eq!(name("XPOS").unwrap(), ["Do/_ n't/_ go/_", "#/_"]);
        let plus = "# global.columns = ID FORM MINE\n1\ta\tX\n2\tb\tY\n";
        assert_eq!(read_as(plus, Some("mine".into())).unwrap(), ["a/X b/Y"]);
        assert!(
            name("pos")
                .unwrap_err()
                .contains("10 columns (data.tag is \"pos\"); expected the number of another")
        );
        assert!(read_as("a X\n", Some(Column::Number(3))).unwrap_err().contains("1 to 2"));
        assert!(read_as("a X\n", Some(Column::Number(1))).unwrap_err().contains("than that of the word"));
        let xpos = "1\tDo\tdo\t_\tVB\t_\t0\t_\t_\t_\n";
        assert_eq!(read(xpos).unwrap(), ["Do/VB"]);
    }

    #[test]
    fn sentences_that_are_glued_are_divided_and_counted() {
        let row = |id: &str, word: &str| format!("{id}\t{word}\t_\tX\t_\t_\t_\t_\t_\t_\n");
        let text = [
            "# sent_id = 1\n",
            &row("1", "a"),
            &row("2", "b"),
            "# sent_id = 2\n",
            &row("1", "c"),
            "\n",
            &row("1", "d"),
            &row("1-2", "de"),
            &row("1", "e"),
            &row("2", "f"),
        ]
        .concat();
        let found = sentences(Path::new("x"), &text, None).unwrap();
        let words: Vec<Vec<&str>> = found.all.iter().map(|s| s.iter().map(|t| t.word).collect()).collect();
        assert_eq!(words, [vec!["a", "b"], vec!["c"], vec!["d"], vec!["e", "f"]]);
        assert_eq!(found.glued, 2);
        assert!(found.note().unwrap().starts_with("2 of 4 sentences begin without an empty line"));
    }

    #[test]
    fn numbered_lines_of_as_many_words_are_no_sentences() {
        let verses: String = (0..60).map(|n| format!("{} and the sea was cold\n", n % 12 + 1)).collect();
        assert!(!is_tagged(Path::new("x"), &verses));
        let bank = "1 the DT\n2 sea NN\n\n1 the DT\n2 cold JJ\n3 sea NN\n\n".repeat(9);
        assert!(is_tagged(Path::new("x"), &bank));
    }

    #[test]
    fn errors_name_line_and_column() {
        let texts = [
            "# only\n# comments here\n",
            "word\n",
            "a b c\nd e\n",
            "a X\nb\n",
            "a X\n\nb\t_\n",
            "1\tDo\tdo\t_\t_\t_\t0\t_\t_\t_\n",
            "\tX\n",
            "#begin document (a); part 000\na 0 0 He PRP * - - - A * -\n",
        ];
        let entries = texts.map(|text| (format!("{text:?}"), read(text).unwrap_err()));
        crate::messages::assert_messages("tags_files", entries);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            text in proptest::collection::vec(prop_oneof![Just('\n'), Just('\t'), Just(' '), Just('#'), Just('1'), any::<char>()], 0..80),
        ) {
            let text: String = text.into_iter().collect();
            if let Ok(found) = sentences(Path::new("x"), &text, None) {
                prop_assert!(found.all.iter().all(|sentence| !sentence.is_empty()));
            }
        }
    }
}

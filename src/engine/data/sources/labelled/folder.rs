//! `format: folder`: a folder per class with a file per text, or a file per class with a text a line.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::data::beside::train_and_test;
use crate::data::error::DataError;
use crate::data::files::open;
use crate::data::files::open::{LONGEST, Lines};
use crate::data::files::sniff::{self, HEAD, Head, LayoutSettings};
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::LabelledSpec;
use crate::data::text::conll;
use crate::data::text::text_sink::Sink;
use crate::number;
use crate::sort::SmallSort as _;

/// Files of a folder that are looked at.
const MOST_LOOKED_AT: usize = 20;

/// Adds the texts of the class folders (or else of the class files) in `spec.path`, classes and files in order of their names.
pub(crate) fn read(
    spec: &LabelledSpec,
    into: &mut dyn Sink,
    report: &ProgressSender,
) -> Result<(), DataError> {
    classes(spec)?.iter().try_for_each(|class| class.read(spec, into, report))
}

/// A class, and the file or folder with its texts.
pub struct Class {
    label: String,
    path: PathBuf,
    is_folder: bool,
}

impl Class {
    /// Adds its texts.
    pub fn read(
        &self,
        spec: &LabelledSpec,
        into: &mut dyn Sink,
        report: &ProgressSender,
    ) -> Result<(), DataError> {
        match self.is_folder {
            true => texts(spec, &self.label, &self.path, into, report),
            false => lines(spec, &self.label, &self.path, into, report),
        }
    }
}

/// The classes in `spec.path`, in order of their names.
pub fn classes(spec: &LabelledSpec) -> Result<Vec<Class>, DataError> {
    let path = spec.path.as_path();
    if train_and_test(path).is_some() {
        let expected = "the folder that holds the classes, such as train/ itself";
        return Err(DataError::content(path, None, "train and test data", expected));
    }
    let folders = entries(path, spec.needs.as_deref(), true)?;
    if !folders.is_empty() {
        let class = |(label, path)| Class { label, path, is_folder: true };
        return Ok(folders.into_iter().map(class).collect());
    }
    let files = entries(path, None, false)?;
    if files.is_empty() {
        let expected = "a folder per class with a file per text, such as pos/ and neg/, or a file per class with a text a line";
        return Err(DataError::content(path, None, "an empty folder", expected));
    }
    refuse_tables(path, &files)?;
    let labels = labels(&files);
    let class = |((_, path), label)| Class { label, path, is_folder: false };
    Ok(files.into_iter().zip(labels).map(class).collect())
}

/// Refuses files of which each is a table or a treebank, or a part of one, and none a class with a text a line.
fn refuse_tables(path: &Path, files: &[(String, PathBuf)]) -> Result<(), DataError> {
    let mut contents = Vec::new();
    for (name, file) in files.iter().take(MOST_LOOKED_AT) {
        let name = name.to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let (head, _) = Head::read(&mut open::text(file, None)?, HEAD);
        contents.push(Content::of(file, name, &head));
    }
    let all = |is: &dyn Fn(&Content) -> bool| !contents.is_empty() && contents.iter().all(is);
    let first = contents.first();
    let same = |content: &Content| {
        matches!(content, Content::Rows { named: true, .. }) || contents.len() > 1 && Some(content) == first
    };
    let join = "cat FOLDER/* > all.txt joins them";
    let (what, expected) = if all(&|content| *content == Content::Tagged) {
        ("of tagged sentences", format!("one file of tagged sentences: name it; {join}"))
    } else if all(&|content| *content == Content::Jsonl) {
        ("of JSON lines", format!("one file of JSON lines: name it; {join}"))
    } else if all(&|content| matches!(content, Content::Rows { .. }) && same(content)) {
        let rows = "head -qn 1 FOLDER/FIRST > all.csv; tail -qn +2 FOLDER/* >> all.csv joins tables with the same header";
        ("with columns, a table each", format!("one table: name it; {rows}"))
    } else {
        return Ok(());
    };
    let found = format!("{} {what}", number::counted(files.len(), "file"));
    Err(DataError::content(path, None, found, expected))
}

/// What a file in a folder has in place of a text a line.
#[derive(Debug, PartialEq)]
enum Content {
    Tagged,
    Jsonl,
    /// A table, with its first row, and whether its name says so.
    Rows {
        first: Vec<Vec<u8>>,
        named: bool,
    },
    Lines,
}

impl Content {
    fn of(file: &Path, name: &str, head: &Head) -> Self {
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        let text = String::from_utf8_lossy(head.whole_lines());
        if ends(&[".conll", ".conllu"]) || conll::is_tagged(file, &text) {
            return Self::Tagged;
        }
        if ends(&[".jsonl", ".ndjson"]) || text.trim_start().starts_with("{\"") {
            return Self::Jsonl;
        }
        let sample = sniff::best(head, LayoutSettings::default(), |_| false);
        match sample.rows.first().filter(|_| sample.is_table()) {
            Some((_, first)) => Self::Rows { first: first.clone(), named: ends(&[".csv", ".tsv"]) },
            None => Self::Lines,
        }
    }
}

/// The labels of class files: their names up to the last dot, or, where these are all equal, the extensions.
fn labels(files: &[(String, PathBuf)]) -> Vec<String> {
    let split = |name: &str| {
        let name = name.strip_suffix(".gz").unwrap_or(name);
        let (stem, end) = name.rsplit_once('.').unwrap_or((name, name));
        (stem.to_owned(), end.to_owned())
    };
    let (stems, ends): (Vec<_>, Vec<_>) = files.iter().map(|(name, _)| split(name)).unzip();
    if stems.len() > 1 && stems.windows(2).all(|two| two.first() == two.last()) { ends } else { stems }
}

/// Adds the lines of a class file that are not blank.
fn lines(
    spec: &LabelledSpec,
    label: &str,
    file: &Path,
    into: &mut dyn Sink,
    report: &ProgressSender,
) -> Result<(), DataError> {
    let (mut lines, before) = (Lines::open(file, None, spec.encoding)?, into.texts());
    while let Some(line) = lines.next()? {
        match line {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => {
                let text = line.trim().to_owned();
                into.push(&text, label, file, Some(lines.number))?;
                report.texts(&spec.path, into.texts());
            }
            Err(_) if spec.skip_bad_rows => into.skip(),
            Err(bad) => return Err(lines.wrong(bad)),
        }
    }
    match into.texts() > before {
        true => Ok(()),
        false => Err(DataError::content(file, None, "no text", "a text a line: each file is a class")),
    }
}

/// Adds the files of a class folder, each a text.
fn texts(
    spec: &LabelledSpec,
    label: &str,
    folder: &Path,
    into: &mut dyn Sink,
    report: &ProgressSender,
) -> Result<(), DataError> {
    let before = into.texts();
    for (_, file) in entries(folder, None, false)? {
        let mut bytes = Vec::new();
        let opened = open::text(&file, None)?.take(LONGEST as u64 + 1).read_to_end(&mut bytes);
        opened.map_err(|error| open::broken(&file, 1, error))?;
        if bytes.len() > LONGEST {
            return Err(DataError::content(&file, None, "more than 16 MiB", "a text, shorter than that"));
        }
        match spec.encoding.decode(&bytes) {
            Ok(text) => into.push(&text, label, folder, None)?,
            Err(_) if spec.skip_bad_rows => into.skip(),
            Err(bad) => {
                return Err(DataError::content(&file, Some(1 + bad.lines), bad.found, bad.expected));
            }
        }
        report.texts(&spec.path, into.texts());
    }
    match into.texts() > before {
        true => Ok(()),
        false => Err(DataError::content(folder, None, "no file", "a file per text")),
    }
}

/// The class folders (else the files) in `folder` by name: none whose name starts with a dot, no `unsup` (aclImdb's texts without a
/// label), no README or LICENSE.
pub(crate) fn entries(
    folder: &Path,
    needs: Option<&str>,
    folders: bool,
) -> Result<Vec<(String, PathBuf)>, DataError> {
    let failed = |error: io::Error| DataError::read(folder, needs, error);
    if !fs::metadata(folder).map_err(failed)?.is_dir() {
        return Err(DataError::content(folder, None, "a file", "a folder of classes"));
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let kind = fs::metadata(&path).map_err(|error| DataError::read(&path, None, error))?;
        let other = match folders {
            true => name == "unsup",
            false => ["README", "LICENSE"].iter().any(|start| name.to_uppercase().starts_with(start)),
        };
        let wanted = if folders { kind.is_dir() } else { kind.is_file() };
        if wanted && !other && !name.starts_with('.') {
            entries.push((name, path));
        }
    }
    entries.small_sort_by(Ord::cmp);
    Ok(entries)
}

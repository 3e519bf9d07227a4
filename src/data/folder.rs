//! `source: folder`: a folder per class, a file per text.

use std::fs;
use std::path::{Path, PathBuf};

use super::corpus::Corpus;
use super::error::quoted;
use super::spec::train_and_test;
use super::{DataError, Report};

/// Reads the class folders in `path`, classes and files in the order of their names.
pub(super) fn read(path: &Path, needs: Option<&str>, report: &Report) -> Result<Corpus, DataError> {
    report.start(path);
    if train_and_test(path).is_some() {
        let expected = "the folder that holds the class folders, such as train/ itself";
        return Err(DataError::content(path, None, "train/ and test/", expected));
    }
    let mut corpus = Corpus::default();
    for (label, folder) in entries(path, needs, true)? {
        if label == "unsup" {
            continue;
        }
        let before = corpus.len();
        for (_, file) in entries(&folder, None, false)? {
            let text = fs::read(&file).map_err(|error| DataError::read(&file, None, error))?;
            corpus.push(utf8(&text, &file)?, &label, &folder, None);
            report.texts(path, corpus.len());
        }
        if corpus.len() == before {
            return Err(DataError::content(&folder, None, "no file", "a file per text"));
        }
    }
    match corpus.len() {
        0 => {
            let expected = "a folder per class with a file per text, such as pos/ and neg/";
            Err(DataError::content(path, None, "no class folder", expected))
        }
        _ => Ok(corpus),
    }
}

/// The folders (else the files) in `folder` by name, without those whose name starts with a dot.
fn entries(folder: &Path, needs: Option<&str>, folders: bool) -> Result<Vec<(String, PathBuf)>, DataError> {
    let failed = |error| DataError::read(folder, needs, error);
    if !fs::metadata(folder).map_err(failed)?.is_dir() {
        let expected = "a folder that holds a folder per class (source: csv reads a file)";
        return Err(DataError::content(folder, None, "a file", expected));
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let kind = fs::metadata(&path).map_err(|error| DataError::read(&path, None, error))?;
        let wanted = if folders { kind.is_dir() } else { kind.is_file() };
        if wanted && !name.starts_with('.') {
            entries.push((name, path));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

fn utf8<'t>(text: &'t [u8], file: &Path) -> Result<&'t str, DataError> {
    let wrong = |good: &[u8], found: String, expected: &str| {
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count() as u64;
        DataError::content(file, Some(line), found, expected)
    };
    let decoded = str::from_utf8(text).map_err(|error| {
        let (good, rest) = text.split_at(error.valid_up_to());
        wrong(good, format!("the byte 0x{:02x}", rest.first().copied().unwrap_or_default()), "UTF-8")
    })?;
    match decoded.find('\0') {
        Some(at) => Err(wrong(&text[..at], format!("a NUL character in {}", quoted(decoded)), "text")),
        None => Ok(decoded),
    }
}

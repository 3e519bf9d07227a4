use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::format::timestamp;
use crate::durable::{self, FileError};

/// The file of notes and tags in a run folder.
pub(super) const FILE: &str = "notes.json";
/// The maximum length of a tag.
const MAX_TAG: usize = 64;
/// The maximum length of the file.
const MAX_BYTES: u64 = 4 << 20;

/// Notes and tags of a run, by its users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// In alphabetical order.
    #[serde(default)]
    pub tags: Vec<String>,
    /// In the order in which they were written.
    #[serde(default)]
    pub notes: Vec<Note>,
}

/// A note. Its text is of a user: escape it before printing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When it was written: `2026-11-29T14:00:00Z`.
    pub time: String,
    /// What it says.
    pub text: String,
}

/// Why notes and tags cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum MarksError {
    /// A tag could not be found again by a filter.
    #[error("the tag {tag:?}: {expected}")]
    Tag {
        /// What was given.
        tag: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The file has an unknown content, which would be lost.
    #[error("{}: {what}; remove or repair the file", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The problem, and where.
        what: String,
    },
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Marks {
    /// Reads the notes and tags of the run in `run`: none if there is no file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(run: &Path) -> Result<Self, MarksError> {
        let path = run.join(FILE);
        let damaged = |what: String| MarksError::Damaged { path: path.clone(), what };
        let length = match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(damaged(error.to_string())),
            Ok(file) => file.len(),
        };
        if length > MAX_BYTES {
            return Err(damaged("found more than 4 MiB".into()));
        }
        let bytes = durable::read_regular(&path).map_err(|error| damaged(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))
    }

    /// Replaces the notes and tags of the run in `run`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, run: &Path) -> Result<(), MarksError> {
        let path = run.join(FILE);
        let damaged =
            |error: serde_json::Error| MarksError::Damaged { path: path.clone(), what: error.to_string() };
        let mut json = serde_json::to_vec_pretty(self).map_err(damaged)?;
        json.push(b'\n');
        Ok(durable::write(&path, &json)?)
    }

    /// Changes the notes and tags of the run in `run`; returns them. Two changes at once lose nothing, where the file system has locks.
    ///
    /// # Errors
    /// That of `change`, or if the file cannot be read or written.
    pub fn change<E: From<MarksError>>(
        run: &Path,
        change: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<Self, E> {
        let locked = File::open(run).ok();
        let _ = locked.as_ref().map(File::lock);
        let mut marks = Self::read(run)?;
        change(&mut marks)?;
        marks.write(run)?;
        Ok(marks)
    }

    /// Adds a note.
    pub fn note(&mut self, text: &str, now: SystemTime) {
        self.notes.push(Note { time: timestamp(now), text: text.to_owned() });
    }

    /// Adds a tag.
    ///
    /// # Errors
    /// If it contains blanks, or characters that a filter reads otherwise.
    pub fn tag(&mut self, tag: &str) -> Result<(), MarksError> {
        let refuse = |expected| Err(MarksError::Tag { tag: tag.to_owned(), expected });
        if tag.is_empty() || tag.chars().count() > MAX_TAG {
            return refuse("expected 1 to 64 characters");
        }
        if tag.starts_with('!') || tag.contains(['<', '>', '=']) {
            return refuse("a filter reads `!`, `<`, `>` and `=` otherwise; expected a word without them");
        }
        if tag.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',') {
            return refuse("expected one word, without blanks, commas and control characters");
        }
        if let Err(at) = self.tags.binary_search_by(|known| known.as_str().cmp(tag)) {
            self.tags.insert(at, tag.to_owned());
        }
        Ok(())
    }

    /// Removes a tag; returns whether there was one.
    pub fn untag(&mut self, tag: &str) -> bool {
        let before = self.tags.len();
        self.tags.retain(|known| known != tag);
        self.tags.len() < before
    }

    /// Whether there is this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|known| known == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn notes_and_tags_are_read_back_and_a_damaged_file_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let mut marks = Marks::read(dir.path()).unwrap();
        assert_eq!(marks, Marks::default());
        marks.note("rate too high\n\x1b[2J", SystemTime::UNIX_EPOCH + Duration::from_secs(1_709_210_096));
        for tag in ["keep", "a", "keep"] {
            marks.tag(tag).unwrap();
        }
        marks.write(dir.path()).unwrap();
        assert_eq!(Marks::read(dir.path()).unwrap(), marks);
        assert_eq!(
            (marks.tags.as_slice(), marks.notes[0].time.as_str()),
            (&["a".to_owned(), "keep".to_owned()][..], "2024-02-29T12:34:56Z")
        );
        assert!(marks.untag("a") && !marks.untag("a") && marks.has_tag("keep"));
        std::fs::write(dir.path().join(FILE), "[1]").unwrap();
        assert!(matches!(Marks::read(dir.path()), Err(MarksError::Damaged { .. })));
    }

    #[test]
    fn a_tag_is_a_word_that_a_filter_finds() {
        for tag in ["", "two words", "!no", "a=b", "a<b", "a\tb", "a,b", &"x".repeat(65)] {
            assert!(Marks::default().tag(tag).is_err(), "{tag:?}");
        }
    }
}

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;

use crate::data::error::DataError;
use crate::data::sources::labelled::Format;
use crate::data::sources::labelled::{LabelledSpec, lines};

/// Packed bytes from which it is told how much a file unpacks to.
const HEAD: u64 = 1 << 20;

/// What the system says of a file (or of texts and labels, one each) that is to stay as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Stamp {
    /// Of what `spec` reads.
    ///
    /// # Errors
    /// For what can be read but once (a pipe, a device), and for folders: their classes stand one after the other.
    pub fn new(spec: &LabelledSpec) -> Result<Self, DataError> {
        let labels = match spec.format {
            None | Some(Format::Lines) => spec.labels.clone().or_else(|| lines::labels_beside(&spec.path)),
            Some(_) => None,
        };
        let of = |path: PathBuf| {
            let kind = path.metadata().map_err(|e| DataError::read(&path, spec.needs.as_deref(), e))?;
            if !kind.is_file() {
                let (found, expected) = match kind.is_dir() {
                    true => ("a folder", "a file, or data.stream: false: a folder is held in memory"),
                    false => ("a pipe or device", "a file: data.stream reads it once an epoch"),
                };
                return Err(DataError::content(&path, None, found, expected));
            }
            let modified = kind.modified().ok();
            Ok((path, kind.len(), modified))
        };
        [Some(spec.path.clone()), labels].into_iter().flatten().map(of).collect::<Result<_, _>>().map(Self)
    }

    /// Refuses files that are others than they were.
    pub fn check(&self) -> Result<(), DataError> {
        let same = |(path, len, modified): &(PathBuf, u64, Option<SystemTime>)| {
            path.metadata().is_ok_and(|now| now.len() == *len && now.modified().ok() == *modified)
        };
        if self.0.iter().all(same) { Ok(()) } else { Err(self.changed(None)) }
    }

    /// What is told when they are; at `line` it was seen.
    pub fn changed(&self, line: Option<u64>) -> DataError {
        let path = self.0.first().map(|(path, ..)| path.clone()).unwrap_or_default();
        let found = "other data than when it was read first";
        DataError::content(&path, line, found, "a file that stays as it is until training has ended")
    }
}

/// About how many bytes of text the file at `path` has, unpacked. 0 for what is no file.
pub(super) fn text_bytes(path: &Path) -> io::Result<u64> {
    let kind = path.metadata()?;
    if !kind.is_file() {
        return Ok(0);
    }
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    if !head.starts_with(&[0x1f, 0x8b]) || head.is_empty() {
        return Ok(kind.len());
    }
    let mut unpacked = 0;
    let (mut gzip, mut part) = (MultiGzDecoder::new(head.as_slice()), [0; 1 << 14]);
    // The head is cut off somewhere: what is wrong with the file is told where it is read.
    while let Ok(read @ 1..) = gzip.read(&mut part) {
        unpacked += read as u64;
    }
    Ok((kind.len() as f64 / head.len() as f64 * unpacked as f64) as u64)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::rng::Rng;

    #[test]
    fn the_size_of_what_is_packed_is_told_from_its_head() {
        let dir = tempfile::tempdir().unwrap();
        let (plain, packed) = (dir.path().join("a.csv"), dir.path().join("a.csv.gz"));
        let mut rng = Rng::new(1, "test", 0);
        let text: String = (0..1_000_000).map(|_| format!("{} ", rng.below(100_000))).collect();
        std::fs::write(&plain, &text).unwrap();
        let mut gzip = GzEncoder::new(File::create(&packed).unwrap(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap();
        assert_eq!(text_bytes(&plain).unwrap(), text.len() as u64);
        assert!(packed.metadata().unwrap().len() > HEAD);
        let told = text_bytes(&packed).unwrap() as f64 / text.len() as f64;
        assert!((0.9..1.1).contains(&told), "{told}");
        assert_eq!(text_bytes(dir.path()).unwrap(), 0);
    }
}

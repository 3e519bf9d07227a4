//! ZIP archives: written without compression and without times, so that their bytes depend on their contents alone; read as far as Keras
//! writes them.
//!
//! Source: PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.4.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

/// 1 January 1980, the first date that the format knows.
const DATE: u16 = 1 << 5 | 1;
/// The version needed to extract: 2.0.
const VERSION: u16 = 20;
/// Names and comments are UTF-8.
const UTF_8: u16 = 1 << 11;

/// Why an archive cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    /// The end of the archive is missing.
    #[error("this is not a ZIP archive")]
    NoArchive,
    /// Sizes or offsets do not fit the file.
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    /// A member is in a form that is not supported.
    #[error("the member `{name}` of the archive is {what}, which is not supported")]
    Unsupported {
        /// Its name.
        name: String,
        /// The form.
        what: &'static str,
    },
    /// Archives of this form end at 4 GB.
    #[error("the archive would be longer than 4 GB")]
    TooLong,
}

/// The bytes of an archive with these members.
///
/// # Errors
/// [`ZipError::TooLong`].
pub fn write(members: &[(&str, &[u8])]) -> Result<Vec<u8>, ZipError> {
    let short = |n: usize| u32::try_from(n).map_err(|_| ZipError::TooLong);
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let offset = short(archive.len())?;
        let mut common = Vec::new();
        // Version, flags, method 0 (stored), time, date.
        common.extend([VERSION, UTF_8, 0, 0, DATE].map(u16::to_le_bytes).as_flattened());
        let size = short(content.len())?;
        common.extend([crc32fast::hash(content), size, size].map(u32::to_le_bytes).as_flattened());
        common.extend([name.len() as u16, 0].map(u16::to_le_bytes).as_flattened());
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(*content);
        directory.extend(b"PK\x01\x02");
        directory.extend(VERSION.to_le_bytes());
        directory.extend(&common);
        // Comment, disk, internal and external attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size, count) = (short(archive.len())?, short(directory.len())?, members.len() as u16);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count, count].map(u16::to_le_bytes).as_flattened());
    archive.extend([size, start].map(u32::to_le_bytes).as_flattened());
    archive.extend([0; 2]);
    short(archive.len())?;
    Ok(archive)
}

/// The members of an archive, by their names.
#[derive(Debug)]
pub struct Archive<'a> {
    bytes: &'a [u8],
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    name: String,
    method: u16,
    is_encrypted: bool,
    checksum: u32,
    stored: usize,
    size: usize,
    offset: usize,
}

impl<'a> Archive<'a> {
    /// Reads the directory of an archive.
    ///
    /// # Errors
    /// If it is none, or damaged.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ZipError> {
        // The end has 22 bytes and a comment of at most 65,535.
        let first = bytes.len().saturating_sub(22 + 0xffff);
        let tail = &bytes[first..];
        let end = tail.windows(4).rposition(|window| window == b"PK\x05\x06").ok_or(ZipError::NoArchive)?;
        let end = &tail[end..];
        let (count, start) = (number(end, 10, 2)?, number(end, 16, 4)?);
        let mut members = Vec::new();
        let mut at = start;
        for _ in 0..count {
            let entry = bytes.get(at..).unwrap_or_default();
            if !entry.starts_with(b"PK\x01\x02") {
                return Err(ZipError::Damaged(format!("no entry of the directory at byte {at}")));
            }
            let [name, extra, comment] =
                [number(entry, 28, 2)?, number(entry, 30, 2)?, number(entry, 32, 2)?];
            let text =
                entry.get(46..46 + name).ok_or_else(|| ZipError::Damaged("a name is cut off".into()))?;
            members.push(Member {
                name: String::from_utf8_lossy(text).into_owned(),
                method: number(entry, 10, 2)? as u16,
                is_encrypted: number(entry, 8, 2)? & 1 != 0,
                checksum: number(entry, 16, 4)? as u32,
                stored: number(entry, 20, 4)?,
                size: number(entry, 24, 4)?,
                offset: number(entry, 42, 4)?,
            });
            at += 46 + name + extra + comment;
        }
        Ok(Self { bytes, members })
    }

    /// The names of the members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| &member.name[..])
    }

    /// The content of the member `name`; `None` if there is none.
    ///
    /// # Errors
    /// If it is compressed in an unknown way, encrypted, damaged, or longer than what can be in as many bytes.
    pub fn member(&self, name: &str) -> Result<Option<Vec<u8>>, ZipError> {
        let Some(member) = self.members.iter().find(|member| member.name == name) else { return Ok(None) };
        let unsupported = |what| ZipError::Unsupported { name: name.to_owned(), what };
        let damaged = |what: &str| ZipError::Damaged(format!("the member `{name}` {what}"));
        if member.is_encrypted {
            return Err(unsupported("encrypted"));
        }
        let head = self.bytes.get(member.offset..).unwrap_or_default();
        if !head.starts_with(b"PK\x03\x04") {
            return Err(damaged("is not where the directory says"));
        }
        let start = 30 + number(head, 26, 2)? + number(head, 28, 2)?;
        let stored = start.checked_add(member.stored).and_then(|end| head.get(start..end));
        let stored = stored.ok_or_else(|| damaged("ends behind the file"))?;
        let content = match member.method {
            0 => stored.to_vec(),
            8 => {
                let mut content = Vec::new();
                let read = DeflateDecoder::new(stored).take(member.size as u64 + 1).read_to_end(&mut content);
                read.map_err(|error| damaged(&format!("cannot be decompressed: {error}")))?;
                content
            }
            _ => return Err(unsupported("compressed in an unusual way")),
        };
        if content.len() != member.size {
            return Err(damaged(&format!("has {} bytes, not {}", content.len(), member.size)));
        }
        match crc32fast::hash(&content) == member.checksum {
            true => Ok(Some(content)),
            false => Err(damaged("has another checksum than the directory says")),
        }
    }
}

/// The number of `size` bytes at `at`.
fn number(bytes: &[u8], at: usize, size: usize) -> Result<usize, ZipError> {
    let bytes = bytes.get(at..at + size).ok_or_else(|| ZipError::Damaged("it is cut off".into()))?;
    Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEMBERS: [(&str, &[u8]); 3] =
        [("metadata.json", b"{}"), ("é.json", b""), ("model.weights.h5", &[7; 300])];

    #[test]
    fn members_come_back() {
        let bytes = write(&MEMBERS).unwrap();
        assert_eq!(bytes, write(&MEMBERS).unwrap());
        let archive = Archive::open(&bytes).unwrap();
        assert_eq!(archive.names().collect::<Vec<_>>(), MEMBERS.map(|(name, _)| name));
        for (name, content) in MEMBERS {
            assert_eq!(archive.member(name), Ok(Some(content.to_vec())));
        }
        assert_eq!(archive.member("no"), Ok(None));
        assert!(matches!(Archive::open(b"PK"), Err(ZipError::NoArchive)));
    }

    #[test]
    fn a_changed_member_is_noticed() {
        let mut bytes = write(&MEMBERS).unwrap();
        let at = bytes.iter().position(|byte| *byte == 7).unwrap();
        bytes[at] = 8;
        let error = Archive::open(&bytes).unwrap().member("model.weights.h5").unwrap_err().to_string();
        assert!(error.contains("another checksum"), "{error}");
    }

    proptest! {
        #[test]
        fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut bytes = write(&MEMBERS).unwrap();
            for (index, byte) in changes {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(archive) = Archive::open(&bytes) {
                for name in archive.names().map(str::to_owned).collect::<Vec<_>>() {
                    let _ = archive.member(&name);
                }
            }
        }
    }
}

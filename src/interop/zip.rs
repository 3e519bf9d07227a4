//! ZIP archives in memory: written without compression and without times, so that their bytes depend on their contents alone.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{Cursor, Read as _, Write as _};

use zip::result::ZipError as Cause;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Why an archive cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// It is none, or its directory is damaged.
    #[error("this is not a ZIP archive, or a damaged one: {0}")]
    Archive(#[source] Cause),
    /// A member is damaged, encrypted, or compressed in a way that is not supported.
    #[error("the member `{name}` of the archive cannot be read: {cause}")]
    Member {
        /// Its name.
        name: String,
        /// Why.
        cause: String,
    },
    /// It cannot be written.
    #[error("the archive cannot be written: {0}")]
    Write(#[source] Cause),
}

/// The bytes of an archive with these members, in their order.
///
/// # Errors
/// When it would be too long.
pub fn write(members: &[(&str, &[u8])]) -> Result<Vec<u8>, ZipError> {
    // The date is 1 January 1980, the first that the format knows.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        archive.start_file(*name, options).map_err(ZipError::Write)?;
        archive.write_all(content).map_err(|error| ZipError::Write(error.into()))?;
    }
    Ok(archive.finish().map_err(ZipError::Write)?.into_inner())
}

/// Bytes of members that may be read altogether, even of a short archive: 1 GiB.
const MIN_TOTAL: u64 = 1 << 30;
/// How many times the length of the archive they may have otherwise.
const MAX_RATIO: u64 = 4;
/// How many times shorter zlib makes data at most.
const DEFLATE_RATIO: u64 = 1032;

/// The members of an archive, by their names.
#[derive(Debug)]
pub struct Archive<'a> {
    members: ZipArchive<Cursor<&'a [u8]>>,
    /// Bytes of members that may still be read.
    left: Cell<u64>,
}

impl<'a> Archive<'a> {
    /// Reads the directory of an archive.
    ///
    /// # Errors
    /// If it is none, or damaged.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ZipError> {
        let members = ZipArchive::new(Cursor::new(bytes)).map_err(ZipError::Archive)?;
        let total = (bytes.len() as u64).saturating_mul(MAX_RATIO).max(MIN_TOTAL);
        Ok(Self { members, left: Cell::new(total) })
    }

    /// The names of the members that are text.
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.members.file_names().flatten()
    }

    /// The content of the member `name`; `None` if there is none.
    ///
    /// # Errors
    /// If it is compressed in an unknown way, encrypted, damaged, longer than the directory says, or too long for a member of its archive.
    pub fn member(&self, name: &str) -> Result<Option<Vec<u8>>, ZipError> {
        self.short_member(name, u64::MAX)
    }

    /// The content of the member `name`, which has `limit` bytes at most; `None` if there is none.
    ///
    /// # Errors
    /// As [`member`](Self::member), and if it is longer.
    pub fn short_member(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ZipError> {
        let error = |cause: String| ZipError::Member { name: name.to_owned(), cause };
        // The directory is shared by all copies.
        let mut archive = self.members.clone();
        let member = match archive.by_name(name) {
            Err(Cause::FileNotFound) => return Ok(None),
            member => member.map_err(|cause| error(cause.to_string()))?,
        };
        let (size, mut content) = (member.size(), Vec::new());
        if size > limit {
            return Err(error(format!("it has {size} bytes; expected {limit} at most")));
        }
        let most = member.compressed_size().saturating_mul(DEFLATE_RATIO).saturating_add(1 << 16);
        let Some(left) = self.left.get().checked_sub(size).filter(|_| size <= most) else {
            return Err(error(format!("it has {size} bytes, too many for this archive")));
        };
        self.left.set(left);
        member
            .take(size.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|cause| error(cause.to_string()))?;
        match content.len() as u64 == size {
            true => Ok(Some(content)),
            false => Err(error(format!("it has {} bytes, not {size}", content.len()))),
        }
    }
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
            assert_eq!(archive.member(name).unwrap(), Some(content.to_vec()));
        }
        assert_eq!(archive.member("no").unwrap(), None);
        assert!(matches!(Archive::open(b"PK"), Err(ZipError::Archive(_))));
    }

    #[test]
    fn a_changed_member_is_noticed() {
        let mut bytes = write(&MEMBERS).unwrap();
        let at = bytes.windows(300).position(|window| window == [7; 300]).unwrap();
        bytes[at] = 8;
        let error = Archive::open(&bytes).unwrap().member("model.weights.h5").unwrap_err().to_string();
        assert!(error.contains("checksum"), "{error}");
    }

    /// The size that the directory claims, which is at 24 of its entry, is no reason to read it.
    #[test]
    fn sizes_are_limited_by_the_archive() {
        let mut bytes = write(&MEMBERS).unwrap();
        let entry = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
        bytes[entry + 24..entry + 28].copy_from_slice(&2_000_000_000_u32.to_le_bytes());
        let archive = Archive::open(&bytes).unwrap();
        let error = archive.member("model.weights.h5").unwrap_err().to_string();
        assert!(error.contains("it has 2000000000 bytes, too many for this archive"), "{error}");
        assert_eq!(archive.member("metadata.json").unwrap(), Some(b"{}".to_vec()));
        // What was read counts.
        archive.left.set(301);
        assert!(archive.member("metadata.json").unwrap().is_some());
        assert!(archive.member("metadata.json").unwrap().is_some());
        assert_eq!(archive.left.get(), 297);
        archive.left.set(1);
        assert!(archive.member("metadata.json").is_err());
        let archive = Archive::open(&bytes).unwrap();
        assert!(archive.short_member("metadata.json", 2).unwrap().is_some());
        let error = archive.short_member("metadata.json", 1).unwrap_err().to_string();
        assert!(error.contains("it has 2 bytes; expected 1 at most"), "{error}");
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
                for name in archive.names().map(Cow::into_owned).collect::<Vec<_>>() {
                    let _ = archive.member(&name);
                }
            }
        }
    }
}

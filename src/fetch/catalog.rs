//! The catalogue of data sets that can be fetched.
//!
//! Every checksum was published by a third party, named beside it; none was computed from a download of ours. Where only a weaker
//! checksum is published, that one is used.

mod entries;

pub use entries::DATASETS;

/// A published data set.
#[derive(Debug, Clone, Copy)]
pub struct Dataset {
    /// Its name on the command line.
    pub name: &'static str,
    /// One-line description.
    pub what: &'static str,
    /// Licence or terms, as published.
    pub terms: &'static str,
    /// The presets that use it.
    pub presets: &'static [&'static str],
    /// Its files, fetched one by one.
    pub files: &'static [File<'static>],
    /// Suggested next commands; `@` is replaced by the target folder.
    pub next: &'static [&'static str],
}

/// A file on the internet and how it is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File<'a> {
    /// Name of the installed file, or of the folder of an unpacked archive.
    pub target: &'a str,
    /// Addresses, the preferred one first.
    pub addresses: &'a [&'a str],
    /// Checksum, before unpacking.
    pub sum: Sum<'a>,
    /// Size, before unpacking.
    pub size: Size,
    /// Whether and how it is unpacked.
    pub form: Form<'a>,
}

impl<'a> File<'a> {
    /// Returns the last segment of its address.
    pub fn name(&self) -> &'a str {
        let address = self.addresses.first().copied().unwrap_or_default();
        address.rsplit('/').next().unwrap_or_default()
    }

    /// Returns whether its target is a folder: an archive of which more than one file is extracted.
    pub fn is_folder(&self) -> bool {
        match self.form {
            Form::Plain => false,
            Form::TarGz(part) | Form::Zip(part) => part.within.is_empty() || part.within.ends_with('/'),
        }
    }
}

/// A published checksum, in lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum<'a> {
    /// SHA-256.
    Sha256(&'a str),
    /// SHA-1, if no better one is published: it detects corruption, not tampering.
    Sha1(&'a str),
}

impl<'a> Sum<'a> {
    /// Returns the checksum.
    pub fn hex(self) -> &'a str {
        match self {
            Self::Sha256(hex) | Self::Sha1(hex) => hex,
        }
    }

    /// Returns the name of the algorithm.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::Sha1(_) => "SHA-1",
        }
    }

    /// Returns the command that computes it.
    pub fn command(self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256sum",
            Self::Sha1(_) => "sha1sum",
        }
    }
}

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The published size.
    Exactly(u64),
    /// An estimate, if none is published.
    About(u64),
}

impl Size {
    /// Returns the expected size.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Exactly(bytes) | Self::About(bytes) => bytes,
        }
    }

    /// Returns the exact size, if known.
    pub fn exactly(self) -> Option<u64> {
        match self {
            Self::Exactly(bytes) => Some(bytes),
            Self::About(_) => None,
        }
    }

    /// Returns the maximum size that is accepted.
    pub fn limit(self) -> u64 {
        match self {
            Self::Exactly(bytes) => bytes,
            Self::About(bytes) => bytes.saturating_mul(2),
        }
    }
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form<'a> {
    /// Not an archive.
    Plain,
    /// A gzip-compressed tar archive.
    TarGz(Part<'a>),
    /// A zip archive.
    Zip(Part<'a>),
}

/// The part of an archive that is extracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The folder in it (ending in `/`; empty for all) that becomes the target, or the file that does.
    pub within: &'a str,
    /// Paths in that folder that are excluded.
    pub without: &'a [&'a str],
    /// Limits on its contents.
    pub limits: Limits,
}

/// Limits on the contents of an archive, extracted or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries: files, folders, headers.
    pub entries: u64,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Bytes of one file.
    pub file: u64,
}

/// Returns the data set of this name.
pub fn find(name: &str) -> Option<&'static Dataset> {
    DATASETS.iter().find(|dataset| dataset.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_is_complete() {
        let files = || DATASETS.iter().flat_map(|dataset| dataset.files);
        for file in files() {
            let length = if matches!(file.sum, Sum::Sha256(_)) { 64 } else { 40 };
            assert_eq!(file.sum.hex().len(), length, "{}", file.target);
            assert!(
                file.sum.hex().bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')),
                "{}",
                file.target
            );
            assert!(!file.addresses.is_empty() && file.size.bytes() > 0, "{}", file.target);
            for address in file.addresses {
                assert!(address.starts_with("https://") && address.ends_with(file.name()), "{address}");
            }
            let target = std::path::Path::new(file.target);
            assert!(target.components().all(|step| matches!(step, std::path::Component::Normal(_))));
            if let Form::TarGz(part) | Form::Zip(part) = file.form {
                assert!(part.limits.file <= part.limits.bytes && file.size.bytes() < part.limits.bytes);
            }
        }
        let twice = |all: Vec<&'static str>| all.len() - all.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(twice(DATASETS.iter().map(|dataset| dataset.name).collect()), 0);
        assert_eq!(twice(files().map(|file| file.target).collect()), 0);
        assert_eq!(twice(files().map(|file| file.sum.hex()).collect()), 0);
        assert!(DATASETS.iter().all(|dataset| !dataset.files.is_empty()));
    }
}

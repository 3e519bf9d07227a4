//! What can be fetched.
//!
//! Every checksum was published by somebody else, who is named beside it; none was taken from a download of our own. Where only a
//! weaker sum is published, that one is used.

mod entries;

pub use entries::DATASETS;

/// A published data set.
#[derive(Debug, Clone, Copy)]
pub struct Dataset {
    /// What it is fetched by.
    pub name: &'static str,
    /// What it is, in a line.
    pub what: &'static str,
    /// Licence or terms, as published.
    pub terms: &'static str,
    /// The presets that it is for.
    pub presets: &'static [&'static str],
    /// Its files, each fetched by itself.
    pub files: &'static [File<'static>],
    /// Commands to go on with; `@` stands for the folder that it was put into.
    pub next: &'static [&'static str],
}

/// A file on the internet, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File<'a> {
    /// What stands in the folder afterwards: a file, or the folder that an archive becomes.
    pub target: &'a str,
    /// Where it is, the best place first.
    pub addresses: &'a [&'a str],
    /// Its checksum, before any unpacking.
    pub sum: Sum<'a>,
    /// Its length, before any unpacking.
    pub size: Size,
    /// Whether it is unpacked.
    pub form: Form<'a>,
}

impl<'a> File<'a> {
    /// The name that it has where it comes from.
    pub fn name(&self) -> &'a str {
        let address = self.addresses.first().copied().unwrap_or_default();
        address.rsplit('/').next().unwrap_or_default()
    }

    /// Whether its target is a folder: that of an archive, unless one file alone is taken out of it.
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
    /// SHA-1, where nobody has published a better one: it proves that nothing broke, against malice it is weak.
    Sha1(&'a str),
}

impl<'a> Sum<'a> {
    /// The sum.
    pub fn hex(self) -> &'a str {
        match self {
            Self::Sha256(hex) | Self::Sha1(hex) => hex,
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::Sha1(_) => "SHA-1",
        }
    }

    /// The command that tells it.
    pub fn command(self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256sum",
            Self::Sha1(_) => "sha1sum",
        }
    }
}

/// A length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As published.
    Exactly(u64),
    /// Nobody has published it: what to expect.
    About(u64),
}

impl Size {
    /// What to expect.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Exactly(bytes) | Self::About(bytes) => bytes,
        }
    }

    /// The length, where it is known.
    pub fn exactly(self) -> Option<u64> {
        match self {
            Self::Exactly(bytes) => Some(bytes),
            Self::About(_) => None,
        }
    }

    /// More than this is another file.
    pub fn limit(self) -> u64 {
        match self {
            Self::Exactly(bytes) => bytes,
            Self::About(bytes) => bytes.saturating_mul(2),
        }
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form<'a> {
    /// What is wanted, as it is.
    Plain,
    /// A tar archive, packed by gzip.
    TarGz(Part<'a>),
    /// A zip archive.
    Zip(Part<'a>),
}

/// The part of an archive that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The folder in it (ending in `/`; empty for all) that becomes the target, or the file that does.
    pub within: &'a str,
    /// Paths in that folder that are left out.
    pub without: &'a [&'a str],
    /// What it may hold.
    pub limits: Limits,
}

/// How much may come out of an archive, wanted or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries: files, folders, remarks.
    pub entries: u64,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Bytes of one file.
    pub file: u64,
}

/// The data set of this name.
pub fn find(name: &str) -> Option<&'static Dataset> {
    DATASETS.iter().find(|dataset| dataset.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_is_whole() {
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

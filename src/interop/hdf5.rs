//! HDF5, as far as files of weights need it: written in one fixed form, read in the forms that h5py and Keras write.
//!
//! ```text
//! written   superblock 2, object headers 2, links within their group, contiguous f32; the bytes are a function of the contents
//! read      superblocks 0 to 3; groups as symbol tables or links; data contiguous, compact, or in chunks with gzip and shuffle;
//!           numbers of any size, strings of fixed and variable length; attributes
//! ```
//! A file may come from anywhere: every offset is checked against the length of the file, depths are limited, and the data that are read
//! altogether are no longer than the file, or without compression than 4 files or 1 GiB. Source: the HDF5 File Format Specification, version 3.0.

mod attribute;
mod checksum;
mod chunks;
mod datatype;
mod fields;
mod filters;
mod group;
mod header;
mod reader;
mod writer;

pub(in crate::interop) use datatype::half;
pub use reader::{Dataset, File, Object};
pub use writer::{Item, write};

/// The first bytes of a file.
pub const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hdf5Error {
    /// The signature is missing.
    #[error("this is not an HDF5 file: it does not begin with the signature \\x89HDF")]
    Signature,
    /// What is at an offset cannot be there.
    #[error("the file is damaged at byte {at}: {what}")]
    Damaged {
        /// The offset.
        at: u64,
        /// What was found.
        what: String,
    },
    /// A part of the format that this reader lacks.
    #[error("the file uses {0}, which is not supported; save it again with h5py or Keras")]
    Unsupported(String),
    /// There is no object of this path.
    #[error("the file has no `{path}`; there is {near}")]
    Missing {
        /// The path.
        path: String,
        /// What there is instead.
        near: String,
    },
    /// An object is of another kind.
    #[error("`{path}` is {found}, not {wanted}")]
    Kind {
        /// The path.
        path: String,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
}

impl Hdf5Error {
    fn damaged(at: u64, what: impl Into<String>) -> Self {
        Self::Damaged { at, what: what.into() }
    }

    fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}

#[cfg(test)]
mod tests;

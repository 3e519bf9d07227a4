//! Reading of files: decompression, decoding, lines and rows.

pub mod encoding;
pub mod open;
pub(crate) mod rows;
pub mod sniff;
pub(crate) mod text_file;

//! Reading of files: decompression, decoding, lines and rows.

pub(crate) mod encoding;
pub(crate) mod open;
pub(crate) mod rows;
pub(crate) mod sniff;
pub(crate) mod text_file;

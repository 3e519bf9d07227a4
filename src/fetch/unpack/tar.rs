use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::{Sink, UnpackError};

/// Maximum overhead of a tar archive per entry: header, padding, long names.
const OVERHEAD: u64 = 3;

/// Reads a gzip-compressed tar archive.
pub(super) fn read(archive: &mut File, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    // Limits also the bytes that the tar reader consumes internally.
    let most = sink.most().saturating_mul(OVERHEAD);
    let unpacked = MultiGzDecoder::new(BufReader::new(archive)).take(most);
    let mut tar = Archive::new(unpacked);
    for entry in tar.entries().map_err(|error| UnpackError::read(&error))? {
        let mut entry = entry.map_err(|error| UnpackError::read(&error))?;
        let name = entry.path_bytes().into_owned();
        let name = String::from_utf8(name).map_err(|error| {
            UnpackError::Archive(format!("the name {:?} is not UTF-8", error.to_string()))
        })?;
        let size = entry.size();
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => sink.file(&name, size, &mut entry)?,
            EntryType::Directory => sink.folder(&name)?,
            // Global headers, such as the commit of `git archive`.
            EntryType::XGlobalHeader => {}
            other => return Err(sink.refuse(&name, kind(other))),
        }
    }
    // The CRC of gzip is after its last byte.
    let mut rest = tar.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(|error| UnpackError::read(&error))?;
    if rest.limit() == 0 {
        return Err(UnpackError::Archive("far more comes out of it than there are files".into()));
    }
    Ok(())
}

fn kind(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        _ => "of a kind that is not known",
    }
}

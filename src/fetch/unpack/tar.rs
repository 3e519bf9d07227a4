use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::{Bad, Sink};

/// What a tar archive may add to the bytes of its files: a head and some padding an entry, long names.
const OVERHEAD: u64 = 3;

/// Reads a tar archive that gzip has packed.
pub(super) fn read(archive: &mut File, sink: &mut Sink<'_>) -> Result<(), Bad> {
    // Counts also what the reader of the format swallows by itself.
    let most = sink.most().saturating_mul(OVERHEAD);
    let unpacked = MultiGzDecoder::new(BufReader::new(archive)).take(most);
    let mut tar = Archive::new(unpacked);
    for entry in tar.entries().map_err(|error| Bad::read(&error))? {
        let mut entry = entry.map_err(|error| Bad::read(&error))?;
        let name = entry.path_bytes().into_owned();
        let name = String::from_utf8(name)
            .map_err(|error| Bad::Archive(format!("the name {:?} is not UTF-8", error.to_string())))?;
        let size = entry.size();
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => sink.file(&name, size, &mut entry)?,
            EntryType::Directory => sink.folder(&name)?,
            // Remarks on the whole archive, such as the commit that git made it of.
            EntryType::XGlobalHeader => {}
            other => return Err(sink.refuse(&name, kind(other))),
        }
    }
    // The checksum of gzip stands behind its last byte.
    let mut rest = tar.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(|error| Bad::read(&error))?;
    if rest.limit() == 0 {
        return Err(Bad::Archive("far more comes out of it than there are files".into()));
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

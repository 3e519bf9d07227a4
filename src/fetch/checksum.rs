//! Checksums of whole files.

use std::fmt::Write;
use std::fs;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::Sum;

/// Bytes read at a time.
const CHUNK: usize = 1 << 16;

/// Compares the checksum of `file` with `sum`; the inner error is the actual checksum, in hexadecimal.
///
/// # Errors
/// If it cannot be read, or [`io::ErrorKind::Interrupted`] if `stop` is set.
pub(super) fn check(file: &mut fs::File, sum: Sum<'_>, stop: &AtomicBool) -> io::Result<Result<(), String>> {
    let algorithm = match sum {
        Sum::Sha256(_) => &SHA256,
        Sum::Sha1(_) => &SHA1_FOR_LEGACY_USE_ONLY,
    };
    let (mut context, mut chunk) = (Context::new(algorithm), vec![0; CHUNK]);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => context.update(chunk.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let found = context.finish().as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    Ok(if found == sum.hex() { Ok(()) } else { Err(found) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_equal_those_of_the_standard() {
        // FIPS 180-4, of "abc"
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        fs::write(&path, "abc").unwrap();
        let stop = AtomicBool::new(false);
        let check = |sum| check(&mut fs::File::open(&path).unwrap(), sum, &stop).unwrap();
        assert_eq!(check(Sum::Sha256(sha256)), Ok(()));
        assert_eq!(check(Sum::Sha1(sha1)), Ok(()));
        assert_eq!(check(Sum::Sha1(sha256)), Err(sha1.to_owned()));
    }
}

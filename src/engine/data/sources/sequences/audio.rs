//! Reads WAV files as samples of one channel.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use hound::{SampleFormat, WavReader};

use super::wav_header::{Header, SEARCHED};
use crate::data::error::DataError;
use crate::data::error::quoted;

/// The maximum bytes of a recording: a sequence is a word or a sentence.
const LARGEST: u64 = 256 << 20;

/// Valid sample rates.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// One channel of sound.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Audio {
    /// From −1 to 1.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub rate: u32,
}

/// Whether the file at `path` starts as a WAV file does.
pub(super) fn is_wav(path: &Path) -> bool {
    let mut head = [0; 12];
    let read = path.is_file().then(|| File::open(path).and_then(|mut file| file.read_exact(&mut head)));
    matches!(read, Some(Ok(()))) && head.starts_with(b"RIFF") && head.ends_with(b"WAVE")
}

/// The number of samples of one channel according to the header of the recording at `path`, and the sample rate.
///
/// # Errors
/// When it is not a WAV file, or shorter than specified in its header.
pub(super) fn length(path: &Path) -> Result<(u32, u32), DataError> {
    let failed = |error| DataError::read(path, None, error);
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let bytes = file.get_ref().metadata().map_err(failed)?.len();
    let wrong = |(found, expected): (String, String)| DataError::content(path, None, found, expected);
    let head = crate::data::files::open::head(&mut file, SEARCHED).map_err(failed)?;
    let whole: Box<dyn Read> = match Header::repaired(&head, bytes) {
        Some(header) => Box::new(Cursor::new(header.bytes)),
        None => Box::new(Cursor::new(head).chain(file)),
    };
    let wav = WavReader::new(whole).map_err(|error| wrong(described(&error)))?;
    let spec = wav.spec();
    let expected_bytes = u64::from(wav.len()) * u64::from(spec.bits_per_sample.div_ceil(8));
    match (wav.duration(), RATES.contains(&spec.sample_rate)) {
        (_, false) => {
            Err(wrong((format!("{} samples a second", spec.sample_rate), "4,000 to 192,000".into())))
        }
        (0, _) => Err(wrong(("a recording without a sample".into(), "sound".into()))),
        _ if expected_bytes > bytes => Err(wrong((
            format!("a file of {bytes} bytes whose header specifies {expected_bytes}"),
            "as much as specified in its header: record or copy it again".into(),
        ))),
        (samples, true) => Ok((samples, spec.sample_rate)),
    }
}

/// Reads the recording at `path`.
///
/// # Errors
/// When it is not a WAV file of 8 to 32-bit integers or 32-bit floats, is cut short, or has no samples.
pub(super) fn read(path: &Path) -> Result<Audio, DataError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    read.map_err(|error| DataError::read(path, None, error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(DataError::content(
            path,
            None,
            "more than 256 MiB",
            "a recording of a word or a sentence",
        ));
    }
    decode(&bytes).map_err(|(found, expected)| DataError::content(path, None, found, expected))
}

/// Decodes the `bytes` of a WAV file to the mean of its channels; an error is what was found, and what was expected.
pub(super) fn decode(bytes: &[u8]) -> Result<Audio, (String, String)> {
    let searched = bytes.get(..SEARCHED.min(bytes.len())).unwrap_or_default();
    let repaired = Header::repaired(searched, bytes.len() as u64);
    let whole = match repaired {
        Some(Header { bytes: header, start, length }) => {
            let samples = bytes.get(start..).unwrap_or_default();
            let samples = samples.get(..length.min(samples.len())).unwrap_or_default();
            Cow::Owned([header.as_slice(), samples].concat())
        }
        None => Cow::Borrowed(bytes),
    };
    let mut wav = WavReader::new(Cursor::new(&*whole)).map_err(|error| described(&error))?;
    let spec = wav.spec();
    let wrong = |found: String, expected: &str| Err((found, expected.to_owned()));
    if !RATES.contains(&spec.sample_rate) {
        return wrong(format!("{} samples a second", spec.sample_rate), "4,000 to 192,000");
    }
    let channels = usize::from(spec.channels).max(1);
    let sample_count = wav.len();
    let mut samples: Vec<f32> = Vec::new();
    let mut add = |sample: Result<f32, hound::Error>| match sample {
        Ok(sample) => {
            samples.push(sample);
            Ok(())
        }
        Err(error) => Err(error),
    };
    let ended = match spec.sample_format {
        SampleFormat::Float => wav.samples::<f32>().try_for_each(&mut add),
        SampleFormat::Int => {
            let whole = (1_u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            wav.samples::<i32>().try_for_each(|sample| add(sample.map(|sample| sample as f32 / whole)))
        }
    };
    if let Err(error) = ended {
        return match error {
            hound::Error::IoError(_) => wrong(
                format!("the end of the file after {} of {sample_count} samples", samples.len()),
                "as much as specified in its header: record or copy it again",
            ),
            other => Err(described(&other)),
        };
    }
    if samples.iter().any(|sample| !sample.is_finite()) {
        return wrong("a sample that is not a finite number".into(), "numbers from -1 to 1");
    }
    let samples: Vec<f32> =
        samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    if samples.is_empty() {
        return wrong("a recording without a sample".into(), "sound");
    }
    Ok(Audio { samples, rate: spec.sample_rate })
}

/// Describes an error of the decoder: what was found, and what was expected.
fn described(error: &hound::Error) -> (String, String) {
    let usual = "a WAV file of integers (8 to 32 bits) or floats (32 bits), not compressed".to_owned();
    match error {
        hound::Error::FormatError(what) => (format!("no valid WAV file ({what})"), usual),
        hound::Error::IoError(_) => ("a WAV file that is cut short within its header".into(), usual),
        hound::Error::Unsupported => ("a WAV file of an unsupported kind".into(), usual),
        other => (format!("a WAV file that cannot be read: {}", quoted(&other.to_string())), usual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{WavSpec, WavWriter};
    use proptest::prelude::*;

    fn wav(channels: u16, bits: u16, format: SampleFormat, samples: &[f32]) -> Vec<u8> {
        let spec = WavSpec { channels, sample_rate: 8_000, bits_per_sample: bits, sample_format: format };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        let whole = (1_i64 << (bits - 1)) as f32;
        for sample in samples {
            match format {
                SampleFormat::Float => writer.write_sample(*sample).unwrap(),
                SampleFormat::Int => writer.write_sample((sample * whole) as i32).unwrap(),
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_depth_gives_the_same_samples_and_channels_are_averaged() {
        let wave = [0.0, 0.5, -0.25, 0.75, -1.0, 0.125];
        for (bits, format) in [
            (8, SampleFormat::Int),
            (16, SampleFormat::Int),
            (24, SampleFormat::Int),
            (32, SampleFormat::Int),
            (32, SampleFormat::Float),
        ] {
            let mono = decode(&wav(1, bits, format, &wave)).unwrap();
            assert_eq!(mono, Audio { samples: wave.to_vec(), rate: 8_000 }, "{bits} bits");
            let stereo = decode(&wav(2, bits, format, &wave)).unwrap();
            assert_eq!(stereo.samples, [0.25, 0.25, -0.4375], "{bits} bits");
        }
    }

    /// The chunks of a file: sizes of the file and of the samples as given, `extension` behind the format, a chunk of an odd size before the
    /// samples.
    fn piped(plain: &[u8], sizes: [u32; 2], extension: &[u8]) -> Vec<u8> {
        let (format, samples) = (&plain[20..36], &plain[44..]);
        let fmt_size = 16 + extension.len() as u32;
        [
            &b"RIFF"[..],
            &sizes[0].to_le_bytes(),
            b"WAVEfmt ",
            &fmt_size.to_le_bytes(),
            format,
            extension,
            b"LIST\x05\0\0\0abcde\0data",
            &sizes[1].to_le_bytes(),
            samples,
        ]
        .concat()
    }

    #[test]
    fn sizes_that_are_not_known_and_long_formats_are_read() {
        let plain = wav(1, 16, SampleFormat::Int, &[0.5, -0.25, 0.125]);
        let expected = decode(&plain).unwrap();
        let unknown = u32::MAX;
        for (sizes, extension) in [
            ([unknown, unknown], &[][..]),
            ([0, 0], &[]),
            ([36, 0], &[]),
            ([0x7FFF_FFFF, 0x7FFF_FFDB], &[]),
            ([unknown, unknown], &[0; 2]),
            ([1000, 6], &[0; 24]),
            ([1000, 6], &[0; 4]),
        ] {
            let bytes = piped(&plain, sizes, extension);
            assert_eq!(decode(&bytes).as_ref(), Ok(&expected), "{sizes:?} {extension:?}");
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            assert_eq!(length(file.path()).unwrap(), (3, 8_000), "{sizes:?} {extension:?}");
        }
        // A frame that is cut off at the end is none.
        let mut torn = piped(&plain, [unknown, unknown], &[]);
        torn.pop();
        assert_eq!(decode(&torn).unwrap().samples, expected.samples[..2]);
        // The header says how long it is: something is missing.
        let short = piped(&plain, [1000, 8], &[]);
        assert!(decode(&short).unwrap_err().0.contains("the end of the file after 3 of 4 samples"));
        let empty = wav(1, 16, SampleFormat::Int, &[]);
        assert!(decode(&empty).unwrap_err().0.contains("without a sample"));
    }

    #[test]
    fn invalid_recordings_are_errors() {
        let good = wav(1, 16, SampleFormat::Int, &[0.5; 40]);
        let mut packed = good.clone();
        packed[20] = 85; // MPEG
        for (bytes, expected) in [
            (&good[..good.len() - 7], "the end of the file after 36 of 40 samples"),
            (&good[..30], "cut short within its header"),
            (b"RIFX0000WAVEfmt ".as_slice(), "no valid WAV file"),
            (&packed, "of an unsupported kind"),
            (&wav(1, 16, SampleFormat::Int, &[]), "without a sample"),
            (&wav(1, 32, SampleFormat::Float, &[0.1, f32::NAN]), "not a finite number"),
        ] {
            let (found, _) = decode(bytes).unwrap_err();
            assert!(found.contains(expected), "{found} for {expected}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_make_the_decoder_panic(
            changes in proptest::collection::vec((0_usize..120, any::<u8>()), 0..8), end in 0_usize..130, kind in 0_usize..3,
        ) {
            let mut bytes = match kind {
                0 => wav(1, 16, SampleFormat::Int, &[0.5; 40]),
                1 => wav(2, 24, SampleFormat::Int, &[0.5; 20]),
                _ => wav(1, 32, SampleFormat::Float, &[0.5; 16]),
            };
            for (at, byte) in changes {
                if let Some(to) = bytes.get_mut(at) {
                    *to = byte;
                }
            }
            bytes.truncate(end);
            if let Ok(audio) = decode(&bytes) {
                prop_assert!(!audio.samples.is_empty() && audio.samples.iter().all(|x| x.is_finite()));
            }
        }

        #[test]
        fn random_bytes_are_errors(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(&bytes).is_err());
        }
    }
}

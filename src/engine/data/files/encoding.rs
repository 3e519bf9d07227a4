//! Character encodings of text files.

use std::borrow::Cow;
use std::fmt;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{DecoderResult, KOI8_R, KOI8_U, WINDOWS_1252};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

/// A character encoding: `utf-8`, `latin-1`, or one of the WHATWG Encoding Standard by any of its names (`windows-1251`,
/// `koi8-r`, `gbk`, `shift_jis`).
///
/// `latin-1` (`latin1`, `iso-8859-1`) is ISO 8859-1: every byte is the character of that number. The standard reads `latin1` as
/// `windows-1252`, which differs from it in the bytes 0x80 to 0x9f.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// ISO 8859-1.
    Latin1,
    /// Any other encoding of the standard that is compatible with ASCII.
    Other(&'static encoding_rs::Encoding),
}

/// The number of non-ASCII bytes below which an encoding cannot be detected reliably.
const FEW: usize = 12;

/// An error of some bytes of text: what was found and expected, and where.
pub struct TextError {
    /// The number of lines before it within the bytes.
    pub lines: u64,
    /// The invalid bytes, as shown.
    pub found: String,
    /// What would be valid.
    pub expected: Cow<'static, str>,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8 => f.write_str("utf-8"),
            Self::Latin1 => f.write_str("latin-1"),
            Self::Other(other) => f.write_str(&other.name().to_ascii_lowercase()),
        }
    }
}

impl std::str::FromStr for Encoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = "utf-8, latin-1, windows-1251, koi8-r, gbk, shift_jis or another of the WHATWG standard";
        match name.trim().to_ascii_lowercase().as_str() {
            "latin-1" | "latin1" | "iso-8859-1" => return Ok(Self::Latin1),
            _ => {}
        }
        match encoding_rs::Encoding::for_label(name.as_bytes()) {
            Some(found) if found == encoding_rs::UTF_8 => Ok(Self::Utf8),
            Some(found) if found.is_ascii_compatible() => Ok(Self::Other(found)),
            Some(found) => Err(format!(
                "{}, which is not compatible with ASCII; expected {known}: iconv -f {name} -t utf-8 converts a file",
                found.name()
            )),
            None => Err(format!("the unknown encoding {name:?}; expected {known}")),
        }
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|error| de::Error::custom(format_args!("found {error}")))
    }
}

impl Encoding {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Decodes `bytes`.
    ///
    /// # Errors
    /// With the position of the first invalid byte.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, TextError> {
        let text = match self {
            Self::Utf8 => str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
                let place = error.valid_up_to();
                let byte = bytes.get(place).copied().unwrap_or_default();
                text_error(bytes, place, format!("the byte 0x{byte:02x}"), Self::advice(bytes).into())
            })?,
            Self::Latin1 if bytes.is_ascii() => String::from_utf8_lossy(bytes),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Other(other) => {
                other.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(|| {
                    let place = first_invalid(other, bytes);
                    let byte = bytes.get(place).copied().unwrap_or_default();
                    text_error(
                        bytes,
                        place,
                        format!("the byte 0x{byte:02x}"),
                        format!("text encoded as {self}").into(),
                    )
                })?
            }
        };
        // Fast if there is none: `contains` compares many bytes at once.
        let nul = bytes.contains(&0).then(|| bytes.iter().position(|byte| *byte == 0)).flatten();
        match nul {
            Some(place) => Err(text_error(bytes, place, "a NUL character".into(), "text".into())),
            None => Ok(text),
        }
    }

    /// Latin-1, or windows-1252, which differs from it in quotes, dashes and the euro.
    fn western(bytes: &[u8]) -> Self {
        let is_latin = !bytes.iter().any(|byte| (0x80..0xa0).contains(byte));
        if is_latin { Self::Latin1 } else { Self::Other(WINDOWS_1252) }
    }

    /// Detects the encoding of `bytes` that are not valid UTF-8, as Firefox does for a page that does not declare its own. If valid
    /// characters of UTF-8 far outnumber invalid bytes, it is UTF-8 with errors.
    pub fn guess(bytes: &[u8]) -> Self {
        let (whole, broken) = bytes.utf8_chunks().fold((0, 0), |(whole, broken), chunk| {
            let characters = chunk.valid().chars().filter(|c| !c.is_ascii()).count();
            (whole + characters, broken + usize::from(!chunk.invalid().is_empty()))
        });
        if whole > 4 * broken {
            return Self::Utf8;
        }
        // With only a few letters of a western European language the detector returns a rare encoding.
        let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
        let words = bytes.split(|byte| !is_letter(byte)).filter(|word| !word.is_ascii());
        let (high, all) = words.fold((0, 0), |(high, all), word| {
            (high + word.iter().filter(|byte| !byte.is_ascii()).count(), all + word.len())
        });
        if high < FEW && (high * 2 <= all || all == 1) {
            return Self::western(bytes);
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(bytes, true);
        match detector.guess(None, Utf8Detection::Deny) {
            found if found == WINDOWS_1252 => Self::western(bytes),
            // The two differ in a few Ukrainian letters.
            found if found == KOI8_U && !has_ukrainian_letters(bytes) => Self::Other(KOI8_R),
            found => Self::Other(found),
        }
    }

    /// The advice in an error for `bytes` that are not UTF-8, if `data.encoding` can be set.
    pub(crate) fn advice(bytes: &[u8]) -> String {
        match Self::guess(bytes) {
            _ if is_utf_16(bytes) => Self::conversion(bytes),
            Self::Utf8 => "UTF-8, as in the rest of the file".into(),
            guess => format!("UTF-8, or data.encoding: {guess}"),
        }
    }

    /// The same if it cannot be set.
    pub fn conversion(bytes: &[u8]) -> String {
        let name = match Self::guess(bytes) {
            _ if is_utf_16(bytes) => "utf-16".to_owned(),
            Self::Latin1 => "latin1".to_owned(),
            guess => guess.to_string(),
        };
        format!("UTF-8 text: iconv -f {name} -t utf-8 converts a file")
    }

    /// Decodes `bytes` for display, with replacement characters for invalid ones.
    pub fn lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Other(other) => other.decode_without_bom_handling(bytes).0,
        }
    }
}

/// Whether `bytes` begin as UTF-16 does.
fn is_utf_16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}

/// The error at the byte `place` of `bytes`.
fn text_error(bytes: &[u8], place: usize, found: String, expected: Cow<'static, str>) -> TextError {
    let good = bytes.get(..place).unwrap_or_default();
    let lines = good.iter().filter(|byte| **byte == b'\n').count() as u64;
    let column = 1 + good.iter().rev().take_while(|byte| **byte != b'\n').count();
    TextError { lines, found: format!("{found} at byte column {column}"), expected }
}

/// The start of the first byte sequence that is invalid in `encoding`.
fn first_invalid(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> usize {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(bytes.len().saturating_mul(3).saturating_add(16));
    match decoder.decode_to_string_without_replacement(bytes, &mut text, true) {
        (DecoderResult::Malformed(wrong, after), read) => {
            read.saturating_sub(usize::from(wrong) + usize::from(after))
        }
        (DecoderResult::InputEmpty | DecoderResult::OutputFull, read) => read,
    }
}

/// Whether `bytes` decode differently as KOI8-U and as KOI8-R.
fn has_ukrainian_letters(bytes: &[u8]) -> bool {
    let text = |encoding: &'static encoding_rs::Encoding| encoding.decode_without_bom_handling(bytes).0;
    text(KOI8_U) != text(KOI8_R)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUSHKIN: &str = "Я помню чудное мгновенье: передо мной явилась ты, как мимолётное виденье";

    fn written(text: &str, name: &str) -> Vec<u8> {
        encoding_rs::Encoding::for_label(name.as_bytes()).unwrap().encode(text).0.into_owned()
    }

    #[test]
    fn encodings_round_trip_by_name() {
        for (name, text) in [
            ("windows-1251", PUSHKIN),
            ("koi8-r", PUSHKIN),
            ("ibm866", "Привет"),
            ("gbk", "很好的电影"),
            ("shift_jis", "とても良い"),
            ("windows-1252", "“naïve” – 5 €"),
        ] {
            let encoding: Encoding = name.parse().unwrap();
            assert_eq!(encoding.decode(&written(text, name)).ok().unwrap(), text);
            assert_eq!(encoding.to_string().parse(), Ok(encoding));
            let yaml = serde_yaml::to_string(&encoding).unwrap();
            assert_eq!(serde_yaml::from_str::<Encoding>(&yaml).unwrap(), encoding);
        }
        assert_eq!("cp1251".parse::<Encoding>().unwrap().to_string(), "windows-1251");
        assert_eq!("UTF8".parse(), Ok(Encoding::Utf8));
        for name in ["latin-1", "Latin1", "iso-8859-1"] {
            assert_eq!(name.parse(), Ok(Encoding::Latin1));
        }
        assert_eq!(Encoding::Latin1.decode(b"\x80\xe9").ok().unwrap(), "\u{80}é");
        assert!("utf-16".parse::<Encoding>().unwrap_err().contains("iconv -f utf-16"));
        assert!("klingon".parse::<Encoding>().unwrap_err().contains("the unknown encoding"));
    }

    #[test]
    fn utf_8_with_an_invalid_byte_is_detected_as_utf_8() {
        for text in ["“It’s fine,” she said – twice. ", "Хорошо, но не очень. ", "とても良い。"]
        {
            let mut bytes = text.repeat(3).into_bytes();
            bytes.insert(bytes.len() / 2, 0xff);
            assert_eq!(Encoding::guess(&bytes), Encoding::Utf8, "{text}");
            assert_eq!(Encoding::advice(&bytes), "UTF-8, as in the rest of the file");
        }
        assert_eq!(Encoding::guess(b"caf\xe9 cr\xe8me"), Encoding::Latin1);
    }

    #[test]
    fn errors_name_line_and_column() {
        let gbk: Encoding = "gbk".parse().unwrap();
        let mut bytes = written("好\n很好", "gbk");
        bytes.extend_from_slice(b"\xff\xff");
        let error = gbk.decode(&bytes).err().unwrap();
        assert_eq!((error.lines, error.found.as_str()), (1, "the byte 0xff at byte column 5"));
        assert_eq!(error.expected, "text encoded as gbk");
        let cut_off = gbk.decode(&bytes[..1]).err().unwrap();
        assert_eq!(cut_off.found, "the byte 0xba at byte column 1");
        let nul = "koi8-r".parse::<Encoding>().unwrap().decode(b"\xc1\0").err().unwrap();
        assert_eq!(nul.found, "a NUL character at byte column 2");
    }

    #[test]
    fn the_encoding_is_detected_from_words() {
        let guess = |bytes: &[u8]| Encoding::guess(bytes).to_string();
        for (text, name) in [
            (PUSHKIN, "windows-1251"),
            (PUSHKIN, "koi8-r"),
            (PUSHKIN, "ibm866"),
            ("not text_error, хорошо\t1\nтак себе\t0", "windows-1251"),
            ("καλημέρα σας φίλοι μου", "windows-1253"),
            ("很好的电影，我非常喜欢这部片子", "gbk"),
            ("とても良い映画でした", "shift_jis"),
        ] {
            assert_eq!(guess(&written(text, name)), name, "{text}");
        }
        for (bytes, expected) in [
            (&b"na\xefve"[..], "latin-1"),
            (b"une id\xe9e cr\xe9\xe9e \xe0 l'\xe9t\xe9", "latin-1"),
            (b"it\x92s \x93good\x94", "windows-1252"),
            (b"5 \x80", "windows-1252"),
        ] {
            assert_eq!(guess(bytes), expected, "{bytes:?}");
        }
        assert!(Encoding::advice(b"\xff\xfea\0").contains("iconv -f utf-16"));
    }
}

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whether texts are read into memory once or re-read from disk every epoch: `auto`, `true`, `false`, or `{buffer: 50000}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Streaming {
    /// Streamed if there is more than 1 GiB of text.
    #[default]
    Auto,
    /// Read into memory.
    Never,
    /// Streamed.
    Always,
    /// Streamed.
    Buffered {
        /// Rows of the shuffle buffer.
        buffer: usize,
    },
}

impl Streaming {
    pub(crate) fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// Rows of the shuffle buffer, if specified.
    pub(super) fn buffer(self) -> Option<usize> {
        if let Self::Buffered { buffer } = self { Some(buffer) } else { None }
    }
}

impl Serialize for Streaming {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Never => serializer.serialize_bool(false),
            Self::Always => serializer.serialize_bool(true),
            Self::Buffered { buffer } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("buffer", buffer)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Streaming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            buffer: usize,
        }
        struct StreamingVisitor;

        impl<'de> Visitor<'de> for StreamingVisitor {
            type Value = Streaming;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, auto, or {buffer: 50000}")
            }

            fn visit_bool<E: de::Error>(self, always: bool) -> Result<Streaming, E> {
                Ok(if always { Streaming::Always } else { Streaming::Never })
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Streaming, E> {
                match word {
                    "auto" => Ok(Streaming::Auto),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Streaming, A::Error> {
                let keys = Keys::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Streaming::Buffered { buffer: keys.buffer })
            }
        }

        deserializer.deserialize_any(StreamingVisitor)
    }
}

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whether changes are forecast: `false`, `true` from row to row, or the number of rows between the two values, such as those of a season.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Difference(usize);

impl Difference {
    /// The change from `lag` rows before; none for 0.
    pub fn of(lag: usize) -> Self {
        Self(lag)
    }

    /// Rows between the two values of a change; 0 if values themselves are forecast.
    pub fn lag(self) -> usize {
        self.0
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("false"),
            1 => f.write_str("true"),
            lag => lag.fmt(f),
        }
    }
}

impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            lag @ 0..=1 => serializer.serialize_bool(lag == 1),
            lag => lag.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Difference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DifferenceVisitor;

        impl Visitor<'_> for DifferenceVisitor {
            type Value = Difference;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or a number of rows, such as those of a season")
            }

            fn visit_bool<E: de::Error>(self, difference: bool) -> Result<Difference, E> {
                Ok(Difference(usize::from(difference)))
            }

            fn visit_u64<E: de::Error>(self, rows: u64) -> Result<Difference, E> {
                let wrong = || E::invalid_value(de::Unexpected::Unsigned(rows), &self);
                usize::try_from(rows).ok().filter(|rows| *rows > 0).map(Difference).ok_or_else(wrong)
            }
        }

        deserializer.deserialize_any(DifferenceVisitor)
    }
}

use std::fmt;

use serde::de::value::{SeqAccessDeserializer, StrDeserializer, U64Deserializer};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::data::columns::Column;

/// The column of dates, or several that have a part of the date each: `Month`, `[year, month, day]`, `[date, time]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateColumns(pub Vec<Column>);

impl Serialize for DateColumns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [column] => column.serialize(serializer),
            columns => columns.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for DateColumns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DateVisitor;

        impl<'de> Visitor<'de> for DateVisitor {
            type Value = DateColumns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column's name or its number, from 1, or a list of columns: [year, month, day]")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<DateColumns, E> {
                Column::deserialize(U64Deserializer::new(number)).map(|column| DateColumns(vec![column]))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<DateColumns, E> {
                Column::deserialize(StrDeserializer::new(name)).map(|column| DateColumns(vec![column]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, columns: A) -> Result<DateColumns, A::Error> {
                let columns: Vec<Column> = Deserialize::deserialize(SeqAccessDeserializer::new(columns))?;
                match columns.is_empty() {
                    true => Err(de::Error::invalid_length(0, &self)),
                    false => Ok(DateColumns(columns)),
                }
            }
        }

        deserializer.deserialize_any(DateVisitor)
    }
}

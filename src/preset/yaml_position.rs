//! The position of a field in a YAML text. The YAML crate stores no positions in its trees, but its errors have one. So the text is parsed
//! again up to the field, where an error is raised.

use std::collections::HashSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Line and column, from 1, of the value at `path` (`model.1.units`), or of its nearest existing ancestor.
pub(super) fn of(text: &str, path: &[String]) -> Option<(usize, usize)> {
    let found = (0..=path.len()).rev().find_map(|depth| {
        let seed = Towards { path: path.get(..depth)?, unique: None };
        place(seed.deserialize(serde_yaml::Deserializer::from_str(text)).err()?)
    });
    found.map(|(line, column, _)| (line, column))
}

/// Line, column and name of the first key that appears twice in its mapping.
pub(super) fn of_duplicate(text: &str) -> Option<(usize, usize, String)> {
    let seed = Towards { path: &[], unique: Some(()) };
    place(seed.deserialize(serde_yaml::Deserializer::from_str(text)).err()?)
}

const HERE: &str = "here:";

fn place(error: serde_yaml::Error) -> Option<(usize, usize, String)> {
    let message = error.to_string();
    let (_, key) = message.split_once(HERE)?;
    let key = key.rsplit_once(" at line").map_or(key, |(key, _)| key);
    error.location().map(|at| (at.line(), at.column(), key.to_owned()))
}

/// Parses up to `path`, or, to find duplicates, everything.
#[derive(Clone, Copy)]
struct Towards<'a> {
    path: &'a [String],
    unique: Option<()>,
}

/// Raises the error at the current value.
struct Here<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Towards<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match (self.path, self.unique) {
            ([], None) => Here("").deserialize(deserializer),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Towards<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<serde_yaml::Value>()? {
            let key = key_text(&key);
            match self.path {
                [first, rest @ ..] if *first == key => map.next_value_seed(Towards { path: rest, ..self })?,
                [] if !seen.insert(key.clone()) => map.next_value_seed(Here(&key))?,
                [] => map.next_value_seed(self)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for i in 0.. {
            let more = match self.path {
                [first, rest @ ..] if *first == i.to_string() => {
                    seq.next_element_seed(Towards { path: rest, ..self })?
                }
                [] => seq.next_element_seed(self)?,
                _ => seq.next_element::<IgnoredAny>()?.map(drop),
            };
            if more.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

fn key_text(key: &serde_yaml::Value) -> String {
    match key {
        serde_yaml::Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other).unwrap_or_default().trim_end().to_owned(),
    }
}

impl<'de> DeserializeSeed<'de> for Here<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Here<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HERE}{}", self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(format_args!("{HERE}{}", self.0)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(format_args!("{HERE}{}", self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "title: x\nmodel:\n  - {layer: Dense, units: 1}\n  - layer: LSTM\n    units: eight\ntrain:\n  epochs: [1, 2]\n";

    fn at(path: &str) -> Option<(usize, usize)> {
        of(TEXT, &path.split('.').filter(|p| !p.is_empty()).map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_value_has_its_place() {
        assert_eq!(at("title"), Some((1, 8)));
        assert_eq!(at("model.0.units"), Some((3, 27)));
        assert_eq!(at("model.1.units"), Some((5, 12)));
        assert_eq!(at("model.1"), Some((4, 5)));
        assert_eq!(at("train.epochs.1"), Some((7, 15)));
    }

    #[test]
    fn what_does_not_exist_is_placed_at_what_should_hold_it() {
        assert_eq!(at("model.1.activation"), at("model.1"));
        assert_eq!(at("watch.every"), Some((1, 1)));
    }

    #[test]
    fn a_key_that_stands_twice_is_found_where_it_stands_the_second_time() {
        assert_eq!(of_duplicate(TEXT), None);
        let twice = "a: 1\nb:\n  - {c: 1, d: 2}\n  - {c: 1,\n     c: 2}\n";
        assert_eq!(of_duplicate(twice), Some((5, 9, "c".into())));
    }
}

use std::ops::Range;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Sizes of a weight tensor at most.
const MOST: usize = 4;

/// Some axes of a weight tensor, as Keras names them: a number or a list of them; negative ones count from the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Axes {
    list: [i8; MOST],
    count: usize,
}

impl Axes {
    /// One axis.
    pub const fn one(axis: i8) -> Self {
        let mut list = [0; MOST];
        list[0] = axis;
        Self { list, count: 1 }
    }

    fn list(&self) -> &[i8] {
        &self.list[..self.count]
    }

    /// The axes of a tensor of `rank` sizes; `None` where there is no such axis, or where they are not next to each other.
    pub fn range(&self, rank: usize) -> Option<Range<usize>> {
        let mut has = [false; MOST];
        for axis in self.list() {
            let axis = if *axis < 0 { isize::from(*axis) + rank as isize } else { isize::from(*axis) };
            *has.get_mut(usize::try_from(axis).ok().filter(|axis| *axis < rank)?)? = true;
        }
        let first = has.iter().position(|has| *has)?;
        let end = has.iter().rposition(|has| *has)? + 1;
        has[first..end].iter().all(|has| *has).then_some(first..end)
    }
}

impl Serialize for Axes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.list() {
            [axis] => serializer.serialize_i8(*axis),
            list => {
                let mut seq = serializer.serialize_seq(Some(list.len()))?;
                list.iter().try_for_each(|axis| seq.serialize_element(axis))?;
                seq.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Axes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AxesVisitor;

        impl AxesVisitor {
            fn axis<E: Error>(axis: i64) -> Result<i8, E> {
                i8::try_from(axis)
                    .map_err(|_| E::custom(format_args!("found the axis {axis}; a tensor has 4 at most")))
            }
        }

        impl<'de> Visitor<'de> for AxesVisitor {
            type Value = Axes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an axis, or a list of axes")
            }

            fn visit_i64<E: Error>(self, axis: i64) -> Result<Axes, E> {
                Self::axis(axis).map(Axes::one)
            }

            fn visit_u64<E: Error>(self, axis: u64) -> Result<Axes, E> {
                Self::axis(i64::try_from(axis).unwrap_or(i64::MAX)).map(Axes::one)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Axes, A::Error> {
                let mut axes = Axes::default();
                while let Some(axis) = seq.next_element::<i64>()? {
                    let Some(to) = axes.list.get_mut(axes.count) else {
                        return Err(A::Error::custom("a tensor has 4 axes at most"));
                    };
                    *to = Self::axis(axis)?;
                    axes.count += 1;
                }
                Ok(axes)
            }
        }

        deserializer.deserialize_any(AxesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_numbers_or_lists_from_either_end() {
        let read = |text: &str| serde_yaml::from_str::<Axes>(text).unwrap();
        assert_eq!(read("0").range(2), Some(0..1));
        assert_eq!(read("-1").range(3), Some(2..3));
        assert_eq!(read("[0, 1]").range(3), Some(0..2));
        assert_eq!(read("[1, 0]").range(2), Some(0..2));
        assert_eq!(read("[0, 2]").range(3), None);
        assert_eq!(read("2").range(2), None);
        assert_eq!(read("-3").range(2), None);
        assert_eq!(read("[]").range(2), None);
        for text in ["1", "[0, 1]"] {
            assert_eq!(read(&serde_yaml::to_string(&read(text)).unwrap()), read(text));
        }
        assert!(serde_yaml::from_str::<Axes>("300").is_err());
    }
}

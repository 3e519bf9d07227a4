//! The settings that a sweep varies: values of a grid, or distributions that values are drawn from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::number;
use crate::rng::Rng;

/// The setting of the share of the training data that is trained on.
pub(super) const FRACTION: &str = "train.fraction";

/// A setting with all its values: `model.1.units=16,32,64`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GridSetting {
    /// The path of the setting, as in `--set`.
    pub key: String,
    /// Its values, as in `--set`.
    pub values: Vec<String>,
}

/// A setting with the distribution of its values: `train.optimizer.learning_rate=log:1e-4..1e-2`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RandomSetting {
    /// The path of the setting, as in `--set`.
    pub key: String,
    /// The distribution.
    pub distribution: Distribution,
}

/// What values of a setting are drawn from.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// `log:1e-4..1e-2`: the logarithm is uniform.
    LogUniform(f64, f64),
    /// `uniform:0..0.5`.
    Uniform(f64, f64),
    /// `int:8..128`, both ends included.
    Integer(i64, i64),
    /// `choice:LSTM,GRU`.
    Choice(Vec<String>),
}

/// A `--grid` or `--over` that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found:?}; expected {expected}")]
pub struct SpaceError {
    found: String,
    expected: &'static str,
}

const GRID: &str = "KEY=VALUE,VALUE,…, as in model.1.units=16,32,64";
const OVER: &str = "KEY=log:LOW..HIGH, KEY=uniform:LOW..HIGH, KEY=int:LOW..HIGH or KEY=choice:A,B, as in \
                    train.optimizer.learning_rate=log:1e-4..1e-2";

fn error(found: &str, expected: &'static str) -> SpaceError {
    SpaceError { found: found.to_owned(), expected }
}

/// The key and the rest of `KEY=REST`.
fn key_and_rest<'t>(text: &'t str, expected: &'static str) -> Result<(&'t str, &'t str), SpaceError> {
    let parts = text.split_once('=').map(|(key, rest)| (key.trim(), rest.trim()));
    parts.filter(|(key, rest)| !key.is_empty() && !rest.is_empty()).ok_or_else(|| error(text, expected))
}

/// The parts of `text` between commas that are in neither brackets nor quotes.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0_usize, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

/// The values of a list, none of them empty or twice.
fn values(text: &str, whole: &str, expected: &'static str) -> Result<Vec<String>, SpaceError> {
    let values = parts(text);
    let is_twice = |i: usize| values.iter().take(i).any(|value| Some(value) == values.get(i));
    match values.iter().any(String::is_empty) || (0..values.len()).any(is_twice) {
        true => Err(error(whole, expected)),
        false => Ok(values),
    }
}

impl FromStr for GridSetting {
    type Err = SpaceError;

    fn from_str(text: &str) -> Result<Self, SpaceError> {
        let (key, rest) = key_and_rest(text, GRID)?;
        let values = values(rest, text, "KEY=VALUE,VALUE,…, no value empty or twice")?;
        Ok(Self { key: key.to_owned(), values })
    }
}

impl GridSetting {
    /// The shares of the training data, as percentages `10,25,50,100`.
    ///
    /// # Errors
    /// For a number that is no percentage, or is there twice.
    pub fn fractions(percentages: &str) -> Result<Self, SpaceError> {
        let expected =
            "percentages of the training data, above 0 and at most 100, none twice, as in 10,25,50,100";
        let value = |part: String| {
            let percentage: f64 = part.trim_end_matches('%').trim_end().parse().ok()?;
            (percentage > 0.0 && percentage <= 100.0).then(|| (percentage / 100.0).to_string())
        };
        let values: Option<Vec<String>> = parts(percentages).into_iter().map(value).collect();
        let values = values.ok_or_else(|| error(percentages, expected))?;
        match (0..values.len()).any(|i| values.iter().take(i).any(|value| Some(value) == values.get(i))) {
            true => Err(error(percentages, expected)),
            false => Ok(Self { key: FRACTION.to_owned(), values }),
        }
    }
}

impl FromStr for RandomSetting {
    type Err = SpaceError;

    fn from_str(text: &str) -> Result<Self, SpaceError> {
        let (key, rest) = key_and_rest(text, OVER)?;
        let (kind, range) = rest.split_once(':').ok_or_else(|| error(text, OVER))?;
        let ends =
            range.split_once("..").map(|(low, high)| (low.trim(), high.trim_start_matches('=').trim()));
        let numbers = || {
            let (low, high) = ends?;
            let (low, high) = (low.parse::<f64>().ok()?, high.parse::<f64>().ok()?);
            (low < high && low.is_finite() && high.is_finite()).then_some((low, high))
        };
        let distribution = match kind {
            "log" => {
                let expected = "log:LOW..HIGH with 0 < LOW < HIGH, as in log:1e-4..1e-2";
                let ends = numbers().filter(|(low, _)| *low > 0.0);
                let (low, high) = ends.ok_or_else(|| error(text, expected))?;
                Distribution::LogUniform(low, high)
            }
            "uniform" => {
                let expected = "uniform:LOW..HIGH with LOW < HIGH, as in uniform:0..0.5";
                let (low, high) = numbers().ok_or_else(|| error(text, expected))?;
                Distribution::Uniform(low, high)
            }
            "int" => {
                let integers =
                    ends.and_then(|(low, high)| Some((low.parse::<i64>().ok()?, high.parse::<i64>().ok()?)));
                let expected =
                    "int:LOW..HIGH, whole numbers with LOW < HIGH, both included, as in int:8..128";
                let (low, high) =
                    integers.filter(|(low, high)| low < high).ok_or_else(|| error(text, expected))?;
                Distribution::Integer(low, high)
            }
            "choice" => Distribution::Choice(values(range, text, "choice:A,B,…, no value empty or twice")?),
            _ => return Err(error(text, OVER)),
        };
        Ok(Self { key: key.to_owned(), distribution })
    }
}

impl fmt::Display for GridSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.values.join(","))
    }
}

impl fmt::Display for RandomSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.key)?;
        match &self.distribution {
            Distribution::LogUniform(low, high) => write!(f, "log:{low}..{high}"),
            Distribution::Uniform(low, high) => write!(f, "uniform:{low}..{high}"),
            Distribution::Integer(low, high) => write!(f, "int:{low}..{high}"),
            Distribution::Choice(values) => write!(f, "choice:{}", values.join(",")),
        }
    }
}

impl Distribution {
    /// Draws a value; real numbers have four significant digits.
    pub fn draw(&self, rng: &mut Rng) -> String {
        match self {
            Self::LogUniform(low, high) => {
                let log = low.ln() + (high.ln() - low.ln()) * rng.uniform();
                number::setting(log.exp().clamp(*low, *high))
            }
            Self::Uniform(low, high) => number::setting(low + (high - low) * rng.uniform()),
            Self::Integer(low, high) => {
                let span = usize::try_from(high.saturating_sub(*low)).unwrap_or(usize::MAX - 1);
                low.saturating_add_unsigned(rng.below(span + 1) as u64).to_string()
            }
            Self::Choice(values) => rng.choose(values).cloned().unwrap_or_default(),
        }
    }
}

macro_rules! as_text {
    ($setting:ty) => {
        impl TryFrom<String> for $setting {
            type Error = SpaceError;

            fn try_from(text: String) -> Result<Self, SpaceError> {
                text.parse()
            }
        }

        impl From<$setting> for String {
            fn from(setting: $setting) -> Self {
                setting.to_string()
            }
        }
    };
}

as_text!(GridSetting);
as_text!(RandomSetting);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_splits_at_commas_that_are_in_no_brackets() {
        let grid: GridSetting =
            "train.optimizer={name: SGD, momentum: 0.9}, Adam,[1, 2],'a,b'".parse().unwrap();
        assert_eq!(grid.key, "train.optimizer");
        assert_eq!(grid.values, ["{name: SGD, momentum: 0.9}", "Adam", "[1, 2]", "'a,b'"]);
        assert_eq!(grid.to_string().parse::<GridSetting>().unwrap(), grid);
        for wrong in ["", "units", "=1,2", "units=", "units=1,,2", "units=1,2,1"] {
            assert!(wrong.parse::<GridSetting>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn fractions_are_percentages() {
        let grid = GridSetting::fractions("10, 12.5%,100").unwrap();
        assert_eq!(grid.to_string(), "train.fraction=0.1,0.125,1");
        for wrong in ["", "0", "-5", "10,10", "200", "a", "10,,20", "nan"] {
            assert!(GridSetting::fractions(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn distributions_are_read_and_written() {
        for text in
            ["rate=log:0.0001..0.01", "drop=uniform:0..0.5", "units=int:8..128", "cell=choice:LSTM,GRU"]
        {
            assert_eq!(text.parse::<RandomSetting>().unwrap().to_string(), text);
        }
        for (wrong, expected) in [
            ("rate", "expected KEY=log:LOW..HIGH, KEY=uniform"),
            ("rate=0.1,0.2", "expected KEY=log:LOW..HIGH, KEY=uniform"),
            ("rate=log:0..1", "0 < LOW < HIGH"),
            ("rate=log:1..1", "0 < LOW < HIGH"),
            ("drop=uniform:1..0", "LOW < HIGH"),
            ("drop=uniform:0..inf", "LOW < HIGH"),
            ("units=int:1.5..3", "whole numbers"),
            ("cell=choice:LSTM,LSTM", "twice"),
            ("cell=normal:0..1", "KEY=choice:A,B"),
        ] {
            let error = wrong.parse::<RandomSetting>().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn draws_are_within_their_ends_and_reach_all_of_them() {
        let draws = |text: &str| {
            let setting: RandomSetting = text.parse().unwrap();
            let draw = |i| setting.distribution.draw(&mut Rng::new(1, "test", i));
            (0..400).map(draw).collect::<Vec<_>>()
        };
        let numbers = |text: &str| draws(text).iter().map(|x| x.parse::<f64>().unwrap()).collect::<Vec<_>>();
        let rates = numbers("rate=log:1e-4..1e-2");
        assert!(rates.iter().all(|x| (1e-4..=1e-2).contains(x)));
        // Half of the logarithms are on either side of the middle; 4.5 standard deviations of a binomial of 400.
        let low = rates.iter().filter(|x| **x < 1e-3).count();
        assert!((155..245).contains(&low), "{low}");
        let integers = numbers("units=int:-1..2");
        assert!((-1..=2).all(|n| integers.contains(&f64::from(n))));
        assert!(integers.iter().all(|x| (-1.0..=2.0).contains(x)));
        let cells = draws("cell=choice:LSTM,GRU");
        assert!(cells.contains(&"LSTM".to_owned()) && cells.contains(&"GRU".to_owned()));
    }
}

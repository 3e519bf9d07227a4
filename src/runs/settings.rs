use std::fmt;
use std::sync::Arc;

/// A setting: its path and its value, as it was written.
pub(super) type Setting = (Arc<str>, Arc<str>);

/// The settings of a run by their paths, in the order of its file; see [`settings()`](crate::preset::settings()).
///
/// Thousands of runs differ in one or two settings: they share the others.
#[derive(Clone, Default)]
pub struct Settings {
    shared: Arc<[Setting]>,
    /// What is different in this run: positions in `shared`, in ascending order.
    own: Vec<(usize, Arc<str>)>,
}

impl Settings {
    /// The settings `shared`, with other values at the positions of `own`; `None` if one is beyond their end, or not in ascending order.
    pub(super) fn with(shared: Arc<[Setting]>, own: Vec<(usize, Arc<str>)>) -> Option<Self> {
        let is_ascending = own.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
        let is_within = own.last().is_none_or(|(last, _)| *last < shared.len());
        (is_ascending && is_within).then_some(Self { shared, own })
    }

    /// The paths with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        let mut own = self.own.iter().peekable();
        self.shared.iter().enumerate().map(move |(i, (path, value))| {
            (path, own.next_if(|(at, _)| *at == i).map_or(value, |(_, value)| value))
        })
    }

    /// The value of the setting at `path`.
    pub fn get(&self, path: &str) -> Option<&Arc<str>> {
        let at = self.shared.iter().position(|(known, _)| **known == *path)?;
        let own = self.own.iter().find(|(own, _)| *own == at).map(|(_, value)| value);
        own.or_else(|| self.shared.get(at).map(|(_, value)| value))
    }
}

impl FromIterator<Setting> for Settings {
    fn from_iter<I: IntoIterator<Item = Setting>>(settings: I) -> Self {
        Self { shared: settings.into_iter().collect(), own: Vec::new() }
    }
}

impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_its_own_replaces_the_shared_one() {
        let shared: Arc<[Setting]> =
            [("a", "1"), ("b", "2"), ("c", "3")].map(|(key, value)| (key.into(), value.into())).into();
        let settings = Settings::with(Arc::clone(&shared), vec![(0, "9".into()), (2, "8".into())]).unwrap();
        let values = ["a", "b", "c", "d"].map(|path| settings.get(path).map(|value| value.to_string()));
        assert_eq!(values, [Some("9".to_owned()), Some("2".to_owned()), Some("8".to_owned()), None]);
        assert_eq!(format!("{settings:?}"), r#"{"a": "9", "b": "2", "c": "8"}"#);
        let alone: Settings =
            [("a", "9"), ("b", "2"), ("c", "8")].into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        assert_eq!(settings, alone);
        for wrong in [vec![(3, "".into())], vec![(1, "".into()), (1, "".into())]] {
            assert!(Settings::with(Arc::clone(&shared), wrong).is_none());
        }
    }
}

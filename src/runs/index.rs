//! The index of a folder of runs: the summaries of all runs, with the sizes and times of the files that they summarise.
//!
//! ```text
//! file  = "unrolled runs 3\n" texts:uint text* lists:uint settings* entries:uint entry* crc:u32
//!                                                        integers as in frames.bin, crc = CRC-32 of all before it
//! entry = folder stamp(4) name … list:uint own:uint (position value)*
//!                                                        a text is the number of one in the table; `own` are the settings that are not
//!                                                        those of the list
//! ```
//!
//! A copy of what the run folders say: it is ignored if it is damaged, an entry if one of its files has changed.

use std::collections::HashMap;
use std::sync::Arc;

use super::marks::{Marks, Note};
use super::settings::{Setting, Settings};
use super::stamps::{FolderStamp, Stamps};
use super::summary::{Best, Summary, Values};
use crate::run::RunState;
use crate::run::bytes::{PayloadReader, put_f64, put_str, put_uint};
use crate::sort::SmallSort as _;

/// The first bytes, with the version.
const MAGIC: &[u8] = b"unrolled runs 3\n";

/// What is known of a run folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Entry {
    /// As it was when the files were read.
    pub folder: FolderStamp,
    pub stamps: Stamps,
    pub summary: Arc<Summary>,
    pub marks: Arc<Marks>,
}

impl Entry {
    /// Whether the run has ended and its folder, that had the stamp `folder` just now, has not changed since: only changes in place
    /// are possible.
    pub fn is_of(&self, folder: FolderStamp) -> bool {
        let has_ended = self.summary.is_complete && self.summary.ended.is_some();
        has_ended && folder != [0, 0] && self.folder == folder
    }
}

/// Entries by the names of their folders.
pub(super) type Entries = HashMap<Arc<str>, Entry>;

/// Returns the content of the index file.
pub(super) fn encode<'e>(entries: impl Iterator<Item = (&'e str, &'e Entry)>) -> Vec<u8> {
    let mut encoder = Encoder::default();
    let mut count = 0;
    for (name, entry) in entries {
        encoder.entry(name, entry);
        count += 1;
    }
    let mut out = MAGIC.to_vec();
    put_uint(&mut out, encoder.texts.len() as u64);
    let mut texts: Vec<(&Arc<str>, &u64)> = encoder.texts.iter().collect();
    texts.small_sort_by_key(|(_, number)| **number);
    texts.iter().for_each(|(text, _)| put_str(&mut out, text));
    put_uint(&mut out, encoder.lists.len() as u64);
    let mut lists: Vec<(Vec<u64>, List)> = encoder.lists.into_iter().collect();
    lists.small_sort_by_key(|(_, list)| list.number);
    for (paths, list) in lists {
        put_uint(&mut out, paths.len() as u64);
        for (path, value) in paths.into_iter().zip(list.values) {
            put_uint(&mut out, path);
            put_uint(&mut out, value);
        }
    }
    put_uint(&mut out, count);
    out.extend_from_slice(&encoder.out);
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// Returns the entries of an index file; `None` if it is damaged or of another version.
pub(super) fn decode(bytes: &[u8]) -> Option<Entries> {
    let (content, checksum) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(content).to_le_bytes() != *checksum {
        return None;
    }
    let mut take = PayloadReader(content.strip_prefix(MAGIC)?);
    // A text takes a byte at least.
    let count = take.count().filter(|count| *count <= take.0.len())?;
    let texts: Vec<Arc<str>> = (0..count).map(|_| take.str().map(Into::into)).collect::<Option<_>>()?;
    let mut decoder = Decoder { texts, lists: Vec::new(), take };
    decoder.lists = decoder
        .list(|decoder| decoder.list(|decoder| Some((decoder.text()?, decoder.text()?))).map(Into::into))?;
    let count = decoder.take.count().filter(|count| *count <= decoder.take.0.len())?;
    let mut entries = Entries::with_capacity(count);
    for _ in 0..count {
        let (name, entry) = decoder.entry()?;
        entries.insert(name, entry);
    }
    Some(entries)
}

#[derive(Default)]
struct Encoder {
    texts: HashMap<Arc<str>, u64>,
    /// Lists of settings by their paths.
    lists: HashMap<Vec<u64>, List>,
    out: Vec<u8>,
}

/// The settings of the first run that has these paths.
struct List {
    number: u64,
    values: Vec<u64>,
}

impl Encoder {
    fn entry(&mut self, name: &str, entry: &Entry) {
        for x in entry.folder.iter().chain(entry.stamps.iter().flatten()) {
            self.uint(*x);
        }
        self.text(name);
        let Summary {
            started,
            ended,
            is_complete,
            reason,
            damage,
            preset,
            task,
            layers,
            params,
            steps,
            epochs,
            planned,
            seconds,
            monitor,
            higher_is_better,
            best,
            last,
            settings,
        } = &*entry.summary;
        let ended = ended.and_then(|state| RunState::ALL.iter().position(|known| *known == state));
        self.uint(*started);
        self.uint(ended.map_or(0, |state| state as u64 + 1));
        self.uint(u64::from(*is_complete));
        for text in [reason, damage, preset, task, layers, monitor] {
            self.text(text);
        }
        for x in [*params, *steps, *epochs, *planned, u64::from(*higher_is_better), u64::from(best.is_some())]
        {
            self.uint(x);
        }
        put_f64(&mut self.out, *seconds);
        if let Some(Best { value, step, epoch, metrics }) = best {
            put_f64(&mut self.out, *value);
            self.uint(*step);
            self.uint(*epoch);
            self.values(metrics);
        }
        self.values(last);
        self.settings(settings);
        self.uint(entry.marks.tags.len() as u64);
        entry.marks.tags.iter().for_each(|tag| self.text(tag));
        self.uint(entry.marks.notes.len() as u64);
        for note in &entry.marks.notes {
            self.text(&note.time);
            self.text(&note.text);
        }
    }

    fn uint(&mut self, x: u64) {
        put_uint(&mut self.out, x);
    }

    fn text(&mut self, text: &str) {
        let number = self.number(text);
        self.uint(number);
    }

    /// The number of a text in the table.
    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.texts.get(text) {
            return *number;
        }
        let number = self.texts.len() as u64;
        self.texts.insert(text.into(), number);
        number
    }

    fn settings(&mut self, settings: &Settings) {
        let (paths, values): (Vec<u64>, Vec<u64>) =
            settings.iter().map(|(path, value)| (self.number(path), self.number(value))).unzip();
        let number = self.lists.len() as u64;
        let list = self.lists.entry(paths).or_insert_with(|| List { number, values: values.clone() });
        let own: Vec<(usize, u64)> = (values.into_iter().enumerate())
            .filter(|(i, value)| list.values.get(*i) != Some(value))
            .collect();
        put_uint(&mut self.out, list.number);
        put_uint(&mut self.out, own.len() as u64);
        for (position, value) in own {
            put_uint(&mut self.out, position as u64);
            put_uint(&mut self.out, value);
        }
    }

    fn values(&mut self, values: &Values) {
        self.uint(values.len() as u64);
        for (name, value) in values {
            self.text(name);
            put_f64(&mut self.out, *value);
        }
    }
}

struct Decoder<'b> {
    texts: Vec<Arc<str>>,
    lists: Vec<Arc<[Setting]>>,
    take: PayloadReader<'b>,
}

impl Decoder<'_> {
    fn entry(&mut self) -> Option<(Arc<str>, Entry)> {
        let folder = self.uints()?;
        let mut stamps = Stamps::default();
        for x in stamps.iter_mut().flatten() {
            *x = self.uint()?;
        }
        let name = self.text()?;
        let started = self.uint()?;
        let ended = match self.take.count()? {
            0 => None,
            state => Some(*RunState::ALL.get(state - 1)?),
        };
        let is_complete = self.uint()? != 0;
        let [reason, damage, preset, task, layers, monitor] = self.texts()?;
        let [params, steps, epochs, planned, higher, has_best] = self.uints()?;
        let seconds = self.take.f64()?;
        let best = match has_best {
            0 => None,
            _ => {
                let value = self.take.f64()?;
                let [step, epoch] = self.uints()?;
                Some(Best { value, step, epoch, metrics: self.values()? })
            }
        };
        let last = self.values()?;
        let shared = self.take.count().and_then(|number| self.lists.get(number).cloned())?;
        let own = self.list(|decoder| Some((decoder.take.count()?, decoder.text()?)))?;
        let settings = Settings::with(shared, own)?;
        let tags = self.list(|decoder| decoder.text().map(|tag| tag.to_string()))?;
        let notes = self.list(|decoder| {
            Some(Note { time: decoder.text()?.to_string(), text: decoder.text()?.to_string() })
        })?;
        let summary = Summary {
            started,
            ended,
            is_complete,
            reason,
            damage,
            preset,
            task,
            layers,
            params,
            steps,
            epochs,
            planned,
            seconds,
            monitor,
            higher_is_better: higher != 0,
            best,
            last,
            settings,
        };
        let (summary, marks) = (Arc::new(summary), Arc::new(Marks { tags, notes }));
        Some((name, Entry { folder, stamps, summary, marks }))
    }

    fn uint(&mut self) -> Option<u64> {
        self.take.uint()
    }

    fn uints<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut all = [0; N];
        for x in &mut all {
            *x = self.uint()?;
        }
        Some(all)
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let number = self.take.count()?;
        self.texts.get(number).cloned()
    }

    fn texts<const N: usize>(&mut self) -> Option<[Arc<str>; N]> {
        let mut all = [const { None }; N];
        for text in &mut all {
            *text = Some(self.text()?);
        }
        Some(all.map(Option::unwrap_or_default))
    }

    fn values(&mut self) -> Option<Values> {
        self.list(|decoder| Some((decoder.text()?, decoder.take.f64()?)))
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        // An item takes a byte at least.
        let count = self.take.count().filter(|count| *count <= self.take.0.len())?;
        (0..count).map(|_| item(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Arc<str>> {
        prop::sample::select(vec!["", "val_loss", "LSTM", "0.01", "ä\x1b", "keep"]).prop_map(Into::into)
    }

    fn values() -> impl Strategy<Value = Values> {
        prop::collection::vec((text(), -1e9..1e9f64), 0..4)
    }

    fn entry() -> impl Strategy<Value = (Arc<str>, Entry)> {
        let best = prop::option::of((any::<f64>(), any::<u64>(), any::<u64>(), values()));
        let settings = prop::collection::vec((text(), text()), 0..5);
        let ended = prop::option::of(prop::sample::select(RunState::ALL.to_vec()));
        let stamps: Strategy4 = prop::array::uniform4(prop::array::uniform2(any::<u64>()));
        let texts = (text(), text(), text());
        ("[a-z/é]{1,9}", stamps, ended, any::<[u64; 2]>(), texts, best, values(), settings).prop_map(
            |(name, stamps, ended, [steps, params], (preset, reason, tag), best, last, settings)| {
                let best = best.filter(|best| !best.0.is_nan());
                let summary = Summary {
                    ended,
                    is_complete: ended.is_some(),
                    preset,
                    reason,
                    steps,
                    params,
                    best: best.map(|(value, step, epoch, metrics)| Best { value, step, epoch, metrics }),
                    last,
                    settings: settings.into_iter().collect(),
                    ..Summary::default()
                };
                let note = Note { time: "t".into(), text: "u".into() };
                let marks = Marks { tags: vec![tag.to_string()], notes: vec![note] };
                let folder = [steps, params];
                (name.into(), Entry { folder, stamps, summary: Arc::new(summary), marks: Arc::new(marks) })
            },
        )
    }

    type Strategy4 = prop::array::UniformArrayStrategy<
        prop::array::UniformArrayStrategy<prop::num::u64::Any, [u64; 2]>,
        [[u64; 2]; 4],
    >;

    proptest! {
        #[test]
        fn an_index_comes_back_and_a_changed_byte_voids_it(
            all in prop::collection::vec(entry(), 0..6), at in any::<prop::sample::Index>(), bit in 0..8u8,
        ) {
            let entries: Entries = all.into_iter().collect();
            let mut bytes = encode(entries.iter().map(|(name, entry)| (&**name, entry)));
            prop_assert_eq!(decode(&bytes), Some(entries));
            let at = at.index(bytes.len());
            prop_assert_eq!(decode(&bytes[..at]), None);
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(decode(&bytes), None);
        }

        /// Behind a checksum that is right, too.
        #[test]
        fn no_bytes_panic(rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(rest);
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
            decode(&bytes);
        }
    }
}

use super::scan::{End, Found, MAX_SNAPSHOTS, Marks, Snapshot};

/// What is known of a recording so far.
#[derive(Debug)]
pub(super) struct Timeline {
    start: Snapshot,
    /// In order, evenly spaced.
    snapshots: Vec<Snapshot>,
    monitored: Vec<u64>,
    /// The last step of every epoch, with the number of the epoch.
    epochs: Vec<(usize, u64)>,
    pub marks: Marks,
    /// The latest step that was read, and its seconds of training.
    pub latest: (u64, f64),
    /// The last step of the recording, as far as it is known.
    pub last: u64,
    /// The number of bytes read so far.
    pub bytes: u64,
    /// Set once all was read.
    pub end: Option<End>,
}

impl Timeline {
    /// Of a recording with steps up to `last`, before it is read.
    pub fn new(last: u64) -> Self {
        Self {
            start: Snapshot::start(),
            snapshots: Vec::new(),
            monitored: Vec::new(),
            epochs: Vec::new(),
            marks: Marks::default(),
            latest: (0, 0.0),
            last,
            bytes: 0,
            end: None,
        }
    }

    pub fn add(&mut self, found: Found) {
        for snapshot in found.snapshots {
            self.snapshots.push(snapshot);
            if self.snapshots.len() == MAX_SNAPSHOTS {
                let mut keep = true;
                self.snapshots.retain(|_| {
                    keep = !keep;
                    keep
                });
            }
        }
        self.monitored.extend(found.monitored);
        self.epochs.extend(found.epochs);
        (self.marks, self.bytes) = (found.marks, found.bytes);
        if let Some(latest) = found.latest {
            self.latest = (latest.step, if latest.seconds.is_finite() { latest.seconds } else { 0.0 });
        }
        self.last = self.last.max(self.latest.0);
        if found.end.is_some() {
            self.end = found.end;
            // Damage may hide what the index of the file promises.
            self.last = self.latest.0;
        }
    }

    /// Whether the whole recording was read.
    pub fn is_complete(&self) -> bool {
        self.end.is_some()
    }

    /// Whether a process still trains the run.
    pub fn is_live(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.is_live)
    }

    #[cfg(test)]
    pub fn snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        self.snapshots.iter()
    }

    /// The latest snapshot at or before `step`.
    pub fn snapshot(&self, step: u64) -> &Snapshot {
        let after = self.snapshots.partition_point(|snapshot| snapshot.step <= step);
        after.checked_sub(1).and_then(|at| self.snapshots.get(at)).unwrap_or(&self.start)
    }

    /// The monitored step before `step`, or the start.
    pub fn monitored_before(&self, step: u64) -> u64 {
        before(&self.monitored, |monitored| *monitored < step).copied().unwrap_or(0)
    }

    /// The monitored step after `step`; of a recording that is read the last step if there is none.
    pub fn monitored_after(&self, step: u64) -> Option<u64> {
        let last = self.is_complete().then_some(self.last);
        after(&self.monitored, |monitored| *monitored <= step).copied().or(last)
    }

    /// The end of the epoch before `step`, or the start.
    pub fn epoch_before(&self, step: u64) -> u64 {
        before(&self.epochs, |(_, end)| *end < step).map_or(0, |(_, end)| *end)
    }

    /// The end of the epoch that `step` belongs to, or of the next if it is that.
    pub fn epoch_after(&self, step: u64) -> Option<u64> {
        after(&self.epochs, |(_, end)| *end <= step).map(|(_, end)| *end)
    }

    /// The last steps of the epochs.
    pub fn epoch_ends(&self) -> impl Iterator<Item = u64> {
        self.epochs.iter().map(|(_, end)| *end)
    }
}

/// The last of `sorted` for which `is_before` is true.
fn before<T>(sorted: &[T], is_before: impl Fn(&T) -> bool) -> Option<&T> {
    sorted.get(sorted.partition_point(is_before).checked_sub(1)?)
}

/// The first of `sorted` for which `is_before` is false.
fn after<T>(sorted: &[T], is_before: impl Fn(&T) -> bool) -> Option<&T> {
    sorted.get(sorted.partition_point(is_before))
}

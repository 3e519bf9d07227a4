use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::protocol::{Direction, Event};

/// Bytes that wait for a subscriber, at most.
const LIMIT: usize = 4 << 20;
/// What a waiting frame takes besides its bytes.
const OVERHEAD: usize = 64;
/// Bytes that a subscriber receives at a time, about.
const PORTION: usize = 256 * 1024;
/// How long frames are collected before they are received: a thread woken for every step would take time from the training.
const COLLECT: Duration = Duration::from_millis(60);

/// What a picture shows: a later one of the same replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Picture {
    /// Of a layer and direction.
    Gradient(usize, Option<Direction>),
    Instruments,
    Weights,
    /// Of a probe.
    Probe(usize),
}

impl Picture {
    /// What `event` shows, if it is a picture.
    pub fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Gradient(profile) => Some(Self::Gradient(profile.layer, profile.direction)),
            Event::Instruments(_) => Some(Self::Instruments),
            Event::Weights(_) => Some(Self::Weights),
            Event::Probe(frame) => Some(Self::Probe(frame.probe)),
            _ => None,
        }
    }
}

/// The frames that wait for a subscriber, with bounded memory: of pictures the latest of each kind, all others complete, or none of them
/// once there are too many.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    scalars: VecDeque<(u64, Arc<[u8]>)>,
    pictures: BTreeMap<Picture, (u64, Arc<[u8]>)>,
    /// The position of the next frame.
    next: u64,
    bytes: usize,
    end: Option<End>,
    /// The number of events that are no pictures to which the recording has gone back.
    rewound: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Overflow,
    Recording,
}

/// What a subscriber receives.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// Frames in order, and how many of them are no pictures; none if nothing has happened.
    Frames(Vec<Arc<[u8]>>, u64),
    /// Too many frames have waited: all that follow must be read from the recording.
    Overflow,
    /// The recording has gone back to its first so many events that are no pictures: all that follow must be read from it.
    Rewound(u64),
    /// The recording has ended.
    End,
}

impl Waiting {
    fn size(frame: &[u8]) -> usize {
        frame.len() + OVERHEAD
    }

    fn clear(&mut self) {
        *self = Self { end: self.end, rewound: self.rewound, ..Self::default() };
    }

    /// Removes the earliest frame; returns whether it is no picture, too.
    fn pop(&mut self) -> Option<(Arc<[u8]>, bool)> {
        let picture =
            self.pictures.iter().min_by_key(|(_, (at, _))| *at).map(|(picture, (at, _))| (*picture, *at));
        let frame = match (picture, self.scalars.front()) {
            (Some((picture, at)), scalar) if scalar.is_none_or(|(first, _)| at < *first) => {
                self.pictures.remove(&picture).map(|(_, frame)| (frame, false))
            }
            _ => self.scalars.pop_front().map(|(_, frame)| (frame, true)),
        };
        let (frame, is_scalar) = frame?;
        self.bytes -= Self::size(&frame);
        Some((frame, is_scalar))
    }
}

impl Queue {
    /// Adds a frame, unless the subscriber must read the recording instead.
    pub(super) fn push(&self, picture: Option<Picture>, frame: &Arc<[u8]>) {
        let mut waiting = self.lock();
        if waiting.end.is_some() || waiting.rewound.is_some() {
            return;
        }
        let entry = (waiting.next, Arc::clone(frame));
        waiting.next += 1;
        waiting.bytes += Waiting::size(frame);
        match picture {
            Some(picture) => {
                if let Some((_, earlier)) = waiting.pictures.insert(picture, entry) {
                    waiting.bytes -= Waiting::size(&earlier);
                }
            }
            None => waiting.scalars.push_back(entry),
        }
        if waiting.bytes > LIMIT {
            // The next pictures come soon.
            let pictures = std::mem::take(&mut waiting.pictures);
            waiting.bytes -= pictures.values().map(|(_, frame)| Waiting::size(frame)).sum::<usize>();
        }
        if waiting.bytes > LIMIT {
            waiting.end = Some(End::Overflow);
            waiting.clear();
        }
        drop(waiting);
        self.ready.notify_one();
    }

    /// The recording has gone back to its first `seq` events that are no pictures.
    pub(super) fn rewind(&self, seq: u64) {
        let mut waiting = self.lock();
        waiting.rewound = Some(waiting.rewound.map_or(seq, |earlier| earlier.min(seq)));
        waiting.clear();
        drop(waiting);
        self.ready.notify_one();
    }

    /// No more frames follow.
    pub(super) fn end(&self) {
        self.lock().end.get_or_insert(End::Recording);
        self.ready.notify_one();
    }

    /// Receives what waits; waits for something for at most `patience`.
    pub fn receive(&self, patience: Duration) -> Received {
        let idle =
            |waiting: &mut Waiting| waiting.bytes == 0 && waiting.end.is_none() && waiting.rewound.is_none();
        let waiting = self.ready.wait_timeout_while(self.lock(), patience, idle);
        let (waiting, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        let collects = waiting.bytes < PORTION && waiting.end.is_none() && waiting.rewound.is_none();
        drop(waiting);
        if collects {
            thread::sleep(COLLECT);
        }
        let mut waiting = self.lock();
        let (mut frames, mut bytes, mut scalars) = (Vec::new(), 0, 0);
        while bytes < PORTION
            && let Some((frame, is_scalar)) = waiting.pop()
        {
            bytes += frame.len();
            scalars += u64::from(is_scalar);
            frames.push(frame);
        }
        if let Some(seq) = waiting.rewound {
            return Received::Rewound(seq);
        }
        match waiting.end {
            Some(End::Overflow) => Received::Overflow,
            Some(End::Recording) if frames.is_empty() => Received::End,
            _ => Received::Frames(frames, scalars),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn frame(text: &str) -> Arc<[u8]> {
        text.as_bytes().into()
    }

    #[test]
    fn scalars_are_complete_and_pictures_are_the_latest_in_order() {
        let queue = Queue::default();
        for (picture, text) in [
            (Some(Picture::Instruments), "old"),
            (None, "1"),
            (Some(Picture::Probe(0)), "p0"),
            (Some(Picture::Instruments), "new"),
            (None, "2"),
            (Some(Picture::Probe(1)), "p1"),
        ] {
            queue.push(picture, &frame(text));
        }
        let Received::Frames(frames, scalars) = queue.receive(SOON) else { panic!() };
        assert_eq!((frames, scalars), (["1", "p0", "new", "2", "p1"].map(frame).to_vec(), 2));
        assert_eq!(queue.receive(SOON), Received::Frames(Vec::new(), 0));
        assert_eq!(queue.lock().bytes, 0);
        queue.push(None, &frame("last"));
        queue.end();
        assert_eq!(queue.receive(SOON), Received::Frames(vec![frame("last")], 1));
        assert_eq!(queue.receive(SOON), Received::End);
    }

    #[test]
    fn memory_is_bounded_also_where_nobody_receives() {
        let queue = Queue::default();
        let large: Arc<[u8]> = vec![0; 1 << 20].into();
        // Pictures give way to scalars.
        (0..8).for_each(|i| queue.push(Some(Picture::Probe(i)), &large));
        assert!(queue.lock().bytes <= LIMIT);
        (0..3).for_each(|_| queue.push(None, &large));
        assert!(queue.lock().bytes <= LIMIT && queue.lock().end.is_none());
        queue.push(None, &large);
        let held = queue.lock();
        assert!(held.bytes == 0 && held.scalars.is_empty() && held.pictures.is_empty());
        drop(held);
        assert_eq!(queue.receive(SOON), Received::Overflow);
    }
}

//! Encodes an event as the payload of a frame and decodes it. Frequent events are binary, rare ones JSON.

use std::path::PathBuf;

use serde::Serialize;

use super::bytes::{PayloadReader, put_direction, put_f32, put_f32s, put_f64, put_str, put_uint};
use super::{Frame, Kind, instruments, legacy, probe, weights};
use crate::metrics::{Confusion, Metrics};
use crate::protocol::{
    EpochMetrics, Event, GradientProfile, Resumed, RunInfo, Saved, StepMetrics, ValidationMetrics,
};

/// Appends the payload of `event` to `out`; returns its kind and, if it has one, its own step.
///
/// JSON has neither non-Unicode paths nor NaN: such a path is written lossily, and a share of unknown tokens that is not
/// finite as 0.
pub(super) fn encode(event: &Event, out: &mut Vec<u8>) -> serde_json::Result<(Kind, Option<u64>)> {
    match event {
        Event::Prepared(info) => put_json(out, Kind::Prepared, &json_safe(info)),
        Event::Status(status) => put_json(out, Kind::Status, status),
        Event::Log(line) => put_json(out, Kind::Log, line),
        Event::Command(command) => {
            put_json(out, Kind::Command, command).map(|(kind, _)| (kind, Some(command.step)))
        }
        Event::Resumed(resumed) => {
            let path = |path: &PathBuf| PathBuf::from(path.to_string_lossy().as_ref());
            let parent = resumed.parent.as_ref().map(path);
            put_json(out, Kind::Resumed, &Resumed { parent, ..resumed.clone() })
                .map(|(kind, _)| (kind, Some(resumed.step)))
        }
        Event::Undone(undone) => {
            put_json(out, Kind::Undone, undone).map(|(kind, _)| (kind, Some(undone.step)))
        }
        Event::Alert(alert) => put_json(out, Kind::Alert, alert).map(|(kind, _)| (kind, Some(alert.step))),
        Event::Saved(saved) => {
            let path = PathBuf::from(saved.path.to_string_lossy().as_ref());
            put_json(out, Kind::Saved, &Saved { path, ..saved.clone() })
                .map(|(kind, _)| (kind, Some(saved.step)))
        }
        Event::ProbeAdded(probe) => put_json(out, Kind::ProbeAdded, probe),
        Event::Step(metrics) => {
            put_step(out, metrics);
            Ok((Kind::Step, Some(metrics.step)))
        }
        Event::Epoch(metrics) => {
            put_epoch(out, metrics);
            Ok((Kind::Epoch, Some(metrics.step)))
        }
        Event::Validation(metrics) => {
            put_validation(out, metrics);
            Ok((Kind::Validation, Some(metrics.step)))
        }
        Event::Sample(sample) => {
            put_json(out, Kind::Sample, sample).map(|(kind, _)| (kind, Some(sample.step)))
        }
        Event::Examples(examples) => {
            put_json(out, Kind::Examples, examples).map(|(kind, _)| (kind, Some(examples.step)))
        }
        Event::UnitResponse(response) => {
            put_json(out, Kind::UnitResponse, response).map(|(kind, _)| (kind, Some(response.step)))
        }
        Event::Neighbours(near) => {
            put_json(out, Kind::Neighbours, near).map(|(kind, _)| (kind, Some(near.step)))
        }
        Event::Gradient(profile) => {
            put_gradient(out, profile);
            Ok((Kind::Gradient, Some(profile.step)))
        }
        Event::Instruments(read) => {
            instruments::put(out, read);
            Ok((Kind::Instruments, Some(read.step)))
        }
        Event::Weights(read) => {
            weights::put(out, read);
            Ok((Kind::Weights, Some(read.step)))
        }
        Event::Probe(frame) => {
            probe::put(out, frame);
            Ok((Kind::Probe, Some(frame.step)))
        }
    }
}

/// Returns the event of a frame, or `None` if the payload is invalid for its kind, or an index.
pub(in crate::run) fn decode(frame: Frame<'_>) -> Option<Event> {
    let mut take = PayloadReader(frame.payload);
    let event = match frame.kind {
        Kind::Prepared => return legacy::prepared(frame.payload).map(Event::Prepared),
        Kind::Status => return serde_json::from_slice(frame.payload).ok().map(Event::Status),
        Kind::Log => return serde_json::from_slice(frame.payload).ok().map(Event::Log),
        Kind::OldLearningRate => return legacy::learning_rate(frame.payload).map(Event::Command),
        Kind::Command => return serde_json::from_slice(frame.payload).ok().map(Event::Command),
        Kind::Resumed => return serde_json::from_slice(frame.payload).ok().map(Event::Resumed),
        Kind::ProbeAdded => return serde_json::from_slice(frame.payload).ok().map(Event::ProbeAdded),
        Kind::Undone => return serde_json::from_slice(frame.payload).ok().map(Event::Undone),
        Kind::Alert => return serde_json::from_slice(frame.payload).ok().map(Event::Alert),
        Kind::Saved => return serde_json::from_slice(frame.payload).ok().map(Event::Saved),
        Kind::Sample => return serde_json::from_slice(frame.payload).ok().map(Event::Sample),
        Kind::Examples => return serde_json::from_slice(frame.payload).ok().map(Event::Examples),
        Kind::UnitResponse => return serde_json::from_slice(frame.payload).ok().map(Event::UnitResponse),
        Kind::Neighbours => return serde_json::from_slice(frame.payload).ok().map(Event::Neighbours),
        Kind::Step => Event::Step(take_step(&mut take, frame.step)?),
        Kind::Epoch => Event::Epoch(Box::new(take_epoch(&mut take, frame.step)?)),
        Kind::OldEpoch => Event::Epoch(Box::new(legacy::take_epoch(&mut take, frame.step)?)),
        Kind::OldValidation => Event::Validation(legacy::take_validation(&mut take, frame.step)?),
        Kind::Validation => Event::Validation(take_validation(&mut take, frame.step)?),
        Kind::Gradient => Event::Gradient(take_gradient(&mut take, frame.step)?),
        Kind::Instruments => Event::Instruments(Box::new(instruments::take(&mut take, frame.step)?)),
        Kind::Weights => Event::Weights(Box::new(weights::take(&mut take, frame.step)?)),
        Kind::Probe => Event::Probe(Box::new(probe::take(&mut take, frame.step)?)),
        Kind::Index | Kind::OldEvaluation | Kind::Stride => return None,
    };
    take.0.is_empty().then_some(event)
}

fn put_json(
    out: &mut Vec<u8>,
    kind: Kind,
    value: &impl Serialize,
) -> serde_json::Result<(Kind, Option<u64>)> {
    serde_json::to_writer(out, value).map(|()| (kind, None))
}

fn json_safe(info: &RunInfo) -> RunInfo {
    let mut safe = info.clone();
    safe.folder = PathBuf::from(info.folder.to_string_lossy().as_ref());
    safe.data.unknown = if info.data.unknown.is_finite() { info.data.unknown } else { 0.0 };
    safe
}

fn put_step(out: &mut Vec<u8>, metrics: &StepMetrics) {
    put_uint(out, metrics.epoch as u64);
    put_optional(out, [metrics.accuracy]);
    for x in
        [metrics.loss, metrics.learning_rate, metrics.grad_norm, metrics.sequences_per_s, metrics.seconds]
    {
        put_f64(out, x);
    }
}

fn take_step(take: &mut PayloadReader<'_>, step: u64) -> Option<StepMetrics> {
    let epoch = take.count()?;
    let [accuracy] = take.optional()?;
    Some(StepMetrics {
        step,
        epoch,
        accuracy,
        loss: take.f64()?,
        learning_rate: take.f64()?,
        grad_norm: take.f64()?,
        sequences_per_s: take.f64()?,
        seconds: take.f64()?,
    })
}

fn put_epoch(out: &mut Vec<u8>, metrics: &EpochMetrics) {
    put_uint(out, metrics.epoch as u64);
    put_f64(out, metrics.seconds);
    put_metrics(out, &metrics.metrics);
    let confusion = metrics.confusion.as_ref();
    put_uint(out, confusion.map_or(0, |confusion| confusion.classes as u64));
    confusion.iter().flat_map(|confusion| &confusion.counts).for_each(|count| put_uint(out, *count));
}

fn take_epoch(take: &mut PayloadReader<'_>, step: u64) -> Option<EpochMetrics> {
    let epoch = take.count()?;
    let seconds = take.f64()?;
    let metrics = take_metrics(take)?;
    let classes = take.count()?;
    // A count takes a byte at least.
    let cells = classes.checked_mul(classes).filter(|cells| *cells <= take.0.len())?;
    let counts: Vec<u64> = (0..cells).map(|_| take.uint()).collect::<Option<_>>()?;
    let confusion = (classes > 0).then_some(Confusion { classes, counts, ..Confusion::default() });
    Some(EpochMetrics { epoch, step, metrics, confusion, seconds })
}

fn put_validation(out: &mut Vec<u8>, metrics: &ValidationMetrics) {
    put_uint(out, metrics.epoch as u64);
    put_f64(out, metrics.seconds);
    put_metrics(out, &metrics.metrics);
}

fn take_validation(take: &mut PayloadReader<'_>, step: u64) -> Option<ValidationMetrics> {
    let epoch = take.count()?;
    let seconds = take.f64()?;
    Some(ValidationMetrics { step, epoch, metrics: take_metrics(take)?, seconds })
}

/// The count, then name and value of each.
fn put_metrics(out: &mut Vec<u8>, metrics: &Metrics) {
    put_uint(out, metrics.iter().len() as u64);
    for (name, value) in metrics.iter() {
        put_str(out, name);
        put_f64(out, value);
    }
}

fn take_metrics(take: &mut PayloadReader<'_>) -> Option<Metrics> {
    let count = take.uint()?;
    let mut metrics = Metrics::default();
    for _ in 0..count {
        let name = take.str()?.to_owned();
        metrics.set(name, take.f64()?);
    }
    Some(metrics)
}

fn put_gradient(out: &mut Vec<u8>, profile: &GradientProfile) {
    put_uint(out, profile.layer as u64);
    put_direction(out, profile.direction);
    out.push(u8::from(profile.half_life.is_some()));
    profile.half_life.iter().for_each(|x| put_f32(out, *x));
    put_f32s(out, &profile.hnorm);
    put_f32s(out, &profile.kernel_norm);
    if !profile.cnorm.is_empty() || !profile.padding.is_empty() {
        put_f32s(out, &profile.cnorm);
    }
    if !profile.padding.is_empty() {
        // The lengths of its stretches, of which the first is none of padding.
        let first = (profile.padding.first() == Some(&true)).then_some(0);
        let stretches = profile.padding.chunk_by(|a, b| a == b).map(|stretch| stretch.len() as u64);
        let stretches: Vec<u64> = first.into_iter().chain(stretches).collect();
        put_uint(out, stretches.len() as u64);
        stretches.into_iter().for_each(|length| put_uint(out, length));
    }
}

fn take_gradient(take: &mut PayloadReader<'_>, step: u64) -> Option<GradientProfile> {
    let layer = take.count()?;
    let direction = take.direction()?;
    let half_life = match take.byte()? {
        0 => None,
        1 => Some(take.f32()?),
        _ => return None,
    };
    let hnorm = take.f32s()?;
    // Recordings of the first format end here.
    let kernel_norm = if take.0.is_empty() { Vec::new() } else { take.f32s()? };
    let ended = take.0.is_empty();
    let cnorm = if ended { Vec::new() } else { take.f32s()? };
    let padding = match take.0.is_empty() {
        true if cnorm.is_empty() && !ended => return None,
        true => Vec::new(),
        false => take_padding(take, hnorm.len())?,
    };
    Some(GradientProfile { step, layer, direction, hnorm, kernel_norm, cnorm, padding, half_life })
}

/// Which of `positions` are padding.
fn take_padding(take: &mut PayloadReader<'_>, positions: usize) -> Option<Vec<bool>> {
    let mut padding = Vec::new();
    for i in 0..take.count()? {
        let length = take.count().filter(|length| *length <= positions - padding.len())?;
        padding.resize(padding.len() + length, i % 2 == 1);
    }
    (padding.len() == positions).then_some(padding)
}

/// Appends one byte of flags, lowest bit first, then the values that are present.
fn put_optional<const N: usize>(out: &mut Vec<u8>, values: [Option<f64>; N]) {
    out.push(values.iter().enumerate().fold(0, |flags, (i, x)| flags | (u8::from(x.is_some()) << i)));
    values.iter().flatten().for_each(|x| put_f64(out, *x));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Alert, AlertKind, Direction, Sample};
    use proptest::prelude::*;

    fn round_trip(event: &Event) -> Option<Event> {
        let mut payload = Vec::new();
        let (kind, step) = encode(event, &mut payload).unwrap();
        decode(Frame { offset: 0, kind, step: step.unwrap_or(0), payload: &payload })
    }

    /// Any bits, including NaN and infinities; compare formatted values, so that NaN equals itself.
    fn any_f64() -> impl Strategy<Value = f64> {
        any::<u64>().prop_map(f64::from_bits)
    }

    proptest! {
        #[test]
        fn scalars_are_restored_bit_for_bit(
            step in any::<u64>(), epoch in any::<usize>(), accuracy in proptest::option::of(any_f64()),
            loss in any_f64(), rest in any_f64(),
        ) {
            let metrics = StepMetrics {
                step, epoch, loss, accuracy, learning_rate: rest, grad_norm: loss, sequences_per_s: rest, seconds: 1.5,
            };
            prop_assert_eq!(format!("{:?}", round_trip(&Event::Step(metrics))), format!("{:?}", Some(Event::Step(metrics))));
            let all: Metrics = [("loss", loss), ("val_f1", rest)].into();
            let confusion = step.is_multiple_of(2).then(|| Confusion {
                classes: 2,
                counts: vec![1, 2, 300, step],
                ..Confusion::default()
            });
            let metrics = Event::Epoch(Box::new(EpochMetrics { epoch, step, metrics: all.clone(), confusion, seconds: rest }));
            prop_assert_eq!(format!("{:?}", round_trip(&metrics)), format!("{:?}", Some(metrics)));
            let metrics = ValidationMetrics { step, epoch, metrics: all, seconds: rest };
            prop_assert_eq!(
                format!("{:?}", round_trip(&Event::Validation(metrics.clone()))),
                format!("{:?}", Some(Event::Validation(metrics.clone())))
            );
        }

        #[test]
        fn no_payload_panics(kind in any::<u8>(), step in any::<u64>(), payload in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(kind) = Kind::from_byte(kind % 22) {
                decode(Frame { offset: 0, kind, step, payload: &payload });
            }
        }
    }

    #[test]
    fn a_payload_that_is_too_long_or_too_short_is_rejected() {
        let profile = GradientProfile {
            step: 3,
            layer: 1,
            direction: Some(Direction::Backward),
            hnorm: vec![0.5, f32::INFINITY],
            kernel_norm: vec![0.0, 2.0],
            cnorm: Vec::new(),
            padding: Vec::new(),
            half_life: Some(-2.0),
        };
        let event = Event::Gradient(profile.clone());
        assert_eq!(round_trip(&event).as_ref(), Some(&event));
        let of_lstm = Event::Gradient(GradientProfile { cnorm: vec![0.25, 4.0], ..profile.clone() });
        assert_eq!(round_trip(&of_lstm).as_ref(), Some(&of_lstm));
        for padding in [vec![true, false], vec![false, true]] {
            let padded = Event::Gradient(GradientProfile { padding, ..profile.clone() });
            assert_eq!(round_trip(&padded).as_ref(), Some(&padded));
        }
        let mut payload = Vec::new();
        encode(&event, &mut payload).unwrap();
        payload.push(0);
        let frame = |payload| Frame { offset: 0, kind: Kind::Gradient, step: 3, payload };
        assert!(decode(frame(&payload)).is_none());
        // A payload that ends after `hnorm` is of the first format.
        let short = payload.len() - 1 - (1 + 2 * 4);
        assert!((0..payload.len() - 1).all(|n| decode(frame(&payload[..n])).is_none() == (n != short)));
        let old = Event::Gradient(GradientProfile { kernel_norm: Vec::new(), ..profile });
        assert_eq!(decode(frame(&payload[..short])), Some(old));
    }

    #[test]
    fn a_sample_is_restored_with_its_newlines() {
        let (prime, text) = ("ROMEO:\n".into(), "What, \u{1b}[2J\n\nho!".into());
        let event = Event::Sample(Sample { step: 7, epoch: 2, prime, text, ..Sample::default() });
        assert_eq!(round_trip(&event), Some(event));
    }

    #[test]
    fn an_alert_is_restored() {
        let (kind, text) = (AlertKind::LossSpike, "step 7: the loss is 9".into());
        let event = Event::Alert(Alert { step: 7, epoch: 2, kind, text });
        assert_eq!(round_trip(&event), Some(event));
    }

    #[test]
    fn what_json_cannot_represent_is_still_recorded() {
        use std::os::unix::ffi::OsStringExt;
        let path = PathBuf::from(std::ffi::OsString::from_vec(vec![b'r', 0xff]));
        let Some(Event::Saved(saved)) =
            round_trip(&Event::Saved(Saved { step: 5, path, best: true, ..Saved::default() }))
        else {
            panic!("not read back")
        };
        assert_eq!((saved.step, saved.path, saved.best), (5, PathBuf::from("r\u{fffd}"), true));
    }
}

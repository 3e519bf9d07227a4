//! A probe frame with one byte per activation.

use super::bytes::{PayloadReader, put_direction, put_f32, put_f32s, put_int, put_str, put_uint};
use super::quantised::{put_quantised, take_quantised};
use crate::protocol::{
    Activations, AttentionWeights, ProbeFrame, TokenInfluence, TokenPrediction, TokenWindow,
};

/// Appends `frame`: predictions exactly, activations quantised per quantity (see [`put_quantised`]).
pub(super) fn put(out: &mut Vec<u8>, frame: &ProbeFrame) {
    put_uint(out, frame.probe as u64);
    put_f32s(out, &frame.prediction);
    put_uint(out, frame.activations.len() as u64);
    for part in &frame.activations {
        put_uint(out, part.layer as u64);
        put_direction(out, part.direction);
        put_str(out, &part.quantity);
        put_uint(out, part.units as u64);
        put_quantised(out, &part.values);
    }
    put_uint(out, frame.by_token.len() as u64);
    for prediction in &frame.by_token {
        put_uint(out, prediction.outputs.len() as u64);
        for (name, value) in &prediction.outputs {
            put_str(out, name);
            put_f32(out, *value);
        }
    }
    let windows = || frame.activations.iter().enumerate().filter_map(|(i, part)| Some((i, part.window?)));
    // A frame without these ends here, as in recordings that lack them.
    if frame.attention.is_empty() && windows().next().is_none() && frame.influence.is_none() {
        return;
    }
    put_uint(out, windows().count() as u64);
    for (part, window) in windows() {
        put_uint(out, part as u64);
        put_int(out, window.first);
        put_uint(out, window.stride as u64);
        put_uint(out, window.span as u64);
    }
    put_uint(out, frame.attention.len() as u64);
    frame.attention.iter().for_each(|weights| put_attention(out, weights));
    out.push(u8::from(frame.influence.is_some()));
    if let Some(influence) = &frame.influence {
        put_uint(out, influence.output as u64);
        put_uint(out, influence.first as u64);
        put_f32s(out, &influence.occlusion);
        put_f32s(out, &influence.gradient_input);
    }
}

fn put_attention(out: &mut Vec<u8>, weights: &AttentionWeights) {
    put_uint(out, weights.layer as u64);
    put_uint(out, weights.head as u64);
    put_uint(out, weights.keys as u64);
    for first in [weights.first_query, weights.first_key] {
        put_uint(out, first.map_or(0, |first| first as u64 + 1));
    }
    put_quantised(out, &weights.values);
}

pub(super) fn take(take: &mut PayloadReader<'_>, step: u64) -> Option<ProbeFrame> {
    let probe = take.count()?;
    let prediction = take.f32s()?;
    let count = take.count()?;
    let mut activations = Vec::new();
    for _ in 0..count {
        activations.push(Activations {
            layer: take.count()?,
            direction: take.direction()?,
            quantity: take.str()?.to_owned(),
            units: take.count()?,
            values: take_quantised(take)?,
            window: None,
        });
    }
    let by_token = take_predictions(take)?;
    let mut frame = ProbeFrame { step, probe, prediction, by_token, activations, ..ProbeFrame::default() };
    if take.0.is_empty() {
        return Some(frame);
    }
    for _ in 0..take.count()? {
        let part = frame.activations.get_mut(take.count()?)?;
        part.window = Some(TokenWindow { first: take.int()?, stride: take.count()?, span: take.count()? });
    }
    for _ in 0..take.count()? {
        frame.attention.push(take_attention(take)?);
    }
    frame.influence = match take.byte()? {
        0 => None,
        1 => Some(TokenInfluence {
            output: take.count()?,
            first: take.count()?,
            occlusion: take.f32s()?,
            gradient_input: take.f32s()?,
        }),
        _ => return None,
    };
    Some(frame)
}

fn take_attention(take: &mut PayloadReader<'_>) -> Option<AttentionWeights> {
    let (layer, head, keys) = (take.count()?, take.count()?, take.count()?);
    let (first_query, first_key) = (take.count()?.checked_sub(1), take.count()?.checked_sub(1));
    Some(AttentionWeights { layer, head, keys, first_query, first_key, values: take_quantised(take)? })
}

/// The predictions by token; empty at the end of a payload that lacks them.
fn take_predictions(take: &mut PayloadReader<'_>) -> Option<Vec<TokenPrediction>> {
    if take.0.is_empty() {
        return Some(Vec::new());
    }
    let (tokens, mut by_token) = (take.count()?, Vec::new());
    for _ in 0..tokens {
        let (count, mut outputs) = (take.count()?, Vec::new());
        for _ in 0..count {
            outputs.push((take.str()?.to_owned(), take.f32()?));
        }
        by_token.push(TokenPrediction { outputs });
    }
    Some(by_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_of_a_probe_is_restored_and_a_payload_cut_anywhere_is_another_or_none() {
        let recurrent = Activations {
            layer: 1,
            quantity: "h".into(),
            units: 2,
            values: vec![127.0, -1.0, 0.0, 64.0],
            ..Activations::default()
        };
        let window = Some(TokenWindow { first: -2, stride: 1, span: 5 });
        let convolution = Activations { layer: 2, quantity: "relu".into(), window, ..recurrent.clone() };
        let attention = AttentionWeights {
            layer: 3,
            head: 1,
            keys: 2,
            first_query: Some(0),
            first_key: None,
            values: vec![1.27, 0.0, 0.01, 1.26],
        };
        let influence = TokenInfluence {
            output: 1,
            first: 7,
            occlusion: vec![0.5, -0.25],
            gradient_input: vec![1e-9, 2.0],
        };
        let outputs = vec![("yes".to_owned(), 0.75)];
        let plain = ProbeFrame {
            step: 9,
            probe: 1,
            prediction: vec![0.25, 0.75],
            by_token: vec![TokenPrediction { outputs }],
            activations: vec![recurrent.clone()],
            ..ProbeFrame::default()
        };
        let frame = ProbeFrame {
            activations: vec![recurrent, convolution],
            attention: vec![attention],
            influence: Some(influence),
            ..plain.clone()
        };
        for frame in [plain, frame] {
            let mut payload = Vec::new();
            put(&mut payload, &frame);
            let mut reader = PayloadReader(&payload);
            assert_eq!(take(&mut reader, 9).as_ref(), Some(&frame));
            assert!(reader.0.is_empty());
            assert!(
                (0..payload.len())
                    .all(|n| take(&mut PayloadReader(&payload[..n]), 9).as_ref() != Some(&frame))
            );
        }
    }
}

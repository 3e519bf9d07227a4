//! Health of layers and norms of parameters, all numbers exactly.

use super::bytes::{PayloadReader, put_direction, put_f32, put_f64, put_str, put_uint};
use crate::protocol::{Instruments, LayerHealth, ParamNorms, QuantityHealth};

pub(super) fn put(out: &mut Vec<u8>, read: &Instruments) {
    put_uint(out, read.layers.len() as u64);
    for layer in &read.layers {
        put_uint(out, layer.layer as u64);
        put_direction(out, layer.direction);
        put_str(out, &layer.proposal);
        put_uint(out, layer.quantities.len() as u64);
        for quantity in &layer.quantities {
            put_str(out, &quantity.quantity);
            [quantity.left, quantity.right, quantity.dead].iter().for_each(|share| put_f32(out, *share));
            out.push(u8::from(quantity.spectral_radius.is_some()));
            quantity.spectral_radius.iter().for_each(|radius| put_f32(out, *radius));
        }
    }
    put_uint(out, read.params.len() as u64);
    for param in &read.params {
        put_str(out, &param.name);
        [param.weight, param.gradient, param.update].iter().for_each(|norm| put_f64(out, *norm));
    }
    read.clipped_norm.iter().for_each(|norm| put_f64(out, *norm));
}

pub(super) fn take(take: &mut PayloadReader<'_>, step: u64) -> Option<Instruments> {
    let mut read = Instruments { step, ..Instruments::default() };
    for _ in 0..take.count()? {
        read.layers.push(take_layer(take)?);
    }
    for _ in 0..take.count()? {
        let name = take.str()?.to_owned();
        let (weight, gradient, update) = (take.f64()?, take.f64()?, take.f64()?);
        read.params.push(ParamNorms { name, weight, gradient, update });
    }
    read.clipped_norm = if take.0.is_empty() { None } else { Some(take.f64()?) };
    Some(read)
}

fn take_layer(take: &mut PayloadReader<'_>) -> Option<LayerHealth> {
    let (layer, direction) = (take.count()?, take.direction()?);
    let proposal = take.str()?.to_owned();
    let mut quantities = Vec::new();
    for _ in 0..take.count()? {
        let quantity = take.str()?.to_owned();
        let (left, right, dead) = (take.f32()?, take.f32()?, take.f32()?);
        let spectral_radius = match take.byte()? {
            0 => None,
            1 => Some(take.f32()?),
            _ => return None,
        };
        quantities.push(QuantityHealth { quantity, left, right, dead, spectral_radius });
    }
    Some(LayerHealth { layer, direction, proposal, quantities })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Direction;

    #[test]
    fn instruments_are_restored_and_a_truncated_payload_is_rejected() {
        let health = |quantity: &str, spectral_radius| QuantityHealth {
            quantity: quantity.into(),
            left: 0.25,
            right: 1.0,
            dead: 0.0,
            spectral_radius,
        };
        let quantities = vec![health("h", None), health("z", Some(1.25)), health("candidate", Some(0.0))];
        let direction = Some(Direction::Backward);
        let layer = LayerHealth { layer: 3, direction, proposal: "candidate".into(), quantities };
        let norms =
            ParamNorms { name: "3.bwd.bias".into(), weight: 0.0, gradient: f64::INFINITY, update: 1e-300 };
        let read = Instruments { step: 41, layers: vec![layer], params: vec![norms], clipped_norm: None };
        let clipped = Instruments { clipped_norm: Some(0.5), ..read.clone() };
        let mut payload = Vec::new();
        put(&mut payload, &read);
        let unclipped = payload.len();
        assert_eq!(take(&mut PayloadReader(&payload), 41).as_ref(), Some(&read));
        payload.clear();
        put(&mut payload, &clipped);
        assert_eq!(take(&mut PayloadReader(&payload), 41), Some(clipped));
        let cut = |n: usize| take(&mut PayloadReader(&payload[..n]), 41);
        assert!((0..payload.len()).all(|n| cut(n).is_none() == (n != unclipped)));
    }
}

//! Embeddings that begin with vectors which others have learnt.

use ndarray::ArrayView2;

use super::step::Stepper;
use crate::data::{Coverage, Data, DataError, Vectors, Vocabulary};
use crate::nn::{Embedding, InputRef, LayerSpec, PretrainedVectors};
use crate::preset::RunSpec;

/// The Embeddings of `spec` that begin with vectors: the number of the layer, the layer, and where the vectors are.
fn pretrained(spec: &RunSpec) -> impl Iterator<Item = (usize, &Embedding, &PretrainedVectors)> {
    spec.model.iter().enumerate().filter_map(|(i, placed)| match &placed.spec {
        LayerSpec::Embedding(layer) => layer.vectors.as_ref().map(|vectors| (i, layer, vectors)),
        _ => None,
    })
}

/// Checks that the files of vectors are there and fit: reading the data may take minutes.
///
/// # Errors
/// When a file is missing, is none of vectors, or has vectors of another length than the layer.
pub(super) fn check(spec: &RunSpec) -> Result<(), DataError> {
    for (i, layer, PretrainedVectors { path, needs }) in pretrained(spec) {
        let width = Vectors::width(path, needs.as_deref())?;
        if width != layer.output_dim {
            return Err(DataError::Content {
                path: path.clone(),
                line: Some(1),
                found: format!("vectors of {width} numbers"),
                expected: format!("{}, as model.{i}.output_dim says; it may be left out", layer.output_dim),
            });
        }
    }
    Ok(())
}

/// Puts the vectors of the vocabulary's words in their places; how much of it each file knows. The row of padding becomes 0.
///
/// # Errors
/// When a file is not as it must be.
pub(super) fn begin(
    spec: &RunSpec,
    data: &Data,
    stepper: &mut Stepper,
    progress: &mut dyn FnMut(String),
) -> Result<Vec<Coverage>, DataError> {
    let mut coverages = Vec::new();
    for (i, layer, PretrainedVectors { path, needs }) in pretrained(spec) {
        let Some((vocabulary, rows)) = read_by(spec, data, i) else { continue };
        progress(format!("reading {}", path.display()));
        let vectors = Vectors::read(path, needs.as_deref(), vocabulary, progress)?;
        let padding = vec![0.0; layer.output_dim];
        let padding = (Vocabulary::PADDING, padding.as_slice());
        let known = [padding].into_iter().chain(vectors.rows());
        stepper.set_rows(i, layer.output_dim, known.map(|(id, row)| (id as usize, row)));
        coverages.push(vectors.coverage(vocabulary, rows));
    }
    Ok(coverages)
}

/// The vocabulary and the ids, `[sequence, time]`, that layer `i` reads: of the channel that it names, or the only ones.
fn read_by<'d>(spec: &RunSpec, data: &'d Data, i: usize) -> Option<(&'d Vocabulary, ArrayView2<'d, u32>)> {
    let vocabularies = data.vocabularies.as_ref()?;
    let Some(InputRef::Channel(name)) = spec.model.get(i)?.inputs.first() else {
        return Some((vocabularies.first(), data.train.inputs.tokens()?));
    };
    let channels = &spec.tokens.as_ref()?.channels;
    let channel = channels.iter().position(|channel| channel.name() == name)?;
    Some((vocabularies.of(name)?, data.train.inputs.channel(channel)?))
}

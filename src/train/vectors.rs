//! Embeddings with pretrained vectors.

use ndarray::ArrayView2;

use crate::data::{Coverage, Data, DataError, Vectors, Vocabulary};
use crate::nn::{Embedding, InputRef, LayerSpec, PretrainedVectors};
use crate::preset::RunSpec;
use crate::step::Stepper;

/// The Embeddings of `spec` with pretrained vectors: the index of the layer, the layer, and the file of the vectors.
fn pretrained(spec: &RunSpec) -> impl Iterator<Item = (usize, &Embedding, &PretrainedVectors)> {
    spec.model.iter().enumerate().filter_map(|(i, placed)| match &placed.spec {
        LayerSpec::Embedding(layer) => layer.vectors.as_ref().map(|vectors| (i, layer, vectors)),
        _ => None,
    })
}

/// Checks the files of vectors, before reading the data takes minutes.
///
/// # Errors
/// When a file is missing, is not a file of vectors, or its vectors have another dimension than the layer.
pub(super) fn check(spec: &RunSpec) -> Result<(), DataError> {
    for (i, layer, PretrainedVectors { path, needs }) in pretrained(spec) {
        let width = Vectors::width(path, needs.as_deref())?;
        if width != layer.output_dim {
            return Err(DataError::Content {
                path: path.clone(),
                line: Some(1),
                found: format!("vectors of {width} numbers"),
                expected: format!("{}, as in model.{i}.output_dim, which may be omitted", layer.output_dim),
            });
        }
    }
    Ok(())
}

/// Initializes the embeddings with the vectors of the vocabulary; returns the coverage of each file. The row of padding becomes 0.
///
/// # Errors
/// When a file is invalid.
pub(super) fn initialize(
    spec: &RunSpec,
    data: &Data,
    stepper: &mut Stepper,
    progress: &mut dyn FnMut(String),
) -> Result<Vec<Coverage>, DataError> {
    let mut coverages = Vec::new();
    for (i, layer, PretrainedVectors { path, needs }) in pretrained(spec) {
        let Some((vocabulary, rows)) = inputs_of(spec, data, i) else { continue };
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

/// The vocabulary and the ids, `[sequence, time]`, of the input of layer `i`: those of its channel, or the only ones.
fn inputs_of<'d>(spec: &RunSpec, data: &'d Data, i: usize) -> Option<(&'d Vocabulary, ArrayView2<'d, u32>)> {
    let vocabularies = data.vocabularies.as_ref()?;
    let Some(InputRef::Channel(name)) = spec.model.get(i)?.inputs.first() else {
        return Some((vocabularies.first(), data.train.inputs.tokens()?));
    };
    let channels = &spec.tokens.as_ref()?.channels;
    let channel = channels.iter().position(|channel| channel.name() == name)?;
    Some((vocabularies.of(name)?, data.train.inputs.channel(channel)?))
}

use super::Stepper;
use crate::nn::NonFiniteSearch;
use crate::optim::Clip;
use crate::protocol::{NonFinite, Phase};

/// A loss, a gradient or a weight that is not finite.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{what} is not finite{}: the learning rate may be too high{}", place(non_finite.as_deref()), if *is_clipped {
    ", although gradients are clipped: try a tenth of it"
} else {
    ", or gradients need clipping (global_clipnorm: 1.0)"
})]
pub struct DivergedError {
    /// `the loss`, `the gradient of 1.recurrent_kernel`, or `1.recurrent_kernel` itself.
    pub what: String,
    /// Whether gradients are clipped, and not only to a size that is too large itself.
    pub is_clipped: bool,
    /// The first number of the step that is not finite, if there was a step.
    pub non_finite: Option<Box<NonFinite>>,
    /// The loss of its batch with the penalty, and the L2 norm of its gradient.
    pub measured: (f64, f64),
}

fn place(first: Option<&NonFinite>) -> String {
    match first.filter(|first| first.phase != Phase::Loss) {
        Some(first) => format!("; first, {first}"),
        None => String::new(),
    }
}

impl Stepper {
    /// The error of the batch that was just processed and whose update is not made. What the batch began with is as it was before: the
    /// carried states of stateful layers; `seed_step` and `weight` are those of the batch.
    pub(super) fn fail(
        &mut self,
        what: Option<String>,
        (seed_step, weight): (u64, f64),
        measured: (f64, f64),
    ) -> DivergedError {
        let mut first = self.search(|search| search.weights());
        if first.is_none() {
            // Once more, observed at every time step and each shard with memory of its own: the same numbers.
            self.work.iter_mut().for_each(|work| work.shard.rewind_states());
            self.run_passes(seed_step, weight, true);
            let loss = || NonFinite::new(Phase::Loss, "loss", measured.0 as f32);
            let loss = (!measured.0.is_finite()).then(loss);
            let gradient = &self.gradient;
            first = self.search(|search| search.forward().or(loss).or_else(|| search.backward(gradient)));
        }
        self.work.iter_mut().for_each(|work| work.shard.rewind_states());
        let what =
            what.unwrap_or_else(|| match self.not_finite(self.gradient.values(), |param| param.trainable) {
                Some(name) => format!("the gradient of {name}"),
                None => "the norm of the gradient".into(),
            });
        DivergedError {
            what,
            is_clipped: self.clip.is_some_and(Clip::is_effective),
            non_finite: first.map(Box::new),
            measured,
        }
    }

    fn search(&self, search: impl FnOnce(&NonFiniteSearch<'_>) -> Option<NonFinite>) -> Option<NonFinite> {
        let shards = self.work.iter().map(|work| (work.first_row, &work.shard, &work.norms)).collect();
        search(&NonFiniteSearch { model: &self.model, params: &self.params, shards })
    }

    /// Checks that the weights are finite after an update: [`Stepper::step`] notices it in the next loss only, and not at all without
    /// a further batch.
    ///
    /// # Errors
    /// [`DivergedError`] for the first tensor that is not finite.
    pub fn check(&self) -> Result<(), DivergedError> {
        let Some(name) = self.not_finite(self.params.values(), |_| true) else { return Ok(()) };
        let non_finite = self.search(|search| search.weights()).map(Box::new);
        let (what, measured) = (name.to_owned(), (f64::NAN, f64::NAN));
        Err(DivergedError {
            what,
            is_clipped: self.clip.is_some_and(Clip::is_effective),
            non_finite,
            measured,
        })
    }
}

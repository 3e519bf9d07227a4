use super::probes::Probes;
use super::step::Stepper;
use crate::data::{Batch, Data, TokenSpec};
use crate::preset::WatchSpec;
use crate::protocol::{Event, GradientProfile, Instruments, ProbeText, half_life};

/// Watched steps between two on which the spectral radii of large layers are measured.
const RADII_EVERY: u64 = 10;

/// What is read off the network after watched steps, and when.
#[derive(Debug)]
pub struct Watch {
    every: u64,
    probes: Probes,
}

impl Watch {
    /// As `spec` asks for it, of a network that learns from `data`; texts are read as `tokens` says.
    pub fn new(spec: &WatchSpec, tokens: Option<&TokenSpec>, data: &Data, stepper: &Stepper) -> Self {
        let probes = Probes::new(&spec.probes, tokens, data, stepper.model(), stepper.params());
        Self { every: spec.every as u64, probes }
    }

    /// The sequences that the network is probed with.
    pub fn probes(&self) -> &[ProbeText] {
        &self.probes.texts
    }

    /// Whether the step after `steps` others is to be watched.
    pub fn is_due(&self, steps: u64) -> bool {
        steps.is_multiple_of(self.every)
    }

    /// Whether it is one of the few on which the spectral radii of large layers are measured.
    pub fn measures_all_radii(&self, steps: u64) -> bool {
        steps.is_multiple_of(self.every.saturating_mul(RADII_EVERY))
    }

    /// Tells the gradient norm per unrolled step, and what else the instruments say, of the watched step number `step` (from 1), which
    /// `stepper` has just made with `batch`.
    pub fn profile(
        &self,
        stepper: &mut Stepper,
        batch: &Batch,
        step: u64,
        all_radii: bool,
        tell: &mut dyn FnMut(Event),
    ) {
        // A position is masked when it is padding in every sequence of the batch, and the layer is told.
        let padding = batch.padding();
        let params = stepper.param_norms().to_vec();
        let (model, weights, norms, ways, team) = stepper.watched();
        for (layer, direction, hnorm) in norms.hnorms() {
            let masked = model.is_masked(layer).then_some(padding.as_slice());
            let half_life = half_life(&hnorm, masked);
            let way = ways.iter().find(|way| (way.layer, way.direction) == (layer, direction));
            let kernel_norm = way.map_or_else(Vec::new, |way| way.kernel_norms(team));
            let profile = GradientProfile { step, layer, direction, hnorm, kernel_norm, half_life };
            tell(Event::Gradient(profile));
        }
        let layers = ways.iter().map(|way| way.health(weights, all_radii, team)).collect();
        tell(Event::Instruments(Box::new(Instruments { step, layers, params })));
    }

    /// Tells what the network makes of every probe after `step` updates.
    pub fn probe(&mut self, stepper: &Stepper, step: u64, tell: &mut dyn FnMut(Event)) {
        for frame in self.probes.look(stepper.model(), stepper.params(), step) {
            tell(Event::Probe(Box::new(frame)));
        }
    }
}

use std::time::Duration;

use super::probes::Probes;
use super::step::Stepper;
use crate::data::{Data, TokenSpec, Vocabulary};
use crate::infer::Generator;
use crate::metrics::half_life;
use crate::nn::RecurrentTrace;
use crate::preset::{RunSpec, SampleSpec, WatchSpec};
use crate::protocol::{Event, GradientProfile, Instruments, ProbeText, Sample};
use crate::rng::Rng;

/// The least time between two watched steps while a pace is kept: two frames of the screen are not nearer.
const SEEN: Duration = Duration::from_millis(66);
/// Watched steps between two on which the spectral radii of large layers are measured.
const RADII_EVERY: u64 = 10;

/// What is read off the network after watched steps, and when.
#[derive(Debug)]
pub struct Watch {
    every: u64,
    probes: Probes,
    samples: Option<Samples>,
}

/// What a language model is to write, and the means to do so.
#[derive(Debug)]
struct Samples {
    generator: Generator,
    ask: SampleSpec,
    seed: u64,
    /// The step of the last.
    last: u64,
}

impl Watch {
    /// As `spec` asks for it, of a network that learns from `data`; texts are read as `tokens` says.
    pub fn new(spec: &WatchSpec, tokens: Option<&TokenSpec>, data: &Data, stepper: &Stepper) -> Self {
        let probes = Probes::new(&spec.probes, tokens, data, stepper.model(), stepper.params());
        Self { every: spec.every as u64, probes, samples: None }
    }

    /// The same with the samples that `spec` asks for, of a language model that knows `vocabulary`.
    #[must_use]
    pub fn with_samples(self, spec: &RunSpec, vocabulary: Option<&Vocabulary>) -> Self {
        let samples = spec.watch.sample.clone().zip(vocabulary).and_then(|(ask, vocabulary)| {
            // A spec that was checked asks for them only where there can be any.
            let generator = Generator::new(spec, vocabulary.clone()).ok()?;
            Some(Samples { generator, ask, seed: spec.train.seed, last: 0 })
        });
        Self { samples, ..self }
    }

    /// Tells, after `step` updates in `epoch`, how a language model goes on with what it is given; `ended` says whether the epoch has.
    pub fn sample(
        &mut self,
        stepper: &Stepper,
        (epoch, step): (usize, u64),
        ended: bool,
        tell: &mut dyn FnMut(Event),
    ) {
        let Some(Samples { generator, ask, seed, last }) = &mut self.samples else { return };
        let due = ended || ask.every.is_some_and(|every| step.is_multiple_of(every));
        if !due || *last == step {
            return;
        }
        *last = step;
        // The draws of each sample hang on its step alone: none changes what comes after.
        let (mut rng, mut text) = (Rng::new(*seed, "sample", step), String::new());
        generator.generate(stepper.params(), ask, &mut rng, |token| text.push_str(token));
        tell(Event::Sample(Sample { step, epoch, prime: ask.prime.clone(), text }));
    }

    /// The sequences that the network is probed with.
    pub fn probes(&self) -> &[ProbeText] {
        &self.probes.texts
    }

    /// Whether the step after `steps` others is to be watched. Steps that are slowed down to a `pace`, which is the time of one, have
    /// time to be watched as often as a screen is drawn.
    pub fn is_due(&self, steps: u64, pace: Option<Duration>) -> bool {
        steps.is_multiple_of(self.every(pace))
    }

    /// Whether it is one of the few on which the spectral radii of large layers are measured.
    pub fn measures_all_radii(&self, steps: u64, pace: Option<Duration>) -> bool {
        steps.is_multiple_of(self.every(pace).saturating_mul(RADII_EVERY))
    }

    /// Steps from one watched to the next.
    fn every(&self, pace: Option<Duration>) -> u64 {
        let seen = |pace: Duration| SEEN.as_nanos().div_ceil(pace.as_nanos().max(1)).max(1);
        pace.map_or(self.every, |pace| self.every.min(u64::try_from(seen(pace)).unwrap_or(u64::MAX)))
    }

    /// Tells the gradient norm per unrolled step, and what else the instruments say, of the watched step number `step` (from 1), which
    /// `stepper` has just made.
    pub fn profile(&self, stepper: &mut Stepper, step: u64, all_radii: bool, tell: &mut dyn FnMut(Event)) {
        let params = stepper.param_norms().to_vec();
        let (_, weights, norms, ways, team) = stepper.watched();
        for (layer, direction, hnorm) in norms.hnorms() {
            let way = ways.iter().find(|way| (way.layer, way.direction) == (layer, direction));
            let padding = way.and_then(RecurrentTrace::padding);
            let half_life = half_life(&hnorm, padding.as_deref());
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

use std::time::Duration;

use super::probes::{Detail, Probes};
use super::weight_distributions::distributions;
use crate::data::{Data, TokenSpec, Vocabularies, Vocabulary};
use crate::infer::Generator;
use crate::metrics::half_life;
use crate::nn::RecurrentTrace;
use crate::preset::{RunSpec, SampleSpec, WatchSpec};
use crate::protocol::{
    Event, GradientProfile, Instruments, LayerUnit, ProbeChange, ProbeText, Sample, WeightDistributions,
};
use crate::rng::Rng;
use crate::step::Stepper;

/// The minimum time between two monitored steps at a pace, that of two frames of the screen.
const FRAME_TIME: Duration = Duration::from_millis(66);
/// The interval, in monitored steps, of measuring what takes longer: spectral radii of large layers, and the weights of large networks.
const THOROUGH_EVERY: u64 = 10;
/// Up to so many weights their distributions take almost no time.
const FREE_WEIGHTS: usize = 1 << 15;

/// Steps after which a language model shows its first samples, however long an epoch is.
const EARLY: [u64; 4] = [1, 10, 100, 1000];

/// Reads the instruments of the network after monitored steps.
#[derive(Debug)]
pub struct Watch {
    every: u64,
    probes: Probes,
    samples: Option<Samples>,
    /// The unit whose responses are measured.
    pub(super) unit: Option<LayerUnit>,
    /// The word whose neighbours are shown: `Some(None)` for the most frequent words.
    pub(super) neighbours_of: Option<Option<String>>,
}

/// The settings and the generator of samples of a language model.
#[derive(Debug)]
struct Samples {
    generator: Generator,
    settings: SampleSpec,
    seed: u64,
    /// The step of the last sample.
    last: u64,
    /// Whether one is due after the next step.
    is_due: bool,
}

impl Watch {
    /// Creates the instruments of `spec` for a network trained on `data` in batches of `batch_size`; texts are encoded by `tokens`.
    pub fn new(
        spec: &WatchSpec,
        tokens: Option<&TokenSpec>,
        (data, batch_size): (&Data, usize),
        stepper: &Stepper,
    ) -> Self {
        let network = (stepper.model(), stepper.params(), stepper.threads());
        let probes = Probes::new((spec, batch_size), tokens, data, network);
        Self { every: spec.every as u64, probes, samples: None, unit: None, neighbours_of: None }
    }

    /// Adds the samples of `spec`, of a language model with this `vocabulary`.
    #[must_use]
    pub fn with_samples(self, spec: &RunSpec, vocabulary: Option<&Vocabulary>) -> Self {
        let samples = spec.watch.sample.clone().zip(vocabulary).and_then(|(settings, vocabulary)| {
            // A checked spec has samples for language models only.
            let generator = Generator::new(spec, vocabulary.clone()).ok()?;
            Some(Samples { generator, settings, seed: spec.train.seed, last: 0, is_due: false })
        });
        Self { samples, ..self }
    }

    /// Publishes a sample of a language model after `step` updates in `epoch`, if it is due; `ended` is whether the epoch has ended.
    pub fn sample(
        &mut self,
        stepper: &Stepper,
        (epoch, step): (usize, u64),
        ended: bool,
        publish: &mut dyn FnMut(Event),
    ) {
        let Some(Samples { settings, last, is_due, .. }) = &mut self.samples else { return };
        let due = ended
            || std::mem::take(is_due)
            || EARLY.contains(&step)
            || settings.every.is_some_and(|every| step.is_multiple_of(every));
        if !due || *last == step {
            return;
        }
        *last = step;
        self.sample_now(stepper, (epoch, step), publish);
    }

    /// Publishes a sample of a language model after `step` updates in `epoch`, due or not.
    pub fn sample_now(
        &mut self,
        stepper: &Stepper,
        (epoch, step): (usize, u64),
        publish: &mut dyn FnMut(Event),
    ) {
        let Some(Samples { generator, settings, seed, .. }) = &mut self.samples else { return };
        // The random stream of a sample depends on its step alone: no sample changes another.
        let (mut rng, mut text) = (Rng::new(*seed, "sample", step), String::new());
        let candidates = generator.candidates(stepper.params(), &settings.prime, Sample::CANDIDATES);
        generator.generate(stepper.params(), settings, &mut rng, |token| text.push_str(token));
        let (prime, temperature) = (settings.prime.clone(), settings.temperature);
        publish(Event::Sample(Sample { step, epoch, prime, text, temperature, candidates }));
    }

    /// Samples from another beginning or at another temperature from here on, and after the next step. Returns whether there are samples.
    pub fn set_sample(&mut self, prime: Option<&str>, temperature: Option<f64>) -> bool {
        let has_samples = self.restore_sample(prime, temperature);
        self.samples.iter_mut().for_each(|samples| samples.is_due = true);
        has_samples
    }

    /// The beginning of samples with `token` behind it.
    ///
    /// # Errors
    /// Why it cannot be longer by that, in words.
    pub fn extended(&self, token: &str) -> Result<String, String> {
        let Some(Samples { generator, settings, .. }) = &self.samples else {
            return Err("the preset has no watch.sample: nothing is sampled".into());
        };
        let extended = generator.extended(&settings.prime, token);
        extended.ok_or_else(|| format!("the network does not know the token {token:?}"))
    }

    /// As [`set_sample`](Self::set_sample), where the sample after the next step was made before.
    pub fn restore_sample(&mut self, prime: Option<&str>, temperature: Option<f64>) -> bool {
        let Some(Samples { settings, .. }) = &mut self.samples else { return false };
        if let Some(prime) = prime {
            prime.clone_into(&mut settings.prime);
        }
        settings.temperature = temperature.unwrap_or(settings.temperature);
        true
    }

    /// Adds a text to the probes; returns it as encoded, or `None` where probes are no texts.
    pub fn add_probe(
        &mut self,
        text: &str,
        encoding: (&Vocabularies, &TokenSpec),
        stepper: &Stepper,
    ) -> Option<ProbeText> {
        self.probes.add(text, encoding, (stepper.model(), stepper.params()))
    }

    /// Adds a probe once more with a change; returns it as encoded.
    ///
    /// # Errors
    /// Why it cannot be changed so, in words.
    pub fn vary_probe(
        &mut self,
        probe: usize,
        change: &ProbeChange,
        encoding: (&Vocabularies, Option<&TokenSpec>),
        stepper: &Stepper,
    ) -> Result<ProbeText, String> {
        self.probes.vary(probe, change, encoding, (stepper.model(), stepper.params()))
    }

    /// The step of the last sample of a language model; 0 without any.
    pub fn last_sample(&self) -> u64 {
        self.samples.as_ref().map_or(0, |samples| samples.last)
    }

    /// Goes on after the sample of a step.
    pub fn set_last_sample(&mut self, step: u64) {
        self.samples.iter_mut().for_each(|samples| samples.last = step);
    }

    /// The probe sequences.
    pub fn probes(&self) -> &[ProbeText] {
        &self.probes.texts
    }

    /// Whether the step after `steps` steps is monitored. Steps slowed down to a `pace`, the time of a step, are monitored as often as a
    /// screen is drawn.
    pub fn is_due(&self, steps: u64, pace: Option<Duration>) -> bool {
        steps.is_multiple_of(self.every(pace))
    }

    /// What is measured on it: a step made after `steps` others that is monitored for another reason than its number has the usual.
    pub fn detail(&self, steps: u64, pace: Option<Duration>) -> Detail {
        let every = self.every(pace);
        Detail::Reading(if steps.is_multiple_of(every) { steps / every } else { 1 })
    }

    /// The intervals, in monitored steps, of what is not measured at each of them: ascending.
    pub fn intervals(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.probes.intervals().chain([THOROUGH_EVERY]).collect();
        all.retain(|interval| *interval > 1);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The interval of monitored steps.
    fn every(&self, pace: Option<Duration>) -> u64 {
        let per_frame = |pace: Duration| FRAME_TIME.as_nanos().div_ceil(pace.as_nanos().max(1)).max(1);
        pace.map_or(self.every, |pace| self.every.min(u64::try_from(per_frame(pace)).unwrap_or(u64::MAX)))
    }

    /// Publishes the gradient norms per unrolled step, and the other instruments, of the monitored step number `step` (from 1), the last step
    /// of `stepper`.
    pub fn profile(&self, stepper: &mut Stepper, step: u64, detail: Detail, publish: &mut dyn FnMut(Event)) {
        let thorough = detail.is_due(THOROUGH_EVERY);
        let (params, clipped_norm) = (stepper.param_norms().to_vec(), stepper.clipped_norm());
        let (_, weights, norms, traces, pool) = stepper.watched();
        for (layer, direction, [hnorm, cnorm]) in norms.norms() {
            let trace = traces.iter().find(|trace| (trace.layer, trace.direction) == (layer, direction));
            let padding = trace.map_or_else(Vec::new, RecurrentTrace::padding);
            let half_life = half_life(&hnorm, &padding);
            let kernel_norm = trace.map_or_else(Vec::new, |trace| trace.kernel_norms(pool));
            let profile =
                GradientProfile { step, layer, direction, hnorm, kernel_norm, cnorm, padding, half_life };
            publish(Event::Gradient(profile));
        }
        let layers = traces.iter().map(|trace| trace.health(weights, thorough, pool)).collect();
        publish(Event::Instruments(Box::new(Instruments { step, layers, params, clipped_norm })));
        if thorough || weights.values().len() <= FREE_WEIGHTS {
            let tensors = distributions(weights, pool);
            publish(Event::Weights(Box::new(WeightDistributions { step, tensors })));
        }
    }

    /// Publishes the activations and predictions of every probe after `step` updates.
    pub fn probe(
        &mut self,
        stepper: &mut Stepper,
        step: u64,
        detail: Detail,
        publish: &mut dyn FnMut(Event),
    ) {
        for frame in self.probes.frames(stepper.evaluated(), step, detail) {
            publish(Event::Probe(Box::new(frame)));
        }
    }
}

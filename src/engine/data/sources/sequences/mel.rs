//! Log-mel spectra of sound.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

/// The length of a window and the hop between windows, in seconds.
const WINDOW: f64 = 0.025;
const HOP: f64 = 0.010;
/// The lower bound of energies.
const FLOOR: f32 = 1e-6;

/// Turns sound into frames of log energies, one for each band of the mel scale:
///
/// ```text
/// X  = FFT of 25 ms · Hann, padded with zeros to a power of two           a frame every 10 ms
/// e  = ln max(Σₖ wₖ·|Xₖ|², 10⁻⁶)
/// w  triangles of height 1, linear in hertz, whose corners are evenly spaced on the mel scale from 0 to rate/2
/// mel(f) = 2595·log₁₀(1 + f/700)                                          (O'Shaughnessy; HTK's)
/// Hann: ½ − ½·cos(2πn/N), n < N
/// ```
/// The triangles are those of `librosa.filters.mel(htk=True, norm=None)`. There are `1 + ⌊(samples − window)/hop⌋` frames; shorter
/// sound is padded with zeros to one.
#[derive(Clone)]
pub(super) struct Mel {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    hop: usize,
    /// For each band the first bin, and the weights from there on.
    bands: Vec<(usize, Vec<f32>)>,
}

impl Mel {
    /// Creates the filters of `bands` bands for a sample rate of `rate` Hz; `None` if a band has no bin.
    pub fn new(rate: u32, bands: usize) -> Option<Self> {
        let samples = |seconds: f64| (f64::from(rate) * seconds).round().max(1.0) as usize;
        let size = samples(WINDOW);
        let length = size.next_power_of_two();
        let hann = |n: usize| (0.5 - 0.5 * (2.0 * PI * n as f64 / size as f64).cos()) as f32;
        let bands = triangles(rate, bands, length);
        // Every band needs a bin.
        let fine = bands.len() <= length && bands.iter().all(|(_, weights)| !weights.is_empty());
        fine.then(|| Self {
            fft: RealFftPlanner::new().plan_fft_forward(length),
            window: (0..size).map(hann).collect(),
            hop: samples(HOP),
            bands,
        })
    }

    /// `[frame, band]`.
    pub fn frames(&self, sound: &[f32]) -> Vec<f32> {
        let (size, mut input) = (self.window.len(), self.fft.make_input_vec());
        let (mut spectrum, mut scratch) = (self.fft.make_output_vec(), self.fft.make_scratch_vec());
        let mut all = Vec::with_capacity(self.count(sound.len()) * self.bands.len());
        for frame in 0..self.count(sound.len()) {
            input.fill(0.0);
            let part = sound.get(frame * self.hop..).unwrap_or_default();
            for ((to, x), window) in input.iter_mut().zip(part).zip(&self.window).take(size) {
                *to = x * window;
            }
            // The lengths are those of the plan.
            if self.fft.process_with_scratch(&mut input, &mut spectrum, &mut scratch).is_err() {
                unreachable!("buffers are made by the plan");
            }
            let energy = |(first, weights): &(usize, Vec<f32>)| {
                let bins = spectrum.get(*first..).unwrap_or_default();
                weights.iter().zip(bins).map(|(w, bin)| w * Complex32::norm_sqr(bin)).sum::<f32>()
            };
            all.extend(self.bands.iter().map(|band| energy(band).max(FLOOR).ln()));
        }
        all
    }

    /// The number of frames of `samples` samples.
    pub fn count(&self, samples: usize) -> usize {
        samples.saturating_sub(self.window.len()) / self.hop + 1
    }

    /// The range of frames of `sound` that remains when those at both ends are removed whose power is more than `decibels` below that of the
    /// loudest frame.
    pub fn trim(&self, sound: &[f32], decibels: f64) -> std::ops::Range<usize> {
        let power = |frame: usize| {
            let part = sound.get(frame * self.hop..).unwrap_or_default();
            part.iter().take(self.window.len()).map(|x| f64::from(*x).powi(2)).sum::<f64>()
        };
        let powers: Vec<f64> = (0..self.count(sound.len())).map(power).collect();
        let least = powers.iter().fold(0.0, |a: f64, b| a.max(*b)) * 10_f64.powf(-decibels / 10.0);
        let loud = |power: &f64| *power >= least;
        let first = powers.iter().position(loud).unwrap_or(0);
        first..powers.iter().rposition(loud).map_or(powers.len(), |last| last + 1)
    }
}

/// The first bin and the weights of each band, for a spectrum of `length` samples.
fn triangles(rate: u32, bands: usize, length: usize) -> Vec<(usize, Vec<f32>)> {
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let hertz = |mel: f64| 700.0 * (10_f64.powf(mel / 2595.0) - 1.0);
    let most = mel(f64::from(rate) / 2.0);
    let corner = |i: usize| hertz(most * i as f64 / (bands + 1) as f64);
    let band = |i: usize| {
        let (low, middle, high) = (corner(i), corner(i + 1), corner(i + 2));
        let weight = |bin: usize| {
            let frequency = bin as f64 * f64::from(rate) / length as f64;
            ((frequency - low) / (middle - low)).min((high - frequency) / (high - middle)).max(0.0)
        };
        let inside = |bin: &usize| weight(*bin) > 0.0;
        let first = (0..=length / 2).find(inside).unwrap_or(0);
        (first, (first..=length / 2).take_while(inside).map(|bin| weight(bin) as f32).collect())
    };
    (0..bands.min(length + 1)).map(band).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tones, and their energies by a sum of 256 complex exponentials per bin and `numpy.interp` over the
    /// corners, in f64.
    #[test]
    fn frames_agree_with_the_formula() {
        let tones = |n: usize| {
            let t = 2.0 * PI * n as f64 / 8_000.0;
            (0.5 * (440.0 * t).sin() + 0.25 * (2_100.0 * t + 0.3).cos()) as f32
        };
        let sound: Vec<f32> = (0..520).map(tones).collect();
        let frames = Mel::new(8_000, 6).unwrap().frames(&sound);
        assert_eq!(frames.len(), 5 * 6);
        let first = [5.62103, 6.82849, -3.42743, -5.28515, 5.61528, 3.23488];
        let fourth = [5.62103, 6.82849, -3.42186, -5.28453, 5.61528, 3.23488];
        for (frame, expected) in [(0, first), (3, fourth)] {
            for (a, b) in frames[frame * 6..].iter().zip(expected) {
                assert!((a - b).abs() < 2e-4, "frame {frame}: {a} for {b}");
            }
        }
    }

    #[test]
    fn silence_is_the_floor_and_short_sound_one_frame() {
        let mel = Mel::new(16_000, 40).unwrap();
        assert_eq!((mel.count(0), mel.count(400), mel.count(559), mel.count(560)), (1, 1, 1, 2));
        assert!(mel.frames(&[0.0; 10]).iter().all(|e| *e == FLOOR.ln()));
        assert!(Mel::new(16_000, 400).is_none(), "more bands than bins");
        assert!(Mel::new(16_000, 1_000_000).is_none());
    }

    #[test]
    fn trimming_removes_quiet_ends_alone() {
        let mel = Mel::new(16_000, 40).unwrap();
        let burst =
            |n: usize| if (4_000..6_000).contains(&n) || (8_000..9_000).contains(&n) { 0.5 } else { 1e-4 };
        let sound: Vec<f32> = (0..16_000).map(burst).collect();
        // Frames that overlap samples 4,000 to 8,999; one with little overlap may be too quiet.
        let loud = mel.trim(&sound, 30.0);
        assert!((23..=24).contains(&loud.start) && (56..=57).contains(&loud.end), "{loud:?}");
        assert_eq!(mel.trim(&[0.0; 1_000], 30.0), 0..mel.count(1_000));
    }
}

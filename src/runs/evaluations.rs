use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::progress::EvaluationLine;
use crate::durable;
use crate::metrics::Metrics;

/// The beginnings of the lines of evaluations.
const KINDS: [(&[u8], bool); 2] = [(b"{\"kind\":\"epoch\"", true), (b"{\"kind\":\"validation\"", false)];

/// An evaluation of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The number of updates before it.
    pub step: u64,
    /// Epochs that have ended.
    pub epochs: u64,
    /// Seconds of all epochs that have ended.
    pub seconds: f64,
    /// The metrics, by name.
    pub metrics: Metrics,
}

/// Reads the evaluations of the run in the folder `run`, in their order. Lines that cannot be read are left out.
///
/// # Errors
/// If its metrics cannot be read.
pub fn evaluations(run: &Path) -> io::Result<Vec<Evaluated>> {
    let file: File = durable::open_regular(&run.join("metrics.jsonl"))?;
    let mut input = BufReader::with_capacity(256 * 1024, file);
    let (mut found, mut line, mut total) = (Vec::new(), Vec::new(), 0.0);
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        let Some((_, is_epoch)) = KINDS.iter().find(|(kind, _)| line.starts_with(kind)) else { continue };
        let Ok(EvaluationLine { step, epoch, seconds, metrics, .. }) = serde_json::from_slice(&line) else {
            continue;
        };
        if *is_epoch {
            total += seconds;
        }
        let epochs = if *is_epoch { epoch } else { epoch.saturating_sub(1) } as u64;
        found.push(Evaluated { step, epochs, seconds: total, metrics });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_are_those_of_epochs_and_of_validations_within_them() {
        let dir = tempfile::tempdir().unwrap();
        let text = concat!(
            "{\"kind\":\"step\",\"step\":1,\"epoch\":1,\"loss\":0.7}\n",
            "{\"kind\":\"epoch\",\"step\":8,\"epoch\":1,\"seconds\":2.0,\"loss\":0.6,\"val_loss\":0.5}\n",
            "{\"kind\":\"validation\",\"step\":12,\"epoch\":2,\"seconds\":1.0,\"val_loss\":0.3}\n",
            "{\"kind\":\"epoch\",\"step\":16,\"epoch\":2,\"seconds\":3.0,\"loss\":0.4,\"val_loss\":null}\n",
            "{\"kind\":\"epoch\",\"step\":24,\"epoch\":3,\"seco",
        );
        std::fs::write(dir.path().join("metrics.jsonl"), text).unwrap();
        let found = evaluations(dir.path()).unwrap();
        let places: Vec<_> = found.iter().map(|found| (found.step, found.epochs, found.seconds)).collect();
        assert_eq!(places, [(8, 1, 2.0), (12, 1, 2.0), (16, 2, 5.0)]);
        assert_eq!(found[1].metrics.get("val_loss"), Some(0.3));
    }
}

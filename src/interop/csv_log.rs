//! The epochs of a run as Keras's `CSVLogger` writes them.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::protocol::EpochMetrics;

/// Returns `epoch,accuracy,loss,val_accuracy,val_loss`, the metrics in the order of their names, and a line for each epoch, counted from 0
/// as Keras does. A metric that an epoch has not is `NA`.
pub fn csv_log(epochs: &[EpochMetrics]) -> String {
    let names: BTreeSet<&str> = epochs.iter().flat_map(|epoch| epoch.metrics.names()).collect();
    let mut out = String::from("epoch");
    names.iter().for_each(|name| {
        out.push(',');
        out.push_str(name);
    });
    for epoch in epochs {
        let _ = write!(out, "\n{}", epoch.epoch.saturating_sub(1));
        for name in &names {
            let _ = match epoch.get(name) {
                // The shortest decimal that is read back as the same number.
                Some(value) => write!(out, ",{value:?}"),
                None => write!(out, ",NA"),
            };
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn lines_are_those_of_csv_logger() {
        let epoch = |epoch, values: &[(&str, f64)]| {
            let mut metrics = Metrics::default();
            values.iter().for_each(|(name, value)| metrics.set(*name, *value));
            EpochMetrics { epoch, metrics, ..Default::default() }
        };
        let epochs = [
            epoch(1, &[("loss", 0.7131471805599453), ("val_loss", 0.5), ("accuracy", 1.0)]),
            epoch(2, &[("loss", f64::NAN), ("accuracy", 2.5e-8)]),
        ];
        let expected = "epoch,accuracy,loss,val_loss\n0,1.0,0.7131471805599453,0.5\n1,2.5e-8,NaN,NA\n";
        assert_eq!(csv_log(&epochs), expected);
        assert_eq!(csv_log(&[]), "epoch\n");
    }
}

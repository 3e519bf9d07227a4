use crate::metrics::Metrics;
use crate::number;

/// A line for each training, then the mean and the sample standard deviation of every metric that all of them have.
pub(super) fn summary(trainings: &[(String, Metrics)]) -> Vec<String> {
    let n = trainings.len() as f64;
    let first = trainings.iter().take(1).flat_map(|(_, metrics)| metrics.names());
    // The name of each metric, and its values: one per training, then mean and deviation.
    let columns: Vec<(&str, Vec<f64>)> = first
        .filter_map(|name| {
            let mut values: Vec<f64> =
                trainings.iter().map(|(_, metrics)| metrics.get(name)).collect::<Option<_>>()?;
            let mean = values.iter().sum::<f64>() / n;
            let squares = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
            let std = (squares / (n - 1.0).max(1.0)).sqrt();
            values.extend([mean, std]);
            Some((name, values))
        })
        .collect();
    let line = |(i, title): (usize, &str)| {
        let cell = |(name, values): &(&str, Vec<f64>)| format!("{name} {}", number::named(name, values[i]));
        format!("{title:10}  {}", columns.iter().map(cell).collect::<Vec<_>>().join("  "))
    };
    let titles = trainings.iter().map(|(title, _)| title.as_str()).chain(["mean", "std"]);
    titles.enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained(name: &str, metrics: &[(&str, f64)]) -> (String, Metrics) {
        let known = [("loss", 0.5), ("accuracy", 1.0)];
        (name.to_owned(), known.iter().chain(metrics).copied().collect())
    }

    #[test]
    fn mean_and_deviation_are_those_worked_out_by_hand() {
        let fold = |name, val_loss, val_accuracy| {
            trained(name, &[("val_loss", val_loss), ("val_accuracy", val_accuracy), ("val_f1", 0.25)])
        };
        let trainings = [fold("fold-1", 0.2, 0.5), fold("fold-2", 0.4, 0.7), fold("fold-3", 0.6, 0.6)];
        assert_eq!(
            summary(&trainings),
            [
                "fold-1      loss 0.5000  accuracy 100.0 %  val_loss 0.2000  val_accuracy 50.0 %  val_f1 0.2500",
                "fold-2      loss 0.5000  accuracy 100.0 %  val_loss 0.4000  val_accuracy 70.0 %  val_f1 0.2500",
                "fold-3      loss 0.5000  accuracy 100.0 %  val_loss 0.6000  val_accuracy 60.0 %  val_f1 0.2500",
                "mean        loss 0.5000  accuracy 100.0 %  val_loss 0.4000  val_accuracy 60.0 %  val_f1 0.2500",
                "std         loss 0  accuracy 0.0 %  val_loss 0.2000  val_accuracy 10.0 %  val_f1 0",
            ]
        );
        // A metric that not all have has no mean.
        let trainings = [trained("seed-1", &[("val_f1", 0.5)]), trained("seed-2", &[])];
        assert!(summary(&trainings).iter().all(|line| !line.contains("val_f1")));
    }
}

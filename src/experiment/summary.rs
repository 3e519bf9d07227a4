use crate::metrics::{Metrics, mean_and_deviation};
use crate::number;

/// A training's name, and its metrics or why it has none.
pub(super) type Training = (String, Result<Metrics, String>);

/// A line for each training, then the mean and the sample standard deviation of every metric that all finished ones have; `planned` is the
/// number of trainings that were to be made.
pub(super) fn summary(trainings: &[Training], planned: usize) -> Vec<String> {
    let finished: Vec<&Metrics> = trainings.iter().filter_map(|(_, result)| result.as_ref().ok()).collect();
    let first = finished.iter().take(1).flat_map(|metrics| metrics.names());
    // The name of each metric, and its values: one per training, then mean and deviation.
    let columns: Vec<(&str, Vec<f64>)> = first
        .filter_map(|name| {
            let mut values: Vec<f64> =
                finished.iter().map(|metrics| metrics.get(name)).collect::<Option<_>>()?;
            let (mean, deviation) = mean_and_deviation(&values)?;
            values.extend([mean, deviation.unwrap_or(0.0)]);
            Some((name, values))
        })
        .collect();
    let line = |title: &str, i: usize| {
        let cell = |(name, values): &(&str, Vec<f64>)| format!("{name} {}", number::named(name, values[i]));
        format!("{title:10}  {}", columns.iter().map(cell).collect::<Vec<_>>().join("  "))
    };
    let mut row = 0;
    let mut lines = Vec::new();
    for (title, result) in trainings {
        lines.push(match result {
            Ok(_) => line(title, row),
            Err(why) => format!("{title:10}  {why}"),
        });
        row += usize::from(result.is_ok());
    }
    if row > 0 {
        lines.extend([line("mean", row), line("std", row + 1)]);
    }
    if row < planned {
        let planned = number::counted(planned, "training");
        lines.push(match row {
            0 => format!("none of {planned} finished"),
            _ => format!("{row} of {planned} finished; mean and std are of those that finished"),
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained(name: &str, metrics: &[(&str, f64)]) -> Training {
        let known = [("loss", 0.5), ("accuracy", 1.0)];
        (name.to_owned(), Ok(known.iter().chain(metrics).copied().collect()))
    }

    #[test]
    fn mean_and_deviation_are_those_worked_out_by_hand() {
        let fold = |name, val_loss, val_accuracy| {
            trained(name, &[("val_loss", val_loss), ("val_accuracy", val_accuracy), ("val_f1", 0.25)])
        };
        let trainings = [fold("fold-1", 0.2, 0.5), fold("fold-2", 0.4, 0.7), fold("fold-3", 0.6, 0.6)];
        assert_eq!(
            summary(&trainings, 3),
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
        assert!(summary(&trainings, 2).iter().all(|line| !line.contains("val_f1")));
    }

    #[test]
    fn a_training_that_diverged_is_named_and_has_no_part_in_the_mean() {
        let diverged = ("seed-2".to_owned(), Err("diverged: step 3: the loss is not finite".to_owned()));
        let all = [trained("seed-1", &[]), diverged.clone(), trained("seed-3", &[])];
        assert_eq!(
            summary(&all, 4),
            [
                "seed-1      loss 0.5000  accuracy 100.0 %",
                "seed-2      diverged: step 3: the loss is not finite",
                "seed-3      loss 0.5000  accuracy 100.0 %",
                "mean        loss 0.5000  accuracy 100.0 %",
                "std         loss 0  accuracy 0.0 %",
                "2 of 4 trainings finished; mean and std are of those that finished",
            ]
        );
        assert_eq!(summary(&[diverged], 1).last().unwrap(), "none of 1 training finished");
    }
}

//! The learning curves of a sweep over fractions of the training data, in words.

use serde_json::{Value, json};

use super::print::{say, short};
use crate::cli::ScreenArgs;
use crate::cli::error::CliResult;
use crate::cli::runs::print_table;
use crate::experiment::{CurvePoint, FittedCurve, LearningCurve, SweepStatus};
use crate::metrics::mean_interval;
use crate::number;
use crate::runs::{Column, Statistic, Table};

/// Prints a table and a sentence for each of the `curves`.
pub(super) fn print(curves: &[LearningCurve], status: &SweepStatus, screen: ScreenArgs) -> CliResult<()> {
    for curve in curves {
        say(&head(curve));
        print_table(&table(curve, &status.metric), screen)?;
        match &curve.fit {
            Ok(fit) => sentences(fit, &status.metric).iter().for_each(|line| say(line)),
            Err(why) => say(&format!("a learning curve cannot be fitted: {why}")),
        }
    }
    Ok(())
}

/// A curve as JSON: what is fitted, or why nothing is.
pub(super) fn json(curve: &LearningCurve) -> Value {
    match &curve.fit {
        Err(why) => json!({ "reason": why }),
        Ok(fit) => json!({
            "floor": fit.law.floor,
            "scale": fit.law.scale,
            "exponent": fit.law.exponent,
            "explained": fit.explained,
            "is_inverted": fit.is_inverted,
            "rows": fit.rows,
            "now": fit.now,
            "doubled": fit.doubled,
            "interval": fit.interval.map(|(low, high)| [low, high]),
            "repeats": fit.repeats,
            "reason": "",
        }),
    }
}

fn head(curve: &LearningCurve) -> String {
    let set = curve.set.iter().map(|set| match set.split_once('=') {
        Some((key, value)) => format!("{}={value}", short(key)),
        None => set.clone(),
    });
    let set: Vec<String> = set.collect();
    let with = if set.is_empty() { String::new() } else { format!(" with {}", set.join(" ")) };
    format!("by the share of the training data{with}:")
}

fn table(curve: &LearningCurve, metric: &str) -> Table {
    let cells = |cell: &dyn Fn(&CurvePoint) -> String| curve.points.iter().map(cell).collect();
    let values = |point: &CurvePoint| point.values.iter().map(|(_, value)| *value).collect::<Vec<f64>>();
    let reached = |point: &CurvePoint| {
        Statistic::of(&values(point)).map_or(String::new(), |statistic| statistic.text(metric))
    };
    let interval = |point: &CurvePoint| {
        let value = |x: f64| number::named(metric, x);
        mean_interval(&values(point))
            .map_or(String::new(), |(low, high)| format!("{} … {}", value(low), value(high)))
    };
    let rows = |point: &CurvePoint| point.rows.map_or(String::new(), |rows| number::count(rows as u64));
    Table::new(vec![
        Column::number("fraction", 9, cells(&|point| number::percent(point.fraction))),
        Column::number("rows", 9, cells(&rows)),
        Column::number(metric.to_owned(), 9, cells(&reached)),
        Column::number("95 % interval of the mean", 5, cells(&interval)),
        Column::number("finished", 7, cells(&|point| format!("{}/{}", point.values.len(), point.trials))),
    ])
}

/// What a fitted curve says.
fn sentences(fit: &FittedCurve, metric: &str) -> Vec<String> {
    let value = |x: f64| number::named(metric, x);
    let error = if fit.is_inverted { format!("1 − {metric}") } else { metric.to_owned() };
    let law = format!(
        "fitted: {error} = {} + {} · rows^−{:.2}, which explains {:.0} % of the differences (R²)",
        number::metric(fit.law.floor),
        number::metric(fit.law.scale),
        fit.law.exponent,
        fit.explained * 100.0
    );
    let doubled = format!(
        "with twice the data, {} rows, {metric} would be about {}; with {} it is {}",
        number::count(2 * fit.rows as u64),
        value(fit.doubled),
        number::count(fit.rows as u64),
        value(fit.now)
    );
    let interval = match fit.interval {
        None => "no interval: it needs three seeds that finished with every fraction, as in --seeds 1..3"
            .to_owned(),
        Some((low, high)) => {
            let is_better = if fit.is_inverted { fit.now < low } else { fit.now > high };
            let so = match is_better {
                true => "more data would help",
                false => "whether more data would help is not certain",
            };
            format!(
                "95 % interval {} … {} (percentiles of a bootstrap over {}): {so}",
                value(low),
                value(high),
                number::counted(fit.repeats, "repeat")
            )
        }
    };
    vec![law, doubled, interval]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::PowerLaw;

    #[test]
    fn a_curve_is_json_with_what_was_fitted_or_the_reason() {
        let fit = FittedCurve {
            law: PowerLaw { floor: 0.25, scale: 2.5, exponent: 0.5 },
            explained: 0.9,
            rows: 400,
            now: 0.375,
            doubled: 0.3384,
            interval: Some((0.33, 0.35)),
            repeats: 3,
            is_inverted: false,
        };
        let curve = |fit| LearningCurve { set: Vec::new(), points: Vec::new(), fit };
        let found = json(&curve(Ok(fit)));
        assert_eq!((&found["floor"], &found["rows"]), (&json!(0.25), &json!(400)));
        assert_eq!((&found["interval"], &found["reason"]), (&json!([0.33, 0.35]), &json!("")));
        assert_eq!(json(&curve(Err("too few".into()))), json!({ "reason": "too few" }));
    }

    #[test]
    fn twice_the_data_are_put_in_words() {
        let law = PowerLaw { floor: 0.25, scale: 2.5, exponent: 0.5 };
        let fit = FittedCurve {
            law,
            explained: 0.987,
            rows: 10_000,
            now: 0.275,
            doubled: 0.2677,
            interval: Some((0.262, 0.271)),
            repeats: 5,
            is_inverted: false,
        };
        assert_eq!(
            sentences(&fit, "val_loss"),
            [
                "fitted: val_loss = 0.2500 + 2.5000 · rows^−0.50, which explains 99 % of the differences (R²)",
                "with twice the data, 20,000 rows, val_loss would be about 0.2677; with 10,000 it is 0.2750",
                "95 % interval 0.2620 … 0.2710 (percentiles of a bootstrap over 5 repeats): more data would help",
            ]
        );
        let unsure = FittedCurve { interval: Some((0.262, 0.28)), ..fit.clone() };
        assert!(sentences(&unsure, "val_loss")[2].ends_with("not certain"));
        let accuracy =
            FittedCurve { is_inverted: true, now: 0.9, doubled: 0.92, interval: Some((0.91, 0.93)), ..fit };
        let words = sentences(&accuracy, "val_accuracy");
        assert!(
            words[0].starts_with("fitted: 1 − val_accuracy = ") && words[2].ends_with("would help"),
            "{words:?}"
        );
        assert!(words[1].contains("about 92.0 %; with 10,000 it is 90.0 %"), "{words:?}");
        let one = FittedCurve { interval: None, ..accuracy };
        assert!(sentences(&one, "val_accuracy")[2].starts_with("no interval"));
    }
}

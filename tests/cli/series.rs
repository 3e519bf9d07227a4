//! Series: forecast and evaluation, in separate processes.

use std::f64::consts::TAU;
use std::fmt::Write;

use super::*;

/// So many months of sales that grow by 1 % a month, with a season, and of a price, from January 2001 on.
fn table(months: u32) -> String {
    let mut text = "month,price,sold\n".to_owned();
    for n in 0..months {
        let season = 1.0 + 0.3 * (TAU * f64::from(n) / 12.0).sin();
        let sold = 1000.0 * 1.01_f64.powi(n as i32) * season;
        writeln!(text, "{}-{:02},{},{sold}", 2001 + n / 12, n % 12 + 1, 5 + n % 3).unwrap();
    }
    text
}

const PRESET: &str = "title: t
data: {source: series, path: sold.csv, values: [sold, price], targets: [sold], window: 12, horizon: 2, log: true, difference: true,
  season: 12, validation: 0.3}
model: [{layer: LSTM, units: 16, kernel_regularizer: {l2: 0.00001}}, {layer: Dense, units: 2}]
train: {loss: mean_squared_error, optimizer: {name: Adam, learning_rate: 0.01}, batch_size: 8, epochs: 20}
";

/// A folder with a run `a` of a forecaster.
fn learnt() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("sold.csv"), table(120)).unwrap();
    fs::write(at.join("sold.yaml"), PRESET).unwrap();
    ends(unrolled(at, &["train", "sold.yaml", "--run", "runs/a"]), 0);
    folder
}

fn json(command: Command) -> Value {
    serde_json::from_str(&ends(command, 0).0).unwrap()
}

fn message(forecast: &Value, row: usize) -> f64 {
    forecast["forecast"][row]["values"]["sold"].as_f64().unwrap()
}

#[test]
fn a_series_is_forecast_in_its_units_and_dates_from_the_run_folder_alone() {
    let folder = learnt();
    let at = folder.path();
    let own = json(unrolled(at, &["predict", "a", "--json"]));
    assert_eq!((own["n_rows"].as_u64(), own["last_date"].as_str()), (Some(120), Some("2010-12")));
    let dates = [0, 1].map(|row| own["forecast"][row]["date"].as_str().unwrap().to_owned());
    assert_eq!(dates, ["2011-01", "2011-02"]);
    assert!(own["forecast"][0]["values"]["price"].is_null(), "price is known, not forecast");

    fs::remove_file(at.join("sold.csv")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(at.join("runs/a"), elsewhere.path().join("moved")).unwrap();
    let at = elsewhere.path();
    let (_, error) = ends(unrolled(at, &["predict", "moved"]), 2);
    assert!(error.contains("sold.csv: not found; ") && error.contains("predict RUN SERIES.csv"), "{error}");
    fs::write(at.join("same.csv"), table(120)).unwrap();
    fs::write(at.join("shorter.csv"), table(118)).unwrap();
    let (out, _) = ends(unrolled(at, &["predict", "moved", "--json", "same.csv", "shorter.csv"]), 0);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["forecast"], own["forecast"]);
    // The true values of the two months that the shorter series lacks.
    let came: Vec<f64> =
        table(120).lines().skip(119).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    for (row, came) in came.iter().enumerate() {
        assert!((message(&lines[1], row) / came - 1.0).abs() < 0.1, "{} {came}", lines[1]);
    }
    let (out, _) = ends(unrolled(at, &["predict", "moved", "same.csv"]), 0);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines[0], lines[1].trim()), ("same.csv: 120 rows, the last 2010-12", "sold"));
    assert!(lines.len() == 4 && lines[3].starts_with("2011-02  "), "{out}");

    // Irregular dates are not continued.
    let gaps: String = table(120)
        .lines()
        .filter(|line| !line.contains("-08,"))
        .fold(String::new(), |all, line| all + line + "\n");
    fs::write(at.join("gaps.csv"), gaps).unwrap();
    let irregular = json(unrolled(at, &["predict", "moved", "--json", "gaps.csv"]));
    assert!(irregular["forecast"][0]["date"].is_null() && message(&irregular, 0) > 0.0);
    let (out, _) = ends(unrolled(at, &["predict", "moved", "gaps.csv"]), 0);
    assert!(out.lines().last().unwrap().starts_with("+2  "), "{out}");

    fs::write(at.join("short.csv"), table(12)).unwrap();
    fs::write(at.join("zero.csv"), table(40) + "2004-05,0,7\n").unwrap();
    fs::write(at.join("other.csv"), table(40).replace("sold", "bought")).unwrap();
    for (args, error) in [
        (
            &["short.csv"][..],
            "short.csv: found 12 rows to forecast from; expected at least 13: a window, and one more for its",
        ),
        (&["zero.csv"], "zero.csv:42: found \"0\" in column 2 (\"price\"); expected a number above 0"),
        (
            &["other.csv"],
            "other.csv:1: found the columns \"month\", \"price\", \"bought\"; expected a column \"sold\"",
        ),
        (&["none.csv"], "none.csv: not found"),
        (&["--per-token", "same.csv"], "forecasts series of numbers; omit --per-token"),
    ] {
        let (_, found) = ends(unrolled(at, &[&["predict", "moved"], args].concat()), 2);
        assert!(found.contains(error), "{found}");
    }
}

#[test]
fn a_forecaster_is_evaluated_in_the_units_of_the_series_as_in_training() {
    let folder = learnt();
    let at = folder.path();
    let judged = json(unrolled(at, &["evaluate", "a", "--json", "--mistakes", "3"]));
    let lines = metrics(&at.join("runs/a"));
    let of = |kind: &str| lines.iter().rfind(|line| line["kind"] == kind).unwrap();
    let epoch = of("epoch");
    for (ours, theirs) in [
        (&judged["loss"], &epoch["val_loss"]),
        (&judged["network"]["sold"]["rmse"], &epoch["val_rmse"]),
        (&judged["network"]["sold"]["mae"], &epoch["val_mae"]),
        (&judged["last"]["sold"]["rmse"], &epoch["val_rmse_last"]),
        (&judged["seasonal"]["sold"]["mae"], &epoch["val_mae_seasonal"]),
    ] {
        let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
        assert!((ours - theirs).abs() < 1e-6 * theirs.abs().max(1.0), "{ours} {theirs}");
    }
    // 36 rows held out, forecast two at a time.
    assert_eq!((judged["n_samples"].as_u64(), judged["horizon"].as_u64()), (Some(35), Some(2)));
    let worst = judged["mistakes"].as_array().unwrap();
    let rmse = |at: usize| worst[at]["rmse"]["sold"].as_f64().unwrap();
    assert!(worst.len() == 3 && rmse(0) >= rmse(1) && rmse(1) >= rmse(2), "{worst:?}");
    let step = |at: usize, of: &str| worst[0]["steps"][at][of]["sold"].as_f64().unwrap();
    let squares = [0, 1].map(|at| (step(at, "predicted") - step(at, "actual")).powi(2));
    assert!((rmse(0) - (squares.iter().sum::<f64>() / 2.0).sqrt()).abs() < 1e-9);

    fs::write(at.join("other.csv"), table(40)).unwrap();
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--data", "other.csv", "--mistakes", "1"]), 0);
    // From the fourteenth row on.
    assert!(out.contains("other.csv: 26 forecasts of 2 rows"), "{out}");
    assert!(out.contains("one season before") && out.contains("last value"), "{out}");
    assert!(out.lines().last().unwrap().contains("sold: rmse "), "{out}");

    fs::write(at.join("short.csv"), table(14)).unwrap();
    let (_, error) = ends(unrolled(at, &["evaluate", "a", "--data", "short.csv"]), 2);
    assert!(error.contains("short.csv: found 14 rows to forecast from; expected at least 15"), "{error}");
    for (set, message) in [
        ("data.values=[price, sold]", "data.values: found price, sold; expected sold, price, as in training"),
        ("data.window=6", "data.window: found 6; expected 12, as in training"),
        ("data.horizon=1", "data.horizon: found 1; expected 2, as in training"),
        ("data.log=false", "data.log: found false; expected true, as in training"),
        ("data.difference=false", "data.difference: found false; expected true, as in training"),
    ] {
        let (_, error) = ends(unrolled(at, &["evaluate", "a", "--set", set]), 2);
        assert!(error.contains(message), "{error}");
    }
    ends(unrolled(at, &["evaluate", "a", "--set", "data.window=12"]), 0);

    // 84 rows come before the first forecast.
    let judged = json(unrolled(at, &["evaluate", "a", "--json", "--set", "data.season=90"]));
    assert_eq!(judged["no_seasonal"]["season"].as_u64(), Some(90), "{judged}");
    assert!(judged["seasonal"].is_null() && judged["no_seasonal"]["reason"].is_string(), "{judged}");
}

/// So many months from January 2001 on, `01/28/2001;1.234,50`: the month first, and a comma before fractions.
fn foreign_table(months: u32) -> String {
    let mut text = "day;sold\n".to_owned();
    for n in 0..months {
        let (year, month, thousands) = (2001 + n / 12, n % 12 + 1, 1 + n % 7);
        writeln!(text, "{month:02}/28/{year};{thousands}.{:03},50", 100 + n).unwrap();
    }
    text
}

const FOREIGN: &str = "title: t
data: {source: series, path: sold.csv, values: [sold], window: 3, validation: 0.3}
model: [{layer: LSTM, units: 4}, {layer: Dense, units: 1}]
train: {loss: mean_squared_error, optimizer: {name: Adam, learning_rate: 0.01}, batch_size: 8, epochs: 2}
";

#[test]
fn an_ambiguous_file_is_read_in_the_notation_of_the_training_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("sold.csv"), foreign_table(60)).unwrap();
    fs::write(at.join("sold.yaml"), FOREIGN).unwrap();
    ends(unrolled(at, &["train", "sold.yaml", "--run", "runs/a"]), 0);
    // Points between thousands alone, and dates in order whichever part is the month.
    let whole: String = (1..=12).map(|n| format!("01/{n:02}/2006;2.{:03}\n", 800 + n)).collect();
    let whole = "day;sold\n".to_owned() + &whole;
    fs::write(at.join("whole.csv"), &whole).unwrap();
    let forecast = json(unrolled(at, &["predict", "a", "--json", "whole.csv"]));
    assert_eq!(forecast["last_date"].as_str(), Some("2006-01-12"));
    assert!(message(&forecast, 0) > 500.0, "{forecast}");
    let judged = json(unrolled(at, &["evaluate", "a", "--json", "--data", "whole.csv"]));
    assert!(judged["mistakes"][0]["steps"][0]["actual"]["sold"].as_f64().unwrap() > 1000.0, "{judged}");

    fs::write(at.join("points.csv"), foreign_table(24).replace('.', "").replace(',', ".")).unwrap();
    fs::write(at.join("days.csv"), whole + "28/01/2006;2.900\n").unwrap();
    for (file, error) in [
        (
            "points.csv",
            "points.csv:2: found \"1100.50\" in column 2 (\"sold\"); expected a number with the decimal separator “,”",
        ),
        (
            "days.csv",
            "days.csv:14: found \"28/01/2006\" as the date in column 1; expected a date that exists",
        ),
    ] {
        let (_, found) = ends(unrolled(at, &["predict", "a", file]), 2);
        assert!(found.contains(error), "{found}");
    }

    // With another number of rows the latest part would include training rows.
    fs::write(at.join("sold.csv"), foreign_table(50)).unwrap();
    let (_, error) = ends(unrolled(at, &["evaluate", "a"]), 2);
    assert!(
        error.contains("sold.csv: found 50 rows; expected 60 as in training") && error.contains("--data"),
        "{error}"
    );
    ends(unrolled(at, &["evaluate", "a", "--data", "sold.csv"]), 0);

    // A run of an earlier version has no such entry, and no checksum of the file.
    let path = at.join("runs/a/scale.json");
    let mut scale: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let series = scale.as_object_mut().unwrap().remove("series").unwrap();
    assert_eq!(series, serde_json::json!({"rows": 60, "date_order": "mdy", "decimal": ","}));
    fs::write(path, scale.to_string()).unwrap();
    without_checksums(&at.join("runs/a"));
    ends(unrolled(at, &["evaluate", "a"]), 0);
    let (_, error) = ends(unrolled(at, &["predict", "a", "whole.csv"]), 2);
    assert!(error.contains("any part may be the month"), "{error}");
}

#[test]
fn a_diverged_run_gives_an_error_instead_of_a_forecast() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let rows: String = (0..60).map(|n| format!("{n};{}\n", n % 7 + 5)).collect();
    fs::write(at.join("sold.csv"), "n;sold\n".to_owned() + &rows).unwrap();
    fs::write(at.join("sold.yaml"), FOREIGN).unwrap();
    let wild = ["data.log=true", "train.optimizer={name: SGD, learning_rate: 1e38}"];
    let (out, _) = ends(train(at, "sold.yaml", "runs/a", &wild), 3);
    assert!(out.contains("diverged"), "{out}");
    for args in [&["predict", "a"][..], &["predict", "a", "--json"], &["evaluate", "a"]] {
        let (out, error) = ends(unrolled(at, args), 2);
        assert!(out.is_empty() && error.contains("is not finite: training diverged"), "{out}{error}");
    }
}

#[test]
fn a_stream_of_rows_is_forecast_as_the_window_would_and_goes_on_from_a_saved_state() {
    let folder = learnt();
    let at = folder.path();
    let stream = |args: &[&str], input: &str| {
        let output =
            fed(unrolled(at, &[&["predict", "a", "--stream", "--json"], args].concat()), input.as_bytes());
        let lines = json_lines(&output.stdout);
        (lines, output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    // The last window, and the row before it, of which the first change is made: `sold,price`, as in data.values.
    let rows: Vec<String> = table(120)
        .lines()
        .skip(1 + 120 - 13)
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|cells| format!("{},{}", cells[2], cells[1]))
        .collect();
    let (answers, code, error) = stream(&[], &(rows.join("\n") + "\n"));
    assert_eq!((code, error), (Some(0), String::new()));
    assert!(answers[0]["forecast"].is_null(), "there is no change yet: {}", answers[0]);
    assert_eq!((answers.len(), &answers[12]["rows_read"]), (13, &Value::from(12)));
    let own = json(unrolled(at, &["predict", "a", "--json"]));
    for row in [0, 1] {
        let (streamed, whole) = (message(&answers[12], row), message(&own, row));
        assert!((streamed / whole - 1.0).abs() < 1e-5, "{streamed} {whole}");
    }
    // One process a row, by names, to the same numbers.
    for (n, row) in rows.iter().enumerate() {
        let (sold, price) = row.split_once(',').unwrap();
        let object = format!("{{\"price\": {price}, \"sold\": {sold}}}\n");
        let (lines, ..) = stream(&["--jsonl", "--state", "state.json"], &object);
        assert_eq!(lines[0], answers[n]);
    }
    // A state whose rows are too few for a change, or no numbers of a series.
    let state: Value = serde_json::from_slice(&fs::read(at.join("state.json")).unwrap()).unwrap();
    for few in [serde_json::json!([]), serde_json::json!([[1.0]])] {
        let mut other = state.clone();
        other["rows"] = few;
        fs::write(at.join("other.json"), other.to_string()).unwrap();
        let (_, code, error) = stream(&["--state", "other.json"], "1,1\n");
        assert!(
            code == Some(2) && error.contains("its rows are not those of a series of 2 numbers"),
            "{error}"
        );
    }
    let (out, _) = ends(unrolled(at, &["predict", "a", "--stream", &rows[0], &rows[1]]), 0);
    assert!(out.contains("no forecast") && out.contains("  +1 sold ") && out.contains("  +2 sold "), "{out}");
    for (input, expected) in [
        ("1000\n", "row 1: found 1 number in `1000`; expected 2 numbers: `sold`, `price`"),
        ("1000,many\n", "row 1: found `many`; expected 2 numbers"),
        ("1000,1\n-3,1\n", "row 2: found -3 for \"sold\"; expected a number above 0, for its logarithm"),
    ] {
        let (_, code, error) = stream(&[], input);
        assert!(code == Some(2) && error.contains(expected), "{error}");
    }
    let (_, code, error) = stream(&["--jsonl"], "{\"sold\": 3}\n");
    assert!(code == Some(2) && error.contains("found no number `price`"), "{error}");
    fs::write(
        at.join("both.yaml"),
        PRESET.replace(
            "{layer: LSTM, units: 16, kernel_regularizer: {l2: 0.00001}}",
            "{layer: Bidirectional, of: {layer: LSTM, units: 4}}",
        ),
    )
    .unwrap();
    ends(unrolled(at, &["train", "both.yaml", "--run", "both", "--set", "train.epochs=1"]), 0);
    let (_, error) = ends(unrolled(at, &["predict", "both", "--stream", "1,2"]), 2);
    assert!(error.contains("Bidirectional reads more than one step at a time"), "{error}");
}

use std::fmt::Write;
use std::path::Path;

use super::*;

fn spec(path: &Path) -> SeriesSpec {
    SeriesSpec {
        path: path.to_owned(),
        date: None,
        values: vec!["y".into()],
        targets: Vec::new(),
        window: 3,
        horizon: 2,
        log: false,
        difference: Difference::default(),
        fill: None,
        season: None,
        validation: 0.25,
        date_order: None,
        decimal: None,
        encoding: Encoding::Utf8,
        needs: None,
    }
}

/// A file with the columns `n,y,z`: y given by `y`, z its negative.
fn file(rows: usize, y: impl Fn(usize) -> f64) -> tempfile::NamedTempFile {
    let mut text = "n,y,z\n".to_owned();
    (0..rows).for_each(|n| writeln!(text, "{n},{},{}", y(n), -y(n)).unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn tables(data: &Dataset) -> (&Array3<f32>, &Array2<f32>) {
    match (&data.inputs, &data.targets) {
        (Inputs::Real(inputs), Targets::Real(targets)) => (inputs, targets),
        other => panic!("{other:?}"),
    }
}

#[test]
fn windows_precede_their_targets_and_the_scale_excludes_the_held_out_part() {
    let file = file(20, |n| n as f64);
    let data = spec(file.path()).load(None, Fraction::ALL, &mut |_| {}).unwrap();
    let (train, held_out) = (&data.train, data.validation.as_ref().unwrap());
    // 15 rows for training: the last window that ends with them begins at 10. 5 held out: forecasts of 15…16 to 18…19.
    assert_eq!((train.len(), held_out.len()), (11, 4));
    let (mean, deviation) = (7.0, (224.0_f64 / 12.0).sqrt());
    let scaled = |n: usize| ((n as f64 - mean) / deviation) as f32;
    let (inputs, targets) = tables(train);
    assert!(inputs.iter().take(4).zip([0, 1, 2, 1].map(scaled)).all(|(a, b)| (a - b).abs() < 1e-6));
    assert!(targets.row(10).iter().zip([13, 14].map(scaled)).all(|(a, b)| (a - b).abs() < 1e-6));
    let (inputs, targets) = tables(held_out);
    assert!((inputs[(0, 2, 0)] - scaled(14)).abs() < 1e-6 && (targets[(3, 1)] - scaled(19)).abs() < 1e-6);
}

#[test]
fn the_targets_have_no_error_with_any_transform() {
    let file = file(60, |n| 50.0 + n as f64 + 9.0 * (n as f64).sin());
    for (log, difference) in [(false, 0), (true, 0), (false, 1), (true, 1), (false, 3), (true, 7)] {
        let spec =
            SeriesSpec { log, difference: Difference::of(difference), horizon: 4, ..spec(file.path()) };
        let data = spec.load(None, Fraction::ALL, &mut |_| {}).unwrap();
        let (forecasts, (_, targets)) = (data.forecasts.unwrap(), tables(data.validation.as_ref().unwrap()));
        let mut errors = forecasts.errors();
        for (i, row) in targets.rows().into_iter().enumerate() {
            forecasts.add_errors(i, &row.to_vec(), &mut errors);
        }
        let [(name, rmse, mae)] = errors.all().collect::<Vec<_>>()[..] else { panic!("one target") };
        assert!(name == "y" && rmse < 1e-4 && mae < 1e-4, "{log} {difference}: {rmse}");
        // An error of one deviation in the first step of the first forecast is in the units of the series.
        let mut row = targets.row(0).to_vec();
        row[0] += 1.0;
        assert!(
            (forecasts.inverse_transform(0, &row)[0]
                - forecasts.inverse_transform(0, &targets.row(0).to_vec())[0])
                .abs()
                > 0.01
        );
    }
}

#[test]
fn baselines_are_the_last_value_and_that_of_the_last_season() {
    // Up by one a row, and a tooth every fourth.
    let file = file(40, |n| n as f64 + if n % 4 == 0 { 10.0 } else { 0.0 });
    let spec = SeriesSpec { season: Some(4), horizon: 6, window: 8, ..spec(file.path()) };
    let forecasts = spec.load(None, Fraction::ALL, &mut |_| {}).unwrap().forecasts.unwrap();
    let [last, seasonal] = forecasts.baselines() else { panic!("two") };
    assert_eq!((last.name, seasonal.name), ("last", "seasonal"));
    // A season before each of the first four steps, two seasons before the other two.
    let (_, rmse, mae) = seasonal.errors.all().next().unwrap();
    let steps = [4.0_f64, 4.0, 4.0, 4.0, 8.0, 8.0];
    assert!((mae - steps.iter().sum::<f64>() / 6.0).abs() < 1e-9, "{mae}");
    assert!((rmse - (steps.iter().map(|e| e * e).sum::<f64>() / 6.0).sqrt()).abs() < 1e-9, "{rmse}");
    assert!(last.errors.all().next().unwrap().1 > rmse);
}

#[test]
fn no_window_spans_a_gap_unless_it_is_filled() {
    let rows = (0..40).map(|n| if n == 15 { format!("{n},,0\n") } else { format!("{n},{n},0\n") });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "n,y,z\n".to_owned() + &rows.collect::<String>()).unwrap();
    let spec = spec(file.path());
    let open = spec.load(None, Fraction::ALL, &mut |_| {}).unwrap();
    // Of 26 windows in 30 rows those with row 15 among their 3 inputs and 2 targets are left out.
    assert_eq!(open.train.len(), 21);
    assert!(open.notes[0].starts_with("1 gap, of 1 row, before 16: no window spans one"), "{:?}", open.notes);
    let (inputs, targets) = tables(&open.train);
    let step = inputs[(0, 1, 0)] - inputs[(0, 0, 0)];
    let all = |x: &Array3<f32>| x.iter().all(|x| x.is_finite());
    assert!(all(inputs) && targets.iter().all(|x| x.is_finite()));
    assert!((0..21).all(|i| (inputs[(i, 2, 0)] - inputs[(i, 0, 0)] - 2.0 * step).abs() < 1e-5));
    let filled = SeriesSpec { fill: Some(Fill::Linear), ..spec.clone() }
        .load(None, Fraction::ALL, &mut |_| {})
        .unwrap();
    assert_eq!(filled.train.len(), 26);
    let (inputs, _) = tables(&filled.train);
    assert!((0..26).all(|i| (inputs[(i, 2, 0)] - inputs[(i, 0, 0)] - 2.0 * step).abs() < 0.01));
    let dropped =
        SeriesSpec { fill: Some(Fill::Drop), ..spec }.load(None, Fraction::ALL, &mut |_| {}).unwrap();
    assert_eq!(dropped.train.len(), 25);
}

#[test]
fn several_variables_are_read_and_the_targets_are_forecast() {
    let file = file(40, |n| n as f64);
    let spec =
        SeriesSpec { values: vec!["z".into(), "y".into()], targets: vec!["y".into()], ..spec(file.path()) };
    let form = spec.form(None);
    assert_eq!(form.inputs, InputForm::Real { time: 3, features: 2 });
    assert_eq!(form.targets, TargetForm::Real(2));
    let data = spec.load(None, Fraction::ALL, &mut |_| {}).unwrap();
    let (inputs, targets) = tables(&data.train);
    assert!((inputs[(0, 0, 0)] + inputs[(0, 0, 1)]).abs() < 1e-6, "z is the negative of y, scaled too");
    assert!(targets[(0, 1)] > targets[(0, 0)]);
}

#[test]
fn invalid_settings_and_short_series_are_errors() {
    let file = file(9, |n| n as f64);
    let good = spec(file.path());
    let specs = [
        ("window: 0", SeriesSpec { window: 0, ..good.clone() }),
        ("values: []", SeriesSpec { values: vec![], ..good.clone() }),
        ("targets: [q]", SeriesSpec { targets: vec!["q".into()], ..good.clone() }),
        ("validation: 1", SeriesSpec { validation: 1.0, ..good.clone() }),
        ("window: 8 of 9 rows", SeriesSpec { window: 8, ..good.clone() }),
        ("horizon: 3 of 9 rows", SeriesSpec { horizon: 3, ..good.clone() }),
    ];
    let entries = specs.map(|(setting, spec)| {
        let error =
            spec.check().and_then(|()| spec.load(None, Fraction::ALL, &mut |_| {}).map(drop)).unwrap_err();
        (setting, error.to_string().replace(&*file.path().to_string_lossy(), "FILE"))
    });
    crate::messages::assert_messages("series_settings", entries);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        bytes in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::strategy::Just(b'\n'), proptest::strategy::Just(b','), proptest::strategy::Just(b'-'),
                b'0'..=b'9', proptest::prelude::any::<u8>(),
            ],
            0..80,
        ),
        difference in proptest::bool::ANY,
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [b"n,y\n", bytes.as_slice()].concat()).unwrap();
        let spec = SeriesSpec { window: 1, horizon: 1, log: difference, difference: Difference::of(usize::from(difference)), ..spec(file.path()) };
        if let Ok(data) = spec.load(None, Fraction::ALL, &mut |_| {}) {
            let (inputs, targets) = tables(&data.train);
            proptest::prop_assert!(inputs.iter().chain(targets).all(|x| x.is_finite()));
        }
    }
}

use std::fs;

use ndarray::{Array2, array};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::data::source::Source as _;
use crate::data::sources::labelled::GivenValidation;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn spec(folder: &TempDir, name: &str, length: usize, features: usize) -> SequencesSpec {
    SequencesSpec { length, features, scale: Scaling::None, ..SequencesSpec::at(&folder.path().join(name)) }
}

fn given(folder: &TempDir, name: &str) -> Option<Validation> {
    Some(Validation::Given(GivenValidation { path: folder.path().join(name), ..Default::default() }))
}

fn real(data: &Dataset) -> Vec<Array2<f32>> {
    data.inputs.real().unwrap().outer_iter().map(|row| row.to_owned()).collect()
}

fn classes(data: &Dataset) -> &[u32] {
    let Targets::Classes(classes) = &data.targets else { panic!("a class a sequence") };
    classes
}

const TS: &str = "#  Written by hand\n@problemName Two\n@timeStamps false\n@missing true\n@univariate false\n@dimensions 2\n\
    @equalLength false\n@classLabel true walk rest\n\n@data\n1.0,2,3:4,5,-6e-1:walk\n7,?,9:1,?,2:rest\n# between\n0,1:2,3:walk\n";

#[test]
fn ts_files_of_several_dimensions_and_lengths_are_read() {
    let folder = folder(&[("a.ts", TS)]);
    let data = spec(&folder, "a.ts", 4, 2).load((1, Fraction::ALL), None, &mut |_| {}).unwrap();
    assert_eq!(data.labels, ["rest", "walk"]);
    assert_eq!(classes(&data.train), [1, 0, 1]);
    assert_eq!(
        real(&data.train),
        [
            array![[1.0, 4.0], [2.0, 5.0], [3.0, -0.6], [0.0, 0.0]],
            array![[7.0, 1.0], [8.0, 1.5], [9.0, 2.0], [0.0, 0.0]],
            array![[0.0, 2.0], [1.0, 3.0], [0.0, 0.0], [0.0, 0.0]],
        ]
    );
    assert_eq!(data.train.lengths(), [3, 3, 2]);
    assert_eq!(data.notes.len(), 1, "{:?}", data.notes);
    assert!(data.notes[0].starts_with("2 missing values are interpolated"), "{:?}", data.notes);
    assert!(data.unmasked().unwrap().starts_with("the shortest sequence has 2 steps, and no layer masks"));
    let found = sequence_statistics(&folder.path().join("a.ts")).unwrap();
    assert_eq!((found.sequences, found.features, found.longest, found.shortest), (3, 2, 3, 2));
}

#[test]
fn tables_are_separated_by_tabs_commas_or_blanks_and_trailing_gaps_are_dropped() {
    for (text, label) in [
        ("1\t0.5\t-1\tNaN\n2\t3\t0\t1\n", None),
        ("1,0.5,-1\n2,3,0,1\n", None),
        ("  1.0000000e+00  5.0e-01 -1.0e+00 NaN\n  2.0000000e+00  3 0  1\n\n", None),
        ("t1,t2,t3,label\n0.5,-1,,1\n3,0,1,2\n", Some(4)),
    ] {
        let folder = folder(&[("a", text)]);
        let data = SequencesSpec { label, ..spec(&folder, "a", 3, 1) }
            .load((1, Fraction::ALL), None, &mut |_| {})
            .unwrap();
        assert_eq!(
            (data.labels.as_slice(), data.train.lengths()),
            (["1".into(), "2".into()].as_slice(), vec![2, 3])
        );
        let tiny = f32::MIN_POSITIVE;
        // A step of 0 is distinct from padding.
        assert_eq!(real(&data.train), [array![[0.5], [-1.0], [0.0]], array![[3.0], [tiny], [1.0]]]);
    }
}

#[test]
fn errors_name_file_line_and_column() {
    let ts = |line: &str| TS.replace("0,1:2,3:walk", line);
    let read = |name: &str, text: String, features| {
        let folder = folder(&[("a", &text)]);
        let error = spec(&folder, "a", 3, features)
            .load((1, Fraction::ALL), None, &mut |_| {})
            .unwrap_err()
            .to_string();
        (name.to_owned(), error.replace(&*folder.path().to_string_lossy(), "DIR"))
    };
    let lines = [
        "0,1:2,x:walk",
        "0,1:2:walk",
        "0,1:2,3:run",
        "0,1:walk",
        "0,1:?,?:walk",
        "0,1:2,3:",
        "(0,1):2,3:walk",
        "0,1:2,:walk",
    ];
    let lines = lines.map(|line| read(line, ts(line), 2));
    let (before_data, before_rows) = (TS.split("@data").next().unwrap(), TS.split("1.0").next().unwrap());
    let headers = [
        ("@timeStamps true", TS.replace("@timeStamps false", "@timeStamps true")),
        ("data for @data", TS.replace("@data", "data")),
        ("@dimensions two", TS.replace("@dimensions 2", "@dimensions two")),
        ("@classLabel false", TS.replace("@classLabel true walk rest", "@classLabel false")),
        ("no @data", before_data.to_owned()),
        ("no rows", before_rows.to_owned()),
    ];
    let headers = headers.map(|(name, text)| read(name, text, 2));
    let tables = [
        "% made by hand\n@relation A\n",
        "1\t2\t3\n2\tx\t4\n",
        "1,2\n2\n",
        "1,2\n,2\n",
        "1,2\n2,NaN\n",
        "1,2\n2,inf\n",
        "1,2\n1,3\n",
    ];
    let tables = tables.map(|text| read(&format!("{text:?}"), text.to_owned(), 1));
    let features = [
        read("features: 3 of a .ts file with 2", TS.to_owned(), 3),
        read("features: 2 of a table", "1,2\n2,3\n".to_owned(), 2),
    ];
    let entries = lines.into_iter().chain(headers).chain(tables).chain(features);
    crate::messages::assert_messages("sequences_files", entries);
}

#[test]
fn scales_are_fitted_to_the_training_data_alone() {
    let folder = folder(&[("a.tsv", "x\t1\t3\ny\t5\t7\n"), ("b.tsv", "x\t4\t100\ny\t0\n")]);
    let mut spec = SequencesSpec { scale: Scaling::Standard, ..spec(&folder, "a.tsv", 2, 1) };
    spec.validation = given(&folder, "b.tsv");
    let data = spec.load((1, Fraction::ALL), None, &mut |_| {}).unwrap();
    let scale = data.scale.unwrap();
    assert_eq!(
        (scale.mean.as_slice(), scale.deviation.as_slice()),
        ([4.0].as_slice(), [5.0_f64.sqrt()].as_slice())
    );
    let unit = |x: f64| ((x - 4.0) / 5.0_f64.sqrt()) as f32;
    let validation = data.validation.unwrap();
    assert_eq!(real(&validation), [array![[f32::MIN_POSITIVE], [unit(100.0)]], array![[unit(0.0)], [0.0]]]);
    let (again, source) = spec.evaluation_set(false, 1, &data.labels, &scale).unwrap();
    assert_eq!(Inputs::Real(again.rows), validation.inputs);
    assert!(again.names[1].ends_with("b.tsv:2") && source.ends_with("b.tsv"), "{:?}", again.names);
    fs::write(folder.path().join("b.tsv"), "x\t1\nz\t0\n").unwrap();
    let error = spec.load((1, Fraction::ALL), None, &mut |_| {}).unwrap_err().to_string();
    let error = error.replace(&*folder.path().to_string_lossy(), "DIR");
    crate::messages::assert_messages("sequences_label", [("a label of validation alone", error)]);
}

#[test]
fn a_share_of_every_class_is_held_out_reproducibly() {
    let row = |n: usize| format!("{}\t{n}\t{}\n", ["a", "b"][n % 2], n * 2);
    let folder = folder(&[("a.tsv", &(0..40).map(row).collect::<String>())]);
    let spec = SequencesSpec { validation: Some(Validation::Share(0.25)), ..spec(&folder, "a.tsv", 1, 1) };
    let data = spec.load((3, Fraction::ALL), None, &mut |_| {}).unwrap();
    let validation = data.validation.unwrap();
    assert_eq!((data.train.len(), validation.len()), (30, 10));
    assert_eq!(classes(&validation).iter().filter(|class| **class == 0).count(), 5);
    assert!(
        data.notes.iter().any(|note| note.starts_with("40 of 40 sequences are longer")),
        "{:?}",
        data.notes
    );
    let (again, _) = spec.evaluation_set(false, 3, &data.labels, &data.scale.unwrap()).unwrap();
    assert_eq!(Inputs::Real(again.rows), validation.inputs);
    assert_eq!(again.classes, classes(&validation));
}

/// A WAV file of a tone.
fn wav(path: &Path, frequency: f64, rate: u32, seconds: f64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..(seconds * f64::from(rate)) as usize {
        let t = n as f64 / f64::from(rate);
        writer.write_sample((8_000.0 * (std::f64::consts::TAU * frequency * t).sin()) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

#[test]
fn recordings_are_resampled_to_one_rate() {
    let folder = folder(&[("words/low/notes.txt", "no sound"), ("words/README.md", "")]);
    let path = folder.path().join("words");
    wav(&path.join("low/a.wav"), 300.0, 16_000, 0.3);
    wav(&path.join("low/b.WAV"), 300.0, 44_100, 0.3);
    wav(&path.join("high/a.wav"), 3_000.0, 22_050, 0.5);
    let data = spec(&folder, "words", 40, 40).load((1, Fraction::ALL), None, &mut |_| {}).unwrap();
    assert_eq!(
        (data.labels.as_slice(), classes(&data.train)),
        (["high".into(), "low".into()].as_slice(), [0, 1, 1].as_slice())
    );
    assert_eq!(data.train.lengths(), [40, 28, 28]);
    assert!(
        data.notes.iter().any(|note| note.contains("1 of 3 sequences are longer than data.length, 40 steps")),
        "{:?}",
        data.notes
    );
    assert!(data.notes.iter().any(|note| note.ends_with(".wav: \"low/notes.txt\"")), "{:?}", data.notes);
    let frames = real(&data.train);
    let loudest = |frames: &Array2<f32>| {
        let frame: Vec<f32> = frames.row(10).to_vec();
        (0..40).max_by(|a, b| frame[*a].total_cmp(&frame[*b])).unwrap()
    };
    // 300 Hz are 402 mel of 2,840, 3,000 Hz 1,876: in 41 parts bands 5 and 26 are the nearest, counted from 0.
    assert_eq!([loudest(&frames[0]), loudest(&frames[1]), loudest(&frames[2])], [26, 5, 5]);
    let worst = frames[1].row(10).into_iter().zip(frames[2].row(10)).take(12).map(|(a, b)| (a - b).abs());
    assert!(worst.fold(0.0, f32::max) < 0.05, "another rate, the same sound");
}

#[test]
fn folders_without_valid_recordings_are_errors() {
    let message = |folder: &TempDir, features| {
        let error = spec(folder, "words", 40, features)
            .load((1, Fraction::ALL), None, &mut |_| {})
            .unwrap_err()
            .to_string();
        error.replace(&*folder.path().to_string_lossy(), "DIR")
    };
    let with_one = |files: &[(&str, &str)], features| {
        let folder = folder(files);
        wav(&folder.path().join("words/yes/b.wav"), 300.0, 16_000, 0.1);
        message(&folder, features)
    };
    let broken = [("words/yes/c.wav", "RIFFxxxxWAVEfmt "), ("words/no/a.wav", "sound?")];
    let entries = [
        ("broken recordings", with_one(&broken, 40)),
        ("an .mp3", with_one(&[("words/no/a.mp3", "")], 40)),
        ("one class", with_one(&[], 40)),
        ("no class", message(&folder(&[("words/notes", "")]), 40)),
        ("features: 300", with_one(&[], 300)),
    ];
    crate::messages::assert_messages("sequences_recordings", entries);
}

#[test]
fn an_invalid_recording_is_skipped_and_counted_on_request() {
    let folder = folder(&[("words/yes/b.wav", "RIFFxxxxWAVEfmt ")]);
    let path = folder.path().join("words");
    for (n, name) in ["yes/a.wav", "yes/c.wav", "no/a.wav"].iter().enumerate() {
        wav(&path.join(name), 300.0, [16_000, 8_000, 44_100][n], 0.3);
    }
    let strict = spec(&folder, "words", 40, 40);
    let error = strict.load((1, Fraction::ALL), None, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("words/yes/b.wav: found") && error.contains("skip_bad_rows: true"), "{error}");
    let lenient = SequencesSpec { skip_bad_rows: true, ..strict };
    let data = lenient.load((1, Fraction::ALL), None, &mut |_| {}).unwrap();
    assert_eq!((data.train.len(), data.facts.skipped), (3, 1));
    let is_expected = |note: &&String| {
        note.starts_with("1 invalid recordings are skipped; the first: ") && note.contains("b.wav")
    };
    assert_eq!(data.notes.iter().filter(is_expected).count(), 1, "{:?}", data.notes);
    // A prediction for all of them is an error.
    let scale = data.scale.unwrap();
    assert!(lenient.unlabelled(&path, &scale).unwrap_err().to_string().contains("yes/b.wav"));
    // Headers give the same lengths, up to a frame.
    let found = sequence_statistics(&path).unwrap();
    assert_eq!((found.sequences, found.measured, found.broken.len(), found.features), (4, 4, 1, 40));
    let longest = data.train.lengths().into_iter().max().unwrap();
    assert!(found.longest.abs_diff(longest) <= 1 && found.shortest.abs_diff(longest) <= 1, "{found:?}");
    assert_eq!(found.classes, [("no".to_owned(), 1), ("yes".to_owned(), 3)]);
    // A truncated file still has its header.
    let bytes = std::fs::read(path.join("no/a.wav")).unwrap();
    std::fs::write(path.join("no/a.wav"), &bytes[..bytes.len() / 2]).unwrap();
    assert!(
        sequence_statistics(&path).unwrap().broken[0].contains("no/a.wav: found a file of"),
        "{:?}",
        sequence_statistics(&path)
    );
    let error = lenient.load((1, Fraction::ALL), None, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("words/no: found no valid recording"), "{error}");
}

#[test]
fn archives_are_found_by_their_names() {
    let folder = folder(&[
        ("A/A_TRAIN.tsv", ""),
        ("A/A_TEST.tsv", ""),
        ("A/A_TRAIN.ts", ""),
        ("A/A_TEST.ts", ""),
        ("b_TRAIN.ts", ""),
    ]);
    let at = |name: &str| folder.path().join(name);
    assert_eq!(archive(&at("A/A_TRAIN.tsv")), Some((at("A/A_TRAIN.tsv"), at("A/A_TEST.tsv"))));
    assert_eq!(archive(&at("A")), Some((at("A/A_TRAIN.ts"), at("A/A_TEST.ts"))));
    assert_eq!(archive(&at("b_TRAIN.ts")), None);
    assert_eq!(archive(&at("")), None);
}

#[test]
fn invalid_settings_are_errors() {
    let good = SequencesSpec::at(Path::new("a"));
    let column = GivenValidation { path: "b".into(), text: Some("x".into()), ..Default::default() };
    let specs = [
        ("length: 0", SequencesSpec { length: 0, ..good.clone() }),
        ("features: 0", SequencesSpec { features: 0, ..good.clone() }),
        ("label: 0", SequencesSpec { label: Some(0), ..good.clone() }),
        ("rate: 100", SequencesSpec { rate: 100, ..good.clone() }),
        ("trim: 0", SequencesSpec { trim: Some(0.0), ..good.clone() }),
        ("validation: 1", SequencesSpec { validation: Some(Validation::Share(1.0)), ..good.clone() }),
        ("validation with columns", SequencesSpec { validation: Some(Validation::Given(column)), ..good }),
    ];
    let entries = specs.map(|(setting, spec)| (setting, spec.check().unwrap_err()));
    crate::messages::assert_messages("sequences_settings", entries);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_readers_panic(
        lines in proptest::collection::vec("[-0-9.,:?@e# a\t]{0,20}", 0..8), head: bool, features in 1_usize..4,
    ) {
        let head = if head { "@classLabel true\n@data\n" } else { "" };
        let text = format!("{head}{}", lines.join("\n"));
        let spec = SequencesSpec { features, ..SequencesSpec::at(Path::new("a")) };
        let read = if ts::is_ts(&text) { ts::read } else { table::read };
        if let Ok(found) = read(&spec, Path::new("a"), &text) {
            for sequence in found.all {
                prop_assert!(!sequence.values.is_empty() && sequence.values.len().is_multiple_of(features));
                prop_assert!(sequence.values.iter().all(|x| x.is_finite()));
            }
        }
    }
}

#[test]
fn a_class_without_training_sequences_is_still_a_class() {
    let rows: String = (0..20).map(|n| format!("{}\t{n}\t{}\n", ["a", "b"][n % 2], n * 3)).collect();
    let folder = folder(&[("a.tsv", &(rows + "lone\t7\t7\n"))]);
    for fold in 1..=3 {
        let validation = Some(Validation::Fold { folds: 3, fold });
        let data = SequencesSpec { validation, ..spec(&folder, "a.tsv", 2, 1) }
            .load((1, Fraction::ALL), None, &mut |_| {})
            .unwrap();
        assert_eq!(data.labels, ["a", "b", "lone"]);
        let lone = data.facts.classes[2].count
            + classes(data.validation.as_ref().unwrap()).iter().filter(|c| **c == 2).count();
        assert_eq!((lone, data.train.len() + data.validation.unwrap().len()), (1, 21));
    }
}

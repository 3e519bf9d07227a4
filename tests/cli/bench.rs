//! `unrolled bench`: the JSON format, and errors.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use super::{ends, unrolled};

/// Two networks that are measured in no time.
const FILE: &str = r#"{
  "note": "for tests",
  "workloads": {
    "zebra": {"task": "binary", "vocab": 50, "embed": 4, "batch": 70, "length": 6, "stack": [{"bilstm": 3}, {"gru": 2}]},
    "ape":   {"task": "lm", "vocab": 9, "embed": 3, "batch": 5, "length": 7, "stack": [{"lstm": 4}]}
  }
}"#;

fn lines(args: &[&str]) -> Vec<Value> {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("w.json"), FILE).unwrap();
    let args =
        [&["bench", "--workloads", "w.json", "--seconds", "0.05", "--threads", "2", "--json"], args].concat();
    let (out, _) = ends(unrolled(folder.path(), &args), 0);
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_workload_gets_a_line_of_json_in_the_order_of_the_file() {
    let lines = lines(&[]);
    let names: Vec<&str> = lines.iter().filter_map(|line| line["workload"].as_str()).collect();
    assert_eq!(names, ["zebra", "ape"]);
    for (line, (sequences, tokens)) in lines.iter().zip([(70.0, 420.0), (5.0, 35.0)]) {
        assert_eq!((&line["system"], &line["threads"]), (&Value::from("unrolled"), &Value::from(2)));
        let number = |field: &str| line[field].as_f64().unwrap_or_else(|| panic!("{field} in {line}"));
        let ms = number("ms_per_step");
        assert!(ms > 0.0 && number("ms_p10") <= ms && ms <= number("ms_p90"), "{line}");
        assert!(number("steps") >= 5.0, "{line}");
        // Times are rounded to microseconds.
        for (field, count) in [("sequences_per_s", sequences), ("tokens_per_s", tokens)] {
            let ms_from = count / number(field) * 1e3;
            assert!((ms_from - ms).abs() <= 0.0006, "{field}: {ms_from} ms a step: {line}");
        }
        assert!(number("peak_gflops") > 0.1 && number("peak_share") > 0.0, "{line}");
        // Allocations are counted: almost none after the first steps.
        assert!(number("allocated_bytes_per_step") < 16_384.0, "{line}");
        assert!(number("activation_bytes") >= tokens * 4.0, "{line}");
        if cfg!(target_os = "linux") {
            assert!(number("peak_resident_bytes") >= number("activation_bytes"), "{line}");
        }
    }
    assert_eq!(lines[1]["params"], 9 * 3 + 4 * 4 * (3 + 4 + 1) + 9 * 5);
}

#[test]
fn only_the_workloads_that_are_named_are_measured() {
    let of = |args: &[&str]| lines(args).iter().map(|line| line["workload"].clone()).collect::<Vec<_>>();
    assert_eq!(of(&["--only", "ape"]), ["ape"]);
    assert_eq!(of(&["--only", "ape", "--only", "zebra"]), ["zebra", "ape"]);
}

#[test]
fn the_table_fits_eighty_columns() {
    let folder = tempdir().unwrap();
    let args =
        ["bench", "--only", "dense-bag", "--only", "lecture-rnn8", "--seconds", "0.05", "--threads", "1"];
    let (out, _) = ends(unrolled(folder.path(), &args), 0);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 6, "{out}");
    assert!(lines[0].contains("1 thread, ") && lines[1].contains("ms/step"), "{out}");
    assert!(lines[2].starts_with("lecture-rnn8 ") && lines[4].starts_with("dense-bag "), "{out}");
    assert!(lines[3].contains("allocated") && lines[3].contains("activations"), "{out}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn the_overhead_of_instruments_and_of_the_screen_is_separate() {
    for line in lines(&["--watch"]) {
        let number = |field: &str| line[field].as_f64().unwrap_or_else(|| panic!("{field} in {line}"));
        for cost in ["instruments_cost", "screen_cost"] {
            let [low, middle, high] = ["_low", "", "_high"].map(|q| number(&format!("{cost}{q}")));
            assert!(low <= middle && middle <= high, "{line}");
        }
        assert!(number("rounds") >= 3.0 && number("ms_per_step") > 0.0, "{line}");
        assert!(number("frames_per_s") > 0.0 && number("bytes_per_s") > 0.0, "a screen was drawn: {line}");
        assert!(number("drawing_share") > 0.0, "{line}");
    }
    let folder = tempdir().unwrap();
    let args = ["bench", "--watch", "--only", "dense-bag", "--seconds", "0.05"];
    let (out, _) = ends(unrolled(folder.path(), &args), 0);
    assert!(out.lines().nth(1).unwrap().ends_with("drawing"), "{out}");
    assert!(out.lines().nth(2).unwrap().starts_with("dense-bag "), "{out}");
    assert_eq!(out.lines().count(), 3, "{out}");
}

#[test]
fn errors_are_usage_errors_with_the_expected_values() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("bad.json"), FILE.replace("\"gru\"", "\"gro\"")).unwrap();
    let wrong: [(&[&str], &str); 5] = [
        (
            &["--only", "lecture-rnn9"],
            "unknown workload `lecture-rnn9`; did you mean `lecture-rnn8`? known: lecture-rnn8, ",
        ),
        (&["--workloads", "none.json"], "none.json: No such file"),
        (
            &["--workloads", "bad.json"],
            "bad.json:4:114: workloads.zebra.stack.1: unknown key `gro`; did you mean `gru`?",
        ),
        (&["--seconds", "soon"], "expected seconds, from 0 to 86400"),
        (&["--threads", "0"], "0 is not in 1..=256"),
    ];
    for (args, right) in wrong {
        let (out, error) = ends(unrolled(folder.path(), &[&["bench"], args].concat()), 2);
        assert!(out.is_empty() && error.contains(right), "{args:?}: {error}");
    }
}

#[test]
fn the_profile_adds_up_to_the_step_and_counts_the_products_of_the_formulas() {
    let lines = lines(&["--profile"]);
    // Sequences, steps, and the numbers of the recurrent kernels: two directions of an LSTM of 3 units and a GRU of 2; an LSTM of 4.
    let sizes = [(70, 6, 2 * 3 * 4 * 3 + 2 * 3 * 2), (5, 7, 4 * 4 * 4)];
    for (line, (sequences, time, kernel)) in lines.iter().zip(sizes) {
        let parts = line["parts"].as_array().unwrap();
        let of = |name: &str| {
            parts.iter().find(|part| part["part"] == name).unwrap_or_else(|| panic!("{name} in {line}"))
        };
        let ms: f64 = parts.iter().map(|part| part["ms_per_step"].as_f64().unwrap()).sum();
        let step = line["ms_per_step"].as_f64().unwrap();
        // The step has three decimals, and the smallest takes 8 µs.
        let rounding = 0.0005;
        assert!((ms - step).abs() < 0.05 * step + rounding, "{ms} of {step} ms: {line}");
        assert_eq!(of("recurrent_forward")["multiply_adds"], sequences * time * kernel, "{line}");
        // The last step has none after it.
        assert_eq!(of("recurrent_backward")["multiply_adds"], sequences * (time - 1) * kernel, "{line}");
        assert!(of("input_projection")["multiply_adds"].as_u64() > Some(0), "{line}");
        assert!(of("packing")["calls"].as_u64() > Some(0), "{line}");
        assert!(line["shards"].as_u64() > Some(0), "{line}");
        assert!(of("optimizer")["ms_per_step"].as_f64() > Some(0.0), "{line}");
        assert!(of("gates_forward")["bytes"].as_u64() > Some(0), "{line}");
        for roof in ["peak_gflops", "first_cache_gb_per_s", "memory_gb_per_s", "latency_ns", "barrier_us"] {
            assert!(line[roof].as_f64() > Some(0.0), "{roof}: {line}");
        }
    }
}

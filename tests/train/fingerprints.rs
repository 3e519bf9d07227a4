//! The weights of all presets that make their own data, as fingerprints: the same on every machine with AVX2, AVX-512 or NEON.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use unrolled::data::DataSpec;
use unrolled::preset::{self, Overrides};
use unrolled::run::checkpoint::{self, Which};
use unrolled::train::{Options, Outcome, Trainer};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fingerprints.json");
/// A training of few steps, with the optimizer, the network and the lengths of the preset.
const SHORT: [&str; 3] = ["data.train=96", "data.validation=32", "train.epochs=1"];

/// Which fingerprints of [`FILE`].
#[derive(Clone, Copy)]
enum Length {
    Short,
    Full,
}

impl Length {
    fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Full => "full",
        }
    }
}

/// By preset, `short` and `full`.
type Fingerprints = BTreeMap<String, BTreeMap<String, String>>;

fn stored() -> Fingerprints {
    serde_json::from_str(&std::fs::read_to_string(FILE).unwrap_or("{}".into())).unwrap()
}

/// The presets that make their own data.
fn presets() -> impl Iterator<Item = &'static str> {
    preset::names().filter(|name| {
        let spec = preset::load(name, &Overrides::default()).unwrap().spec;
        matches!(spec.data, DataSpec::Generated(_))
    })
}

/// The fingerprint of the weights at the end.
fn train(name: &str, length: Length, threads: usize) -> String {
    let set: &[&str] = match length {
        Length::Short => &SHORT,
        Length::Full => &[],
    };
    let set = set.iter().map(|set| (*set).to_owned()).collect();
    let spec = preset::load(name, &Overrides { set, ..Overrides::default() }).unwrap().spec;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("run");
    let options = Options { folder: Some(folder.clone()), threads, ..Options::default() };
    assert_eq!(Trainer::start(spec, options).unwrap().join(), Outcome::Finished, "{name}");
    checkpoint::read(&folder, Which::Last).unwrap().fingerprint()
}

/// Whether products are rounded once: without such instructions weights differ in their last bits.
fn has_fused_products() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return cfg!(target_arch = "aarch64");
}

/// Compares with the stored fingerprints, or stores them.
fn check(length: Length, threads: &[usize]) {
    if !has_fused_products() {
        eprintln!("skipped: there are no fingerprints for machines without AVX2 and FMA, or NEON");
        return;
    }
    let (mut all, mut differ) = (stored(), Vec::new());
    for name in presets() {
        for threads in threads {
            let found = train(name, length, *threads);
            let known = all.entry(name.to_owned()).or_default().entry(length.name().to_owned()).or_default();
            if *known != found {
                differ.push(format!("{name} with {threads} threads: {found}, not {known:?}"));
                *known = found;
            }
        }
    }
    // A preset that is gone.
    all.retain(|name, _| presets().any(|preset| preset == name));
    if std::env::var_os("UPDATE_FINGERPRINTS").is_some() {
        let json = serde_json::to_string_pretty(&all).unwrap() + "\n";
        std::fs::write(Path::new(FILE), json).unwrap();
        return;
    }
    let how = "if that is wanted: UPDATE_FINGERPRINTS=1 cargo test --release --test train fingerprints -- --include-ignored";
    assert!(differ.is_empty(), "weights are other ones; {how}\n{}", differ.join("\n"));
    let names: BTreeSet<&str> = presets().collect();
    assert!(stored().keys().eq(&names), "presets without fingerprints, or none of these names; {how}");
}

#[test]
fn presets_that_make_their_own_data_give_the_known_weights_with_any_number_of_threads() {
    check(Length::Short, &[1, 3]);
}

#[test]
#[ignore = "some minutes: trains all presets that make their own data to the end"]
fn presets_that_make_their_own_data_give_the_known_weights_at_the_end() {
    check(Length::Full, &[2]);
}

//! Sources other than labelled texts.

use super::*;
use unrolled::data::TokenUse;

#[test]
fn generated_data_depend_on_the_seed_alone() {
    let spec = DataSpec::Generated(GeneratedSpec::WordOrder(WordOrder { train: 400, validation: 100 }));
    let made = |seed| data::load(&spec, Some(&tokens(16)), seed, 1, &mut |_| {}).unwrap();
    let (first, again, other) = (made(1), made(1), made(2));
    assert_eq!((&first.train, &first.validation), (&again.train, &again.validation));
    assert_ne!(first.train, other.train);
    assert_eq!(first.labels, ["negative", "positive"]);
    assert_eq!(first.facts.source, "generated: word-order");
    assert_eq!(first.facts.classes.iter().map(|class| class.count).collect::<Vec<_>>(), [200, 200]);
    assert_eq!((first.train.len(), first.facts.validation, first.facts.unknown), (400, 100, 0.0));
}

/// The sources beside labelled texts, of a file.
fn others(path: &Path) -> [DataSpec; 3] {
    let path = || path.to_owned();
    let series = serde_json::json!({"path": path(), "values": ["y"], "window": 1});
    [
        DataSpec::Text(TextSpec {
            path: path(),
            validation: Validation::Share(0.1),
            encoding: Encoding::Utf8,
            needs: Some("fetch it".into()),
        }),
        DataSpec::Series(serde_json::from_value(series).unwrap()),
        DataSpec::Tags(TagsSpec { path: path(), ..TagsSpec::default() }),
    ]
}

fn load_other(spec: &DataSpec) -> Result<Data, DataError> {
    let tokens = match spec.source().token_use() {
        TokenUse::Required(rules) => {
            let (level, side) = (rules.levels[0], rules.sides[0]);
            Some(TokenSpec { level, padding: side, truncating: side, ..tokens(3) })
        }
        TokenUse::Own { .. } | TokenUse::Numbers { .. } => None,
    };
    data::load(spec, tokens.as_ref(), 1, 1, &mut |_| {})
}

#[test]
fn every_source_rejects_anything_but_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut entries = Vec::new();
    for (kind, path) in
        [("folder", folder.path().to_owned()), ("pipe", pipe), ("nothing", folder.path().join("none"))]
    {
        for (source, spec) in ["text", "series", "tags"].into_iter().zip(others(&path)) {
            let message = shortened(folder.path(), &load_other(&spec).unwrap_err());
            entries.push((format!("{source}: {kind}"), message));
        }
    }
    assert_messages("data_other_sources", entries);
}

#[test]
fn a_gzip_text_with_a_byte_order_mark_equals_the_plain_one() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        load_other(&others(&path)[0])
    };
    let text = "It was the best of times, it was the worst of times. ".repeat(20);
    let plain = load("plain", text.as_bytes()).unwrap();
    let packed = gzip(format!("\u{feff}{text}").as_bytes());
    assert_eq!(load("packed", &packed).unwrap().train, plain.train);
    let cut = load("cut", &packed[..packed.len() / 2]).unwrap_err();
    assert_messages("data_cut_text", [("half a gzip file", shortened(folder.path(), &cut))]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_any_source_hang_or_panic(
        bytes in proptest::collection::vec(
            prop_oneof![Just(b'\t'), Just(b' '), Just(b','), Just(b'\n'), b'a'..b'd', any::<u8>()],
            0..200,
        ),
        packed: bool,
        cut in 0_usize..300,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any");
        let mut text = bytes;
        if packed {
            text = gzip(&text);
            text.truncate(cut.max(2));
        }
        std::fs::write(&path, text).unwrap();
        for spec in others(&path) {
            match load_other(&spec) {
                Ok(data) => prop_assert_eq!(data.train.len(), data.facts.train),
                Err(error) => prop_assert!(error.to_string().starts_with(&path.display().to_string())),
            }
        }
    }
}

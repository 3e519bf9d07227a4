//! Samples of a language model that go on by a token chosen by hand.

use std::fs;

use unrolled::protocol::{Command, Event, Level, LogLine};

use super::undone::{recorded, scripted};
use super::{assert_same, spec_of};

#[test]
fn samples_go_on_by_chosen_tokens_also_after_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.txt");
    fs::write(&text, "to be, or not to be: that is the question. ".repeat(20)).unwrap();
    let spec = spec_of(
        "shakespeare-lstm",
        &[
            &format!("data.path={}", text.display()),
            "train.epochs=2",
            "train.batch_size=4",
            "tokens.length=12",
            "model=[{layer: Embedding, output_dim: 4}, {layer: LSTM, units: 6, return_sequences: true}, {layer: Dense, units: classes, activation: softmax}]",
            "watch={every: 4, sample: {prime: to, length: 8, every: 5}}",
        ],
    );
    let chosen = |token: &str| Command::ExtendSample { token: token.into() };
    let script = [(3, chosen(" ")), (3, chosen("b")), (3, chosen("Ж"))];
    let whole = scripted(&spec, &[&script]);
    let events = recorded(&whole);
    let primes = events.iter().filter_map(|event| match event {
        Event::Sample(sample) => Some((sample.step, sample.prime.as_str())),
        _ => None,
    });
    let primes: Vec<(u64, &str)> = primes.collect();
    assert_eq!(primes[..3], [(1, "to"), (4, "to b"), (5, "to b")], "{primes:?}");
    let warned = |event: &Event| {
        let Event::Log(LogLine { level: Level::Warning, text }) = event else { return false };
        text == "the network does not know the token \"Ж\""
    };
    assert!(events.iter().any(warned));
    for stop in [3, 4, 7] {
        let scripts: [&[_]; 2] = [&[&script[..], &[(stop, Command::SaveAndStop)]].concat(), &[]];
        assert_same(&scripted(&spec, &scripts), &whole);
    }
}

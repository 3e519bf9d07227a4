//! Examples beside each other: what a changed word and another order do to the prediction.

use unrolled::metrics::Task;
use unrolled::protocol::{Event, ProbeChange, ProbeFrame, ProbeText, ProbeVariant, TokenPrediction};
use unrolled::ui::dashboard::Dashboard;
use unrolled::ui::keymap::Action;

use super::{THEME, acted, after, story, text};

/// The second example, "the movie is not bad", as `change` makes it, with the prediction `positive` after the one of the first.
fn varied(change: ProbeChange, tokens: &str, positive: f32, task: Task) -> Dashboard {
    let mut info = story::info();
    info.task = task;
    info.probes.truncate(1);
    info.probes[0].tokens = ["the", "movie", "is", "not", "bad"].map(String::from).to_vec();
    info.probes[0].first_step = 0;
    let variant = Some(ProbeVariant { of: 0, change });
    let tokens = tokens.split(' ').map(String::from).collect();
    let added = ProbeText { variant, tokens, ..info.probes[0].clone() };
    let frame = |probe, positive: f32| {
        let name = |positive: f32| if positive > 0.5 { "positive" } else { "negative" };
        let at = |token: usize| if token == 3 { positive } else { 0.9 };
        let by_token =
            (0..5).map(|token| TokenPrediction { outputs: vec![(name(at(token)).into(), 0.9)] }).collect();
        let prediction = vec![1.0 - positive, positive];
        Event::Probe(Box::new(ProbeFrame { probe, prediction, by_token, ..ProbeFrame::default() }))
    };
    let events =
        [Event::Prepared(Box::new(info)), frame(0, 0.93), Event::ProbeAdded(added), frame(1, positive)];
    acted(after(Dashboard::new(), &events), &[Action::NextTab; 3])
}

#[test]
fn an_example_with_another_word_stands_beside_the_first_with_the_difference() {
    let replace = ProbeChange::Replace { token: 3, word: "very".into() };
    let dash = varied(replace.clone(), "the movie is very bad", 0.213, Task::Binary);
    for (width, height) in [(80, 23), (120, 39)] {
        let shown = text(&dash, width, height, &THEME);
        let words = shown.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        let said = "“very” for “not”: positive 0.930 → 0.213, it moves by -0.717; now it is negative.";
        assert!(words.contains(said), "{shown}");
        let both = shown.lines().find(|line| line.contains("not") && line.contains("very")).is_some();
        assert!(both && shown.contains("1 replaced"), "side by side: {shown}");
    }
    let hidden = varied(ProbeChange::Occlude { token: 3 }, "the movie is [PAD] bad", 0.93, Task::Binary);
    assert!(
        text(&hidden, 120, 39, &THEME)
            .contains("“not” hidden: positive 0.930 → 0.930, the prediction does not")
    );
    let tags = text(&varied(replace, "the movie is very bad", 0.213, Task::Tags), 120, 39, &THEME);
    assert!(tags.contains("the prediction changes at 1 of 5 tokens"), "{tags}");
}

#[test]
fn whether_a_network_notices_the_order_of_the_words_is_said_from_what_it_predicts() {
    let reversed = |positive| {
        let dash = varied(ProbeChange::Reverse, "bad not is movie the", positive, Task::Binary);
        text(&dash, 160, 39, &THEME)
    };
    let bag = reversed(0.93 + 1e-6);
    assert!(bag.contains("does not move: this network does not notice the order of the words"), "{bag}");
    let recurrent = reversed(0.41);
    assert!(recurrent.contains("moves by 0.520: this network notices the order of the words"), "{recurrent}");
}

#[test]
fn a_second_sentence_that_is_typed_stands_beside_the_first() {
    let typed = |text: &str| {
        let tokens = text.split(' ').map(str::to_owned).collect();
        Event::ProbeAdded(ProbeText { text: text.into(), tokens, ..ProbeText::default() })
    };
    let mut info = story::info();
    info.probes.truncate(1);
    let events = [Event::Prepared(Box::new(info)), typed("not bad at all"), typed("not good at last")];
    let dash = acted(after(Dashboard::new(), &events), &[Action::NextTab; 3]);
    let shown = text(&dash, 80, 23, &THEME);
    assert!(shown.contains("example 2") && shown.contains("example 3"), "{shown}");
    assert!(shown.contains("bad") && shown.contains("last"), "{shown}");
}

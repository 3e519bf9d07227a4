//! The texts of the lecture, a table for each language.
//!
//! A number that is measured stands in a text as its name in braces: `{accuracy}`; see [`measured`](super::measured).

mod drawings;
pub(super) mod english;
pub(super) mod russian;

use crate::ui::help::HelpWords;

/// The words and pages in one language.
#[derive(Debug)]
pub(super) struct Texts {
    pub words: Words,
    pub pages: [PageText; 10],
    /// Help on the keys.
    pub help: HelpWords,
}

/// A page.
#[derive(Debug)]
pub(super) struct PageText {
    pub title: &'static str,
    /// Paragraphs.
    pub text: &'static [&'static str],
    /// What to do: the key and what it does.
    pub task: &'static str,
    /// In the order of the networks of the page.
    pub networks: &'static [NetworkText],
}

/// A network of a page.
#[derive(Debug)]
pub(super) struct NetworkText {
    /// In a few letters.
    pub name: &'static str,
    /// Lines of at most 38 columns; empty where the page draws its own.
    pub drawing: &'static [&'static str],
    /// What is seen, with its numbers.
    pub finding: &'static str,
}

const fn network(name: &'static str, drawing: &'static [&'static str], finding: &'static str) -> NetworkText {
    NetworkText { name, drawing, finding }
}

/// Words of the screen.
#[derive(Debug)]
pub(super) struct Words {
    /// The name of the lecture.
    pub lecture: &'static str,
    /// Before what is to be done.
    pub to_do: &'static str,
    /// Before what is seen.
    pub seen: &'static str,
    /// Words for the state of the training.
    pub preparing: &'static str,
    pub training: &'static str,
    pub paused: &'static str,
    pub finished: &'static str,
    pub failed: &'static str,
    pub step: &'static str,
    /// What was not measured yet.
    pub waiting: &'static str,
    /// Sentences in place of those with numbers that are not measured yet: answers, accuracies, gradients.
    pub no_answer: &'static str,
    pub no_accuracy: &'static str,
    pub no_gradient: &'static str,
    /// Titles of panels.
    pub answers: &'static str,
    pub accuracy: &'static str,
    pub states: &'static str,
    pub state_gradient: &'static str,
    pub memory_gradient: &'static str,
    pub attention: &'static str,
    /// Of curves.
    pub training_data: &'static str,
    pub unseen_data: &'static str,
    pub at_start: &'static str,
    pub at_best: &'static str,
    pub now: &'static str,
    /// The name of the x axis of time.
    pub time: &'static str,
    /// Of answers: their orders of the words.
    pub this_order: &'static str,
    pub other_order: &'static str,
    /// How fast the gradient fades; `{steps}` is a number.
    pub halves: &'static str,
    pub is_flat: &'static str,
    pub grows: &'static str,
    pub no_slope: &'static str,
    /// Behind `halves` why it does so in a SimpleRNN that has learnt.
    pub as_learnt: &'static str,
    /// How the gradient at the first step compares with that at the last; `{times}` is a number.
    pub smaller: &'static str,
    pub greater: &'static str,
    pub as_great: &'static str,
    /// A gradient that is exactly 0.
    pub zero: &'static str,
    /// After which tokens two states differ; `{word}`, `{count}` and `{tokens}` are numbers.
    pub states_same: &'static str,
    pub states_differ: &'static str,
    pub states_differ_to_end: &'static str,
    /// Words of keys in the footer: page, go back, pause, go on.
    pub page: &'static str,
    pub back: &'static str,
    pub pause: &'static str,
    pub resume: &'static str,
    pub full_speed: &'static str,
    pub help: &'static str,
    pub quit: &'static str,
    /// Of the key of a page.
    pub swap: &'static str,
    pub next_word: &'static str,
    pub next_network: &'static str,
}

impl PageText {
    /// The network number `network`.
    pub fn network(&self, network: usize) -> &'static NetworkText {
        const NONE: NetworkText = NetworkText { name: "", drawing: &[], finding: "" };
        self.networks.get(network).unwrap_or(&NONE)
    }
}

//! The lecture: recurrent networks on ten pages, each with a network in training.
//!
//! ```text
//!  Lecture 7/10 · The gradient vanishes                       ● training · step 340
//!  Each step back multiplies the gradient …      first ←×U← ··· ←×U← ←×U← loss
//!                                               ╭ Gradient of each state ─────────╮
//!  Try  + and - set how far back …              │ 1e-1┤                        ⡠⠊ │
//!                                               │ 1e-4┤⣀⣀⣀⡠⠤⠤⠒⠒⠊⠉⠉             │
//!  See  … 412 times smaller than at the last     ╰ t ─ 0 ───────────────────── 30 ─╯
//! ```
//!
//! The program starts the trainings; this module asks for them with [`Network`]s, and folds their events.

mod language;
mod measured;
mod pages;
mod printed;
mod texts;
mod view;

use crossbeam_channel::Receiver;

use super::help::HelpWords;
use super::keymap::Action;
use crate::protocol::{Command, CommandSender, Event, RunStatus};
use measured::{Choice, Training, filled};
use pages::Task;
use texts::{NetworkText, PageText, Texts};

pub use language::Language;
pub use pages::{Network, PAGES, Page};

/// What the lecture asks of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Train the network of the page, which is [`LectureScreen::network`].
    Train,
    /// Leave the lecture.
    Leave,
}

/// The screen of the lecture.
#[derive(Debug)]
pub struct LectureScreen {
    texts: &'static Texts,
    /// Of [`PAGES`].
    page: usize,
    /// Of the page.
    network: usize,
    /// What is known of each network of the page.
    trainings: Vec<Training>,
    /// The connection to the network in training.
    link: Option<(Receiver<Event>, CommandSender)>,
    choice: Choice,
    /// The first line of the text that is seen, where the screen is too low for all.
    scroll: usize,
    /// Why the network cannot be trained.
    error: Option<String>,
}

impl LectureScreen {
    /// The lecture in a language, from the page with this number, from 1, on.
    pub fn new(language: Language, page: usize) -> Self {
        let mut lecture = Self {
            texts: language.texts(),
            page: 0,
            network: 0,
            trainings: Vec::new(),
            link: None,
            choice: Choice { probe: 0, token: 0 },
            scroll: 0,
            error: None,
        };
        lecture.open(page.saturating_sub(1));
        lecture
    }

    fn open(&mut self, page: usize) {
        self.page = page.min(PAGES.len() - 1);
        let page = self.page();
        self.network = page.first;
        self.trainings = page.networks.iter().map(|_| Training::default()).collect();
        self.choice = Choice { probe: 0, token: 0 };
        self.scroll = 0;
        self.error = None;
    }

    fn page(&self) -> &'static Page {
        let [first, ..] = &PAGES;
        PAGES.get(self.page).unwrap_or(first)
    }

    fn text(&self) -> &'static PageText {
        let [first, ..] = &self.texts.pages;
        self.texts.pages.get(self.page).unwrap_or(first)
    }

    fn network_text(&self) -> &'static NetworkText {
        self.text().network(self.network)
    }

    /// The network to be trained.
    pub fn network(&self) -> Option<&'static Network> {
        self.page().networks.get(self.network)
    }

    fn training(&self) -> Option<&Training> {
        self.trainings.get(self.network)
    }

    fn status(&self) -> Option<&RunStatus> {
        self.training()?.run.status()
    }

    /// Shows the training of the network with these events and commands from here on.
    pub fn watch(&mut self, events: Receiver<Event>, commands: CommandSender) {
        self.stop();
        if let Some(training) = self.trainings.get_mut(self.network) {
            *training = Training::default();
        }
        self.link = Some((events, commands));
    }

    /// Says why the network is not trained.
    pub fn fail(&mut self, error: String) {
        self.error = Some(error);
    }

    /// The events of the network in training.
    pub fn events(&self) -> Option<&Receiver<Event>> {
        self.link.as_ref().map(|(events, _)| events)
    }

    /// Folds an event of the network in training.
    pub fn apply(&mut self, event: &Event) {
        if let Some(training) = self.trainings.get_mut(self.network) {
            training.apply(event);
        }
        if let Event::Status(RunStatus::Failed { what } | RunStatus::Diverged { what }) = event {
            self.error = Some(what.clone());
        }
    }

    /// Whether the training has ended.
    pub fn is_over(&self) -> bool {
        self.status().is_some_and(RunStatus::is_over)
    }

    /// The training has ended.
    pub fn end(&mut self) {
        self.link = None;
    }

    /// Stops the training.
    pub fn stop(&mut self) {
        if let Some((_, commands)) = self.link.take() {
            // One that has ended takes no command.
            let _ = commands.send(Command::Stop);
        }
    }

    fn send(&self, command: Command) {
        if let Some((_, commands)) = &self.link {
            let _ = commands.send(command);
        }
    }

    /// Handles a key.
    pub fn act(&mut self, action: Action) -> Option<Request> {
        match action {
            Action::Right | Action::PageDown => return self.turn_to(self.page + 1),
            Action::Left | Action::PageUp => return self.turn_to(self.page.saturating_sub(1)),
            Action::First => return self.turn_to(0),
            Action::Last => return self.turn_to(PAGES.len() - 1),
            Action::Focus(number) => return self.turn_to(usize::from(number).saturating_sub(1)),
            Action::Try => return self.act_on_task(1),
            Action::TryBack => return self.act_on_task(-1),
            Action::Up => self.scroll = self.scroll.saturating_sub(1),
            Action::Down => self.scroll += 1,
            Action::PauseResume if self.status() == Some(&RunStatus::Paused) => self.send(Command::Resume),
            Action::PauseResume => self.send(Command::Pause),
            Action::FullSpeed => self.send(Command::FullSpeed),
            Action::Back => {
                self.stop();
                return Some(Request::Leave);
            }
            _ => {}
        }
        None
    }

    /// Opens another page.
    fn turn_to(&mut self, page: usize) -> Option<Request> {
        if page >= PAGES.len() || page == self.page {
            return None;
        }
        self.stop();
        self.open(page);
        Some(Request::Train)
    }

    /// Does what the page proposes, forwards or backwards.
    fn act_on_task(&mut self, by: isize) -> Option<Request> {
        let turned = |at: usize, count: usize| (at + count).saturating_add_signed(by).checked_rem(count);
        match self.page().task {
            Task::SwapWords => self.choice.probe = 1 - self.choice.probe.min(1),
            Task::NextWord => {
                let tokens = self.training().and_then(|training| training.tokens(self.choice.probe));
                self.choice.token = turned(self.choice.token, tokens.map_or(0, <[_]>::len)).unwrap_or(0);
            }
            Task::NextNetwork => {
                self.stop();
                self.network = turned(self.network, self.page().networks.len()).unwrap_or(0);
                self.error = None;
                // One that has been trained to its end is shown as it is.
                let is_over = self.status() == Some(&RunStatus::Finished);
                return (!is_over).then_some(Request::Train);
            }
        }
        None
    }

    /// What the footer says of a key instead of the table's word.
    pub(super) fn footer_word(&self, action: Action) -> Option<&'static str> {
        let words = &self.texts.words;
        let is_training = self.link.is_some();
        Some(match action {
            Action::Help => words.help,
            Action::Quit => words.quit,
            Action::Back => words.back,
            Action::Left | Action::Right => words.page,
            Action::Try => match self.page().task {
                Task::SwapWords => words.swap,
                Task::NextWord => words.next_word,
                Task::NextNetwork => words.next_network,
            },
            Action::PauseResume | Action::FullSpeed if !is_training => "",
            Action::PauseResume if self.status() == Some(&RunStatus::Paused) => words.resume,
            Action::PauseResume => words.pause,
            Action::FullSpeed => words.full_speed,
            _ => "",
        })
    }

    /// The help on the keys, in the language of the lecture.
    pub(super) fn help_words(&self) -> &'static HelpWords {
        &self.texts.help
    }

    /// What is seen, with the numbers of this training.
    pub fn finding(&self) -> String {
        let words = &self.texts.words;
        filled(self.network_text().finding, words, |name| self.training()?.value(name, self.choice, words))
    }
}

#[cfg(test)]
mod tests;

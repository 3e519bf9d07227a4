//! The application's state: menu, dashboard and the overlays above them. Independent of terminal and clock.

mod branch_dialog;
mod branching;
mod choosing;
mod data_dialog;
mod data_getting;
mod drawing;
mod editing;
mod event_loop;
mod footer;
mod grouped;
mod keys;
mod launch;
mod leave_dialog;
mod leaving;
mod lecturing;
mod link;
mod lists;
mod mouse;
mod picture;
mod popup;
mod replaying;
mod requests;
mod step_prompt;
mod sweeping;
mod text_prompt;
mod word_prompt;

use std::path::Path;
use std::time::Instant;

use crossbeam_channel::Receiver;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

pub use data_dialog::{DatasetOffer, FetchEvent, FetchHooks};
pub use drawing::DrawingCost;
pub use event_loop::{EventLoop, Flow};
pub use launch::{BranchRequest, ExitReason, InitialScreen, Launch, LaunchRequest, Launched, MenuHooks};
pub use link::Link;

use super::browser::{self, Browser};
use super::dashboard::Dashboard;
use super::edit::EditScreen;
use super::help;
use super::keymap::{self, Action, Context};
use super::lecture::LectureScreen;
use super::menu::Menu;
use super::replay::{LookBack, Replay};
use super::runs::RunsScreen;
use super::sweep::SweepScreen;
use super::terminal::Notice;
use super::theme::Theme;
use super::view::dashboard;
use super::widget::glyph_fallback;
use crate::preset::Entry;
use crate::protocol::{Command, CommandSender, Event, RunStatus};
use branch_dialog::BranchDialog;
use data_dialog::DataDialog;
use leave_dialog::{LeaveChoice, LeaveDialog};
use popup::Popup;
use step_prompt::StepPrompt;
use text_prompt::TextPrompt;
use word_prompt::WordPrompt;

/// An overlay, which receives the keys.
#[derive(Debug)]
enum Overlay {
    Popup(Popup),
    LeaveDialog(LeaveDialog),
    StepPrompt(StepPrompt),
    BranchDialog(BranchDialog),
    DataDialog(Box<DataDialog>),
    TextPrompt(TextPrompt),
    WordPrompt(Box<WordPrompt>),
}

/// The screen of a run.
struct RunScreen {
    dashboard: Dashboard,
    /// `None` once the trainer has disconnected, and without one.
    events: Option<Receiver<Event>>,
    /// `None` without a trainer.
    commands: Option<CommandSender>,
    /// Where the dashboard is in a recorded run.
    replay: Option<Box<Replay>>,
    /// The recording of the run, once an earlier step was looked at.
    recording: LookBack,
    /// The user's choice to end the trainer.
    ending: Option<LeaveChoice>,
}

impl RunScreen {
    fn over(&self) -> bool {
        match &self.dashboard.group {
            Some(group) if !group.is_of_trainings() => !group.is_in_training(),
            _ => self.dashboard.live().is_over(),
        }
    }

    /// Applies a key's action if it concerns the view; returns whether it did.
    fn act_on_view(&mut self, action: Action) -> bool {
        let cursor = self.dashboard.view.cursor;
        let history_of = self.dashboard.unit_history.as_ref().map(|history| history.example);
        let acted = self.dashboard.act(action);
        self.look_back_from(cursor);
        self.read_unit_history(history_of);
        self.request();
        acted
    }

    /// Shows the pictures of the step under the cursor, if that is no longer `before`; without a cursor the latest.
    fn look_back_from(&mut self, before: Option<u64>) {
        let Dashboard { run, view, group, .. } = &mut self.dashboard;
        if view.cursor == before {
            return;
        }
        self.recording.show(run, view.cursor);
        if let Some(group) = group {
            group.look_back(view.cursor);
        }
    }
}

/// The state of the whole screen.
pub struct App<'a> {
    menu: Menu,
    /// Over the menu, while the user chooses own data.
    browser: Option<Browser>,
    hooks: Option<MenuHooks>,
    /// The form of the preset that was edited last.
    edit: Option<Box<EditScreen>>,
    /// Whether it is shown.
    is_editing: bool,
    /// What the terminal is to put into its clipboard.
    clipboard: Option<String>,
    /// The list of runs, over the menu.
    runs: Option<RunsScreen>,
    /// The screen of a sweep, over the menu if that was first.
    sweep: Option<Box<SweepScreen>>,
    /// Whether the menu was first.
    has_menu: bool,
    /// The lecture, over all.
    lecture: Option<Box<LectureScreen>>,
    /// Whether there is a menu, or a sweep, to go back to.
    from_menu: bool,
    /// Whether the runs are those of another process.
    attached: bool,
    run: Option<RunScreen>,
    overlay: Option<Overlay>,
    launch: Launch<'a>,
    theme: Theme,
    /// The area in which menu or dashboard were drawn last.
    body: Rect,
    /// The cost of drawing.
    drawing: Option<DrawingCost>,
    outcome: Option<ExitReason>,
    /// What the last key has done, in place of the footer until the next key.
    said: Option<String>,
}

impl<'a> App<'a> {
    /// The screen as it starts.
    pub fn new(start: InitialScreen, entries: Vec<Entry>, launch: Launch<'a>, theme: Theme) -> Self {
        let from_menu = matches!(start, InitialScreen::Menu(_) | InitialScreen::Sweep(_));
        let has_menu = matches!(start, InitialScreen::Menu(_));
        let attached = matches!(start, InitialScreen::Attached(_));
        let (mut hooks, mut link, mut recorded, mut group) = (None, None, None, None);
        let (mut lecture, mut several, mut sweep) = (None, None, None);
        match start {
            InitialScreen::Menu(given) => hooks = given,
            InitialScreen::Dashboard(given) | InitialScreen::Attached(given) => link = Some(given),
            InitialScreen::Several(given, trainings) => (link, several) = (Some(given), Some(trainings)),
            InitialScreen::Group(given) => group = Some(given),
            InitialScreen::Lecture(given) => lecture = Some(given),
            InitialScreen::Sweep(given) => sweep = Some(given),
            InitialScreen::Replay(given) => recorded = Some(given),
        }
        let menu = match &hooks {
            Some(hooks) => Menu::new(entries)
                .with_own_data((hooks.races)())
                .with_recent_runs(Path::new("runs"), Instant::now()),
            None => Menu::new(entries),
        };
        let mut app = Self {
            menu,
            browser: None,
            hooks,
            edit: None,
            is_editing: false,
            clipboard: None,
            runs: None,
            sweep,
            has_menu,
            lecture: None,
            from_menu,
            attached,
            run: None,
            overlay: None,
            launch,
            theme,
            body: Rect::ZERO,
            drawing: None,
            outcome: None,
            said: None,
        };
        if let Some(link) = link {
            app.show(link);
        }
        if let (Some(trainings), Some(run)) = (several, &mut app.run) {
            run.dashboard = Dashboard::of_several(trainings);
        }
        if let Some(replay) = recorded {
            app.show_replay(replay);
        }
        if let Some(group) = group {
            app.show_group(group);
        }
        if let Some(lecture) = lecture {
            app.show_lecture(lecture);
        }
        app
    }

    /// How the screen ended, once it has.
    pub fn outcome(&self) -> Option<ExitReason> {
        self.outcome
    }

    /// The trainer's events, while there is a trainer.
    pub fn events(&self) -> Option<&Receiver<Event>> {
        match &self.lecture {
            Some(lecture) => lecture.events(),
            None => self.run.as_ref().and_then(|run| run.events.as_ref()),
        }
    }

    /// The results of the file browser's tasks, while it is open.
    pub fn results(&self) -> Option<&Receiver<browser::TaskResult>> {
        self.browser.as_ref().map(Browser::results)
    }

    /// Handles a result of the file browser's tasks.
    pub fn take_result(&mut self, answer: browser::TaskResult) {
        if let Some(browser) = &mut self.browser {
            browser.take_result(answer);
        }
    }

    /// Folds an event of the trainer.
    pub fn fold(&mut self, event: &Event) {
        if let Some(lecture) = &mut self.lecture {
            return lecture.apply(event);
        }
        let Some(run) = &mut self.run else { return };
        run.dashboard.apply(event);
        run.request();
        if matches!(event, Event::Prepared(_) | Event::Resumed(_)) {
            run.dashboard.find_parent();
        }
        let Event::Status(status) = event else { return };
        if *status == RunStatus::Training && run.replay.is_none() {
            // The file that was chosen can be trained on: another need not be chosen.
            self.browser = None;
        }
        if !status.is_over() {
            return;
        }
        if matches!(self.overlay, Some(Overlay::LeaveDialog(_))) {
            self.overlay = None; // the question is moot
        }
        // The screen stays with the run that has ended, unless the program is to end with it and there is no error to be read.
        let quits = run.ending.take().is_some_and(LeaveChoice::quits);
        if quits && matches!(status, RunStatus::Stopped { .. } | RunStatus::Finished) {
            self.outcome = Some(ExitReason::Quit);
        }
    }

    /// Handles the disconnection of the trainer.
    pub fn trainer_gone(&mut self) {
        if self.lecture.is_some() {
            return self.lecture_trainer_gone();
        }
        let Some(run) = &mut self.run else { return };
        run.events = None;
        if !run.over() {
            let what = "the training thread exited unexpectedly".to_owned();
            self.fold(&Event::Status(RunStatus::Failed { what }));
        }
    }

    /// Stores the latest cost of drawing.
    pub fn drawing_costs(&mut self, cost: DrawingCost) {
        self.drawing = Some(cost);
    }

    /// Handles a signal; those that concern the terminal are handled elsewhere.
    pub fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::HangUp => self.outcome = Some(ExitReason::HungUp),
            Notice::End(signal) => self.outcome = Some(ExitReason::Signal(signal)),
            Notice::Resize(_) | Notice::Suspend | Notice::Continue => {}
        }
    }

    fn context(&self) -> Context {
        match &self.browser {
            _ if self.lecture.is_some() => Context::Lecture,
            _ if self.replay().is_some() => Context::Replay,
            _ if self.shows_all_runs() => Context::Group,
            _ if self.run.is_some() => Context::Dashboard,
            _ if self.sweep.is_some() => Context::Sweep,
            _ if self.runs.is_some() => Context::Runs,
            Some(browser) => browser.context(),
            None if self.is_editing => Context::Edit,
            None => Context::Menu,
        }
    }

    fn key(&mut self, key: &KeyEvent) {
        let context = self.context();
        if self.run.is_none() && self.overlay.is_none() {
            let typed = match context {
                Context::Edit => self.edit.as_mut().is_some_and(|edit| edit.type_key(key)),
                _ => self.list().type_key(key),
            };
            if typed {
                return;
            }
        }
        match &self.overlay {
            Some(Overlay::StepPrompt(_)) => return self.type_step(key),
            Some(Overlay::BranchDialog(_)) => return self.type_branch(key),
            Some(Overlay::DataDialog(_)) => return self.type_to_data_dialog(key),
            Some(Overlay::TextPrompt(_)) => return self.type_text(key),
            Some(Overlay::WordPrompt(_)) => return self.type_word(key),
            _ => {}
        }
        if matches!(self.overlay, Some(Overlay::LeaveDialog(_))) && interrupts(key) {
            self.overlay = None;
            return self.leave(LeaveChoice::SaveAndQuit);
        }
        let context = match &self.overlay {
            // Its choices have numbers, wherever it is asked.
            Some(Overlay::LeaveDialog(_)) => Context::Dashboard,
            _ => context,
        };
        let Some(action) = keymap::action(context, key) else { return };
        match &mut self.overlay {
            Some(
                Overlay::StepPrompt(_)
                | Overlay::BranchDialog(_)
                | Overlay::DataDialog(_)
                | Overlay::TextPrompt(_)
                | Overlay::WordPrompt(_),
            ) => {}
            Some(Overlay::Popup(popup)) => {
                let closes = popup.act(action);
                if closes || popup.is_notice() {
                    self.overlay = None;
                    if !closes {
                        self.act(action);
                    }
                }
            }
            Some(Overlay::LeaveDialog(leave)) => {
                if let Some(way) = leave.act(action) {
                    self.overlay = None;
                    self.leave(way);
                }
            }
            None => self.act(action),
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Help => {
                let words = self.lecture.as_ref().map_or(&help::WORDS, |lecture| lecture.help_words());
                self.overlay = Some(Overlay::Popup(Popup::help(self.context(), words)));
            }
            Action::Quit => self.quit(),
            _ if self.lecture.is_some() => self.act_on_lecture(action),
            _ if self.replay().is_some() => self.act_on_replay(action),
            _ if self.run.is_some() => self.act_on_run(action),
            _ if self.sweep.is_some() => self.act_on_sweep(action),
            _ if self.runs.is_some() => self.act_on_runs(action),
            _ if self.browser.is_some() => self.act_on_files(action),
            _ if self.is_editing => self.act_on_edit(action),
            _ => self.act_on_menu(action),
        }
    }

    fn act_on_run(&mut self, action: Action) {
        if self.act_on_group(action) || self.choose_candidate(action) {
            return;
        }
        let Some(run) = &mut self.run else { return };
        if run.act_on_view(action) {
            return;
        }
        let paused = matches!(run.dashboard.live().status(), Some(RunStatus::Paused));
        let command = match action {
            Action::PauseResume if paused => Command::Resume,
            Action::PauseResume => Command::Pause,
            Action::SingleStep => Command::SingleStep,
            Action::SlowerLearning => Command::ScaleLearningRate { factor: 0.5 },
            Action::FasterLearning => Command::ScaleLearningRate { factor: 2.0 },
            Action::SmallerBatches | Action::LargerBatches => {
                let Some(batch_size) = run.dashboard.live().batch_size() else { return };
                let batch_size = match action {
                    Action::SmallerBatches => (batch_size / 2).max(1),
                    _ => batch_size.saturating_mul(2),
                };
                Command::SetBatchSize { batch_size }
            }
            Action::FullSpeed => Command::FullSpeed,
            Action::Save => Command::Save,
            Action::Undo => Command::Undo,
            Action::Detach => return self.detach(),
            Action::Branch => return self.ask_for_branch(),
            Action::TypeText | Action::ReverseText | Action::ReplaceWord => return self.add_text(action),
            Action::LowerTemperature => return self.change_temperature(-1.0),
            Action::HigherTemperature => return self.change_temperature(1.0),
            Action::Stop if !run.over() && run.ending.is_none() => return self.ask_to_stop(),
            Action::Screenshot => return self.screenshot(),
            Action::Log => {
                self.overlay = Some(Overlay::Popup(Popup::log()));
                return;
            }
            Action::Back if run.ending.is_some() => return,
            Action::Back if self.from_menu && (run.over() || self.attached) => {
                (self.run, self.attached) = (None, false);
                return;
            }
            Action::Back if !run.over() => return self.quit(),
            _ => return,
        };
        if let Command::ScaleLearningRate { factor } = command
            && !run.over()
        {
            run.dashboard.view.scale_learning_rate(factor, &run.dashboard.run);
        }
        if let Some(commands) = &run.commands {
            // A trainer that has ended ignores commands, and its status shows that.
            let _ = commands.send(command);
        }
    }

    /// Draws the whole screen.
    pub fn render(&mut self, frame: &mut Frame<'_>) {
        let whole = frame.area();
        let bar = self.replay().map_or(0, |replay| replay.rows(whole.height));
        let rows = [Constraint::Fill(1), Constraint::Length(bar), Constraint::Length(1)];
        let [body, bar, foot] = Layout::vertical(rows).areas(whole);
        // A single line is not given to the footer.
        let (body, foot) = if whole.height > 1 { (body, Some(foot)) } else { (whole, None) };
        self.body = body;
        match &self.run {
            Some(run) => dashboard::render(&run.dashboard, body, frame.buffer_mut(), &self.theme),
            None => self.render_lists(frame, body),
        }
        if let Some((replay, run)) = self.replay().zip(self.run.as_ref()) {
            replay.render(&run.dashboard.run, bar, frame.buffer_mut(), &self.theme);
        }
        if let Some(foot) = foot {
            let line = self.footer(foot);
            frame.render_widget(line, foot);
        }
        match &mut self.overlay {
            Some(Overlay::Popup(popup)) => {
                let log = self.run.iter().flat_map(|run| run.dashboard.run.log());
                popup.render(frame, whole, log, self.drawing, &self.theme);
            }
            Some(Overlay::LeaveDialog(leave)) => leave.render(frame, whole, &self.theme),
            Some(Overlay::StepPrompt(prompt)) => prompt.render(frame, whole, &self.theme),
            Some(Overlay::BranchDialog(dialog)) => dialog.render(frame, whole, &self.theme),
            Some(Overlay::DataDialog(dialog)) => dialog.render(frame, whole, &self.theme),
            Some(Overlay::TextPrompt(prompt)) => prompt.render(frame, whole, &self.theme),
            Some(Overlay::WordPrompt(prompt)) => prompt.render(frame, whole, &self.theme),
            None => {}
        }
        glyph_fallback::replace(frame.buffer_mut(), whole, self.theme.glyphs);
    }
}

/// Whether `key` is the terminal's own suspend key, which raw mode delivers as a key.
fn suspends(key: &KeyEvent) -> bool {
    key.code == KeyCode::Char('z') && key.modifiers == KeyModifiers::CONTROL
}

/// Whether `key` is Ctrl-C: pressed a second time, it ends the program.
fn interrupts(key: &KeyEvent) -> bool {
    key.code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL
}

#[cfg(test)]
mod tests;

//! The program on the screen: menu, dashboard, and what may lie over them. Knows no terminal and no clock.

mod drawing;
mod event_loop;
mod leave;
mod popup;

use crossbeam_channel::{Receiver, Sender};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

pub use drawing::DrawingCost;
pub use event_loop::{EventLoop, Flow};

use super::browser::{self, Browser, Own};
use super::dashboard::Dashboard;
use super::input::Input;
use super::keymap::{self, Action, Place};
use super::menu::{Asked, Menu};
use super::terminal::Notice;
use super::theme::{Role, Theme};
use super::view::dashboard;
use super::widget::plain;
use super::{help, picture};
use crate::preset::Entry;
use crate::protocol::{Command, Event, RunStatus};
use leave::{Leave, Way};
use popup::Popup;

/// All that a screen holds of a trainer, so that a socket or a recording can stand in for one.
#[derive(Debug)]
pub struct Link {
    /// What it tells; must not make it wait.
    pub events: Receiver<Event>,
    /// What it is asked.
    pub commands: Sender<Command>,
}

/// Where to begin.
#[derive(Debug)]
pub enum Start {
    /// With the menu; with a way to data of one's own, where the program has one.
    Menu(Option<Own>),
    /// With the dashboard of a run.
    Dashboard(Link),
}

/// How the screen ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The user is done. A trainer that has not ended is no longer wanted.
    Quit,
    /// The user wants training to go on without the screen. Nobody receives from [`Link::events`] any more.
    LeftTraining,
    /// The terminal is gone; training is to go on to its end. `println!` panics from here on: nothing takes its lines.
    HungUp,
    /// SIGTERM or SIGINT, by its number: save and end. Save before anything is printed: the link may be stalled.
    Signal(i32),
}

/// Starts the training of a preset by its name; an error in words is shown.
pub type Launch<'a> = &'a mut dyn FnMut(&str) -> Result<Link, String>;

/// What lies over the screen and takes the keys.
#[derive(Debug)]
enum Overlay {
    Popup(Popup),
    Leave(Leave),
}

/// A run on the screen.
struct Run {
    dashboard: Dashboard,
    /// `None` once the trainer has let go of its end.
    events: Option<Receiver<Event>>,
    commands: Sender<Command>,
    /// The user has asked the trainer to end, and the screen ends with it.
    ending: Option<Way>,
}

impl Run {
    fn over(&self) -> bool {
        self.dashboard.run.is_over()
    }
}

/// The state of the whole screen.
pub struct App<'a> {
    menu: Menu,
    /// Over the menu, while data of one's own are chosen.
    browser: Option<Browser>,
    own: Option<Own>,
    /// Whether there is a way back to the menu.
    from_menu: bool,
    run: Option<Run>,
    overlay: Option<Overlay>,
    launch: Launch<'a>,
    theme: Theme,
    /// Where menu or dashboard were drawn last.
    body: Rect,
    /// What that takes.
    drawing: Option<DrawingCost>,
    outcome: Option<Outcome>,
}

impl<'a> App<'a> {
    /// The screen as it starts.
    pub fn new(start: Start, entries: Vec<Entry>, launch: Launch<'a>, theme: Theme) -> Self {
        let own = if let Start::Menu(own) = start { own } else { None };
        let menu = Menu::new(entries);
        let mut app = Self {
            menu: if own.is_some() { menu.with_own_data() } else { menu },
            browser: None,
            own,
            from_menu: matches!(start, Start::Menu(_)),
            run: None,
            overlay: None,
            launch,
            theme,
            body: Rect::ZERO,
            drawing: None,
            outcome: None,
        };
        if let Start::Dashboard(link) = start {
            app.show(link);
        }
        app
    }

    /// How the screen ended, once it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Where the trainer's events come from, while there is one.
    pub fn events(&self) -> Option<&Receiver<Event>> {
        self.run.as_ref().and_then(|run| run.events.as_ref())
    }

    /// Where the answers of what looks at files come from, while there is one.
    pub fn answers(&self) -> Option<&Receiver<browser::Answer>> {
        self.browser.as_ref().map(Browser::answers)
    }

    /// Takes what was found out of files.
    pub fn answer(&mut self, answer: browser::Answer) {
        if let Some(browser) = &mut self.browser {
            browser.answer(answer);
        }
    }

    /// Folds what the trainer tells.
    pub fn fold(&mut self, event: &Event) {
        let Some(run) = &mut self.run else { return };
        run.dashboard.apply(event);
        let Event::Status(status) = event else { return };
        if !status.is_over() {
            return;
        }
        if matches!(self.overlay, Some(Overlay::Leave(_))) {
            self.overlay = None; // nothing is left to ask
        }
        // What went wrong stays to be read; what was asked for ends the screen.
        let asked = run.ending.take().is_some();
        if asked && matches!(status, RunStatus::Stopped { .. } | RunStatus::Finished) {
            self.outcome = Some(Outcome::Quit);
        }
    }

    /// The trainer has let go of its end.
    pub fn trainer_gone(&mut self) {
        let Some(run) = &mut self.run else { return };
        run.events = None;
        if !run.over() {
            let what = "the trainer ended without a word".to_owned();
            self.fold(&Event::Status(RunStatus::Failed { what }));
        }
    }

    /// Takes what drawing took lately.
    pub fn drawing_costs(&mut self, cost: DrawingCost) {
        self.drawing = Some(cost);
    }

    /// Takes what a person does.
    pub fn input(&mut self, input: Input) {
        match input {
            Input::HangUp => self.outcome = Some(Outcome::HungUp),
            Input::Paste(text) if self.run.is_none() && self.overlay.is_none() => match &mut self.browser {
                Some(browser) => browser.paste(&text),
                None => self.menu.paste(&text),
            },
            Input::Paste(_) => {}
            Input::Key(key) => self.key(&key),
        }
    }

    /// Takes what a signal says; what concerns the terminal is not for here.
    pub fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::HangUp => self.outcome = Some(Outcome::HungUp),
            Notice::End(signal) => self.outcome = Some(Outcome::Signal(signal)),
            Notice::Resize(_) | Notice::Suspend | Notice::Continue => {}
        }
    }

    fn place(&self) -> Place {
        match &self.browser {
            _ if self.run.is_some() => Place::Dashboard,
            Some(browser) => browser.place(),
            None => Place::Menu,
        }
    }

    fn key(&mut self, key: &KeyEvent) {
        let place = self.place();
        if self.run.is_none() && self.overlay.is_none() {
            let typed = match &mut self.browser {
                Some(browser) => browser.typing() && browser.type_key(key),
                None => self.menu.typing() && self.menu.type_key(key),
            };
            if typed {
                return;
            }
        }
        let Some(action) = keymap::action(place, key) else { return };
        match &mut self.overlay {
            Some(Overlay::Popup(popup)) => {
                if popup.act(action) {
                    self.overlay = None;
                }
            }
            Some(Overlay::Leave(leave)) => {
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
            Action::Help => self.overlay = Some(Overlay::Popup(Popup::help(self.place()))),
            Action::Quit => self.quit(),
            _ if self.run.is_some() => self.act_on_run(action),
            _ if self.browser.is_some() => self.act_on_files(action),
            _ => match self.menu.act(action) {
                Some(Asked::Train(name)) => self.train(&name),
                Some(Asked::Fetch(what)) => self.tell("The data are not here yet", &what),
                Some(Asked::Browse) => self.browse(),
                None => {}
            },
        }
    }

    /// Lets a file or folder be chosen, from the present folder on.
    fn browse(&mut self) {
        let Some(own) = self.own else { return };
        match std::env::current_dir() {
            Ok(folder) => self.browser = Some(Browser::new(own, folder)),
            Err(error) => self.tell("No files", &format!("the present folder: {error}")),
        }
    }

    fn act_on_files(&mut self, action: Action) {
        let (Some(browser), Some(own)) = (&mut self.browser, self.own) else { return };
        match browser.act(action) {
            Some(browser::Asked::Leave) => self.browser = None,
            Some(browser::Asked::Tell(what)) => self.tell("No preset", &what),
            Some(browser::Asked::Train(draft)) => match (own.write)(&draft) {
                Ok(preset) => {
                    self.train(&preset);
                    if self.run.is_some() {
                        self.browser = None;
                    }
                }
                Err(error) => self.tell("The preset cannot be written", &error),
            },
            None => {}
        }
    }

    fn act_on_run(&mut self, action: Action) {
        let Some(run) = &mut self.run else { return };
        if run.dashboard.act(action) {
            return;
        }
        let paused = matches!(run.dashboard.run.status(), Some(RunStatus::Paused));
        let command = match action {
            Action::PauseResume if paused => Command::Resume,
            Action::PauseResume => Command::Pause,
            Action::SingleStep => Command::SingleStep,
            Action::SlowerLearning => Command::ScaleLearningRate { factor: 0.5 },
            Action::FasterLearning => Command::ScaleLearningRate { factor: 2.0 },
            Action::FullSpeed => Command::FullSpeed,
            Action::Save => Command::Save,
            Action::Picture => return self.picture(),
            Action::Log => {
                self.overlay = Some(Overlay::Popup(Popup::log()));
                return;
            }
            Action::Back if run.ending.is_some() => return,
            Action::Back if !run.over() => return self.quit(),
            Action::Back if self.from_menu => {
                self.run = None;
                return;
            }
            _ => return,
        };
        if let Command::ScaleLearningRate { factor } = command
            && !run.over()
        {
            run.dashboard.view.scale_learning_rate(factor, &run.dashboard.run);
        }
        // A trainer that has ended ignores commands, and its status shows that.
        let _ = run.commands.send(command);
    }

    fn train(&mut self, name: &str) {
        match (self.launch)(name) {
            Ok(link) => self.show(link),
            Err(error) => self.tell("Cannot start", &error),
        }
    }

    fn show(&mut self, link: Link) {
        let Link { events, commands } = link;
        let dashboard = Dashboard { has_menu: self.from_menu, ..Dashboard::new() };
        self.run = Some(Run { dashboard, events: Some(events), commands, ending: None });
        self.drawing = None;
    }

    /// Writes the dashboard as it is seen to an SVG file in the run folder.
    fn picture(&mut self) {
        let Some((run, info)) = self.run.as_ref().and_then(|run| Some((run, run.dashboard.run.info()?)))
        else {
            return;
        };
        let mut buffer = Buffer::empty(self.body);
        dashboard::render(&run.dashboard, self.body, &mut buffer, &self.theme);
        let step = run.dashboard.run.latest().map_or(0, |metrics| metrics.step);
        let path = info.folder.join(format!("screen-{step}.svg"));
        match std::fs::write(&path, picture::svg(&buffer, &self.theme)) {
            Ok(()) => self.tell("A picture of the screen", &path.display().to_string()),
            Err(error) => self.tell("No picture", &format!("{}: {error}", path.display())),
        }
    }

    fn tell(&mut self, title: &str, text: &str) {
        self.overlay = Some(Overlay::Popup(Popup::message(title, text)));
    }

    /// Ends where nothing is lost by it, else asks; asked again while the trainer is ending, does not wait for it.
    fn quit(&mut self) {
        match &self.run {
            Some(run) if !run.over() && run.ending.is_none() => {
                self.overlay = Some(Overlay::Leave(Leave::new()));
            }
            _ => self.outcome = Some(Outcome::Quit),
        }
    }

    fn leave(&mut self, way: Way) {
        let Some(run) = &mut self.run else { return };
        let command = match way {
            Way::Cancel => return,
            Way::WithoutScreen => {
                self.outcome = Some(Outcome::LeftTraining);
                return;
            }
            Way::SaveAndStop => Command::SaveAndStop,
            Way::Stop => Command::Stop,
        };
        run.ending = Some(way);
        if run.commands.send(command).is_err() {
            self.outcome = Some(Outcome::Quit);
        }
    }

    /// Draws the whole screen.
    pub fn render(&mut self, frame: &mut Frame<'_>) {
        let whole = frame.area();
        let [body, foot] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(whole);
        // A single line is not given to the footer.
        let (body, foot) = if whole.height > 1 { (body, Some(foot)) } else { (whole, None) };
        self.body = body;
        match &self.run {
            Some(run) => dashboard::render(&run.dashboard, body, frame.buffer_mut(), &self.theme),
            None => match &mut self.browser {
                Some(browser) => browser.render(frame, body, &self.theme),
                None => self.menu.render(frame, body, &self.theme),
            },
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
            Some(Overlay::Leave(leave)) => leave.render(frame, whole, &self.theme),
            None => {}
        }
        plain::replace(frame.buffer_mut(), whole, self.theme.glyphs);
    }

    fn footer(&self, area: Rect) -> Line<'static> {
        let words = match self.run.as_ref().and_then(|run| run.ending) {
            Some(Way::SaveAndStop) => " saving, then leaving; q leaves at once",
            Some(_) => " stopping, then leaving; q leaves at once",
            None => return help::footer(self.place(), usize::from(area.width), &self.theme),
        };
        Line::styled(words, self.theme.style(Role::Warning))
    }
}

/// Whether `key` is the terminal's own suspend key, which raw mode delivers as a key.
fn suspends(key: &KeyEvent) -> bool {
    key.code == KeyCode::Char('z') && key.modifiers == KeyModifiers::CONTROL
}

#[cfg(test)]
mod tests;

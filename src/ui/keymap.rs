//! Which key does what: one table that dispatches, and makes the help, the footer and the README's list.

mod table;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

pub use table::BINDINGS;

/// What a key can ask for. Screens ignore what does not concern them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Quit; asks while training.
    Quit,
    /// Leave: full screen → panels → menu; closes help, filter and questions first.
    Back,
    /// Open what is chosen: a preset, a panel as full screen.
    Open,
    /// The help.
    Help,
    /// What am I looking at: explains the focused panel.
    Explain,
    /// Type a filter.
    Filter,
    /// Choose data of one's own.
    OwnData,
    /// Look at the chosen file or folder.
    LookAt,
    /// The folder above.
    Parent,
    /// Hidden files on and off.
    Hidden,
    /// Next panel.
    FocusNext,
    /// Previous panel.
    FocusPrevious,
    /// Panel by number, from 1.
    Focus(u8),
    /// Cursor or selection.
    Up,
    /// Cursor or selection.
    Down,
    /// Cursor one point back.
    Left,
    /// Cursor one point on.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// Pause, or go on.
    PauseResume,
    /// One step.
    SingleStep,
    /// Learning rate down.
    SlowerLearning,
    /// Learning rate up.
    FasterLearning,
    /// Full speed: keep the preset's pace no longer.
    FullSpeed,
    /// Write a checkpoint.
    Save,
    /// More smoothing.
    SmoothMore,
    /// Less smoothing.
    SmoothLess,
    /// No smoothing.
    SmoothOff,
    /// Logarithmic y axis on and off.
    LogScale,
    /// x axis: step, epoch, time.
    XAxis,
    /// Zoom in round the cursor, next level; over the last level back to the whole.
    Zoom,
    /// Next recurrent layer or direction.
    NextLayer,
    /// Previous recurrent layer or direction.
    PreviousLayer,
    /// Next probe sentence.
    NextProbe,
    /// Next quantity of a recurrent layer: hidden state, cell state, gates; of the gradient: by state or recurrent kernel.
    Quantity,
    /// A picture of the screen, as SVG.
    Picture,
    /// The log, with what watching costs.
    Log,
}

/// Where a binding holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On every screen.
    Everywhere,
    /// In the menu only.
    Menu,
    /// In the browser of files only.
    Browser,
    /// Where it is told what a file is, only.
    Found,
    /// In the dashboard only.
    Dashboard,
}

/// A key as a person presses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character, shifted or not as the keyboard made it.
    Char(char),
    /// A character with Ctrl held.
    Ctrl(char),
    /// `1` to `9`: the action is [`Action::Focus`] of the digit.
    Digit,
    /// A key without a character.
    Code(KeyCode),
}

impl Key {
    fn matches(self, event: &KeyEvent) -> bool {
        let held = event.modifiers.difference(KeyModifiers::SHIFT);
        match (self, event.code) {
            (Self::Ctrl(c), KeyCode::Char(pressed)) => held == KeyModifiers::CONTROL && pressed == c,
            (Self::Char(c), KeyCode::Char(pressed)) => held.is_empty() && pressed == c,
            (Self::Digit, KeyCode::Char(pressed)) => held.is_empty() && matches!(pressed, '1'..='9'),
            (Self::Code(code), pressed) => held.is_empty() && pressed == code,
            _ => false,
        }
    }

    /// How the key is written: `↑`, `PgUp`, `Ctrl-C`, `1-9`.
    pub fn name(self) -> String {
        match self {
            Self::Char(' ') => "Space".into(),
            Self::Char(c) => c.into(),
            Self::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
            Self::Digit => "1-9".into(),
            Self::Code(code) => match code {
                KeyCode::Up => "↑".into(),
                KeyCode::Down => "↓".into(),
                KeyCode::Left => "←".into(),
                KeyCode::Right => "→".into(),
                KeyCode::PageUp => "PgUp".into(),
                KeyCode::PageDown => "PgDn".into(),
                KeyCode::BackTab => "Shift-Tab".into(),
                KeyCode::Backspace => "Backspace".into(),
                other => other.to_string(),
            },
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// What is asked for.
    pub action: Action,
    /// The keys that ask for it; the first is the one that the footer names.
    pub keys: &'static [Key],
    /// A short word for the footer; empty keeps it out of there.
    pub word: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
    /// Where it holds.
    pub place: Place,
}

impl Binding {
    /// Whether it holds at `place`.
    pub fn holds(&self, place: Place) -> bool {
        self.place == Place::Everywhere || self.place == place
    }

    /// All its keys: `q, Ctrl-C`.
    pub fn names(&self) -> String {
        self.keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(", ")
    }
}

/// What `event` asks for at `place`; `None` for releases and keys that mean nothing there.
pub fn action(place: Place, event: &KeyEvent) -> Option<Action> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let binding = BINDINGS.iter().find(|b| b.holds(place) && b.keys.iter().any(|key| key.matches(event)))?;
    match (binding.action, event.code) {
        (Action::Focus(_), KeyCode::Char(digit)) => {
            digit.to_digit(10).and_then(|n| u8::try_from(n).ok()).map(Action::Focus)
        }
        (action, _) => Some(action),
    }
}

/// The bindings that hold at `place`, in the order of the table.
pub fn at(place: Place) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |b| b.holds(place))
}

/// The list of keys for the README, as Markdown.
pub fn markdown() -> String {
    let mut out = String::new();
    for (heading, place) in [
        ("Everywhere", Place::Everywhere),
        ("Menu", Place::Menu),
        ("Your data: files", Place::Browser),
        ("Your data: what was found", Place::Found),
        ("Dashboard", Place::Dashboard),
    ] {
        out += &format!("**{heading}**\n\n| Key | |\n|---|---|\n");
        for binding in BINDINGS.iter().filter(|b| b.place == place) {
            let keys: Vec<String> = binding.keys.iter().map(|k| format!("`{}`", k.name())).collect();
            out += &format!("| {} | {} |\n", keys.join(" "), binding.help);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for place in [Place::Menu, Place::Browser, Place::Found, Place::Dashboard] {
            let keys: Vec<Key> = at(place).flat_map(|b| b.keys.iter().copied()).collect();
            for (i, key) in keys.iter().enumerate() {
                assert!(!keys[i + 1..].contains(key), "{} means two things at {place:?}", key.name());
                let digit = matches!(key, Key::Char('1'..='9'));
                assert!(!(digit && keys.contains(&Key::Digit)), "a digit means two things at {place:?}");
            }
        }
    }

    #[test]
    fn keys_ask_for_their_actions_only_where_they_hold() {
        let space = press(KeyCode::Char(' '), KeyModifiers::NONE);
        assert_eq!(action(Place::Dashboard, &space), Some(Action::PauseResume));
        assert_eq!(action(Place::Menu, &space), None);
        let three = press(KeyCode::Char('3'), KeyModifiers::NONE);
        assert_eq!(action(Place::Dashboard, &three), Some(Action::Focus(3)));
        for place in [Place::Menu, Place::Dashboard] {
            let interrupt = press(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(action(place, &interrupt), Some(Action::Quit));
            assert_eq!(action(place, &press(KeyCode::Char('?'), KeyModifiers::SHIFT)), Some(Action::Help));
        }
    }

    #[test]
    fn shift_makes_another_character_and_alt_another_key() {
        let save = press(KeyCode::Char('s'), KeyModifiers::NONE);
        let picture = press(KeyCode::Char('S'), KeyModifiers::SHIFT);
        assert_eq!(action(Place::Dashboard, &save), Some(Action::Save));
        assert_eq!(action(Place::Dashboard, &picture), Some(Action::Picture));
        assert_eq!(action(Place::Dashboard, &press(KeyCode::Char('s'), KeyModifiers::ALT)), None);
        let mut release = save;
        release.kind = KeyEventKind::Release;
        assert_eq!(action(Place::Dashboard, &release), None);
    }

    #[test]
    fn the_readme_lists_every_binding_once() {
        let list = markdown();
        assert!(BINDINGS.iter().all(|b| list.matches(b.help).count() == 1));
        assert_eq!(list.lines().filter(|l| l.starts_with("| `")).count(), BINDINGS.len());
    }
}

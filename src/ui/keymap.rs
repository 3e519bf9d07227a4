//! The key bindings: one table that dispatches keys and generates the help, the footer and the help page `keys`.

mod sweep_table;
mod table;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use table::BINDINGS;

/// The action of a key. Screens ignore actions that do not concern them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Quit, with a dialog while training.
    Quit,
    /// Go back: full screen → panels → menu; first closes help, filter and dialogs.
    Back,
    /// Open the selection: a preset, a panel in full screen.
    Open,
    /// Show the help.
    Help,
    /// Explain the focused panel.
    Explain,
    /// Type a filter.
    Filter,
    /// Choose own data.
    CustomData,
    /// Inspect the selected file or folder.
    Inspect,
    /// Go to the parent folder.
    Parent,
    /// Show or hide hidden files.
    ToggleHidden,
    /// Show the runs.
    Runs,
    /// Edit the chosen preset.
    Edit,
    /// Copy the command of what is chosen.
    CopyCommand,
    /// Edit: a layer more.
    AddLayer,
    /// Edit: a layer less.
    RemoveLayer,
    /// Edit: the layer before the one below it.
    MoveUp,
    /// Edit: the layer behind the one above it.
    MoveDown,
    /// Edit: `return_sequences` on and off.
    ReturnSequences,
    /// Mark a run, or remove its mark.
    Mark,
    /// Compare the marked runs.
    Compare,
    /// Sort by something else.
    Sort,
    /// Reverse the order.
    Reverse,
    /// Add tags to the chosen run, or remove them.
    Tag,
    /// Add a note to the chosen run.
    Note,
    /// Remove the chosen run.
    Remove,
    /// Next metric.
    NextMetric,
    /// Previous metric.
    PreviousMetric,
    /// Next panel.
    FocusNext,
    /// Previous panel.
    FocusPrevious,
    /// Panel by number, from 1.
    Focus(u8),
    /// Next tab.
    NextTab,
    /// Previous tab.
    PreviousTab,
    /// Next run of several.
    NextRun,
    /// Previous run of several.
    PreviousRun,
    /// Type a text that the network predicts after every token.
    TypeText,
    /// The words of the example in the reverse order, beside it.
    ReverseText,
    /// Another word in place of a token of the example, beside it.
    ReplaceWord,
    /// Sample a language model at a lower temperature.
    LowerTemperature,
    /// Sample a language model at a higher temperature.
    HigherTemperature,
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
    /// Pause or resume.
    PauseResume,
    /// One step.
    SingleStep,
    /// Learning rate down.
    SlowerLearning,
    /// Learning rate up.
    FasterLearning,
    /// Smaller batches.
    SmallerBatches,
    /// Larger batches.
    LargerBatches,
    /// Full speed: drop the preset's pace.
    FullSpeed,
    /// Undo the last change of the training.
    Undo,
    /// Write a checkpoint.
    Save,
    /// Leave the run, which continues without this terminal.
    Detach,
    /// Stop the run, with a dialog.
    Stop,
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
    /// Rows of a matrix.
    YAxis,
    /// Zoom in around the cursor; after the last level back to the whole run.
    Zoom,
    /// Zoom out by one level.
    ZoomOut,
    /// Next recurrent layer or direction.
    NextLayer,
    /// Previous recurrent layer or direction.
    PreviousLayer,
    /// Next example.
    NextProbe,
    /// Next quantity of a recurrent layer: hidden state, cell state, gates; of the gradient: by state or recurrent kernel.
    Quantity,
    /// Next order of the units in heat maps.
    UnitOrder,
    /// Save a screenshot as SVG and as text.
    Screenshot,
    /// Show the log, with the monitoring overhead.
    Log,
    /// Replay: one step back.
    StepBack,
    /// Replay: half the speed.
    SlowerPlayback,
    /// Replay: twice the speed.
    FasterPlayback,
    /// Replay: to the end of the next epoch.
    NextEpoch,
    /// Replay: to the end of the previous epoch.
    PreviousEpoch,
    /// Replay: to the greatest gradient norm.
    WorstGradient,
    /// Replay: to the best validation.
    BestValidation,
    /// Replay: to a step by its number.
    GoToStep,
    /// Replay: the cursor of the focused panel back.
    CursorBack,
    /// Replay: the cursor of the focused panel forward.
    CursorForward,
    /// Branch the run at a step.
    Branch,
    /// Open the lecture.
    Lecture,
    /// Lecture: do what the page proposes.
    Try,
    /// Lecture: the same backwards.
    TryBack,
}

/// The part of the screen in which a binding applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// On every screen.
    Everywhere,
    /// In the menu only.
    Menu,
    /// In the form of a preset only.
    Edit,
    /// In the browser of files only.
    Browser,
    /// In the inspection of a file only.
    Inspection,
    /// In the list of runs only.
    Runs,
    /// In the tab of several runs only.
    Group,
    /// On the screen of a sweep only.
    Sweep,
    /// In the lecture only.
    Lecture,
    /// In the dashboard of a run in training only.
    Dashboard,
    /// In the dashboard of a recorded run only.
    Replay,
    /// In the dashboard of any run.
    AnyRun,
}

/// A key as the user presses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character, shifted or not.
    Char(char),
    /// A character with Ctrl.
    Ctrl(char),
    /// `1` to `9`: the action is [`Action::Focus`] of the digit.
    Digit,
    /// A key without a character.
    Code(KeyCode),
}

impl Key {
    fn matches(self, event: &KeyEvent) -> bool {
        let modifiers = event.modifiers.difference(KeyModifiers::SHIFT);
        match (self, event.code) {
            (Self::Ctrl(c), KeyCode::Char(pressed)) => modifiers == KeyModifiers::CONTROL && pressed == c,
            (Self::Char(c), KeyCode::Char(pressed)) => modifiers.is_empty() && pressed == c,
            (Self::Digit, KeyCode::Char(pressed)) => modifiers.is_empty() && matches!(pressed, '1'..='9'),
            (Self::Code(code), pressed) => modifiers.is_empty() && pressed == code,
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

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The action.
    pub action: Action,
    /// The keys; the footer names the first.
    pub keys: &'static [Key],
    /// A short word for the footer; empty keeps it out of there.
    pub word: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
    /// Where it applies.
    pub context: Context,
}

impl Binding {
    /// Whether it holds at `context`.
    pub fn applies_in(&self, context: Context) -> bool {
        let is_run = matches!(context, Context::Dashboard | Context::Replay);
        self.context == Context::Everywhere && !self.is_replaced_in(context)
            || self.context == context
            || self.context == Context::AnyRun && is_run
    }

    /// Whether its keys do something else at `context`, or nothing: the lecture turns pages, and has no panels to go to.
    fn is_replaced_in(&self, context: Context) -> bool {
        context == Context::Lecture && self.action != Action::Help
    }

    /// All its keys: `q, Ctrl-C`.
    pub fn names(&self) -> String {
        self.keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(", ")
    }
}

/// All bindings.
fn all() -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().chain(sweep_table::BINDINGS)
}

/// The letters of the Russian layout of a keyboard, and those of the same keys in the Latin one, small and capital.
const RUSSIAN: [(&str, &str); 2] = [
    ("йцукенгшщзхъфывапролджэячсмитьбю", "qwertyuiop[]asdfghjkl;'zxcvbnm,."),
    ("ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ", "QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>"),
];

/// The event of the same key in the Latin layout: no key has to be searched for in another one.
fn latin(event: &KeyEvent) -> KeyEvent {
    let on_key = |c: char| {
        RUSSIAN
            .iter()
            .find_map(|(russian, latin)| russian.chars().zip(latin.chars()).find(|(own, _)| *own == c))
    };
    match event.code {
        KeyCode::Char(c) => {
            let code = KeyCode::Char(on_key(c).map_or(c, |(_, latin)| latin));
            KeyEvent { code, ..*event }
        }
        _ => *event,
    }
}

/// Returns the action of a key event in `context`; `None` for releases and unbound keys. Keys of the Russian layout are those of the Latin
/// one at their place.
pub fn action(context: Context, event: &KeyEvent) -> Option<Action> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let event = &latin(event);
    let binding = all().find(|b| b.applies_in(context) && b.keys.iter().any(|key| key.matches(event)))?;
    match (binding.action, event.code) {
        (Action::Focus(_), KeyCode::Char(digit)) => {
            digit.to_digit(10).and_then(|n| u8::try_from(n).ok()).map(Action::Focus)
        }
        (action, _) => Some(action),
    }
}

/// Returns the bindings of `context`, in the order of the table.
pub fn bindings(context: Context) -> impl Iterator<Item = &'static Binding> {
    all().filter(move |b| b.applies_in(context))
}

/// Returns the key bindings as Markdown, for the help page.
pub fn markdown() -> String {
    let mut out = String::new();
    for (heading, context) in [
        ("Everywhere", Context::Everywhere),
        ("Menu", Context::Menu),
        ("Menu: edit a preset", Context::Edit),
        ("Your data: files", Context::Browser),
        ("Your data: inspection", Context::Inspection),
        ("Runs", Context::Runs),
        ("Dashboard: tab Runs of several runs", Context::Group),
        ("Sweep (`unrolled sweep status`)", Context::Sweep),
        ("Lecture", Context::Lecture),
        ("Dashboard", Context::AnyRun),
        ("Dashboard of a run in training", Context::Dashboard),
        ("Dashboard of a recorded run (`unrolled replay`)", Context::Replay),
    ] {
        out += &format!("**{heading}**\n\n| Key | |\n|---|---|\n");
        for binding in all().filter(|b| b.context == context) {
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
        let contexts = [
            Context::Menu,
            Context::Edit,
            Context::Browser,
            Context::Inspection,
            Context::Runs,
            Context::Group,
            Context::Sweep,
            Context::Lecture,
        ];
        for context in contexts.into_iter().chain([Context::Dashboard, Context::Replay]) {
            let keys: Vec<Key> = bindings(context).flat_map(|b| b.keys.iter().copied()).collect();
            for (i, key) in keys.iter().enumerate() {
                assert!(!keys[i + 1..].contains(key), "{} means two things at {context:?}", key.name());
                let digit = matches!(key, Key::Char('1'..='9'));
                assert!(!(digit && keys.contains(&Key::Digit)), "a digit means two things at {context:?}");
            }
        }
    }

    #[test]
    fn keys_ask_for_their_actions_only_where_they_hold() {
        let space = press(KeyCode::Char(' '), KeyModifiers::NONE);
        assert_eq!(action(Context::Dashboard, &space), Some(Action::PauseResume));
        assert_eq!(action(Context::Menu, &space), None);
        let three = press(KeyCode::Char('3'), KeyModifiers::NONE);
        assert_eq!(action(Context::Dashboard, &three), Some(Action::Focus(3)));
        for context in [Context::Menu, Context::Dashboard] {
            let interrupt = press(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(action(context, &interrupt), Some(Action::Quit));
            assert_eq!(action(context, &press(KeyCode::Char('?'), KeyModifiers::SHIFT)), Some(Action::Help));
        }
    }

    #[test]
    fn keys_of_the_russian_layout_are_those_at_their_place() {
        let of = |c: char| press(KeyCode::Char(c), KeyModifiers::NONE);
        assert_eq!(action(Context::Lecture, &of('й')), Some(Action::Quit));
        assert_eq!(action(Context::Lecture, &of('з')), Some(Action::PauseResume));
        assert_eq!(action(Context::Lecture, &of('а')), Some(Action::FullSpeed));
        assert_eq!(action(Context::Dashboard, &of('Ы')), Some(Action::Screenshot), "with Shift");
        let interrupt = press(KeyCode::Char('с'), KeyModifiers::CONTROL);
        assert_eq!(action(Context::Dashboard, &interrupt), Some(Action::Quit));
        assert!(RUSSIAN.iter().all(|(own, latin)| own.chars().count() == latin.chars().count()));
    }

    #[test]
    fn shift_makes_another_character_and_alt_another_key() {
        let save = press(KeyCode::Char('s'), KeyModifiers::NONE);
        let picture = press(KeyCode::Char('S'), KeyModifiers::SHIFT);
        assert_eq!(action(Context::Dashboard, &save), Some(Action::Save));
        assert_eq!(action(Context::Dashboard, &picture), Some(Action::Screenshot));
        assert_eq!(action(Context::Dashboard, &press(KeyCode::Char('s'), KeyModifiers::ALT)), None);
        let mut release = save;
        release.kind = KeyEventKind::Release;
        assert_eq!(action(Context::Dashboard, &release), None);
    }

    #[test]
    fn the_readme_lists_every_binding_once() {
        let list = markdown();
        assert!(all().all(|b| list.matches(b.help).count() == 1));
        assert_eq!(list.lines().filter(|l| l.starts_with("| `")).count(), all().count());
    }
}

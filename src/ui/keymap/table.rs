use ratatui::crossterm::event::KeyCode;

use super::Context::{Browser, Dashboard, Everywhere, Inspection, Menu};
use super::Key::{Char, Code, Ctrl, Digit};
use super::{Action, Binding, Context, Key};

const fn row(
    context: Context,
    action: Action,
    keys: &'static [Key],
    word: &'static str,
    help: &'static str,
) -> Binding {
    Binding { action, keys, word, help, context }
}

/// All key bindings. The footer lists them in this order, as many as fit.
pub const BINDINGS: &[Binding] = &[
    row(Everywhere, Action::Help, &[Char('?')], "help", "This help."),
    row(
        Everywhere,
        Action::Quit,
        &[Char('q'), Ctrl('c')],
        "quit",
        "Quit; asks first while a network is training.",
    ),
    row(Menu, Action::Open, &[Code(KeyCode::Enter)], "train", "Train the chosen preset."),
    row(Menu, Action::Filter, &[Char('/')], "filter", "Show only presets that contain the typed words."),
    row(Menu, Action::CustomData, &[Char('d')], "your data", "Use your own data: choose a file or folder."),
    row(
        Browser,
        Action::Open,
        &[Code(KeyCode::Enter), Code(KeyCode::Right), Char('l')],
        "open",
        "Open the folder, or inspect the file.",
    ),
    row(Browser, Action::Inspect, &[Char(' ')], "inspect", "Inspect the file, or the folder as a whole."),
    row(
        Browser,
        Action::Parent,
        &[Code(KeyCode::Left), Code(KeyCode::Backspace), Char('h')],
        "up",
        "Go to the parent folder.",
    ),
    row(Browser, Action::Filter, &[Char('/')], "filter", "Show only names that contain the typed words."),
    row(Browser, Action::ToggleHidden, &[Char('.')], "hidden", "Show or hide hidden files."),
    row(
        Inspection,
        Action::Open,
        &[Code(KeyCode::Enter)],
        "train",
        "Write the preset to the current folder and train it.",
    ),
    row(
        Inspection,
        Action::Parent,
        &[Code(KeyCode::Left), Code(KeyCode::Backspace), Char('h')],
        "back",
        "Back to the files.",
    ),
    row(Dashboard, Action::PauseResume, &[Char(' ')], "pause", "Pause or resume training."),
    row(Dashboard, Action::SingleStep, &[Char('n')], "step", "Train a single step, then pause."),
    row(
        Dashboard,
        Action::Open,
        &[Code(KeyCode::Enter)],
        "enlarge",
        "Show the focused panel in full screen.",
    ),
    row(Dashboard, Action::Explain, &[Char('i')], "explain", "Explain the focused panel."),
    row(
        Everywhere,
        Action::Back,
        &[Code(KeyCode::Esc)],
        "",
        "Back: closes what is open, then goes to the menu or quits.",
    ),
    row(Everywhere, Action::FocusNext, &[Code(KeyCode::Tab)], "panel", "Next panel."),
    row(Everywhere, Action::FocusPrevious, &[Code(KeyCode::BackTab)], "", "Previous panel."),
    row(Dashboard, Action::Focus(1), &[Digit], "", "Go to a panel by its number."),
    row(Dashboard, Action::Left, &[Code(KeyCode::Left)], "cursor", "Move the cursor back, in every chart."),
    row(Dashboard, Action::Right, &[Code(KeyCode::Right)], "", "Move the cursor forward, in every chart."),
    row(
        Dashboard,
        Action::Zoom,
        &[Char('z')],
        "zoom",
        "Zoom in around the cursor; after the last level zoom out.",
    ),
    row(Dashboard, Action::LogScale, &[Char('l')], "log", "Toggle the logarithmic y axis."),
    row(Dashboard, Action::XAxis, &[Char('x')], "axis", "Switch the x axis: step, epoch, time."),
    row(Dashboard, Action::SmoothMore, &[Char('+'), Char('=')], "smooth", "Smooth the curves more."),
    row(Dashboard, Action::SmoothLess, &[Char('-')], "", "Smooth the curves less."),
    row(Dashboard, Action::SmoothOff, &[Char('0')], "", "Turn smoothing off."),
    row(Dashboard, Action::NextProbe, &[Char('p')], "example", "Next example."),
    row(
        Dashboard,
        Action::Quantity,
        &[Char('g')],
        "gates",
        "Switch between state, cell and gates; between gradients.",
    ),
    row(Dashboard, Action::NextLayer, &[Char(']')], "layer", "Next recurrent layer or direction."),
    row(Dashboard, Action::PreviousLayer, &[Char('[')], "", "Previous recurrent layer or direction."),
    row(Dashboard, Action::SlowerLearning, &[Char(',')], "rate", "Halve the learning rate."),
    row(Dashboard, Action::FasterLearning, &[Char('.')], "", "Double the learning rate."),
    row(
        Dashboard,
        Action::FullSpeed,
        &[Char('f')],
        "",
        "Full speed, if the preset slows training down for watching.",
    ),
    row(Dashboard, Action::Save, &[Char('s')], "save", "Save a checkpoint and continue."),
    row(Dashboard, Action::Log, &[Char('L')], "", "Show the log and the monitoring overhead."),
    row(Dashboard, Action::Screenshot, &[Char('S')], "screenshot", "Save a screenshot as SVG."),
    row(Everywhere, Action::Up, &[Code(KeyCode::Up), Char('k')], "", "Up."),
    row(Everywhere, Action::Down, &[Code(KeyCode::Down), Char('j')], "", "Down."),
    row(Everywhere, Action::PageUp, &[Code(KeyCode::PageUp)], "", "Page up."),
    row(Everywhere, Action::PageDown, &[Code(KeyCode::PageDown)], "", "Page down."),
    row(Everywhere, Action::First, &[Code(KeyCode::Home)], "", "Go to the first."),
    row(Everywhere, Action::Last, &[Code(KeyCode::End)], "", "Go to the last."),
];

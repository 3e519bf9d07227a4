use ratatui::crossterm::event::KeyCode;

use super::Key::{Char, Code, Ctrl, Digit};
use super::Place::{Browser, Dashboard, Everywhere, Found, Menu};
use super::{Action, Binding, Key, Place};

const fn row(
    place: Place,
    action: Action,
    keys: &'static [Key],
    word: &'static str,
    help: &'static str,
) -> Binding {
    Binding { action, keys, word, help, place }
}

/// Every key of the program. The footer names them in this order, as far as its line reaches.
pub const BINDINGS: &[Binding] = &[
    row(Everywhere, Action::Help, &[Char('?')], "help", "This help."),
    row(Everywhere, Action::Quit, &[Char('q'), Ctrl('c')], "quit", "Quit; asks while a network trains."),
    row(Menu, Action::Open, &[Code(KeyCode::Enter)], "train", "Train the chosen preset."),
    row(Menu, Action::Filter, &[Char('/')], "filter", "Show only presets with the words that you type."),
    row(Menu, Action::OwnData, &[Char('d')], "your data", "Data of your own: choose a file or folder."),
    row(
        Browser,
        Action::Open,
        &[Code(KeyCode::Enter), Code(KeyCode::Right)],
        "open",
        "Into the folder; look at the file.",
    ),
    row(Browser, Action::LookAt, &[Char(' ')], "look", "Look at the file, or at the folder as a whole."),
    row(
        Browser,
        Action::Parent,
        &[Code(KeyCode::Left), Code(KeyCode::Backspace)],
        "up",
        "To the folder above.",
    ),
    row(Browser, Action::Filter, &[Char('/')], "filter", "Show only names with the words that you type."),
    row(Browser, Action::Hidden, &[Char('.')], "hidden", "Hidden files on and off."),
    row(
        Found,
        Action::Open,
        &[Code(KeyCode::Enter)],
        "train",
        "Write the preset into the present folder, and train it.",
    ),
    row(
        Found,
        Action::Parent,
        &[Code(KeyCode::Left), Code(KeyCode::Backspace)],
        "back",
        "Back to the files.",
    ),
    row(Dashboard, Action::PauseResume, &[Char(' ')], "pause", "Pause the training, or go on."),
    row(Dashboard, Action::SingleStep, &[Char('n')], "step", "Make a single step, then wait."),
    row(Dashboard, Action::Open, &[Code(KeyCode::Enter)], "enlarge", "The focused panel as full screen."),
    row(Dashboard, Action::Explain, &[Char('i')], "explain", "What am I looking at?"),
    row(Everywhere, Action::Back, &[Code(KeyCode::Esc)], "", "Back: closes what is open, then leaves."),
    row(Everywhere, Action::FocusNext, &[Code(KeyCode::Tab)], "panel", "Next panel."),
    row(Everywhere, Action::FocusPrevious, &[Code(KeyCode::BackTab)], "", "Previous panel."),
    row(Dashboard, Action::Focus(1), &[Digit], "", "Panel by its number."),
    row(Dashboard, Action::Left, &[Code(KeyCode::Left)], "cursor", "Cursor one point back, in every chart."),
    row(Dashboard, Action::Right, &[Code(KeyCode::Right)], "", "Cursor one point on, in every chart."),
    row(Dashboard, Action::Zoom, &[Char('z')], "zoom", "Zoom in round the cursor; after the last level out."),
    row(Dashboard, Action::LogScale, &[Char('l')], "log", "Logarithmic y axis on and off."),
    row(Dashboard, Action::XAxis, &[Char('x')], "axis", "x axis: step, epoch, time."),
    row(Dashboard, Action::SmoothMore, &[Char('+'), Char('=')], "smooth", "Smooth the curves more."),
    row(Dashboard, Action::SmoothLess, &[Char('-')], "", "Smooth the curves less."),
    row(Dashboard, Action::SmoothOff, &[Char('0')], "", "Curves as measured, not smoothed."),
    row(Dashboard, Action::NextProbe, &[Char('p')], "probe", "Next probe sentence."),
    row(Dashboard, Action::Quantity, &[Char('g')], "gates", "State, cell or gates; which gradient."),
    row(Dashboard, Action::NextLayer, &[Char(']')], "layer", "Next recurrent layer or direction."),
    row(Dashboard, Action::PreviousLayer, &[Char('[')], "", "Previous recurrent layer or direction."),
    row(Dashboard, Action::SlowerLearning, &[Char(',')], "rate", "Halve the learning rate."),
    row(Dashboard, Action::FasterLearning, &[Char('.')], "", "Double the learning rate."),
    row(
        Dashboard,
        Action::FullSpeed,
        &[Char('f')],
        "",
        "Full speed, where the preset slows down to be watched.",
    ),
    row(Dashboard, Action::Save, &[Char('s')], "save", "Write a checkpoint and go on."),
    row(Dashboard, Action::Log, &[Char('L')], "", "The log, and what watching costs."),
    row(Dashboard, Action::Picture, &[Char('S')], "picture", "A picture of the screen, as SVG."),
    row(Everywhere, Action::Up, &[Code(KeyCode::Up)], "", "Up."),
    row(Everywhere, Action::Down, &[Code(KeyCode::Down)], "", "Down."),
    row(Everywhere, Action::PageUp, &[Code(KeyCode::PageUp)], "", "A page up."),
    row(Everywhere, Action::PageDown, &[Code(KeyCode::PageDown)], "", "A page down."),
    row(Everywhere, Action::First, &[Code(KeyCode::Home)], "", "To the first."),
    row(Everywhere, Action::Last, &[Code(KeyCode::End)], "", "To the last."),
];

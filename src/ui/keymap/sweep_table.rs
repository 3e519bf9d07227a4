use ratatui::crossterm::event::KeyCode;

use super::Key::{Char, Code, Digit};
use super::{Action, Binding, Context, Key};

const fn row(action: Action, keys: &'static [Key], word: &'static str, help: &'static str) -> Binding {
    Binding { action, keys, word, help, context: Context::Sweep }
}

/// The key bindings of the screen of a sweep.
pub(super) const BINDINGS: &[Binding] = &[
    row(
        Action::Open,
        &[Code(KeyCode::Enter)],
        "replay",
        "Replay the run of the chosen trial, or attach to it while it is in training; Esc comes back.",
    ),
    row(
        Action::Filter,
        &[Char('/')],
        "filter",
        "Show only trials that fulfil all typed conditions: running, !failed, units=16, val_acc>0.9.",
    ),
    row(Action::Sort, &[Char('s')], "sort", "Sort the trials by the next column."),
    row(Action::Reverse, &[Char('o')], "reverse", "Reverse the order of the trials."),
    row(
        Action::Quantity,
        &[Char('g')],
        "group",
        "Show combinations of settings with mean, deviation and interval over seeds and folds, or trials again.",
    ),
    row(Action::XAxis, &[Char('x')], "columns", "Show the next setting in the columns of the matrix."),
    row(Action::YAxis, &[Char('y')], "rows", "Show the next setting in the rows of the matrix."),
    row(
        Action::NextMetric,
        &[Char('m')],
        "mean",
        "Show the mean of the trials of each cell of the matrix, or the best value.",
    ),
    row(
        Action::Left,
        &[Code(KeyCode::Left), Char('h')],
        "worse",
        "In the matrix one cell to the left; in the coordinates the next worse trial.",
    ),
    row(
        Action::Right,
        &[Code(KeyCode::Right), Char('l')],
        "better",
        "In the matrix one cell to the right; in the coordinates the next better trial.",
    ),
    row(Action::Zoom, &[Char('z')], "enlarge", "Show the focused panel of the sweep alone, or all again."),
    row(Action::Focus(1), &[Digit], "", "Go to a panel of the sweep by its number."),
    row(Action::Explain, &[Char('i')], "show", "Show all about the run of the chosen trial."),
    row(
        Action::Screenshot,
        &[Char('S')],
        "screenshot",
        "Save a screenshot as SVG and as text in the folder of the sweep.",
    ),
];

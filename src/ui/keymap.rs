//! Which key does what: one table that dispatches, and makes the help, the footer and the README's list.

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
    /// A picture of the screen, as SVG.
    Picture,
}

use crossbeam_channel::{SendError, Sender};

use super::{Command, CommandRequest};

/// Sends commands to a trainer under one name.
#[derive(Debug, Clone)]
pub struct CommandSender {
    by: String,
    to: Sender<CommandRequest>,
}

impl CommandSender {
    /// A sender of the name `by`: `screen`, `signal`.
    pub fn new(by: impl Into<String>, to: Sender<CommandRequest>) -> Self {
        Self { by: by.into(), to }
    }

    /// The same channel under another name.
    #[must_use]
    pub fn named(&self, by: impl Into<String>) -> Self {
        Self::new(by, self.to.clone())
    }

    /// Sends a command.
    ///
    /// # Errors
    /// When the trainer has ended.
    pub fn send(&self, command: Command) -> Result<(), SendError<CommandRequest>> {
        self.to.send(command.by(self.by.clone()))
    }
}

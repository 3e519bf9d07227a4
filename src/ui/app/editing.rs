//! A preset in the form: trained, saved or copied with its changes.

use crossbeam_channel::Receiver;

use super::App;
use crate::ui::edit::{EditScreen, EstimateResult, Request};
use crate::ui::keymap::Action;

impl App<'_> {
    /// Opens the form of the preset `name`; that of the preset that was edited last still has its changes.
    pub(super) fn edit(&mut self, name: &str) {
        let Some(hooks) = self.hooks else { return };
        if self.edit.as_ref().is_none_or(|edit| edit.edited().name() != name) {
            match EditScreen::open(name, hooks.estimate) {
                Ok(edit) => self.edit = Some(Box::new(edit)),
                Err(error) => return self.show_message("Cannot edit the preset", &error.to_string()),
            }
        }
        self.is_editing = true;
    }

    pub(super) fn act_on_edit(&mut self, action: Action) {
        let (Some(edit), Some(hooks)) = (&mut self.edit, self.hooks) else { return };
        match edit.act(action) {
            Some(Request::Leave) => self.is_editing = false,
            Some(Request::Copy(command)) => {
                edit.say("Copied, if the terminal lets programs use its clipboard (OSC 52).".to_owned());
                self.clipboard = Some(command);
            }
            Some(Request::Save) => edit.say(match (hooks.save)(edit.edited()) {
                Ok(file) => format!("Saved as {file}: unrolled train {file}"),
                Err(error) => error,
            }),
            Some(Request::Train) => {
                let (name, overrides) = (edit.edited().name().to_owned(), edit.edited().overrides());
                self.train(&name, &overrides);
            }
            None => {}
        }
    }

    /// What is measured of the edited preset.
    pub fn estimates(&self) -> Option<&Receiver<EstimateResult>> {
        self.edit.as_ref().map(|edit| edit.estimates())
    }

    /// Takes what was measured of the edited preset.
    pub fn take_estimate(&mut self, result: EstimateResult) {
        if let Some(edit) = &mut self.edit {
            edit.take_estimate(result);
        }
    }

    /// What the terminal is to put into its clipboard, once.
    pub fn take_clipboard(&mut self) -> Option<String> {
        self.clipboard.take()
    }
}

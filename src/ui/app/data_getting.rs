//! Getting the data of a preset: they are fetched, or a file is chosen for it.

use std::path::Path;
use std::time::Instant;

use crossbeam_channel::Receiver;
use crossterm::event::KeyEvent;

use super::data_dialog::{DataAnswer, DataDialog, FetchEvent};
use super::{App, Overlay};
use crate::preset::{self, Overrides};
use crate::ui::browser::Browser;

impl App<'_> {
    /// Asks how to get the data of `preset`, which `needs` says in words.
    pub(super) fn ask_for_data(&mut self, preset: &str, needs: &str) {
        let dialog =
            DataDialog::new(preset, needs, self.hooks.map(|hooks| hooks.fetch), self.hooks.is_some());
        self.overlay = Some(Overlay::DataDialog(Box::new(dialog)));
    }

    /// The events of the data set that is being fetched.
    pub fn fetch_events(&self) -> Option<&Receiver<FetchEvent>> {
        match &self.overlay {
            Some(Overlay::DataDialog(dialog)) => dialog.events(),
            _ => None,
        }
    }

    /// Takes an event of the data set that is being fetched; `None` if there will be no other.
    pub fn take_fetch_event(&mut self, event: Option<FetchEvent>) {
        let Some(Overlay::DataDialog(dialog)) = &mut self.overlay else { return };
        if dialog.take(event, Instant::now()) {
            // Those of presets are read again; none is wrong.
            self.menu.take_data(preset::entries().unwrap_or_default());
        }
    }

    /// Hands a key to the dialog.
    pub(super) fn type_to_data_dialog(&mut self, key: &KeyEvent) {
        let Some(Overlay::DataDialog(dialog)) = &mut self.overlay else { return };
        let Some(answer) = dialog.type_key(key) else { return };
        let preset = dialog.preset().to_owned();
        self.overlay = None;
        match answer {
            DataAnswer::Closed => {}
            DataAnswer::Choose => {
                self.browse();
                self.browser = self.browser.take().map(|browser| browser.for_preset(&preset));
            }
            DataAnswer::Train => self.train(&preset, &Overrides::default()),
        }
    }

    /// Trains the preset of the browser on the data at `path`. The browser stays until they can be trained on.
    pub(super) fn train_on(&mut self, path: &Path) {
        let Some(preset) = self.browser.as_ref().and_then(Browser::preset).map(str::to_owned) else { return };
        // Relative to the current folder where it is below it, as people write it.
        let here = std::env::current_dir().unwrap_or_default();
        let path = path.strip_prefix(&here).ok().filter(|path| !path.as_os_str().is_empty()).unwrap_or(path);
        self.train(&preset, &Overrides { data: Some(path.to_owned()), ..Overrides::default() });
    }
}

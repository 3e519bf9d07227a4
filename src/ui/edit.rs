//! The form in which a preset is edited: layers, optimizer, sizes; checked as it is typed.
//!
//! ```text
//!  unrolled  edit word-order
//! ╭ word-order, 2 changes ────────────╮╭ The network ───────────────╮
//! │ Layers                            ││ Layer (type) Output Shape …│
//! │   0 Embedding     output_dim  16  ││                            │
//! │ ▸ 1 LSTM          units       48  ││ loss                    L  │
//! │   2 Dense         units        1  ││                         ↑  │
//! │ Training                          ││ …                          │
//! │   learning rate   0.002           ││                            │
//! ╰───────────────────────────────────╯╰────────────────────────────╯
//!  ✓ 12,000 parameters · 2.1 MiB · 0.4 s an epoch
//!  unrolled train word-order --set model.1={layer: LSTM, units: 48}
//! ```

mod estimating;
mod view;

use crossbeam_channel::Receiver;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input as LineInput;
use tui_input::backend::crossterm::EventHandler;

use super::keymap::Action;
use super::scroll::Scroll;
use crate::escape::shell_word;
use crate::preset::{EditedPreset, Entry, LAYER_KINDS, OPTIMIZERS, PresetError, Settings};
use estimating::Estimating;

pub use estimating::{Estimate, EstimateHook, EstimateResult};

/// The longest value that is typed.
const LONGEST: usize = 24;

/// A setting of training: its name on the screen, and its path.
type Setting = (&'static str, &'static [&'static str]);

const RATE: Setting = ("learning rate", &["train", "optimizer", "learning_rate"]);
const CLIPPINGS: [Setting; 3] = [
    ("global_clipnorm", &["train", "optimizer", "global_clipnorm"]),
    ("clipnorm", &["train", "optimizer", "clipnorm"]),
    ("clipvalue", &["train", "optimizer", "clipvalue"]),
];
const LENGTHS: [Setting; 4] = [
    ("length", &["tokens", "length"]),
    ("length", &["data", "length"]),
    ("window", &["data", "window"]),
    ("gap", &["data", "gap"]),
];
const OTHERS: [Setting; 3] = [
    ("batch size", &["train", "batch_size"]),
    ("epochs", &["train", "epochs"]),
    ("seed", &["train", "seed"]),
];

/// What a number may be, by its key.
fn range(key: &str) -> &'static str {
    match key {
        "rate" => "0 <= number < 1",
        "stddev" => "number >= 0",
        "learning rate" => "number > 0",
        "global_clipnorm" | "clipnorm" | "clipvalue" => "> 0 or empty",
        "seed" => "integer >= 0",
        _ => "integer >= 1",
    }
}

/// A request of the form to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Back to the menu; the form stays as it is.
    Leave,
    /// Train the preset with the changes.
    Train,
    /// Save it as a preset file.
    Save,
    /// Copy this line to the clipboard.
    Copy(String),
}

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Layer(usize),
    /// Another number that a layer needs, and its key.
    LayerNumber(usize, &'static str),
    Optimizer,
    Setting(Setting),
}

/// The form of a preset.
#[derive(Debug)]
pub struct EditScreen {
    edited: EditedPreset,
    /// What the menu would show of the preset as it is now; else what is wrong.
    checked: Result<Box<Entry>, PresetError>,
    /// All settings as they were when it was right last, with their defaults.
    settings: Settings,
    estimating: Estimating,
    /// The number of the chosen field.
    chosen: usize,
    /// The value that is typed.
    typed: Option<LineInput>,
    /// What has come of the last key: a file was saved, a line was copied.
    note: Option<String>,
    /// Of the network.
    scroll: Scroll,
    page: usize,
    is_network_focused: bool,
}

impl EditScreen {
    /// Opens the preset `name`; `estimate` measures what it costs.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(name: &str, estimate: EstimateHook) -> Result<Self, PresetError> {
        let edited = EditedPreset::open(name)?;
        let mut screen = Self {
            checked: Err(PresetError { place: String::new(), field: String::new(), message: String::new() }),
            settings: Settings::new(),
            edited,
            estimating: Estimating::new(estimate),
            chosen: 0,
            typed: None,
            note: None,
            scroll: Scroll::default(),
            page: 1,
            is_network_focused: false,
        };
        // The first recurrent layer is what people change.
        let layers = screen.edited.layers();
        let is_core = |kind: &str| !matches!(kind, "Embedding" | "Masking" | "Dropout");
        screen.chosen = layers.iter().position(|layer| is_core(&layer.kind)).unwrap_or(0);
        screen.changed();
        Ok(screen)
    }

    /// The preset with its changes.
    pub fn edited(&self) -> &EditedPreset {
        &self.edited
    }

    /// The results of its measurements.
    pub fn estimates(&self) -> &Receiver<EstimateResult> {
        self.estimating.results()
    }

    /// Takes the result of a measurement.
    pub fn take_estimate(&mut self, result: EstimateResult) {
        self.estimating.take(result);
        self.estimate();
    }

    /// Says what has come of a request.
    pub fn say(&mut self, note: String) {
        self.note = Some(note);
    }

    /// The line that trains the preset with its changes.
    pub fn command(&self) -> String {
        let changes = self.edited.changes();
        let sets = changes.iter().map(|change| format!(" --set {}", shell_word(change)));
        format!("unrolled train {}{}", shell_word(self.edited.name()), sets.collect::<String>())
    }

    /// Takes a key that types a value; returns whether it does.
    pub fn type_key(&mut self, key: &KeyEvent) -> bool {
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) || !self.has_value() {
            return false;
        }
        match (key.code, &mut self.typed) {
            (KeyCode::Char(c), _) if c.is_ascii_digit() || c == '.' => {}
            // Of `1e-4`; and parts of a number only.
            (KeyCode::Char('e' | '-'), Some(typed)) if !typed.value().is_empty() => {}
            (KeyCode::Backspace | KeyCode::Delete, _) => {}
            (KeyCode::Left | KeyCode::Right, Some(_)) => {}
            (KeyCode::Enter | KeyCode::Esc, Some(_)) => {
                self.typed = None;
                return true;
            }
            _ => return false,
        }
        let old = self.value();
        let typed = self.typed.get_or_insert_with(|| match key.code {
            // A digit begins a new value, Backspace changes the old one.
            KeyCode::Backspace | KeyCode::Delete => LineInput::new(old),
            _ => LineInput::default(),
        });
        if typed.value().len() < LONGEST || !matches!(key.code, KeyCode::Char(_)) {
            typed.handle_event(&Event::Key(*key));
        }
        let text = typed.value().to_owned();
        self.set_value(&text);
        true
    }

    /// Handles a key; returns a request to the application, if any.
    pub fn act(&mut self, action: Action) -> Option<Request> {
        self.note = None;
        // What was typed belongs to the field that was chosen then.
        self.typed = None;
        let last = self.fields().len().saturating_sub(1);
        if self.is_network_focused
            && !matches!(action, Action::FocusNext | Action::FocusPrevious | Action::Back)
        {
            self.scroll.act(action, self.page);
            return None;
        }
        match action {
            Action::Up => self.choose(self.chosen.saturating_sub(1)),
            Action::Down => self.choose((self.chosen + 1).min(last)),
            Action::First | Action::PageUp => self.choose(0),
            Action::Last | Action::PageDown => self.choose(last),
            Action::Left => self.turn(-1),
            Action::Right => self.turn(1),
            Action::AddLayer => self.change_layers(|edited, at| {
                let kind = edited.layers().get(at).map_or("Dense".to_owned(), |layer| layer.kind.clone());
                let kind = LAYER_KINDS.iter().find(|known| **known == kind).unwrap_or(&"Dense");
                edited.add_layer(at, kind);
                1
            }),
            Action::RemoveLayer => self.change_layers(|edited, at| {
                edited.remove_layer(at);
                if at > 0 && at >= edited.layers().len() { -1 } else { 0 }
            }),
            Action::MoveUp => {
                self.change_layers(
                    |edited, at| if at > 0 && edited.swap_layers(at - 1, at) { -1 } else { 0 },
                );
            }
            Action::MoveDown => {
                self.change_layers(|edited, at| isize::from(edited.swap_layers(at, at + 1)));
            }
            Action::ReturnSequences => self.change_layers(|edited, at| {
                edited.toggle_sequences(at);
                0
            }),
            Action::FocusNext | Action::FocusPrevious => self.is_network_focused = !self.is_network_focused,
            Action::Back if self.is_network_focused => self.is_network_focused = false,
            Action::Back => return Some(Request::Leave),
            Action::Save => return self.checked.is_ok().then_some(Request::Save),
            Action::CopyCommand => return Some(Request::Copy(self.command())),
            Action::Open => return self.checked.is_ok().then_some(Request::Train),
            _ => {}
        }
        let is_structure =
            matches!(action, Action::AddLayer | Action::RemoveLayer | Action::MoveUp | Action::MoveDown);
        if let Some(at) = self.layer().filter(|_| is_structure && self.checked.is_err()) {
            self.mend_sequences(at);
            self.changed();
        }
        None
    }

    /// What the footer says of a key instead of the table's word.
    pub fn footer_word(&self, action: Action) -> Option<&'static str> {
        let is_layer = self.layer().is_some();
        match action {
            Action::Open | Action::Save if self.checked.is_err() => Some(""),
            Action::AddLayer
            | Action::RemoveLayer
            | Action::MoveUp
            | Action::MoveDown
            | Action::ReturnSequences
                if !is_layer =>
            {
                Some("")
            }
            Action::Left if matches!(self.field(), Some(Field::Setting(_) | Field::LayerNumber(..))) => {
                Some("")
            }
            Action::Left if matches!(self.field(), Some(Field::Optimizer)) => Some("optimizer"),
            _ => None,
        }
    }

    /// The lines of the form, in order.
    fn fields(&self) -> Vec<Field> {
        let has = |setting: &Setting| self.edited.value(setting.1).is_some();
        let layers = self.edited.layers().into_iter().enumerate().flat_map(|(at, layer)| {
            let numbers = layer.further.into_iter().map(move |(key, _)| Field::LayerNumber(at, key));
            [Field::Layer(at)].into_iter().chain(numbers).collect::<Vec<_>>()
        });
        let clipping = CLIPPINGS.into_iter().find(has).unwrap_or(CLIPPINGS[0]);
        let settings = [RATE, clipping].into_iter().chain(LENGTHS.into_iter().find(has)).chain(OTHERS);
        layers.chain([Field::Optimizer]).chain(settings.map(Field::Setting)).collect()
    }

    fn field(&self) -> Option<Field> {
        self.fields().get(self.chosen).copied()
    }

    /// The number of the layer that the chosen field belongs to.
    fn layer(&self) -> Option<usize> {
        match self.field()? {
            Field::Layer(at) | Field::LayerNumber(at, _) => Some(at),
            Field::Optimizer | Field::Setting(_) => None,
        }
    }

    fn choose(&mut self, field: usize) {
        (self.chosen, self.typed) = (field, None);
    }

    /// Whether the chosen field has a value that is typed.
    fn has_value(&self) -> bool {
        !self.is_network_focused
            && match self.field() {
                Some(Field::Layer(at)) => {
                    self.edited.layers().get(at).is_some_and(|layer| layer.size.is_some())
                }
                Some(Field::Setting(_) | Field::LayerNumber(..)) => true,
                _ => false,
            }
    }

    /// The value of the chosen field, as it is written.
    fn value(&self) -> String {
        match self.field() {
            Some(Field::Layer(at)) => {
                let size = self.edited.layers().into_iter().nth(at).and_then(|layer| layer.size);
                size.map(|(_, value)| value).unwrap_or_default()
            }
            Some(Field::LayerNumber(at, key)) => {
                let further = self.edited.layers().into_iter().nth(at).map(|layer| layer.further);
                let value = further.into_iter().flatten().find(|(other, _)| *other == key);
                value.map(|(_, value)| value).unwrap_or_default()
            }
            Some(Field::Setting((_, path))) => self.edited.value(path).unwrap_or_default(),
            _ => String::new(),
        }
    }

    fn set_value(&mut self, text: &str) {
        match self.field() {
            Some(Field::Layer(at)) => self.edited.set_layer_size(at, text),
            Some(Field::LayerNumber(at, key)) => self.edited.set_layer_number(at, key, text),
            Some(Field::Setting((_, path))) => self.edited.set(path, text),
            _ => return,
        }
        self.changed();
    }

    /// The next kind of layer, the next optimizer, or the previous.
    fn turn(&mut self, by: isize) {
        let next = |all: &[&'static str], now: &str| {
            let at = all.iter().position(|known| *known == now);
            let count = all.len() as isize;
            let next = at.map_or(0, |at| (at as isize + by).rem_euclid(count)) as usize;
            all.get(next).copied()
        };
        match self.field() {
            Some(Field::Layer(at)) => {
                let layers = self.edited.layers();
                let kind = layers.get(at).and_then(|layer| next(LAYER_KINDS, &layer.kind));
                if let Some(kind) = kind {
                    self.edited.set_layer_kind(at, kind);
                    self.mend_sequences(at);
                }
            }
            Some(Field::Optimizer) => {
                if let Some(name) = next(OPTIMIZERS, &self.edited.optimizer()) {
                    self.edited.set_optimizer(name);
                }
            }
            _ => return,
        }
        self.changed();
    }

    /// Changes layers at the chosen one; `change` returns by how many lines the choice moves.
    fn change_layers(&mut self, change: impl FnOnce(&mut EditedPreset, usize) -> isize) {
        let Some(at) = self.layer() else { return };
        let moves = change(&mut self.edited, at);
        let at = at.saturating_add_signed(moves);
        self.chosen = self.fields().iter().position(|field| *field == Field::Layer(at)).unwrap_or(0);
        self.changed();
    }

    /// Lets a recurrent layer return all its steps, or its last alone, if that mends the network after a change of layer `at`; says so.
    fn mend_sequences(&mut self, at: usize) {
        let layers = self.edited.layers();
        let mended = self.edited.mend_sequences(at).into_iter().map(|(layer, is_on)| {
            let kind = layers.get(layer).map_or("", |layer| layer.kind.as_str());
            match is_on {
                true => format!(
                    "{layer} {kind}: return_sequences is on now, as its states at all steps are needed"
                ),
                false => {
                    format!("{layer} {kind}: return_sequences is off now, as its last state alone is needed")
                }
            }
        });
        let mended: Vec<String> = mended.collect();
        if !mended.is_empty() {
            self.note = Some(format!("{} (s changes it)", mended.join("; ")));
        }
    }

    fn changed(&mut self) {
        self.checked = self.edited.resolve().map(|resolved| {
            self.settings = resolved.spec.settings().unwrap_or_default();
            // What the menu shows of a preset.
            Box::new(Entry::of("", &resolved.spec))
        });
        self.estimate();
    }

    /// Measures what the preset costs as it is now, if that is not known and nothing is being measured.
    fn estimate(&mut self) {
        if self.checked.is_ok() {
            self.estimating.want(&self.edited);
        }
    }
}

#[cfg(test)]
mod tests;

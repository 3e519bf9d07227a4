//! Checks of `watch.probes`.

use super::steps;
use crate::data::InputForm;
use crate::preset::document::Document;
use crate::preset::error::PresetError;
use crate::preset::spec::{Probes, RunSpec};

/// The symbols of a task are known: a probe with others is an error.
pub(super) fn check_probes(document: &Document, spec: &RunSpec) -> Result<(), PresetError> {
    let Probes::Texts(texts) = &spec.watch.probes else { return Ok(()) };
    let form = spec.form();
    let InputForm::Tokens { time, .. } = form.inputs else {
        let message = "texts cannot be read where sequences are numbers; name how many sequences of the validation data to show";
        return Err(document.error(&steps(["watch", "probes"]), message));
    };
    let Some(symbols) = spec.data.source().symbols() else { return Ok(()) };
    for (i, text) in texts.iter().enumerate() {
        let refuse =
            |message: String| Err(document.error(&steps(["watch", "probes", &i.to_string()]), message));
        let (known, count) = (symbols.join(" "), text.split_whitespace().count());
        if let Some(stranger) = text.split_whitespace().find(|symbol| !symbols.contains(symbol)) {
            return refuse(format!("`{stranger}` is not a symbol of this task; expected some of {known}"));
        }
        if count > time || count == 0 {
            return refuse(format!("it has {count} symbols; expected 1 to {time}, a blank between two"));
        }
    }
    Ok(())
}

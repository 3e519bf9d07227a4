//! Messages as snapshots: each file of `tests/messages/` is a table of inputs and the program's messages, so that
//! wording is reviewed there alone. `INSTA_UPDATE=always cargo test` writes them again.

use std::fmt::{Display, Write as _};
use std::path::Path;

/// Compares inputs and their messages with `tests/messages/NAME.snap`.
#[track_caller]
pub fn assert_messages<I: Display, M: Display>(name: &str, entries: impl IntoIterator<Item = (I, M)>) {
    let mut settings = insta::Settings::clone_current();
    // The engine's package is a folder of the program's.
    let mut folders =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("tests/messages"));
    settings.set_snapshot_path(folders.find(|folder| folder.exists()).unwrap());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, table(entries)));
}

/// One entry a pair: the input, and the message indented below it.
fn table<I: Display, M: Display>(entries: impl IntoIterator<Item = (I, M)>) -> String {
    let mut table = String::new();
    for (input, message) in entries {
        writeln!(table, "{input}").unwrap();
        for line in shortened(&message.to_string()).lines() {
            writeln!(table, "    {line}").unwrap();
        }
    }
    table
}

/// The message with each list of known names cut after its first: such lists grow with the program.
fn shortened(message: &str) -> String {
    let Some((before, list)) = message.split_once("known: ") else { return message.to_owned() };
    let (names, after) = list.split_once(';').map_or((list, String::new()), |(n, a)| (n, format!(";{a}")));
    let names = names.split_once(", ").map_or(names.to_owned(), |(first, _)| format!("{first}, …"));
    format!("{before}known: {names}{after}")
}

//! Tables of messages for snapshots: wording is reviewed in the snapshot files alone, and
//! `INSTA_UPDATE=always cargo test` writes them again.

use std::fmt::{Display, Write as _};

/// One entry a pair: the input, and the message indented below it.
pub fn table<I: Display, M: Display>(entries: impl IntoIterator<Item = (I, M)>) -> String {
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

//! Lines of clients.

use serde_json::{Map, Value};

use crate::protocol::Command;

/// Characters of the name of a sender, at most.
const MAX_NAME: usize = 64;

/// A line of a client.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub what: Wanted,
    /// The name that the client gives itself.
    pub by: Option<String>,
    /// Returned with the answer.
    pub id: Option<Value>,
}

/// What a client wants.
#[derive(Debug, PartialEq)]
pub(super) enum Wanted {
    Command(Command),
    Status,
    /// Events that are no pictures, as lines of JSON: those after number `since`, or those to come.
    Events {
        since: Option<u64>,
    },
    /// All events, in the format of `frames.bin`.
    Frames,
}

/// An invalid line.
#[derive(Debug, PartialEq)]
pub(super) struct InvalidRequest {
    /// Of the request, if it could be read.
    pub id: Option<Value>,
    pub what: String,
}

/// Parses a line.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn parse(line: &[u8]) -> Result<Request, InvalidRequest> {
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| InvalidRequest { id: None, what: format!("not a line of JSON: {error}") })?;
    let Value::Object(fields) = value else {
        let what = r#"expected an object such as {"command":"pause"} or {"request":"status"}"#.to_owned();
        return Err(InvalidRequest { id: None, what });
    };
    let id = fields.get("id").cloned();
    wanted(&fields)
        .and_then(|what| Ok(Request { what, by: name(&fields)?, id: id.clone() }))
        .map_err(|what| InvalidRequest { id, what })
}

fn wanted(fields: &Map<String, Value>) -> Result<Wanted, String> {
    match (fields.get("command"), fields.get("request").map(Value::as_str)) {
        (Some(_), None) => command(fields).map(Wanted::Command),
        (None, Some(Some("status"))) => Ok(Wanted::Status),
        (None, Some(Some("frames"))) => Ok(Wanted::Frames),
        (None, Some(Some("events"))) => match fields.get("since") {
            None => Ok(Wanted::Events { since: None }),
            Some(since) => match since.as_u64() {
                Some(number) => Ok(Wanted::Events { since: Some(number) }),
                None => Err(format!("`since` is {since}; expected the number of an event, such as 0")),
            },
        },
        (None, Some(other)) => Err(format!(
            "unknown request{}; expected status, events or frames",
            other.map_or(String::new(), |name| format!(" `{name}`"))
        )),
        _ => Err("expected either `command` or `request`".into()),
    }
}

fn command(fields: &Map<String, Value>) -> Result<Command, String> {
    let mut fields = fields.clone();
    fields.remove("id");
    fields.remove("by");
    let command: Command =
        serde_json::from_value(Value::Object(fields.clone())).map_err(|error| error.to_string())?;
    // What the command does not have is a mistake, and so is what it could have, and has not: clipping would end.
    if let Ok(Value::Object(known)) = serde_json::to_value(&command) {
        if let Some(unknown) = fields.keys().find(|key| !known.contains_key(*key)) {
            return Err(format!("`{unknown}` is no argument of this command"));
        }
        if let Some(missing) = known.keys().find(|key| !fields.contains_key(*key)) {
            return Err(format!("missing field `{missing}`"));
        }
    }
    command.check().map_err(|error| error.to_string())?;
    Ok(command)
}

fn name(fields: &Map<String, Value>) -> Result<Option<String>, String> {
    match fields.get("by") {
        None => Ok(None),
        Some(Value::String(name)) if !name.is_empty() && name.chars().count() <= MAX_NAME => {
            Ok(Some(name.clone()))
        }
        Some(_) => Err(format!("`by` is not a name of 1 to {MAX_NAME} characters")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_and_requests_are_parsed() {
        let parsed = |line: &str| parse(line.as_bytes()).map(|request| request.what);
        assert_eq!(parsed(r#"{"command":"pause"}"#), Ok(Wanted::Command(Command::Pause)));
        let scale = Command::ScaleLearningRate { factor: 0.5 };
        let line = br#"{"command":"scale_learning_rate","factor":0.5,"by":"plateau.sh","id":[7]}"#;
        let (by, id) = (Some("plateau.sh".into()), Some(serde_json::json!([7])));
        assert_eq!(parse(line), Ok(Request { what: Wanted::Command(scale), by, id }));
        let unclipped = Command::SetClipnorm { global_clipnorm: None };
        assert_eq!(
            parsed(r#"{"command":"set_clipnorm","global_clipnorm":null}"#),
            Ok(Wanted::Command(unclipped))
        );
        assert_eq!(parsed(r#"{"request":"events","since":0}"#), Ok(Wanted::Events { since: Some(0) }));
    }

    #[test]
    fn invalid_lines_are_answered_with_what_would_be_right() {
        let long = format!(r#"{{"command":"pause","by":"{}"}}"#, "x".repeat(65));
        let lines = [
            "",
            "pause",
            "[]",
            "{}",
            r#"{"command":"pause","request":"status"}"#,
            r#"{"command":"stopp"}"#,
            r#"{"command":"scale_learning_rate"}"#,
            r#"{"command":"scale_learning_rate","factor":-1}"#,
            r#"{"command":"scale_learning_rate","factor":"half"}"#,
            r#"{"command":"set_clipnorm"}"#,
            r#"{"command":"set_dropout","rate":0.5,"layer":2}"#,
            r#"{"request":"state"}"#,
            r#"{"request":7}"#,
            r#"{"request":"events","since":-1}"#,
            r#"{"command":"pause","by":7}"#,
            &long,
        ];
        let message = |line: &&str| parse(line.as_bytes()).unwrap_err().what;
        crate::messages::assert_messages("control", lines.iter().map(|line| (*line, message(line))));
    }

    proptest! {
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&line);
        }
    }
}

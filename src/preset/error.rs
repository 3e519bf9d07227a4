use crate::escape;

/// An error of a preset: where, what was found, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetError {
    /// The file or `--set …`, with line and column if known: `my.yaml:7:12`.
    pub place: String,
    /// The field: `model.1.units`; empty for an error of the whole preset.
    pub field: String,
    /// What was found and what was expected.
    pub message: String,
}

impl std::error::Error for PresetError {}

impl std::fmt::Display for PresetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", escape::foreign(&self.place))?;
        if !self.field.is_empty() {
            write!(f, "{}: ", escape::foreign(&self.field))?;
        }
        f.write_str(&escape::foreign(&self.message))
    }
}

/// Rewords an error of serde for users, with a suggestion for a misspelt word.
pub fn in_plain_words(message: &str) -> String {
    for kind in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) = message.strip_prefix(kind).and_then(|m| m.split_once(", expected "))
        {
            return format!("found {}; expected {}", found_words(found), expected_words(expected));
        }
    }
    for (kind, what) in [("unknown field `", "key"), ("unknown variant `", "word")] {
        let Some(rest) = message.strip_prefix(kind) else { continue };
        // What was found may contain a backtick, the list of what is expected does not.
        let (found, known) =
            match rest.rsplit_once("`, expected ").or_else(|| rest.rsplit_once("`, there are no ")) {
                Some((found, known)) => (found, known),
                None => (rest.trim_end_matches('`'), ""),
            };
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        return unknown(what, found, &known);
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("the key {field} is missing");
    }
    message.to_owned()
}

/// The error for an unknown `found`: suggests the nearest of `known`, and lists them.
pub fn unknown(what: &str, found: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&found.to_lowercase(), &k.to_lowercase()), k))
        .min();
    let hint = match near {
        _ if known.is_empty() => return format!("unknown {what} `{found}`; not allowed here"),
        Some((distance, nearest)) if distance <= nearest.len().div_ceil(3) => {
            format!("did you mean `{nearest}`? ")
        }
        _ => String::new(),
    };
    format!("unknown {what} `{found}`; {hint}known: {}", known.join(", "))
}

fn found_words(found: &str) -> String {
    match found {
        "unit value" => "nothing".into(),
        "map" => "a mapping".into(),
        "sequence" => "a list".into(),
        _ => found
            .replace("string ", "the text ")
            .replace("integer ", "the number ")
            .replace("floating point ", "the number ")
            .replace("boolean ", ""),
    }
}

fn expected_words(expected: &str) -> &str {
    match expected {
        "usize" | "u64" | "u32" => "a whole number, 0 or more",
        "f64" | "f32" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        "a sequence" => "a list",
        e if e.starts_with("struct ") => "a mapping of keys to values",
        e => e,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_says_is_said_plainly() {
        let serde: [&str; 7] = [
            "invalid type: string \"eight\", expected usize",
            "invalid value: integer `-3`, expected usize",
            "unknown field `unit`, expected one of `units`, `activation`",
            "unknown field `x`, there are no fields",
            "missing field `units`",
            "unknown field `un`its`, expected `units` or `activation`",
            "unknown field `a`, expected `b`, expected `units`",
        ];
        crate::messages::assert_messages(
            "presets_serde",
            serde.map(|message| (message, in_plain_words(message))),
        );
    }

    #[test]
    fn text_from_a_preset_cannot_steer_the_terminal() {
        let error =
            PresetError { place: "a\x1b.yaml".into(), field: "b\x07".into(), message: "c\x1b[2J".into() };
        assert_eq!(error.to_string(), "a␛.yaml: b␇: c␛[2J");
    }
}

//! The clipboard of the terminal, also over SSH: OSC 52.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The sequence that puts `text` into the clipboard; a terminal that does not let programs do that ignores it.
pub fn set(text: &str) -> Vec<u8> {
    format!("\x1b]52;c;{}\x1b\\", STANDARD.encode(text)).into_bytes()
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_in_base64() {
        assert_eq!(super::set("ab c"), b"\x1b]52;c;YWIgYw==\x1b\\");
    }
}

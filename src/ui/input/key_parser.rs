//! Bytes of a terminal → keys, pastes, clicks and answers.
//!
//! Not crossterm's parser: it waits for the end mark of a paste for ever, without a way to end the wait.
//!
//! ```text
//! bytes ─ vte (escape sequences) ─→ keys
//!    ESC[200~ … ESC[201~                     a paste; it also ends 100 ms after its last byte, or with Ctrl-C
//!    … ESC[201~ in one read                  the rest of such a paste
//!    ESC[< … M                               a click or a turn of the wheel
//!    ESC]11;rgb:… BEL                        the terminal's answer: the colour of its background
//!    many characters in one read, no ESC     a burst: a paste of a terminal without marks
//! ```

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use vte::{Params, Parser, Perform};

use super::Input;

/// Characters in one read beyond which nobody has typed them.
const TYPED: usize = 8;
/// How long after a burst its next part may come.
const BURST_GAP: Duration = Duration::from_millis(50);
/// How long after its last byte a paste ends without an end mark.
const PASTE_END: Duration = Duration::from_millis(100);
/// How long the rest of an escape sequence may take: after it, ESC is the key.
const ESCAPE_END: Duration = Duration::from_millis(20);
/// How long the rest of an answer may take, as over a slow line: after it, its characters are keys.
const ANSWER_END: Duration = Duration::from_millis(500);
/// The maximum length of a paste in bytes; more is ignored.
const MAX_PASTE: usize = 1 << 20;
const ESC: u8 = 0x1b;
const BELL: u8 = 0x07;
/// The end mark of a paste.
const PASTE_MARK: &[u8] = b"\x1b[201~";

/// The state between two reads.
#[derive(Default)]
pub(super) struct KeyParser {
    parser: Parser,
    keys: Keys,
    /// Bytes of an incomplete sequence.
    pending: usize,
    is_escape: bool,
    /// Whether the incomplete sequence is an answer, which control characters end.
    is_answer: bool,
    last_burst: Option<Instant>,
}

impl KeyParser {
    /// Parses the bytes of one read at the time `now`.
    pub fn parse(&mut self, bytes: &[u8], now: Instant) -> Vec<Input> {
        // The rest of a paste that stalled for longer than it may.
        let mark = bytes.windows(PASTE_MARK.len()).position(|part| part == PASTE_MARK);
        let is_rest = mark.is_some_and(|mark| mark > 0 && !bytes.iter().take(mark).any(|byte| *byte == ESC));
        if is_rest && self.keys.paste.is_none() && self.pending == 0 {
            self.keys.paste = Some(String::new());
        }
        let printable = || bytes.iter().filter(|byte| **byte >= b' ');
        let characters = printable().filter(|byte| **byte & 0xc0 != 0x80).count();
        // A key that is held down, also with Enter after it.
        let is_repeated = printable().all(|byte| Some(byte) == printable().next());
        let goes_on = self.last_burst.is_some_and(|last| now.duration_since(last) < BURST_GAP);
        let is_burst = (characters > TYPED && !is_repeated || goes_on)
            && !bytes.contains(&ESC)
            && self.keys.paste.is_none()
            && self.pending == 0;
        bytes.iter().for_each(|byte| self.byte(*byte));
        let inputs = std::mem::take(&mut self.keys.inputs);
        self.last_burst = is_burst.then_some(now);
        if !is_burst {
            return inputs;
        }
        let key = |input| if let Input::Key(key) = input { Some(key) } else { None };
        vec![Input::Burst(inputs.into_iter().filter_map(key).collect())]
    }

    /// How long to wait for further bytes before [`end`](Self::end); `None` for ever.
    pub fn patience(&self) -> Option<Duration> {
        match (&self.keys.paste, self.pending) {
            (Some(_), _) => Some(PASTE_END),
            (None, 0) => None,
            (None, _) if self.is_answer => Some(ANSWER_END),
            (None, _) => Some(ESCAPE_END),
        }
    }

    /// Ends what is incomplete, as no more bytes came.
    pub fn end(&mut self) -> Vec<Input> {
        self.flush();
        self.keys.end_paste();
        std::mem::take(&mut self.keys.inputs)
    }

    fn byte(&mut self, byte: u8) {
        // No sequence has control characters in it, but for the end of an answer.
        let ends_answer = self.is_answer && matches!(byte, BELL | ESC);
        if self.pending > 0 && byte < b' ' && !ends_answer {
            self.flush();
        }
        if byte == 0x03 {
            self.keys.end_paste();
        }
        self.keys.is_complete = false;
        self.parser.advance(&mut self.keys, &[byte]);
        if self.keys.is_complete {
            (self.pending, self.is_answer) = (0, false);
        } else {
            self.is_answer |= self.pending == 1 && self.is_escape && byte == b']';
            self.is_escape = self.pending == 0 && byte == ESC;
            self.pending += 1;
        }
    }

    /// Ends an incomplete sequence: ESC alone is the key.
    fn flush(&mut self) {
        if self.pending == 1 && self.is_escape {
            self.keys.key(KeyCode::Esc, KeyModifiers::NONE);
        }
        (self.parser, self.pending, self.is_answer) = (Parser::default(), 0, false);
        self.keys.prefix = None;
    }
}

/// What the next character means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// After ESC O: keys of application mode.
    Ss3,
    /// After ESC [ [: function keys of the Linux console.
    Console,
    /// After an answer that ESC ends: a backslash follows.
    Answer,
}

/// The keys and pastes found so far.
#[derive(Default)]
struct Keys {
    inputs: Vec<Input>,
    paste: Option<String>,
    prefix: Option<Prefix>,
    /// Whether the last byte completed a character or a sequence.
    is_complete: bool,
}

impl Keys {
    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        if self.paste.is_none() {
            self.inputs.push(Input::Key(KeyEvent::new(code, modifiers)));
        }
    }

    fn character(&mut self, c: char, modifiers: KeyModifiers) {
        let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
        self.key(KeyCode::Char(c), modifiers | shift);
    }

    /// A press of a button, or a turn of the wheel, at a column and a row from 1.
    fn mouse(&mut self, button: u16, at: [u16; 2]) {
        let kind = match button & !0b1_1100 {
            0 => MouseEventKind::Down(MouseButton::Left),
            64 => MouseEventKind::ScrollUp,
            65 => MouseEventKind::ScrollDown,
            _ => return,
        };
        let has = |bit: u16, modifier| if button & bit == 0 { KeyModifiers::NONE } else { modifier };
        let modifiers =
            has(4, KeyModifiers::SHIFT) | has(8, KeyModifiers::ALT) | has(16, KeyModifiers::CONTROL);
        let [column, row] = at.map(|place| place.saturating_sub(1));
        if self.paste.is_none() {
            self.inputs.push(Input::Mouse(MouseEvent { kind, column, row, modifiers }));
        }
    }

    fn end_paste(&mut self) {
        if let Some(text) = self.paste.take() {
            self.inputs.push(Input::Paste(text));
        }
    }
}

impl Perform for Keys {
    fn print(&mut self, c: char) {
        self.is_complete = true;
        if let Some(text) = &mut self.paste {
            if text.len() < MAX_PASTE {
                text.push(c);
            }
            return;
        }
        match (self.prefix.take(), c) {
            (Some(Prefix::Ss3), c) => {
                if let Some(code) = letter(c) {
                    self.key(code, KeyModifiers::NONE);
                }
            }
            (Some(Prefix::Console), 'A'..='E') => {
                self.key(KeyCode::F(c as u8 - b'A' + 1), KeyModifiers::NONE);
            }
            (Some(Prefix::Console | Prefix::Answer), _) => {}
            (None, '\u{7f}') => self.key(KeyCode::Backspace, KeyModifiers::NONE),
            (None, c) => self.character(c, KeyModifiers::NONE),
        }
    }

    fn execute(&mut self, byte: u8) {
        self.is_complete = true;
        if let Some(text) = &mut self.paste {
            match byte {
                b'\r' | b'\n' => text.push('\n'),
                b'\t' => text.push('\t'),
                _ => {}
            }
            return;
        }
        match byte {
            b'\r' | b'\n' => self.key(KeyCode::Enter, KeyModifiers::NONE),
            b'\t' => self.key(KeyCode::Tab, KeyModifiers::NONE),
            0 => self.key(KeyCode::Char(' '), KeyModifiers::CONTROL),
            0x01..=0x1a => self.key(KeyCode::Char((byte - 1 + b'a') as char), KeyModifiers::CONTROL),
            0x1c..=0x1f => self.key(KeyCode::Char((byte - 0x1c + b'4') as char), KeyModifiers::CONTROL),
            _ => {}
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], ended_by_bell: bool) {
        if let [b"11", color] = params
            && let Some(light) = is_light(color)
        {
            self.inputs.push(Input::Background { light });
        }
        match ended_by_bell {
            true => self.is_complete = true,
            false => self.prefix = Some(Prefix::Answer),
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignored: bool, byte: u8) {
        match byte {
            b'\\' if self.prefix.take() == Some(Prefix::Answer) => self.is_complete = true,
            b'O' if intermediates.is_empty() => self.prefix = Some(Prefix::Ss3),
            byte => {
                self.is_complete = true;
                if intermediates.is_empty() {
                    self.character(byte as char, KeyModifiers::ALT);
                }
            }
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _ignored: bool, action: char) {
        let mut params = params.iter().map(|param| param.first().copied().unwrap_or(0));
        let [first, second, third] = [(); 3].map(|()| params.next().unwrap_or(0));
        if action == '[' {
            self.prefix = Some(Prefix::Console);
            return;
        }
        self.is_complete = true;
        match intermediates {
            [] => {}
            b"<" if action == 'M' => return self.mouse(first, [second, third]),
            _ => return,
        }
        // 1 + the sum of shift 1, alt 2, control 4.
        let has = |bit: u16, modifier| match second.saturating_sub(1) & bit {
            0 => KeyModifiers::NONE,
            _ => modifier,
        };
        let modifiers =
            has(1, KeyModifiers::SHIFT) | has(2, KeyModifiers::ALT) | has(4, KeyModifiers::CONTROL);
        let code = match (action, first) {
            ('~', 200) => {
                self.paste.get_or_insert_default();
                return;
            }
            ('~', 201) => return self.end_paste(),
            ('~', 1 | 7) => KeyCode::Home,
            ('~', 2) => KeyCode::Insert,
            ('~', 3) => KeyCode::Delete,
            ('~', 4 | 8) => KeyCode::End,
            ('~', 5) => KeyCode::PageUp,
            ('~', 6) => KeyCode::PageDown,
            ('~', 11..=15) => KeyCode::F(first as u8 - 10),
            ('~', 17..=21) => KeyCode::F(first as u8 - 11),
            ('~', 23..=26) => KeyCode::F(first as u8 - 12),
            ('Z', _) => return self.key(KeyCode::BackTab, KeyModifiers::SHIFT),
            (action, _) => match letter(action) {
                Some(code) => code,
                None => return,
            },
        };
        self.key(code, modifiers);
    }
}

/// Whether a colour as X11 writes it, `rgb:RRRR/GGGG/BBBB` with one to four digits each, is light.
fn is_light(color: &[u8]) -> Option<bool> {
    let color = std::str::from_utf8(color).ok()?;
    let (_, channels) = color.split_once(':').filter(|(space, _)| matches!(*space, "rgb" | "rgba"))?;
    let channel = |digits: &str| {
        let most = 16_u32.checked_pow(digits.len().try_into().ok()?)?.checked_sub(1)?;
        Some(f64::from(u32::from_str_radix(digits, 16).ok()?) / f64::from(most))
    };
    let channels: Vec<f64> = channels.split('/').map(channel).collect::<Option<_>>()?;
    let [r, g, b, ..] = channels.as_slice() else { return None };
    // Luma (ITU-R BT.709).
    Some(0.2126 * r + 0.7152 * g + 0.0722 * b > 0.5)
}

/// The key of a final letter, of CSI and SS3 alike.
fn letter(c: char) -> Option<KeyCode> {
    Some(match c {
        'A' => KeyCode::Up,
        'B' => KeyCode::Down,
        'C' => KeyCode::Right,
        'D' => KeyCode::Left,
        'F' => KeyCode::End,
        'H' => KeyCode::Home,
        'P'..='S' => KeyCode::F(c as u8 - b'P' + 1),
        'M' => KeyCode::Enter,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each text is a read; after the last nothing comes.
    fn parsed(reads: &[&str]) -> Vec<Input> {
        let (mut parser, now) = (KeyParser::default(), Instant::now());
        let mut inputs: Vec<Input> =
            reads.iter().flat_map(|read| parser.parse(read.as_bytes(), now)).collect();
        inputs.extend(parser.end());
        inputs
    }

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Input {
        Input::Key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn keys_are_those_of_crossterm() {
        let none = KeyModifiers::NONE;
        for (bytes, code, modifiers) in [
            ("q", KeyCode::Char('q'), none),
            ("Q", KeyCode::Char('Q'), KeyModifiers::SHIFT),
            ("é", KeyCode::Char('é'), none),
            ("\r", KeyCode::Enter, none),
            ("\t", KeyCode::Tab, none),
            ("\x7f", KeyCode::Backspace, none),
            ("\x1b", KeyCode::Esc, none),
            ("\x03", KeyCode::Char('c'), KeyModifiers::CONTROL),
            ("\x1a", KeyCode::Char('z'), KeyModifiers::CONTROL),
            ("\x1bx", KeyCode::Char('x'), KeyModifiers::ALT),
            ("\x1b[A", KeyCode::Up, none),
            ("\x1bOB", KeyCode::Down, none),
            ("\x1b[1;5C", KeyCode::Right, KeyModifiers::CONTROL),
            ("\x1b[Z", KeyCode::BackTab, KeyModifiers::SHIFT),
            ("\x1b[H", KeyCode::Home, none),
            ("\x1b[4~", KeyCode::End, none),
            ("\x1b[3~", KeyCode::Delete, none),
            ("\x1b[6~", KeyCode::PageDown, none),
            ("\x1bOP", KeyCode::F(1), none),
            ("\x1b[[A", KeyCode::F(1), none),
            ("\x1b[15~", KeyCode::F(5), none),
            ("\x1b[24~", KeyCode::F(12), none),
        ] {
            assert_eq!(parsed(&[bytes]), [key(code, modifiers)], "{bytes:?}");
        }
        assert_eq!(parsed(&["\x1b\x1b"]).len(), 2);
        assert_eq!(parsed(&["\x1b[", "A"]), [key(KeyCode::Up, none)], "in two reads");
        assert_eq!(parsed(&["\x1b[99x", "q"]), [key(KeyCode::Char('q'), none)]);
    }

    #[test]
    fn clicks_and_the_wheel_have_places_and_modifiers() {
        let mouse = |kind, column, row, modifiers| Input::Mouse(MouseEvent { kind, column, row, modifiers });
        let none = KeyModifiers::NONE;
        let click = mouse(MouseEventKind::Down(MouseButton::Left), 0, 299, none);
        assert_eq!(parsed(&["\x1b[<0;1;300M\x1b[<0;1;300m"]), [click], "its release is nothing");
        let up = mouse(MouseEventKind::ScrollUp, 9, 4, none);
        let down = mouse(MouseEventKind::ScrollDown, 9, 4, KeyModifiers::CONTROL);
        assert_eq!(parsed(&["\x1b[<64;10;5M", "\x1b[<81;10;5M"]), [up, down]);
        assert_eq!(parsed(&["\x1b[<2;10;5M\x1b[<35;10;5M"]), [], "neither other buttons nor motion");
        let many = "\x1b[<64;10;5M".repeat(20);
        assert_eq!(parsed(&[&many]).len(), 20, "no paste");
        assert_eq!(parsed(&["\x1b[<0;1", ";3Mq"]).len(), 2, "in two reads");
    }

    #[test]
    fn the_answer_about_the_background_is_no_key() {
        let light = |light| Input::Background { light };
        assert_eq!(parsed(&["\x1b]11;rgb:1e1e/1e1e/2e2e\x07"]), [light(false)]);
        assert_eq!(parsed(&["\x1b]11;rgb:fd/f6/e3\x1b\\q"]).len(), 2, "as some terminals end it");
        assert_eq!(parsed(&["\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\"]), [light(true)]);
        assert_eq!(parsed(&["\x1b]11;rgba:ffff/", "ffff/ffff/ffff\x07"]), [light(true)], "in two reads");
        let q = key(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(parsed(&["\x1b]11;no color\x07q"]), std::slice::from_ref(&q));
        assert_eq!(parsed(&["\x1b]11;rgb:1/2\x07", "q"]), [q]);
        let stopped = parsed(&["\x1b]11;rgb:", "\x03"]);
        assert_eq!(stopped, [key(KeyCode::Char('c'), KeyModifiers::CONTROL)], "Ctrl-C is not lost");
        let (mut parser, now) = (KeyParser::default(), Instant::now());
        assert_eq!((parser.parse(b"\x1b", now), parser.patience()), (vec![], Some(ESCAPE_END)));
        assert_eq!((parser.parse(b"]11;rgb:dd", now), parser.patience()), (vec![], Some(ANSWER_END)));
        assert_eq!(
            (parser.parse(b"dd/dddd/dddd\x1b", now), parser.patience()),
            (vec![light(true)], Some(ANSWER_END))
        );
        assert_eq!((parser.parse(b"\\", now), parser.patience()), (vec![], None));
    }

    #[test]
    fn a_paste_ends_with_its_mark_without_bytes_or_with_ctrl_c() {
        let paste = || Input::Paste("abc\nq".into());
        let q = || key(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(parsed(&["\x1b[200~abc\rq\x1b[201~q"]), [paste(), q()]);
        assert_eq!(parsed(&["\x1b[200~abc\r", "q"]), [paste()], "nothing follows");
        let ctrl_c = key(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(parsed(&["\x1b[200~abc\rq", "\x03", "q"]), [paste(), ctrl_c, q()]);
        let mut parser = KeyParser::default();
        assert_eq!(parser.patience(), None);
        assert!(parser.parse(b"\x1b[200~abc", Instant::now()).is_empty());
        assert_eq!(parser.patience(), Some(PASTE_END));
        assert_eq!(parser.end(), [Input::Paste("abc".into())]);
        assert_eq!(parser.patience(), None);
    }

    #[test]
    fn what_comes_of_a_paste_after_a_stall_is_no_keys() {
        let (mut parser, now) = (KeyParser::default(), Instant::now());
        assert!(parser.parse(b"\x1b[200~the ", now).is_empty());
        assert_eq!(parser.end(), [Input::Paste("the ".into())]);
        assert_eq!(parser.parse(b"quit\r\x1b[201~", now), [Input::Paste("quit\n".into())]);
        assert!(parser.parse(b"\x1b[201~", now).is_empty());
        let bound = parser.parse(b"\x1b[200~a\x1b[201~q", now);
        assert_eq!(bound, [Input::Paste("a".into()), key(KeyCode::Char('q'), KeyModifiers::NONE)]);
    }

    #[test]
    fn many_characters_in_one_read_are_a_burst_with_what_follows_at_once() {
        let (mut parser, now) = (KeyParser::default(), Instant::now());
        let burst = |inputs: Vec<Input>| match inputs.as_slice() {
            [Input::Burst(keys)] => keys.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(burst(parser.parse(b"quick, brown fox", now)), 16);
        assert_eq!(burst(parser.parse(b"\rn", now + BURST_GAP / 2)), 2);
        let later = parser.parse(b"q", now + 2 * BURST_GAP);
        assert_eq!(later, [key(KeyCode::Char('q'), KeyModifiers::NONE)]);
        assert_eq!(parser.parse(b",,,,,,,,,,,,", now + 4 * BURST_GAP).len(), 12, "a key that repeats");
        assert_eq!(parser.parse(b"jjjjjjjjjjjj\r", now + 4 * BURST_GAP).len(), 13, "with Enter after it");
        assert_eq!(parser.parse(b"jkl", now + 4 * BURST_GAP).len(), 3);
    }

    #[test]
    fn keys_without_characters_are_each_a_key_however_many_come_in_one_read() {
        for (keys, code) in [("\r", KeyCode::Enter), ("\t", KeyCode::Tab), ("\x1b[B", KeyCode::Down)] {
            for count in [2, 20] {
                let all = vec![key(code, KeyModifiers::NONE); count];
                assert_eq!(parsed(&[&keys.repeat(count)]), all, "{keys:?}");
            }
        }
    }
}

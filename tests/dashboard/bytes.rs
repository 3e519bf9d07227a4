//! What a training costs a line in bytes, by a clock of the test.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::time::Instant;

use ratatui::layout::Size;
use unrolled::ui::terminal::{ByteRate, Screen, TerminalOptions};

use super::*;

/// Bytes and frames a second of a training at a hundred steps a second.
fn sent(size: Size, over_ssh: bool) -> (f64, f64) {
    let env = |name: &str| match name {
        "TERM" => Some("xterm-256color".to_owned()),
        "LANG" => Some("C.UTF-8".to_owned()),
        // It does not cross a connection.
        "COLORTERM" if !over_ssh => Some("truecolor".to_owned()),
        "SSH_CONNECTION" if over_ssh => Some("10.0.0.1 50000 10.0.0.2 22".to_owned()),
        _ => None,
    };
    let settings = TerminalOptions::default().settings(env).unwrap();
    let (mut dash, mut screen) = (Dashboard::new(), Screen::new(size).unwrap());
    let begin = Instant::now();
    let mut rate = ByteRate::new(settings.bytes_per_s, begin);
    let (mut now, mut bytes, mut frames) = (begin, 0, 0);
    let events = story::events(780);
    let mut left = events.iter().peekable();
    while left.peek().is_some() {
        let step = ((now - begin).as_secs_f64() * 100.0) as u64;
        while let Some(event) =
            left.next_if(|event| !matches!(event, Event::Step(metrics) if metrics.step > step))
        {
            dash.apply(event);
        }
        let frame = screen.draw(Vec::new(), |frame| {
            dashboard::render(&dash, frame.area(), frame.buffer_mut(), &settings.theme);
        });
        if let Some(frame) = frame.unwrap() {
            rate.add(frame.len(), now);
            (bytes, frames) = (bytes + frame.len(), frames + 1);
        }
        now = rate.next().max(now + settings.frame);
    }
    let seconds = (now - begin).as_secs_f64();
    (bytes as f64 / seconds, f64::from(frames) / seconds)
}

#[test]
fn a_training_costs_a_line_few_bytes_and_still_moves() {
    for (size, over_ssh, most, least_frames) in [
        (Size::new(120, 40), true, 15.0, 4.0),
        (Size::new(120, 40), false, 30.0, 8.0),
        (Size::new(200, 60), true, 15.0, 2.0),
        (Size::new(200, 60), false, 40.0, 5.0),
    ] {
        let (bytes, frames) = sent(size, over_ssh);
        assert!(bytes < most * 1024.0, "{size} over SSH {over_ssh}: {bytes:.0} bytes a second");
        assert!(frames > least_frames, "{size} over SSH {over_ssh}: {frames:.1} frames a second");
    }
}

#[test]
fn a_paused_training_costs_nothing() {
    let dash = after(story::after_steps(300), &[Event::Status(RunStatus::Paused)]);
    let mut screen = Screen::new(Size::new(120, 40)).unwrap();
    let mut frame = || {
        let frame = screen.draw(Vec::new(), |frame| {
            dashboard::render(&dash, frame.area(), frame.buffer_mut(), &THEME);
        });
        frame.unwrap()
    };
    assert!(frame().is_some());
    assert_eq!((frame(), frame()), (None, None));
}

#[test]
fn heat_maps_have_half_the_colours_over_ssh() {
    let colors = |coarse| {
        let theme = Theme { coarse, ..THEME };
        let buf = drawn(&story::gated(300), 120, 40, &theme);
        let mut colors: Vec<Color> = buf.content().iter().map(|cell| cell.bg).collect();
        colors.sort_unstable_by_key(|color| format!("{color:?}"));
        colors.dedup();
        colors.len()
    };
    assert!(colors(true) < colors(false), "{} {}", colors(true), colors(false));
    let scale = |value: i32| Theme { coarse: true, ..THEME }.diverging(value as f32 / 100.0);
    let mut levels: Vec<_> = (-100..=100).map(scale).collect();
    levels.dedup();
    assert_eq!(levels.len(), 9);
    assert_eq!([scale(-100), scale(0), scale(100)], [-1.0, 0.0, 1.0].map(|value| THEME.diverging(value)));
}

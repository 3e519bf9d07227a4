//! The dashboard of runs of a million steps: time to fold a step, memory of the state, and the time to fold one more step and draw a
//! frame of every tab, as it is, with a cursor, zoomed and with a logarithmic axis. A mark stands where a frame takes more than 8 ms.
//!
//! `cargo bench --bench dashboard`, with the names of recordings (`classifier`, `series`) for these alone.
#![allow(clippy::print_stdout, missing_docs)]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/common/recordings.rs"]
mod recordings;

use std::time::{Duration, Instant};

use ratatui::layout::Size;
use unrolled::bench::resident;
use unrolled::protocol::{Event, StepMetrics};
use unrolled::ui::dashboard::Dashboard;
use unrolled::ui::keymap::Action;
use unrolled::ui::panel::Tab;
use unrolled::ui::terminal::Screen;
use unrolled::ui::theme::Theme;
use unrolled::ui::view::dashboard;

const STEPS: u64 = 1_000_000;
const FRAMES: usize = 41;
/// What a frame may take.
const LIMIT: Duration = Duration::from_millis(8);
const SIZES: [(u16, u16); 2] = [(200, 60), (300, 100)];

/// Ways to look at a run, each with the keys that lead there.
const VIEWS: [(&str, &[Action]); 5] = [
    ("plain", &[]),
    ("cursor", &[Action::Focus(1), Action::FocusNext, Action::FocusNext, Action::PageUp, Action::PageUp]),
    ("zoomed", &[Action::Zoom, Action::Zoom]),
    ("log", &[Action::LogScale]),
    ("alone", &[Action::Open]),
];

fn main() {
    // `cargo bench` passes --bench.
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for name in recordings::names().filter(|name| only.is_empty() || only.iter().any(|only| only == name)) {
        measure(name);
    }
}

fn memory() -> f64 {
    resident().map_or(f64::NAN, |resident| resident.now as f64 / f64::from(1 << 20))
}

fn measure(name: &str) {
    let events = recordings::events(name);
    let before = memory();
    let mut dash = Dashboard::new();
    let begin = Instant::now();
    recordings::stretched(&events, STEPS, |event| dash.apply(event));
    let per_step = begin.elapsed().as_secs_f64() / STEPS as f64;
    println!("{name}: {:.1} µs to make and fold a step, {:.1} MiB", per_step * 1e6, memory() - before);
    println!("{:>12} {:>10} {:>9} {:>9} {:>9}  ms", "", "", "", "median", "longest");
    for tab in Tab::of(&dash.run) {
        for (view, actions) in VIEWS {
            for size in SIZES {
                let times = frames(&mut dash, tab, actions, size);
                let median = times.get(times.len() / 2).copied().unwrap_or_default();
                let longest = times.last().copied().unwrap_or_default();
                let mark = if median > LIMIT { " !" } else { "" };
                let (size, ms) =
                    (format!("{}×{}", size.0, size.1), |time: Duration| time.as_secs_f64() * 1e3);
                println!(
                    "{:>12} {view:>10} {size:>9} {:>9.2} {:>9.2}{mark}",
                    format!("{tab:?}"),
                    ms(median),
                    ms(longest)
                );
            }
        }
    }
}

/// The times of frames after one more step each, in order of length.
fn frames(dash: &mut Dashboard, tab: Tab, actions: &[Action], (width, height): (u16, u16)) -> Vec<Duration> {
    dash.view = Default::default();
    dash.view.tab = tab;
    actions.iter().for_each(|action| {
        dash.act(*action);
    });
    let Ok(mut screen) = Screen::new(Size::new(width, height)) else { return Vec::new() };
    let Some(mut latest) = dash.run.latest().copied() else { return Vec::new() };
    let frame = |_| {
        latest = StepMetrics { step: latest.step + 1, seconds: latest.seconds + 0.01, ..latest };
        let begin = Instant::now();
        dash.apply(&Event::Step(latest));
        let drawn = screen.draw(Vec::new(), |frame| {
            dashboard::render(dash, frame.area(), frame.buffer_mut(), &Theme::DARK);
        });
        std::hint::black_box(drawn.is_ok());
        begin.elapsed()
    };
    let mut times: Vec<Duration> = (0..FRAMES).map(frame).collect();
    times.sort_unstable();
    times
}

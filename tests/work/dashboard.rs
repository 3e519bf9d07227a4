//! What a frame of the dashboard costs does not grow with the run.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unrolled::kernel::{AllocationCount, allocation_count};
use unrolled::protocol::Event;
use unrolled::ui::dashboard::Dashboard;
use unrolled::ui::panel::Tab;
use unrolled::ui::theme::Theme;
use unrolled::ui::view::dashboard;

use super::{alone, recordings};

/// The steps of a short and of a long run.
const STEPS: [u64; 2] = [10_000, 1_000_000];
/// By how much a cost may grow from the short to the long run, which is a hundred times as long: lists that are thinned may not be
/// full after the short one.
const GROWTH: u64 = 8;

fn counted<T>(work: impl FnOnce() -> T) -> (AllocationCount, T) {
    let before = allocation_count().unwrap();
    let result = work();
    (allocation_count().unwrap() - before, result)
}

/// The allocations for a copy of the state, and for a frame of every tab.
fn costs(events: &[Event], steps: u64) -> Vec<(String, AllocationCount)> {
    let mut dash = Dashboard::new();
    recordings::stretched(events, steps, |event| dash.apply(event));
    assert_eq!(dash.run.latest().map(|latest| latest.step), Some(steps));
    let (state, _) = counted(|| dash.run.clone());
    let mut costs = vec![("state".to_owned(), state)];
    for tab in Tab::of(&dash.run) {
        dash.view.tab = tab;
        let mut buf = Buffer::empty(Rect::new(0, 0, 200, 60));
        let mut frame = || dashboard::render(&dash, *buf.area(), &mut buf, &Theme::DARK);
        // The layout has a cache.
        frame();
        costs.push((format!("{tab:?}"), counted(frame).0));
    }
    costs
}

#[test]
fn a_frame_of_a_million_steps_costs_what_one_of_ten_thousand_does() {
    let _alone = alone();
    for name in ["classifier", "series"] {
        let events = recordings::events(name);
        let [short, long] = STEPS.map(|steps| costs(&events, steps));
        for ((of, short), (also, long)) in short.into_iter().zip(long) {
            assert_eq!(of, also);
            assert!(short.bytes > 0, "{name} {of}");
            assert!(
                long.bytes <= GROWTH * short.bytes && long.calls <= GROWTH * short.calls,
                "{name} {of}: {short:?} after {} steps, {long:?} after {}",
                STEPS[0],
                STEPS[1]
            );
        }
    }
}

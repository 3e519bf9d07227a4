use crossbeam_channel::unbounded;

use super::*;
use crate::protocol::{CommandRequest, CommandSender};
use measured::names;

#[test]
fn languages_have_the_same_pages_networks_and_numbers() {
    let [english, russian] = Language::ALL.map(|language| &language.texts().pages);
    for ((page, one), other) in PAGES.iter().zip(english).zip(russian) {
        assert_eq!(one.networks.len(), page.networks.len(), "{}", one.title);
        assert_eq!(other.networks.len(), page.networks.len(), "{}", other.title);
        for (one, other) in one.networks.iter().zip(other.networks) {
            let sorted = |text| {
                let mut names = names(text);
                names.sort_unstable();
                names
            };
            assert_eq!(sorted(one.finding), sorted(other.finding), "{}", one.finding);
            assert!(!names(one.finding).is_empty(), "{}", one.finding);
        }
        for text in [one, other] {
            assert!(
                text.text.iter().chain([&text.task]).all(|text| names(text).is_empty()),
                "{}",
                text.title
            );
            assert!(!text.title.is_empty() && !text.text.is_empty() && !text.task.is_empty());
        }
    }
}

#[test]
fn turning_a_page_stops_its_network_and_trains_the_next() {
    let (send, inbox) = unbounded();
    let watch = |lecture: &mut LectureScreen| {
        let (_, events) = unbounded();
        lecture.watch(events, CommandSender::new("test", send.clone()));
    };
    let mut lecture = LectureScreen::new(Language::English, 9);
    watch(&mut lecture);
    assert_eq!(lecture.act(Action::Right), Some(Request::Train));
    let sent = || inbox.try_iter().map(|request: CommandRequest| request.command).collect::<Vec<_>>();
    assert_eq!(sent(), [Command::Stop]);
    assert_eq!(lecture.network(), PAGES[9].networks.first());
    assert_eq!(lecture.act(Action::PageDown), None, "the last page");
    watch(&mut lecture);
    assert_eq!(lecture.act(Action::PauseResume), None);
    lecture.apply(&Event::Status(RunStatus::Paused));
    lecture.act(Action::PauseResume);
    lecture.act(Action::FullSpeed);
    assert_eq!(sent(), [Command::Pause, Command::Resume, Command::FullSpeed]);
    assert_eq!(lecture.act(Action::Focus(3)), Some(Request::Train));
    assert_eq!((lecture.page, sent()), (2, vec![Command::Stop]));
    assert_eq!(lecture.act(Action::Back), Some(Request::Leave));
}

//! The pages on the screen, as text.

use std::fmt::Write as _;

use crossbeam_channel::unbounded;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unicode_width::UnicodeWidthStr;
use unrolled::protocol::{CommandSender, Event, RunStatus};
use unrolled::ui::app::App;
use unrolled::ui::input::Input;
use unrolled::ui::keymap::Action;
use unrolled::ui::lecture::{Language, LectureScreen, PAGES, Request};
use unrolled::ui::theme::{Colors, Glyphs, Theme};
use unrolled::ui::{InitialScreen, LaunchRequest, Launched, Link};

use crate::story;

const THEME: Theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Braille, light: false, ..Theme::DARK };

/// A page with its network in training.
fn page(language: Language, number: usize) -> LectureScreen {
    let mut lecture = LectureScreen::new(language, number);
    story::training(lecture.network().unwrap()).iter().for_each(|event| lecture.apply(event));
    lecture
}

/// The whole screen with a page whose network is in training, after `keys`. Networks that the keys train are in the middle of it as well.
fn screen(
    language: Language,
    number: usize,
    keys: &str,
    (width, height): (u16, u16),
    theme: Theme,
) -> String {
    let start = InitialScreen::Lecture(Box::new(LectureScreen::new(language, number)));
    let mut launch = |request: LaunchRequest<'_>| {
        let LaunchRequest::Lecture(network) = request else {
            return Err("it trains networks of the lecture".into());
        };
        let ((tell, events), (commands, _)) = (unbounded(), unbounded());
        story::training(network).into_iter().for_each(|event| tell.send(event).unwrap());
        Ok(Launched::Link(Link { events, commands: CommandSender::new("test", commands) }))
    };
    let mut app = App::new(start, Vec::new(), &mut launch, theme);
    let fold = |app: &mut App<'_>| {
        let events: Vec<Event> = app.events().into_iter().flat_map(|events| events.try_iter()).collect();
        events.iter().for_each(|event| app.fold(event));
    };
    fold(&mut app);
    for key in keys.chars() {
        app.input(Input::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)));
        fold(&mut app);
    }
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| app.render(frame)).unwrap();
    let rows = terminal.backend().buffer().content().chunks(usize::from(width));
    let row = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect::<String>();
    rows.map(|cells| row(cells).trim_end().to_owned() + "\n").collect()
}

/// All pages on one terminal, one below the other.
fn all(language: Language, (width, height): (u16, u16)) -> String {
    let mut out = String::new();
    for number in 1..=PAGES.len() {
        out += &screen(language, number, "", (width, height), THEME);
        writeln!(out, "{}", "=".repeat(usize::from(width))).unwrap();
    }
    out
}

#[test]
fn pages_in_english() {
    insta::assert_snapshot!("english_80", all(Language::English, (80, 24)));
    insta::assert_snapshot!("english_120", all(Language::English, (120, 40)));
}

#[test]
fn pages_in_russian() {
    insta::assert_snapshot!("russian_80", all(Language::Russian, (80, 24)));
    insta::assert_snapshot!("russian_120", all(Language::Russian, (120, 40)));
}

#[test]
fn every_text_fits_80_by_24_with_its_numbers() {
    for (language, number) in
        Language::ALL.into_iter().flat_map(|language| (1..=PAGES.len()).map(move |n| (language, n)))
    {
        let networks = PAGES[number - 1].networks.len();
        for turns in 0..networks {
            let mut lecture = LectureScreen::new(language, number);
            story::training(lecture.network().unwrap()).iter().for_each(|event| lecture.apply(event));
            for _ in 0..turns {
                lecture.act(Action::Try);
                story::training(lecture.network().unwrap()).iter().for_each(|event| lecture.apply(event));
            }
            let finding = lecture.finding();
            assert!(!finding.contains('…') && !finding.contains('{'), "{finding}");
            let drawn = screen(language, number, &"+".repeat(turns), (80, 24), THEME);
            // The last word is that of the text, and no line is hidden.
            let left: Vec<String> =
                drawn.lines().skip(1).take(22).map(|line| line.chars().take(40).collect()).collect();
            let left = left.join(" ");
            let words: Vec<&str> = left.split_whitespace().collect();
            let expected: Vec<&str> = finding.split_whitespace().collect();
            assert!(
                words.windows(expected.len()).any(|part| part == expected),
                "{number} {turns}: {finding}\n{drawn}"
            );
        }
    }
}

#[test]
fn no_line_of_a_text_or_drawing_is_wider_than_its_columns() {
    for (language, number) in
        Language::ALL.into_iter().flat_map(|language| (1..=PAGES.len()).map(move |n| (language, n)))
    {
        for width in [20, 33, 60] {
            let lecture = page(language, number);
            let lines = lecture.printed(width);
            let wide: Vec<&String> = lines.iter().filter(|line| line.width() > width.max(38)).collect();
            assert!(wide.is_empty(), "{wide:#?}");
        }
    }
    let words = |width: usize| {
        let lines = page(Language::Russian, 7).printed(width);
        lines.join(" ").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words(33), words(200), "no word is lost or broken");
}

#[test]
fn every_size_and_glyph_is_survived_and_a_low_screen_scrolls() {
    for number in 1..=PAGES.len() {
        for size in [(1, 1), (24, 6), (40, 11), (71, 50), (72, 7), (200, 60), (300, 3)] {
            for glyphs in [Glyphs::Ascii, Glyphs::Letters, Glyphs::Braille] {
                screen(Language::Russian, number, "", size, Theme { glyphs, ..THEME });
            }
        }
    }
    assert!(screen(Language::English, 1, "", (60, 11), THEME).contains('↓'));
    let end = screen(Language::English, 1, &"j".repeat(40), (60, 11), THEME);
    let words = end.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("never seen; guessing gives 50 %."), "{end}");
    let ascii = screen(Language::English, 4, "", (80, 24), Theme { glyphs: Glyphs::Ascii, ..THEME });
    assert!(ascii.is_ascii(), "{ascii}");
}

#[test]
fn the_task_of_each_page_does_what_it_says() {
    let finding = |number: usize, actions: &[Action]| {
        let mut lecture = page(Language::English, number);
        actions.iter().for_each(|action| assert_eq!(lecture.act(*action), None));
        lecture.finding()
    };
    for actions in [&[][..], &[Action::Try]] {
        let found = finding(1, actions);
        assert!(found.contains("difference 0.000"), "{found}");
    }
    assert!(finding(2, &[]).contains("0.944, and 0.081 in the other order"));
    assert!(finding(2, &[Action::Try]).contains("0.081, and 0.944 in the other order"));
    let fifth = finding(3, &[Action::Try; 4]);
    assert!(fifth.starts_with("After word 5 of 11, “bad”, the answer is 0.620."), "{fifth}");
    // The words differ from the fifth on.
    assert!(fifth.contains("differ from word 5 to the end"), "{fifth}");
    assert!(finding(3, &[Action::TryBack]).starts_with("After word 11 of 11"));
}

#[test]
fn the_drawing_has_the_words_in_the_order_of_the_answer_above() {
    for language in Language::ALL {
        assert!(screen(language, 1, "", (80, 24), THEME).contains("not    bad    but    good"));
        let swapped = screen(language, 1, " ", (80, 24), THEME);
        assert!(swapped.contains("not    good   but    bad"), "{swapped}");
    }
}

#[test]
fn a_long_title_leaves_the_steps_their_numbers() {
    let drawn = screen(Language::English, 4, "", (80, 24), THEME);
    assert!(drawn.lines().next().unwrap().ends_with("● training · 1,125/1,500"), "{drawn}");
}

#[test]
fn the_step_of_an_accuracy_is_the_one_at_which_it_was_measured() {
    let mut lecture = LectureScreen::new(Language::English, 6);
    let events = story::training(lecture.network().unwrap());
    let last = events.iter().rposition(|event| matches!(event, Event::Epoch(_))).unwrap();
    // All but the last epoch: step 1,125 is made, and not validated.
    events.iter().enumerate().filter(|(i, _)| *i != last).for_each(|(_, event)| lecture.apply(event));
    let finding = lecture.finding();
    assert!(finding.contains("Accuracy at step 1,000:"), "{finding}");
    assert!(finding.contains("Now the loss is"), "{finding}");
}

#[test]
fn networks_of_a_page_stay_beside_one_another_and_a_finished_one_is_not_trained_again() {
    let mut lecture = page(Language::English, 8);
    lecture.apply(&Event::Status(RunStatus::Finished));
    assert_eq!(lecture.act(Action::Try), Some(Request::Train));
    assert_eq!(lecture.network().map(|network| network.preset), Some("vanishing-gru"));
    assert_eq!(lecture.act(Action::TryBack), None, "it has finished");
    assert!(lecture.finding().starts_with("LSTM: 97.0 % right"), "{}", lecture.finding());
    let both = screen(Language::English, 8, "+", (120, 40), THEME);
    assert!(both.contains("1: LSTM 97.0 %  2: GRU 97.0 %"), "{both}");
}

#[test]
fn an_error_is_said_and_gone_with_the_page() {
    let mut lecture = page(Language::English, 1);
    lecture.fail("cannot create /tmp/x: no space".to_owned());
    assert!(lecture.printed(60).iter().any(|line| line.contains("no space")));
    lecture.act(Action::Right);
    assert!(!lecture.printed(60).iter().any(|line| line.contains("no space")));
}

#[test]
fn the_gradient_that_fades_is_a_line_that_falls_to_the_left() {
    let drawn = screen(Language::English, 7, "", (120, 40), THEME);
    let dots = |c: char| ('\u{2801}'..='\u{28ff}').contains(&c);
    let rows = drawn
        .lines()
        .skip_while(|line| !line.contains("relative to the last"))
        .take_while(|line| !line.contains("╰ t "));
    let first: Vec<usize> = rows.filter_map(|row| row.chars().position(dots)).collect();
    // Down to where the upper of the two lines, the latest, has reached the left edge.
    let edge = first.iter().position(|column| Some(column) == first.iter().min()).unwrap();
    assert!(edge > 1 && first[..=edge].windows(2).all(|pair| pair[0] >= pair[1]), "{first:?}\n{drawn}");
}

#[test]
fn sentences_without_their_numbers_are_whole_sentences() {
    for (language, number) in
        Language::ALL.into_iter().flat_map(|language| (1..=PAGES.len()).map(move |n| (language, n)))
    {
        // Before the first event, prepared, and after the first steps.
        let events = story::training(LectureScreen::new(language, number).network().unwrap());
        let is_measured = |event: &&Event| !matches!(event, Event::Epoch(_) | Event::Probe(_));
        for known in [0, 1, 3, events.len()] {
            let mut lecture = LectureScreen::new(language, number);
            events.iter().take(known).filter(is_measured).for_each(|event| lecture.apply(event));
            let finding = lecture.finding();
            assert!(!finding.contains(['…', '{', '}']) && finding.ends_with('.'), "{known}: {finding}");
            let waits = ["not been measured yet", "not answered yet", "not over yet", "не измерен", "ещё"];
            assert!(waits.iter().any(|words| finding.contains(words)), "{known}: {finding}");
        }
    }
}

#[test]
fn the_help_of_the_lecture_lists_its_own_keys_and_no_others() {
    let help = screen(Language::English, 1, "?", (80, 50), THEME);
    for words in ["Go to page 10", "Leave the lecture", "Train the network of the page at full speed"] {
        assert!(help.contains(words), "{words}: {help}");
    }
    assert!(!help.contains("panel") && !help.contains("replay"), "{help}");
}

#[test]
fn the_help_and_the_footer_of_the_russian_lecture_are_in_russian() {
    let help = screen(Language::Russian, 1, "?", (80, 50), THEME);
    let keys: Vec<&str> =
        help.lines().skip_while(|line| !line.contains("Клавиши и справка")).skip(1).collect();
    let keys: Vec<&str> = keys.into_iter().take_while(|line| !line.contains("на английском")).collect();
    assert!(keys.len() > 14, "{help}");
    let is_english = |word: &str| word.len() > 3 && word.chars().all(|c| c.is_ascii_lowercase());
    let sentences = keys.iter().flat_map(|line| line.chars().skip(18).collect::<Vec<_>>());
    let sentences: String = sentences.collect();
    assert!(!sentences.split_whitespace().any(is_english), "{sentences}");
    // Without a menu, Esc is not named beside the key that quits.
    let page = screen(Language::Russian, 1, "", (80, 24), THEME);
    let footer = page.lines().last().unwrap();
    assert!(footer.contains("q выход") && footer.contains("f быстро") && !footer.contains("Esc"), "{footer}");
}

#[test]
fn beside_the_gradient_of_a_cell_state_is_that_of_the_hidden_state() {
    let of_cell = screen(Language::English, 8, "", (80, 24), THEME);
    assert!(of_cell.contains("‖∂L/∂c‖ and ‖∂L/∂h‖, relative"), "{of_cell}");
    assert!(of_cell.contains("━ c at best ━ c now: step 1,100 ┄ h"), "{of_cell}");
    let of_gru = screen(Language::English, 8, "+", (80, 24), THEME);
    assert!(of_gru.contains("‖∂L/∂h‖ relative to the last step") && !of_gru.contains("┄ h"), "{of_gru}");
    assert!(of_gru.contains("━ at best ━ now: step 1,100"), "{of_gru}");
}

#[test]
fn the_gradient_of_a_cell_is_drawn_where_it_reached_farthest_also_once_it_has_learnt() {
    use unrolled::protocol::GradientProfile;
    let first_row = |profiles: &[f32]| {
        let mut lecture = LectureScreen::new(Language::English, 8);
        let events = story::training(lecture.network().unwrap());
        let others = events.iter().filter(|event| !matches!(event, Event::Gradient(_)));
        others.for_each(|event| lecture.apply(event));
        for (step, rate) in profiles.iter().enumerate() {
            let norms: Vec<f32> = (0..31).map(|t| rate.powi(30 - t)).collect();
            let (hnorm, cnorm) = (norms.clone(), norms);
            let profile = GradientProfile { step: step as u64, layer: 1, hnorm, cnorm, ..Default::default() };
            lecture.apply(&Event::Gradient(profile));
        }
        let start = InitialScreen::Lecture(Box::new(lecture));
        let mut launch = |_: LaunchRequest<'_>| Err("nothing is trained".to_owned());
        let mut app = App::new(start, Vec::new(), &mut launch, THEME);
        let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
        terminal.draw(|frame| app.render(frame)).unwrap();
        let rows = terminal.backend().buffer().content().chunks(120);
        let rows: Vec<String> = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect();
        // The topmost row of the picture in which something is drawn in the left half, where the early steps are.
        let from = rows.iter().position(|row| row.contains("‖∂L/∂c‖ and")).unwrap() + 2;
        let dots =
            |row: &String| row.chars().skip(68).take(20).any(|c| ('\u{2801}'..='\u{28ff}').contains(&c));
        rows[from..].iter().position(dots).unwrap()
    };
    assert!(first_row(&[0.8, 0.98, 0.8]) < first_row(&[0.8, 0.8, 0.8]));
}

#[test]
fn a_network_that_has_learnt_says_why_its_gradient_fades() {
    let mut lecture = LectureScreen::new(Language::English, 7);
    let events = story::training(lecture.network().unwrap());
    let has_learnt = |event: &Event| match event {
        Event::Epoch(epoch) => epoch.metrics.get("val_accuracy").is_some_and(|accuracy| accuracy > 0.95),
        _ => false,
    };
    let (after, before): (Vec<_>, Vec<_>) = events.iter().partition(|event| has_learnt(event));
    before.into_iter().for_each(|event| lecture.apply(event));
    assert!(lecture.finding().contains("steps back. Accuracy"), "{}", lecture.finding());
    after.into_iter().for_each(|event| lecture.apply(event));
    assert!(lecture.finding().contains("steps back, as it has learnt: its states"), "{}", lecture.finding());
}

#[test]
fn the_accuracy_of_the_network_in_training_is_never_cut() {
    for (language, name) in [(Language::English, "21 symbols"), (Language::Russian, "21 символ")] {
        // From 11 symbols on to 21.
        let drawn = screen(language, 6, "+", (80, 24), THEME);
        assert!(drawn.contains(&format!("3: {name} 97.0 %")), "{drawn}");
        assert!(drawn.contains("2: 97.0 %"), "the other one beside it: {drawn}");
    }
}

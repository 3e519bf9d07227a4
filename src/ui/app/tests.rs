use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded, unbounded};
use crossterm::event::MouseEventKind;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use super::*;
use crate::protocol::RaceEvent;
use crate::protocol::{
    AppliedCommand, CommandRequest, DataFacts, Level, LogLine, ModelTable, RunInfo, Sample, StepMetrics,
};
use crate::run::RunState;
use crate::run::race::Standings;
use crate::ui::browser::CustomDataHooks;
use crate::ui::earlier_runs::EarlierRuns;
use crate::ui::group::{self, Group};
use crate::ui::input::Input;
use crate::ui::menu::tests::{THEME, entries};
use crate::ui::menu::{self, RaceEntry, RecentRun};
use crate::ui::panel::{Panel, Tab};
use crate::ui::sweep;
use crate::ui::terminal::{Screen, WriteResult, Writer};
use crate::ui::view::dashboard::Target;

mod getting;
mod looped;
mod requested;

/// Far longer than anything takes; reached only by a test that fails.
const LONG: Duration = Duration::from_secs(30);
const SIZE: Size = Size { width: 80, height: 24 };

fn step(step: u64) -> Event {
    Event::Step(StepMetrics {
        step,
        epoch: 1,
        loss: 0.69,
        accuracy: None,
        learning_rate: 1e-3,
        grad_norm: 1.0,
        sequences_per_s: 1e3,
        seconds: step as f64,
    })
}

fn key(code: KeyCode) -> Input {
    let modifiers = KeyModifiers::NONE;
    Input::Key(KeyEvent::new(code, modifiers))
}

/// The keys that type `text`, with `\n` for Enter, `\x1b` for Esc, `\t` for Tab and `<` for Backspace.
pub(in crate::ui::app) fn typed(text: &str) -> impl Iterator<Item = KeyEvent> {
    text.chars().map(|c| {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\t' => KeyCode::Tab,
            '<' => KeyCode::Backspace,
            c => KeyCode::Char(c),
        };
        KeyEvent::new(code, KeyModifiers::NONE)
    })
}

fn link() -> (Link, Sender<Event>, Receiver<CommandRequest>) {
    let (tell, events) = unbounded();
    let (commands, asked) = unbounded();
    (Link { events, commands: CommandSender::new("screen", commands) }, tell, asked)
}

/// Presses keys; those between two `⎘` at once, as pasted text without brackets comes.
fn type_keys(app: &mut App<'_>, keys: &str) {
    if let Some((before, rest)) = keys.split_once('⎘') {
        let (pasted, after) = rest.split_once('⎘').unwrap();
        type_keys(app, before);
        let code = |c| if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
        let keys = pasted.chars().map(|c| KeyEvent::new(code(c), KeyModifiers::NONE));
        app.input(Input::Burst(keys.collect()));
        return type_keys(app, after);
    }
    keys.chars().for_each(|c| match c {
        '\n' => app.input(key(KeyCode::Enter)),
        '\x1b' => app.input(key(KeyCode::Esc)),
        '↓' => app.input(key(KeyCode::Down)),
        '←' => app.input(key(KeyCode::Left)),
        '\t' => app.input(key(KeyCode::Tab)),
        '⌫' => app.input(key(KeyCode::Backspace)),
        c => app.input(key(KeyCode::Char(c))),
    });
}

fn screen(app: &mut App<'_>, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| app.render(frame)).unwrap();
    terminal.backend().to_string()
}

/// Hooks that do nothing, and a race.
const HOOKS: MenuHooks = MenuHooks {
    own_data: CustomDataHooks { inspect: |_| Err("nothing".into()), write_preset: |_| Err("nothing".into()) },
    races: || vec![RaceEntry { name: "memory".into(), about: "rnn, lstm".into(), ..RaceEntry::default() }],
    fetch: FetchHooks { find: |_| None, start: |_, _| Err("nothing".into()) },
    estimate: |_, _| Err("nothing".into()),
    save: |_| Err("nothing".into()),
};

/// Runs a story on the dashboard of a training network, without a loop; returns the commands sent to the trainer.
fn while_training(story: impl FnOnce(&mut App<'_>)) -> Vec<Command> {
    let (link, _tell, asked) = link();
    let mut launch = |_: LaunchRequest<'_>| Err(String::new());
    let mut app = App::new(InitialScreen::Dashboard(link), Vec::new(), &mut launch, THEME);
    app.fold(&Event::Status(RunStatus::Training));
    story(&mut app);
    asked.try_iter().map(|request| request.command).collect()
}

#[test]
fn quitting_while_training_asks_with_the_dashboard_still_visible() {
    let asked = while_training(|app| {
        type_keys(app, "q");
        assert_eq!(app.outcome(), None);
        let seen = screen(app, 80, 24);
        assert!(seen.contains("still training") && seen.contains("Save and stop"), "{seen}");
        assert!(seen.contains("● training"), "the dashboard is hidden: {seen}");
        type_keys(app, "\x1b");
        assert!(!screen(app, 80, 24).contains("Save and stop"));
        assert_eq!(app.outcome(), None);
    });
    assert_eq!(asked, []);
}

#[test]
fn full_speed_is_named_while_the_preset_slows_the_training_down() {
    while_training(|app| {
        let Event::Prepared(mut info) = prepared("runs/slow".as_ref()) else { return };
        app.fold(&Event::Prepared(info.clone()));
        assert!(!screen(app, 120, 40).contains("full speed"));
        info.pace = Some(100.0);
        app.fold(&Event::Prepared(info));
        for width in [80, 120] {
            assert!(screen(app, width, 40).contains("f full speed"), "{}", screen(app, width, 40));
        }
        app.fold(&Event::Command(AppliedCommand {
            step: 1,
            epoch: 1,
            request: Command::FullSpeed.by("test"),
            learning_rate: 0.1,
        }));
        assert!(!screen(app, 120, 40).contains("full speed"));
    });
}

#[test]
fn training_goes_on_without_the_screen() {
    let asked = while_training(|app| {
        app.input(Input::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        type_keys(app, "\n");
        assert_eq!(app.outcome(), None, "Enter at once changes nothing");
        type_keys(app, "q\n");
        assert_eq!(app.outcome(), None, "nor after q");
        type_keys(app, "q↓\n");
        assert_eq!(app.outcome(), Some(ExitReason::LeftTraining));
    });
    assert_eq!(asked, []);
}

#[test]
fn save_and_stop_waits_for_the_trainers_last_word() {
    let asked = while_training(|app| {
        type_keys(app, "q↓↓\n");
        assert!(screen(app, 80, 24).contains("saving and stopping"));
        app.fold(&step(1));
        type_keys(app, "\x1b");
        assert_eq!(app.outcome(), None);
        app.fold(&Event::Status(RunStatus::Stopped { saved: true }));
        assert_eq!(app.outcome(), None, "the curves of a stopped run are there to be looked at");
        assert!(screen(app, 80, 24).contains("stopped"));
        type_keys(app, "q");
        assert_eq!(app.outcome(), Some(ExitReason::Quit));
    });
    assert_eq!(asked, [Command::SaveAndStop]);
}

#[test]
fn stopping_and_enter_saves_and_stops() {
    let sent = while_training(|app| type_keys(app, "X\n"));
    assert_eq!(sent, [Command::SaveAndStop]);
}

#[test]
fn a_second_ctrl_c_saves_and_ends_the_program_and_a_third_ends_it_at_once() {
    let interrupt = |app: &mut App<'_>| {
        app.input(Input::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    };
    let sent = while_training(|app| {
        interrupt(app);
        assert!(app.is_asking());
        interrupt(app);
        assert!(screen(app, 80, 24).contains("saving, then quitting"));
        assert_eq!(app.outcome(), None);
        app.fold(&Event::Status(RunStatus::Stopped { saved: true }));
        assert_eq!(app.outcome(), Some(ExitReason::Quit));
    });
    assert_eq!(sent, [Command::SaveAndStop]);
    while_training(|app| {
        (0..3).for_each(|_| interrupt(app));
        assert_eq!(app.outcome(), Some(ExitReason::Quit));
    });
}

#[test]
fn when_saving_fails_the_screen_stays_to_be_read() {
    let asked = while_training(|app| {
        type_keys(app, "q2");
        app.fold(&Event::Status(RunStatus::Failed { what: "no space left on device".into() }));
        assert_eq!(app.outcome(), None);
        type_keys(app, "q");
        assert_eq!(app.outcome(), Some(ExitReason::Quit));
    });
    assert_eq!(asked, [Command::SaveAndStop]);
}

#[test]
fn who_does_not_want_to_wait_for_the_trainer_need_not() {
    let asked = while_training(|app| {
        type_keys(app, "q3");
        assert_eq!(app.outcome(), None);
        type_keys(app, "q");
        assert_eq!(app.outcome(), Some(ExitReason::Quit));
    });
    assert_eq!(asked, [Command::Stop]);
}

#[test]
fn a_run_that_ends_by_itself_leaves_nothing_to_ask() {
    while_training(|app| {
        type_keys(app, "q");
        app.fold(&Event::Status(RunStatus::Finished));
        assert_eq!(app.outcome(), None);
        let seen = screen(app, 80, 24);
        assert!(!seen.contains("Save and stop"), "{seen}");
        assert!(seen.contains("q quits") && !seen.contains("goes to the menu"), "there is no menu: {seen}");
        type_keys(app, "q");
        assert_eq!(app.outcome(), Some(ExitReason::Quit));
    });
}

#[test]
fn keys_become_commands() {
    let asked = while_training(|app| {
        type_keys(app, " ");
        app.fold(&Event::Status(RunStatus::Paused));
        type_keys(app, "n ,.s");
    });
    let rate = |factor| Command::ScaleLearningRate { factor };
    assert_eq!(
        asked,
        [Command::Pause, Command::SingleStep, Command::Resume, rate(0.5), rate(2.0), Command::Save]
    );
}

/// A run in `folder`.
fn prepared(folder: &std::path::Path) -> Event {
    Event::Prepared(Box::new(RunInfo {
        name: "word-order".into(),
        title: "Word order".into(),
        about: String::new(),
        folder: folder.to_owned(),
        model: ModelTable::default(),
        data: DataFacts::default(),
        probes: Vec::new(),
        epochs: 1,
        steps_per_epoch: 10,
        batch_size: 32,
        watch_every: 1,
        pace: None,
        task: crate::metrics::Task::Binary,
        loss: "binary_crossentropy".into(),
        optimizer: "Adam".into(),
        seed: 1,
        threads: 1,
        monitor: None,
    }))
}

#[test]
fn a_change_is_undone_by_a_key_that_is_listed_while_it_can_act() {
    let asked = while_training(|app| {
        app.fold(&prepared("runs/word-order".as_ref()));
        app.fold(&Event::Status(RunStatus::Training));
        app.fold(&step(1));
        assert!(!screen(app, 250, 24).contains("u undo"));
        type_keys(app, ">");
        let request = Command::SetBatchSize { batch_size: 64 }.by("screen");
        let applied = AppliedCommand { step: 1, epoch: 1, request, learning_rate: 1e-3 };
        app.fold(&Event::Command(applied));
        assert!(screen(app, 250, 24).contains("u undo"));
        type_keys(app, "<>u");
        app.fold(&Event::Status(RunStatus::Finished));
        assert!(!screen(app, 250, 24).contains("u undo"));
    });
    let size = |batch_size| Command::SetBatchSize { batch_size };
    assert_eq!(asked, [size(64), size(32), size(128), Command::Undo]);
}

#[test]
fn batches_of_the_seed_in_training_change_while_an_earlier_one_is_looked_at() {
    let (link, _tell, sent) = link();
    let mut launch = |_: LaunchRequest<'_>| Err(String::new());
    let several = InitialScreen::Several(link, EarlierRuns::new(2, Vec::new()));
    let mut app = App::new(several, Vec::new(), &mut launch, THEME);
    for (seed, batch_size) in [("runs/seed-1", 32), ("runs/seed-2", 8)] {
        let Event::Prepared(info) = prepared(seed.as_ref()) else { panic!("{seed}") };
        app.fold(&Event::Status(RunStatus::Preparing { what: String::new() }));
        app.fold(&Event::Prepared(Box::new(RunInfo { batch_size, ..*info })));
        app.fold(&Event::Status(RunStatus::Training));
        app.fold(&step(1));
        if batch_size == 32 {
            app.fold(&Event::Status(RunStatus::Finished));
        }
    }
    type_keys(&mut app, "{>");
    let request = Command::SetBatchSize { batch_size: 16 }.by("screen");
    app.fold(&Event::Command(AppliedCommand { step: 1, epoch: 1, request, learning_rate: 1e-3 }));
    // The change of the training at hand can be undone, whichever is in front.
    assert!(screen(&mut app, 250, 24).contains("u undo"));
    let sent: Vec<Command> = sent.try_iter().map(|request| request.command).collect();
    assert_eq!(sent, [Command::SetBatchSize { batch_size: 16 }]);
}

#[test]
fn a_candidate_is_written_by_enter_or_by_its_number() {
    let asked = while_training(|app| {
        let Event::Prepared(mut info) = prepared("runs/letters".as_ref()) else { return };
        info.task = crate::metrics::Task::Language;
        app.fold(&Event::Prepared(info));
        app.fold(&Event::Status(RunStatus::Training));
        app.fold(&step(1));
        let candidates = ["e", "a", " "].map(|token| (token.to_owned(), 0.25)).to_vec();
        app.fold(&Event::Sample(Sample { step: 1, candidates, ..Sample::default() }));
        // The panel of samples is the first; Enter enlarges it.
        type_keys(app, "1\n↓↓\n2");
        assert!(screen(app, 120, 40).contains(" 1 e"));
    });
    assert_eq!(asked, [" ", "a"].map(|token| Command::ExtendSample { token: token.into() }));
}

#[test]
fn pasted_text_is_no_command_but_may_be_a_filter() {
    let asked = while_training(|app| {
        type_keys(app, "q⎘quick, the 2nd\n⎘");
        assert!(app.outcome().is_none() && app.is_asking());
        type_keys(app, "\x1b⎘, s n X d f\n⎘");
        assert!(app.outcome().is_none() && !app.is_asking());
    });
    assert_eq!(asked, []);
    let mut launch = |_: LaunchRequest<'_>| panic!("pasted text trains nothing");
    let mut app = App::new(InitialScreen::Menu(None), entries(), &mut launch, THEME);
    type_keys(&mut app, "⎘q is not quit\n⎘");
    assert_eq!(app.outcome(), None);
    let before = screen(&mut app, 80, 24);
    type_keys(&mut app, "⎘/no such preset\n⎘");
    let filtered = screen(&mut app, 80, 24);
    assert!(filtered.contains("no such preset") && filtered != before, "{filtered}");
}

#[test]
fn the_wheel_moves_lists_and_zooms_and_answers_no_dialog() {
    let wheel = |kind| {
        let place = crossterm::event::MouseEvent { kind, column: 1, row: 1, modifiers: KeyModifiers::NONE };
        Input::Mouse(place)
    };
    let [up, down] = [MouseEventKind::ScrollUp, MouseEventKind::ScrollDown].map(wheel);
    let mut launch = |_: LaunchRequest<'_>| Err(String::new());
    let mut app = App::new(InitialScreen::Menu(None), entries(), &mut launch, THEME);
    let first = screen(&mut app, 80, 24);
    app.input(down.clone());
    let moved = screen(&mut app, 80, 24);
    assert_ne!(moved, first);
    app.input(up.clone());
    assert_eq!(screen(&mut app, 80, 24), first);
    let folder = tempfile::tempdir().unwrap();
    while_training(|app| {
        app.fold(&prepared(folder.path()));
        (1..=2000).for_each(|n| app.fold(&step(n)));
        app.fold(&Event::Status(RunStatus::Finished));
        let seen = screen(app, 120, 40);
        let row = seen.lines().position(|line| line.contains("Loss")).unwrap() as u16 + 2;
        let at = |kind, column| {
            Input::Mouse(crossterm::event::MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
        };
        let view = |app: &App<'_>| app.run.as_ref().unwrap().dashboard.view.clone();
        // In the middle of the chart, which has the whole width: there is no other panel beside it.
        let panel = match app.target(crossterm::event::MouseEvent {
            kind: MouseEventKind::ScrollUp,
            column: 9,
            row,
            modifiers: KeyModifiers::NONE,
        }) {
            Some(Target::Panel(Panel::Loss, place)) => place,
            other => panic!("{other:?}\n{seen}"),
        };
        let middle = panel.x + 8 + (panel.width - 9) / 2;
        app.input(at(MouseEventKind::ScrollUp, middle));
        assert_eq!(view(app).zoom, 1);
        assert!((950..1050).contains(&view(app).cursor.unwrap()), "{:?}", view(app).cursor);
        (0..5).for_each(|_| app.input(at(MouseEventKind::ScrollUp, middle)));
        assert_eq!(view(app).zoom, 3, "further it does not go, nor back to the whole");
        (0..5).for_each(|_| app.input(at(MouseEventKind::ScrollDown, middle)));
        assert_eq!(view(app).zoom, 0);
    });
    while_training(|app| {
        type_keys(app, "q");
        app.input(down.clone());
        assert!(app.is_asking());
    });
}

#[test]
fn a_click_chooses_a_tab_or_a_panel_and_then_a_step() {
    let folder = tempfile::tempdir().unwrap();
    while_training(|app| {
        app.fold(&prepared(folder.path()));
        (1..=2000).for_each(|n| app.fold(&step(n)));
        app.fold(&Event::Status(RunStatus::Finished));
        let seen = screen(app, 120, 40);
        let lines: Vec<&str> = seen.lines().collect();
        let find = |text: &str| {
            let row = lines.iter().position(|line| line.contains(text)).unwrap();
            // Each line begins with a quotation mark.
            let column = lines[row].split(text).next().unwrap().chars().count() - 1;
            (column as u16, row as u16)
        };
        let click = |(column, row)| {
            let kind = MouseEventKind::Down(crossterm::event::MouseButton::Left);
            Input::Mouse(crossterm::event::MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
        };
        let view = |app: &App<'_>| app.run.as_ref().unwrap().dashboard.view.clone();
        app.input(click(find("Log")));
        assert_eq!(view(app).tab, Tab::Log);
        app.input(click(find("Overview")));
        assert_eq!((view(app).tab, view(app).cursor), (Tab::Overview, None));
        let (column, row) = find("Loss");
        app.input(click((column + 30, row + 3)));
        assert!(view(app).cursor.is_some(), "the panel of the loss is focused at first");
    });
}

#[test]
fn a_notice_is_there_until_the_next_key_and_a_light_background_changes_the_colours() {
    while_training(|app| {
        app.show_notice(Some("plain ASCII"));
        let shown = screen(app, 80, 24);
        assert!(shown.contains("plain ASCII") && shown.contains("? help"), "{shown}");
        app.input(Input::Background { light: true });
        assert!(app.theme.light && screen(app, 80, 24).contains("plain ASCII"));
        type_keys(app, "l");
        assert!(!screen(app, 80, 24).contains("plain ASCII"));
    });
}

#[test]
fn only_ctrl_c_and_text_do_not_wait_for_a_dialog() {
    let interrupt = Input::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    while_training(|app| {
        assert!(!app.answers(&key(KeyCode::Enter)), "no dialog");
        type_keys(app, "q");
        assert!(app.answers(&key(KeyCode::Enter)) && app.answers(&key(KeyCode::Char('2'))));
        assert!(!app.answers(&interrupt));
    });
    let folder = tempfile::tempdir().unwrap();
    while_training(|app| {
        app.fold(&prepared(folder.path()));
        app.fold(&step(7));
        type_keys(app, "←B");
        assert!(app.is_asking() && app.answers(&key(KeyCode::Enter)));
        assert!(!app.answers(&key(KeyCode::Char('1'))), "it is text");
    });
}

#[test]
fn a_picture_of_the_dashboard_lands_in_the_run_folder() {
    let folder = tempfile::tempdir().unwrap();
    while_training(|app| {
        app.fold(&prepared(folder.path()));
        app.fold(&step(7));
        screen(app, 80, 24);
        type_keys(app, "S");
        let seen = screen(app, 80, 24);
        assert!(seen.contains("saved screen-") && seen.contains("● training"), "{seen}");
        type_keys(app, "z");
        assert!(!screen(app, 80, 24).contains("saved screen-"), "the next key is taken at once");
        let picture = std::fs::read_to_string(folder.path().join("screen-7.svg")).unwrap();
        assert!(picture.starts_with("<svg") && picture.contains("word-order"));
        let text = std::fs::read_to_string(folder.path().join("screen-7.txt")).unwrap();
        assert!(text.contains("● training  word-order") && text.lines().count() == 23, "{text}");
        // A further one of the same step replaces none.
        type_keys(app, "S");
        assert!(
            folder.path().join("screen-7-2.svg").exists() && folder.path().join("screen-7-2.txt").exists()
        );
        // What cannot be written is said, not swallowed.
        std::fs::remove_dir_all(folder.path()).unwrap();
        type_keys(app, "S");
        assert!(screen(app, 80, 24).contains("Cannot save the screenshot"));
    });
}

#[test]
fn a_trainer_that_ends_without_a_word_has_failed() {
    while_training(|app| {
        app.trainer_gone();
        assert!(app.events().is_none());
        assert!(screen(app, 80, 24).contains("failed"));
    });
}

#[test]
fn a_finished_run_stays_until_escape_leads_back_to_the_menu() {
    let (link, tell, _asked) = link();
    let mut links = vec![link];
    let mut launch = |request: LaunchRequest<'_>| {
        assert!(matches!(request, LaunchRequest::Train("lecture-lstm", _)));
        links.pop().map(Launched::Link).ok_or_else(|| "the disk is full".to_owned())
    };
    let mut app = App::new(InitialScreen::Menu(None), entries(), &mut launch, THEME);
    type_keys(&mut app, "↓\n");
    tell.send(Event::Status(RunStatus::Finished)).unwrap();
    let event = app.events().unwrap().recv().unwrap();
    app.fold(&event);
    let seen = screen(&mut app, 80, 24);
    assert!(seen.contains("finished") && seen.contains("Esc goes to the menu"), "{seen}");
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 80, 24).contains("Presets (5)"));
    // What cannot start says why, and the choice is still there.
    type_keys(&mut app, "\n");
    assert!(screen(&mut app, 80, 24).contains("the disk is full"));
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 80, 24).contains("unrolled train lecture-lstm"));
}

#[test]
fn a_preset_without_its_data_does_not_start() {
    let mut launch = |_: LaunchRequest<'_>| -> Result<Launched, String> { panic!("nothing to train on") };
    let mut app = App::new(InitialScreen::Menu(None), entries(), &mut launch, THEME);
    app.input(key(KeyCode::End));
    type_keys(&mut app, "\n");
    let seen = screen(&mut app, 80, 24);
    assert!(seen.contains("╭ Data of imdb-lstm") && seen.contains("put both in"), "{seen}");
}

/// A dashboard that was asked for branches: what it asked, and how it ended.
fn branched(
    over: bool,
    keys: &str,
    answer: fn() -> Result<Launched, String>,
) -> (Vec<String>, String, Option<ExitReason>) {
    let (link, _tell, _asked) = link();
    let mut asked = Vec::new();
    let mut launch = |request: LaunchRequest<'_>| {
        let LaunchRequest::Branch(branch) = request else { panic!("{request:?}") };
        let change = branch.change.clone().unwrap_or_default();
        asked.push(format!("{} {} {change} {}", branch.run.display(), branch.step, branch.is_live));
        answer()
    };
    let mut app = App::new(InitialScreen::Dashboard(link), Vec::new(), &mut launch, THEME);
    app.fold(&prepared("runs/story".as_ref()));
    (1..=40).for_each(|n| app.fold(&step(n)));
    if over {
        app.fold(&Event::Status(RunStatus::Finished));
    }
    type_keys(&mut app, keys);
    let (seen, outcome) = (screen(&mut app, 80, 24), app.outcome());
    drop(app);
    (asked, seen, outcome)
}

#[test]
fn a_run_is_branched_at_the_cursor() {
    // From a run in training: in the background.
    let text = || Ok(Launched::Background("It is in runs/b.".into()));
    let (asked, seen, outcome) = branched(false, "←Btrain.epochs=9\n", text);
    assert_eq!((asked, outcome), (vec!["runs/story 39 train.epochs=9 true".to_owned()], None));
    assert!(seen.contains("It is in runs/b."), "{seen}");
    // From one that has ended: on the screen.
    let (asked, _, outcome) = branched(true, "B\t⌫⌫17\n", || Ok(Launched::Branch));
    assert_eq!((asked, outcome), (vec!["runs/story 17  false".to_owned()], Some(ExitReason::Branch)));
    // What is refused can be corrected.
    let (asked, seen, outcome) = branched(true, "Bseed=1\n", || Err("train.seed cannot be changed".into()));
    assert_eq!((asked.len(), outcome), (1, None));
    assert!(seen.contains("seed=1") && seen.contains("train.seed cannot be changed"), "{seen}");
    // Pasted text starts nothing.
    let (asked, seen, _) = branched(true, "B⎘a=b\n⎘", || Ok(Launched::Branch));
    assert!(asked.is_empty() && seen.contains("change  a=b"), "{seen}");
    let (asked, seen, _) = branched(false, "B\x1b", || Err(String::new()));
    assert!(asked.is_empty() && !seen.contains("Branch this run"), "{seen}");
}

#[test]
fn the_dialog_for_a_branch_at_80_by_24() {
    insta::assert_snapshot!(branched(true, "Btrain.epochs=9", || Err(String::new())).1);
}

#[test]
fn the_help_at_80_by_24() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let mut help = Popup::help(Context::Dashboard, &crate::ui::help::WORDS);
    terminal.draw(|frame| help.render(frame, frame.area(), std::iter::empty(), None, &THEME)).unwrap();
    insta::assert_snapshot!(terminal.backend());
}

#[test]
fn help_pages_are_chosen_below_the_keys_opened_and_closed() {
    while_training(|app| {
        type_keys(app, "?");
        let keys = screen(app, 80, 24);
        assert!(keys.contains("╭ Keys and help ") && !keys.contains("Help pages"), "{keys}");
        for _ in 0..100 {
            type_keys(app, "↓");
            if screen(app, 80, 24).contains("▸ presets") {
                break;
            }
        }
        type_keys(app, "↓");
        let list = screen(app, 80, 24);
        assert!(list.contains("▸ data") && list.contains("Enter opens, Esc closes"), "{list}");
        type_keys(app, "\n");
        let page = screen(app, 80, 24);
        assert!(page.contains(crate::help::DATA.title()) && page.contains("more, Esc back"), "{page}");
        type_keys(app, "↓\x1b");
        assert_eq!(screen(app, 80, 24), list);
        type_keys(app, "\x1b");
        assert!(!screen(app, 80, 24).contains("▸ data"));
        // In a low terminal the list scrolls with the choice.
        type_keys(app, "?");
        drop(screen(app, 80, 9));
        for _ in 0..100 {
            type_keys(app, "↓");
            drop(screen(app, 80, 9));
        }
        let last = format!("▸ {}", crate::help::PAGES.last().unwrap().name);
        assert!(screen(app, 80, 9).contains(&last));
    });
}

#[test]
fn the_log_is_seen_from_its_end_with_what_drawing_costs() {
    while_training(|app| {
        let line = |level, text: String| Event::Log(LogLine { level, text });
        (1..=40).for_each(|i| app.fold(&line(Level::Info, format!("line {i}"))));
        app.fold(&line(Level::Warning, "the\u{7}disk is slow".into()));
        app.drawing_costs(DrawingCost { frames_per_s: 15.0, bytes_per_s: 2048.0, share: 0.012 });
        type_keys(app, "L");
        let seen = screen(app, 80, 24);
        assert!(seen.contains("╭ Log ") && seen.contains("line 40") && !seen.contains("line 5 "), "{seen}");
        assert!(seen.contains("screen while training: 15 frames/s, 2.0 KiB/s, 1.2 % of a core"), "{seen}");
        // What comes is seen, until somebody scrolls back.
        app.fold(&line(Level::Info, "the newest".into()));
        assert!(screen(app, 80, 24).contains("the newest"));
        app.input(key(KeyCode::Home));
        app.fold(&line(Level::Info, "newer still".into()));
        let seen = screen(app, 80, 24);
        assert!(seen.contains("line 1 ") && !seen.contains("newer still"), "{seen}");
        type_keys(app, "L");
        assert!(!screen(app, 80, 24).contains("╭ Log "));
    });
}

#[test]
fn no_size_is_too_small_for_what_lies_over_the_screen() {
    while_training(|app| {
        for keys in ["", "?", "\x1bL", "\x1bq"] {
            type_keys(app, keys);
            (1..=40).for_each(|width| (1..=20).for_each(|height| drop(screen(app, width, height))));
        }
    });
}

#[test]
fn a_terminal_without_unicode_gets_ascii_alone() {
    let mut launch = |_: LaunchRequest<'_>| Err(String::new());
    let theme = Theme { glyphs: crate::ui::theme::Glyphs::Ascii, ..THEME };
    let mut app = App::new(InitialScreen::Menu(None), entries(), &mut launch, theme);
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| app.render(frame)).unwrap();
    assert!(terminal.backend().buffer().content.iter().all(|cell| cell.symbol().is_ascii()));
}

#[test]
fn data_of_ones_own_are_chosen_looked_at_and_trained() {
    const OWN: MenuHooks = MenuHooks {
        own_data: CustomDataHooks {
            inspect: |_| Ok(crate::ui::findings::tests::draft()),
            write_preset: |draft| match draft.name.as_str() {
                "reviews" => Ok("reviews.yaml".into()),
                _ => Err("no".into()),
            },
        },
        ..HOOKS
    };
    let (from_trainer, _tell, _asked) = link();
    let (mut waiting, mut launched) = (Some(from_trainer), Vec::new());
    let mut launch = |request: LaunchRequest<'_>| {
        let LaunchRequest::Train(name, _) = request else { panic!("{request:?}") };
        launched.push(name.to_owned());
        waiting.take().map(Launched::Link).ok_or_else(|| "out of trainers".to_owned())
    };
    let mut app = App::new(InitialScreen::Menu(Some(OWN)), entries(), &mut launch, THEME);
    let hear = |app: &mut App<'_>| {
        let answer = app.results().unwrap().recv_timeout(LONG).unwrap();
        app.take_result(answer);
    };
    type_keys(&mut app, "d");
    assert!(screen(&mut app, 80, 24).contains("reading…"));
    hear(&mut app);
    let seen = screen(&mut app, 80, 24);
    assert!(seen.contains("Cargo.toml") && seen.contains("Space inspect"), "{seen}");
    type_keys(&mut app, "/cargo.toml\n?");
    assert!(screen(&mut app, 80, 24).contains("Go to the parent folder."));
    type_keys(&mut app, "\x1b\n");
    hear(&mut app);
    assert!(screen(&mut app, 80, 24).contains("Enter train"));
    type_keys(&mut app, "\n");
    assert!(screen(&mut app, 80, 24).contains("○ starting"), "{}", screen(&mut app, 80, 24));
    assert!(app.results().is_none());
    type_keys(&mut app, "L");
    assert!(screen(&mut app, 80, 24).contains("the preset is in reviews.yaml"));
    type_keys(&mut app, "L");
    app.fold(&Event::Status(RunStatus::Finished));
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 80, 24).contains("Presets (5)"));
    type_keys(&mut app, "d\x1b");
    assert!(screen(&mut app, 80, 24).contains("Presets (5)"));
    drop(app);
    assert_eq!(launched, ["reviews.yaml"]);
}

#[test]
fn a_race_from_the_menu_is_on_this_screen_and_gives_way_to_the_menu_when_it_is_over() {
    let (tell, events) = unbounded();
    let (commands, asked) = unbounded();
    let (mut waiting, mut started) = (Some((events, CommandSender::new("screen", commands))), 0);
    let mut launch = |request: LaunchRequest<'_>| {
        assert!(matches!(request, LaunchRequest::Race("memory")), "{request:?}");
        started += 1;
        let networks = ["rnn", "lstm"].map(|name| (name.to_owned(), None)).to_vec();
        let standings = Standings::new("memory".into(), vec![1, 2], networks);
        let link = waiting.take().ok_or_else(|| "out of memory".to_owned())?;
        Ok(Launched::Race(Box::new(Group::of_race(standings, ("tokens", None), link))))
    };
    let mut app = App::new(InitialScreen::Menu(Some(HOOKS)), entries(), &mut launch, THEME);
    app.input(key(KeyCode::End));
    assert!(screen(&mut app, 80, 24).contains("Enter race"));
    type_keys(&mut app, "\n");
    assert!(screen(&mut app, 80, 24).contains("memory · "), "{}", screen(&mut app, 80, 24));
    // Stopped, its result stays on the screen.
    type_keys(&mut app, "\x1b↓↓\n");
    assert_eq!(asked.try_iter().map(|request| request.command).collect::<Vec<_>>(), [Command::SaveAndStop]);
    app.fold_race(&RaceEvent::Stopping);
    drop(tell);
    app.race_over();
    assert_eq!(app.outcome(), None);
    assert!(screen(&mut app, 80, 24).contains("memory · "));
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 80, 24).contains("▸ memory"));
    type_keys(&mut app, "\n");
    assert!(screen(&mut app, 80, 24).contains("Cannot start the race"));
    drop(app);
    assert_eq!(started, 2);
}

#[test]
fn a_sweep_is_opened_from_the_menu_and_gives_way_to_it_where_the_cursor_was() {
    let mut asked = Vec::new();
    let dir = tempfile::tempdir().unwrap();
    let (sweep, _updates) = sweep::tests::screen_in(dir.path());
    let mut waiting = Some(sweep);
    let mut launch = |request: LaunchRequest<'_>| {
        let LaunchRequest::Sweep(folder) = request else { panic!("{request:?}") };
        asked.push(folder.to_owned());
        let screen = waiting.take().ok_or_else(|| "runs/units: no sweep".to_owned())?;
        Ok(Launched::Sweep(Box::new(screen)))
    };
    let mut app = App::new(InitialScreen::Menu(Some(HOOKS)), entries(), &mut launch, THEME);
    let trainings = |name: &str| RecentRun {
        run: menu::tests::run(&format!("{name}/trials/0003"), RunState::Finished, 3),
        sweep: Some(Path::new("runs").join(name)),
    };
    app.take_recent_runs(["other", "units"].map(trainings).to_vec());
    app.input(key(KeyCode::Home));
    type_keys(&mut app, "↓");
    assert!(screen(&mut app, 80, 24).contains("Enter trainings"), "{}", screen(&mut app, 80, 24));
    type_keys(&mut app, "\n");
    let seen = screen(&mut app, 120, 40);
    assert!(seen.contains("2 Matrix") && seen.contains("Esc menu"), "{seen}");
    // Keys are those of the sweep, and what comes for the menu is not on the screen.
    type_keys(&mut app, "z");
    let panels = |seen: &str| seen.matches('╭').count();
    assert_eq!(panels(&screen(&mut app, 120, 40)), 1);
    type_keys(&mut app, "\x1b");
    let seen = screen(&mut app, 120, 40);
    assert_eq!(panels(&seen), 4);
    // Screenshots are of what is on the screen, without the footer.
    for name in ["screen", "screen-2"] {
        type_keys(&mut app, "S");
        assert!(screen(&mut app, 120, 40).contains(&format!("saved {name}.svg in the folder of the sweep")));
        let text = std::fs::read_to_string(dir.path().join(name).with_extension("txt")).unwrap();
        assert_eq!(text.lines().count(), 39);
        for line in text.lines() {
            assert!(seen.contains(line), "{line}\n{seen}");
        }
        assert!(
            std::fs::read_to_string(dir.path().join(name).with_extension("svg"))
                .unwrap()
                .contains("Importance")
        );
    }
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 80, 24).contains("▸ units/…"), "{}", screen(&mut app, 80, 24));
    assert!(app.outcome().is_none() && app.sweep_updates().is_none());
    type_keys(&mut app, "\n");
    assert!(screen(&mut app, 80, 24).contains("no sweep"));
    drop(app);
    assert_eq!(asked, [Path::new("runs/units"); 2]);
}

#[test]
fn a_network_of_a_race_is_entered_with_all_tabs_and_left_again() {
    let (_tell, events) = unbounded();
    let (commands, inbox) = unbounded();
    let names = ["rnn", "lstm"].map(|name| (name.to_owned(), None)).to_vec();
    let standings = Standings::new("memory".into(), vec![1, 2], names);
    let group = Group::of_race(standings, ("tokens", None), (events, CommandSender::new("screen", commands)));
    let mut launch = |_: LaunchRequest<'_>| Err(String::new());
    let mut app = App::new(InitialScreen::Group(Box::new(group)), Vec::new(), &mut launch, THEME);
    app.fold_race(&RaceEvent::Seed(1));
    for network in [0, 1] {
        let event = Event::Prepared(Box::new(group::tests::info(8)));
        app.fold_race(&RaceEvent::Training { network, event });
        let event = Event::Status(RunStatus::Training);
        app.fold_race(&RaceEvent::Training { network, event });
    }
    let all = screen(&mut app, 120, 40);
    assert!(all.contains("Runs   Overview   Gradients") && all.contains("Enter open"), "{all}");
    type_keys(&mut app, "↓\n");
    let entered = screen(&mut app, 120, 40);
    assert!(entered.contains("B ━━ ━ lstm") && entered.contains("Loss"), "{entered}");
    // In any tab the next network takes its place; what a single training can do is refused with the reason.
    type_keys(&mut app, "}");
    assert!(screen(&mut app, 120, 40).contains("A ━━━━ rnn"));
    for key in [".", "<", ">", "u"] {
        type_keys(&mut app, key);
        assert!(screen(&mut app, 120, 40).contains("on equal terms"), "{key}");
        type_keys(&mut app, "\x1b");
    }
    type_keys(&mut app, " ");
    assert_eq!(inbox.try_iter().map(|request| request.command).collect::<Vec<_>>(), [Command::Pause]);
    app.fold_race(&RaceEvent::Paused(true));
    assert!(screen(&mut app, 120, 40).contains("paused"));
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 120, 40).contains("memory · seed 1 (1 of 2)"));
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 120, 40).contains("Continue without screen"), "it is still training");
}

#[test]
fn a_run_of_a_comparison_is_entered_scrubbed_and_left_for_the_prompt() {
    let dir = tempfile::tempdir().unwrap();
    let runs = [("lstm", 1.0), ("gru", 2.0)];
    let runs = runs.map(|(name, rate)| group::tests::record(dir.path(), name, 4, 6, rate)).to_vec();
    let start = InitialScreen::Group(Box::new(Group::of_runs(runs)));
    let mut launch = |_: LaunchRequest<'_>| Err(String::new());
    let mut app = App::new(start, Vec::new(), &mut launch, THEME);
    let all = screen(&mut app, 120, 40);
    assert!(all.contains("Comparison of 2 runs") && all.contains("Settings that differ"), "{all}");
    app.input(key(KeyCode::Left));
    assert!(screen(&mut app, 120, 40).contains("cursor at step 79"));
    // The gradients of the step of the cursor: they were recorded at steps 60 and 80.
    type_keys(&mut app, "↓\nt");
    let entered = screen(&mut app, 120, 40);
    assert!(entered.contains("gru") && entered.contains("Gradient"), "{entered}");
    let dashboard = &app.run.as_ref().unwrap().dashboard;
    assert_eq!((dashboard.view.tab, dashboard.run.looks_back_to()), (Tab::Gradients, Some(60)));
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 120, 40).contains("cursor at step 79"), "it stays");
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 120, 40).contains("Comparison of 2 runs"));
    assert_eq!(app.outcome(), None);
    type_keys(&mut app, "\x1b");
    assert_eq!(app.outcome(), Some(ExitReason::Quit));
}

#[test]
fn the_preset_that_was_trained_is_selected_when_the_menu_comes_back() {
    let mut launch = |_: LaunchRequest<'_>| Ok(Launched::Link(link().0));
    let mut app = App::new(InitialScreen::Menu(None), entries(), &mut launch, THEME);
    type_keys(&mut app, "/word-order\n\n");
    app.fold(&Event::Status(RunStatus::Finished));
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 80, 24).contains("▸ word-order"));
}

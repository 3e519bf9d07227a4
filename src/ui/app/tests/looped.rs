//! The loop with all that it is connected to.

use super::*;

/// The time between two frames.
const FRAME: Duration = Duration::from_millis(66);

/// The loop in a thread, with all that it is connected to in the hands of the test.
struct Stage {
    input: Sender<Input>,
    notices: Sender<Notice>,
    events: Sender<Event>,
    frames: Receiver<Vec<u8>>,
    written: Sender<WriteResult>,
    seen: vt100::Parser,
    ended: JoinHandle<Flow>,
}

impl Stage {
    fn open() -> Self {
        let (events, receive_events) = bounded(20_000);
        let (input, receive_input) = unbounded();
        let (notices, receive_notices) = unbounded();
        let (send_frames, frames) = bounded(1);
        let (written, done) = bounded(1);
        let ended = std::thread::spawn(move || {
            let link = Link { events: receive_events, commands: CommandSender::new("screen", unbounded().0) };
            let mut launch = |_: LaunchRequest<'_>| Err(String::new());
            let mut app = App::new(InitialScreen::Dashboard(link), Vec::new(), &mut launch, THEME);
            let mut event_loop =
                EventLoop::new(Screen::new(SIZE).unwrap(), &receive_input, &receive_notices, FRAME);
            event_loop.run(&mut app, &mut Writer::over(send_frames, done)).unwrap()
        });
        let seen = vt100::Parser::new(SIZE.height, SIZE.width, 0);
        Self { input, notices, events, frames, written, seen, ended }
    }

    /// The terminal takes the next frame, but does not say so yet.
    fn take_frame(&mut self) -> String {
        let frame = self.frames.recv_timeout(LONG).expect("no frame is drawn");
        self.seen.process(&frame);
        self.seen.screen().contents()
    }

    /// The terminal has taken the last frame.
    fn accept(&self) {
        self.written.send_timeout(WriteResult { buffer: Vec::new(), result: Ok(()) }, LONG).unwrap();
    }

    /// Takes frames until one shows `text`.
    fn wait_for(&mut self, text: &str) {
        while !self.take_frame().contains(text) {
            self.accept();
        }
        self.accept();
    }

    fn tell(&self, event: Event) {
        self.events.send_timeout(event, LONG).expect("the trainer has to wait for the screen");
    }

    /// Waits until all that was told has been taken.
    fn heard(&self) {
        let begin = Instant::now();
        while !self.events.is_empty() {
            assert!(begin.elapsed() < LONG, "events pile up");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn end(self) -> Flow {
        drop(self.events); // before the loop is waited for: nobody waits for a trainer
        self.ended.join().unwrap()
    }
}

#[test]
fn a_stalled_terminal_holds_nobody_up_and_gets_one_complete_frame_later() {
    let mut stage = Stage::open();
    stage.take_frame();
    stage.tell(Event::Status(RunStatus::Training));
    (1..=10_000).for_each(|n| stage.tell(step(n)));
    stage.input.send(key(KeyCode::Char('l'))).unwrap();
    stage.heard();
    stage.tell(step(10_001));
    stage.heard();
    assert!(stage.frames.is_empty(), "a frame is drawn for a terminal that has not taken the last one");
    stage.accept();
    stage.wait_for("step 10,001");
    assert!(stage.frames.recv_timeout(Duration::from_millis(100)).is_err(), "something is sent while idle");
    stage.notices.send(Notice::End(15)).unwrap();
    assert_eq!(stage.end(), Flow::Ended(ExitReason::Signal(15)));
}

#[test]
fn keys_are_answered_while_events_pour_in() {
    let mut stage = Stage::open();
    stage.take_frame();
    stage.accept();
    let (events, trainer_ends) = (stage.events.clone(), bounded::<()>(0));
    let trainer = std::thread::spawn(move || {
        (1..)
            .take_while(|_| trainer_ends.1.try_recv() != Err(crossbeam_channel::TryRecvError::Disconnected))
            .all(|n| events.send(step(n)).is_ok())
    });
    stage.input.send(key(KeyCode::Char('q'))).unwrap();
    stage.wait_for("Save and stop");
    std::thread::sleep(crate::ui::app::event_loop::NO_ANSWER);
    stage.input.send(key(KeyCode::Char('1'))).unwrap();
    let flow = loop {
        if stage.ended.is_finished() {
            drop(trainer_ends.0);
            break stage.end();
        }
        if stage.frames.try_recv().is_ok() {
            // The last frame is for one who waits no longer for an answer.
            let _ = stage.written.send_timeout(WriteResult { buffer: Vec::new(), result: Ok(()) }, LONG);
        }
        std::thread::yield_now();
    };
    assert_eq!(flow, Flow::Ended(ExitReason::LeftTraining));
    trainer.join().unwrap();
}

#[test]
fn a_terminal_that_is_gone_ends_the_screen_by_whatever_is_seen_first() {
    let gone = || WriteResult { buffer: Vec::new(), result: Err(std::io::ErrorKind::BrokenPipe.into()) };
    let ways: [fn(&Stage, WriteResult); 3] = [
        |stage, _| stage.input.send(Input::HangUp).unwrap(),
        |stage, _| stage.notices.send(Notice::HangUp).unwrap(),
        |stage, error| stage.written.send(error).unwrap(),
    ];
    for way in ways {
        let mut stage = Stage::open();
        stage.take_frame();
        way(&stage, gone());
        assert_eq!(stage.end(), Flow::Ended(ExitReason::HungUp));
    }
}

#[test]
fn ctrl_z_and_the_signal_hand_the_terminal_back_first() {
    let suspend = Input::Key(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL));
    let stage = Stage::open();
    stage.input.send(suspend).unwrap();
    assert_eq!(stage.end(), Flow::Suspend);
    for (notice, flow) in [(Notice::Suspend, Flow::Suspend), (Notice::Continue, Flow::Resume)] {
        let stage = Stage::open();
        stage.notices.send(notice).unwrap();
        assert_eq!(stage.end(), flow);
    }
}

#[test]
fn in_the_background_events_are_folded_and_the_terminal_is_looked_for_again() {
    let (link, tell, _asked) = link();
    let trainer = std::thread::spawn(move || (1..).all(|n| tell.send(step(n)).is_ok()));
    let (input, notices) = (unbounded(), unbounded());
    let mut launch = |_: LaunchRequest<'_>| Err(String::new());
    let mut app = App::new(InitialScreen::Dashboard(link), Vec::new(), &mut launch, THEME);
    let mut event_loop = EventLoop::new(Screen::new(SIZE).unwrap(), &input.1, &notices.1, FRAME);
    let (frames, drawn) = bounded(1);
    let (_written, done) = bounded(1);
    let mut writer = Writer::over(frames, done);
    event_loop.leave_terminal();
    for _ in 0..2 {
        assert_eq!(event_loop.run(&mut app, &mut writer).unwrap(), Flow::Resume);
    }
    assert!(drawn.is_empty(), "drawn on the terminal of another job");
    event_loop.return_to_terminal(SIZE).unwrap();
    input.0.send(Input::HangUp).unwrap();
    assert_eq!(event_loop.run(&mut app, &mut writer).unwrap(), Flow::Ended(ExitReason::HungUp));
    assert!(!drawn.is_empty());
    drop(app);
    trainer.join().unwrap();
}

#[test]
fn a_new_size_is_drawn_at_once() {
    let mut stage = Stage::open();
    stage.take_frame();
    stage.accept();
    stage.notices.send(Notice::Resize(Size::new(60, 12))).unwrap();
    stage.seen = vt100::Parser::new(12, 60, 0);
    assert!(stage.take_frame().contains("starting"));
    stage.notices.send(Notice::HangUp).unwrap();
    stage.end();
}

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::previous::{Previous, replay};
use super::{Budget, Plan, step_time};
use crate::experiment::ExperimentError;
use crate::number::count;
use crate::preset::RunSpec;
use crate::protocol::{Command, CommandRequest, CommandSender, Event, RaceEvent};
use crate::run::race::Standings;
use crate::run::{check_empty_except, checkpoint, create_run_dir};
use crate::train::{Options, Outcome, Resume, Trainer, TurnLength, Turns, Usage};

/// Steps of a turn where tokens decide.
const TURN_STEPS: u64 = 16;
/// A turn where time decides.
const TURN_TIME: Duration = Duration::from_millis(100);
/// How often usage is published, and commands are looked for.
const TICK: Duration = Duration::from_millis(100);
/// How long a thread that forwards events sleeps when there are none: woken for every step, it would disturb the one that trains.
const NAP: Duration = Duration::from_millis(20);

/// A race on threads of its own.
#[derive(Debug)]
pub struct Race {
    /// Its events. Unbounded; drain it or drop it.
    pub events: Receiver<RaceEvent>,
    /// Pauses, resumes and stops it, and drops its pace. `SaveAndStop` and `Stop` end the trainings of the current seed.
    pub commands: CommandSender,
    /// What its events have come to.
    standings: Arc<Mutex<Standings>>,
    thread: JoinHandle<Result<RaceEnd, ExperimentError>>,
}

/// What is called at the end of a race.
pub type AtRaceEnd = Box<dyn FnOnce(&RaceEnd) + Send>;

/// A race that has ended.
#[derive(Debug, Clone)]
pub struct RaceEnd {
    /// The final standings.
    pub standings: Standings,
    /// The folder of its runs.
    pub folder: PathBuf,
    /// [`Outcome::Stopped`] if a command ended it; [`Outcome::Failed`] or [`Outcome::Unusable`] if a training did; else that of a training
    /// that diverged, if any did.
    pub outcome: Outcome,
}

impl Race {
    /// Starts a race in its folder, on a screen at its pace; `at_end` is called on its thread when it has ended.
    ///
    /// # Errors
    /// If the folder cannot be created or contains something else, or a thread cannot be started.
    pub fn start(plan: Plan, watched: bool, at_end: AtRaceEnd) -> Result<Self, ExperimentError> {
        let folder = match &plan.folder {
            Some(folder) => {
                let is_network =
                    |name: &std::ffi::OsStr| plan.entries.iter().any(|entry| name == entry.name.as_str());
                check_empty_except(folder, |entry| plan.resume && is_network(&entry.file_name()))?;
                if plan.resume {
                    plan.check_previous(folder)?;
                }
                std::fs::create_dir_all(folder)?;
                folder.clone()
            }
            None => {
                let name =
                    if plan.name == "race" { plan.name.clone() } else { format!("race-{}", plan.name) };
                create_run_dir(Path::new("runs"), &name, SystemTime::now())?
            }
        };
        let (publish, events) = unbounded();
        let (commands, inbox) = unbounded();
        let standings = Arc::new(Mutex::new(plan.standings()));
        let mut referee = Referee {
            standings: Arc::clone(&standings),
            pace: step_time(plan.pace().filter(|_| watched)),
            before: Vec::new(),
            plan,
            folder,
            publish,
            inbox,
            stop: None,
            outcome: Outcome::Finished,
        };
        let thread = thread::Builder::new().name("race".into()).spawn(move || {
            let end = referee.run();
            // The screen shows that it is over, however long the rest takes.
            drop(referee);
            end.inspect(at_end)
        })?;
        Ok(Self { events, commands: CommandSender::new("program", commands), standings, thread })
    }

    /// Returns the current standings and drops the events that led to them.
    pub fn standings(&self) -> Standings {
        let standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        self.events.try_iter().for_each(drop);
        standings.clone()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// If a training could not be started.
    pub fn join(self) -> Result<RaceEnd, ExperimentError> {
        let Self { events, commands, thread, .. } = self;
        drop((events, commands));
        let lost =
            || ExperimentError::System(std::io::Error::other("the thread of the race exited unexpectedly"));
        thread.join().map_err(|_| lost())?
    }
}

/// Starts the trainings, passes commands to them and publishes their events.
struct Referee {
    plan: Plan,
    folder: PathBuf,
    standings: Arc<Mutex<Standings>>,
    publish: Sender<RaceEvent>,
    inbox: Receiver<CommandRequest>,
    /// The time of a step at least.
    pace: Option<Duration>,
    /// What the trainings of the current seed that had ended before have used: tokens and seconds.
    before: Vec<(u64, f64)>,
    /// The command that ends the race.
    stop: Option<CommandRequest>,
    outcome: Outcome,
}

/// A training, and the thread that forwards its events.
type Training = (Trainer, JoinHandle<()>);

impl Referee {
    fn run(&mut self) -> Result<RaceEnd, ExperimentError> {
        for (i, seed) in self.plan.seeds.clone().into_iter().enumerate() {
            self.publish(RaceEvent::Seed(seed));
            self.seed(i, seed)?;
            if self.stop.is_some() || matches!(self.outcome, Outcome::Failed(_) | Outcome::Unusable(_)) {
                break;
            }
        }
        if self.stop.is_some() && !matches!(self.outcome, Outcome::Failed(_) | Outcome::Unusable(_)) {
            self.outcome = Outcome::Stopped;
        }
        let standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (folder, outcome) = (self.folder.clone(), self.outcome.clone());
        Ok(RaceEnd { standings, folder, outcome })
    }

    /// Trains all networks with a seed.
    fn seed(&mut self, number: usize, seed: u64) -> Result<(), ExperimentError> {
        let limit = match self.plan.budget {
            Budget::Time(Some(seconds)) => Duration::try_from_secs_f64(seconds).ok(),
            _ => None,
        };
        let turns = Turns::new(self.plan.entries.len(), limit);
        turns.set_pace(self.pace);
        self.before = vec![(0, 0.0); self.plan.entries.len()];
        let (collect, collected) = unbounded();
        let mut trainings: Vec<Training> = Vec::new();
        let started = self.prepare((number, seed), &turns, &collect, (&mut trainings, &collected));
        drop(collect);
        if started.is_err() {
            // Those that were started end without a step.
            self.stop = Some(Command::Stop.by("race"));
            self.pass_on(&trainings);
        }
        turns.start(match self.plan.budget {
            Budget::Tokens => TurnLength::Tokens(turns.step_tokens() * TURN_STEPS),
            Budget::Time(_) => TurnLength::Time(TURN_TIME),
        });
        while trainings.iter().any(|(_, forward)| !forward.is_finished()) {
            self.wait(&turns, &trainings, &collected);
        }
        for (trainer, forward) in trainings {
            let _ = forward.join();
            self.ended(trainer.join());
        }
        self.tick(&turns, &collected);
        started
    }

    /// Starts the trainings, each when the one before is prepared: they do not disturb each other, and see how much memory is left.
    fn prepare(
        &mut self,
        (number, seed): (usize, u64),
        turns: &Arc<Turns>,
        collect: &Sender<RaceEvent>,
        (trainings, collected): (&mut Vec<Training>, &Receiver<RaceEvent>),
    ) -> Result<(), ExperimentError> {
        for (network, entry) in self.plan.entries.clone().into_iter().enumerate() {
            let Some(resolved) = entry.specs.get(number) else { return Ok(()) };
            let run = Plan::run(&self.folder, &entry.name, seed);
            let previous =
                if self.plan.resume { Previous::find(&run, &resolved.spec)? } else { Previous::None };
            if previous == Previous::Ended {
                self.take_over(network, (&entry.name, &resolved.spec), &run)?;
                drop(turns.turn(network));
                continue;
            }
            if previous == Previous::Interrupted {
                let step = checkpoint::by_step(&run).first().map_or(0, |(step, _)| *step);
                self.publish(RaceEvent::Note(format!("{} goes on after step {}", entry.name, count(step))));
            }
            let resumes = previous == Previous::Interrupted;
            let options = Options {
                folder: Some(run),
                threads: self.plan.threads,
                notes: resolved.notes.clone(),
                turn: Some(turns.turn(network)),
                resume: resumes.then(Resume::default),
                // The standings need what was recorded before.
                watched: resumes,
                ..Options::default()
            };
            let trainer = Trainer::start(resolved.spec.clone(), options)?;
            let (events, collect) = (trainer.events.clone(), collect.clone());
            let forward = thread::Builder::new()
                .name("events".into())
                .spawn(move || forward(network, &events, &collect))?;
            trainings.push((trainer, forward));
            if self.stop.is_some() {
                self.pass_on(trainings);
            }
            while !turns.wait_until_ready(network, NAP) {
                self.tick(turns, collected);
                self.poll(turns, trainings);
            }
            self.tick(turns, collected);
            if turns.has_left(network) {
                // It cannot be trained, and there is nothing to compare it with.
                self.stop = self.stop.take().or_else(|| Some(Command::Stop.by("race")));
                self.pass_on(trainings);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes over the run of a training that had ended before.
    fn take_over(
        &mut self,
        network: usize,
        (name, spec): (&str, &RunSpec),
        run: &Path,
    ) -> Result<(), ExperimentError> {
        self.publish(RaceEvent::Note(format!("{name} had ended before and is taken as it is")));
        let mut publish = |event: Event| {
            if is_of_race(&event) {
                self.publish(RaceEvent::Training { network, event });
            }
        };
        let used = replay(run, spec, &mut publish)?;
        if let Some(before) = self.before.get_mut(network) {
            *before = used;
        }
        Ok(())
    }

    /// Notes how a training has ended.
    fn ended(&mut self, outcome: Outcome) {
        let is_worse = match outcome {
            Outcome::Failed(_) | Outcome::Unusable(_) => {
                !matches!(self.outcome, Outcome::Failed(_) | Outcome::Unusable(_))
            }
            Outcome::Diverged(_) => self.outcome == Outcome::Finished,
            _ => false,
        };
        if is_worse {
            self.outcome = outcome;
        }
    }

    /// Waits for a command or a tick.
    fn wait(&mut self, turns: &Turns, trainings: &[Training], collected: &Receiver<RaceEvent>) {
        match self.inbox.recv_timeout(TICK) {
            Ok(request) => self.command(request, turns, trainings),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // Nobody could end a pause.
                turns.set_paused(false);
                thread::sleep(TICK);
            }
        }
        self.tick(turns, collected);
    }

    fn poll(&mut self, turns: &Turns, trainings: &[Training]) {
        while let Ok(request) = self.inbox.try_recv() {
            self.command(request, turns, trainings);
        }
    }

    fn command(&mut self, request: CommandRequest, turns: &Turns, trainings: &[Training]) {
        match request.command {
            Command::Pause | Command::Resume => {
                let is_paused = request.command == Command::Pause;
                turns.set_paused(is_paused);
                self.publish(RaceEvent::Paused(is_paused));
            }
            Command::FullSpeed => {
                self.pace = None;
                turns.set_pace(None);
            }
            Command::SaveAndStop | Command::Stop => {
                self.stop = Some(request);
                self.publish(RaceEvent::Stopping);
                self.pass_on(trainings);
            }
            _ => {}
        }
    }

    /// Sends the command that ends the race to the trainings.
    fn pass_on(&self, trainings: &[Training]) {
        let Some(stop) = &self.stop else { return };
        for (trainer, _) in trainings {
            // One that has ended needs none.
            let _ = trainer.commands.named(stop.by.clone()).send(stop.command.clone());
        }
    }

    /// Publishes what has happened since the last tick.
    fn tick(&mut self, turns: &Turns, collected: &Receiver<RaceEvent>) {
        for event in collected.try_iter() {
            self.publish(event);
        }
        let usage = |(usage, before): (Usage, &(u64, f64))| {
            (usage.tokens + before.0, usage.time.as_secs_f64() + before.1)
        };
        let usage = turns.usage().into_iter().zip(&self.before).map(usage).collect();
        self.publish(RaceEvent::Usage(usage));
    }

    fn publish(&mut self, event: RaceEvent) {
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.apply(&event);
        // Whoever watched may be gone.
        let _ = self.publish.send(event);
    }
}

/// Whether a race is about such events.
fn is_of_race(event: &Event) -> bool {
    matches!(
        event,
        Event::Prepared(_)
            | Event::Status(_)
            | Event::Step(_)
            | Event::Validation(_)
            | Event::Epoch(_)
            | Event::Gradient(_)
            | Event::Log(_)
    )
}

/// Forwards the events that a race is about.
fn forward(network: usize, events: &Receiver<Event>, to: &Sender<RaceEvent>) {
    for event in events {
        if is_of_race(&event) && to.send(RaceEvent::Training { network, event }).is_err() {
            return;
        }
        if events.is_empty() {
            thread::sleep(NAP);
        }
    }
}

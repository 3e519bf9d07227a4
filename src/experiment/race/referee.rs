use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::folder::run_name;
use super::replay::replay;
use super::{Budget, Plan, step_time};
use crate::experiment::ExperimentError;
use crate::experiment::start::has_run;
use crate::experiment::sweep::{Claim, Repeats};
use crate::number::count;
use crate::preset::RunSpec;
use crate::protocol::{Command, CommandRequest, CommandSender, Event, RaceEvent};
use crate::run::checkpoint;
use crate::run::race::Standings;
use crate::train::{Options, Outcome, RACE, Resume, Trainer, TurnLength, Turns, Usage};

/// Steps of a turn where tokens decide.
const TURN_STEPS: u64 = 16;
/// A turn where time decides.
const TURN_TIME: Duration = Duration::from_millis(100);
/// How often usage is published, and commands are looked for.
const TICK: Duration = Duration::from_millis(100);
/// How long a thread that forwards events sleeps when there are none: woken for every step, it would disturb the one that trains.
const NAP: Duration = Duration::from_millis(20);
/// How often trainings that another process makes are looked at.
const OTHERS: Duration = Duration::from_secs(2);

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
        let (folder, trainings) = plan.begin()?;
        let (publish, events) = unbounded();
        let (commands, inbox) = unbounded();
        let standings = Arc::new(Mutex::new(plan.standings()));
        let mut referee = Referee {
            standings: Arc::clone(&standings),
            pace: step_time(plan.pace().filter(|_| watched)),
            before: Vec::new(),
            is_paused: false,
            plan,
            folder,
            trainings,
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
    /// Who trains in the folder, and what has ended there.
    trainings: Repeats,
    standings: Arc<Mutex<Standings>>,
    publish: Sender<RaceEvent>,
    inbox: Receiver<CommandRequest>,
    /// The time of a step at least.
    pace: Option<Duration>,
    /// What the trainings of the current seed that have ended have used: tokens and seconds.
    before: Vec<(u64, f64)>,
    is_paused: bool,
    /// The command that ends the race.
    stop: Option<CommandRequest>,
    outcome: Outcome,
}

/// A training of a network.
struct Training {
    /// The name of its run.
    name: String,
    /// The number of its claim.
    claim: u32,
    trainer: Trainer,
    /// The thread that forwards its events.
    forward: JoinHandle<()>,
}

impl Referee {
    fn run(&mut self) -> Result<RaceEnd, ExperimentError> {
        for (i, seed) in self.plan.seeds.clone().into_iter().enumerate() {
            self.publish(RaceEvent::Seed(seed));
            self.seed(i, seed)?;
            if self.is_ending() {
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

    /// Whether no other training is to begin.
    fn is_ending(&self) -> bool {
        self.stop.is_some() || matches!(self.outcome, Outcome::Failed(_) | Outcome::Unusable(_))
    }

    /// Trains all networks with a seed. What another process trains is waited for: then it has ended, or is taken over.
    fn seed(&mut self, number: usize, seed: u64) -> Result<(), ExperimentError> {
        self.before = vec![(0, 0.0); self.plan.entries.len()];
        let mut left: Vec<usize> = (0..self.plan.entries.len()).collect();
        let mut is_first = true;
        loop {
            left = self.round((number, seed), &left)?;
            if left.is_empty() || self.is_ending() {
                return Ok(());
            }
            let names = left.iter().filter_map(|network| self.plan.entries.get(*network));
            let names: Vec<String> = names.map(|entry| entry.name.clone()).collect();
            for name in names.into_iter().filter(|_| is_first) {
                self.publish(RaceEvent::Note(format!("{name} is trained by another process")));
            }
            is_first = false;
            let turns = Turns::new(self.plan.entries.len(), None);
            let until = Instant::now() + OTHERS;
            while self.stop.is_none() && Instant::now() < until {
                self.wait(&turns, &[], &crossbeam_channel::never());
            }
        }
    }

    /// Trains `networks` with a seed, in turns; returns those that another process trains.
    fn round(
        &mut self,
        (number, seed): (usize, u64),
        networks: &[usize],
    ) -> Result<Vec<usize>, ExperimentError> {
        let limit = match self.plan.budget {
            Budget::Time(Some(seconds)) => Duration::try_from_secs_f64(seconds).ok(),
            _ => None,
        };
        let turns = Turns::new(self.plan.entries.len(), limit);
        turns.set_pace(self.pace);
        turns.set_paused(self.is_paused);
        (0..self.plan.entries.len())
            .filter(|network| !networks.contains(network))
            .for_each(|network| drop(turns.turn(network)));
        let (collect, collected) = unbounded();
        let mut trainings: Vec<Training> = Vec::new();
        let mut result =
            self.prepare((number, seed), (networks, &turns), &collect, (&mut trainings, &collected));
        drop(collect);
        if result.is_err() {
            // Those that were started end without a step.
            self.stop = Some(Command::Stop.by(RACE));
            self.pass_on(&trainings);
        }
        turns.start(match self.plan.budget {
            Budget::Tokens => TurnLength::Tokens(turns.step_tokens() * TURN_STEPS),
            Budget::Time(_) => TurnLength::Time(TURN_TIME),
        });
        while !trainings.is_empty() {
            self.wait(&turns, &trainings, &collected);
            let (ended, running): (Vec<Training>, _) =
                trainings.into_iter().partition(|training| training.forward.is_finished());
            trainings = running;
            for training in ended {
                if let Err(error) = self.end(training) {
                    self.stop = Some(Command::Stop.by(RACE));
                    self.pass_on(&trainings);
                    result = result.and(Err(error));
                }
            }
        }
        self.tick(&turns, &collected);
        for (before, usage) in self.before.iter_mut().zip(turns.usage()) {
            *before = (before.0 + usage.tokens, before.1 + usage.time.as_secs_f64());
        }
        result
    }

    /// Starts the trainings, each when the one before is prepared: they do not disturb each other, and see how much memory is left. Returns
    /// the networks that another process trains.
    fn prepare(
        &mut self,
        (number, seed): (usize, u64),
        (networks, turns): (&[usize], &Arc<Turns>),
        collect: &Sender<RaceEvent>,
        (trainings, collected): (&mut Vec<Training>, &Receiver<RaceEvent>),
    ) -> Result<Vec<usize>, ExperimentError> {
        let mut taken = Vec::new();
        for network in networks.iter().copied() {
            let Some(entry) = self.plan.entries.get(network).cloned() else { continue };
            let Some(resolved) = entry.specs.get(number) else { continue };
            let name = run_name(&entry.name, seed);
            let folder = self.folder.join(&name);
            let claim = match self.trainings.claim_unless_ended(&name)? {
                Ok(Claim::Mine(claim)) => claim,
                Ok(Claim::Taken) => {
                    drop(turns.turn(network));
                    taken.push(network);
                    continue;
                }
                Err(outcome) => {
                    self.take_over(network, (&entry.name, &resolved.spec), &folder)?;
                    self.trainings.ended(&name, None, &outcome)?;
                    self.ended(outcome);
                    drop(turns.turn(network));
                    continue;
                }
            };
            let resumes = has_run(&folder);
            if resumes {
                let step = checkpoint::by_step(&folder).first().map_or(0, |(step, _)| *step);
                self.publish(RaceEvent::Note(format!("{} goes on after step {}", entry.name, count(step))));
            }
            let options = Options {
                folder: Some(folder),
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
            trainings.push(Training { name, claim, trainer, forward });
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
                self.stop = self.stop.take().or_else(|| Some(Command::Stop.by(RACE)));
                self.pass_on(trainings);
                return Ok(Vec::new());
            }
        }
        Ok(taken)
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

    /// Notes how a training has ended, also for other processes.
    fn end(&mut self, Training { name, claim, trainer, forward }: Training) -> Result<(), ExperimentError> {
        let _ = forward.join();
        let ended = trainer.join_ended();
        let is_over = self.stop.is_none() && ended.reached.stopped_by.as_deref() == Some(RACE);
        let end = match (&ended.outcome, &self.plan.budget) {
            // All of its time.
            (Outcome::Stopped, Budget::Time(_)) if is_over => &Outcome::Finished,
            (outcome, _) => outcome,
        };
        self.trainings.ended(&name, Some(claim), end)?;
        self.ended(ended.outcome);
        Ok(())
    }

    /// Notes how a training has ended.
    fn ended(&mut self, outcome: Outcome) {
        // What stops a training is known already, or it had all of its time.
        if outcome != Outcome::Stopped {
            self.outcome = self.outcome.clone().or_worse(outcome);
        }
    }

    /// Waits for a command or a tick.
    fn wait(&mut self, turns: &Turns, trainings: &[Training], collected: &Receiver<RaceEvent>) {
        match self.inbox.recv_timeout(TICK) {
            Ok(request) => self.command(request, turns, trainings),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // Nobody could end a pause.
                self.is_paused = false;
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
                self.is_paused = is_paused;
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
        for training in trainings {
            // One that has ended needs none.
            let _ = training.trainer.commands.named(stop.by.clone()).send(stop.command.clone());
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

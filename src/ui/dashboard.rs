//! The dashboard's state: a run, and how the user views it.

use std::path::PathBuf;

use super::earlier_runs::EarlierRuns;
use super::group::Group;
use super::keymap::Action;
use super::panel::Tab;
use super::parent::ParentCurves;
use super::run_state::{RunState, UnitHistory};
use super::view_state::ViewState;
use crate::protocol::{Event, RaceEvent, RunStatus};

/// A run and the user's view of it: the same events and actions always give the same screen.
#[derive(Debug, Default)]
pub struct Dashboard {
    /// The fold of the run's events.
    pub run: RunState,
    /// What the user chose to see.
    pub view: ViewState,
    /// The trainings with other seeds or folds, if this is one of several.
    pub earlier: Option<EarlierRuns>,
    /// The runs that it is shown together with; it is in front of them.
    pub group: Option<Box<Group>>,
    /// Whether the run is a recorded one.
    pub is_replay: bool,
    /// Whether there is a menu to go back to.
    pub has_menu: bool,
    /// The curves of the run that this one was branched from.
    pub parent: Option<ParentCurves>,
    /// How active the units of an example were over training, once one was looked at.
    pub unit_history: Option<UnitHistory>,
    /// The branch whose parent was looked for last.
    pub looked_for: Option<(PathBuf, u64)>,
}

impl Dashboard {
    /// A dashboard before any event.
    pub fn new() -> Self {
        Self::default()
    }

    /// A dashboard of several trainings of a preset, one after another, before any event.
    pub fn of_several(trainings: EarlierRuns) -> Self {
        let mut group = Box::new(Group::of_trainings());
        Self { run: group.take_front(), earlier: Some(trainings), group: Some(group), ..Self::default() }
    }

    /// A dashboard of several runs, which starts with the tab that shows all of them.
    pub fn of_group(mut group: Box<Group>) -> Self {
        let mut dashboard = Self { run: group.take_front(), group: Some(group), ..Self::default() };
        dashboard.view.show_tab(Tab::Runs);
        dashboard
    }

    /// Whether its runs are networks of a race, which take no commands by themselves.
    pub fn is_race(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.race().is_some())
    }

    /// The run that is trained, which is not in front while an earlier one of several is looked at.
    pub fn live(&self) -> &RunState {
        match &self.group {
            Some(group) => group.run(group.live(), &self.run),
            None => &self.run,
        }
    }

    /// Folds an event of a race.
    pub fn apply_to_race(&mut self, event: &RaceEvent) {
        let Some(group) = &mut self.group else { return };
        if group.apply(event, &mut self.run) {
            self.view.begin_run();
            self.unit_history = None;
        }
        if let RaceEvent::Training { network, event } = event
            && *network == group.front
        {
            self.show(event);
        }
    }

    /// Brings another run of the group to the front: the one `by` rows below in the table. The cursor stays at its place on the x axis.
    pub fn turn_front(&mut self, by: isize) {
        let Some(group) = &mut self.group else { return };
        let next = group.neighbour(by);
        self.view.cursor = self.view.cursor.map(|step| group.step_of(next, step));
        group.bring_to_front(next, &mut self.run);
        // What belongs to the run that was in front.
        self.view.units.begin_run();
        self.view.units.arrange(&self.run);
        self.unit_history = None;
    }

    /// Folds an event of the run.
    pub fn apply(&mut self, event: &Event) {
        let has_ended = self.live().is_over();
        match &mut self.group {
            Some(group) if group.is_of_trainings() => {
                if matches!(event, Event::Status(RunStatus::Preparing { .. })) && has_ended {
                    // The next training begins.
                    if let Some(earlier) = &mut self.earlier {
                        earlier.push(group.run(group.live(), &self.run));
                    }
                    if group.begin_training(&mut self.run) {
                        self.view.begin_run();
                        self.unit_history = None;
                    }
                }
                group.fold_training(event, &mut self.run);
                if group.front == group.live() {
                    self.show(event);
                }
            }
            _ => {
                self.run.apply(event);
                self.show(event);
            }
        }
    }

    /// Takes what an event of the run in front changes in the view of it.
    fn show(&mut self, event: &Event) {
        match event {
            Event::ProbeAdded(_) => self.view.show_last_probe(&self.run),
            Event::Epoch(_) | Event::Validation(_) => self.view.units.arrange(&self.run),
            Event::Probe(frame) => {
                self.view.units.complete(&self.run);
                self.unit_history.iter_mut().for_each(|history| history.add(frame));
            }
            Event::Undone(undone) => {
                self.view.go_back(undone.step);
                self.unit_history = None;
            }
            _ => {}
        }
    }

    /// Reads the curves of the parent of a branch, once.
    pub fn find_parent(&mut self) {
        let Some(((parent, step), info)) = self.run.branched().zip(self.run.info()) else { return };
        let wanted = (parent.to_owned(), step);
        if self.looked_for.as_ref() != Some(&wanted) {
            self.parent = ParentCurves::read(&info.folder, parent, step);
            self.looked_for = Some(wanted);
        }
    }

    /// Applies a key's action if it concerns the view; returns whether it did.
    pub fn act(&mut self, action: Action) -> bool {
        let acted = self.view.act(action, &self.run);
        let example = self.view.probe_index();
        let is_of_it = self.unit_history.as_ref().is_some_and(|history| history.example == example);
        if self.view.shows_unit(&self.run) && !is_of_it {
            let mut history = UnitHistory::new(example);
            self.run.probe(example).iter().for_each(|frame| history.add(frame));
            self.unit_history = Some(history);
        }
        acted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{
        Activations, AppliedCommand, Command, Direction, EpochMetrics, GradientProfile, Instruments,
        LayerHealth, LayerRow, Level, LogLine, ModelTable, ProbeFrame, QuantityHealth, RunInfo, RunStatus,
        StepMetrics, Undone, ValidationMetrics,
    };
    use crate::ui::run_state::{CHANGE, LOG_LINES};
    use crate::ui::view_state::Norm;

    fn info() -> RunInfo {
        let directions = vec![Some(Direction::Forward), Some(Direction::Backward)];
        let layers = vec![LayerRow::default(), LayerRow { directions, ..LayerRow::default() }];
        RunInfo {
            name: "story".into(),
            title: String::new(),
            about: String::new(),
            folder: "runs/story".into(),
            model: ModelTable { layers },
            data: Default::default(),
            probes: Vec::new(),
            epochs: 4,
            steps_per_epoch: 100,
            batch_size: 32,
            watch_every: 10,
            pace: None,
            task: crate::metrics::Task::Binary,
            loss: "binary_crossentropy".into(),
            optimizer: "Adam".into(),
            seed: 1,
            threads: 1,
            monitor: None,
        }
    }

    fn step(step: u64) -> Event {
        Event::Step(StepMetrics {
            step,
            epoch: 1 + (step as usize - 1) / 100,
            loss: 1.0 / step as f64,
            accuracy: None,
            learning_rate: 0.001,
            grad_norm: 1.0,
            sequences_per_s: 640.0,
            seconds: step as f64 * 0.05,
        })
    }

    fn profile(direction: Direction, step: u64) -> Event {
        let direction = Some(direction);
        Event::Gradient(GradientProfile {
            step,
            layer: 1,
            direction,
            hnorm: vec![1.0],
            kernel_norm: vec![0.0],
            half_life: None,
            ..GradientProfile::default()
        })
    }

    fn health(step: u64, spectral_radius: Option<f32>) -> Event {
        let h = QuantityHealth { quantity: "h".into(), left: 0.1, right: 0.2, dead: 0.0, spectral_radius };
        let direction = Some(Direction::Forward);
        let layer = LayerHealth { layer: 1, direction, proposal: "h".into(), quantities: vec![h] };
        Event::Instruments(Box::new(Instruments {
            step,
            layers: vec![layer],
            params: Vec::new(),
            ..Instruments::default()
        }))
    }

    fn probe(quantities: &[&str]) -> Event {
        let held = |direction, quantity: &&str| {
            let quantity = (*quantity).to_owned();
            Activations {
                layer: 1,
                direction: Some(direction),
                quantity,
                units: 1,
                values: vec![0.5],
                ..Activations::default()
            }
        };
        let both = [Direction::Forward, Direction::Backward];
        let activations = both.into_iter().flat_map(|d| quantities.iter().map(move |q| held(d, q))).collect();
        Event::Probe(Box::new(ProbeFrame {
            step: 1,
            probe: 0,
            prediction: Vec::new(),
            by_token: Vec::new(),
            activations,
            ..ProbeFrame::default()
        }))
    }

    #[test]
    fn quantities_go_round_and_stay_when_the_layer_changes() {
        let mut dash = Dashboard::new();
        assert!(!dash.act(Action::Quantity), "nothing to show yet");
        dash.apply(&Event::Prepared(Box::new(info())));
        dash.apply(&probe(&["h", "c", "i", "f"]));
        let shown =
            |dash: &Dashboard| dash.view.activations(&dash.run).map(|a| (a.quantity.clone(), a.direction));
        let mut seen = vec![shown(&dash)];
        for _ in 0..4 {
            assert!(dash.act(Action::Quantity));
            seen.push(shown(&dash));
        }
        let forward = |q: &str| Some((q.to_owned(), Some(Direction::Forward)));
        assert_eq!(seen, ["h", "c", "i", "f", "h"].map(forward));
        dash.act(Action::Quantity);
        dash.act(Action::NextLayer);
        assert_eq!(shown(&dash), Some(("c".into(), Some(Direction::Backward))));
        dash.apply(&probe(&["h"]));
        assert_eq!(shown(&dash).map(|(quantity, _)| quantity).as_deref(), Some("h"), "it has no cell state");
        assert!(!dash.act(Action::Quantity), "there is but one");
        assert!(dash.act(Action::Focus(1)) && dash.act(Action::Quantity));
        assert_eq!(dash.view.norm, Norm::RecurrentKernel);
        assert!(dash.act(Action::Quantity));
        assert_eq!(dash.view.norm, Norm::State);
    }

    #[test]
    fn a_spectral_radius_stays_until_the_next_is_measured() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        for (step, measured, shown) in [(1, Some(1.0), 1.0), (11, None, 1.0), (21, Some(1.5), 1.5)] {
            dash.apply(&health(step, measured));
            assert_eq!(dash.view.health(&dash.run).and_then(LayerHealth::spectral_radius), Some(shown));
        }
    }

    #[test]
    fn a_run_is_prepared_trains_pauses_and_ends() {
        let mut dash = Dashboard::new();
        assert!(dash.run.status().is_none() && dash.run.info().is_none());
        dash.apply(&Event::Status(RunStatus::Preparing { what: "reading".into() }));
        dash.apply(&Event::Prepared(Box::new(info())));
        dash.apply(&Event::Status(RunStatus::Training));
        (1..=100).for_each(|s| dash.apply(&step(s)));
        assert_eq!(dash.run.latest().map(|latest| latest.step), Some(100));
        assert!(dash.run.accuracy().train.is_empty(), "a task without classes has no accuracy");
        assert!((dash.run.remaining().unwrap() - 15.0).abs() < 1e-9, "300 steps at 50 ms");
        dash.apply(&Event::Status(RunStatus::Paused));
        assert!((dash.run.remaining().unwrap() - 15.0).abs() < 1e-9);
        dash.apply(&Event::Status(RunStatus::Finished));
        assert!(dash.run.status().is_some_and(RunStatus::is_over));
    }

    #[test]
    fn validation_lies_at_the_end_of_its_epoch_on_every_axis() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        (1..=100).for_each(|s| dash.apply(&step(s)));
        dash.apply(&Event::Epoch(Box::new(EpochMetrics {
            epoch: 1,
            step: 100,
            metrics: [("loss", 0.5), ("val_loss", 0.4)].into(),
            confusion: None,
            seconds: 6.0,
        })));
        let (at, summary) = dash.run.loss().validation.nearest(1).unwrap();
        assert_eq!((at.step, at.epoch, at.seconds, summary.mean()), (100, 1.0, 5.0, 0.4));
        assert_eq!(dash.run.loss().train.nearest(50).unwrap().0.epoch, 0.5);
        assert!(
            (dash.run.remaining().unwrap() - 18.0).abs() < 1e-9,
            "validation takes its time in the epochs to come"
        );
    }

    #[test]
    fn validation_between_epochs_lies_at_its_step() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        (1..=150).for_each(|s| dash.apply(&step(s)));
        let metrics = [("val_loss", 0.4), ("val_accuracy", 0.75)].into();
        dash.apply(&Event::Validation(ValidationMetrics { step: 150, epoch: 2, metrics, seconds: 1.0 }));
        let (at, summary) = dash.run.loss().validation.nearest(1).unwrap();
        assert_eq!((at.step, at.epoch, at.seconds, summary.mean()), (150, 1.5, 7.5, 0.4));
        assert_eq!(dash.run.accuracy().validation.nearest(1).map(|(_, s)| s.mean()), Some(0.75));
    }

    #[test]
    fn a_command_that_changes_the_training_is_marked() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        (1..=150).for_each(|s| dash.apply(&step(s)));
        for (command, marks) in [
            (Command::Pause, 0),
            (Command::ScaleLearningRate { factor: 0.5 }, 1),
            (Command::SetClipnorm { global_clipnorm: None }, 2),
            (Command::Save, 2),
        ] {
            let applied =
                AppliedCommand { step: 150, epoch: 2, request: command.by("test"), learning_rate: 0.1 };
            dash.apply(&Event::Command(applied));
            assert_eq!(dash.run.marks().len(), marks);
        }
        assert!(dash.run.marks().iter().all(|(at, letter)| (at.step, *letter) == (150, CHANGE)));
    }

    #[test]
    fn an_undone_change_takes_the_curves_back_and_leaves_the_log_and_a_mark() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        (1..=150).for_each(|s| dash.apply(&step(s)));
        let change = |at, factor| AppliedCommand {
            step: at,
            epoch: 2,
            request: Command::ScaleLearningRate { factor }.by("test"),
            learning_rate: 0.1,
        };
        assert!(!dash.run.can_undo());
        dash.apply(&Event::Command(change(150, 2.0)));
        (151..=170).for_each(|s| dash.apply(&step(s)));
        dash.apply(&Event::Command(change(170, 2.0)));
        dash.apply(&Event::Command(change(170, 3.0)));
        (171..=260).for_each(|s| dash.apply(&step(s)));
        dash.apply(&Event::Log(LogLine { level: Level::Info, text: "later".into() }));
        let undone = |at, seq| {
            let (by, changes) = ("test".to_owned(), Vec::new());
            Event::Undone(Undone { step: at, epoch: 2, by, from: 260, changes, number: 1, seq })
        };
        dash.apply(&undone(170, 9));
        let at = |dash: &Dashboard| {
            let curve = dash.run.loss().train.extent().map(|(_, last)| last.step);
            (dash.run.latest().map(|latest| latest.step), curve)
        };
        assert_eq!((at(&dash), dash.run.can_undo()), ((Some(170), Some(170)), true));
        assert_eq!(dash.run.log().next_back().map(|line| line.text.as_str()), Some("later"));
        // The first of the two changes of that step is applied again, and can be undone.
        dash.apply(&Event::Command(change(170, 2.0)));
        (171..=180).for_each(|s| dash.apply(&step(s)));
        dash.apply(&undone(170, 9));
        assert_eq!((at(&dash).0, dash.run.can_undo()), (Some(170), true));
        dash.apply(&undone(150, 7));
        assert_eq!((at(&dash).0, dash.run.can_undo()), (Some(150), false));
        assert_eq!(dash.run.marks().iter().map(|(_, mark)| *mark).collect::<String>(), "U");
        // A state is remembered for each of the last steps with changes, and not for those before.
        for at in 151..=400 {
            dash.apply(&step(at));
            dash.apply(&Event::Command(change(at, 1.0)));
        }
        dash.apply(&Event::Status(RunStatus::Finished));
        assert!(!dash.run.can_undo(), "it has ended");
    }

    #[test]
    fn the_first_profile_stays_for_comparison_and_directions_are_apart() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        (1..=3).for_each(|s| dash.apply(&profile(Direction::Forward, s)));
        dash.apply(&profile(Direction::Backward, 9));
        let profiles = dash.view.profiles(&dash.run).unwrap();
        assert_eq!((profiles.first.step, profiles.latest.step), (1, 3));
        assert!(dash.act(Action::NextLayer));
        assert_eq!(dash.view.profiles(&dash.run).unwrap().latest.step, 9);
    }

    #[test]
    fn the_log_is_bounded_and_a_warning_stays_until_dismissed() {
        let mut dash = Dashboard::new();
        let line = |level, text: String| Event::Log(LogLine { level, text });
        dash.apply(&line(Level::Warning, "disk is slow".into()));
        (0..2 * LOG_LINES).for_each(|i| dash.apply(&line(Level::Info, i.to_string())));
        assert_eq!(dash.run.log().count(), LOG_LINES);
        assert_eq!(dash.run.log().next_back().map(|l| l.text.as_str()), Some("999"));
        assert_eq!(dash.view.warning(&dash.run).map(|l| l.text.as_str()), Some("disk is slow"));
        assert!(dash.act(Action::Back));
        assert!(dash.view.warning(&dash.run).is_none());
        assert!(!dash.act(Action::Back), "nothing is left to leave");
    }
}

//! Word when a training is over: the terminal's bell, a notification of the desktop, a command.

use std::env;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use crate::escape::foreign;
use crate::experiment::{AtRaceEnd, RaceEnd};
use crate::number;
use crate::run::race::{Judgement, Verdict, judge};
use crate::train::{AtEnd, Ended, Outcome, Reached};
use crate::ui::race::{values, verdict};

/// What happens when a training has ended.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct NoticeArgs {
    /// Ring the terminal's bell when training has ended, and notify the desktop where the terminal can
    #[arg(long)]
    bell: bool,
    /// Run a command in a shell when training has ended; its environment says how (UNROLLED_STATE, …)
    #[arg(long, value_name = "COMMAND")]
    on_end: Option<String>,
}

/// How a terminal is asked for a notification of the desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notification {
    /// `OSC 9 ; text`.
    Osc9,
    /// `OSC 777 ; notify ; title ; text`.
    Osc777,
}

impl Notification {
    /// That of this terminal, by the variables that it sets; `None` where none is known. A terminal within another (tmux, screen) passes
    /// none on.
    fn detect(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let term = variable("TERM").unwrap_or_default();
        if is("TMUX") || is("STY") || term.starts_with("screen") || term.starts_with("tmux") {
            return None;
        }
        match variable("TERM_PROGRAM").as_deref() {
            Some("iTerm.app" | "WezTerm" | "ghostty") => return Some(Self::Osc9),
            _ if term == "xterm-kitty" || term == "xterm-ghostty" => return Some(Self::Osc9),
            _ => {}
        }
        let is_777 = term.starts_with("foot") || term.starts_with("rxvt-unicode") || is("VTE_VERSION");
        is_777.then_some(Self::Osc777)
    }

    /// The sequence that shows `text`, which has no control characters.
    fn sequence(self, text: &str) -> String {
        match self {
            Self::Osc9 => format!("\x1b]9;{text}\x07"),
            // A semicolon would end the text.
            Self::Osc777 => format!("\x1b]777;notify;unrolled;{}\x07", text.replace(';', ",")),
        }
    }
}

impl NoticeArgs {
    /// What is done at the end of training: rings, notifies and runs the command, as far as each is set. What fails is a warning, to be
    /// printed once the screen is gone: training has ended as it has. With a screen, the command's output has no place and is dropped.
    pub fn at_end(self, has_screen: bool) -> (AtEnd, Receiver<String>) {
        let (sender, warnings) = mpsc::channel();
        let at_end = move |ended: &Ended| {
            if let Some(warning) = self.send(ended, has_screen) {
                // Nobody waits for it after a failure of the screen.
                let _ = sender.send(warning);
            }
        };
        (Box::new(at_end), warnings)
    }

    /// The same at the end of a race.
    pub fn at_race_end(self, has_screen: bool) -> (AtRaceEnd, Receiver<String>) {
        let (sender, warnings) = mpsc::channel();
        let at_end = move |end: &RaceEnd| {
            let judgement = judge(&end.standings);
            let verdict = verdict(&end.standings, &judgement);
            self.ring(&format!("race {}: {verdict}", end.standings.name));
            if let Some(warning) = self.run(&of_race(end, &judgement, verdict), has_screen) {
                let _ = sender.send(warning);
            }
        };
        (Box::new(at_end), warnings)
    }

    /// Returns a warning if the command fails.
    fn send(&self, ended: &Ended, has_screen: bool) -> Option<String> {
        let Ended { outcome, reached, .. } = ended;
        self.ring(&text(outcome, reached));
        self.run(&environment(outcome, reached), has_screen)
    }

    /// Runs the command with these variables; returns a warning if it fails.
    fn run(&self, variables: &[(&'static str, OsString)], has_screen: bool) -> Option<String> {
        let command = self.on_end.as_ref()?;
        let output = || if has_screen { Stdio::null() } else { Stdio::inherit() };
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).envs(variables.iter().map(|(name, value)| (name, value)));
        match shell.stdin(Stdio::null()).stdout(output()).stderr(output()).status() {
            Ok(status) if status.success() => None,
            Ok(status) => Some(format!("warning: the command of --on-end failed: {status}")),
            Err(error) => Some(format!("warning: the command of --on-end cannot be run: {error}")),
        }
    }

    /// Rings where there is a terminal, with `text` for the desktop.
    pub fn ring(&self, text: &str) {
        if !self.bell {
            return;
        }
        let notification = Notification::detect(|name| env::var(name).ok());
        let sequence = notification.map_or_else(String::new, |kind| kind.sequence(&foreign(text)));
        let bytes = format!("{sequence}\x07");
        let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
        // The terminal may have been closed.
        let _ = match (out.is_terminal(), err.is_terminal()) {
            (true, _) => out.write_all(bytes.as_bytes()).and_then(|()| out.flush()),
            (_, true) => err.write_all(bytes.as_bytes()),
            _ => Ok(()),
        };
    }
}

/// How a training has ended, in a word.
fn state(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Finished => "finished",
        Outcome::Stopped => "stopped",
        Outcome::Diverged(_) => "diverged",
        Outcome::Unusable(_) | Outcome::Failed(_) => "failed",
    }
}

/// The variables that a command gets; empty where there is no value.
fn environment(outcome: &Outcome, reached: &Reached) -> [(&'static str, OsString); 5] {
    let folder = reached.folder.as_deref().map(absolute);
    [
        ("UNROLLED_RUN", folder.unwrap_or_default().into_os_string()),
        ("UNROLLED_STATE", state(outcome).into()),
        ("UNROLLED_METRIC", reached.monitor.clone().into()),
        ("UNROLLED_BEST", reached.best.map_or_else(String::new, |best| best.to_string()).into()),
        ("UNROLLED_STEP", reached.step.to_string().into()),
    ]
}

/// The variables at the end of a race: its folder as the run; the mean of the first network as the best value.
fn of_race(end: &RaceEnd, judgement: &Judgement, verdict: String) -> [(&'static str, OsString); 7] {
    let standings = &end.standings;
    let first = judgement.order.first().and_then(|i| standings.networks.get(*i));
    let winner = first.filter(|_| matches!(judgement.verdict, Verdict::Winner { .. }));
    let values = first.map(|network| values(network, judgement)).unwrap_or_default();
    let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let state = match &end.outcome {
        // A network that diverged has lost.
        Outcome::Diverged(_) => "finished",
        outcome => state(outcome),
    };
    let metric = standings.judged.as_ref().map_or("", |judged| &judged.name);
    [
        ("UNROLLED_RUN", absolute(&end.folder).into_os_string()),
        ("UNROLLED_STATE", state.into()),
        ("UNROLLED_METRIC", metric.into()),
        ("UNROLLED_BEST", mean.map_or_else(String::new, |mean| mean.to_string()).into()),
        ("UNROLLED_RACE", standings.name.clone().into()),
        ("UNROLLED_WINNER", winner.map_or("", |network| &network.name).into()),
        ("UNROLLED_VERDICT", verdict.into()),
    ]
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// How a training has ended, in a line.
fn text(outcome: &Outcome, reached: &Reached) -> String {
    let name = reached.folder.as_ref().and_then(|folder| folder.file_name());
    let name = name.map_or_else(|| "training".into(), |name| name.to_string_lossy());
    let best = reached
        .best
        .map_or_else(String::new, |best| format!(", {} {}", reached.monitor, number::metric(best)));
    format!("{name}: {}{best}", state(outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(variables: &[(&str, &str)]) -> Option<Notification> {
        Notification::detect(|name| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_terminal_is_asked_in_the_way_that_it_knows() {
        assert_eq!(
            detected(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")]),
            Some(Notification::Osc9)
        );
        assert_eq!(detected(&[("TERM", "xterm-kitty")]), Some(Notification::Osc9));
        assert_eq!(detected(&[("TERM", "foot")]), Some(Notification::Osc777));
        assert_eq!(
            detected(&[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")]),
            Some(Notification::Osc777)
        );
        assert_eq!(detected(&[("TERM", "xterm-256color")]), None);
        assert_eq!(detected(&[("TERM", "foot"), ("TMUX", "/tmp/tmux-0/default,1,0")]), None);
        assert_eq!(detected(&[("TERM", "screen.xterm-kitty"), ("TERM_PROGRAM", "WezTerm")]), None);
    }

    #[test]
    fn a_text_stays_one_field_of_the_sequence() {
        assert_eq!(Notification::Osc9.sequence("a; b"), "\x1b]9;a; b\x07");
        assert_eq!(Notification::Osc777.sequence("a; b"), "\x1b]777;notify;unrolled;a, b\x07");
    }

    #[test]
    fn a_text_has_name_state_and_the_best_value() {
        let reached = Reached {
            folder: Some("runs/x-1".into()),
            step: 9,
            monitor: "val_loss".into(),
            best: Some(0.25),
            ..Reached::default()
        };
        assert_eq!(text(&Outcome::Finished, &reached), "x-1: finished, val_loss 0.2500");
        assert_eq!(text(&Outcome::Failed("disk".into()), &Reached::default()), "training: failed");
    }
}

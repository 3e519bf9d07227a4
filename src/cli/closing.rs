//! What a terminal shows after the screen of a training: how the run ended, and what can be done with it next.

use std::io::{Write, stdout};
use std::path::Path;

use unicode_width::UnicodeWidthStr;

use super::runs::width;
use super::shell_word;
use crate::escape::foreign;
use crate::metrics::Task;
use crate::number;
use crate::run::{Outline, RunState};
use crate::runs;

/// Prints how the run in `folder` ended, its best value of the monitored metric, and two commands to go on with.
pub(super) fn print(folder: &Path) {
    // It may have been removed: that was said.
    if !folder.is_dir() {
        return;
    }
    let name = folder.to_string_lossy();
    let run = runs::open(folder, &name);
    let best = run.summary.best.as_ref().and_then(|best| {
        let value = best.metrics.iter().find(|(name, _)| **name == *run.summary.monitor)?.1;
        let shown = number::named(&run.summary.monitor, value);
        Some(format!("  best {} {shown} (epoch {})", run.summary.monitor, best.epoch))
    });
    let trained = format!(
        "{}, {}",
        number::counted(run.summary.steps as usize, "step"),
        number::duration(run.summary.seconds)
    );
    let head = format!("{}: {name}  {trained}{}", run.state.word(), best.unwrap_or_default());
    let info = Outline::read(folder, false).ok().and_then(|outline| outline.info);
    // No command reads symbols of a generated task.
    let task = info.map(|info| (info.task, info.data.has_symbols));
    let lines = [head].into_iter().chain(next(run.state, task, &shell_word(&name)));
    let width = width();
    let lines = lines.flat_map(|line| fitting(&foreign(&line), width));
    let text: String = lines.map(|line| line + "\n").collect();
    // Stdout may be closed.
    let _ = stdout().write_all(text.as_bytes());
}

/// A line of parts with two blanks between; what does not fit `width` columns stands below, from its last part on.
fn fitting(line: &str, width: usize) -> Vec<String> {
    match line.trim_start().rsplit_once("  ") {
        Some((before, last)) if line.width() > width => {
            let indent = line.len() - line.trim_start().len();
            let before = format!("{}{}", " ".repeat(indent), before.trim_end());
            let mut lines = fitting(&before, width);
            lines.push(format!("    {last}"));
            lines
        }
        _ => vec![line.to_owned()],
    }
}

/// What to do next with a run in this state.
fn next(state: RunState, task: Option<(Task, bool)>, run: &str) -> [String; 2] {
    let line = |command: &str, rest: &str, effect: &str| {
        format!("  {:<w$}  {effect}", format!("unrolled {command} {run}{rest}"), w = 44)
    };
    let replay = line("replay", "", "see it again, at any step");
    match state {
        RunState::Finished => {
            let using = match task {
                Some((_, true)) => line("show", "", "all about it"),
                Some((Task::Language, _)) => line("sample", "", "generate text"),
                Some((Task::Forecast, _)) => line("predict", "", "forecast the next rows"),
                Some((Task::Tags, _)) => line("predict", " 'a sentence'", "tag words"),
                _ => line("predict", "", "predict for each line of input"),
            };
            [replay, using]
        }
        RunState::Diverged => [replay, line("show", "", "where it diverged")],
        RunState::Damaged => {
            [line("show", "", "what is damaged"), line("verify", "", "train it again and compare")]
        }
        RunState::Live => [line("attach", "", "watch it"), line("send", " stop", "stop it")],
        RunState::Stopped | RunState::Failed | RunState::Crashed => {
            [line("resume", "", "go on from here"), replay]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn a_number_is_not_parted_at_the_edge_of_the_terminal() {
        let head = "finished: runs/word-order  1,500 steps, 15 s  best val_loss 0.0049 (epoch 12)";
        assert_eq!(fitting(head, 80), [head]);
        assert_eq!(
            fitting(head, 70),
            ["finished: runs/word-order  1,500 steps, 15 s", "    best val_loss 0.0049 (epoch 12)"]
        );
        let command = "  unrolled replay runs/word-order             see it again, at any step";
        assert_eq!(
            fitting(command, 60),
            ["  unrolled replay runs/word-order", "    see it again, at any step"]
        );
        assert_eq!(fitting("  a-long-word", 5), ["  a-long-word"]);
    }
}

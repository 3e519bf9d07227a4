//! Lines of `metrics.jsonl` that were lost: from `frames.bin`, which has the same numbers.

use std::fs::File;
use std::path::Path;

use serde::Deserialize;

use super::ResumePoint;
use super::frames::{FrameReader, decode};
use super::metrics_line::{Line, line_of};
use crate::protocol::Event;

/// The lines of what the recording at `path` has before the checkpoint of `from`; up to the first damage.
pub(super) fn recorded(path: &Path, from: Option<&ResumePoint>) -> Vec<u8> {
    // Settings that were changed on resuming belong to the last time that training went on from their checkpoint.
    let (mut lines, mut before, mut unchanged) = (Vec::new(), None, 0);
    let (Some(from), Ok(file)) = (from, File::open(path)) else { return lines };
    let Ok(mut frames) = FrameReader::new(path, &file) else { return lines };
    while let Ok(Some(frame)) = frames.next() {
        if !frame.kind.is_scalar() {
            continue;
        }
        match decode(frame) {
            Some(Event::Saved(saved)) if from.is_of(&saved) => {
                before = Some(lines.len());
                // It is recorded again when training goes on from it, which is then no part of what was before.
                if from.metrics_bytes == Some(lines.len() as u64) {
                    break;
                }
            }
            Some(Event::Resumed(resumed)) => {
                lines.truncate(unchanged);
                resumed.settings.iter().for_each(|changed| put(&Line::Setting(changed), &mut lines));
            }
            Some(event) => {
                if let Some((_, line)) = line_of(&event) {
                    put(&line, &mut lines);
                    unchanged = lines.len();
                }
            }
            None => {}
        }
    }
    lines.truncate(before.unwrap_or(lines.len()));
    lines
}

fn put(line: &Line<'_>, lines: &mut Vec<u8>) {
    // Without the line there is a gap.
    let _ = line.put(lines);
}

/// The lines before the checkpoint of `from`, of which `found` are left, and those of the recording are `recorded`; with what was lost, in
/// words.
pub(super) fn restored(found: &[u8], recorded: Vec<u8>, from: &ResumePoint) -> (Vec<u8>, String) {
    let is_all = match from.metrics_bytes {
        Some(bytes) => recorded.len() as u64 == bytes,
        None => recorded.starts_with(found),
    };
    let more = if recorded.len() >= found.len() { &recorded } else { found };
    let (lines, missing) = with_gaps(more, from);
    if is_all && missing == 0 {
        let what = "metrics.jsonl had lost lines since the checkpoint was saved: they are written again from frames.bin";
        return (recorded, what.into());
    }
    let left = match missing {
        0 => "no step is missing, but a line of another kind may be".to_owned(),
        1 => "1 step is missing, and a line of kind gap says where".to_owned(),
        _ => format!("{missing} steps are missing, and lines of kind gap say where"),
    };
    let what = "metrics.jsonl has lost lines since the checkpoint was saved, and frames.bin does not have all of them";
    (lines, format!("{what}: {left}"))
}

/// The lines, with one of kind `gap` wherever steps are missing, up to the checkpoint; and how many are missing.
fn with_gaps(lines: &[u8], from: &ResumePoint) -> (Vec<u8>, u64) {
    #[derive(Deserialize)]
    struct Head<'l> {
        kind: &'l str,
        step: u64,
        epoch: usize,
    }
    let (mut out, mut last, mut missing) = (Vec::with_capacity(lines.len()), 0, 0);
    let mut gap = |out: &mut Vec<u8>, last: u64, step: u64, epoch: usize| {
        if last < step {
            missing += step - last;
            put(&Line::Gap { step, epoch, first_step: last + 1, records: step - last }, out);
        }
    };
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let Ok(Head { kind, step, epoch }) = serde_json::from_slice(line) else { continue };
        match kind {
            "step" => gap(&mut out, last, step.saturating_sub(1), epoch),
            "gap" => {}
            _ => gap(&mut out, last, step, epoch),
        }
        last = last.max(step);
        out.extend_from_slice(line);
    }
    gap(&mut out, last, from.checkpoint.step, from.epoch);
    (out, missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Saved;

    #[test]
    fn steps_that_are_nowhere_are_marked_as_gaps() {
        let line = |kind: &str, step: u64| format!("{{\"kind\":\"{kind}\",\"step\":{step},\"epoch\":1}}\n");
        let checkpoint = Saved { step: 9, ..Saved::default() };
        let from = ResumePoint { checkpoint, epoch: 2, before_validation: false, metrics_bytes: Some(1) };
        let found = line("step", 3) + &line("step", 4) + &line("epoch", 5) + &line("step", 7);
        let (lines, what) = restored(found.as_bytes(), line("step", 1).into_bytes(), &from);
        let gap = |first: u64, step: u64, epoch: usize| {
            let records = step + 1 - first;
            format!(
                "{{\"kind\":\"gap\",\"step\":{step},\"epoch\":{epoch},\"first_step\":{first},\"records\":{records}}}\n"
            )
        };
        let expected = [
            gap(1, 2, 1),
            line("step", 3),
            line("step", 4),
            gap(5, 5, 1),
            line("epoch", 5),
            gap(6, 6, 1),
            line("step", 7),
            gap(8, 9, 2),
        ];
        assert_eq!(String::from_utf8(lines.clone()).unwrap(), expected.concat());
        assert!(what.contains("6 steps are missing"), "{what}");
        // A gap that is marked is not marked again.
        assert_eq!(with_gaps(&lines, &from), (lines.clone(), 0));
    }
}

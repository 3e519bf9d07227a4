use std::path::Path;

use serde::Deserialize;

use crate::protocol::Saved;

/// Where the recording of a run goes on: after what was recorded before a checkpoint.
#[derive(Debug, Clone)]
pub struct ResumePoint {
    /// The checkpoint.
    pub checkpoint: Saved,
    /// The epoch in which it was saved, or the next one between two epochs.
    pub epoch: usize,
    /// Whether the validation of its step comes after it.
    pub before_validation: bool,
    /// The length of `metrics.jsonl` at that time, if all lines were written.
    pub metrics_bytes: Option<u64>,
}

impl ResumePoint {
    /// Whether `path` is its checkpoint.
    pub fn is_of(&self, saved: &Saved) -> bool {
        let name = |path: &Path| path.file_name().map(ToOwned::to_owned);
        saved.step == self.checkpoint.step && name(&saved.path) == name(&self.checkpoint.path)
    }

    /// Whether `lines` of `metrics.jsonl` are all that were written before the checkpoint. Where their length is not known, as there was no
    /// space for some, they reach its step.
    pub(super) fn is_whole(&self, lines: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Line {
            step: u64,
        }
        let step = || {
            let last = lines.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty())?;
            serde_json::from_slice(last).ok().map(|line: Line| line.step)
        };
        match self.metrics_bytes {
            Some(saved) => lines.len() as u64 == saved,
            None => step().unwrap_or(0) == self.checkpoint.step,
        }
    }

    /// The bytes of the lines of `metrics.jsonl` that were written before the checkpoint.
    pub(super) fn bytes_before(&self, content: &[u8]) -> usize {
        let at_length = |bytes: &usize| *bytes == 0 || content.get(bytes - 1) == Some(&b'\n');
        let known = self.metrics_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        if let Some(bytes) = known.filter(at_length) {
            return bytes;
        }
        let lines = content.split_inclusive(|byte| *byte == b'\n');
        lines.take_while(|line| line.ends_with(b"\n") && self.is_before(line)).map(<[u8]>::len).sum()
    }

    fn is_before(&self, line: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Line<'l> {
            kind: &'l str,
            step: u64,
            epoch: usize,
        }
        let Ok(Line { kind, step, epoch }) = serde_json::from_slice(line) else { return false };
        let repeated = match kind {
            "epoch" => epoch >= self.epoch,
            "validation" => self.before_validation,
            // Training went on from the checkpoint with it.
            "setting" => true,
            _ => false,
        };
        step < self.checkpoint.step || step == self.checkpoint.step && !repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_after_the_checkpoint_are_found_by_length_or_by_their_steps() {
        let lines = [
            r#"{"kind":"step","step":1,"epoch":1}"#,
            r#"{"kind":"step","step":2,"epoch":1}"#,
            r#"{"kind":"epoch","step":2,"epoch":1}"#,
            r#"{"kind":"step","step":3,"epoch":2}"#,
            r#"{"kind":"validation","step":3,"epoch":2}"#,
            r#"{"kind":"step","step":4,"epoch":2}"#,
        ];
        let content = lines.map(|line| format!("{line}\n")).concat();
        let kept = |step, epoch, before_validation, metrics_bytes| {
            let checkpoint = Saved { step, ..Saved::default() };
            let point = ResumePoint { checkpoint, epoch, before_validation, metrics_bytes };
            content[..point.bytes_before(content.as_bytes())].lines().count()
        };
        assert_eq!([kept(2, 1, false, None), kept(2, 2, false, None)], [2, 3]);
        assert_eq!([kept(3, 2, true, None), kept(3, 2, false, None)], [4, 5]);
        let bytes = lines[0].len() as u64 + 1;
        assert_eq!([kept(3, 2, true, Some(bytes)), kept(3, 2, true, Some(bytes + 1))], [1, 4]);
        assert_eq!([kept(3, 2, true, Some(0)), kept(9, 9, false, Some(1 << 40))], [0, 6]);
    }
}

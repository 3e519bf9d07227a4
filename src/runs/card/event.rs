//! What was recorded between steps, in words.

use serde_json::Value;

use crate::number;
use crate::runs::progress::Recorded;

/// The sentence of an event. Its parts are untrusted text: escape it before printing.
pub(super) fn sentence(event: &Recorded) -> String {
    let at = format!("after step {}", number::count(event.step));
    match event.kind.as_str() {
        "alert" => format!("{at}: {}", text(event, "text").unwrap_or("an alert")),
        "command" => command(event, &at),
        "setting" => {
            let value = |key: &str| event.fields.get(key).map_or_else(|| "absent".to_owned(), plain);
            format!("{at}: {} changed from {} to {}", value("setting"), value("old"), value("new"))
        }
        "sample" => {
            format!(
                "{at}: the text {:?}",
                [text(event, "prime"), text(event, "text")].map(Option::unwrap_or_default).concat()
            )
        }
        "gap" => {
            let first = event.fields.get("first_step").and_then(Value::as_u64).unwrap_or_default();
            let (first, last) = (number::count(first), number::count(event.step));
            format!("the metrics of steps {first} to {last} were not recorded: there was no space")
        }
        _ => format!("{at}: {}, {}", event.kind, fields(event, &[])),
    }
}

fn command(event: &Recorded, at: &str) -> String {
    let number = |key: &str| event.fields.get(key).and_then(Value::as_f64).map(number::value);
    let by = text(event, "by").map_or(String::new(), |by| format!(", by {by}"));
    let name = text(event, "command").unwrap_or_default();
    let rate = || number("learning_rate").map_or(String::new(), |rate| format!(": it is {rate}"));
    let said = match name {
        "pause" => Some("paused".to_owned()),
        "resume" => Some("the pause ended".to_owned()),
        "single_step" => Some("a single step".to_owned()),
        "scale_learning_rate" => {
            number("factor").map(|factor| format!("learning rate multiplied by {factor}{}", rate()))
        }
        "set_learning_rate" => number("value").map(|value| format!("learning rate set to {value}")),
        "set_clipnorm" => Some(match number("global_clipnorm") {
            Some(norm) => format!("gradients clipped to a norm of {norm}"),
            None => "gradients no longer clipped".to_owned(),
        }),
        "set_dropout" => number("rate").map(|rate| format!("dropout set to {rate}")),
        "set_patience" => {
            number("patience").map(|patience| format!("patience of early stopping set to {patience}"))
        }
        "set_batch_size" => number("batch_size").map(|size| format!("batch size set to {size}")),
        "extend_sample" => text(event, "token").map(|token| format!("samples go on by {token:?}")),
        "add_probe" => text(event, "text").map(|text| format!("example added: {text}")),
        "undo" => Some("a change undone".to_owned()),
        "full_speed" => Some("full speed".to_owned()),
        "save" => Some("a checkpoint saved".to_owned()),
        "save_and_stop" => Some("saved and stopped".to_owned()),
        "stop" => Some("stopped".to_owned()),
        _ => None,
    };
    let said = said.unwrap_or_else(|| format!("{name} {}", fields(event, &["command", "by", "epoch"])));
    format!("{at}: {}{by}", said.trim_end())
}

fn text<'e>(event: &'e Recorded, key: &str) -> Option<&'e str> {
    event.fields.get(key).and_then(Value::as_str)
}

/// The fields of an event of a kind that is not known here.
fn fields(event: &Recorded, but: &[&str]) -> String {
    let shown = event.fields.iter().filter(|(key, _)| !but.contains(&key.as_str()));
    shown.map(|(key, value)| format!("{key} {}", plain(value))).collect::<Vec<_>>().join(", ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{AppliedCommand, Command};

    /// As it is read from `metrics.jsonl`.
    fn recorded(kind: &str, value: Value) -> Recorded {
        let Value::Object(mut fields) = value else { panic!("{value}") };
        let step = fields.remove("step").and_then(|step| step.as_u64()).unwrap();
        Recorded { kind: kind.into(), step, fields }
    }

    #[test]
    fn every_command_has_a_sentence() {
        let commands = [
            Command::Pause,
            Command::Resume,
            Command::SingleStep,
            Command::ScaleLearningRate { factor: 0.5 },
            Command::SetLearningRate { value: 0.01 },
            Command::SetClipnorm { global_clipnorm: Some(1.0) },
            Command::SetClipnorm { global_clipnorm: None },
            Command::SetDropout { rate: 0.2 },
            Command::SetPatience { patience: 3 },
            Command::SetBatchSize { batch_size: 64 },
            Command::ExtendSample { token: "e".into() },
            Command::Undo,
            Command::AddProbe { text: "not bad".into() },
            Command::FullSpeed,
            Command::Save,
            Command::SaveAndStop,
            Command::Stop,
        ];
        let lines = commands.map(|command| {
            let request = command.by("anna@pts/3");
            let applied = AppliedCommand { step: 1200, epoch: 2, request, learning_rate: 0.005 };
            sentence(&recorded("command", serde_json::to_value(applied).unwrap()))
        });
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn alerts_gaps_and_unknown_events_have_sentences() {
        let alert =
            serde_json::json!({"step": 7, "epoch": 1, "alert": "loss_spike", "text": "the loss rose"});
        assert_eq!(sentence(&recorded("alert", alert)), "after step 7: the loss rose");
        let gap = serde_json::json!({"step": 9, "epoch": 1, "first_step": 8, "records": 2});
        assert_eq!(
            sentence(&recorded("gap", gap)),
            "the metrics of steps 8 to 9 were not recorded: there was no space"
        );
        let other = serde_json::json!({"step": 9, "word": "x", "n": 2});
        assert_eq!(sentence(&recorded("new", other)), "after step 9: new, n 2, word x");
    }
}

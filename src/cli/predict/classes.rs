//! Predictions of a classifier.

use serde_json::{Map, Value, json};

use super::Out;
use super::input::{self, Form, Input};
use super::{BATCH, PredictArgs, stream};
use crate::cli::error::CliResult;
use crate::escape::foreign;
use crate::infer::{Classifier, InferError, Prefix, most_likely};
use crate::metrics::is_predicted;
use crate::number::{count, counted, percent};

/// Predicts the classes of the texts of the arguments, or else of the lines of stdin, in batches of those available.
pub(super) fn predict(args: &PredictArgs, classifier: &Classifier) -> CliResult<()> {
    if args.threshold.is_some() && !classifier.has_labels() {
        return Err(args.refuse("predicts a single class; --threshold is for several labels"));
    }
    let is_text = classifier.subject() == "text";
    if args.per_token && !is_text {
        return Err(args.refuse("classifies sequences of numbers, which have no tokens; omit --per-token"));
    }
    if args.stream {
        return predict_stream(args, classifier);
    }
    // Files are predicted one by one, so that those before an invalid one are printed.
    let at_once = if is_text { BATCH } else { 1 };
    let form = if args.jsonl { Form::Json } else { Form::Plain };
    let formatter = Formatter { threshold: args.threshold, classifier };
    let mut out = Out::new(args.json);
    input::for_each_batch(&args.text, form, at_once, &mut |inputs| {
        let texts: Vec<String> = inputs.iter().map(Input::text).collect();
        let predictions = classifier.predict(&texts)?;
        let lines = predictions.iter().map(|(text, probabilities)| match args.json {
            true => Ok(formatter.as_json(text, probabilities, args.per_token)?.to_string() + "\n"),
            false => formatter.as_lines(text, probabilities, args.per_token),
        });
        out.put(lines.collect::<Result<Vec<String>, InferError>>()?.into_iter())
    })
}

/// Predicts the class of all that was read after every line.
fn predict_stream(args: &PredictArgs, classifier: &Classifier) -> CliResult<()> {
    let form = if args.jsonl { Form::Json } else { Form::Plain };
    let formatter = Formatter { threshold: args.threshold, classifier };
    let (mut out, mut stream) = (Out::new(args.json), classifier.stream()?);
    stream::for_each(args, &mut stream, form, &mut |stream, input| {
        let text = input.text();
        let prefixes = classifier.read_on(stream, &text)?;
        let read = stream.tokens_read();
        let lines = match (classifier.answer(stream), args.json) {
            (None, true) => json!({"text": text, "tokens_read": read}).to_string() + "\n",
            (None, false) => "(no tokens were read)\n".to_owned(),
            (Some(answer), true) => {
                let mut object =
                    formatter.with_prediction(json!({"text": text, "tokens_read": read}), &answer);
                if args.per_token {
                    object["tokens"] = prefixes.iter().map(|prefix| formatter.prefix_json(prefix)).collect();
                }
                object.to_string() + "\n"
            }
            (Some(answer), false) => {
                let shown = foreign(&text);
                let mut lines = format!("{}  {:>8}  {shown}\n", formatter.summary(&answer), count(read));
                if args.per_token {
                    let first = read - prefixes.len() as u64;
                    let rows = prefixes.iter().enumerate();
                    lines.extend(rows.map(|(at, prefix)| formatter.prefix_line(first + at as u64, prefix)));
                }
                lines
            }
        };
        out.put([lines].into_iter())
    })
}

/// Formats predictions.
struct Formatter<'a> {
    classifier: &'a Classifier,
    /// The minimum probability of a predicted label; that of [`is_predicted`] if absent.
    threshold: Option<f32>,
}

impl Formatter<'_> {
    /// The predicted labels of a multi-label classifier.
    fn predicted_labels(&self, probabilities: &[f32]) -> Vec<&str> {
        let labels = self.classifier.labels().iter().zip(probabilities);
        let predicted = |p: f32| self.threshold.map_or(is_predicted(p), |least| p >= least);
        labels.filter(|(_, p)| predicted(**p)).map(|(label, _)| label.as_str()).collect()
    }

    /// The most likely class and its probability; or the predicted labels, then all labels with their probabilities.
    fn summary(&self, probabilities: &[f32]) -> String {
        let labels = self.classifier.labels();
        let share = |p: &f32| percent(f64::from(*p));
        if self.classifier.has_labels() {
            let predicted = self.predicted_labels(probabilities);
            let predicted = if predicted.is_empty() { "none".into() } else { predicted.join(", ") };
            let each = labels.iter().zip(probabilities);
            let each: Vec<String> =
                each.map(|(label, p)| format!("{} {}", foreign(label), share(p))).collect();
            return format!("{:20}  ({})", foreign(&predicted), each.join(", "));
        }
        let (class, probability) = most_likely(probabilities.iter().copied());
        let label = labels.get(class).map_or("", String::as_str);
        format!("{:12} {:>7}", foreign(label), share(&probability))
    }

    fn as_lines(&self, text: &str, probabilities: &[f32], per_token: bool) -> Result<String, InferError> {
        let shown = if self.classifier.is_empty(text) {
            "(no tokens: the prediction for padding alone)".into()
        } else {
            foreign(text)
        };
        let mut lines = vec![format!("{}  {shown}\n", self.summary(probabilities))];
        if per_token {
            let (prefixes, unread) = self.classifier.per_token(text)?;
            lines.extend(prefixes.iter().enumerate().map(|(at, prefix)| self.prefix_line(at as u64, prefix)));
            if let (1.., Some(length)) = (unread, self.classifier.length()) {
                let all = counted(prefixes.len() + unread, "token");
                let (length, unread) = (count(length as u64), count(unread as u64));
                lines.push(format!(
                    "  ({all}, but the network's input has {length}: {unread} are not read)\n"
                ));
            }
        }
        Ok(lines.concat())
    }

    /// The prediction after a token, of which `before` were read before.
    fn prefix_line(&self, before: u64, prefix: &Prefix) -> String {
        let summary = self.summary(&prefix.probabilities);
        let unknown = if prefix.is_unknown { "  [UNK]" } else { "" };
        format!("  {:>4}  {summary}  {}{unknown}\n", count(before + 1), foreign(&prefix.token))
    }

    fn prefix_json(&self, prefix: &Prefix) -> Value {
        let mut token = json!({"token": prefix.token});
        if prefix.is_unknown {
            token["unknown"] = json!(true);
        }
        self.with_prediction(token, &prefix.probabilities)
    }

    /// `object` with the label, or the labels, and all probabilities.
    fn with_prediction(&self, mut object: Value, probabilities: &[f32]) -> Value {
        let labels = self.classifier.labels();
        match self.classifier.has_labels() {
            true => object["labels"] = json!(self.predicted_labels(probabilities)),
            false => object["label"] = json!(labels.get(most_likely(probabilities.iter().copied()).0)),
        }
        let by_label: Map<String, Value> =
            labels.iter().zip(probabilities).map(|(label, p)| (label.clone(), json!(p))).collect();
        object["probabilities"] = Value::Object(by_label);
        object
    }

    fn as_json(&self, text: &str, probabilities: &[f32], per_token: bool) -> Result<Value, InferError> {
        let mut object = self.with_prediction(json!({self.classifier.subject(): text}), probabilities);
        if per_token {
            let (prefixes, unread) = self.classifier.per_token(text)?;
            object["tokens"] = prefixes.iter().map(|prefix| self.prefix_json(prefix)).collect();
            if unread > 0 {
                object["n_unread"] = json!(unread);
            }
        }
        Ok(object)
    }
}

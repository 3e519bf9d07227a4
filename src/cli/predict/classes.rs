//! The class of texts and sequences, or their labels.

use serde_json::{Map, Value, json};

use super::Out;
use super::input::{self, Asked, Form};
use super::{Args, BATCH};
use crate::cli::error::CliResult;
use crate::escape::foreign;
use crate::infer::{Classifier, InferError, Prefix, most_likely};
use crate::metrics::is_predicted;
use crate::number::{count, percent};

/// Tells the class of texts: of the arguments, else of the lines of stdin, as many at once as have come.
pub(super) fn tell(args: &Args, classifier: &Classifier) -> CliResult<()> {
    if args.threshold.is_some() && !classifier.has_labels() {
        return Err(args.refuse("tells one class of several; --threshold is for several labels at once"));
    }
    let texts = classifier.subject() == "text";
    if args.per_token && !texts {
        return Err(args.refuse("reads sequences of numbers, which have no tokens; leave --per-token out"));
    }
    // What stands in the files before a bad one is told.
    let at_once = if texts { BATCH } else { 1 };
    let form = if args.jsonl { Form::Json } else { Form::Plain };
    let speaker = Speaker { threshold: args.threshold, classifier };
    let mut out = Out::new(args.json);
    input::each(&args.text, form, at_once, &mut |asked| {
        let asked: Vec<String> = asked.iter().map(Asked::text).collect();
        let answers = classifier.predict(&asked)?;
        let told = answers.iter().map(|(text, answer)| match args.json {
            true => Ok(speaker.as_json(text, answer, args.per_token)?.to_string() + "\n"),
            false => speaker.as_lines(text, answer, args.per_token),
        });
        out.put(told.collect::<Result<Vec<String>, InferError>>()?.into_iter())
    })
}

/// Says what a network makes of texts.
struct Speaker<'a> {
    classifier: &'a Classifier,
    /// Of several labels at once, those with at least this probability are told; without, as [`is_predicted`] says.
    threshold: Option<f32>,
}

impl Speaker<'_> {
    /// The labels that a text with these probabilities is told to have, of several at once.
    fn told(&self, probabilities: &[f32]) -> Vec<&str> {
        let labels = self.classifier.labels().iter().zip(probabilities);
        let told = |p: f32| self.threshold.map_or(is_predicted(p), |least| p >= least);
        labels.filter(|(_, p)| told(**p)).map(|(label, _)| label.as_str()).collect()
    }

    /// The likeliest class and its probability; of several labels at once those that are told, then each with its probability.
    fn said(&self, probabilities: &[f32]) -> String {
        let labels = self.classifier.labels();
        let share = |p: &f32| percent(f64::from(*p));
        if self.classifier.has_labels() {
            let told = self.told(probabilities);
            let told = if told.is_empty() { "none".into() } else { told.join(", ") };
            let each = labels.iter().zip(probabilities);
            let each: Vec<String> =
                each.map(|(label, p)| format!("{} {}", foreign(label), share(p))).collect();
            return format!("{:20}  ({})", foreign(&told), each.join(", "));
        }
        let (class, probability) = most_likely(probabilities.iter().copied());
        let label = labels.get(class).map_or("", String::as_str);
        format!("{:12} {:>7}", foreign(label), share(&probability))
    }

    fn as_lines(&self, text: &str, answer: &[f32], per_token: bool) -> Result<String, InferError> {
        let mut lines = vec![format!("{}  {}\n", self.said(answer), foreign(text))];
        if per_token {
            let prefixes = self.classifier.per_token(text)?;
            let line = |(at, prefix): (usize, &Prefix)| {
                let said = self.said(&prefix.probabilities);
                format!("  {:>4}  {said}  {}\n", count(at as u64 + 1), foreign(&prefix.token))
            };
            lines.extend(prefixes.iter().enumerate().map(line));
        }
        Ok(lines.concat())
    }

    /// `object` with the label, or the labels, and all probabilities.
    fn with_answer(&self, mut object: Value, probabilities: &[f32]) -> Value {
        let labels = self.classifier.labels();
        match self.classifier.has_labels() {
            true => object["labels"] = json!(self.told(probabilities)),
            false => object["label"] = json!(labels.get(most_likely(probabilities.iter().copied()).0)),
        }
        let by_label: Map<String, Value> =
            labels.iter().zip(probabilities).map(|(label, p)| (label.clone(), json!(p))).collect();
        object["probabilities"] = Value::Object(by_label);
        object
    }

    fn as_json(&self, text: &str, answer: &[f32], per_token: bool) -> Result<Value, InferError> {
        let mut object = self.with_answer(json!({self.classifier.subject(): text}), answer);
        if per_token {
            let prefixes = self.classifier.per_token(text)?;
            let prefixes =
                prefixes.iter().map(|p| self.with_answer(json!({"token": p.token}), &p.probabilities));
            object["tokens"] = prefixes.collect();
        }
        Ok(object)
    }
}

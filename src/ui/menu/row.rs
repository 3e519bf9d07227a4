//! The rows of the menu: recent runs, presets, races, and the row for own data.

use super::recent_runs::{RecentRun, folder};
use crate::escape::shell_word;
use crate::preset::Entry;
use crate::run::RunState;

/// The name of the row for own data.
const OWN_DATA: &str = "your data…";

/// A race that the menu offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RaceEntry {
    /// The name for `unrolled race`.
    pub name: String,
    /// What it compares, in a line.
    pub about: String,
    /// What it has shown before; empty if it was not measured.
    pub result: String,
    /// Its networks: the name of each, and its preset.
    pub networks: Vec<[String; 2]>,
}

impl RaceEntry {
    /// The first of its presets that is among the `missing`.
    pub(super) fn missing(&self, missing: &[String]) -> Option<String> {
        let mut presets = self.networks.iter().map(|[_, preset]| preset);
        presets.find(|preset| missing.contains(preset)).cloned()
    }
}

impl RecentRun {
    /// The command that does what Enter does.
    pub fn command(&self) -> String {
        let (verb, path) = match &self.sweep {
            Some(sweep) => ("sweep status", sweep),
            None if self.run.state == RunState::Live => ("attach", &self.run.path),
            None => ("replay", &self.run.path),
        };
        format!("unrolled {verb} {}", shell_word(&path.to_string_lossy()))
    }
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    Run(Box<RecentRun>),
    Preset(Box<Entry>),
    /// With the first of its presets whose data are missing.
    Race(RaceEntry, Option<String>),
    OwnData,
}

impl Row {
    /// The heading above it.
    pub fn group(&self) -> &str {
        match self {
            Self::Run(_) => "Recent runs",
            Self::Preset(entry) => &entry.group,
            Self::Race(..) => "Races",
            Self::OwnData => "Your data",
        }
    }

    /// Its name, unique in its group. That of a run is foreign text.
    pub fn name(&self) -> &str {
        match self {
            Self::Run(recent) => &recent.run.name,
            Self::Preset(entry) => &entry.name,
            Self::Race(race, _) => &race.name,
            Self::OwnData => OWN_DATA,
        }
    }

    /// How it is called in the list: a run in a folder of several, which no other run of it stands beside, by the folder.
    pub fn label(&self) -> String {
        match self {
            Self::Run(recent) => {
                let run = &recent.run;
                folder(run).map_or(run.name.to_string(), |folder| format!("{folder}/…"))
            }
            row => row.name().to_owned(),
        }
    }

    /// Whether `other` is the same row, perhaps with another content.
    pub fn is_same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.label() == other.label()
    }

    /// The preset, if it is one.
    pub fn preset(&self) -> Option<&Entry> {
        match self {
            Self::Preset(entry) => Some(entry),
            _ => None,
        }
    }

    /// Whether data are missing that it needs.
    pub fn is_missing_data(&self) -> bool {
        match self {
            Self::Preset(entry) => entry.missing.is_some(),
            Self::Race(_, missing) => missing.is_some(),
            Self::Run(_) | Self::OwnData => false,
        }
    }

    /// The command that does what Enter does.
    pub fn command(&self) -> String {
        match self {
            Self::Run(recent) => recent.command(),
            Self::Preset(entry) => format!("unrolled train {}", entry.name),
            Self::Race(race, _) => format!("unrolled race {}", race.name),
            Self::OwnData => "unrolled new PATH".to_owned(),
        }
    }

    /// The mark behind its name.
    pub fn mark(&self) -> &'static str {
        match self {
            Self::Run(recent) => match recent.run.state {
                RunState::Live => "●",
                RunState::Finished => "✓",
                RunState::Stopped => "■",
                RunState::Diverged | RunState::Failed | RunState::Crashed | RunState::Damaged => "✗",
            },
            row if row.is_missing_data() => "!",
            _ => " ",
        }
    }

    /// What a filter searches, in lower case.
    pub fn searchable(&self) -> String {
        let all: Vec<&str> = match self {
            Self::Run(recent) => {
                let run = &recent.run;
                vec![self.group(), &run.name, &run.summary.preset, &run.summary.layers, run.state.word()]
            }
            Self::Preset(entry) => {
                let layers = entry.model.layers.iter().map(|row| row.class.as_str());
                let texts = [&entry.group, &entry.name, &entry.title, &entry.about, &entry.data.source];
                texts.into_iter().map(String::as_str).chain(layers).collect()
            }
            Self::Race(race, _) => {
                let networks = race.networks.iter().flatten().map(String::as_str);
                [self.group(), &race.name, &race.about].into_iter().chain(networks).collect()
            }
            Self::OwnData => vec![self.group(), self.name()],
        };
        all.join("\n").to_lowercase()
    }
}

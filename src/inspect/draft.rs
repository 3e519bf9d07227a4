//! A preset for somebody's own data, with comments that teach: what each part is, and what to try next.

mod language;
mod sequences;
mod series;
mod tags;
mod texts;
mod yaml;

use std::path::{Path, PathBuf};

use crate::data::DataError;
use crate::escape::foreign;
use crate::inspect::{LookOptions, Looked, Material, look};
use crate::number;
use crate::preset::WatchSpec;
use crate::protocol::{Draft, Findings};
use yaml::Yaml;

/// What a kind of data makes of its preset.
struct Proposal {
    /// One line.
    title: String,
    /// What to look for.
    about: String,
    /// From `data:` on.
    body: Yaml,
    /// For people, in rows of name and value.
    suggested: Vec<(String, String)>,
}

/// Looks at `path`, and writes a preset for what is there: to be saved at `to`, to which its paths are relative, else into the present
/// folder under the name it gets.
///
/// # Errors
/// As [`look`]. What is there and can be learnt from in no way is no error: the draft says why.
pub fn draft(path: &Path, options: &LookOptions, to: Option<&Path>) -> Result<Draft, DataError> {
    let Looked { mut findings, material } = look(path, options)?;
    let name = to
        .and_then(Path::file_stem)
        .map_or_else(|| name_of(path), |stem| stem.to_string_lossy().into_owned());
    let preset = material.and_then(|material| {
        let place = Place { folder: to.and_then(Path::parent) };
        let proposal = match &material {
            Material::Texts { spec, level, examples } => {
                texts::propose(&findings, spec, *level, examples, &place)?
            }
            Material::Text { spec, prime } => language::propose(&findings, spec, prime, &place)?,
            Material::Tags { spec, examples } => tags::propose(&findings, spec, examples, &place)?,
            Material::Sequences(spec) => sequences::propose(&findings, spec, &place)?,
            Material::Series(spec) => series::propose(&findings, spec, &place)?,
        };
        findings.suggested = proposal.suggested.clone();
        let file = to.map_or_else(|| format!("{name}.yaml"), |to| to.display().to_string());
        Ok(written(path, &file, proposal))
    });
    Ok(Draft { findings, name, preset })
}

fn written(path: &Path, file: &str, proposal: Proposal) -> String {
    let Proposal { title, about, body, .. } = proposal;
    let mut out = Yaml::default();
    out.comment(&format!(
        "Written by “unrolled new {}”, to be changed as you like. It trains as it is:",
        path.display()
    ));
    out.line(&format!("#   unrolled train {}", foreign(file)));
    out.comment("Every value can be tried without a change to the file: --set train.epochs=20, --set train.batch_size=16.");
    out.line("");
    out.line(&format!("title: {}", yaml::quoted(&title)));
    out.line("about: >-");
    out.folded(&about);
    out.line("");
    out.append(body);
    out.text()
}

/// A name for a preset: the file's without its endings, of letters that no shell has to be told about.
fn name_of(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let file = whole.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut stem = file.as_str();
    let endings = [".gz", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".conllu", ".conll", ".ts"];
    while let Some(shorter) =
        endings.iter().find_map(|end| stem.strip_suffix(end)).filter(|rest| !rest.is_empty())
    {
        stem = shorter;
    }
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = stem.chars().map(plain).take(60).collect();
    let name = name.trim_matches(['-', '.']).to_owned();
    if name.is_empty() { "mine".into() } else { name }
}

/// Where the preset will lie.
struct Place<'a> {
    /// `None` and the empty one are the present folder.
    folder: Option<&'a Path>,
}

impl Place<'_> {
    /// A path as the preset has it; in words what is wrong with one that YAML cannot hold.
    fn path(&self, path: &Path) -> Result<String, String> {
        let here = self.folder.is_none_or(|folder| folder.as_os_str().is_empty() || folder == Path::new("."));
        let path = match here {
            true => PathBuf::from(path),
            false => std::path::absolute(path).unwrap_or_else(|_| path.into()),
        };
        let text = path.to_str().ok_or_else(|| {
            format!(
                "the path {} is not Unicode, which a preset cannot hold: rename it",
                foreign(&path.to_string_lossy())
            )
        })?;
        Ok(yaml::quoted(text))
    }
}

/// A length up to which `percent` of the sequences are whole, rounded up to what people write.
fn length(findings: &Findings, percent: u8, most: usize) -> usize {
    let length = findings.lengths.as_ref().and_then(|lengths| lengths.quantile(percent)).unwrap_or(1);
    let step = match length {
        0..=12 => 1,
        13..=30 => 5,
        31..=120 => 10,
        _ => 50,
    };
    length.next_multiple_of(step).clamp(2, most)
}

/// The share of the sequences that are no longer than `length`, in words: `90.3 %`.
fn whole(findings: &Findings, length: usize) -> String {
    let Some(lengths) = &findings.lengths else { return String::new() };
    let fit = |(from, to, count): &(usize, usize, usize)| match length {
        _ if *to <= length => *count as f64,
        _ if *from > length => 0.0,
        // Within a bar as if all its lengths were alike frequent.
        _ => *count as f64 * (length + 1 - from) as f64 / (to + 1 - from) as f64,
    };
    let all: usize = lengths.bins.iter().map(|(.., count)| count).sum();
    let interpolated = 100.0 * lengths.bins.iter().map(fit).sum::<f64>() / all.max(1) as f64;
    // One long sequence makes wide bars: the quantiles know better.
    let known =
        lengths.quantiles.iter().filter(|(_, most)| *most <= length).map(|(percent, _)| *percent).max();
    let share = interpolated.max(f64::from(known.unwrap_or_default()));
    format!("{:.0} %", share.min(if length >= lengths.most { 100.0 } else { 99.0 }))
}

/// Entries of a vocabulary that knows 95 % of the running words, or 20,000; and what it knows, in words.
fn vocabulary(findings: &Findings) -> (usize, String) {
    let Some(found) = &findings.vocabulary else { return (1_000, String::new()) };
    let enough = found.shares.iter().find(|(size, share)| *share >= 0.95 || *size >= 20_000);
    let all = (found.distinct + 2).max(3);
    match enough {
        Some((size, share)) if *size < all => {
            (*size, format!("{} of all {} in the texts", number::percent(*share), found.unit))
        }
        _ => (all, format!("all {} of the texts", found.unit)),
    }
}

/// Layers as one line: `Embedding 64 → GRU 64 → Dense 2`.
fn chain(layers: &[String]) -> String {
    layers.join(" → ")
}

/// Steps from one watched to the next, of a training of so many: as presets do it, which two percent of the time allow, but some twenty looks
/// at least at one that is over in a moment.
fn every(steps: usize) -> usize {
    (steps / 20).clamp(1, WatchSpec::default().every)
}

/// `1 class`, `18 classes`.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", number::count(count as u64), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests;

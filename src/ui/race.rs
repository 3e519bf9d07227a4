//! The progress and the result of a race as lines, table and text.

use crate::metrics::{Paired, mean_and_deviation};
use crate::number::{self, counted};
use crate::run::race::{Judgement, LEAST_SEEDS, SIGNIFICANCE, Standing, Standings, Verdict};
use crate::runs::{Column, Table};
use crate::sort::SmallSort as _;

/// The most of the gradient that has reached the start of the sequences.
const AT_START: &str = "gradient at start";

/// Says why the first network is better than others, as far as their gradients through time differ: of those that are worse than it, not by
/// chance.
pub fn reason(standings: &Standings, judgement: &Judgement) -> Option<String> {
    let is_worse = |i: usize| {
        let rival = judgement.rivals.iter().find(|rival| rival.network == i);
        rival.and_then(|rival| rival.p).is_some_and(|p| p < SIGNIFICANCE)
    };
    let reaches = |network: &Standing| network.reach.most().is_some_and(|most| most >= REACHES[0]);
    // What has vanished in a network that is not worse is no reason.
    let compared =
        standings.networks.iter().enumerate().filter(|(i, network)| is_worse(*i) || reaches(network));
    let most = compared.filter_map(|(_, network)| Some((network.name.as_str(), network.reach.most()?)));
    let first = judgement.order.first().and_then(|first| standings.networks.get(*first));
    reach(most).filter(|_| first.is_some_and(reaches)).map(|reason| format!("why: {reason}"))
}

/// The share of the greatest gradient from which on it is said to reach the start, and below which it is said to have vanished.
const REACHES: [f64; 2] = [0.05, 0.02];

/// Which networks can learn from the start of a sequence and which cannot, by name and by the most of the gradient that has reached it;
/// `None` where they do not differ.
pub fn reach<'a>(most: impl Iterator<Item = (&'a str, f64)> + Clone) -> Option<String> {
    let [reaches, vanishes] = REACHES;
    let list = |is_listed: &dyn Fn(f64) -> bool, said: &dyn Fn(&str, String) -> String| -> Vec<String> {
        let listed = most.clone().filter(|(_, most)| is_listed(*most));
        listed.map(|(name, most)| said(name, number::metric(most))).collect()
    };
    let reaching = list(&|most| most >= reaches, &|name, most| format!("{most} in {name}")).join(" and ");
    let vanishing = list(&|most| most < vanishes, &|name, most| format!("{name} ({most})")).join(" and ");
    let (first, others) = reaching.split_once(' ')?;
    (!vanishing.is_empty()).then(|| {
        format!(
            "of the greatest gradient, at best {first} has reached the first steps {others}: what comes first can be learned. In \
             {vanishing} it has vanished before."
        )
    })
}

/// A p-value for reading: `p = 0.18`, `p < 0.0001`.
fn p_value(p: f64) -> String {
    match p {
        p if p < 1e-4 => "p < 0.0001".to_owned(),
        p if p < 0.1 => format!("p = {p:.4}"),
        p => format!("p = {p:.2}"),
    }
}

/// A metric, or a difference of two: accuracies in percent.
fn shown(metric: &str, x: f64) -> String {
    if metric.ends_with("accuracy") { format!("{:.2} %", x * 100.0) } else { number::metric(x) }
}

/// Says in a sentence whether the race has a winner.
pub fn verdict(standings: &Standings, judgement: &Judgement) -> String {
    let name = |i: &usize| standings.networks.get(*i).map_or("", |network| network.name.as_str());
    let first = judgement.order.first().map_or("", name);
    let seeds = counted(judgement.seeds, "seed");
    match &judgement.verdict {
        Verdict::Winner { p } => {
            let tested: Vec<&str> = judgement
                .rivals
                .iter()
                .filter(|rival| rival.p.is_some())
                .map(|rival| name(&rival.network))
                .collect();
            format!("{first} wins: better than {} with {seeds} ({})", list(&tested), p_value(*p))
        }
        Verdict::Undecided(open) => {
            let each = |(network, p): &(usize, f64)| format!("{} ({})", name(network), p_value(*p));
            let beaten = judgement.rivals.iter().filter_map(|rival| Some((rival.network, rival.p?)));
            let beaten: Vec<String> =
                beaten.filter(|(_, p)| *p < SIGNIFICANCE).map(|rival| each(&rival)).collect();
            let open: Vec<String> = open.iter().map(each).collect();
            let verdict =
                format!("no winner: {first} cannot be told apart from {} with {seeds}", list(&open));
            match beaten.is_empty() {
                true => verdict,
                false => format!("{verdict}; it is better than {}", list(&beaten)),
            }
        }
        Verdict::TooFewSeeds => format!("no winner: {seeds}, and at least {LEAST_SEEDS} are needed"),
        Verdict::Incomplete => "no winner: fewer than two networks have a value with every seed".to_owned(),
    }
}

/// `a, b and c`.
fn list(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Says how it was judged.
pub fn method(standings: &Standings, judgement: &Judgement) -> Vec<String> {
    let metric = standings.judged.as_ref().map_or("the metric", |judged| judged.name.as_str());
    let better = match standings.judged.as_ref().is_some_and(|judged| judged.higher_is_better) {
        true => "more",
        false => "less",
    };
    let tested = judgement.rivals.iter().filter(|rival| rival.p.is_some()).count();
    let correction = match tested {
        0 | 1 => String::new(),
        n => format!(", corrected by Holm for {n} comparisons"),
    };
    let judged = format!("judged by {metric} of the best evaluation of each run ({better} is better)");
    let mut lines = vec![judged];
    if standings.networks.iter().any(|network| network.reach.most().is_some()) {
        lines.push(format!(
            "{AT_START}: the most of the gradient through time that has reached the first tenth of a sequence, as a share of its greatest; \
             what comes first is learned only if it does not vanish on its way"
        ));
    }
    if tested == 0 {
        return lines;
    }
    lines.extend([
        format!(
            "p: how probable such a difference, or a larger one, would be if the first and this network were equally good: two-sided paired \
             t-test over {}{correction}; a winner needs p < {SIGNIFICANCE} against every other",
            counted(judgement.seeds, "seed"),
        ),
        "assumed: the differences between two networks are distributed normally over seeds; intervals are 95 %, each by itself"
            .to_owned(),
    ]);
    lines
}

/// The values of a network with the seeds that were judged.
pub fn values(network: &Standing, judgement: &Judgement) -> Vec<f64> {
    network.values.iter().take(judgement.seeds).copied().flatten().collect()
}

/// The table: place, network, parameters, the metric, speed, time, and the difference to the first.
pub fn table(standings: &Standings, judgement: &Judgement) -> Table {
    let metric = standings.judged.as_ref().map_or("value", |judged| judged.name.as_str());
    let networks: Vec<&Standing> =
        judgement.order.iter().filter_map(|i| standings.networks.get(*i)).collect();
    let rivals = || std::iter::once(None).chain(judgement.rivals.iter().map(Some)).take(networks.len());
    let column = |cell: &dyn Fn(&Standing) -> String| networks.iter().map(|network| cell(network)).collect();
    let value = |network: &Standing| match mean_and_deviation(&values(network, judgement)) {
        Some((mean, Some(deviation))) => format!("{} ± {}", shown(metric, mean), shown(metric, deviation)),
        Some((mean, None)) => shown(metric, mean),
        None => "–".to_owned(),
    };
    let failed = |network: &Standing| match network.values.iter().filter(|value| value.is_none()).count() {
        0 => String::new(),
        n => format!("{n} failed"),
    };
    // Networks without recurrent layers have no gradient through time.
    let at_start = |network: &Standing| network.reach.most().map_or_else(String::new, number::metric);
    let reach = if networks.iter().any(|network| network.reach.most().is_some()) { AT_START } else { "" };
    let difference = |paired: &Paired| {
        let (low, high) = paired.interval;
        let sign = |x: f64| {
            let text =
                if metric.ends_with("accuracy") { format!("{:+.2}", x * 100.0) } else { format!("{x:+.4}") };
            // What rounds to 0 has no sign.
            if text.contains(|c: char| ('1'..='9').contains(&c)) { text } else { text[1..].to_owned() }
        };
        // This network minus the first.
        format!("{} [{}, {}]", sign(-paired.difference), sign(-high), sign(-low))
    };
    let differences =
        rivals().map(|rival| rival.and_then(|r| r.paired.as_ref()).map_or_else(String::new, difference));
    let p = |p: f64| p_value(p).trim_start_matches("p ").trim_start_matches("= ").to_owned();
    let p_values = rivals().map(|rival| rival.and_then(|rival| rival.p).map_or_else(String::new, p));
    let per_second = |network: &Standing| number::rate(network.total.0 as f64 / network.total.1.max(1e-9));
    let places = (1..=networks.len()).map(|place| place.to_string()).collect();
    let unit = if metric.ends_with("accuracy") { "to the first, points" } else { "to the first" };
    Table::new(vec![
        Column::number("", 100, places),
        Column::text("network", 101, column(&|network| network.name.clone())),
        Column::number("parameters", 40, column(&|network| number::count(network.params as u64))),
        Column::number(metric, 99, column(&value)),
        Column::text("", 98, column(&failed)),
        Column::number(reach, 97, column(&at_start)),
        Column::number("tokens/s", 50, column(&per_second)),
        Column::number("time", 45, column(&|network| number::duration(network.total.1))),
        Column::number(unit, 60, differences.collect()),
        Column::number("p", 90, p_values.collect()),
    ])
}

/// Progress lines for a race without a screen.
#[derive(Debug, Default)]
pub struct Lines {
    begun: usize,
    epoch: usize,
    notes: usize,
    is_paused: bool,
}

impl Lines {
    /// Lines that go on after `standings`.
    pub fn after(standings: &Standings) -> Self {
        let mut lines = Self::default();
        lines.next(standings);
        lines
    }

    /// Returns the lines that are due after an event, which `standings` have folded.
    pub fn next(&mut self, standings: &Standings) -> Vec<String> {
        let mut lines = Vec::new();
        if standings.begun != self.begun {
            (self.begun, self.epoch) = (standings.begun, 0);
            let seed = standings.seeds.get(self.begun.saturating_sub(1)).copied().unwrap_or_default();
            lines.push(format!("seed {seed} ({} of {})", self.begun, standings.seeds.len()));
        }
        lines.extend(standings.notes.iter().skip(self.notes).cloned());
        self.notes = standings.notes.len();
        if standings.is_paused != self.is_paused {
            self.is_paused = standings.is_paused;
            lines.push(if self.is_paused { "paused" } else { "resumed" }.to_owned());
        }
        // The least epoch of those that train; of those that have ended the last.
        let training = standings.networks.iter().filter(|network| !network.is_over());
        let ended = standings.networks.iter().map(|network| network.epochs.0).max().unwrap_or(0);
        let epoch = training.map(|network| network.epochs.0).min().unwrap_or(ended);
        if epoch > self.epoch {
            self.epoch = epoch;
            let epochs = standings.networks.iter().map(|network| network.epochs.1).max().unwrap_or(0);
            lines.push(format!("epoch {epoch}/{epochs}  {}", row(standings)));
        }
        lines
    }
}

/// The networks with their values of the current seed, the best first.
fn row(standings: &Standings) -> String {
    let metric = standings.judged.as_ref().map_or("", |judged| judged.name.as_str());
    let higher = standings.judged.as_ref().is_some_and(|judged| judged.higher_is_better);
    let mut networks: Vec<&Standing> = standings.networks.iter().collect();
    let key =
        |network: &Standing| network.value.map_or(f64::INFINITY, |value| if higher { -value } else { value });
    networks.small_sort_by(|a, b| key(a).total_cmp(&key(b)));
    let cell = |network: &&Standing| {
        let value = network.value.map_or("–".to_owned(), |value| number::named(metric, value));
        format!("{} {value}", network.name)
    };
    format!("{metric}: {}", networks.iter().map(cell).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Event, GradientProfile, RaceEvent};
    use crate::run::race::{JudgedMetric, judge};

    fn standings(values: &[[f64; 3]]) -> Standings {
        let names = ["lstm", "gru", "rnn"].iter().take(values.len()).map(|name| ((*name).to_owned(), None));
        let mut standings = Standings::new("memory".into(), vec![1, 2, 3], names.collect());
        standings.judged = Some(JudgedMetric { name: "val_accuracy".into(), higher_is_better: true });
        for (network, values) in standings.networks.iter_mut().zip(values) {
            network.values = values.iter().copied().map(Some).collect();
        }
        standings
    }

    #[test]
    fn a_verdict_without_a_winner_says_which_networks_are_worse() {
        let race = standings(&[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.52, 0.5, 0.49]]);
        let judgement = judge(&race);
        assert_eq!(
            verdict(&race, &judgement),
            "no winner: lstm cannot be told apart from gru (p = 1.00) with 3 seeds; it is better than rnn (p = 0.0006)"
        );
        let lines = table(&race, &judgement).lines(200).1;
        assert!(lines[1].contains("0.00 [0.00, 0.00]") && !lines[1].contains("-0.00"), "{lines:?}");
        let race = standings(&[[1.0, 0.9, 1.0], [1.0, 1.0, 0.9]]);
        let words = verdict(&race, &judge(&race));
        assert!(words.starts_with("no winner: ") && words.ends_with("with 3 seeds"), "{words}");
    }

    #[test]
    fn the_result_says_why_from_how_far_the_gradients_have_reached() {
        let mut race = standings(&[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.52, 0.5, 0.49]]);
        assert_eq!((reason(&race, &judge(&race)), method(&race, &judge(&race)).len()), (None, 3));
        for (network, factor) in [0.95_f32, 0.99, 0.5].into_iter().enumerate() {
            let kernel_norm = (0..30).map(|t| factor.powi(29 - t)).collect();
            let profile = GradientProfile { layer: 1, kernel_norm, ..GradientProfile::default() };
            race.apply(&RaceEvent::Training { network, event: Event::Gradient(profile) });
        }
        // Another seed takes nothing away.
        race.apply(&RaceEvent::Seed(2));
        let judgement = judge(&race);
        let (head, rows) = table(&race, &judgement).lines(200);
        assert!(head.contains("gradient at start"), "{head}");
        assert!(rows[2].starts_with("3  rnn") && rows[2].contains("7.5e-9"), "{rows:?}");
        let said = reason(&race, &judge(&race)).unwrap();
        // Where no network is worse there is nothing to explain.
        let mut even = race.clone();
        even.networks[2].values = even.networks[0].values.clone();
        assert_eq!(reason(&even, &judge(&even)), None);
        assert!(
            said.starts_with(
                "why: of the greatest gradient, at best 0.2503 has reached the first steps in lstm and 0.7623 in gru: "
            ),
            "{said}"
        );
        assert!(said.contains("In rnn (7.5e-9) it has vanished before."), "{said}");
        assert!(method(&race, &judgement)[1].starts_with("gradient at start: "));
    }

    #[test]
    fn networks_are_told_apart_by_what_has_reached_the_start_at_most() {
        // As measured of the race `memory`: a SimpleRNN, an LSTM and a GRU of one seed.
        let said = reach([("rnn", 0.0124), ("lstm", 0.1393), ("gru", 0.5816)].into_iter()).unwrap();
        assert!(
            said.contains("0.1393 has reached the first steps in lstm and 0.5816 in gru: what")
                && said.contains("In rnn (0.0124) it has vanished"),
            "{said}"
        );
        assert_eq!(reach([("rnn", 0.03), ("lstm", 0.1)].into_iter()), None);
    }
}

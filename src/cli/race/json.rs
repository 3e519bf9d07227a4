use serde_json::{Value, json};

use crate::experiment::RaceEnd;
use crate::run::race::{Judgement, Verdict};
use crate::ui::race;

/// The result of a race as one object.
pub(super) fn race(end: &RaceEnd, judgement: &Judgement) -> Value {
    let standings = &end.standings;
    let networks = judgement.order.iter().enumerate().filter_map(|(place, i)| {
        let network = standings.networks.get(*i)?;
        let rival = judgement.rivals.iter().find(|rival| rival.network == *i);
        let paired = rival.and_then(|rival| rival.paired);
        let values = race::values(network, judgement);
        let n = values.len() as f64;
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / n);
        let deviation = mean
            .filter(|_| values.len() > 1)
            .map(|mean| (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt());
        let run = |seed: &u64| end.folder.join(&network.name).join(format!("seed-{seed}"));
        Some(json!({
            "place": place + 1,
            "network": network.name,
            "params": network.params,
            "values": network.values,
            "mean": mean,
            "sd": deviation,
            "tokens": network.total.0,
            "gradient_at_start": network.reach.most(),
            "seconds": network.total.1,
            "tokens_per_s": network.total.0 as f64 / network.total.1.max(1e-9),
            "difference": paired.map(|paired| -paired.difference),
            "interval": paired.map(|paired| [-paired.interval.1, -paired.interval.0]),
            "p": paired.map(|paired| paired.p),
            "p_holm": rival.and_then(|rival| rival.p),
            "runs": standings.seeds.iter().take(standings.begun).map(run).collect::<Vec<_>>(),
        }))
    });
    let winner = judgement.order.first().filter(|_| matches!(judgement.verdict, Verdict::Winner { .. }));
    json!({
        "race": standings.name,
        "folder": end.folder,
        "seeds": standings.seeds.get(..judgement.seeds),
        "metric": standings.judged.as_ref().map(|judged| judged.name.as_str()),
        "higher_is_better": standings.judged.as_ref().map(|judged| judged.higher_is_better),
        "winner": winner.and_then(|i| standings.networks.get(*i)).map(|network| network.name.as_str()),
        "verdict": race::verdict(standings, judgement),
        "method": race::method(standings, judgement).join("; "),
        "networks": networks.collect::<Vec<_>>(),
    })
}

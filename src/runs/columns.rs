use std::collections::BTreeSet;
use std::time::SystemTime;

use super::format::age;
use super::list::Run;
use super::table::{Column, Table};
use crate::escape::foreign;
use crate::metrics::VALIDATION;
use crate::number;

/// The table of `runs`, a row each. Behind the best value stand the epoch and the other metrics of that evaluation, and then the last value.
pub fn columns(runs: &[Run], now: SystemTime) -> Table {
    let column = |cell: &dyn Fn(&Run) -> String| runs.iter().map(cell).collect::<Vec<String>>();
    let monitors: BTreeSet<&str> =
        runs.iter().filter(|run| run.summary.best.is_some()).map(|run| &*run.summary.monitor).collect();
    let best_head = match monitors.first() {
        Some(monitor) if monitors.len() == 1 => format!("best {}", foreign(monitor)),
        _ => "best".to_owned(),
    };
    let several = monitors.len() > 1;
    let best = |run: &Run| {
        let Some(best) = &run.summary.best else { return String::new() };
        let value = number::named(&run.summary.monitor, best.value);
        if several { format!("{} {value}", foreign(&run.summary.monitor)) } else { value }
    };
    let last = |run: &Run| {
        let last = run.summary.last_metric(&run.summary.monitor);
        last.map_or(String::new(), |last| number::named(&run.summary.monitor, last))
    };
    let epochs = |run: &Run| match (run.summary.epochs, run.summary.planned) {
        (0, 0) => String::new(),
        (done, 0) => number::count(done),
        (done, planned) => format!("{}/{}", number::count(done), number::count(planned)),
    };
    let (validation, training) = (main_metric(runs, VALIDATION), main_metric(runs, ""));
    let seconds = |run: &Run| match run.summary.seconds {
        0.0 => String::new(),
        seconds => number::duration(seconds),
    };
    let at = |run: &Run| run.summary.best.as_ref().map_or(String::new(), |best| number::count(best.epoch));
    let steps =
        |run: &Run| if run.summary.steps == 0 { String::new() } else { number::count(run.summary.steps) };
    Table::new(vec![
        Column::text("name", u8::MAX, column(&|run| foreign(&run.name).into_owned())),
        Column::text("state", 100, column(&|run| run.state.word().to_owned())),
        Column::text("preset", 40, column(&|run| foreign(&run.summary.preset).into_owned())),
        Column::number(best_head, 90, column(&best)),
        Column::number("at", 52, column(&at)),
        validation,
        training,
        Column::number("last", 75, column(&last)),
        Column::number("steps", 35, column(&steps)),
        Column::number("epochs", 50, column(&epochs)),
        Column::number("time", 55, column(&seconds)),
        Column::number("age", 70, column(&|run| age(run.age(now)))),
        Column::text("tags", 45, column(&|run| foreign(&run.marks.tags.join(" ")).into_owned())),
    ])
}

/// The main metric of the tasks besides the loss, where the column `best` does not show it.
fn main_metric(runs: &[Run], prefix: &str) -> Column {
    let name = |run: &Run| run.summary.main_metric().map(|main| format!("{prefix}{main}"));
    let value = |run: &Run| {
        let name = name(run).filter(|name| *name != *run.summary.monitor)?;
        Some((run.summary.metric(&name).or_else(|| run.summary.last_metric(&name))?, name))
    };
    let values: Vec<Option<(f64, String)>> = runs.iter().map(value).collect();
    let names: BTreeSet<&str> = values.iter().flatten().map(|(_, name)| name.as_str()).collect();
    let several = names.len() > 1;
    let cell = |value: &Option<(f64, String)>| match value {
        Some((value, name)) if several => format!("{name} {}", number::named(name, *value)),
        Some((value, name)) => number::named(name, *value),
        None => String::new(),
    };
    let head = match (names.first(), several) {
        (Some(name), false) => (*name).to_owned(),
        _ if prefix.is_empty() => "train".to_owned(),
        _ => "val".to_owned(),
    };
    Column::number(head, if prefix.is_empty() { 30 } else { 80 }, values.iter().map(cell).collect())
}

//! Gaps of a series: missing values, and missing dates where the others are regular.

use serde::{Deserialize, Serialize};

use super::date::Date;
use super::dates::Step;
use super::grid::Table;
use crate::number;

/// How gaps are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// By the straight line between the values on both sides.
    Linear,
    /// By the value before.
    Previous,
    /// Rows without a value are left out, and the rows on both sides of a gap are neighbours.
    Drop,
}

/// The maximum number of rows that are inserted for one gap; a longer one is a single row.
const LONGEST: usize = 10_000;

/// The gaps of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Their number.
    pub count: usize,
    /// The rows without all values, those of missing dates included.
    pub rows: usize,
    /// The longest, in rows, and the date after it.
    pub longest: Option<(usize, String)>,
    /// Rows at the start and at the end that are left out.
    pub ends: (usize, usize),
}

impl Gaps {
    /// The gaps for people; `None` if there are none.
    pub fn words(&self, fill: Option<Fill>) -> Option<String> {
        let mut parts = Vec::new();
        if let Some((longest, before)) = &self.longest {
            let effect = match fill {
                Some(Fill::Linear) => "filled by straight lines (fill: linear)",
                Some(Fill::Previous) => "filled by the value before (fill: previous)",
                Some(Fill::Drop) => "left out, so that the rows beside them are neighbours (fill: drop)",
                None => "no window spans one (fill: linear or previous closes them)",
            };
            let which = match self.count {
                1 => format!("of {}, before {before}", number::counted(*longest, "row")),
                _ => format!(
                    "{} in all, the longest of {longest} before {before}",
                    number::counted(self.rows, "row")
                ),
            };
            parts.push(format!("{}, {which}: {effect}", number::counted(self.count, "gap")));
        }
        for (rows, place) in [(self.ends.0, "start"), (self.ends.1, "end")] {
            if rows > 0 {
                parts.push(format!(
                    "{} without all values at the {place} left out",
                    number::counted(rows, "row")
                ));
            }
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Leaves out rows with missing values at both ends, inserts rows for missing dates, and closes gaps as `fill` says. Values that are still
/// missing are NaN.
pub(crate) fn close(table: &mut Table, dates: &mut Vec<Date>, fill: Option<Fill>) -> Gaps {
    let width = table.width.max(1);
    let whole = |table: &Table, row: usize| (0..width).all(|column| table.get(row, column).is_finite());
    let rows = table.rows();
    let Some(first) = (0..rows).find(|row| whole(table, *row)) else { return Gaps::default() };
    let last = (first..rows).rfind(|row| whole(table, *row)).unwrap_or(first);
    // The value before a gap closes one at the end too.
    let end = if fill == Some(Fill::Previous) { rows } else { last + 1 };
    table.values.truncate(end * width);
    table.values.drain(..first * width);
    dates.truncate(end);
    dates.drain(..first.min(dates.len()));
    if fill != Some(Fill::Drop) {
        insert_missing(table, dates);
    }
    let mut gaps = Gaps { ends: (first, rows - end), ..Gaps::default() };
    let mut length = 0;
    for row in 0..=table.rows() {
        if row < table.rows() && !whole(table, row) {
            length += 1;
            continue;
        }
        if length > 0 {
            gaps.count += 1;
            gaps.rows += length;
            if gaps.longest.as_ref().is_none_or(|(longest, _)| length > *longest) {
                let before = dates.get(row).map_or_else(|| "the end".to_owned(), Date::to_string);
                gaps.longest = Some((length, before));
            }
        }
        length = 0;
    }
    match fill {
        Some(Fill::Drop) => {
            let keep: Vec<bool> = (0..table.rows()).map(|row| whole(table, row)).collect();
            let kept = |at: usize| keep.get(at).copied().unwrap_or(false);
            let values = table.values.iter().enumerate().filter(|(at, _)| kept(at / width)).map(|(_, x)| *x);
            table.values = values.collect();
            let mut row = 0;
            dates.retain(|_| {
                row += 1;
                kept(row - 1)
            });
        }
        Some(fill) => (0..width).for_each(|column| interpolate(table, column, fill)),
        None => {}
    }
    gaps
}

/// Inserts a row of NaN for each missing date, if the others are regular.
fn insert_missing(table: &mut Table, dates: &mut Vec<Date>) {
    let Some(step) = Step::of(dates) else { return };
    let width = table.width.max(1);
    let missing: Vec<usize> = dates.windows(2).map(|two| step.missing(&two[0], &two[1])).collect();
    if missing.iter().all(|count| *count == 0) {
        return;
    }
    let (mut values, mut all) = (Vec::new(), Vec::new());
    for (row, (numbers, date)) in table.values.chunks(width).zip(dates.iter()).enumerate() {
        values.extend_from_slice(numbers);
        all.push(date.clone());
        let count = match missing.get(row) {
            Some(count) if *count > LONGEST => 1,
            Some(count) => *count,
            None => 0,
        };
        for n in 1..=count as u64 {
            let Some(next) = step.after(date, n) else { break };
            values.extend(std::iter::repeat_n(f64::NAN, width));
            all.push(next);
        }
    }
    table.values = values;
    *dates = all;
}

/// Fills the missing values of a column that has its first value.
fn interpolate(table: &mut Table, column: usize, fill: Fill) {
    let rows = table.rows();
    let width = table.width;
    let mut before: Option<usize> = None;
    for row in 0..rows {
        if !table.get(row, column).is_finite() {
            continue;
        }
        if let Some(before) = before {
            let (a, b) = (table.get(before, column), table.get(row, column));
            for gap in before + 1..row {
                let share = (gap - before) as f64 / (row - before) as f64;
                if let Some(to) = table.values.get_mut(gap * width + column) {
                    *to = if fill == Fill::Linear { a + (b - a) * share } else { a };
                }
            }
        }
        before = Some(row);
    }
    if let Some(before) = before.filter(|_| fill == Fill::Previous) {
        let last = table.get(before, column);
        for row in before + 1..rows {
            if let Some(to) = table.values.get_mut(row * width + column) {
                *to = last;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::date::DateOrder;
    use super::*;

    fn closed(values: &[f64], dates: &[&str], fill: Option<Fill>) -> (Vec<f64>, Vec<String>, Gaps) {
        let mut table = Table { values: values.to_vec(), width: 1 };
        let mut dates: Vec<Date> =
            dates.iter().map(|text| Date::parse(text, DateOrder::Dmy).unwrap()).collect();
        let gaps = close(&mut table, &mut dates, fill);
        (table.values, dates.iter().map(Date::to_string).collect(), gaps)
    }

    #[test]
    fn gaps_are_closed_as_set_and_counted() {
        const NAN: f64 = f64::NAN;
        let dates = ["1", "2", "3", "4", "5", "6"];
        let series = [NAN, 1.0, NAN, NAN, 4.0, NAN];
        let (linear, left, gaps) = closed(&series, &dates, Some(Fill::Linear));
        assert_eq!(
            (linear, left),
            (vec![1.0, 2.0, 3.0, 4.0], ["2", "3", "4", "5"].map(String::from).to_vec())
        );
        assert_eq!(gaps, Gaps { count: 1, rows: 2, longest: Some((2, "5".into())), ends: (1, 1) });
        let (previous, left, gaps) = closed(&series, &dates, Some(Fill::Previous));
        assert_eq!((previous, left.len(), gaps.count), (vec![1.0, 1.0, 1.0, 4.0, 4.0], 5, 2));
        let (dropped, left, _) = closed(&series, &dates, Some(Fill::Drop));
        assert_eq!((dropped, left), (vec![1.0, 4.0], vec!["2".into(), "5".into()]));
        let (open, ..) = closed(&series, &dates, None);
        assert!(open[0] == 1.0 && open[1].is_nan() && open[2].is_nan() && open[3] == 4.0);
        assert_eq!(
            gaps.words(Some(Fill::Previous)).as_deref(),
            Some(
                "2 gaps, 3 rows in all, the longest of 2 before 5: filled by the value before (fill: previous); \
                 1 row without all values at the start left out"
            )
        );
    }

    #[test]
    fn missing_dates_of_a_regular_series_are_rows() {
        let mut days: Vec<String> = (1..=31).map(|day| format!("2001-01-{day:02}")).collect();
        days.remove(10);
        let dates: Vec<&str> = days.iter().map(String::as_str).collect();
        let values: Vec<f64> = (0..30).map(f64::from).collect();
        let (filled, left, gaps) = closed(&values, &dates, Some(Fill::Linear));
        assert_eq!((filled.len(), filled[10], left[10].as_str()), (31, 9.5, "2001-01-11"));
        assert_eq!(gaps.longest, Some((1, "2001-01-12".into())));
        assert_eq!(closed(&values, &dates, Some(Fill::Drop)).0, values);
    }
}

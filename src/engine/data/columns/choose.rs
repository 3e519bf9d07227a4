//! Which columns hold text and label.

use std::fmt;

use crate::data::columns::{
    ColumnStatistics, DATE_NAMES, FirstRows, Kind, LABEL_NAMES, MOST_CLASSES, TEXT_NAMES, known_index,
};
use crate::data::error::listed;
use crate::sort::SmallSort as _;

/// The columns of text and label, by their indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The column of the text.
    pub text: usize,
    /// The columns of the labels.
    pub labels: Labels,
}

/// The columns with the labels, by their indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// One column.
    Column(usize),
    /// A column of 0 and 1 per label.
    Indicators(Vec<usize>),
}

/// Why text or label cannot be chosen, with the names of the columns in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnChoiceError {
    /// None of these columns looks like text.
    NoText(Vec<String>),
    /// Several look like text.
    Texts(Vec<String>),
    /// None of these columns, all but the text, looks like a label.
    NoLabel(Vec<String>),
    /// Several look like a label.
    Labels(Vec<String>),
}

impl Choice {
    /// The columns of text and label, where one column has the labels.
    pub fn text_and_label(&self) -> Option<(usize, usize)> {
        match self.labels {
            Labels::Column(label) => Some((self.text, label)),
            Labels::Indicators(_) => None,
        }
    }
}

impl ColumnChoiceError {
    /// The setting that resolves it.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::NoText(_) | Self::Texts(_) => "text",
            Self::NoLabel(_) | Self::Labels(_) => "label",
        }
    }

    /// Whether several columns are possible.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Texts(_) | Self::Labels(_))
    }

    /// What is in doubt, after a list of all columns: `none looks like text`.
    pub fn brief(&self) -> String {
        match self {
            Self::NoText(_) => "none looks like text".into(),
            Self::Texts(texts) => format!("{} look like texts", names(texts)),
            Self::NoLabel(_) => "none looks like a label, a few values that recur".into(),
            Self::Labels(labels) => format!("{} look like labels", names(labels)),
        }
    }
}

impl fmt::Display for ColumnChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoText(all) => write!(f, "of the columns {} none looks like text", names(all)),
            Self::Texts(texts) => write!(f, "the columns {} look like texts", names(texts)),
            Self::NoLabel(others) if others.is_empty() => {
                f.write_str("no column looks like a label, a few values that recur; there is no other column")
            }
            Self::NoLabel(others) => write!(
                f,
                "no column looks like a label, a few values that recur; the other columns are {}",
                names(others)
            ),
            Self::Labels(labels) => write!(f, "the columns {} look like labels", names(labels)),
        }
    }
}

fn looks_like_label(column: &ColumnStatistics) -> bool {
    column.may_be_label() || column.multi_label.is_some()
}

fn names(names: &[String]) -> String {
    listed(names.iter().map(String::as_str))
}

impl FirstRows {
    /// Chooses the columns of text and label: those that are set, else by usual names that fit the content, else by
    /// content.
    ///
    /// # Errors
    /// With the doubt where no column, or more than one, is possible.
    pub fn choose(&self, text: Option<usize>, label: Option<usize>) -> Result<Choice, ColumnChoiceError> {
        // Usual names of both are a choice of whoever made the table, whatever the number of classes.
        let named = (text.or_else(|| self.known(TEXT_NAMES)), label.or_else(|| self.known(LABEL_NAMES)));
        if let (Some(text), Some(label)) = named
            && text != label
        {
            return Ok(Choice { text, labels: Labels::Column(label) });
        }
        let is_label = |column: &ColumnStatistics| {
            looks_like_label(column) || column.distinct <= MOST_CLASSES && column.kind != Kind::Nested
        };
        let holds =
            |at: usize, right: &dyn Fn(&ColumnStatistics) -> bool| self.columns.get(at).is_some_and(right);
        let usual_text = self.known(TEXT_NAMES).filter(|at| Some(*at) != label);
        let usual_text = usual_text.filter(|at| holds(*at, &|column| column.kind == Kind::Words));
        let usual_label = self.known(LABEL_NAMES).filter(|at| Some(*at) != text && holds(*at, &is_label));
        // One usual name alone, above a column with other content, may be chance.
        let recurs = |column: &ColumnStatistics| column.distinct * 10 <= column.filled * 9;
        let sure_text = usual_text.filter(|at| holds(*at, &ColumnStatistics::may_be_text));
        let sure_label =
            usual_label.filter(|at| holds(*at, &|column| looks_like_label(column) || recurs(column)));
        let label = label.or(sure_label);
        let text = match text.or(sure_text) {
            Some(text) => text,
            None => self.text_by_content(label).or_else(|doubt| usual_text.ok_or(doubt))?,
        };
        let labels = match label.filter(|label| *label != text) {
            Some(label) => Labels::Column(label),
            None => {
                let usual = || usual_label.filter(|label| *label != text).map(Labels::Column);
                self.labels_by_content(text).or_else(|doubt| usual().ok_or(doubt))?
            }
        };
        Ok(Choice { text, labels })
    }

    /// The names of the columns of 0 and 1 among those that look like labels.
    pub fn indicators(&self, doubt: &ColumnChoiceError) -> Vec<String> {
        let ColumnChoiceError::Labels(labels) = doubt else { return Vec::new() };
        let is_indicator = |column: &&ColumnStatistics| column.indicator == Some([true; 2]);
        let names = self.columns.iter().filter(is_indicator).map(|column| column.name.clone());
        names.filter(|name| labels.contains(name)).collect()
    }

    /// Chooses columns that may be wrong, where [`Self::choose`] is in doubt: by the usual names of both; or, of two columns, the one with
    /// fewer values for the label.
    pub fn guess(&self, text: Option<usize>, label: Option<usize>) -> Option<(usize, usize)> {
        let (known_text, known_label) = self.known(TEXT_NAMES).zip(self.known(LABEL_NAMES)).unzip();
        match (text.or(known_text), label.or(known_label)) {
            (Some(text), Some(label)) => Some((text, label)),
            _ if self.columns.len() != 2 => None,
            (Some(text), None) => Some((text, 1 - text.min(1))),
            (None, Some(label)) => Some((1 - label.min(1), label)),
            (None, None) => {
                let values = |at: usize| {
                    let column = self.columns.get(at);
                    column.map_or(0, |column| column.distinct + usize::from(column.filled < self.rows))
                };
                let label = usize::from(values(1) <= values(0));
                Some((1 - label, label))
            }
        }
    }

    /// The index of the column in the header that has one of these names, unless two have it.
    fn known(&self, names: &[&str]) -> Option<usize> {
        let first = self.first_row();
        let known = known_index(&first, names).filter(|_| self.header)?;
        let name = first.get(known)?;
        (first.iter().filter(|other| other == &name).count() == 1).then_some(known)
    }

    /// The indices of the columns but `taken` that are `right`.
    fn columns_that(&self, right: impl Fn(&ColumnStatistics) -> bool, taken: Option<usize>) -> Vec<usize> {
        let all = self.columns.iter().zip(0..);
        all.filter(|(column, at)| Some(*at) != taken && right(column)).map(|(_, at)| at).collect()
    }

    fn names_of(&self, columns: &[usize]) -> Vec<String> {
        columns.iter().filter_map(|at| Some(self.columns.get(*at)?.name.clone())).collect()
    }

    fn text_by_content(&self, label: Option<usize>) -> Result<usize, ColumnChoiceError> {
        // A text is missing in some of the rows at most.
        let is_date = |name: &str| {
            self.header && DATE_NAMES.iter().any(|known| name.trim().eq_ignore_ascii_case(known))
        };
        let is_text = |column: &ColumnStatistics| {
            column.may_be_text() && column.filled * 4 >= self.rows && !is_date(&column.name)
        };
        let mut texts = self.columns_that(is_text, label);
        if let (true, Some(label)) = (texts.is_empty() && self.columns.len() == 2, label) {
            texts = vec![1 - label.min(1)];
        }
        let of = |at: &usize, value: fn(&ColumnStatistics) -> f64| self.columns.get(*at).map_or(0.0, value);
        // Sentences go before single words, such as names and keys.
        let is_sentence = |at: &usize| of(at, |column| column.words) >= 2.5;
        if texts.iter().any(is_sentence) {
            texts.retain(is_sentence);
        }
        let size = |at: &usize| of(at, |column| column.characters);
        texts.small_sort_by(|a, b| size(b).total_cmp(&size(a)));
        match texts.as_slice() {
            [] => Err(ColumnChoiceError::NoText(self.names_of(&self.columns_that(|_| true, None)))),
            [first, second, ..] if size(second) * 2.0 > size(first) => {
                Err(ColumnChoiceError::Texts(self.names_of(&texts)))
            }
            [first, ..] => Ok(*first),
        }
    }

    fn labels_by_content(&self, text: usize) -> Result<Labels, ColumnChoiceError> {
        let labels = self.columns_that(looks_like_label, Some(text));
        // One of several labels may be so rare that none of the first rows has it.
        let indicators = self.columns_that(|column| column.indicator.is_some_and(|[no, _]| no), Some(text));
        let has_both = |at: &&usize| self.columns.get(**at).is_some_and(|c| c.indicator == Some([true; 2]));
        let are_indicators = || {
            labels.iter().all(|at| indicators.contains(at)) && indicators.iter().filter(has_both).count() > 1
        };
        match labels.as_slice() {
            [label] => Ok(Labels::Column(*label)),
            _ if are_indicators() => Ok(Labels::Indicators(indicators)),
            [] => Err(ColumnChoiceError::NoLabel(self.names_of(&self.columns_that(|_| true, Some(text))))),
            _ => Err(ColumnChoiceError::Labels(self.names_of(&labels))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::columns::ColumnSettings;

    fn chosen(header: [&str; 3], row: impl Fn(usize) -> [String; 3], rows: usize) -> Option<(usize, usize)> {
        let first = header.map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = [first].into_iter().chain((0..rows).map(|n| row(n).to_vec())).collect();
        let rows =
            FirstRows::of_table(&rows, &ColumnSettings { header: Some(true), ..ColumnSettings::default() });
        rows.unwrap().choose(None, None).ok().and_then(|choice| choice.text_and_label())
    }

    fn text(n: usize) -> String {
        format!("this is the long text of row {n}")
    }

    #[test]
    fn usual_names_of_both_win_whatever_the_number_of_classes() {
        let row = |n| [text(n), format!("intent {}", n % 300), ["train", "test"][n % 2].to_owned()];
        assert_eq!(chosen(["text", "label", "split"], row, 400), Some((0, 1)));
    }

    #[test]
    fn a_usual_name_of_a_label_wins_over_a_column_that_looks_more_like_one() {
        let row = |n| [text(n), format!("kind {}", n % 25), ["en", "de"][n % 2].to_owned()];
        assert_eq!(chosen(["title", "category", "lang"], row, 40), Some((0, 1)));
    }

    #[test]
    fn two_columns_of_the_same_usual_name_are_ambiguous() {
        let row = |n| [text(n), text(n + 1), ["yes", "no"][n % 2].to_owned()];
        assert_eq!(chosen(["text", "text", "label"], row, 40), None);
    }
}

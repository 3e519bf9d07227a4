//! A table in LaTeX, with the rules of booktabs.

use std::fmt::Write;

use crate::runs::Table;

/// Columns that concern the machine and not the result.
const LEFT_OUT: [&str; 4] = ["state", "age", "tags", "time"];

/// Returns `table` as a `tabular`; it needs `\usepackage{booktabs}`.
pub(in crate::cli) fn table(table: &Table) -> String {
    let shown: Vec<_> =
        table.columns.iter().filter(|column| !LEFT_OUT.contains(&column.head.as_str())).collect();
    let kinds: String = shown.iter().map(|column| if column.is_right { 'r' } else { 'l' }).collect();
    let rows = shown.first().map_or(0, |column| column.cells.len());
    let row = |cells: Vec<String>| cells.join(" & ") + r" \\" + "\n";
    let mut out = format!("% needs \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{kinds}}}\n\\toprule\n");
    out += &row(shown.iter().map(|column| escaped(&column.head)).collect());
    out += "\\midrule\n";
    for i in 0..rows {
        let cell = |cells: &[String]| escaped(cells.get(i).map_or("", String::as_str));
        out += &row(shown.iter().map(|column| cell(&column.cells)).collect());
    }
    out + "\\bottomrule\n\\end{tabular}\n"
}

/// `text` without special characters.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '\\' => out += r"\textbackslash{}",
            '~' => out += r"\textasciitilde{}",
            '^' => out += r"\textasciicircum{}",
            '±' => out += r"$\pm$",
            '–' => out += "--",
            '…' => out += r"\ldots{}",
            c if c.is_control() => _ = write!(out, "?"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::Column;

    #[test]
    fn special_characters_are_escaped() {
        let cells = |cell: &str| vec![cell.to_owned()];
        let columns = vec![
            Column::text("name", 0, cells(r"a_b\c{~^")),
            Column::text("state", 0, cells("finished")),
            Column::number("val_loss", 0, cells("50.0 ± 1.0 %")),
        ];
        let expected = concat!(
            "% needs \\usepackage{booktabs}\n\\begin{tabular}{lr}\n\\toprule\n",
            "name & val\\_loss \\\\\n\\midrule\n",
            "a\\_b\\textbackslash{}c\\{\\textasciitilde{}\\textasciicircum{} & 50.0 $\\pm$ 1.0 \\% \\\\\n",
            "\\bottomrule\n\\end{tabular}\n"
        );
        assert_eq!(table(&Table::new(columns)), expected);
    }
}

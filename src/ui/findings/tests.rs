use super::*;
use crate::protocol::{ClassCount, ColumnFound};

/// Of a table of reviews.
pub fn draft() -> Draft {
    let class = |label: &str, count| ClassCount { label: label.into(), count };
    let column = |name: &str, role: &str, why: &str| ColumnFound {
        name: name.into(),
        role: role.into(),
        why: why.into(),
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let findings = Findings {
        test: None,
        path: "data/reviews\x1b.csv".into(),
        kind: "a table with a header".into(),
        rows: 2_000,
        unit: "texts".into(),
        more: true,
        facts: vec![pair("between columns", "“,”"), pair("encoding", "UTF-8")],
        columns: vec![
            column("id", "", "numbers from 1 to 2000"),
            column("映画の評", "text", "17 words on average"),
            column("mood", "label", "2 different values"),
        ],
        classes: vec![class("negative", 1_500), class("positive", 500)],
        several: false,
        lengths: Some(Lengths {
            unit: "words".into(),
            least: 1,
            most: 300,
            quantiles: vec![(50, 17), (90, 33), (95, 38), (99, 49)],
            bins: vec![
                (0, 9, 300),
                (10, 19, 1_000),
                (20, 29, 500),
                (30, 39, 190),
                (40, 49, 0),
                (50, 300, 10),
            ],
        }),
        vocabulary: Some(Coverage {
            once: 0,
            unit: "words".into(),
            distinct: 4_321,
            running: 34_000,
            shares: vec![(1_000, 0.705), (2_000, 0.85)],
        }),
        notes: vec!["12 texts appear more than once, 3 of them with another label".into()],
        suggested: vec![
            pair("tokens", "words, length 35"),
            pair("network", "Embedding 64 → GRU 64 → Dense 1"),
        ],
    };
    Draft { findings, name: "reviews".into(), preset: Ok("title: x\n".into()) }
}

fn printed(detail: Detail, width: usize, glyphs: Glyphs) -> String {
    as_text(lines(&draft(), detail, width, &plain_theme(glyphs)), width, glyphs)
}

#[test]
fn all_that_was_found_in_80_columns() {
    insta::assert_snapshot!(printed(Detail::Full, 80, Glyphs::Braille));
}

#[test]
fn in_short_and_in_ascii() {
    let short = printed(Detail::Short, 60, Glyphs::Ascii);
    assert!(short.is_ascii(), "{short}");
    insta::assert_snapshot!(short);
}

#[test]
fn no_width_is_too_small_and_no_line_too_wide() {
    let mut draft = draft();
    draft.preset = Err("the columns \"a\", \"b\" look like labels: --label COLUMN selects one".into());
    for width in 1..100 {
        for line in lines(&draft, Detail::Full, width, &plain_theme(Glyphs::Blocks)) {
            assert!(line.width() <= width.max(30), "{width}: {line}");
        }
    }
    let told = as_text(lines(&draft, Detail::Full, 80, &plain_theme(Glyphs::Blocks)), 80, Glyphs::Blocks);
    assert!(
        told.contains("No preset drafted") && told.contains("look like labels") && !told.contains('\x1b'),
        "{told}"
    );
    assert_eq!(
        lines(
            &Draft { findings: Findings::default(), name: String::new(), preset: Ok(String::new()) },
            Detail::Full,
            40,
            &plain_theme(Glyphs::Ascii)
        )
        .len(),
        4
    );
}

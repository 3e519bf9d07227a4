//! Tables as people bring them: dates, numbers, gaps, labels and quotes of many kinds, looked at and trained on.

use std::fmt::Write;

use super::*;

/// A folder with `files`.
fn files(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn info(at: &Path, args: &[&str]) -> String {
    let (out, _) = ends(unrolled(at, &[&["data", "info"], args].concat()), 0);
    // Lines are wrapped.
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What `predict` prints after training on the preset that `new` writes for `file`.
fn forecast(at: &Path, file: &str, options: &[&str]) -> String {
    ends(unrolled(at, &[&["new", file, "--out", "a.yaml", "--force"], options].concat()), 0);
    let run = format!("runs/{file}");
    let _ = fs::remove_dir_all(at.join(&run));
    ends(train(at, "a.yaml", &run, &["train.epochs=1"]), 0);
    ends(unrolled(at, &["predict", &run]), 0).0
}

/// Rows of a date and a value.
fn rows(dates: impl Iterator<Item = String>) -> String {
    dates.enumerate().fold(String::new(), |mut text, (n, date)| {
        writeln!(text, "{date},{}", 20 + n * 7 % 11).unwrap();
        text
    })
}

#[test]
fn dates_of_every_kind_are_continued() {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = |n: usize| (1991 + n / 12, n % 12);
    let quarter = |n: usize| (1990 + n / 4, n % 4 + 1);
    for (name, header, dates, next) in [
        (
            "compact.csv",
            "date,x\n",
            (4..=31).map(|day| format!("200101{day:02}")).collect::<Vec<_>>(),
            "20010201",
        ),
        (
            "named.csv",
            "Month,x\n",
            (0..28).map(|n| format!("{} {}", month(n).0, MONTHS[month(n).1])).collect(),
            "1993-05",
        ),
        (
            "american.csv",
            "DATE,x\n",
            (0..28).map(|n| format!("{}-1-{}", MONTHS[month(n).1], month(n).0)).collect(),
            "1993-05-01",
        ),
        (
            "quarters.csv",
            "t,x\n",
            (0..28).map(|n| format!("{}Q{}", quarter(n).0, quarter(n).1)).collect(),
            "1997-Q1",
        ),
        (
            "two.csv",
            "year,quarter,x\n",
            (0..28).map(|n| format!("{},{}", quarter(n).0, quarter(n).1)).collect(),
            "1997-Q1",
        ),
        (
            "four.csv",
            "year,month,day,hour,x\n",
            (0..28).map(|n| format!("2010,1,{},{}", 1 + n / 24, n % 24)).collect(),
            "2010-01-02 04",
        ),
        (
            "offset.csv",
            "t,x\n",
            (1..=28).map(|day| format!("2021-01-{day:02} 00:00:00+02:00")).collect(),
            "2021-01-29 00:00:00+02:00",
        ),
        ("weeks.csv", "week,x\n", (26..=53).map(|week| format!("2020-W{week:02}")).collect(), "2021-W01"),
        (
            "nameless.csv",
            ",x\n",
            (0..28).map(|n| format!("{}-{:02}-01", month(n).0, month(n).1 + 1)).collect(),
            "1993-05-01",
        ),
    ] {
        let folder = files(&[(name, header.to_owned() + &rows(dates.into_iter()))]);
        let out = forecast(folder.path(), name, &[]);
        assert!(out.lines().last().unwrap().starts_with(next), "{name}: {out}");
    }
}

#[test]
fn columns_of_the_date_and_of_values_are_selected_by_number_and_by_name() {
    let dates = (1..=28).map(|day| format!("2010,2,{day}"));
    let folder = files(&[("a.csv", "a,b,c,x\n".to_owned() + &rows(dates))]);
    for (date, values) in [("1,2,3", "4"), ("a,b,c", "x"), ("column 1,column 2,column 3", "column 4")] {
        let out =
            forecast(folder.path(), "a.csv", &["--task", "forecast", "--date", date, "--values", values]);
        assert!(out.lines().last().unwrap().starts_with("2010-03-01"), "{date}: {out}");
    }
}

#[test]
fn looking_and_training_read_the_same_numbers() {
    let thousands = |n: usize| if n < 1000 { n.to_string() } else { format!("{}.{:03}", n / 1000, n % 1000) };
    let mut one = "Datum;Absatz\n".to_owned();
    let mut two = "Datum;Faelle;Quote\n".to_owned();
    for day in 1..=28 {
        writeln!(one, "{day:02}.01.2021;{}", thousands(985 + day)).unwrap();
        writeln!(two, "{day:02}.01.2021;{};{},4", thousands(985 + 3 * day), 19 + day).unwrap();
    }
    let many: String = (0..2000).map(|n| format!("{n},{n}\n")).collect();
    let folder = files(&[("one.csv", one), ("two.csv", two), ("many.csv", "day,load\n".to_owned() + &many)]);
    let at = folder.path();
    for (file, range, rows) in [
        ("one.csv", "numbers from 986 to 1013", "28 rows"),
        ("two.csv", "numbers from 988 to 1069", "28 rows"),
        ("many.csv", "numbers from 0 to 1999", "2,000 rows"),
    ] {
        let out = info(at, &[file]);
        assert!(out.contains(range) && out.contains(rows), "{file}: {out}");
    }
    // As forecast: a neighbour of the last, not a thousandth.
    let out = forecast(at, "one.csv", &[]);
    let value: f64 =
        out.lines().last().unwrap().split_whitespace().last().unwrap().replace(',', "").parse().unwrap();
    assert!((900.0..1100.0).contains(&value), "{out}");
}

#[test]
fn gaps_are_said_and_filled_if_that_is_set() {
    let dates =
        (1..=60).filter(|day| *day != 33).map(|n| format!("2001-{:02}-{:02}", 1 + n / 28, 1 + n % 28));
    let text = rows(dates)
        .replace("2001-01-13,", "2001-01-13,NA#")
        .lines()
        .fold(String::new(), |all, line| all + line.split('#').next().unwrap() + "\n");
    let folder = files(&[("a.csv", "day,x\n".to_owned() + &text)]);
    let at = folder.path();
    let out = info(at, &["a.csv"]);
    assert!(out.contains("no window spans one"), "{out}");
    let out = info(at, &["a.csv", "--fill", "linear"]);
    assert!(out.contains("filled by straight lines"), "{out}");
    ends(unrolled(at, &["new", "a.csv", "--fill", "previous", "--out", "a.yaml"]), 0);
    let preset = fs::read_to_string(at.join("a.yaml")).unwrap();
    assert!(preset.contains("fill: previous"), "{preset}");
    let (out, _) = ends(train(at, "a.yaml", "runs/a", &["train.epochs=1"]), 0);
    assert!(out.contains("filled by the value before"), "{out}");
}

#[test]
fn labels_of_every_kind_are_found() {
    let words = ["soup", "bread", "tea", "door", "shop", "town"];
    let text = |n: usize| format!("the {} number {n} was {}", words[n % 6], words[n / 6 % 6]);
    let sorted: String = (0..1200).map(|n| format!("{}\tthe {}\n", n / 600, text(n))).collect();
    let lists = |list: &dyn Fn(&[&str]) -> String| {
        let row = |n: usize| {
            format!(
                "\"{}\",\"{}\"\n",
                text(n),
                list([&["joy"][..], &[], &["joy", "anger"], &["fear"]][n % 4])
            )
        };
        "text,labels\n".to_owned() + &(0..28).map(row).collect::<String>()
    };
    let quoted = |labels: &[&str]| labels.iter().map(|label| format!("'{label}'")).collect::<Vec<_>>();
    let columns: String = (0..28)
        .map(|n| {
            format!("{},{},{},{},{}\n", text(n), ["news", "mail", "blog"][n % 3], n % 2, n / 2 % 2, n / 4 % 2)
        })
        .collect();
    let escaped: String = (0..20)
        .map(|n| {
            format!("\"He said \\\"{}, sure\\\" {n}\",{}\n", ["no", "yes"][n % 2], ["neg", "pos"][n % 2])
        })
        .collect();
    let backslash: String =
        (0..20).map(|n| format!("{},\"in C:\\{}\\\"\n", ["neg", "pos"][n % 2], text(n))).collect();
    let folder = files(&[
        ("backslash.csv", "label,text\n".to_owned() + &backslash),
        ("sorted.tsv", sorted),
        ("python.csv", lists(&|labels| format!("[{}]", quoted(labels).join(", ")))),
        ("numpy.csv", lists(&|labels| format!("[{}]", quoted(labels).join(" ")))),
        ("columns.csv", "text,source,joy,anger,fear\n".to_owned() + &columns),
        ("escaped.csv", "text,label\n".to_owned() + &escaped),
        (
            "int.csv",
            "text,label\n".to_owned()
                + &(0..40).map(|n| format!("{},{}\n", text(n), n % 2)).collect::<String>(),
        ),
        (
            "float.csv",
            "text,label\n".to_owned()
                + &(0..12).map(|n| format!("{},{}.0\n", text(n), n % 2)).collect::<String>(),
        ),
    ]);
    let at = folder.path();
    let sorted = info(at, &["sorted.tsv"]);
    assert!(sorted.contains("Classes (2)") && sorted.contains("1,200 texts"), "{sorted}");
    for file in ["python.csv", "numpy.csv"] {
        let out = info(at, &[file]);
        assert!(out.contains("(multi-label) (3)") && out.contains("lists, several at once"), "{file}: {out}");
    }
    let out = info(at, &["columns.csv"]);
    assert!(out.contains("--label joy,anger,fear"), "{out}");
    for label in ["joy,anger,fear", "3,4,5"] {
        let (out, _) = ends(unrolled(at, &["new", "columns.csv", "--label", label, "--out", "-"]), 0);
        assert!(out.contains("label_columns: [joy, anger, fear]"), "{out}");
    }
    let (_, error) = ends(unrolled(at, &["new", "columns.csv", "--label", "joy,source", "--out", "-"]), 2);
    assert!(error.contains("other values than 0 and 1 in the column \"source\""), "{error}");
    for file in ["escaped.csv", "backslash.csv"] {
        let out = info(at, &[file]);
        assert!(out.contains("20 texts") && out.contains("Classes (2)"), "{file}: {out}");
    }
    ends(unrolled(at, &["new", "int.csv", "--out", "int.yaml"]), 0);
    ends(train(at, "int.yaml", "runs/int", &["train.epochs=1"]), 0);
    let (out, _) = ends(unrolled(at, &["evaluate", "int", "--data", "float.csv"]), 0);
    assert!(out.contains("float.csv: 12 texts"), "{out}");
}

/// What is found in a long table does not depend on what recurs in it every few rows.
#[test]
fn long_tables_are_read_as_short_ones() {
    let words = ["plain", "warm", "sharp", "slow", "kind"];
    let review = |n: usize| format!("a {} film, the {}th of {}", words[n % 5], n, words[n / 5 % 5]);
    let alternating: String =
        (0..3000).map(|n| format!("{},{}\n", review(n).replace(',', ""), n % 2)).collect();
    let days = |n: usize| format!("{}-{:02}-{:02}", 2000 + n / 336, n / 28 % 12 + 1, n % 28 + 1);
    let counted: String = (0..3000).map(|n| format!("{n},{},{}\n", days(n), n * 7 % 11)).collect();
    let hourly: String =
        (0..6000).map(|n| format!("{},{},{}\n", days(n / 24), n % 24, 20 + n * 7 % 11)).collect();
    let folder = files(&[
        ("labels.csv", format!("review,col\n{alternating}")),
        ("counted.csv", format!(",date,load\n{counted}")),
        ("hourly.csv", format!("dteday,hr,cnt\n{hourly}")),
    ]);
    let at = folder.path();
    let found = info(at, &["labels.csv"]);
    assert!(found.contains("Classes (2) 0 1,500 50.0 %"), "{found}");
    let found = info(at, &["counted.csv"]);
    assert!(found.contains("load values") && !found.contains("column 1 values"), "{found}");
    let found = info(at, &["hourly.csv"]);
    assert!(
        found.contains("a series") && found.contains("every hour") && !found.contains("a second time"),
        "{found}"
    );
}

//! Small files under the names that the pages use.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const CLASSIFIER: &str = "title: Mine
data: {source: labelled, path: reviews.csv, validation: 0.2}
tokens: {vocabulary: 50, length: 6}
model:
  - {layer: Embedding, output_dim: 8}
  - {layer: GlobalAveragePooling1D}
  - {layer: Dense, units: 1, activation: sigmoid}
train: {loss: binary_crossentropy, optimizer: {name: Adam, learning_rate: 0.1}, batch_size: 16, epochs: 2}
";

const SEQUENCES: &str = "title: Mine
data: {source: sequences, path: x.tsv, length: 20, features: 1}
model: [{layer: GRU, units: 2}, {layer: Dense, units: 1, activation: sigmoid}]
train: {loss: binary_crossentropy, batch_size: 8, epochs: 2}
";

/// Writes the files that the commands of `page` read; returns the commands to run before them.
pub(crate) fn make(at: &Path, page: &str) -> &'static [&'static str] {
    let write = |name: &str, text: &str| {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let remarks = |count: usize| -> Vec<(String, &str)> {
        let remark = |n: usize| {
            let (word, label) = if n.is_multiple_of(2) { ("good", "yes") } else { ("bad", "no") };
            (format!("it was {word} {word} number {n}"), label)
        };
        (0..count).map(remark).collect()
    };
    let csv = |count| -> String {
        let row = |(text, label): &(String, &str)| format!("{text},{label}\n");
        format!("text,label\n{}", remarks(count).iter().map(row).collect::<String>())
    };
    match page {
        "README" | "data" => {
            write("reviews.csv", &csv(120));
            let line =
                |(text, label): &(String, &str)| format!("{{\"text\":\"{text}\",\"label\":\"{label}\"}}\n");
            write("reviews.jsonl", &remarks(60).iter().map(line).collect::<String>());
            write(
                "sentences.txt",
                &remarks(60).iter().map(|(text, _)| format!("{text}\n")).collect::<String>(),
            );
            write(
                "sentences.labels",
                &remarks(60).iter().map(|(_, label)| format!("{label}\n")).collect::<String>(),
            );
            let row = |(text, label): &(String, &str)| format!("1,{text},{label}\n");
            write(
                "mine.csv",
                &format!("id,review,verdict\n{}", remarks(60).iter().map(row).collect::<String>()),
            );
            for class in 'a'..='r' {
                let names: String = (0..8).map(|n| format!("{class}{class}ar{n}\n")).collect();
                write(&format!("names/{class}.txt"), &names);
            }
            for (n, (text, label)) in remarks(40).iter().enumerate() {
                let (part, class) =
                    (if n < 30 { "train" } else { "test" }, if *label == "yes" { "pos" } else { "neg" });
                write(&format!("aclImdb/{part}/{class}/{n}_7.txt"), text);
            }
            &[]
        }
        "language" => {
            write("mine.txt", &"To be, or not to be: that is the question.\n".repeat(1_100));
            write("other.txt", &"That is to be, or not to be.\n".repeat(100));
            &[]
        }
        "series" => {
            let mut rows = "Month,sold,price\n".to_owned();
            for month in 0..120_u32 {
                let season = (f64::from(month) / 12.0 * std::f64::consts::TAU).sin();
                let sold = 100.0 + f64::from(month) + 20.0 * season;
                let (year, number) = (2000 + month / 12, month % 12 + 1);
                writeln!(rows, "{year}-{number:02},{sold:.1},{}", 5 + month % 3).unwrap();
            }
            write("sold.csv", &rows);
            write("sold-2025.csv", &rows);
            &["unrolled new sold.csv"]
        }
        "recordings" => {
            write("mine.yaml", SEQUENCES);
            let row = |n: usize| {
                let values: Vec<String> = (0..20).map(|t| format!("{}", (t * (1 + n % 2)) % 5)).collect();
                format!("{}\t{}\n", 1 + n % 2, values.join("\t"))
            };
            for name in ["GunPoint_TRAIN.tsv", "GunPoint_TEST.tsv"] {
                write(name, &(0..24).map(row).collect::<String>());
            }
            for class in ["yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"] {
                for (part, n) in [("train", 1), ("train", 2), ("test", 3)] {
                    let path = at.join(format!("words/{part}/{class}/{n}.wav"));
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, wav(class.len() * n)).unwrap();
                }
            }
            fs::write(at.join("yes.wav"), wav(5)).unwrap();
            &[]
        }
        "tags" => {
            let mut sentences = String::new();
            for n in 0..60 {
                let verb = if n % 2 == 0 { "waits" } else { "reads" };
                let known = [("She", "PRON"), (verb, "VERB"), (".", "PUNCT")];
                // All 17 universal parts of speech.
                let others = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PROPN SCONJ SYM X".split(' ');
                let words = known.into_iter().chain(others.map(|tag| (tag, tag)));
                for (at, (word, tag)) in words.enumerate() {
                    writeln!(sentences, "{}\t{word}\t_\t{tag}\t_\t_\t_\t_\t_\t_", at + 1).unwrap();
                }
                sentences.push('\n');
            }
            for name in ["train.conllu", "other.conllu"] {
                write(name, &sentences);
            }
            write("sentences", "{\"tokens\": [\"She\", \"waits\"]}\n{\"text\": \"She waits.\"}\n");
            &[]
        }
        "streaming" => {
            write("big.csv", &csv(120));
            &[]
        }
        "export" => {
            write("reviews.csv", &csv(120));
            write("mine.yaml", CLASSIFIER);
            &["unrolled train mine.yaml --headless"]
        }
        "sweeps" => {
            write("reviews.csv", &csv(40));
            write("mine.yaml", &CLASSIFIER.replace("GlobalAveragePooling1D", "GRU, units: 4"));
            &[]
        }
        "runs" | "json" => {
            write("reviews.csv", &csv(120));
            write("other.csv", &csv(40));
            write("texts", "it was good\nit was bad\n");
            // A stream needs a state that is carried on.
            write("mine.yaml", &CLASSIFIER.replace("GlobalAveragePooling1D", "GRU, units: 4"));
            &["unrolled train mine.yaml --headless"]
        }
        _ => &[],
    }
}

/// A tone of so many hundred hertz, 0.3 s at 16 kHz.
fn wav(hundred_hertz: usize) -> Vec<u8> {
    let samples = (0..4800).map(|n| {
        let phase = n as f64 / 16_000.0 * 100.0 * hundred_hertz as f64;
        (8_000.0 * (phase * std::f64::consts::TAU).sin()) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    wav.extend([16_000_u32, 32_000].map(u32::to_le_bytes).concat());
    wav.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    wav.extend(b"data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    wav
}

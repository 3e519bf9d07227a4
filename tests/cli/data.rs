//! `unrolled data`: output and exit codes, without network access.

use std::fs;
use std::net::{TcpListener, TcpStream};

use super::*;

/// `data fetch NAME` through a proxy on `port` of this machine.
fn fetch(folder: &Path, port: u16, args: &[&str]) -> Command {
    let mut command = unrolled(folder, &[&["data", "fetch"], args].concat());
    let proxy = format!("http://127.0.0.1:{port}");
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"] {
        command.env(name, &proxy);
    }
    command
}

/// An unused port.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn data_sets_are_listed() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("tinyshakespeare.txt"), "to be").unwrap();
    let (list, _) = ends(unrolled(dir.path(), &["data", "list"]), 0);
    for name in [
        "imdb  ",
        "names  ",
        "glove-6b  ",
        "80.2 MiB",
        "CC BY 4.0",
        "lecture-rnn8",
        "here: tinyshakespeare.txt",
    ] {
        assert!(list.contains(name), "{name}: {list}");
    }
}

#[test]
fn an_unknown_name_is_a_usage_error() {
    let dir = TempDir::new().unwrap();
    let (_, message) = ends(unrolled(dir.path(), &["data", "fetch", "imbd"]), 2);
    assert!(message.contains("imbd: there is no such data set; did you mean imdb?"), "{message}");
}

#[test]
fn without_a_network_there_are_instructions_for_a_manual_download() {
    let dir = TempDir::new().unwrap();
    let (_, message) = ends(fetch(dir.path(), nobody(), &["names", "--into", "my data"]), 1);
    for part in [
        "https://download.pytorch.org/tutorial/data.zip",
        "To download it manually",
        "curl -L -o 'my data/data.zip'",
        "sha256sum 'my data/data.zip'    # fb317e80248faeb62dc25ef3390ae24ca34b94e276bbc5141fd8862c2200bff5",
        "unrolled data fetch names --into 'my data'",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(fs::read_dir(dir.path().join("my data")).unwrap().count(), 0);
}

#[test]
fn existing_files_are_not_downloaded_again() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("names")).unwrap();
    let (message, _) = ends(fetch(dir.path(), nobody(), &["names"]), 0);
    assert_eq!(message, "names already exists\nNext:\n  unrolled train names-gru --data names\n");
}

#[test]
fn a_signal_ends_a_download_from_a_silent_server() {
    let dir = TempDir::new().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let child = fetch(dir.path(), port, &["shakespeare"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = Running::of(child);
    let _connection = connection(&silent);
    running.signal(Signal::INT);
    let mut message = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    assert_eq!(running.code(), Some(130), "{message}");
    assert!(message.contains("interrupted"), "{message}");
}

/// The next connection, waited for with a limit.
fn connection(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let deadline = Instant::now() + LONG;
    loop {
        match listener.accept() {
            Ok((connection, _)) => return connection,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}"),
        }
        assert!(Instant::now() < deadline, "nobody connects");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A small sample of each data set, where `data fetch` writes it.
fn stand_ins(folder: &Path) {
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for n in 0..12 {
        for (class, word) in [("pos", "good"), ("neg", "bad")] {
            for part in ["train", "test"] {
                put(&format!("aclImdb/{part}/{class}/{n}.txt"), &format!("it was a {word} film {part} {n}"));
            }
        }
    }
    let lines = |of: &dyn Fn(usize) -> String| (0..40).map(|n| of(n) + "\n").collect::<String>();
    for (class, word) in [("pos", "good"), ("neg", "na\u{ef}ve")] {
        put(&format!("rt-polaritydata/rt-polarity.{class}"), &lines(&|n| format!("a {word} film {n}")));
    }
    for n in 0..18 {
        put(&format!("names/Language{n}.txt"), &lines(&|i| format!("Name{n}x{i}")));
    }
    put(
        "tinyshakespeare.txt",
        &lines(&|n| format!("ROMEO: It is the {n}. hour, and what a long one; to be or not to be!"))
            .repeat(40),
    );
    for part in ["train", "test"] {
        let row = |n: usize| format!("\"{}\",\"A title\",\"The news, {part} {n}\"", n % 4 + 1);
        put(&format!("ag_news/{part}.csv"), &lines(&row));
    }
    for part in ["train", "dev"] {
        let row = |n: usize| format!("a phrase {part} {n} \t{}", n % 2);
        put(&format!("SST-2/{part}.tsv"), &("sentence\tlabel\n".to_owned() + &lines(&row)));
    }
    for (name, width) in
        [("glove.6B.50d.txt", 50), ("glove.6B.100d.txt", 100), ("glove.6B/glove.6B.300d.txt", 300)]
    {
        put(name, &["film", "good", "bad"].map(|word| format!("{word}{}\n", " 0.5".repeat(width))).concat());
    }
    for word in ["no", "yes"] {
        for n in 0..6 {
            let path = folder.join(format!("speech_commands/{word}/{n}.wav"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let spec = hound::WavSpec {
                channels: 1,
                sample_rate: 16_000,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            let mut wav = hound::WavWriter::create(path, spec).unwrap();
            (0..16_000).for_each(|i| wav.write_sample((i * (n + 7) % 900) as i16).unwrap());
            wav.finalize().unwrap();
        }
    }
}

#[test]
fn suggested_commands_and_the_presets_of_the_menu_work() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    stand_ins(at);
    let short = |command: &mut Command, preset: &str| {
        command.args(["--headless", "--set", "train.epochs=1"]);
        if preset == "shakespeare-lstm" {
            command.args(sets(&["watch.sample=null", "model.1.units=4", "model.3.units=4"]));
        }
    };
    for dataset in unrolled::fetch::catalog::DATASETS {
        assert!(!dataset.next.is_empty(), "{} says nothing to go on with", dataset.name);
        for command in dataset.next {
            let words: Vec<String> = command.split(' ').map(|word| word.replacen('@', "", 1)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut command = unrolled(at, &words[1..]);
            if words[1] == "train" {
                short(&mut command, words[2]);
            }
            ends(command, 0);
        }
        // The presets of the menu without further settings.
        for preset in dataset.presets {
            let mut command = unrolled(at, &["train", preset]);
            short(&mut command, preset);
            ends(command, 0);
        }
    }
}

//! `unrolled data`: what it says and how it ends. Nothing here leaves this machine.

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

/// A port on which nobody listens.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn what_can_be_fetched_is_listed() {
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
fn a_name_that_there_is_not_is_a_mistake_of_the_arguments() {
    let dir = TempDir::new().unwrap();
    let (_, told) = ends(unrolled(dir.path(), &["data", "fetch", "imbd"]), 2);
    assert!(told.contains("imbd: there is no such data set; did you mean imdb?"), "{told}");
}

#[test]
fn without_a_network_it_says_what_to_do_by_hand() {
    let dir = TempDir::new().unwrap();
    let (_, told) = ends(fetch(dir.path(), nobody(), &["names", "--into", "my data"]), 1);
    for part in [
        "https://download.pytorch.org/tutorial/data.zip",
        "By hand",
        "curl -L -o 'my data/data.zip'",
        "sha256sum 'my data/data.zip'    # fb317e80248faeb62dc25ef3390ae24ca34b94e276bbc5141fd8862c2200bff5",
        "unrolled data fetch names --into 'my data'",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(fs::read_dir(dir.path().join("my data")).unwrap().count(), 0);
}

#[test]
fn what_is_here_is_not_fetched_again() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("names")).unwrap();
    let (told, _) = ends(fetch(dir.path(), nobody(), &["names"]), 0);
    assert_eq!(told, "names already exists\nNext:\n  unrolled train names-gru --data names\n");
}

#[test]
fn a_signal_ends_it_though_the_server_says_nothing() {
    let dir = TempDir::new().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let child = fetch(dir.path(), port, &["shakespeare"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = Running::of(child);
    let _connection = connection(&silent);
    running.signal(Signal::INT);
    let mut told = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(running.code(), Some(130), "{told}");
    assert!(told.contains("interrupted"), "{told}");
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

/// A little of what each data set has, where `data fetch` puts it.
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
fn what_it_says_to_go_on_with_works_and_so_do_the_presets_of_the_menu() {
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
        // What the menu trains where nothing more is said.
        for preset in dataset.presets {
            let mut command = unrolled(at, &["train", preset]);
            short(&mut command, preset);
            ends(command, 0);
        }
    }
}

//! `unrolled data`: what it says and how it ends. Nothing here leaves this machine.

use std::fs;
use std::net::TcpListener;

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
    assert_eq!(told, "names was here already\nGo on with:\n  unrolled train names-gru --data names\n");
}

#[test]
fn a_signal_ends_it_though_the_server_says_nothing() {
    let dir = TempDir::new().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut child = fetch(dir.path(), port, &["shakespeare"]).stderr(Stdio::piped()).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    assert!(told.contains("interrupted"), "{told}");
}

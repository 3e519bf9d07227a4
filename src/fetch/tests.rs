mod archives;
mod server;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use server::{Answer, Server, cut, ok, ranged, redirect, status};

use super::*;

/// A file on `servers`, of this content.
fn file(servers: &[&Server], content: &[u8], form: Form<'static>) -> File<'static> {
    let sum = ring::digest::digest(&ring::digest::SHA256, content);
    let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let addresses: Vec<&'static str> =
        servers.iter().map(|server| &*format!("http://{}/d/a.bin", server.address).leak()).collect();
    let (target, size) = ("target", Size::Exactly(content.len() as u64));
    File { target, addresses: addresses.leak(), sum: Sum::Sha256(sum.leak()), size, form }
}

fn options<'a>(into: &'a Path, stop: &'a AtomicBool) -> FetchOptions<'a> {
    let pause = Duration::from_millis(1);
    FetchOptions {
        attempts: 3,
        pause,
        timeout: Duration::from_secs(20),
        plain_loopback: true,
        ..FetchOptions::new(into, stop)
    }
}

fn get(file: &File<'_>, into: &Path) -> Result<Fetched, FetchError> {
    fetch(file, &options(into, &AtomicBool::new(false)), &mut |_| {})
}

fn refused(file: &File<'_>, into: &Path) -> String {
    get(file, into).unwrap_err().to_string()
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// More than is read or written at once.
fn content() -> Vec<u8> {
    (0..200_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[test]
fn a_file_comes_as_it_is_and_nothing_stays_beside() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![ok(&content)]);
    let file = file(&[&server], &content, Form::Plain);
    let (into, stop, mut told) = (dir.path().join("new"), AtomicBool::new(false), Vec::new());
    let fetched = fetch(&file, &options(&into, &stop), &mut |progress| told.push(progress)).unwrap();
    assert_eq!(fetched, Fetched::New(into.join("target")));
    assert_eq!(fs::read(into.join("target")).unwrap(), content);
    assert_eq!(names(&into), ["target"]);
    let all = Some(content.len() as u64);
    assert!(told.contains(&Progress::Received { bytes: content.len() as u64, of: all }));
    assert_eq!(told.last(), Some(&Progress::Checking));
    assert_eq!(server.seen()[0].path, "/d/a.bin");
    assert_eq!(server.seen()[0].range, None);
}

#[test]
fn a_file_with_another_checksum_is_not_used_and_both_sums_are_told() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let mut other = content.clone();
    other[77] ^= 1;
    let server = Server::start(vec![ok(&other)]);
    let right = file(&[&server], &content, Form::Plain);
    let told = refused(&right, dir.path());
    let wrong = file(&[], &other, Form::Plain);
    assert!(told.contains(right.sum.hex()) && told.contains(wrong.sum.hex()), "{told}");
    assert!(told.contains("changed on the server or in transit"), "{told}");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_second_address_helps_where_the_first_has_another_file() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let first = Server::start(vec![ok(&vec![0; content.len()])]);
    let second = Server::start(vec![ok(&content)]);
    get(&file(&[&first, &second], &content, Form::Plain), dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), content);
}

#[test]
fn a_cut_connection_is_gone_on_with_where_it_broke() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![cut(&content, 100_001), cut(&content, 300_000), ranged(&content)]);
    get(&file(&[&server], &content, Form::Plain), dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), content);
    assert_eq!(names(dir.path()), ["target"]);
    let seen = server.seen();
    let asked: Vec<_> = seen.iter().map(|seen| seen.range.as_deref()).collect();
    assert_eq!(asked, [None, Some("bytes=100001-"), Some("bytes=300000-")]);
    assert_eq!(seen[1].if_range.as_deref(), Some("\"1\""));
    // No byte came twice.
    assert_eq!(seen.iter().map(|seen| seen.sent).sum::<usize>(), content.len());
}

#[test]
fn what_an_earlier_run_has_left_is_gone_on_with() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server =
        Server::start(vec![cut(&content, 5000), status(503), status(503), status(503), ranged(&content)]);
    let file = file(&[&server], &content, Form::Plain);
    let told = refused(&file, dir.path());
    assert!(told.contains("503 (Service Unavailable)"), "{told}");
    assert_eq!(names(dir.path()), ["target.part", "target.part.version"]);
    assert_eq!(fs::metadata(part(&file, dir.path())).unwrap().len(), 5000);
    get(&file, dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), content);
    assert_eq!(names(dir.path()), ["target"]);
    assert_eq!(server.seen()[4].range.as_deref(), Some("bytes=5000-"));
}

#[test]
fn a_server_that_knows_no_ranges_starts_from_the_start() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![cut(&content, 5000), ok(&content)]);
    get(&file(&[&server], &content, Form::Plain), dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), content);
}

#[test]
fn who_breaks_off_no_later_than_before_is_given_up() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    // Another version each time: nothing can be gone on with.
    let far = |version: &str| cut(&content, 300_000).version(version);
    let near = cut(&content, 5000).version("\"b\"");
    let server = Server::start(vec![far("\"a\""), near, far("\"c\""), ok(&content)]);
    let told = refused(&file(&[&server], &content, Form::Plain), dir.path());
    assert!(told.contains("the connection broke"), "{told}");
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn a_file_that_has_changed_meanwhile_comes_from_the_start() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let older = vec![b'x'; content.len()];
    // A server that tells versions apart, and one that does not and goes on with something else.
    let server = Server::start(vec![cut(&older, 5000), Answer::of(&content).version("\"2\"").by_range()]);
    get(&file(&[&server], &content, Form::Plain), dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), content);

    fs::remove_file(dir.path().join("target")).unwrap();
    let unversioned = |content: &[u8]| Answer::of(content).version("");
    let answers = vec![unversioned(&older).cut(5000), unversioned(&content).by_range(), ok(&content)];
    let server = Server::start(answers);
    get(&file(&[&server], &content, Form::Plain), dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), content);
    let asked: Vec<_> = server.seen().iter().map(|seen| seen.range.clone()).collect();
    assert_eq!(asked, [None, Some("bytes=5000-".to_owned()), None]);
}

#[test]
fn a_whole_part_needs_no_server_and_one_that_is_too_long_is_dropped() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![ok(&content)]);
    let whole = file(&[&server], &content, Form::Plain);
    fs::write(part(&whole, dir.path()), &content).unwrap();
    get(&whole, dir.path()).unwrap();
    assert!(server.seen().is_empty());
    fs::remove_file(dir.path().join("target")).unwrap();
    fs::write(part(&whole, dir.path()), [&content[..], b"x"].concat()).unwrap();
    get(&whole, dir.path()).unwrap();
    assert_eq!(server.seen().len(), 1);

    // Of a length that nobody has published only the server knows that there is no more.
    fs::remove_file(dir.path().join("target")).unwrap();
    let server = Server::start(vec![
        Answer::head("416 Range Not Satisfiable").with(&format!("Content-Range: bytes */{}", content.len())),
    ]);
    let about =
        File { size: Size::About(content.len() as u64 - 9), ..file(&[&server], &content, Form::Plain) };
    fs::write(part(&about, dir.path()), &content).unwrap();
    get(&about, dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), content);
}

#[test]
fn redirects_are_followed_to_safe_places_and_not_for_ever() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let there = Server::start(vec![ok(&content)]);
    let to = format!("http://{}/there", there.address);
    let server = Server::start(vec![redirect(302, "../e?f"), redirect(307, &to)]);
    get(&file(&[&server], &content, Form::Plain), dir.path()).unwrap();
    assert_eq!(there.seen()[0].path, "/there");
    fs::remove_file(dir.path().join("target")).unwrap();

    let round = Server::start((0..20).map(|_| redirect(301, "/d/a.bin")).collect());
    let told = refused(&file(&[&round], &content, Form::Plain), dir.path());
    assert!(told.contains("more than 5 redirects"), "{told}");
    assert_eq!(round.seen().len(), 6);

    for to in [
        "http://example.org/a.bin",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "http://127.0.0.1.example.org/",
    ] {
        let server = Server::start(vec![redirect(302, to), ok(&content)]);
        let told = refused(&file(&[&server], &content, Form::Plain), dir.path());
        assert!(told.contains("which is no"), "{to}: {told}");
        assert_eq!(server.seen().len(), 1, "{to}");
    }
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn without_the_leave_of_a_test_nothing_unencrypted_is_asked_for() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![ok(&content)]);
    let stop = AtomicBool::new(false);
    let strict = FetchOptions { plain_loopback: false, ..options(dir.path(), &stop) };
    let told = fetch(&file(&[&server], &content, Form::Plain), &strict, &mut |_| {}).unwrap_err().to_string();
    assert!(told.contains("not https"), "{told}");
    assert!(server.seen().is_empty());
}

#[test]
fn what_is_not_there_is_asked_for_once_and_what_may_come_back_again() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![status(404), ok(&content)]);
    let told = refused(&file(&[&server], &content, Form::Plain), dir.path());
    assert!(told.contains("404 (Not Found)") && told.contains(&server.address.to_string()), "{told}");
    assert_eq!(server.seen().len(), 1);

    let server = Server::start(vec![status(500), status(429), ok(&content)]);
    get(&file(&[&server], &content, Form::Plain), dir.path()).unwrap();
    fs::remove_file(dir.path().join("target")).unwrap();

    let server = Server::start((0..9).map(|_| status(500)).collect());
    let told = refused(&file(&[&server], &content, Form::Plain), dir.path());
    assert!(told.contains("500"), "{told}");
    assert_eq!(server.seen().len(), 3);
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn nobody_there_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Vec::new());
    server.wait();
    let (file, stop, mut told) = (file(&[&server], b"x", Form::Plain), AtomicBool::new(false), Vec::new());
    let error = fetch(&file, &options(dir.path(), &stop), &mut |progress| told.push(progress)).unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(!told.iter().any(|progress| matches!(progress, Progress::Retrying { .. })), "{told:?}");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn another_length_is_another_file() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let longer = [&content[..], b"more"].concat();
    let server = Server::start(vec![ok(&longer), ok(&content[1..]), Answer::of(&longer).unmeasured()]);
    let file = file(&[&server], &content, Form::Plain);
    for _ in 0..2 {
        let told = refused(&file, dir.path());
        assert!(told.contains(&format!("{} were expected", content.len())), "{told}");
    }
    // A length that the server does not tell before.
    let told = refused(&file, dir.path());
    assert!(told.contains(&format!("it gave more than {} bytes", content.len())), "{told}");
    let server = Server::start(vec![Answer::of(&content).unmeasured()]);
    let about = File { size: Size::About(1000), ..file };
    let unknown = File { addresses: vec![&*format!("http://{}/a", server.address).leak()].leak(), ..about };
    let told = refused(&unknown, dir.path());
    assert!(told.contains("it gave more than 2000 bytes"), "{told}");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn what_stands_at_the_target_stays_unless_it_is_to_be_replaced() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![ok(&content)]);
    let file = file(&[&server], &content, Form::Plain);
    let target = dir.path().join("target");
    fs::write(&target, "mine").unwrap();
    let told = refused(&file, dir.path());
    assert!(told.contains("another file, or changed; --force replaces it"), "{told}");
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    let stop = AtomicBool::new(false);
    let force = FetchOptions { force: true, ..options(dir.path(), &stop) };
    fetch(&file, &force, &mut |_| {}).unwrap();
    assert_eq!(fs::read(&target).unwrap(), content);
    assert_eq!(server.seen().len(), 1);
    // The right one is not fetched again.
    assert_eq!(get(&file, dir.path()).unwrap(), Fetched::Existing(target.clone()));
    fs::remove_file(&target).unwrap();
    fs::create_dir(&target).unwrap();
    assert!(refused(&file, dir.path()).contains("a folder"));
}

#[test]
fn stopped_in_the_middle_it_keeps_what_has_come() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![ok(&content), ranged(&content)]);
    let (file, stop) = (file(&[&server], &content, Form::Plain), AtomicBool::new(false));
    let mut tell = |progress| {
        if matches!(progress, Progress::Received { .. }) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let error = fetch(&file, &options(dir.path(), &stop), &mut tell).unwrap_err();
    assert!(matches!(error, FetchError::Stopped), "{error}");
    let kept = fs::metadata(part(&file, dir.path())).unwrap().len();
    assert!(kept > 0 && kept < content.len() as u64, "{kept}");
    get(&file, dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), content);
    assert_eq!(server.seen()[1].range.as_deref(), Some(&*format!("bytes={kept}-")));
}

#[test]
fn two_do_not_write_one_file_and_a_link_is_not_written_through() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![ok(&content)]);
    let file = file(&[&server], &content, Form::Plain);
    let path = part(&file, dir.path());
    let other = fs::File::create(&path).unwrap();
    other.lock().unwrap();
    assert!(matches!(get(&file, dir.path()).unwrap_err(), FetchError::Busy(busy) if busy == path));
    fs::remove_file(&path).unwrap();
    let precious = dir.path().join("precious");
    fs::write(&precious, "as it was").unwrap();
    std::os::unix::fs::symlink(&precious, &path).unwrap();
    refused(&file, dir.path());
    assert_eq!(fs::read(&precious).unwrap(), b"as it was");
    assert!(server.seen().is_empty());
}

#[test]
fn a_link_in_place_of_the_version_file_is_not_written_through() {
    let (content, dir) = (content(), tempfile::tempdir().unwrap());
    let mine = dir.path().join("mine");
    fs::write(&mine, "mine").unwrap();
    std::os::unix::fs::symlink(&mine, dir.path().join("target.part.version")).unwrap();
    let server = Server::start(vec![ok(&content)]);
    get(&file(&[&server], &content, Form::Plain), dir.path()).unwrap();
    assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
    assert_eq!(names(dir.path()), ["mine", "target"]);
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let content = content();
    for (name, expected) in
        [("target.part", "target.part"), ("target", "target is there already, and is no file")]
    {
        let dir = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo").arg(dir.path().join(name)).status();
        assert!(made.unwrap().success());
        let server = Server::start(Vec::new());
        let message = refused(&file(&[&server], &content, Form::Plain), dir.path());
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_server_that_sends_a_byte_at_a_time_is_given_up() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/d/a.bin", listener.local_addr().unwrap()).leak();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 800000\r\n\r\n");
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let (dir, stop, mut retries) = (tempfile::tempdir().unwrap(), AtomicBool::new(false), 0);
    let server = Server::start(Vec::new());
    let file = File { addresses: vec![&*address].leak(), ..file(&[&server], &content(), Form::Plain) };
    let options =
        FetchOptions { min_speed: 1 << 20, window: Duration::from_millis(100), ..options(dir.path(), &stop) };
    let mut count = |progress| retries += u32::from(matches!(progress, Progress::Retrying { .. }));
    let message = fetch(&file, &options, &mut count).unwrap_err().to_string();
    assert!(message.contains("too slow"), "{message}");
    assert_eq!(retries, 2, "it does not begin anew for every byte");
}

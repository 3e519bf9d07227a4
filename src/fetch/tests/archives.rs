use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const LIMITS: Limits = Limits { entries: 10, bytes: 100_000, file: 50_000 };
const PART: Part<'static> = Part { within: "top/", without: &["train/unsup"], limits: LIMITS };

/// One entry of a tar archive, whatever the name: the library itself would refuse the bad ones.
fn entry(tar: &mut Builder<Vec<u8>>, kind: EntryType, name: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o4777);
    header.set_size(if kind == EntryType::Regular { content.len() as u64 } else { 0 });
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.set_link_name(std::str::from_utf8(content).unwrap()).unwrap();
    }
    header.set_cksum();
    let content = if kind == EntryType::Regular { content } else { b"" };
    tar.append(&header, content).unwrap();
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

fn tar(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    entries.iter().for_each(|(kind, name, content)| entry(&mut tar, *kind, name, content));
    gz(&tar.into_inner().unwrap())
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An archive that lies where it is put by hand: no server is needed.
fn given(archive: &[u8], form: Form<'static>, into: &Path) -> File<'static> {
    let server = Server::start(Vec::new());
    let file = file(&[&server], archive, form);
    fs::write(super::archive(&file, into), archive).unwrap();
    file
}

/// What is said of an archive that is refused; nothing of it stays.
fn refusal(archive: &[u8], form: Form<'static>) -> String {
    let outside = tempfile::tempdir().unwrap();
    let dir = outside.path().join("in/side");
    fs::create_dir_all(&dir).unwrap();
    let file = given(archive, form, &dir);
    let error = get(&file, &dir).unwrap_err();
    assert!(matches!(error, FetchError::Archive { .. }), "{error}");
    assert_eq!(names(&dir), ["a.bin"]);
    assert_eq!(
        (names(outside.path()), names(&outside.path().join("in"))),
        (vec!["in".into()], vec!["side".into()])
    );
    error.to_string()
}

#[test]
fn archives_become_the_folder_that_is_asked_for() {
    let plain = EntryType::Regular;
    let packed = tar(&[
        (EntryType::XGlobalHeader, "pax_global_header", b""),
        (EntryType::Directory, "top/", b""),
        (plain, "top/README", b"read me"),
        (plain, "./top/train/pos/0_9.txt", b"good"),
        (plain, "top/train/unsup/0_0.txt", b"who knows"),
        (plain, "top/train/unsupported.txt", b"kept"),
        (plain, "elsewhere/b", b"not this"),
    ]);
    let zipped = zip(&[
        ("top/README", b"read me"),
        ("top/train/pos/0_9.txt", b"good"),
        ("top/train/unsup/0_0.txt", b"who knows"),
        ("top/train/unsupported.txt", b"kept"),
        ("__MACOSX/top/._README", b"not this"),
    ]);
    for (archive, form) in [(packed, Form::TarGz(PART)), (zipped, Form::Zip(PART))] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(vec![ok(&archive)]);
        let file = file(&[&server], &archive, form);
        let target = dir.path().join("target");
        assert_eq!(get(&file, dir.path()).unwrap(), Fetched::New(target.clone()));
        assert_eq!(names(dir.path()), ["target"]);
        assert_eq!(names(&target), ["README", "train"]);
        assert_eq!(names(&target.join("train")), ["pos", "unsupported.txt"]);
        assert_eq!(fs::read(target.join("train/pos/0_9.txt")).unwrap(), b"good");
        // No mode of the archive's: neither to run nor to write for others.
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(target.join("README")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o7133, 0, "{mode:o}");

        // There already; and replaced as a whole.
        fs::write(target.join("mine"), "").unwrap();
        assert_eq!(get(&file, dir.path()).unwrap(), Fetched::Existing(target.clone()));
        fs::write(super::super::archive(&file, dir.path()), &archive).unwrap();
        let stop = AtomicBool::new(false);
        fetch(&file, &FetchOptions { force: true, ..options(dir.path(), &stop) }, &mut |_| {}).unwrap();
        assert_eq!(names(&target), ["README", "train"]);
        // What was put there by hand is theirs.
        assert_eq!(names(dir.path()), ["a.bin", "target"]);
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn one_file_alone_is_taken_out() {
    let dir = tempfile::tempdir().unwrap();
    let form = Form::Zip(Part { within: "a/vec.txt", ..PART });
    let file = given(&zip(&[("a/other.txt", b"no"), ("a/vec.txt", b"the 0.1")]), form, dir.path());
    assert!(!file.is_folder());
    get(&file, dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), b"the 0.1");
    assert_eq!(get(&file, dir.path()).unwrap(), Fetched::Existing(dir.path().join("target")));
}

#[test]
fn an_archive_put_there_by_hand_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let file = given(&zip(&[("top/a", b"a")]), Form::Zip(PART), dir.path());
    fs::write(dir.path().join("a.bin"), "something else").unwrap();
    let told = refused(&file, dir.path());
    assert!(told.contains("a.bin is not used") && told.contains(file.sum.hex()), "{told}");
    assert_eq!(names(dir.path()), ["a.bin"]);
}

#[test]
fn a_folder_that_had_made_way_is_found_again_and_a_link_is_replaced_when_it_is_to_be() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = tar(&[(EntryType::Regular, "top/a", b"new")]);
    let file = given(&archive, Form::TarGz(PART), dir.path());
    // Killed between two renames, long ago.
    fs::create_dir(dir.path().join(".target.partial.old")).unwrap();
    assert_eq!(get(&file, dir.path()).unwrap(), Fetched::Existing(dir.path().join("target")));
    assert!(!names(dir.path()).iter().any(|name| name.starts_with('.')), "{:?}", names(dir.path()));

    fs::remove_dir(dir.path().join("target")).unwrap();
    fs::write(elsewhere.path().join("a"), "old").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("target")).unwrap();
    assert!(matches!(get(&file, dir.path()).unwrap(), Fetched::Existing(_)));
    let stop = AtomicBool::new(false);
    let forced = FetchOptions { force: true, ..options(dir.path(), &stop) };
    assert!(matches!(fetch(&file, &forced, &mut |_| {}).unwrap(), Fetched::New(_)));
    assert_eq!(fs::read(dir.path().join("target/a")).unwrap(), b"new");
    assert_eq!(fs::read(elsewhere.path().join("a")).unwrap(), b"old");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let first: (&str, &[u8]) = ("top/a", b"a");
    for name in ["../x", "/etc/x", "top/../../x", "top/..", "top/a\u{7}b"] {
        let plain = EntryType::Regular;
        let told = refusal(&tar(&[(plain, first.0, first.1), (plain, name, b"x")]), Form::TarGz(PART));
        assert!(told.contains(&format!("{name:?} leads elsewhere")), "{told}");
        let told = refusal(&zip(&[first, (name, b"x")]), Form::Zip(PART));
        assert!(told.contains(&format!("{name:?} leads elsewhere")), "{told}");
    }
}

#[test]
fn links_devices_and_pipes_are_refused() {
    let plain = EntryType::Regular;
    let through = tar(&[
        (plain, "top/a", b"a"),
        (EntryType::Symlink, "top/link", b"/tmp"),
        (plain, "top/link/x", b"through it"),
    ]);
    let told = refusal(&through, Form::TarGz(PART));
    assert!(told.contains("\"top/link\" is a symbolic link"), "{told}");
    for (kind, what) in [
        (EntryType::Link, "a link"),
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a pipe"),
        (EntryType::new(b'Z'), "of a kind"),
    ] {
        let told = refusal(&tar(&[(plain, "top/a", b"a"), (kind, "top/b", b"top/a")]), Form::TarGz(PART));
        assert!(told.contains(&format!("\"top/b\" is {what}")), "{told}");
    }
    let mut linked = ZipWriter::new(Cursor::new(Vec::new()));
    linked.add_symlink("top/link", "/tmp", SimpleFileOptions::default()).unwrap();
    let told = refusal(&linked.finish().unwrap().into_inner(), Form::Zip(PART));
    assert!(told.contains("\"top/link\" is a symbolic link"), "{told}");
}

#[test]
fn more_than_is_expected_is_refused() {
    let plain = EntryType::Regular;
    let (half, most) = (vec![0; 40_000], vec![0; 50_001]);
    for (archive, form) in
        [(tar(&[(plain, "top/a", &most)]), Form::TarGz(PART)), (zip(&[("top/a", &most)]), Form::Zip(PART))]
    {
        let told = refusal(&archive, form);
        assert!(told.contains("at most 48.8 KiB may be"), "{told}");
    }
    // All together; what is not asked for counts too.
    for (archive, form) in [
        (tar(&[(plain, "top/a", &half), (plain, "b", &half), (plain, "c", &half)]), Form::TarGz(PART)),
        (zip(&[("top/a", &half), ("b", &half), ("c", &half)]), Form::Zip(PART)),
    ] {
        let told = refusal(&archive, form);
        assert!(told.contains("more than 97.7 KiB come out of it"), "{told}");
    }
    let many: Vec<String> = (0..11).map(|i| format!("top/{i}")).collect();
    let archive = tar(&many.iter().map(|name| (plain, &**name, &b""[..])).collect::<Vec<_>>());
    assert!(refusal(&archive, Form::TarGz(PART)).contains("more than 10 entries"));
    let archive = zip(&many.iter().map(|name| (&**name, &b""[..])).collect::<Vec<_>>());
    assert!(refusal(&archive, Form::Zip(PART)).contains("more than 10 entries"));
    // Bytes behind the last file.
    let mut bomb = Builder::new(Vec::new());
    entry(&mut bomb, plain, "top/a", b"a");
    let mut bomb = bomb.into_inner().unwrap();
    bomb.resize(1 << 20, 0);
    assert!(refusal(&gz(&bomb), Form::TarGz(PART)).contains("far more comes out of it"));
}

#[test]
fn a_name_twice_nothing_and_what_is_broken_are_refused() {
    let plain = EntryType::Regular;
    let twice = tar(&[(plain, "top/a", b"a"), (plain, "top/./a", b"b")]);
    assert!(refusal(&twice, Form::TarGz(PART)).contains("is in it twice"));
    let under = tar(&[(plain, "top/a", b"a"), (plain, "top/a/b", b"b")]);
    let dir = tempfile::tempdir().unwrap();
    get(&given(&under, Form::TarGz(PART), dir.path()), dir.path()).unwrap_err();
    assert_eq!(names(dir.path()), ["a.bin"]);

    assert!(refusal(&tar(&[(plain, "a", b"a")]), Form::TarGz(PART)).contains("it holds no top/"));
    assert!(refusal(&zip(&[("a", b"a")]), Form::Zip(PART)).contains("it holds no top/"));
    for bytes in [&b""[..], b"no archive at all", b"PK\x03\x04 neither this"] {
        refusal(bytes, Form::Zip(PART));
        refusal(bytes, Form::TarGz(PART));
    }
    let whole = tar(&[(plain, "top/a", &content()[..30_000])]);
    let told = refusal(&whole[..whole.len() / 2], Form::TarGz(PART));
    assert!(told.contains("cannot be unpacked"), "{told}");
    // The last bytes are a checksum of gzip's own.
    let mut changed = whole.clone();
    *changed.iter_mut().nth_back(6).unwrap() ^= 1;
    let told = refusal(&changed, Form::TarGz(PART));
    assert!(told.contains("cannot be unpacked"), "{told}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_it_panic_or_write_outside(
        position in 0..2000_usize,
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        fs::create_dir(&inside).unwrap();
        let mut tar = Builder::new(Vec::new());
        entry(&mut tar, EntryType::Regular, "top/a", b"some bytes");
        entry(&mut tar, EntryType::Regular, "top/b", b"more bytes");
        let mut tar = tar.into_inner().unwrap();
        let mut zip = zip(&[("top/a", b"some bytes"), ("top/b", b"more bytes")]);
        for archive in [&mut tar, &mut zip] {
            let start = position % (archive.len() - bytes.len().min(archive.len() - 1));
            let end = (start + bytes.len()).min(archive.len());
            archive[start..end].copy_from_slice(&bytes[..end - start]);
        }
        for (archive, form) in [(gz(&tar), Form::TarGz(PART)), (zip, Form::Zip(PART))] {
            let _ = get(&given(&archive, form, &inside), &inside);
            proptest::prop_assert_eq!(names(dir.path()), ["inside"]);
            let _ = fs::remove_dir_all(inside.join("target"));
            proptest::prop_assert_eq!(names(&inside), ["a.bin"]);
        }
    }
}

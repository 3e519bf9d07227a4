//! `unrolled config`: choices of the screen that are remembered.

use std::fs;

use super::*;

/// The program with its configuration in `folder`.
fn configured(folder: &Path, args: &[&str]) -> Command {
    let mut command = unrolled(folder, args);
    command.env("XDG_CONFIG_HOME", folder);
    command
}

#[test]
fn choices_are_set_listed_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let file = at.join("unrolled/config.yaml");
    ends(configured(at, &["config", "theme", "colorblind"]), 0);
    ends(configured(at, &["config", "fps", "10"]), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "theme: colorblind\nfps: 10\n");
    let (listed, _) = ends(configured(at, &["config"]), 0);
    let value = |key: &str| listed.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next());
    assert_eq!(
        [value("theme"), value("fps"), value("mouse")],
        [Some("colorblind"), Some("10"), Some("default")]
    );
    ends(configured(at, &["config", "theme", "default"]), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "fps: 10\n");
    let (_, error) = ends(configured(at, &["config", "theme", "blue"]), 2);
    assert_eq!(error, "unrolled: found theme: blue; expected auto, dark, light, colorblind or mono\n");
    let (_, error) = ends(configured(at, &["config", "them"]), 2);
    assert!(error.contains("expected a key of theme, colors, glyphs, fps, mouse"), "{error}");
    let (_, error) = ends(configured(at, &["config", "glyphs"]), 2);
    assert!(error.contains("braille, blocks or ascii, or default"), "{error}");
}

#[test]
fn a_broken_file_is_reported_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("unrolled")).unwrap();
    fs::write(at.join("unrolled/config.yaml"), "fps: many\ncolors: 256\n").unwrap();
    let (listed, error) = ends(configured(at, &["config"]), 0);
    assert!(
        listed.contains("256") && error.contains("config.yaml, line 1: found fps: many"),
        "{listed}{error}"
    );
    ends(configured(at, &["presets"]), 0);
}

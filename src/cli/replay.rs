use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ratatui::layout::Size;

use super::branch;
use super::error::{CliError, CliResult};
use super::screen_branches::ScreenBranches;
use super::{ScreenArgs, exit, pages, shell_word};
use crate::durable;
use crate::escape::foreign;
use crate::number;
use crate::run;
use crate::ui::replay::{Cast, CastVersion, Film, Recording, Replay, Speed};
use crate::ui::theme::{Colors, Glyphs, Theme};
use crate::ui::{self, ExitReason, InitialScreen, LaunchRequest, UiError};

/// The smallest and the largest screen of an asciicast.
const SIZES: [Size; 2] = [Size::new(40, 11), Size::new(1000, 400)];

/// The duration of a moving picture in seconds.
const SVG_SECONDS: f64 = 12.0;
/// Its frames a second.
const SVG_FPS: f64 = 4.0;

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// With --svg: further runs, side by side with the first
    #[arg(value_name = "RUN", requires = "svg")]
    others: Vec<PathBuf>,
    /// Start paused at this step instead of playing from the start; with --svg: a picture of this step, which does not move
    #[arg(long, value_name = "STEP", conflicts_with_all = ["cast", "seconds"])]
    at: Option<u64>,
    /// Seconds of training a second, or `fastest`; by default a whole run takes a minute at most, as far as 64 allows that
    #[arg(long, value_name = "N", value_parser = speed)]
    speed: Option<Speed>,
    /// Write the replay to a file that asciinema plays, instead of showing it
    #[arg(long, value_name = "FILE", group = "file")]
    cast: Option<PathBuf>,
    /// Write the replay to a picture that moves (SVG), for web pages and README files; --fps sets its frames a second, else 4
    #[arg(long, value_name = "FILE", group = "file", conflicts_with = "speed")]
    svg: Option<PathBuf>,
    /// With --cast: the format asciicast v3, of asciinema 3.0 and later, instead of v2
    #[arg(long, requires = "cast")]
    v3: bool,
    /// With --cast or --svg: columns and rows of the screen, which several runs share
    #[arg(long, value_name = "COLUMNSxROWS", requires = "file", default_value = "120x40", value_parser = size)]
    size: Size,
    /// With --cast: raise the speed until the whole run takes so many seconds at most; with --svg: it takes so many seconds, else 12
    #[arg(long, value_name = "MAX", requires = "file", value_parser = positive)]
    seconds: Option<f64>,
}

/// Parses a speed: a number above 0, or `fastest`.
fn speed(text: &str) -> Result<Speed, String> {
    match positive(text.strip_suffix(['x', '×']).unwrap_or(text)) {
        _ if text == "fastest" => Ok(Speed::Fastest),
        Ok(times) => Ok(Speed::Times(times)),
        Err(_) => Err("expected a number above 0, as in 8 or 0.5, or `fastest`".into()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "expected a number above 0".into())
}

/// Parses `120x40`.
fn size(text: &str) -> Result<Size, String> {
    let [least, most] = SIZES;
    let parsed = text.split_once('x').and_then(|(columns, rows)| {
        let (columns, rows) = (columns.parse().ok()?, rows.parse().ok()?);
        let fits =
            (least.width..=most.width).contains(&columns) && (least.height..=most.height).contains(&rows);
        fits.then_some(Size::new(columns, rows))
    });
    let wrong = || format!("expected columns and rows from {least} to {most}, as in 120x40");
    parsed.ok_or_else(wrong)
}

/// Shows a recorded run on the screen, or writes it to a file.
pub(super) fn replay(args: &ReplayArgs, screen: ScreenArgs) -> CliResult {
    let folder = run::resolve(Path::new("runs"), &args.run)?;
    let recording = Recording::open(&folder)?;
    if let Some(step) = args.at.filter(|step| *step > recording.last_step()) {
        let last = number::count(recording.last_step());
        return Err(CliError::usage(format!("--at {step}: the record ends at step {last}")));
    }
    if let Some(path) = &args.svg {
        return svg(args, screen, recording, path);
    }
    if let Some(path) = &args.cast {
        return cast(args, screen, &recording, path);
    }
    let settings = screen.settings().map_err(no_screen)?;
    let mut replay = Replay::start(recording, shell_word(&args.run.to_string_lossy()))?;
    if let Some(speed) = args.speed {
        replay.set_speed(speed);
    }
    if let Some(step) = args.at {
        replay.start_at(step);
    }
    let start = InitialScreen::Replay(Box::new(replay));
    let branches = ScreenBranches::default();
    let mut launch = |request: LaunchRequest<'_>| branches.launch(request);
    let ended = ui::run(start, Vec::new(), &mut launch, settings).map_err(no_screen)?;
    if ended == ExitReason::Branch {
        return branch::train_chosen(branches.take(), screen);
    }
    Ok(ExitCode::from(if matches!(ended, ExitReason::Signal(_)) { exit::INTERRUPTED } else { 0 }))
}

/// The error where there is no screen, with what a replay can do without one.
fn no_screen(error: UiError) -> CliError {
    match error {
        UiError::NoTerminal(_) | UiError::Dumb { .. } => CliError::failed(
            "no terminal that can show a replay; --cast FILE and --svg FILE write it to a file, and `unrolled plot RUN` prints its curves",
        ),
        error => error.into(),
    }
}

/// The theme of a file: all colours and characters, unless the user says otherwise.
fn theme(screen: ScreenArgs) -> Theme {
    let options = screen.options();
    Theme {
        colors: options.wanted_colors().unwrap_or(Colors::True),
        glyphs: options.glyphs.unwrap_or(Glyphs::Braille),
        light: options.is_light().unwrap_or(false),
        palette: options.palette(),
        coarse: false,
    }
}

/// Writes the replay of all runs to the picture `path`.
fn svg(args: &ReplayArgs, screen: ScreenArgs, first: Recording, path: &Path) -> CliResult {
    let mut recordings = vec![first];
    for run in &args.others {
        recordings.push(Recording::open(&run::resolve(Path::new("runs"), run)?)?);
    }
    let least = Film::columns(recordings.len(), SIZES[0].width);
    if usize::from(args.size.width) < least {
        return Err(CliError::usage(format!(
            "--size {}x{}: {} runs side by side need {least} columns",
            args.size.width,
            args.size.height,
            recordings.len()
        )));
    }
    let film = Film {
        size: args.size,
        seconds: args.seconds.unwrap_or(SVG_SECONDS),
        fps: screen.flags().fps.map_or(SVG_FPS, f64::from),
        theme: theme(screen),
    };
    let picture = match args.at {
        Some(step) => film.still(&recordings, step),
        None => film.picture(&recordings),
    };
    durable::write(path, picture.svg.as_bytes())?;
    let what = match args.at {
        Some(step) => format!("step {}", number::count(step)),
        None => format!("{}, {} frames", number::duration(film.seconds), picture.frames),
    };
    let size = number::bytes(picture.svg.len() as u64);
    let line = format!("{}: {what}, {size}\n", foreign(&path.to_string_lossy()));
    pages::write(line.as_bytes())
}

/// Writes the replay to `path`.
fn cast(args: &ReplayArgs, screen: ScreenArgs, recording: &Recording, path: &Path) -> CliResult {
    let seconds = recording.seconds();
    let speed = match args.speed.unwrap_or_else(|| Speed::for_training(seconds)) {
        Speed::Times(times) => times,
        Speed::Fastest => {
            return Err(CliError::usage(
                "--speed fastest gives no times for --cast; expected a number, as in 8",
            ));
        }
    };
    let cast = Cast {
        version: if args.v3 { CastVersion::V3 } else { CastVersion::V2 },
        size: args.size,
        speed: args.seconds.map_or(speed, |most| speed.max(seconds / most)),
        theme: theme(screen),
        title: format!("unrolled replay {}", shell_word(&args.run.to_string_lossy())),
    };
    let temporary = durable::beside(path);
    let written = File::create(&temporary).and_then(|file| cast.write(recording, BufWriter::new(file)));
    let length =
        written.and_then(|length| fs::rename(&temporary, path).map(|()| length)).map_err(|error| {
            // Best effort: the first failure is the one to report.
            let _ = fs::remove_file(&temporary);
            CliError::failed(format!("cannot write {}: {error}", path.display()))
        })?;
    let line = format!(
        "{}: {} at {}×, {} frames\n",
        foreign(&path.to_string_lossy()),
        number::duration(length.seconds),
        number::value(cast.speed),
        number::count(length.frames)
    );
    pages::write(line.as_bytes())
}

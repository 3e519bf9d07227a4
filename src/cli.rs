//! The command line: arguments, commands and exit codes. One module a command.

mod attach;
mod bench;
mod branch;
mod closing;
mod compare;
mod config;
mod dashboard;
mod data;
mod detach;
mod error;
mod evaluate;
mod export;
mod follow;
mod help;
mod import;
mod lecture;
mod live;
mod menu;
mod new;
mod notice;
mod pages;
mod plot;
mod predict;
mod presets;
mod race;
mod records;
mod remove;
mod replay;
mod resume;
mod runs;
mod sample;
mod screen_branches;
mod send;
mod several;
mod show;
mod signals;
mod slurm;
mod sweep;
mod threads;
mod train;
mod train_args;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::escape::shell_word;
use crate::ui;
use crate::ui::theme::{Colors, Glyphs, Theme, ThemeName};

/// Exit codes, documented in `--help`.
mod exit {
    pub const FAILED: u8 = 1;
    pub const USAGE: u8 = 2;
    pub const DIVERGED: u8 = 3;
    pub const INTERRUPTED: u8 = 130;
}

#[derive(Debug, Parser)]
#[command(
    version,
    about,
    disable_help_subcommand = true,
    after_help = "Without a command: the menu of presets, then the dashboard.\n\
                  Help pages, such as data, layers, keys and json: unrolled help\n\
                  Exit codes: 0 finished or stopped from the dashboard, 1 failed, 2 bad arguments, preset or data,\n\
                  3 diverged (not finite), 130 interrupted by a signal, saved."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    screen: ScreenArgs,
    /// Leave the session of the parent process first
    #[arg(long, global = true, hide = true)]
    new_session: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a preset and watch it; without a terminal, print plain lines
    Train(train_args::TrainArgs),
    /// Show a run that another process trains, and control it
    ///
    /// Its whole history at once, then live; several terminals may show the same run. Leaving it (q, Esc, d) leaves it running.
    Attach(attach::AttachArgs),
    /// Send a command to a run that another process trains
    Send(send::SendArgs),
    /// Go on with a run from where it stopped, to the same bits
    Resume(resume::ResumeArgs),
    /// Train a run again from one of its steps on, on another course
    Branch(branch::BranchArgs),
    /// Train a run again and compare its weights and metrics to the bit
    Verify(verify::VerifyArgs),
    /// Inspect a file or folder of your own and write a preset for it
    New(new::NewArgs),
    /// Inspect data; list and download published data sets
    #[command(subcommand)]
    Data(data::Command),
    /// Replay a recorded run: the dashboard at any step, as it was then
    Replay(replay::ReplayArgs),
    /// Print charts of a recorded run
    Plot(plot::PlotArgs),
    /// Predict with a trained network
    ///
    /// Classes of texts and sequences, tags of words, the next values of a series.
    Predict(predict::PredictArgs),
    /// Evaluate a trained network on labelled data
    ///
    /// Prints loss, accuracy, precision, recall, F1 and the confusion matrix, or the errors of forecasts, and the worst mistakes; of a
    /// language model loss per token, perplexity and bits per character.
    Evaluate(evaluate::EvaluateArgs),
    /// Write the network of a run for Keras, PyTorch or ONNX, and its record for TensorBoard
    Export(export::ExportArgs),
    /// Make a run of a network in a file of Keras or PyTorch
    Import(import::ImportArgs),
    /// List the presets, or print one
    Presets {
        /// The preset to print as YAML: save it, change it, and train the file
        name: Option<String>,
    },
    /// Train several networks on the same data side by side, and say which is best
    Race(race::RaceArgs),
    /// Train many variants of a preset: a grid or random draws of settings, seeds, folds; here or on Slurm
    Sweep(Box<sweep::SweepArgs>),
    /// Learn about recurrent networks on ten pages, each with one in training
    Lecture(lecture::LectureArgs),
    /// Generate text with a trained language model
    Sample(sample::SampleArgs),
    /// List runs: state, metrics, time; sorted, filtered, grouped
    Runs(runs::RunsArgs),
    /// Show all about a run: data, settings, numbers, notes, the command to repeat it
    Show(show::ShowArgs),
    /// Compare runs: the settings that differ, and the metrics
    Compare(compare::CompareArgs),
    /// Add a note to a run
    Note(show::NoteArgs),
    /// Add tags to a run, or remove them
    Tag(show::TagArgs),
    /// Remove runs
    Rm(remove::RemoveArgs),
    /// Remove the finished runs that are not among the best of their preset
    Prune(remove::PruneArgs),
    /// Measure how fast networks train on this machine
    Bench(bench::BenchArgs),
    /// List the choices that are remembered for the screen, or set one
    ///
    /// They are in `unrolled/config.yaml` in $XDG_CONFIG_HOME, or in ~/.config; flags come before them.
    Config(config::ConfigArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Show a help page, or the help of a command
    Help(help::HelpArgs),
}

/// The appearance of the screen; detected from the terminal by default.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
struct ScreenArgs {
    /// Colours of the screen; detected by default
    #[arg(long, value_enum, global = true, value_name = "TIER")]
    colors: Option<ColorTier>,
    /// Characters for charts and boxes; detected by default. Letters of texts and names are unchanged if the locale is UTF-8
    #[arg(long, value_enum, global = true, value_name = "SET")]
    glyphs: Option<GlyphSet>,
    /// Colours for dark or light backgrounds, for colour-blind eyes, or none; auto asks the terminal for its background. `unrolled config
    /// theme NAME` remembers one
    #[arg(long, value_enum, global = true, value_name = "NAME")]
    theme: Option<ThemeArg>,
    /// Colours for a light background
    #[arg(long, global = true)]
    light: bool,
    /// Leave clicks and the wheel to the terminal
    #[arg(long, global = true)]
    no_mouse: bool,
    /// Frames a second of the screen at most; 15, and over SSH 6, by default
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=60))]
    fps: Option<u8>,
}

impl ScreenArgs {
    /// The theme for this terminal.
    ///
    /// # Errors
    /// When it cannot show a screen.
    fn theme(self) -> Result<Theme, ui::UiError> {
        self.options().theme(|name| std::env::var(name).ok())
    }

    /// How to draw on this terminal.
    ///
    /// # Errors
    /// When it cannot show a screen.
    fn settings(self) -> Result<ui::ScreenSettings, ui::UiError> {
        let settings = self.options().settings(|name| std::env::var(name).ok())?;
        let notice = config::report().or(settings.notice);
        Ok(ui::ScreenSettings { notice, ..settings })
    }

    /// The characters for printed output.
    fn glyphs(self) -> Glyphs {
        self.options().glyphs(|name| std::env::var(name).ok())
    }

    /// The flags, and what is remembered where they say nothing.
    fn options(self) -> ui::TerminalOptions {
        self.flags().or(config::read().options)
    }

    fn flags(self) -> ui::TerminalOptions {
        ui::TerminalOptions {
            colors: self.colors.map(|tier| match tier {
                ColorTier::True => Colors::True,
                ColorTier::Ansi256 => Colors::Ansi256,
                ColorTier::Ansi16 => Colors::Ansi16,
                ColorTier::None => Colors::Mono,
            }),
            glyphs: self.glyphs.map(|set| match set {
                GlyphSet::Braille => Glyphs::Braille,
                GlyphSet::Blocks => Glyphs::Blocks,
                GlyphSet::Ascii => Glyphs::Ascii,
            }),
            theme: self.theme.map(|theme| match theme {
                ThemeArg::Auto => ThemeName::Auto,
                ThemeArg::Dark => ThemeName::Dark,
                ThemeArg::Light => ThemeName::Light,
                ThemeArg::Colorblind => ThemeName::ColorBlind,
                ThemeArg::Mono => ThemeName::Mono,
            }),
            light: self.light.then_some(true),
            fps: self.fps,
            mouse: self.no_mouse.then_some(false),
        }
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ThemeArg {
    /// For the terminal's background
    Auto,
    /// For a dark background
    Dark,
    /// For a light background
    Light,
    /// Blue, orange and yellow, without red and green
    Colorblind,
    /// Without colours
    Mono,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ColorTier {
    /// 24 bits
    True,
    /// 256 colours
    #[value(name = "256")]
    Ansi256,
    /// 16 colours
    #[value(name = "16")]
    Ansi16,
    /// None
    None,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum GlyphSet {
    /// Braille, blocks and lines
    Braille,
    /// Blocks and lines
    Blocks,
    /// ASCII only
    Ascii,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| escaped(error).exit());
    if cli.new_session {
        detach::leave_session();
    }
    if let Err(error) = signals::report_file_size_limit() {
        print_error(&error);
    }
    let result = match cli.command {
        None => menu::menu(cli.screen),
        Some(Command::Train(args)) => train::train(&args, cli.screen),
        Some(Command::Attach(args)) => attach::attach(&args, cli.screen),
        Some(Command::Send(args)) => send::send(&args),
        Some(Command::Resume(args)) => resume::resume(&args, cli.screen),
        Some(Command::Branch(args)) => branch::branch(&args, cli.screen),
        Some(Command::Verify(args)) => verify::verify(&args),
        Some(Command::New(args)) => new::new(&args, cli.screen),
        Some(Command::Data(command)) => data::data(&command, cli.screen),
        Some(Command::Replay(args)) => replay::replay(&args, cli.screen),
        Some(Command::Plot(args)) => plot::plot(&args, cli.screen),
        Some(Command::Predict(args)) => predict::predict(&args),
        Some(Command::Evaluate(args)) => evaluate::evaluate(&args),
        Some(Command::Export(args)) => export::export(&args),
        Some(Command::Import(args)) => import::import(&args),
        Some(Command::Presets { name }) => presets::print(name.as_deref()),
        Some(Command::Race(args)) => race::race(&args, cli.screen),
        Some(Command::Sweep(args)) => sweep::sweep(&args, cli.screen),
        Some(Command::Lecture(args)) => lecture::lecture(&args, cli.screen),
        Some(Command::Sample(args)) => sample::sample(&args),
        Some(Command::Runs(args)) => runs::runs(&args, cli.screen),
        Some(Command::Show(args)) => show::show(&args, cli.screen),
        Some(Command::Compare(args)) => compare::compare(&args, cli.screen),
        Some(Command::Note(args)) => show::note(&args),
        Some(Command::Tag(args)) => show::tag(&args),
        Some(Command::Rm(args)) => remove::rm(&args, cli.screen),
        Some(Command::Prune(args)) => remove::prune(&args, cli.screen),
        Some(Command::Bench(args)) => bench::bench(&args),
        Some(Command::Config(args)) => config::config(&args),
        Some(Command::Completions { shell }) => pages::completions(shell),
        Some(Command::Man) => pages::man(),
        Some(Command::Help(args)) => help::help(&args, cli.screen),
    };
    result.unwrap_or_else(|error| {
        print_error(&error);
        error.code()
    })
}

/// The error of arguments, in which their control characters are escaped.
fn escaped(error: clap::Error) -> clap::Error {
    let escape = |arg: std::ffi::OsString| crate::escape::foreign(&arg.to_string_lossy()).into_owned();
    // The same arguments, escaped, give the same error.
    let again = Cli::try_parse_from(std::env::args_os().map(escape)).err();
    again.filter(|again| again.kind() == error.kind()).unwrap_or_else(|| {
        let lines = error.to_string();
        let lines: Vec<_> = lines.lines().map(crate::escape::foreign).collect();
        clap::Error::raw(error.kind(), lines.join("\n") + "\n")
    })
}

/// Prints an error to stderr in one line; stderr may be closed.
fn print_error(error: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "unrolled: {}", crate::escape::foreign(&error.to_string()));
}

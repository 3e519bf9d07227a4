use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};

use ratatui::layout::Rect;
use serde_json::{Map, Value, json};

use super::error::{CliError, CliResult};
use super::{ScreenArgs, pages};
use crate::escape::foreign;
use crate::run;
use crate::ui::plot::MetricCurves;
use crate::ui::replay::Recording;
use crate::ui::run_state::axis::XAxis;
use crate::ui::run_state::series::Series;
use crate::ui::theme::{Colors, Theme};
use crate::ui::{printed, terminal, view};

/// Columns where there is no terminal.
const WIDTH: u16 = 80;
/// Rows of a chart, unless the user chose a height.
const ROWS: u16 = 16;
/// The least number of rows of a chart.
const FEWEST_ROWS: u16 = 4;

#[derive(Debug, clap::Args)]
pub(super) struct PlotArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// Metrics such as loss, accuracy, grad_norm or val_f1; by default loss and val_loss
    metrics: Vec<String>,
    /// Columns; by default those of the terminal, or 80
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(20..=1000))]
    width: Option<u16>,
    /// Rows of all charts together; by default 16 a chart
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(4..=1000))]
    height: Option<u16>,
    /// The unit of the x axis
    #[arg(long, value_enum, default_value_t = XUnit::Steps)]
    x: XUnit,
    /// Print one JSON object with the points of the curves
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum XUnit {
    /// Optimizer updates
    Steps,
    /// Passes over the training data
    Epochs,
    /// Seconds of training
    Seconds,
}

/// Prints charts of a recorded run.
pub(super) fn plot(args: &PlotArgs, screen: ScreenArgs) -> CliResult {
    let folder = run::resolve(Path::new("runs"), &args.run)?;
    let curves = MetricCurves::read(&Recording::open(&folder)?);
    let names = names(args, &curves)?;
    if args.json {
        let metrics: Map<String, Value> = names
            .iter()
            .filter_map(|name| curves.get(name))
            .map(|(name, series)| (name.to_owned(), points(series)))
            .collect();
        let line = json!({"run": folder.to_string_lossy(), "metrics": metrics}).to_string();
        // JSON does not escape all characters that control a terminal.
        let line = if stdout().is_terminal() { foreign(&line).into_owned() } else { line };
        return pages::write(format!("{line}\n").as_bytes());
    }
    let charts = curves.charts(&names);
    let in_terminal = stdout().is_terminal();
    let width =
        args.width.unwrap_or_else(|| if in_terminal { terminal::size(stdout()).width } else { WIDTH });
    let count = charts.len() as u16;
    let height = args.height.unwrap_or(ROWS.saturating_mul(count)).max(FEWEST_ROWS.saturating_mul(count));
    let axis = match args.x {
        XUnit::Steps => XAxis::Step,
        XUnit::Epochs => XAxis::Epoch,
        XUnit::Seconds => XAxis::Time,
    };
    let theme = theme(screen, in_terminal);
    let area = Rect::new(0, 0, width, height);
    let picture = view::plot::render(&charts, axis, area, &theme);
    pages::write(printed::lines(&picture, theme.colors != Colors::Mono).as_bytes())
}

/// Colours are for terminals, unless they are requested.
fn theme(screen: ScreenArgs, in_terminal: bool) -> Theme {
    let options = screen.options();
    let requested = options.wanted_colors();
    let detected = screen.theme().ok().filter(|_| in_terminal);
    Theme {
        colors: requested.or(detected.map(|theme| theme.colors)).unwrap_or(Colors::Mono),
        glyphs: screen.glyphs(),
        light: detected.is_some_and(|theme| theme.light),
        palette: options.palette(),
        coarse: false,
    }
}

/// The metrics to plot.
fn names(args: &PlotArgs, curves: &MetricCurves) -> CliResult<Vec<String>> {
    let known = || curves.names().collect::<Vec<_>>().join(", ");
    if curves.names().next().is_none() {
        let what = format!("{}: no step is recorded, so there is nothing to plot", args.run.display());
        return Err(CliError::failed(what));
    }
    if args.metrics.is_empty() {
        let default = ["loss", "val_loss"].map(str::to_owned).into_iter();
        return Ok(default.filter(|name| curves.get(name).is_some()).collect());
    }
    match args.metrics.iter().find(|name| curves.get(name).is_none()) {
        Some(unknown) => {
            let what = format!("{}: no metric `{unknown}`; expected one of {}", args.run.display(), known());
            Err(CliError::usage(what))
        }
        None => Ok(args.metrics.clone()),
    }
}

/// The points of a curve, of a long one means of neighbouring points with their extremes.
fn points(series: &Series) -> Value {
    let points = series.points().map(|(place, summary)| {
        let finite = |value: f64| (summary.finite > 0).then_some(value);
        json!({
            "step": place.step,
            "epoch": place.epoch,
            "seconds": place.seconds,
            "value": finite(summary.mean()),
            "min": finite(summary.min),
            "max": finite(summary.max),
        })
    });
    points.collect()
}

//! A network as it is unrolled over time.
//!
//! ```text
//!   loss                                  loss
//!                                           ↑
//!   2 Dense 1                              (y)
//!                                           ↑
//!   1 SimpleRNN 24  (h)─→(h)─→(h)─→ … ────→(h)
//!                    ↑    ↑    ↑            ↑
//!   0 Embedding 16  (e)  (e)  (e)          (e)
//!                    ↑    ↑    ↑            ↑
//!   time step        0    1    2           15
//! ```
//! Layers stand one above another, as data go through them; what only changes values, such as Dropout, is left out.

mod canvas;
mod stage;

use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

use crate::protocol::ModelTable;
use crate::ui::text::fit;
use crate::ui::theme::{Role, Theme};
use canvas::Canvas;
use stage::{Kind, Stage};

/// Columns of a cell, and from one cell to the next.
const CELL: usize = 3;
const PITCH: usize = 5;
/// The widest names beside the cells.
const NAMES: usize = 22;
/// The fewest cells that are drawn: the first and the last.
const FEWEST: usize = 2;
/// The most cells: more of the same say nothing new.
const MOST: usize = 16;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Network<'a> {
    /// The layers.
    pub model: &'a ModelTable,
    /// What each layer reads: numbers of layers, names of channels; nothing for the layer before it.
    pub reads: &'a [Vec<String>],
    /// Time steps of a sequence; 0 if they are not known.
    pub length: usize,
    /// The name of the loss.
    pub loss: &'a str,
}

/// The drawing in lines of at most `width` columns; none if they are too few.
pub fn lines(network: &Network<'_>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let stages = stage::stages(network);
    let Some(last) = stages.last() else { return Vec::new() };
    let names = stages
        .iter()
        .map(|stage| stage.name.width())
        .max()
        .unwrap_or(0)
        .clamp(10, NAMES.min((width / 2).max(10)));
    // A rail for what comes from the first step on both sides of the names.
    let left = names + 3;
    let fitting = (width + PITCH - CELL).saturating_sub(left) / PITCH;
    if fitting < FEWEST + 1 {
        return Vec::new();
    }
    let steps = if network.length == 0 { usize::MAX } else { network.length };
    let columns = Columns::new(steps, fitting.min(MOST + 1), left);
    let mut drawing = Drawing { canvas: Canvas::default(), columns, names, width };
    drawing.steps(network.length);
    for (i, stage) in stages.iter().enumerate() {
        drawing.stage(stage, i.checked_sub(1).and_then(|before| stages.get(before)));
    }
    drawing.loss(last, network.loss);
    drawing.canvas.lines(width, theme)
}

/// Where the cells of time steps are.
#[derive(Debug, Clone)]
struct Columns {
    /// The left edge of the cell of each step that is drawn, and the number of the step; `None` if it is not known.
    cells: Vec<(usize, Option<usize>)>,
    /// Where steps are left out.
    gap: Option<usize>,
}

impl Columns {
    /// Those of `steps` time steps in so many `places` from `left` on.
    fn new(steps: usize, places: usize, left: usize) -> Self {
        let at = |place: usize| left + place * PITCH;
        if steps <= places {
            return Self { cells: (0..steps).map(|step| (at(step), Some(step))).collect(), gap: None };
        }
        let mut cells: Vec<_> = (0..places - 2).map(|step| (at(step), Some(step))).collect();
        cells.push((at(places - 1), (steps < usize::MAX).then(|| steps - 1)));
        Self { cells, gap: Some(at(places - 2)) }
    }

    fn first(&self) -> usize {
        self.cells.first().map_or(0, |(left, _)| *left)
    }

    fn last(&self) -> usize {
        self.cells.last().map_or(0, |(left, _)| *left)
    }

    /// The middle of each cell.
    fn middles(&self) -> impl Iterator<Item = usize> + '_ {
        self.cells.iter().map(|(left, _)| left + CELL / 2)
    }
}

struct Drawing {
    canvas: Canvas,
    columns: Columns,
    names: usize,
    width: usize,
}

impl Drawing {
    /// The numbers of the time steps, at the bottom.
    fn steps(&mut self, length: usize) {
        self.canvas.row();
        self.canvas.put(0, "time step", Role::Dim);
        for (left, step) in self.columns.cells.clone() {
            let step = step.map_or_else(|| "T-1".to_owned(), |step| step.to_string());
            let shift = (CELL - step.len().min(CELL)) / 2;
            self.canvas.put(left + shift, &step, Role::Text);
        }
        self.dots();
        if length != 1 {
            self.beside("time →");
        }
    }

    /// Puts a word behind the last cell, if there is space for it.
    fn beside(&mut self, word: &str) {
        let column = self.columns.last() + PITCH;
        if column + word.chars().count() <= self.width {
            self.canvas.put(column, word, Role::Dim);
        }
    }

    fn dots(&mut self) {
        if let Some(gap) = self.columns.gap {
            self.canvas.put(gap + CELL / 2, "…", Role::Dim);
        }
    }

    /// Arrows up from every time step, or from the last place alone.
    fn arrows(&mut self, at_every_step: bool, sign: &str) {
        self.canvas.row();
        let middles: Vec<usize> = match at_every_step {
            true => self.columns.middles().collect(),
            false => vec![self.columns.last() + CELL / 2],
        };
        for middle in middles {
            self.canvas.put(middle - sign.chars().count() / 2, sign, Role::Dim);
        }
    }

    /// A layer above the one `before` it.
    fn stage(&mut self, stage: &Stage, before: Option<&Stage>) {
        let reads_sequence = before.is_none_or(|before| before.is_sequence);
        match stage.kind {
            Kind::Window => self.arrows(true, "╱│╲"),
            Kind::Pool => {
                self.arrows(true, "│");
                self.bus(true);
                self.arrows(false, "↑");
            }
            Kind::All => {
                self.arrows(true, "│");
                self.bus(false);
                self.arrows(true, "↑");
            }
            Kind::Repeat => {
                self.arrows(false, "│");
                self.bus(false);
                self.arrows(true, "↑");
            }
            _ if stage.is_apart => self.canvas.row(),
            Kind::Recurrent | Kind::Bidirectional | Kind::Cells => self.arrows(reads_sequence, "↑"),
        }
        self.canvas.row();
        if stage.kind == Kind::Bidirectional {
            self.chain(stage, "←");
            let rail = self.columns.first() - 2;
            if !stage.is_sequence {
                self.canvas.put(rail, "╰─", Role::Text);
            }
            self.canvas.row();
            if !stage.is_sequence {
                self.canvas.put(rail, "│", Role::Text);
            }
        }
        self.canvas.put(0, &fit(&stage.name, self.names), Role::Title);
        match stage.kind {
            Kind::Recurrent | Kind::Bidirectional => self.chain(stage, "→"),
            _ if stage.is_sequence => {
                for (left, _) in self.columns.cells.clone() {
                    self.cell(left, stage);
                }
                self.dots();
            }
            _ => self.cell(self.columns.last(), stage),
        }
        if stage.kind == Kind::Bidirectional && !stage.is_sequence {
            self.canvas.row();
            let (rail, last) = (self.columns.first() - 2, self.columns.last() + CELL / 2);
            self.canvas.put(rail, &format!("╭{}┤", "─".repeat(last - rail - 1)), Role::Text);
        }
    }

    fn cell(&mut self, left: usize, stage: &Stage) {
        self.canvas.put(left, &format!("({})", stage.sign), Role::Text);
    }

    /// Cells with arrows through time.
    fn chain(&mut self, stage: &Stage, arrow: &str) {
        let cells = self.columns.cells.clone();
        for (pair, (left, _)) in cells.iter().enumerate() {
            self.cell(*left, stage);
            let Some((next, _)) = cells.get(pair + 1) else { break };
            let from = left + CELL;
            let length = next - from;
            let line = match arrow {
                "→" => format!("{}→", "─".repeat(length - 1)),
                _ => format!("←{}", "─".repeat(length - 1)),
            };
            self.canvas.put(from, &line, Role::Train);
        }
        self.dots();
    }

    /// A line along all steps; one that ends in the last place.
    fn bus(&mut self, collects: bool) {
        self.canvas.row();
        let (first, last) = (self.columns.first() + CELL / 2, self.columns.last() + CELL / 2);
        self.canvas.put(first, &"─".repeat(last - first + 1), Role::Text);
        for middle in self.columns.middles().collect::<Vec<_>>() {
            let sign = match (middle == first, middle == last) {
                (true, _) => {
                    if collects {
                        "╰"
                    } else {
                        "├"
                    }
                }
                (_, true) => "┤",
                _ => {
                    if collects {
                        "┴"
                    } else {
                        "┼"
                    }
                }
            };
            self.canvas.put(middle, sign, Role::Text);
        }
    }

    /// Where the loss is taken, above the last layer.
    fn loss(&mut self, last: &Stage, name: &str) {
        self.arrows(last.is_sequence, "↑");
        self.canvas.row();
        let every = if last.is_sequence { "loss, all steps" } else { "loss" };
        self.canvas.put(0, &fit(every, self.names), Role::Warning);
        let lefts: Vec<usize> = match last.is_sequence {
            true => self.columns.cells.iter().map(|(left, _)| *left).collect(),
            false => vec![self.columns.last()],
        };
        for left in lefts {
            self.canvas.put(left + CELL / 2, "L", Role::Warning);
        }
        if last.is_sequence {
            self.dots();
        }
        self.beside(name);
    }
}

#[cfg(test)]
mod tests;

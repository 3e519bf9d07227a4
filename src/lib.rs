//! `unrolled` trains recurrent neural networks and shows, live in a terminal, what is usually hidden while they learn.
//!
//! ```text
//! preset.yaml (+ --set) ─ preset ─→ RunSpec ─→ data: batches ─┐
//!                                       └──→ nn: Model, optim ┴─→ train::Session ── a thread of its own
//!    ui ── Command ──────────────────────────────────────────────▶ train::Trainer ─ shards ⇄ worker threads
//!                                                                   │ Event (by count of steps, never by clock)
//!                       run::Recorder, its own thread: lossless ◀───┤
//!    ui: fold into state → views → frame → writer thread        ◀───┘ never makes the trainer wait
//! ```
//!
//! Imports point one way, and a test checks it: `protocol` and `kernel` (with `durable`, `escape`, `number`, `rng`) at the bottom; `nn`,
//! `optim` and `data` above them; `preset` asks `nn` for shapes; `run` knows plain data; `train` puts them to work; `cli` starts it all.
//! `fetch` downloads data sets and does not interpret them; `help` has the reference pages, which `ui` and `cli` show. `ui` sees `protocol`, `preset` and `run`, never the trainer. `bench`
//! measures training, with and without a screen.
//!
//! | room | what is in it |
//! |---|---|
//! | [`protocol`] | what the parts say to each other: events up, commands down |
//! | [`kernel`] | matrix products and activations for several instruction sets; the only `unsafe` |
//! | [`nn`] | layers with their maths, losses, initialisers, the model, shards of a batch, instruments |
//! | [`optim`] | optimizers, clipping, schedules, early stopping |
//! | [`data`] | sources, tokens, vocabulary, generated tasks, batches |
//! | [`inspect`] | files and folders: what they contain, and a preset that fits |
//! | [`fetch`] | published data: addresses and checksums, downloading, unpacking |
//! | [`help`] | reference pages for users: their texts, and their layout |
//! | [`preset`] | a file as written → a spec as resolved; the catalogue |
//! | [`run`] | the run folder: recording, checkpoints, reading back |
//! | [`train`] | a spec made real, one step, the loop and its thread |
//! | [`ui`] | terminal, loop, menu, dashboard |
//! | [`mod@bench`] | how fast training is, and what it takes: steps by the clock, on workloads that others measure too |
//! | [`cli`] | the command line |

pub mod bench;
pub mod cli;
pub mod data;
pub mod durable;
pub mod error;
pub mod escape;
pub mod experiment;
pub mod fetch;
pub mod help;
pub mod infer;
pub mod inspect;
pub mod kernel;
pub mod metrics;
pub mod nn;
pub mod number;
pub mod optim;
pub mod preset;
pub mod protocol;
pub mod rng;
pub mod run;
pub mod train;
pub mod ui;

#[cfg(test)]
#[path = "../tests/common/messages.rs"]
mod messages;

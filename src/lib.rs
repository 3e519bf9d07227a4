//! `unrolled` trains recurrent neural networks and shows, live in a terminal, what is usually hidden while they learn.
//!
//! ```text
//! preset.yaml (+ --set) ─ preset ─→ RunSpec ─→ data: batches ─┐
//!                                       └──→ nn: Model, optim ┴─→ train::Session ── a thread of its own
//!    ui ── Command ──────────────────────────────────────────────▶ train::Trainer ─ shards ⇄ worker threads
//!                                                                   │ Event (by count of steps, never by clock)
//!                       run::Recorder, its own thread: lossless ◀───┤
//!                        └ run::Hub ─▶ run::control: other processes  │
//!    ui: fold into state → views → frame → writer thread        ◀───┘ never makes the trainer wait
//! ```
//!
//! Imports point one way, down this table, and a test checks it, as it checks that files form no circle. `ui` uses `protocol`,
//! `metrics`, `preset` and `run`, never the trainer.
//!
//! What computes and reads data (`step` and what is below it, without `fetch`, `help`, `durable` and `error`) is a package of its own,
//! `unrolled-engine` in `src/engine`: it is optimized for speed, all the rest for size, and a change of a screen does not compile it again.
//!
//! | module | contents |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`mod@bench`] | time and memory of training, with and without a screen |
//! | [`ui`] | terminal, event loop, menu, dashboard of live and recorded runs, charts |
//! | [`experiment`] | repeated trainings: seeds and folds, with mean and standard deviation; races, branches, verifications |
//! | [`train`] | one training: session, instruments, training loop |
//! | [`infer`] | predictions, forecasts, tags, generated text and evaluations of a trained network |
//! | [`inspect`] | files and folders of users: what they contain, and a draft of a preset for them |
//! | [`interop`] | networks and records of trainings in the formats of other programs |
//! | [`runs`] | the runs of a folder: table, filter, groups, comparison, notes |
//! | [`run`] | the run folder: recording, checkpoints, reading back; hub, control socket, owner |
//! | [`preset`] | a preset file → the resolved `RunSpec`; the built-in presets |
//! | [`step`] | one training step of a batch, on several threads |
//! | [`optim`] | optimizers, clipping, schedules, early stopping |
//! | [`nn`] | one layer a file: formulas, forward, backward; loss, model, shards of a batch, instruments |
//! | [`data`] | files, texts, datasets and batches, and the sources of data behind one trait |
//! | [`fetch`] | published data sets: addresses, checksums, downloads, archives |
//! | [`kernel`] | matrix products, vector math, thread pool, for several instruction sets; the only `unsafe` |
//! | [`protocol`] | events (trainer → watchers) and commands (watchers → trainer) |
//! | [`metrics`] | accuracy, F1, confusion, perplexity, forecast errors, by name; tasks |
//! | [`help`] | the reference pages and their layout |
//! | [`durable`], [`error`], [`escape`], [`memory`], [`number`], [`rng`], [`sort`] | files that survive a crash, chains of errors, foreign text on a terminal, available memory, formatted numbers, random numbers, small sorts |

pub mod bench;
pub mod cli;
pub mod durable;
pub mod error;
pub mod experiment;
pub mod fetch;
pub mod help;
pub mod infer;
pub mod inspect;
pub mod interop;
pub mod preset;
pub mod run;
pub mod runs;
pub mod train;
pub mod ui;

pub use unrolled_engine::{
    data, escape, kernel, memory, metrics, nn, number, optim, protocol, rng, sort, step,
};

#[cfg(test)]
#[path = "../tests/common/messages.rs"]
mod messages;

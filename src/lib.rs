//! `unrolled` trains recurrent neural networks and shows, live in a terminal, what is usually hidden while they learn.

pub mod cli;
pub mod data;
pub mod escape;
pub mod kernel;
pub mod nn;
pub mod number;
pub mod optim;
pub mod preset;
pub mod protocol;
pub mod rng;
pub mod run;
pub mod train;
pub mod ui;

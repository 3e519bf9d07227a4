//! A race of several networks: its result as table and text.

mod result;

pub use result::{Lines, method, table, values, verdict};

use super::{InferError, NetworkStream, StreamState};
use crate::data::RowStream;

/// A forecaster that reads one row after the other and forecasts after each, at a cost that does not grow.
///
/// The state goes on from row to row: after as many rows as the network was trained on at once the forecast is that of a window, and later
/// it is of all rows.
#[derive(Debug)]
pub struct ForecastStream<'n> {
    pub(super) stream: NetworkStream<'n>,
    pub(super) rows: RowStream,
}

impl ForecastStream<'_> {
    /// The names of the numbers of a row.
    pub fn names(&self) -> Vec<String> {
        self.rows.names()
    }

    /// The names of the variables of a forecast.
    pub fn targets(&self) -> Vec<String> {
        self.rows.targets()
    }

    /// Reads the next row, of a number for each of [`names`](Self::names), in the units of the series.
    ///
    /// # Errors
    /// For numbers that are not finite, or cannot be transformed, and when the forecast is not finite.
    pub fn read(&mut self, row: &[f64]) -> Result<(), InferError> {
        if let Some(input) = self.rows.push(row).map_err(InferError::Task)? {
            self.stream.read_row(&input)?;
        }
        Ok(())
    }

    /// The rows that the network has read: those of which the difference to an earlier one is known.
    pub fn rows_read(&self) -> u64 {
        self.stream.tokens_read()
    }

    /// The forecast after the last row in the units of the series, `[row][variable]`; `None` before the first.
    pub fn forecast(&self) -> Option<Vec<Vec<f64>>> {
        self.stream.answer().map(|output| self.rows.forecast(output))
    }

    /// What is carried on to the next row.
    pub fn state(&self) -> StreamState {
        let mut state = self.stream.state();
        state.rows = self.rows.rows();
        state
    }

    /// Goes on from `state`.
    ///
    /// # Errors
    /// A message when it is of another version, of other weights, or none of this network.
    pub fn restore(&mut self, mut state: StreamState) -> Result<(), String> {
        let mut rows = self.rows.clone();
        rows.set_rows(std::mem::take(&mut state.rows), state.read() > 0)?;
        self.stream.restore(state)?;
        self.rows = rows;
        Ok(())
    }
}

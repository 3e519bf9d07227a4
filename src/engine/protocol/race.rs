use super::Event;

/// An event of a race: several networks that are trained on the same data, once for every seed.
#[derive(Debug, Clone, PartialEq)]
pub enum RaceEvent {
    /// The trainings with a seed begin.
    Seed(u64),
    /// An event of the training of a network, by its number.
    Training {
        /// The number of the network.
        network: usize,
        /// The event.
        event: Event,
    },
    /// What each network has used of the machine with the current seed: tokens, or time steps, and seconds of its steps.
    Usage(Vec<(u64, f64)>),
    /// A line on how the race goes on with what is in its folder.
    Note(String),
    /// All trainings pause between two steps, or go on.
    Paused(bool),
    /// The race is ended before its end: what is trained with the current seed does not count.
    Stopping,
}

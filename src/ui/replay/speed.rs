/// How fast a run is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many seconds of training a second.
    Times(f64),
    /// As fast as possible.
    Fastest,
}

/// The speeds that keys choose from.
const STEPS: [f64; 9] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
/// The seconds in which a whole run is replayed by default.
const SHOWN_IN: f64 = 60.0;

impl Speed {
    /// The lowest speed, 1 at least, at which a training of so many seconds is replayed within a minute; 64 at most.
    pub fn for_training(seconds: f64) -> Self {
        let fits = |speed: &&f64| **speed >= 1.0 && seconds / **speed <= SHOWN_IN;
        Self::Times(STEPS.iter().find(fits).copied().unwrap_or(64.0))
    }

    /// The next higher speed.
    pub fn faster(self) -> Self {
        match self {
            Self::Fastest => Self::Fastest,
            Self::Times(now) => {
                STEPS.iter().find(|speed| **speed > now).map_or(Self::Fastest, |speed| Self::Times(*speed))
            }
        }
    }

    /// The next lower speed.
    pub fn slower(self) -> Self {
        let now = match self {
            Self::Fastest => f64::INFINITY,
            Self::Times(now) => now,
        };
        STEPS.iter().rev().find(|speed| **speed < now).map_or(self, |speed| Self::Times(*speed))
    }

    /// As it is shown: `¼×`, `8×`, `fastest`.
    pub(super) fn name(self) -> String {
        match self {
            Self::Fastest => "fastest".into(),
            Self::Times(0.25) => "¼×".into(),
            Self::Times(0.5) => "½×".into(),
            Self::Times(times) => format!("{times}×"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_go_from_a_quarter_to_as_fast_as_possible_and_back() {
        let mut speed = Speed::Times(0.25);
        let mut names = vec![speed.slower().name()];
        while speed != Speed::Fastest {
            speed = speed.faster();
            names.push(speed.name());
        }
        assert_eq!(names.join(" "), "¼× ½× 1× 2× 4× 8× 16× 32× 64× fastest");
        assert_eq!((speed.faster(), speed.slower()), (Speed::Fastest, Speed::Times(64.0)));
        assert_eq!(
            (Speed::Times(3.0).faster(), Speed::Times(3.0).slower()),
            (Speed::Times(4.0), Speed::Times(2.0))
        );
    }

    #[test]
    fn a_long_run_is_replayed_within_a_minute_and_a_short_one_as_it_was() {
        for (seconds, speed) in [(0.0, 1.0), (59.0, 1.0), (61.0, 2.0), (900.0, 16.0), (1e6, 64.0)] {
            assert_eq!(Speed::for_training(seconds), Speed::Times(speed), "{seconds}");
        }
    }
}

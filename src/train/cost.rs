use std::time::Duration;

/// The minimum number of steps of each kind for a comparison.
const ENOUGH: u32 = 5;

/// Measures the overhead of monitoring: the time to read the instruments, and the additional time of monitored steps, as a share of the
/// training time including idle time under a pace.
#[derive(Debug, Default)]
pub(super) struct Cost {
    /// Whether the first step is over, which allocates memory and is not measured.
    warm: bool,
    plain: Times,
    monitored: Times,
    /// The time to read the instruments after monitored steps.
    reading: Duration,
    idle: Duration,
}

#[derive(Debug, Default)]
struct Times {
    count: u32,
    sum: Duration,
}

impl Times {
    fn mean(&self) -> Option<f64> {
        (self.count >= ENOUGH).then(|| self.sum.as_secs_f64() / f64::from(self.count))
    }
}

impl Cost {
    /// Adds the time of a step; after a monitored one also the time of reading the instruments.
    pub fn step(&mut self, took: Duration, reading: Option<Duration>) {
        if !std::mem::replace(&mut self.warm, true) {
            return;
        }
        let times = if reading.is_some() { &mut self.monitored } else { &mut self.plain };
        times.count = times.count.saturating_add(1);
        times.sum += took;
        self.reading += reading.unwrap_or_default();
    }

    /// Adds idle time caused by the pace.
    pub fn idle(&mut self, idle: Duration) {
        if self.warm {
            self.idle += idle;
        }
    }

    /// The share of the training time that is overhead, 0 to 1; `None` with too few steps of either kind.
    pub fn share(&self) -> Option<f64> {
        let longer = self.monitored.mean()? - self.plain.mean()?;
        let reading = self.reading.as_secs_f64();
        let all = (self.plain.sum + self.monitored.sum + self.idle).as_secs_f64() + reading;
        // Monitored steps that are faster by chance have no overhead.
        Some(((longer * f64::from(self.monitored.count)).max(0.0) + reading) / all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: &[(u64, Option<u64>)]) -> Cost {
        let mut cost = Cost::default();
        for (took, reading) in steps {
            cost.step(Duration::from_millis(*took), reading.map(Duration::from_millis));
        }
        cost
    }

    #[test]
    fn longer_steps_and_reading_are_overhead_and_the_first_step_is_excluded() {
        // 45 steps of 10 ms, 5 of 12 ms with 3 ms of reading: 25 ms of 525.
        let ten: Vec<_> = [[(10, None); 9].as_slice(), &[(12, Some(3))]].concat();
        let steps = [vec![(900, Some(70))], ten.repeat(5)].concat();
        assert!((after(&steps).share().unwrap() - 25.0 / 525.0).abs() < 1e-9);
    }

    #[test]
    fn monitored_steps_that_are_faster_by_chance_have_no_overhead() {
        let steps = [vec![(10, None); 11], vec![(8, Some(1)); 10]].concat();
        assert!((after(&steps).share().unwrap() - 10.0 / 190.0).abs() < 1e-9);
    }

    #[test]
    fn idle_time_lowers_the_share() {
        let mut cost = after(&[vec![(10, None); 11], vec![(10, Some(10)); 10]].concat());
        cost.idle(Duration::from_millis(700));
        assert!((cost.share().unwrap() - 0.1).abs() < 1e-9);
    }

    #[test]
    fn there_is_no_share_without_steps_of_both_kinds() {
        assert_eq!(after(&[]).share(), None);
        assert_eq!(after(&vec![(10, Some(1)); 50]).share(), None, "all steps were monitored");
        assert_eq!(after(&vec![(10, None); 50]).share(), None, "no step was");
    }
}

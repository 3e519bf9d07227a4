/// Decides which probes are recorded under a budget in bytes: those of every `stride`-th watched step, from the first on.
///
/// The stride is 1 at first and doubles each time the budget is exceeded; so the recorded probes are spread over the
/// whole run, and all probes of a step are recorded or dropped together. Those of one step are recorded, however large.
#[derive(Debug, Clone)]
pub(super) struct Thinning {
    budget: u64,
    stride: u64,
    latest: Option<u64>,
    /// Watched steps before the latest.
    rank: u64,
    bytes: u64,
}

impl Thinning {
    pub fn new(budget: u64) -> Self {
        Self { budget, stride: 1, latest: None, rank: 0, bytes: 0 }
    }

    /// The budget in bytes.
    pub fn budget(&self) -> u64 {
        self.budget
    }

    /// Whether to record a probe of this step, the latest watched.
    pub fn keeps(&mut self, step: u64) -> bool {
        if let Some(before) = self.latest.replace(step) {
            self.rank += u64::from(before != step);
        }
        self.rank.is_multiple_of(self.stride)
    }

    /// Counts a probe that was written with this many bytes.
    pub fn wrote(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Whether every second recorded step has to be dropped.
    pub fn is_over(&self) -> bool {
        self.bytes > self.budget && self.rank >= self.stride
    }

    /// The stride after the next [`halved`](Self::halved).
    pub fn next_stride(&self) -> u64 {
        self.stride.saturating_mul(2)
    }

    /// Sets the stride, that of a recording that is resumed.
    pub fn set_stride(&mut self, stride: u64) {
        self.stride = stride.max(1);
    }

    /// Every second step was dropped; this many bytes are left.
    pub fn halved(&mut self, bytes: u64) {
        self.stride *= 2;
        self.bytes = bytes;
    }
}

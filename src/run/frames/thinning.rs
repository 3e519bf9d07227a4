/// Which probes are kept under a budget in bytes: those of every `stride`-th watched step, from the first on.
///
/// The stride is 1 until the budget is used up and doubles each time it is; so what is kept is spread over the whole
/// run, and all probes of a step are kept or dropped together. Those of one step are kept, however large.
#[derive(Debug)]
pub(super) struct Thinning {
    budget: u64,
    stride: u64,
    latest: Option<u64>,
    /// How many watched steps came before the latest.
    rank: u64,
    bytes: u64,
}

impl Thinning {
    pub fn new(budget: u64) -> Self {
        Self { budget, stride: 1, latest: None, rank: 0, bytes: 0 }
    }

    /// Whether a probe of this step, the latest watched, is to be kept.
    pub fn keeps(&mut self, step: u64) -> bool {
        if let Some(before) = self.latest.replace(step) {
            self.rank += u64::from(before != step);
        }
        self.rank.is_multiple_of(self.stride)
    }

    /// A probe was written in so many bytes.
    pub fn wrote(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Whether every second of the kept steps has to go.
    pub fn is_over(&self) -> bool {
        self.bytes > self.budget && self.rank >= self.stride
    }

    /// Every second is gone, and so many bytes are left.
    pub fn halved(&mut self, bytes: u64) {
        self.stride *= 2;
        self.bytes = bytes;
    }
}

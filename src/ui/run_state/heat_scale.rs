//! The scale of a heat map that changes with every frame.

/// The least scale: smaller values are as good as 0.
const LEAST: f32 = 1e-3;
/// The share of the values that the scale covers.
const MOST: f64 = 0.95;
/// Frames in a row that would have a smaller scale until the scale shrinks by a step.
const CALM: u32 = 12;

/// The magnitude that has the full colour: 1, 2 or 5 times a power of ten. It grows at once, and shrinks by one step after several frames
/// that would need less.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HeatScale {
    value: f32,
    /// Frames in a row that would have a smaller one.
    smaller: u32,
}

impl HeatScale {
    /// Takes the values of the next frame.
    pub fn add(&mut self, values: &[f32]) {
        let needed = Self::of(values);
        if self.value <= 0.0 || needed >= self.value {
            (self.value, self.smaller) = (needed, 0);
            return;
        }
        self.smaller += 1;
        if self.smaller >= CALM {
            (self.value, self.smaller) = (step_below(self.value).max(needed), 0);
        }
    }

    /// The scale.
    pub fn value(&self) -> f32 {
        if self.value > 0.0 { self.value } else { 1.0 }
    }

    /// Whether values are beyond `scale`.
    pub fn is_exceeded(scale: f32, values: &[f32]) -> bool {
        values.iter().any(|value| value.abs() > scale)
    }

    /// The scale of a single picture: the magnitude that 95 % of its values do not exceed, rounded up. A few that are far larger have the
    /// full colour as well; with the greatest as the scale, they would leave the others black.
    pub fn of(values: &[f32]) -> f32 {
        let mut sizes: Vec<f32> =
            values.iter().map(|value| value.abs()).filter(|size| size.is_finite() && *size > 0.0).collect();
        let Some(last) = sizes.len().checked_sub(1) else { return rounded_up(LEAST) };
        let at = (last as f64 * MOST).ceil() as usize;
        let (_, most, _) = sizes.select_nth_unstable_by(at.min(last), f32::total_cmp);
        rounded_up(most.max(LEAST))
    }
}

/// The steps of a decade.
const STEPS: [f32; 4] = [1.0, 2.0, 5.0, 10.0];

fn rounded_up(value: f32) -> f32 {
    let exponent = value.log10().floor() as i32;
    // Rounding must not make 0.2 a little more than 2 tenths.
    let mantissa = value / power(exponent) * (1.0 - 1e-5);
    let step = STEPS.into_iter().find(|step| mantissa <= *step).unwrap_or(10.0);
    scaled(step, exponent)
}

/// The next smaller scale.
fn step_below(value: f32) -> f32 {
    rounded_up(value * 0.39)
}

fn power(exponent: i32) -> f32 {
    10.0_f32.powi(exponent)
}

/// `step · 10^exponent`, by a division where that has fewer rounding errors: 0.2 and not 0.20000002.
fn scaled(step: f32, exponent: i32) -> f32 {
    if exponent < 0 { step / power(-exponent) } else { step * power(exponent) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_1_2_or_5_times_a_power_of_ten() {
        let scales = [0.0_f32, 0.0007, 0.003, 0.02, 0.2, 0.21, 0.42, 0.51, 1.0, 1.2, 3.0, 16.0];
        let rounded = scales.map(|x| HeatScale::of(&[-x]).to_string());
        assert_eq!(
            rounded,
            ["0.001", "0.001", "0.005", "0.02", "0.2", "0.5", "0.5", "1", "1", "2", "5", "20"]
        );
        assert_eq!(HeatScale::of(&[f32::NAN, f32::INFINITY, 0.3]), 0.5);
        assert_eq!(HeatScale::of(&[]), 0.001);
        let below = [5.0_f32, 2.0, 1.0, 0.5].map(|x| step_below(x).to_string());
        assert_eq!(below, ["2", "1", "0.5", "0.2"]);
    }

    #[test]
    fn one_value_that_is_far_larger_does_not_set_the_scale() {
        let mut values = vec![0.1_f32; 96];
        values[5] = 30.0;
        // Nor does a whole unit of 32, after each of three tokens.
        assert_eq!(HeatScale::of(&values), 0.1);
        values[5 + 32] = -20.0;
        values[5 + 64] = 25.0;
        assert_eq!(HeatScale::of(&values), 0.1);
        // What is 0 says nothing of the size of the others.
        values.extend([0.0; 3000]);
        values.extend([30.0; 40]);
        assert_eq!(HeatScale::of(&values), 50.0);
        assert!(HeatScale::is_exceeded(0.1, &[0.05, -0.2]) && !HeatScale::is_exceeded(0.1, &[0.1, f32::NAN]));
    }

    #[test]
    fn a_scale_grows_at_once_and_shrinks_by_steps() {
        let mut scale = HeatScale::default();
        let mut course = Vec::new();
        for value in [0.04_f32, 0.9].into_iter().chain(std::iter::repeat_n(0.04, 60)) {
            scale.add(&[value]);
            if course.last() != Some(&scale.value()) {
                course.push(scale.value());
            }
        }
        assert_eq!(course, [0.05, 1.0, 0.5, 0.2, 0.1, 0.05]);
        // One large frame in time keeps it.
        let mut flickering = HeatScale::default();
        for i in 0..100 {
            flickering.add(&[if i % 10 == 0 { 0.52 } else { 0.49 }]);
            assert_eq!(flickering.value(), 1.0);
        }
    }
}

use serde::{Deserialize, Serialize};

/// Conditions that are warned of while training: `alerts:` in a preset. Those that are absent are not watched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertSpec {
    /// The loss of a step is more than so many times the moving average of those before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_spike: Option<f64>,
    /// At least this share of the units of a recurrent layer is dead: the same in every sequence at every step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_units: Option<f64>,
    /// The gradient of a recurrent layer is halved in fewer than so many steps of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_life: Option<f64>,
    /// `val_loss` has not fallen for so many epochs, while `loss` has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overfitting: Option<usize>,
}

impl AlertSpec {
    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the settings; an error is the field and a message.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let Self { loss_spike, dead_units, half_life, overfitting } = self;
        if let Some(factor) = loss_spike.filter(|factor| !(factor.is_finite() && *factor > 1.0)) {
            return Err(("loss_spike", format!("found {factor}; the factor must be above 1 and finite")));
        }
        if let Some(share) = dead_units.filter(|share| !(*share > 0.0 && *share <= 1.0)) {
            return Err(("dead_units", format!("found {share}; the share must be above 0 and at most 1")));
        }
        if let Some(steps) = half_life.filter(|steps| !(steps.is_finite() && *steps > 0.0)) {
            return Err((
                "half_life",
                format!("found {steps}; the number of steps must be above 0 and finite"),
            ));
        }
        match overfitting {
            Some(0) => Err(("overfitting", "found 0; it must be at least 1 epoch".into())),
            _ => Ok(()),
        }
    }
}

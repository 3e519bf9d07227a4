/// The perplexity of a model whose mean cross-entropy is `loss`, in nats: the number of equally likely tokens with the same
/// uncertainty.
pub fn perplexity(loss: f64) -> f64 {
    loss.exp()
}

/// The mean cross-entropy `loss`, in nats, in bits per token; where a token is a character, bits per character.
pub fn bits_per_token(loss: f64) -> f64 {
    loss / std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniform_model_of_n_tokens_has_perplexity_n() {
        assert!((perplexity(27f64.ln()) - 27.0).abs() < 1e-12);
        assert!((bits_per_token(8f64.ln()) - 3.0).abs() < 1e-12);
    }
}

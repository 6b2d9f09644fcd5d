//! Chooses the next token: top-k, temperature, and a grammar where the reply must be JSON.
//!
//! A grammar is slow over a whole vocabulary, so it is asked about the chosen token first, then about the likeliest
//! few, and about everything only if none of those fits.

use llama_cpp_2::json_schema_to_grammar;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;

/// How one request chooses its tokens.
pub(super) struct TokenChoice {
    temperature: f32,
    top_k: usize,
    random: SplitMix64,
    grammar: Option<LlamaSampler>,
}

/// A token and its logit.
type Candidate = (i32, f32);

impl TokenChoice {
    /// `temperature` 0 takes the likeliest token; `top_k` 0 takes all into account.
    pub(super) fn new(temperature: f32, top_k: u32, seed: u64) -> Self {
        let top_k = if temperature <= 0.0 { 1 } else { top_k as usize };
        Self { temperature, top_k, random: SplitMix64(seed), grammar: None }
    }

    /// Only JSON of this schema may be written. `None` if the schema cannot be turned into a grammar.
    pub(super) fn with_schema(mut self, model: &LlamaModel, schema: &serde_json::Value) -> Option<Self> {
        let grammar = without_wide_space(&json_schema_to_grammar(&schema.to_string()).ok()?);
        self.grammar = Some(LlamaSampler::grammar(model, &grammar, "root").ok()?);
        Some(self)
    }

    /// The next token; `None` if the logits are broken or the grammar has come to a dead end.
    pub(super) fn choose(&mut self, logits: &[f32]) -> Option<LlamaToken> {
        let likeliest = likeliest(logits.iter().copied().enumerate(), self.top_k);
        let mut chosen = self.draw(&likeliest)?;
        if let Some(grammar) = &mut self.grammar {
            if allowed(grammar, &[chosen]).is_empty() {
                let mut fitting = allowed(grammar, &likeliest);
                if fitting.is_empty() {
                    let all: Vec<Candidate> = likeliest_all(logits);
                    let all = allowed(grammar, &all);
                    fitting = self::likeliest(
                        all.iter().map(|(token, logit)| (*token as usize, *logit)),
                        self.top_k,
                    );
                }
                chosen = self.draw(&fitting)?;
            }
            // Re-borrowed: drawing needed the random numbers.
            let grammar = self.grammar.as_mut()?;
            grammar.try_accept(LlamaToken(chosen.0)).ok()?;
        }
        Some(LlamaToken(chosen.0))
    }

    /// One of `candidates` (likeliest first) with probability softmax(logit / temperature).
    fn draw(&mut self, candidates: &[Candidate]) -> Option<Candidate> {
        let best = *candidates.first()?;
        if self.temperature <= 0.0 {
            return Some(best);
        }
        let weight = |(_, logit): &Candidate| f64::from((logit - best.1) / self.temperature).exp();
        let sum: f64 = candidates.iter().map(weight).sum();
        let mut left = self.random.next_unit() * sum;
        for candidate in candidates {
            left -= weight(candidate);
            if left < 0.0 {
                return Some(*candidate);
            }
        }
        Some(best)
    }
}

/// llama.cpp's grammars allow blank lines between the parts of JSON, in which small models lose themselves.
fn without_wide_space(grammar: &str) -> String {
    let narrow =
        |line: &str| if line.starts_with("space ::=") { "space ::= | \" \"".into() } else { line.to_owned() };
    grammar.lines().map(narrow).collect::<Vec<_>>().join("\n")
}

/// The `k` largest finite logits, largest first; all of them if `k` is 0.
fn likeliest(logits: impl Iterator<Item = (usize, f32)>, k: usize) -> Vec<Candidate> {
    let mut best: Vec<Candidate> = Vec::with_capacity(if k == 0 { 1024 } else { k + 1 });
    let mut least = f32::NEG_INFINITY;
    for (token, logit) in logits {
        // Most tokens fail this first comparison, so the whole vocabulary costs one pass.
        if !logit.is_finite() || (k > 0 && best.len() == k && logit <= least) {
            continue;
        }
        let Ok(token) = i32::try_from(token) else { continue };
        if k == 0 {
            best.push((token, logit));
            continue;
        }
        let at = best.partition_point(|(_, other)| *other >= logit);
        best.insert(at, (token, logit));
        best.truncate(k);
        least = best.last().map_or(f32::NEG_INFINITY, |last| last.1);
    }
    if k == 0 {
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
    }
    best
}

fn likeliest_all(logits: &[f32]) -> Vec<Candidate> {
    let finite = logits.iter().enumerate().filter(|(_, logit)| logit.is_finite());
    finite.filter_map(|(token, logit)| Some((i32::try_from(token).ok()?, *logit))).collect()
}

/// Those of `candidates` that the grammar allows next, in their order.
fn allowed(grammar: &mut LlamaSampler, candidates: &[Candidate]) -> Vec<Candidate> {
    let data = candidates.iter().map(|(token, logit)| LlamaTokenData::new(LlamaToken(*token), *logit, 0.0));
    let mut data = LlamaTokenDataArray::from_iter(data, false);
    grammar.apply(&mut data);
    let fits = data.data.iter().filter(|data| data.logit().is_finite());
    fits.map(|data| (data.id().0, data.logit())).collect()
}

/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014). Good enough to draw words with.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next_unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 6] = [0.0, 3.0, f32::NAN, 2.0, f32::NEG_INFINITY, 1.0];

    #[test]
    fn finds_the_likeliest() {
        let find = |k| {
            let found = likeliest(LOGITS.iter().copied().enumerate(), k);
            found.iter().map(|(token, _)| *token).collect::<Vec<_>>()
        };
        assert_eq!(find(2), [1, 3]);
        assert_eq!(find(0), [1, 3, 5, 0]);
        assert_eq!(find(99), [1, 3, 5, 0]);
    }

    #[test]
    fn temperature_zero_is_greedy() {
        let mut choice = TokenChoice::new(0.0, 40, 1);
        assert_eq!(choice.choose(&LOGITS), Some(LlamaToken(1)));
        assert_eq!(choice.choose(&[f32::NAN]), None);
    }

    #[test]
    fn draws_by_probability_and_seed() {
        let draw = |seed| {
            let mut choice = TokenChoice::new(1.0, 3, seed);
            (0..2000).filter_map(|_| choice.choose(&LOGITS)).map(|token| token.0).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        // softmax(3, 2, 1) = 0.665, 0.245, 0.090
        let share = |token| draw(7).iter().filter(|drawn| **drawn == token).count() as f64 / 2000.0;
        assert!(
            (share(1) - 0.665).abs() < 0.04 && (share(3) - 0.245).abs() < 0.04,
            "{} {}",
            share(1),
            share(3)
        );
        assert_eq!(share(0), 0.0, "outside the top 3");
    }
}

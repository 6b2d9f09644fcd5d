//! SplitMix64 (Steele, Lea, Flood 2014): repeatable by its seed, so that a cut that lost something can be made again.

/// A source of varied numbers; not for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        // The remainder is even enough for ends far below 2^64.
        usize::try_from(self.draw() % end.max(1) as u64).unwrap_or_default()
    }

    /// True in so many cases of a thousand.
    pub fn chance(&mut self, per_mille: u16) -> bool {
        self.below(1000) < usize::from(per_mille)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First outputs for seed 0 of the reference implementation.
    #[test]
    fn as_the_reference() {
        let mut random = Random::new(0);
        assert_eq!([random.draw(), random.draw()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn certain_and_impossible() {
        let mut random = Random::new(7);
        assert!((0..100).all(|_| random.chance(1000) && !random.chance(0) && random.below(1) == 0));
    }
}

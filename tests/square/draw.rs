//! Choices that a number makes, the same on every machine.

/// A row of choices: `SplitMix64`, which needs no crate and never changes.
pub(crate) struct Draw(u64);

impl Draw {
    /// The choices that `seed` makes.
    pub(crate) fn new(seed: u64) -> Draw {
        Draw(seed.wrapping_mul(0xD134_2543_DE82_EF95) ^ 0x5851_F42D_4C95_7F2D)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).expect("a small number");
        usize::try_from(self.next() % count).expect("below a small number")
    }

    /// Yes, so many times in a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `all`.
    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Different ones of `all`, `least` to `most` of them as far as there are so many, in their
    /// order.
    pub(crate) fn some<T: Clone>(&mut self, all: &[T], least: usize, most: usize) -> Vec<T> {
        let mut left = (least + self.below(most + 1 - least)).min(all.len());
        let mut chosen = Vec::new();
        for (index, one) in all.iter().enumerate() {
            if self.below(all.len() - index) < left {
                chosen.push(one.clone());
                left -= 1;
            }
        }
        chosen
    }
}

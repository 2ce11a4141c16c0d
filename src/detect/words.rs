//! A table from words to what is known of them: looked up for every word of every text, so its hash is
//! a fast one. It is never iterated: no order of it can reach an assessment.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// From words, or other small keys, to what is known of them.
pub(super) type Table<K, V> = HashMap<K, V, BuildHasherDefault<Fast>>;

/// Multiply and rotate, eight bytes at a time. The keys are the product's own data and an
/// organisation's phrases, both bounded; a text is looked up and never inserted, so that a hostile one
/// can make no chain longer.
#[derive(Default)]
pub(super) struct Fast(u64);

impl Fast {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Fast {
    fn write(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            self.add(u64::from_le_bytes(*eight));
        }
        let last = rest.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        self.add(last ^ (rest.len() as u64) << 56);
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(u64::from(byte));
    }

    fn write_u32(&mut self, word: u32) {
        self.add(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    /// The table takes its high bits from the top and its low bits from the bottom: both must be mixed.
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
}

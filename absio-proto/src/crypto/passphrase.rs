//! A passphrase for those who have none: 100 random bits that a person can copy by hand.

use crate::crypto::encoding::crockford;
use crate::error::Error;
use crate::model::is_passphrase_valid;
use crate::operation::Entropy;
use zeroize::Zeroizing;

/// Characters without the separators; five bits each.
const CHARACTERS: usize = 20;

/// Makes a passphrase of 20 Crockford base-32 characters in four groups (`XXXXX-XXXXX-XXXXX-XXXXX`).
/// It meets [`is_passphrase_valid`]: the one draw in a thousand that has no digit or no letter is
/// drawn again. A server that stores the key file can guess offline, so what protects it is this
/// randomness (security case 58).
///
/// # Errors
/// [`Error::Entropy`].
pub fn generate_passphrase(entropy: &mut dyn Entropy) -> Result<Zeroizing<String>, Error> {
    loop {
        let mut bytes = Zeroizing::new([0; CHARACTERS * 5 / 8 + 1]);
        entropy.fill(bytes.as_mut())?;
        let text = Zeroizing::new(crockford(bytes.as_ref(), CHARACTERS));
        let groups = [&text[..5], &text[5..10], &text[10..15], &text[15..]];
        let passphrase = Zeroizing::new(groups.join("-"));
        if is_passphrase_valid(&passphrase) {
            return Ok(passphrase);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_entropy::TestEntropy;
    use crate::operation::EntropyError;

    #[test]
    fn mc_generator_entropy() {
        // 20 characters of 32 equally likely kinds are 100 bits; 77 are asked for.
        let (kinds, chi_square) = evenness(&mut TestEntropy::new(1));
        assert_eq!(kinds, 32);
        assert!(chi_square < 70.0, "31 degrees of freedom, {chi_square}: the characters are not even");
        // Negative control: a source of which one bit in eight is stuck is noticed.
        struct Stuck(TestEntropy);
        impl Entropy for Stuck {
            fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
                self.0.fill(buffer)?;
                buffer.iter_mut().for_each(|byte| *byte &= !1);
                Ok(())
            }
        }
        let (kinds, chi_square) = evenness(&mut Stuck(TestEntropy::new(1)));
        assert!(kinds < 32 || chi_square > 70.0, "{kinds} kinds, {chi_square}");
    }

    /// How many kinds of characters 2,000 passphrases hold, and how far from even they are.
    fn evenness(entropy: &mut dyn Entropy) -> (usize, f64) {
        let mut counts = std::collections::BTreeMap::new();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            let passphrase = generate_passphrase(entropy).unwrap();
            assert!(is_passphrase_valid(&passphrase));
            let characters: String = passphrase.split('-').collect();
            assert_eq!((characters.len(), passphrase.len()), (20, 23));
            for character in characters.chars() {
                *counts.entry(character).or_insert(0_u32) += 1;
            }
            assert!(seen.insert(characters), "a passphrase came twice");
        }
        let expected = 2_000.0 * 20.0 / 32.0;
        let chi_square = counts.values().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
        (counts.len(), chi_square)
    }

    #[test]
    fn a_failed_source_makes_no_passphrase() {
        struct Broken;
        impl Entropy for Broken {
            fn fill(&mut self, _: &mut [u8]) -> Result<(), EntropyError> {
                Err(EntropyError)
            }
        }
        assert_eq!(generate_passphrase(&mut Broken).err(), Some(Error::Entropy(EntropyError)));
    }
}

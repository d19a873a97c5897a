//! The hash tree of RFC 6962, section 2.1, over SHA-384 (`docs/protocol.md`, section 9): leaves are
//! the tags of a segment's chunks or the hashes of a manifest's access entries.
//!
//! `leaf = SHA-384(0x00 ‖ data)`, `node = SHA-384(0x01 ‖ left ‖ right)`; a tree of n leaves has the
//! largest power of two below n leaves on its left.

use crate::crypto::suite::{Digest48, plain_hash};
use core::ops::Range;

/// The hash of a leaf.
#[must_use]
pub fn leaf(data: &[u8]) -> Digest48 {
    plain_hash(&[&[0], data])
}

fn node(left: &Digest48, right: &Digest48) -> Digest48 {
    plain_hash(&[&[1], left, right])
}

/// The largest power of two below `leaves`, which is at least 2.
const fn split(leaves: u64) -> u64 {
    1 << (63 - (leaves - 1).leading_zeros())
}

/// Builds a root leaf by leaf in the space of one hash per level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MerkleBuilder {
    count: u64,
    /// Roots of the complete subtrees so far, largest first: one for each set bit of `count`.
    peaks: Vec<Digest48>,
}

impl MerkleBuilder {
    /// A tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 0, peaks: Vec::new() }
    }

    /// Adds the next leaf hash.
    pub fn push(&mut self, leaf: Digest48) {
        let mut hash = leaf;
        for _ in 0..self.count.trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for every set bit of the count");
            hash = node(&left, &hash);
        }
        self.peaks.push(hash);
        self.count += 1;
    }

    /// Adds leaf hashes in order.
    pub fn extend(&mut self, leaves: &[Digest48]) {
        for leaf in leaves {
            self.push(*leaf);
        }
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The root; that of no leaves is SHA-384 of nothing, as in RFC 6962.
    #[must_use]
    pub fn root(&self) -> Digest48 {
        let mut peaks = self.peaks.iter().rev();
        peaks.next().map_or_else(|| plain_hash(&[]), |last| peaks.fold(*last, |hash, left| node(left, &hash)))
    }
}

/// The root over `leaves`.
#[must_use]
pub fn root(leaves: &[Digest48]) -> Digest48 {
    let mut builder = MerkleBuilder::new();
    builder.extend(leaves);
    builder.root()
}

/// The hashes that prove `leaves[first..first + count]` against the root: the roots of the largest
/// subtrees outside that range, from left to right. For one leaf this is the audit path of RFC 6962
/// in the order of the leaves.
#[must_use]
pub fn range_proof(leaves: &[Digest48], first: usize, count: usize) -> Vec<Digest48> {
    let subtree = |start: u64, size: u64| {
        // The tree is over `leaves`, so both fit.
        let (start, size) = (start as usize, size as usize);
        Ok::<_, core::convert::Infallible>(root(&leaves[start..start + size]))
    };
    let Ok(proof) = range_proof_by(leaves.len() as u64, first as u64, count as u64, subtree);
    proof
}

/// The same for a tree of `total` leaves whose leaves are not at hand: `subtree` gives the root of the
/// subtree over `size` leaves from `start` on.
///
/// # Errors
/// Those of `subtree`.
pub fn range_proof_by<E>(
    total: u64,
    first: u64,
    count: u64,
    mut subtree: impl FnMut(u64, u64) -> Result<Digest48, E>,
) -> Result<Vec<Digest48>, E> {
    let mut proof = Vec::new();
    let range = first..first.saturating_add(count);
    prove(&(0..total), &range, &mut subtree, &mut proof)?;
    Ok(proof)
}

fn prove<E>(
    tree: &Range<u64>,
    range: &Range<u64>,
    subtree: &mut impl FnMut(u64, u64) -> Result<Digest48, E>,
    proof: &mut Vec<Digest48>,
) -> Result<(), E> {
    let size = tree.end - tree.start;
    if range.end <= tree.start || range.start >= tree.end {
        proof.push(subtree(tree.start, size)?);
    } else if range.start > tree.start || range.end < tree.end {
        let middle = tree.start + split(size);
        prove(&(tree.start..middle), range, subtree, proof)?;
        prove(&(middle..tree.end), range, subtree, proof)?;
    }
    Ok(())
}

/// The root of a tree of `total` leaves of which `leaves`, at `first`, are known and the rest is
/// given by `proof`. `None` if the range is empty or outside the tree, or the proof is not exactly
/// as long as it must be.
#[must_use]
pub fn root_from_range(total: u64, first: u64, leaves: &[Digest48], proof: &[Digest48]) -> Option<Digest48> {
    let end = first.checked_add(leaves.len() as u64)?;
    if leaves.is_empty() || end > total {
        return None;
    }
    let mut known = Known { leaves: leaves.iter(), proof: proof.iter() };
    let root = known.root(total, first, end)?;
    (known.proof.len() == 0 && known.leaves.len() == 0).then_some(root)
}

struct Known<'a> {
    leaves: core::slice::Iter<'a, Digest48>,
    proof: core::slice::Iter<'a, Digest48>,
}

impl Known<'_> {
    fn root(&mut self, size: u64, start: u64, end: u64) -> Option<Digest48> {
        if end == 0 || start >= size {
            return self.proof.next().copied();
        }
        if size == 1 {
            return self.leaves.next().copied();
        }
        let middle = split(size);
        let left = self.root(middle, start, end.min(middle))?;
        let right = self.root(size - middle, start.saturating_sub(middle), end.saturating_sub(middle))?;
        Some(node(&left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<Digest48> {
        (0..count).map(|i| leaf(&[i])).collect()
    }

    /// The definition of RFC 6962 written down once more.
    fn reference(leaves: &[Digest48]) -> Digest48 {
        match leaves {
            [] => plain_hash(&[]),
            [one] => *one,
            _ => {
                let mut middle = 1;
                while middle * 2 < leaves.len() {
                    middle *= 2;
                }
                node(&reference(&leaves[..middle]), &reference(&leaves[middle..]))
            }
        }
    }

    #[test]
    fn the_builder_follows_rfc_6962_at_every_size() {
        for count in 0..70 {
            assert_eq!(root(&leaves(count)), reference(&leaves(count)), "{count} leaves");
        }
    }

    #[test]
    fn every_range_is_proven_and_nothing_else() {
        for total in 1..18u8 {
            let all = leaves(total);
            let expected = root(&all);
            for first in 0..usize::from(total) {
                for count in 1..=usize::from(total) - first {
                    let proof = range_proof(&all, first, count);
                    let known = &all[first..first + count];
                    let got = |total: u64, first: usize, known: &[Digest48], proof: &[Digest48]| {
                        root_from_range(total, first as u64, known, proof)
                    };
                    assert_eq!(got(total.into(), first, known, &proof), Some(expected));
                    assert_ne!(got(total.into(), first + 1, known, &proof), Some(expected));
                    let mut other = known.to_vec();
                    other[0][0] ^= 1;
                    assert_ne!(got(total.into(), first, &other, &proof), Some(expected));
                    let longer = [proof.as_slice(), &[expected]].concat();
                    assert_eq!(got(total.into(), first, known, &longer), None);
                    if let Some((_, shorter)) = proof.split_last() {
                        assert_eq!(got(total.into(), first, known, shorter), None);
                    }
                }
            }
        }
        assert_eq!(root_from_range(u64::MAX, u64::MAX, &leaves(1), &[]), None);
        assert_eq!(root_from_range(3, 0, &[], &[]), None);
    }
}

//! A long mixed history, drawn from seeds, beside a model of a few lines.

use super::asking::{Desk, absent, append, commit, delete, fresh, get, holds, put, scan};
use absio_proto::effect::{Precondition, StoreOutcome, Write};
use std::collections::BTreeMap;

const SEEDS: u64 = 4;
const STEPS: usize = 150;

/// SplitMix64: the same history for the same seed everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// One of few keys, some the beginning of others.
    fn key(&mut self) -> Vec<u8> {
        vec![b'k'; 1 + self.roll(12) as usize]
    }

    fn value(&mut self) -> Vec<u8> {
        let length = match self.roll(10) {
            0 => 0,
            1 => 70_000,
            _ => self.roll(64) as usize,
        };
        vec![self.roll(256) as u8; length]
    }
}

#[derive(Default)]
struct Model(BTreeMap<Vec<u8>, Vec<u8>>);

impl Model {
    fn commit(&mut self, preconditions: &[Precondition], writes: &[Write]) -> StoreOutcome {
        let broken =
            preconditions.iter().position(|condition| self.0.get(&condition.key) != condition.value.as_ref());
        if let Some(index) = broken {
            return StoreOutcome::Conflict(index);
        }
        let mut numbers = Vec::new();
        for write in writes {
            match write {
                Write::Put { key, value } => drop(self.0.insert(key.clone(), value.clone())),
                Write::Delete { key } => drop(self.0.remove(key)),
                Write::Append { prefix, value } => {
                    let last = self.0.get(prefix).map_or(0, |count| {
                        u64::from_be_bytes(count.as_slice().try_into().expect("only appends write counters"))
                    });
                    let number = (last + 1).to_be_bytes();
                    self.0.insert(prefix.clone(), number.to_vec());
                    self.0.insert([&prefix[..], &number].concat(), value.clone());
                    numbers.push(last + 1);
                }
            }
        }
        StoreOutcome::Committed(numbers)
    }

    fn scan(&self, start: &[u8], end: &[u8], limit: usize, reverse: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
        let inside = self.0.iter().filter(|(key, _)| start <= key.as_slice() && key.as_slice() < end);
        let mut entries: Vec<_> = inside.map(|(key, value)| (key.clone(), value.clone())).collect();
        if reverse {
            entries.reverse();
        }
        entries.truncate(limit);
        entries
    }
}

fn precondition(dice: &mut Dice, model: &Model) -> Precondition {
    let key = dice.key();
    match (dice.roll(4), model.0.get(&key)) {
        (0, _) => absent(&key),
        (1, _) => holds(&key, &dice.value()),
        (_, Some(value)) => holds(&key, value),
        (_, None) => absent(&key),
    }
}

fn one_write(dice: &mut Dice) -> Write {
    match dice.roll(4) {
        0 => delete(&dice.key()),
        // Sequences have prefixes of their own: a put there would be a broken counter.
        1 => append(if dice.roll(2) == 0 { b"s" } else { b"sequence" }, &dice.value()),
        _ => put(&dice.key(), &dice.value()),
    }
}

/// After every step the store answers as the model does.
pub(super) async fn a_long_mixed_history_equals_the_model(store: Desk) {
    for seed in 1..=SEEDS {
        fresh(&store).await;
        let (mut model, mut dice) = (Model::default(), Dice(seed));
        for step in 0..STEPS {
            let preconditions: Vec<_> = (0..dice.roll(3)).map(|_| precondition(&mut dice, &model)).collect();
            let writes: Vec<_> = (0..dice.roll(5)).map(|_| one_write(&mut dice)).collect();
            let expected = model.commit(&preconditions, &writes);
            assert!(
                commit(&store, preconditions, writes).await == expected,
                "seed {seed}, step {step}: the outcome"
            );
            let key = dice.key();
            assert!(
                get(&store, &key).await.as_ref() == model.0.get(&key),
                "seed {seed}, step {step}: a value"
            );
            let (start, end) = (dice.key(), if dice.roll(2) == 0 { dice.key() } else { b"t".to_vec() });
            let (limit, reverse) = (dice.roll(20) as usize, dice.roll(2) == 0);
            assert!(
                scan(&store, &start, &end, limit, reverse).await == model.scan(&start, &end, limit, reverse),
                "seed {seed}, step {step}: a scan"
            );
        }
        assert!(
            scan(&store, b"", b"\xff", 10_000, false).await == model.scan(b"", b"\xff", 10_000, false),
            "seed {seed}: all"
        );
    }
}

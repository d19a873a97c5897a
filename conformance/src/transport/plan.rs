//! When what happens.

use super::misdeed::Misdeed;
use absio_proto::effect::HttpRequest;
use std::collections::BTreeSet;

/// What becomes of the n-th request, counted from 0.
type Decision = Box<dyn FnMut(u64, &HttpRequest) -> Option<Misdeed> + Send>;

/// Says what a [`Hostile`](super::Hostile) transport does with each request.
pub struct Plan {
    decide: Decision,
    concerns: fn(&HttpRequest) -> bool,
    seen: u64,
}

impl Plan {
    /// Asks `decide` what becomes of every request; it is told how many came before.
    pub fn new(decide: impl FnMut(u64, &HttpRequest) -> Option<Misdeed> + Send + 'static) -> Self {
        Self { decide: Box::new(decide), concerns: |_| true, seen: 0 }
    }

    /// Nothing happens.
    #[must_use]
    pub fn honest() -> Self {
        Self::new(|_, _| None)
    }

    /// It happens once, to the request with this number, the first being 0.
    #[must_use]
    pub fn at(number: u64, misdeed: Misdeed) -> Self {
        Self::new(move |seen, _| (seen == number).then(|| misdeed.clone()))
    }

    /// It happens to every request.
    #[must_use]
    pub fn always(misdeed: Misdeed) -> Self {
        Self::new(move |_, _| Some(misdeed.clone()))
    }

    /// It happens to every request when it is sent for the first time, and not when it is repeated: a
    /// connection that is closed after every part.
    #[must_use]
    pub fn each_once(misdeed: Misdeed) -> Self {
        let mut seen = BTreeSet::new();
        Self::new(move |_, request| {
            seen.insert((request.method.as_str(), request.path.clone())).then(|| misdeed.clone())
        })
    }

    /// Something happens to one request in `one_in`, on the average. The same seed gives the same plan.
    #[must_use]
    pub fn seeded(seed: u64, one_in: u64) -> Self {
        let mut state = seed;
        Self::new(move |_, _| {
            let (chosen, drawn) = (next(&mut state), next(&mut state));
            chosen.is_multiple_of(one_in.max(1)).then(|| Misdeed::drawn(drawn))
        })
    }

    /// The same plan for those requests only; others pass, and are not counted.
    #[must_use]
    pub fn among(self, concerns: fn(&HttpRequest) -> bool) -> Self {
        Self { concerns, ..self }
    }

    pub(super) fn decide(&mut self, request: &HttpRequest) -> Option<Misdeed> {
        if !(self.concerns)(request) {
            return None;
        }
        let number = self.seen;
        self.seen += 1;
        (self.decide)(number, request)
    }
}

/// SplitMix64: not random, but well mixed, and the same everywhere.
const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

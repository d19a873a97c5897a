//! How often a key file may be asked for without a session (`docs/protocol.md` §14.5, "Alike answers"):
//! a bucket of attempts for each user id and each address, in memory.

use crate::turn::{Halt, Turn, Turned};
use absio_proto::model::UserId;
use absio_proto::wire::{RetrieveRequest, from_json};
use absio_proto::{RemoteCode, RemoteError};
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// So many attempts at once, then as many again over the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Attempts at once.
    pub attempts: u32,
    /// How long until all of them are there again.
    pub period: Duration,
}

impl RateLimit {
    /// How long it takes to earn one attempt.
    fn step(self) -> Duration {
        self.period / self.attempts.max(1)
    }
}

/// More subjects than this are not kept: those that have recovered go first.
const SUBJECTS: usize = 1 << 16;

/// Buckets of one kind of subject.
pub(crate) struct Buckets<K> {
    limit: RateLimit,
    /// The moment at which each subject has all its attempts again.
    recovered: BTreeMap<K, Duration>,
}

impl<K: Ord + Copy> Buckets<K> {
    pub(crate) const fn new(limit: RateLimit) -> Self {
        Self { limit, recovered: BTreeMap::new() }
    }

    /// Takes one attempt of `subject`, or says how long to wait for one.
    pub(crate) fn take(&mut self, subject: K, now: Duration) -> Result<(), Duration> {
        if self.recovered.len() >= SUBJECTS {
            self.recovered.retain(|_, moment| *moment > now);
        }
        let since = self.recovered.get(&subject).copied().unwrap_or(now).max(now);
        let then = since + self.limit.step();
        if then - now > self.limit.period {
            return Err(then - now - self.limit.period);
        }
        if self.recovered.len() < SUBJECTS || self.recovered.contains_key(&subject) {
            self.recovered.insert(subject, then);
            Ok(())
        } else {
            // A flood of subjects: nobody new gets in until some have recovered.
            Err(self.limit.step())
        }
    }

    /// Gives one attempt of `subject` back.
    pub(crate) fn give_back(&mut self, subject: K) {
        let step = self.limit.step();
        if let Some(moment) = self.recovered.get_mut(&subject) {
            *moment = moment.saturating_sub(step);
        }
    }
}

/// The part of an address that one party is assumed to hold: the whole of IPv4, the /64 of IPv6.
pub(crate) fn subject_of(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => u64::try_from(u128::from(address) >> 64).expect("64 bits are left"),
    }
}

/// Takes one attempt of the user asked for and one of the address, once for each request.
pub(crate) fn admit_retrieval(turn: &mut Turn<'_>) -> Turned<()> {
    let body = turn.body(|body| from_json::<RetrieveRequest>("the body", body))?;
    let now = turn.now.monotonic;
    let allowed = turn.once("the rate limit", |turn| {
        let peer = turn.inbound.peer.map(subject_of);
        Ok(turn.state.take_retrieval(body.user_id, peer, now))
    })?;
    match *allowed {
        Ok(()) => Ok(()),
        Err(wait) => Err(Halt::Refuse(RemoteError {
            code: RemoteCode::RateLimited,
            message: "too many attempts to fetch a key file; wait before the next".into(),
            subject: None,
            retry_after_ms: Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)),
        })),
    }
}

/// An attempt that succeeded was no guess: it is given back, so that people who sign in often are
/// not held up. Its proof was good for one nonce, so it cannot be repeated to earn attempts.
pub(crate) fn excuse_retrieval(turn: &mut Turn<'_>, user: UserId) -> Turned<()> {
    turn.once("the excused attempt", |turn| {
        let peer = turn.inbound.peer.map(subject_of);
        turn.state.give_back_retrieval(user, peer);
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x16_attempts_run_out_and_come_back() {
        let limit = RateLimit { attempts: 3, period: Duration::from_secs(30) };
        let mut buckets = Buckets::new(limit);
        let start = Duration::from_secs(1_000);
        for _ in 0..3 {
            assert_eq!(buckets.take(1, start), Ok(()));
        }
        assert_eq!(buckets.take(1, start), Err(Duration::from_secs(10)));
        assert_eq!(buckets.take(2, start), Ok(()), "others are not held up");
        assert_eq!(buckets.take(1, start + Duration::from_secs(10)), Ok(()));
        assert!(buckets.take(1, start + Duration::from_secs(10)).is_err());
        for _ in 0..3 {
            assert_eq!(buckets.take(1, start + Duration::from_secs(100)), Ok(()));
        }
    }

    #[test]
    fn x16_an_attempt_given_back_can_be_taken_again() {
        let mut buckets = Buckets::new(RateLimit { attempts: 2, period: Duration::from_secs(20) });
        let now = Duration::from_secs(1_000);
        for _ in 0..50 {
            assert_eq!(buckets.take(1, now), Ok(()));
            buckets.give_back(1);
        }
        buckets.give_back(2);
        assert_eq!((buckets.take(1, now), buckets.take(1, now)), (Ok(()), Ok(())));
        assert!(buckets.take(1, now).is_err(), "no more are earned than were taken");
    }

    #[test]
    fn a_flood_of_subjects_takes_no_more_memory() {
        let mut buckets = Buckets::new(RateLimit { attempts: 1, period: Duration::from_secs(1) });
        for subject in 0..SUBJECTS {
            assert_eq!(buckets.take(subject, Duration::ZERO), Ok(()));
        }
        assert!(buckets.take(SUBJECTS, Duration::ZERO).is_err());
        assert_eq!(buckets.take(SUBJECTS, Duration::from_secs(2)), Ok(()));
        assert_eq!(buckets.recovered.len(), 1);
    }

    #[test]
    fn neighbours_in_an_ipv6_network_count_as_one() {
        let subject = |text: &str| subject_of(text.parse().unwrap());
        assert_eq!(subject("2001:db8::1"), subject("2001:db8::2"));
        assert_ne!(subject("2001:db8::1"), subject("2001:db8:0:1::1"));
        assert_eq!(subject("10.0.0.1"), subject("::ffff:10.0.0.1"));
    }
}

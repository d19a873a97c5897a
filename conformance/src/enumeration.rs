//! Whether a broker's time tells who has an account (security case 59).
//!
//! A sign-in and a fetch of a key file are tried with wrong proofs, in turn for a user who exists and one who
//! does not, and the times of the two compared by the two-sample test of Kolmogorov and Smirnov. The broker
//! runs in this process: no network adds noise in which a difference could hide.
//!
//! It takes minutes and a quiet machine, so it is a command of the program and no test:
//! `absio-conformance enumeration --samples 10000`. Status, size and the work that is done are compared by
//! tests.

use absio_broker::{Clock, Fixture, SeededEntropy};
use absio_proto::crypto::{KdfPolicy, KeyRing, LoginProof, RetrievalKey, RetrievalProof};
use absio_proto::driver::blocking::{Host, Transport, run};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreErrorKind, StoreOp,
    StoreOutcome, TransportError,
};
use absio_proto::model::{Credentials, UserId};
use absio_proto::ops::user::Create;
use absio_proto::wire::{
    API_KEY, Base64, Challenge, LoginRequest, RetrieveRequest, Route, from_json, to_json,
};
use absio_proto::{Config, Cx, Entropy, Error, Guard, Session};
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// How alike two lists of times are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// The largest distance between the two distributions, 0 to 1.
    pub distance: f64,
    /// How likely such a distance is if there is no difference.
    pub probability: f64,
}

/// What was measured of one request.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The request: `login` or `retrieve`.
    pub request: &'static str,
    /// Median of its time for a user who exists.
    pub known: Duration,
    /// Median of its time for one who does not.
    pub unknown: Duration,
    /// The two compared.
    pub likeness: Likeness,
    /// The smallest planted difference, of those that were tried, that is told from chance: the control.
    pub noticed: Option<Duration>,
}

/// Compares two samples by the test of Kolmogorov and Smirnov.
///
/// # Panics
/// If one of them is empty.
#[must_use]
pub fn likeness(one: &[u64], other: &[u64]) -> Likeness {
    assert!(!one.is_empty() && !other.is_empty(), "there is nothing to compare");
    let sorted = |times: &[u64]| {
        let mut times = times.to_vec();
        times.sort_unstable();
        times
    };
    let (one, other) = (sorted(one), sorted(other));
    let below =
        |times: &[u64], bound: u64| times.partition_point(|time| *time <= bound) as f64 / times.len() as f64;
    let bounds = one.iter().chain(&other);
    let distance =
        bounds.map(|bound| (below(&one, *bound) - below(&other, *bound)).abs()).fold(0.0, f64::max);
    let (n, m) = (one.len() as f64, other.len() as f64);
    let root = (n * m / (n + m)).sqrt();
    Likeness { distance, probability: tail((root + 0.12 + 0.11 / root) * distance) }
}

/// The asymptotic probability of a distance of at least `lambda`: 2 Σ (−1)^(k−1) exp(−2 k² λ²).
fn tail(lambda: f64) -> f64 {
    if lambda < 0.2 {
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        (if k % 2.0 == 0.0 { -2.0 } else { 2.0 }) * (-2.0 * k * k * lambda * lambda).exp()
    };
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

fn median(times: &[u64]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    Duration::from_nanos(times[times.len() / 2])
}

fn compared(request: &'static str, known: &[u64], unknown: &[u64]) -> Compared {
    let noticed = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000].into_iter().find(|planted| {
        let slower: Vec<u64> = unknown.iter().map(|time| time + planted).collect();
        likeness(known, &slower).probability < 0.01
    });
    Compared {
        request,
        known: median(known),
        unknown: median(unknown),
        likeness: likeness(known, unknown),
        noticed: noticed.map(Duration::from_nanos),
    }
}

/// Measures `samples` of each, at a broker and of users made of `seed`.
///
/// # Errors
/// What the set-up gives, and [`Error::Protocol`] if the broker answers one of them otherwise than the other.
pub fn measure(samples: usize, seed: u64) -> Result<Vec<Compared>, Error> {
    let fixture = Fixture::seeded(seed);
    let person = Person::new(&fixture, seed)?;
    let credentials = Credentials::new("Correct horse 1", "Battery staple 2");
    let user = run(&mut Guard::new(Create::new(credentials)), &person)?;
    let ghost = KeyRing::generate(&mut SeededEntropy::new(seed ^ 5 << 32), fixture.clock().now().utc)?;
    let mut guesser = Guesser { fixture: &fixture, entropy: SeededEntropy::new(seed ^ 9 << 32) };
    let keys = [user.id(), ghost.user_id()].map(|id| {
        RetrievalKey::derive("Another phrase 3", fixture.origin(), id, &KdfPolicy::insecure_for_tests())
    });
    let mut times: [[Vec<u64>; 2]; 2] = Default::default();
    // The first are thrown away: caches fill.
    let warm = (samples / 10).min(1000);
    for number in 0..samples + warm {
        // Whose turn comes first changes, so that no drift falls on one of them.
        let order = if number % 2 == 0 { [0, 1] } else { [1, 0] };
        for who in order {
            let ring = if who == 0 { user.keys() } else { &ghost };
            let login = guesser.login(ring)?;
            let retrieval = guesser.retrieval(ring.user_id(), &keys[who])?;
            for (what, request) in [login, retrieval].into_iter().enumerate() {
                let time = guesser.timed(request)?;
                if number >= warm {
                    times[what][who].push(time);
                }
            }
        }
    }
    let [login, retrieval] = times;
    Ok(vec![compared("login", &login[0], &login[1]), compared("retrieve", &retrieval[0], &retrieval[1])])
}

/// Somebody who tries, by hand.
struct Guesser<'f> {
    fixture: &'f Fixture,
    entropy: SeededEntropy,
}

impl Guesser<'_> {
    fn request(&self, route: &Route, body: Vec<u8>) -> HttpRequest {
        HttpRequest {
            method: route.method(),
            origin: self.fixture.origin().into(),
            path: route.path(),
            headers: vec![(API_KEY.into(), self.fixture.api_key().to_string())],
            body: body.into(),
            deadline: Duration::from_secs(10),
            max_response: route.max_response(),
        }
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        self.fixture.exchange(request).map_err(Error::Transport)
    }

    fn challenge(&mut self) -> Result<(Base64, [u8; 32]), Error> {
        let answer = self.exchange(self.request(&Route::Challenge, b"{}".to_vec()))?;
        let mut own = [0; 32];
        self.entropy.fill(&mut own)?;
        Ok((from_json::<Challenge>("challenge", &answer.body)?.nonce, own))
    }

    /// A proof with a signature of another moment's.
    fn login(&mut self, ring: &KeyRing) -> Result<HttpRequest, Error> {
        let (nonce, client_nonce) = self.challenge()?;
        let time = self.fixture.clock().now().utc;
        let proof = LoginProof {
            origin: self.fixture.origin().into(),
            api_key: self.fixture.api_key(),
            user_id: ring.user_id(),
            key_index: ring.signing_index(),
            server_nonce: nonce.0.clone(),
            client_nonce,
            time: time.plus_millis(1),
        };
        let login = LoginRequest {
            user_id: ring.user_id(),
            key_index: proof.key_index,
            nonce,
            client_nonce: Base64(client_nonce.to_vec()),
            time: time.as_millis(),
            signature: Base64(proof.sign(ring)?.to_vec()),
        };
        Ok(self.request(&Route::Login, to_json(&login)))
    }

    /// A proof by the key of another passphrase.
    fn retrieval(&mut self, user_id: UserId, key: &RetrievalKey) -> Result<HttpRequest, Error> {
        let (nonce, client_nonce) = self.challenge()?;
        let proof = RetrievalProof {
            origin: self.fixture.origin().into(),
            api_key: self.fixture.api_key(),
            user_id,
            server_nonce: nonce.0.clone(),
            client_nonce,
            time: self.fixture.clock().now().utc,
        };
        let retrieval = RetrieveRequest {
            user_id,
            nonce,
            client_nonce: Base64(client_nonce.to_vec()),
            time: proof.time.as_millis(),
            signature: Base64(proof.sign(key).to_vec()),
        };
        Ok(self.request(&Route::RetrieveKeyFile, to_json(&retrieval)))
    }

    /// Nanoseconds until `request` is refused.
    fn timed(&self, request: HttpRequest) -> Result<u64, Error> {
        let begun = Instant::now();
        let answer = self.exchange(request)?;
        let time = begun.elapsed();
        if answer.status != 401 {
            return Err(Error::Protocol(format!("a wrong proof was answered with status {}", answer.status)));
        }
        Ok(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// A client for the set-up.
struct Person<'f> {
    fixture: &'f Fixture,
    session: RefCell<Session>,
    entropy: RefCell<SeededEntropy>,
}

impl<'f> Person<'f> {
    fn new(fixture: &'f Fixture, seed: u64) -> Result<Self, Error> {
        let config = Config::new(fixture.api_key(), fixture.origin())?;
        let session = Session::new(config.kdf_policy(KdfPolicy::insecure_for_tests()));
        Ok(Self { fixture, session: session.into(), entropy: SeededEntropy::new(seed ^ 3 << 32).into() })
    }
}

impl Host<Session> for Person<'_> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        let now = self.fixture.clock().now();
        turn(&mut Cx {
            now,
            entropy: &mut *self.entropy.borrow_mut(),
            session: &mut self.session.borrow_mut(),
        })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.fixture.exchange(request)
    }

    fn store(&self, _: StoreOp) -> Result<StoreOutcome, StoreError> {
        Err(StoreError::new(StoreErrorKind::Unavailable, "there is none"))
    }

    fn content(&self, _: ContentOp) -> Result<ContentOutcome, ContentError> {
        Err(ContentError { reason: "there is none".into() })
    }

    fn sleep(&self, duration: Duration) {
        self.fixture.clock().sleep(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times with a tail, as real ones have.
    fn times(seed: u64, shift: u64) -> Vec<u64> {
        let mut entropy = SeededEntropy::new(seed);
        let mut draw = || {
            let mut bytes = [0; 2];
            entropy.fill(&mut bytes).expect("seeded");
            u64::from(u16::from_be_bytes(bytes))
        };
        (0..2000).map(|_| 100_000 + draw() / 16 + 20_000 * u64::from(draw() > 65_000) + shift).collect()
    }

    #[test]
    fn equal_times_are_alike_and_shifted_ones_are_not() {
        assert!(likeness(&times(1, 0), &times(2, 0)).probability > 0.01);
        let shifted = likeness(&times(1, 0), &times(2, 400));
        assert!(shifted.probability < 0.01 && shifted.distance > 0.05, "{shifted:?}");
        assert_eq!(likeness(&[1, 2], &[3, 4]).distance, 1.0);
        assert_eq!(likeness(&[5; 9], &[5; 9]), Likeness { distance: 0.0, probability: 1.0 });
    }

    /// Against tables of the distribution.
    #[test]
    fn the_tail_is_that_of_the_tables() {
        for (lambda, expected) in [(1.2238, 0.10), (1.3581, 0.05), (1.6276, 0.01)] {
            assert!((tail(lambda) - expected).abs() < 0.0005, "{lambda}: {}", tail(lambda));
        }
    }

    /// The short form: that it runs, that both are refused alike. What the times say is no test's business.
    #[test]
    fn both_are_measured_as_often_as_was_asked() {
        let compared = measure(20, 1).expect("the broker refuses both");
        assert_eq!(compared.iter().map(|one| one.request).collect::<Vec<_>>(), ["login", "retrieve"]);
        assert!(compared.iter().all(|one| one.known > Duration::ZERO && one.unknown > Duration::ZERO));
    }
}

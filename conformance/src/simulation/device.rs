//! A device: a session, a disk, a clock that may be wrong, and whoever uses it.

use super::call::Place;
use super::disk::Disk;
use super::random::Random;
use absio_proto::crypto::KdfPolicy;
use absio_proto::model::{ApiKey, ContainerId, Timestamp};
use absio_proto::{Config, Now, Session};
use core::time::Duration;
use std::collections::BTreeMap;

/// Milliseconds since 1970 when a simulation begins: 2026-01-01.
pub(crate) const START: u64 = 1_767_225_600_000;

pub(crate) struct Device {
    /// The users who have it: one, or two who share it.
    pub(crate) users: Vec<usize>,
    pub(crate) session: Session,
    pub(crate) disk: Disk,
    pub(crate) random: Random,
    /// Milliseconds that its clock is ahead of the broker's.
    pub(crate) skew: i64,
    /// Off the net until then.
    pub(crate) cut_off_until: Duration,
    /// Who is signed in, and where.
    pub(crate) signed_in: Option<(usize, Place)>,
    /// Operations under way.
    pub(crate) running: usize,
    /// It was started and nobody has signed in yet.
    pub(crate) is_starting: bool,
    /// The revisions seen since it was started, by user.
    pub(crate) seen: BTreeMap<(usize, ContainerId), u64>,
    /// The same, as far as they were kept on the disk.
    pub(crate) kept: BTreeMap<(usize, ContainerId), u64>,
}

impl Device {
    pub(crate) fn new(users: Vec<usize>, random: Random, api_key: ApiKey, origin: &str) -> Self {
        Self {
            users,
            session: session(api_key, origin),
            disk: Disk::new(true),
            random,
            skew: 0,
            cut_off_until: Duration::ZERO,
            signed_in: None,
            running: 0,
            is_starting: false,
            seen: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    /// The process is gone; another begins on the same disk.
    pub(crate) fn restart(&mut self, api_key: ApiKey, origin: &str) {
        self.session = session(api_key, origin);
        self.signed_in = None;
        self.running = 0;
        self.is_starting = true;
        self.seen = self.kept.clone();
    }

    /// A new disk in place of a damaged one.
    pub(crate) fn replace_disk(&mut self, api_key: ApiKey, origin: &str) {
        self.disk = Disk::new(true);
        self.kept.clear();
        self.restart(api_key, origin);
    }

    /// What its clocks say when the broker's say `since_start`.
    pub(crate) fn now(&self, since_start: Duration) -> Now {
        let utc = (START + millis(since_start)).saturating_add_signed(self.skew);
        Now { utc: Timestamp::from_millis(utc), monotonic: Duration::from_secs(1_000) + since_start }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn session(api_key: ApiKey, origin: &str) -> Session {
    let config = Config::new(api_key, origin).expect("loopback is a usable origin");
    Session::new(config.kdf_policy(KdfPolicy::insecure_for_tests()))
}

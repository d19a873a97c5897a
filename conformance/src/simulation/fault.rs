//! The 24 kinds of faults: each has a name, a rate that the seed varies, and a counter.

use super::random::Random;
use std::fmt;
use std::str::FromStr;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $group:ident, $rate:literal;)*) => {
        /// One kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $variant),* }

        impl Fault {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Where it happens.
            #[must_use]
            pub const fn group(self) -> Group {
                match self { $(Self::$variant => Group::$group),* }
            }

            /// How often in 10,000 occasions, unless the seed says otherwise.
            const fn rate(self) -> u64 {
                match self { $(Self::$variant => $rate),* }
            }
        }
    };
}

/// Where a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Between a device and the broker.
    Network,
    /// In a store: a device's, or the broker's.
    Store,
    /// To a device or the broker as a whole.
    Process,
}

faults! {
    /// A request that never arrives.
    Drop = "drop", Network, 100;
    /// A request that arrives twice.
    Duplicate = "duplicate", Network, 100;
    /// A request that later ones overtake.
    Reorder = "reorder", Network, 300;
    /// An answer that takes its time.
    Delay = "delay", Network, 200;
    /// A device that is off the net for a while.
    Partition = "partition", Network, 40;
    /// A request that is carried out, and no answer comes before the deadline.
    HalfOpen = "half-open", Network, 100;
    /// An answer that ends early.
    TruncatedBody = "truncated-body", Network, 30;
    /// An answer with one byte changed.
    CorruptByte = "corrupt-byte", Network, 30;
    /// An answer of 5xx, from the broker or from something before it.
    ServerError = "5xx", Network, 80;
    /// An answer of 429.
    TooManyRequests = "429", Network, 60;
    /// An answer of 401 in the middle of a session.
    Unauthorized = "401", Network, 60;
    /// An answer that was right once.
    StaleRead = "stale-read", Network, 60;
    /// Reading fails.
    ReadError = "read-error", Store, 20;
    /// Writing fails, and nothing was written.
    WriteError = "write-error", Store, 20;
    /// Half of a write arrives.
    TornWrite = "torn-write", Store, 40;
    /// A write arrives elsewhere too.
    MisdirectedWrite = "misdirected-write", Store, 4;
    /// A bit at rest changes.
    BitFlip = "bit-flip", Store, 3;
    /// No room for a while.
    DiskFull = "disk-full", Store, 4;
    /// A flush fails: whether it was written is unknown, and nothing works until the store is opened again.
    FsyncError = "fsync-error", Store, 6;
    /// An operation takes its time.
    SlowStore = "slow-store", Store, 60;
    /// A process ends at an effect.
    Crash = "crash", Process, 15;
    /// A process that was just started ends again.
    CrashInRecovery = "crash-in-recovery", Process, 60;
    /// A device's clock is set.
    ClockJump = "clock-jump", Process, 10;
    /// Power is lost: what was not flushed is gone, or half of it.
    KillUnsynced = "kill-unsynced", Process, 12;
}

impl Fault {
    /// Whether it changes what is kept or told, so that devices may rightly raise an alarm.
    #[must_use]
    pub const fn is_corruption(self) -> bool {
        matches!(
            self,
            Self::TruncatedBody
                | Self::CorruptByte
                | Self::StaleRead
                | Self::MisdirectedWrite
                | Self::BitFlip
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultSet(u32);

impl FaultSet {
    /// No faults: an honest world.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// All 24.
    #[must_use]
    pub fn all() -> Self {
        Fault::ALL.iter().copied().collect()
    }

    /// Those that leave everything as it was said, so that an alarm would be a false one.
    #[must_use]
    pub fn honest() -> Self {
        Fault::ALL.iter().copied().filter(|fault| !fault.is_corruption()).collect()
    }

    /// Whether `fault` is in it.
    #[must_use]
    pub const fn contains(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u32) != 0
    }

    /// Without `fault`.
    #[must_use]
    pub const fn without(self, fault: Fault) -> Self {
        Self(self.0 & !(1 << fault as u32))
    }

    /// Its kinds, in order.
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(move |fault| self.contains(*fault))
    }
}

impl FromIterator<Fault> for FaultSet {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().fold(0, |set, fault| set | 1 << fault as u32))
    }
}

/// Names and groups, separated by commas; `all`, `honest` and `none` too.
impl FromStr for FaultSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut set = Self::none();
        for word in text.split(',').map(str::trim) {
            let of_group =
                |group| Fault::ALL.iter().copied().filter(move |fault| fault.group() == group).collect();
            let more: Self = match word {
                "all" => Self::all(),
                "honest" => Self::honest(),
                "none" => Self::none(),
                "network" => of_group(Group::Network),
                "store" => of_group(Group::Store),
                "process" => of_group(Group::Process),
                name => match Fault::ALL.iter().find(|fault| fault.name() == name) {
                    Some(fault) => Self::from_iter([*fault]),
                    None => {
                        let names: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
                        return Err(format!(
                            "{name:?} is no fault; there are all, honest, none, network, store, process, {}",
                            names.join(", ")
                        ));
                    }
                },
            };
            set = Self(set.0 | more.0);
        }
        Ok(set)
    }
}

/// As [`FromStr`] reads it.
impl fmt::Display for FaultSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::all() {
            return f.write_str("all");
        }
        let names: Vec<_> = self.iter().map(Fault::name).collect();
        f.write_str(if names.is_empty() { "none".into() } else { names.join(",") }.as_str())
    }
}

/// Decides when a fault strikes. Each kind has a stream of its own: without one kind, the others draw
/// the same numbers.
pub(crate) struct Faults {
    enabled: FaultSet,
    rates: Vec<u64>,
    streams: Vec<Random>,
    counts: Vec<u64>,
    is_paused: bool,
    /// A death at a certain store effect, for the enumeration of crash points.
    death: Option<Death>,
    /// Store effects since that was set.
    store_effects: u64,
}

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    Device(usize),
    Broker,
}

/// What becomes of the store effect at which somebody dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It is not carried out.
    Before,
    /// It is carried out, and its answer never comes.
    After,
    /// Half of it is carried out.
    Torn,
}

/// A death at the store effect with this number, of those that the victim asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Death {
    pub(crate) victim: Victim,
    /// From 0; `u64::MAX` only counts.
    pub(crate) at: u64,
    pub(crate) how: How,
    /// What is left of each blob that was not flushed: nothing (0), half (1) or all (2).
    pub(crate) unsynced: u64,
}

impl Faults {
    pub(crate) fn new(enabled: FaultSet, random: &Random) -> Self {
        let mut streams: Vec<_> =
            (0..Fault::ALL.len()).map(|index| random.fork(1000 + index as u64)).collect();
        let rates = Fault::ALL.iter().zip(&mut streams);
        // From never to three times as often, so that some runs are about few kinds.
        let rates = rates.map(|(fault, stream)| fault.rate() * stream.below(7) / 2).collect();
        Self {
            enabled,
            rates,
            streams,
            counts: vec![0; Fault::ALL.len()],
            is_paused: false,
            death: None,
            store_effects: 0,
        }
    }

    /// Whether `fault` strikes now; counted if it does.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        let index = fault as usize;
        let strikes =
            !self.is_paused && self.enabled.contains(fault) && self.streams[index].chance(self.rates[index]);
        self.counts[index] += u64::from(strikes);
        strikes
    }

    /// A number of the stream of `fault`: how it strikes.
    pub(crate) fn draw(&mut self, fault: Fault, bound: u64) -> u64 {
        self.streams[fault as usize].below(bound)
    }

    /// Lets somebody die at a certain store effect, or nobody.
    pub(crate) const fn set_death(&mut self, death: Option<Death>) {
        self.death = death;
        self.store_effects = 0;
    }

    /// Store effects of the victim since a death was set.
    pub(crate) const fn store_effects(&self) -> u64 {
        self.store_effects
    }

    /// How `victim` dies at the store effect it asks for now, if it does.
    pub(crate) fn dies(&mut self, victim: Victim) -> Option<How> {
        let death = self.death.filter(|death| death.victim == victim)?;
        self.store_effects += 1;
        (self.store_effects == death.at.wrapping_add(1)).then_some(death.how)
    }

    /// What is left of a blob that was not flushed, in halves.
    pub(crate) fn unsynced(&mut self) -> u64 {
        match self.death {
            Some(death) => death.unsynced,
            None => self.draw(Fault::KillUnsynced, 3),
        }
    }

    /// No faults from now on, or as before.
    pub(crate) const fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    pub(crate) const fn is_paused(&self) -> bool {
        self.is_paused
    }

    pub(crate) const fn enabled(&self) -> FaultSet {
        self.enabled
    }

    pub(crate) fn counts(&self) -> Vec<(Fault, u64)> {
        Fault::ALL.iter().copied().zip(self.counts.iter().copied()).collect()
    }
}

//! Bugs planted on purpose, for one use: to see that the simulation of `absio-conformance` finds them
//! (`docs/simulation.md`).
//!
//! Only with the feature `planted-bugs`, which no shipped tree has (`.ci/check-dependencies`); and even then
//! nothing is wrong until [`select`] is called. [`planted!`](crate::planted) marks the places: without the
//! feature it is the right expression and nothing else.

/// `planted!(Bug, wrong, right)`: the right expression, unless that bug is selected.
#[cfg(feature = "planted-bugs")]
#[doc(hidden)]
#[macro_export]
macro_rules! planted {
    ($bug:ident, $wrong:expr, $right:expr) => {
        if $crate::plant::is_selected($crate::plant::Bug::$bug) { $wrong } else { $right }
    };
}

/// `planted!(Bug, wrong, right)`: the right expression.
#[cfg(not(feature = "planted-bugs"))]
#[doc(hidden)]
#[macro_export]
macro_rules! planted {
    ($bug:ident, $wrong:expr, $right:expr) => {
        $right
    };
}

#[cfg(feature = "planted-bugs")]
pub use selection::{Bug, is_selected, select};

#[cfg(feature = "planted-bugs")]
mod selection {
    use core::sync::atomic::{AtomicU8, Ordering};

    macro_rules! bugs {
        ($($variant:ident = $name:literal, $what:literal;)*) => {
            /// A bug that can be planted.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum Bug { $(#[doc = $what] $variant),* }

            impl Bug {
                /// Every bug.
                pub const ALL: &'static [Self] = &[$(Self::$variant),*];

                /// Its name on the command line.
                #[must_use]
                pub const fn name(self) -> &'static str {
                    match self { $(Self::$variant => $name),* }
                }

                /// What is wrong with it planted.
                #[must_use]
                pub const fn what(self) -> &'static str {
                    match self { $(Self::$variant => $what),* }
                }
            }
        };
    }

    bugs! {
        PinNotKept = "pin-not-kept", "what was seen at the broker is not remembered";
        RollbackAccepted = "rollback-accepted", "a history is verified as if nothing had been seen before";
        TokenSurvivesSignOut = "token-survives-sign-out", "the next user of a device sends the token of the one before";
        FreshIdempotencyKey = "fresh-idempotency-key", "each attempt at a change is sent under a key of its own";
        OlderThanSeen = "older-than-seen", "what is kept answers although something newer was seen";
        RefreshIgnored = "refresh-ignored", "what is kept answers although the broker was to be asked";
        ExpiryUncheckedHere = "expiry-unchecked-here", "the local store gives what has expired";
        ExpiryUncheckedOfFetched = "expiry-unchecked-of-fetched", "what the broker gives is not held against the clock";
        RemovalIgnored = "removal-ignored", "whoever is removed from an access list stays in it";
        ExpirationDropped = "expiration-dropped", "an access that should end is given for ever";
        KeysKeptAfterUpdate = "keys-kept-after-update", "a new content is sealed under the keys of the old one";
        KeystreamReused = "keystream-reused", "every segment is sealed under the same keys";
        DrainForgetsUnanswered = "drain-forgets-unanswered", "what was sent from the outbox without an answer leaves it";
        ConflictTakenForOurs = "conflict-taken-for-ours", "the same revision by somebody else is taken for one's own";
        RefusedCountsAsSent = "refused-counts-as-sent", "what the broker refused leaves the outbox as sent";
        AnchorAhead = "anchor-ahead", "the anchor of the local store tells of a later state";
        SumNotKept = "sum-not-kept", "a replaced record stays in the sum of the local store";
        CountNotKept = "count-not-kept", "a replaced record is counted twice";
        TransactUnguarded = "transact-unguarded", "two changes of the local store at once do not see each other";
        SweepTakesTooMuch = "sweep-takes-too-much", "a sweep removes what is still named";
        FollowSkipsLast = "follow-skips-last", "the last container of a page of events is passed over";
        FollowSettlesFailed = "follow-settles-failed", "a container that could not be fetched counts as done";
        ExpiryUncheckedAtBroker = "expiry-unchecked-at-broker", "the broker answers whose access has expired";
        EventLost = "event-lost", "the broker tells all but the first of those concerned";
        IdempotencyForgotten = "idempotency-forgotten", "the broker makes a repeated change again";
        ListRowLost = "list-row-lost", "the broker leaves a new container out of its creator's list";
        OldRevisionShown = "old-revision-shown", "the broker shows the revision before";
        HeaderNotReplaced = "header-not-replaced", "the broker keeps the header that an update replaced";
        AnsweredUnwritten = "answered-unwritten", "the broker acknowledges what it could not write";
        BrokerUnguarded = "broker-unguarded", "the broker lets two changes of one revision through";
        KeyBlobLost = "key-blob-lost", "the broker loses the last key blob of a change";
        TypeNotReplaced = "type-not-replaced", "the broker keeps the type that an update replaced";
        AppendOverwrites = "append-overwrites", "a store gives the number of a sequence again";
        PreconditionForgotten = "precondition-forgotten", "a store commits whatever the preconditions say";
    }

    static SELECTED: AtomicU8 = AtomicU8::new(u8::MAX);

    /// Plants one bug in this process, or none.
    pub fn select(bug: Option<Bug>) {
        SELECTED.store(bug.map_or(u8::MAX, |bug| bug as u8), Ordering::Relaxed);
    }

    /// Whether `bug` is planted.
    #[must_use]
    pub fn is_selected(bug: Bug) -> bool {
        SELECTED.load(Ordering::Relaxed) == bug as u8
    }
}

//! What must hold after every step, one function each; a violation names its function.
//!
//! | invariant | seen where |
//! |---|---|
//! | `contract_is_kept` | no operation ever ends in a misuse: this driver is right |
//! | `no_false_alarm` | without corruption nobody hears of forgery, rollback, broken protocol or damage |
//! | `only_what_was_written` | what is read is what one write wrote, whole |
//! | `equals_the_model` | one revision reads the same everywhere, and nothing acknowledged is missing behind it |
//! | `pins_never_go_back` | no device shows less than it showed before |
//! | `nothing_acknowledged_is_lost` | asked anew, the broker gives at least what it acknowledged |
//! | `revoked_read_nothing_later` | nobody reads what was written after their access was taken away |
//! | `expired_access_never_opens` | nobody reads after the end of their access, by the device's clock or the broker's |
//! | `users_are_separate` | nobody is shown a container that nobody gave them |
//! | `tokens_stay_at_their_origin` | requests go to the configured origin, a token only from the device that got it |
//! | `no_secret_is_seen` | no content, header or password in what leaves the core |
//! | `no_keystream_twice` | one commitment of a segment, one ciphertext |
//! | `memory_is_bounded` | no effect and no answer beyond its limit |
//!
//! Those of a quiet world are in [`quiet`](super::quiet).

use super::broker::ORIGIN;
use super::call::{PASSPHRASE, PASSWORD, SECRET};
use super::fault::{Fault, FaultSet, Group};
use super::model::{Fate, Model, Said, Written};
use absio_proto::effect::HttpRequest;
use absio_proto::model::ContainerId;
use absio_proto::{CryptoError, Error, LocalError};
use std::collections::BTreeMap;

/// Bytes that one effect or answer may hold here, where contents are small.
const LARGEST: usize = 4 << 20;
/// Bytes of a segment's clear header, which end in the commitment to its keys.
const SEGMENT_HEADER: usize = 104;

/// Something that must hold did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the function that found it.
    pub invariant: &'static str,
    /// What it saw.
    pub what: String,
}

pub(crate) type Held = Result<(), Violation>;

pub(crate) fn violated(invariant: &'static str, what: impl Into<String>) -> Held {
    Err(Violation { invariant, what: what.into() })
}

pub(crate) fn contract_is_kept(error: &Error) -> Held {
    match error.cause() {
        Error::Misuse(misuse) => violated("contract_is_kept", misuse.to_string()),
        _ => Ok(()),
    }
}

/// Faults that are enabled decide what may rightly be heard.
pub(crate) fn no_false_alarm(error: &Error, faults: FaultSet, is_damaged: bool) -> Held {
    if faults.iter().any(Fault::is_corruption) && (is_damaged || faults.iter().any(is_lying_network)) {
        return Ok(());
    }
    let is_alarm = match error.cause() {
        // A clock that is wrong makes others' signatures seem to come from the future.
        Error::Crypto(CryptoError::FromTheFuture { .. } | CryptoError::KeyNotValid { .. }) => {
            !faults.contains(Fault::ClockJump)
        }
        Error::Crypto(_) => true,
        // A gateway's page instead of an answer.
        Error::Protocol(_) => !faults.contains(Fault::ServerError),
        Error::Local(LocalError::Degraded { .. }) => {
            !faults.iter().any(|fault| fault.group() != Group::Network)
        }
        _ => false,
    };
    if is_alarm { violated("no_false_alarm", format!("{error:?}")) } else { Ok(()) }
}

const fn is_lying_network(fault: Fault) -> bool {
    matches!(fault, Fault::TruncatedBody | Fault::CorruptByte | Fault::StaleRead)
}

/// What a container says must be what somebody wrote into it.
pub(crate) fn only_what_was_written(model: &Model, id: ContainerId, said: &Said) -> Held {
    let wrote = |number: Option<u64>, sets: fn(&Written) -> bool| {
        let Some(number) = number else { return true };
        model
            .writes
            .get(&number)
            .is_some_and(|written| sets(written) && written.container.is_none_or(|container| container == id))
    };
    let is_written = wrote(said.content, |written| written.sets.content)
        && wrote(said.header, |written| written.sets.header)
        && wrote(said.kind, |written| written.sets.kind);
    if is_written { Ok(()) } else { violated("only_what_was_written", format!("{id} says {said:?}")) }
}

/// Holds a revision against all that is known of it, then knows more.
pub(crate) fn equals_the_model(model: &mut Model, id: ContainerId, revision: u64, said: Said) -> Held {
    const NAME: &str = "equals_the_model";
    type Part = (fn(&Said) -> Option<u64>, fn(&Written) -> bool);
    const PARTS: [Part; 3] = [
        (|said| said.content, |written| written.sets.content),
        (|said| said.header, |written| written.sets.header),
        (|said| said.kind, |written| written.sets.kind),
    ];
    for (part, sets) in PARTS {
        let Some(number) = part(&said) else { continue };
        let before = model.containers.get(&id).and_then(|known| known.revisions.get(&revision));
        if let Some(other) = before.and_then(part).filter(|other| *other != number) {
            return violated(
                NAME,
                format!("{id} revision {revision} says write {number}, and said {other} before"),
            );
        }
        let made_in = match model.writes.get(&number).map(|written| written.fate) {
            Some(Fate::Done(made_in)) => made_in,
            // Not acknowledged: it may be any revision up to this one.
            Some(Fate::Maybe | Fate::Unknown | Fate::Queued { .. }) | None => continue,
            Some(Fate::Refused) => {
                return violated(
                    NAME,
                    format!("{id} revision {revision} says write {number}, which was refused"),
                );
            }
        };
        if made_in > revision {
            return violated(
                NAME,
                format!("{id} revision {revision} says write {number} of revision {made_in}"),
            );
        }
        let between = model.writes_of(id).find(|(_, written)| {
            sets(written) && matches!(written.fate, Fate::Done(later) if later > made_in && later <= revision)
        });
        if let Some((later, _)) = between {
            return violated(
                NAME,
                format!("{id} revision {revision} says write {number}, and not the later {later}"),
            );
        }
    }
    if let Some(known) = model.containers.get_mut(&id) {
        let entry = known.revisions.entry(revision).or_default();
        entry.content = said.content.or(entry.content);
        entry.header = said.header.or(entry.header);
        entry.kind = said.kind.or(entry.kind);
    }
    Ok(())
}

pub(crate) fn pins_never_go_back(id: ContainerId, revision: u64, seen: u64) -> Held {
    match revision < seen {
        true => violated(
            "pins_never_go_back",
            format!("{id} is shown as revision {revision}, {seen} was seen here"),
        ),
        false => Ok(()),
    }
}

pub(crate) fn nothing_acknowledged_is_lost(id: ContainerId, revision: u64, top: u64) -> Held {
    match revision < top {
        true => violated(
            "nothing_acknowledged_is_lost",
            format!("{id} has revision {revision}, {top} was acknowledged"),
        ),
        false => Ok(()),
    }
}

pub(crate) fn revoked_read_nothing_later(model: &Model, id: ContainerId, user: usize, said: &Said) -> Held {
    let Some(revoked_in) = model.revoked_in(id, user) else { return Ok(()) };
    for number in [said.content, said.header].into_iter().flatten() {
        if let Some(Fate::Done(made_in)) = model.writes.get(&number).map(|written| written.fate)
            && made_in >= revoked_in
        {
            let what = format!("user {user} lost {id} in revision {revoked_in} and reads revision {made_in}");
            return violated("revoked_read_nothing_later", what);
        }
    }
    Ok(())
}

/// `clocks`: what the device's clock said when the operation began and ended, and the broker's when it
/// began if the broker was asked.
pub(crate) fn expired_access_never_opens(
    model: &Model,
    (id, revision): (ContainerId, u64),
    user: usize,
    clocks: ([u64; 2], Option<u64>),
) -> Held {
    let Some((since, until)) = model.expires(id, user) else { return Ok(()) };
    if revision < since {
        // A device cannot know what it was not told.
        return Ok(());
    }
    let ([began, ended], broker) = clocks;
    let is_over = began.min(ended) >= until || broker.is_some_and(|broker| broker >= until);
    match is_over {
        true => violated("expired_access_never_opens", format!("user {user} reads {id}, {until} is over")),
        false => Ok(()),
    }
}

pub(crate) fn users_are_separate(model: &Model, id: ContainerId, user: usize) -> Held {
    match model.containers.contains_key(&id) && !model.ever_granted(id, user) {
        true => violated("users_are_separate", format!("user {user} is shown {id}, which nobody gave them")),
        false => Ok(()),
    }
}

/// Which device got which token, for whom.
#[derive(Default)]
pub(crate) struct Tokens(BTreeMap<String, (usize, Option<usize>)>);

impl Tokens {
    pub(crate) fn tokens_stay_at_their_origin(
        &mut self,
        request: &HttpRequest,
        device: usize,
        user: Option<usize>,
    ) -> Held {
        const NAME: &str = "tokens_stay_at_their_origin";
        if request.origin != ORIGIN {
            return violated(NAME, format!("a request goes to {}", request.origin));
        }
        for (_, token) in request.headers.iter().filter(|(name, _)| name == "authorization") {
            let owner = *self.0.entry(token.clone()).or_insert((device, user));
            // Whoever signs out is nobody already, and gives the token back.
            let is_of_owner = owner.0 == device && (user.is_none() || owner.1 == user);
            if !is_of_owner {
                return violated(NAME, format!("device {device}, user {user:?} sends a token of {owner:?}"));
            }
        }
        Ok(())
    }
}

pub(crate) fn no_secret_is_seen(bytes: &[u8], where_it_is: &str) -> Held {
    for secret in [SECRET, PASSWORD, PASSPHRASE] {
        if contains(bytes, secret.as_bytes()) {
            return violated("no_secret_is_seen", format!("{secret:?} in {where_it_is}"));
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some(first) = wanted.first() else { return true };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(wanted) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// The first bytes of ciphertext under each commitment: keys are derived from a secret and a fresh salt,
/// and the commitment follows from them.
#[derive(Default)]
pub(crate) struct Keystreams(BTreeMap<[u8; 32], Vec<u8>>);

impl Keystreams {
    pub(crate) fn no_keystream_twice(&mut self, sent: &[u8]) -> Held {
        let mut from = 0;
        while let Some(at) = sent[from..].windows(4).position(|window| window == b"SEG1") {
            let begin = from + at;
            from = begin + 4;
            let Some(segment) = sent.get(begin..begin + SEGMENT_HEADER + 16) else { return Ok(()) };
            let (header, ciphertext) = segment.split_at(SEGMENT_HEADER);
            let Some(commitment) = header.last_chunk() else { return Ok(()) };
            let before = self.0.entry(*commitment).or_insert_with(|| ciphertext.to_vec());
            if before != ciphertext {
                return violated(
                    "no_keystream_twice",
                    "two contents were sealed under the same keys and salt",
                );
            }
        }
        Ok(())
    }
}

pub(crate) fn memory_is_bounded(length: usize, what: &str) -> Held {
    match length > LARGEST {
        true => violated("memory_is_bounded", format!("{length} bytes in {what}")),
        false => Ok(()),
    }
}

//! What a client remembers between operations, in memory only: configuration, who is signed in,
//! and what was verified before and must not go back.

mod cards;
mod key_source;
mod local;

pub(crate) use cards::CardsKnown;
pub use key_source::KeySource;
pub(crate) use key_source::Source;
pub(crate) use local::Local;

use crate::crypto::chain::{Pin, Signers};
use crate::crypto::manifest::{ManifestView, TypeOpening};
use crate::crypto::{CardChain, KdfPolicy, KeyRing, OpenKeyFile, SealedKeyFile};
use crate::error::{CryptoError, Error, InputError};
use crate::limits;
use crate::model::{ApiKey, ContainerId, EventFilter, Timestamp, UserId, Validators};
use crate::operation::{Generation, Now};
use crate::wire;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The server that the original spoke to unless told otherwise (S-004).
pub const DEFAULT_SERVER_URL: &str = "https://sandbox.absio.com";

/// A token is renewed this long before it ends, so that it does not end on the way.
const TOKEN_MARGIN: Duration = Duration::from_secs(30);

/// Verified heads kept for updates without another fetch; pins are kept for all.
const HEADS: usize = 256;

/// How a client is set up (the seed's `initialize`).
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) api_key: ApiKey,
    pub(crate) origin: String,
    pub(crate) app_name: Option<String>,
    pub(crate) validators: Validators,
    pub(crate) deadline: Duration,
    pub(crate) kdf: KdfPolicy,
    pub(crate) key_source: Option<Source>,
}

impl Config {
    /// A client of the broker at `server_url`, with `api_key` issued by it.
    ///
    /// # Errors
    /// [`InputError::InvalidServerUrl`].
    pub fn new(api_key: ApiKey, server_url: &str) -> Result<Self, InputError> {
        Ok(Self {
            api_key,
            origin: wire::parse_origin(server_url)?,
            app_name: None,
            validators: Validators::default(),
            deadline: Duration::from_secs(60),
            kdf: KdfPolicy::default(),
            key_source: None,
        })
    }

    /// A client of the original's server, [`DEFAULT_SERVER_URL`] (S-004).
    ///
    /// # Errors
    /// Never: that URL is usable.
    pub fn at_default_server(api_key: ApiKey) -> Result<Self, InputError> {
        Self::new(api_key, DEFAULT_SERVER_URL)
    }

    /// Names the program in events (S-003).
    ///
    /// # Errors
    /// [`InputError::TooLarge`] over 128 bytes.
    pub fn app_name(mut self, name: &str) -> Result<Self, InputError> {
        if name.len() > limits::APP_NAME {
            return Err(InputError::TooLarge {
                what: "the application name",
                actual: name.len() as u64,
                limit: limits::APP_NAME as u64,
            });
        }
        self.app_name = Some(name.to_owned());
        Ok(self)
    }

    /// Replaces the rules for credentials, for every call (S-020).
    #[must_use]
    pub fn validators(mut self, validators: Validators) -> Self {
        self.validators = validators;
        self
    }

    /// How long one exchange with the server may take; 60 seconds unless set. A change whose answer does
    /// not come is sent at most three times, under one idempotency key: it may take three times this
    /// long and 20 seconds (`docs/protocol.md` §14.5).
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Takes public keys from `source` instead of the broker.
    #[must_use]
    pub fn key_source(mut self, source: Arc<dyn KeySource>) -> Self {
        self.key_source = Some(Source(source));
        self
    }

    /// Stretches passwords by `policy`.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn kdf_policy(mut self, policy: KdfPolicy) -> Self {
        self.kdf = policy;
        self
    }

    /// The server's origin, in its one spelling.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// A user with their private keys. Clones share them; they are wiped with the last.
#[derive(Clone)]
pub struct User(Arc<Keys>);

enum Keys {
    /// Opened, and the sealed bytes it was opened from: what the broker holds.
    File(OpenKeyFile, SealedKeyFile),
    /// Kept elsewhere by the program itself.
    Ring(KeyRing),
}

impl User {
    /// The user's id.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.keys().user_id()
    }

    /// The key ring, with private keys (S-152).
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        match &*self.0 {
            Keys::File(open, _) => open.ring(),
            Keys::Ring(ring) => ring,
        }
    }

    /// The opened key file; none if the keys are kept elsewhere.
    #[must_use]
    pub fn key_file(&self) -> Option<&OpenKeyFile> {
        match &*self.0 {
            Keys::File(open, _) => Some(open),
            Keys::Ring(_) => None,
        }
    }

    /// The key file as it is stored: sealed under password and passphrase. None if the keys are kept
    /// elsewhere.
    #[must_use]
    pub fn sealed_key_file(&self) -> Option<&SealedKeyFile> {
        match &*self.0 {
            Keys::File(_, sealed) => Some(sealed),
            Keys::Ring(_) => None,
        }
    }

    /// Open and sealed, for what only a user with a key file can do.
    pub(crate) fn require_key_file(&self) -> Result<(&OpenKeyFile, &SealedKeyFile), InputError> {
        match &*self.0 {
            Keys::File(open, sealed) => Ok((open, sealed)),
            Keys::Ring(_) => Err(InputError::NoKeyFile { user: self.id() }),
        }
    }
}

impl From<(OpenKeyFile, SealedKeyFile)> for User {
    fn from((open, sealed): (OpenKeyFile, SealedKeyFile)) -> Self {
        Self(Arc::new(Keys::File(open, sealed)))
    }
}

/// A user without a key file.
impl From<KeyRing> for User {
    fn from(ring: KeyRing) -> Self {
        Self(Arc::new(Keys::Ring(ring)))
    }
}

impl core::fmt::Debug for User {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "User({})", self.id())
    }
}

struct Token {
    bytes: zeroize::Zeroizing<Vec<u8>>,
    /// On the monotonic clock.
    usable_until: Duration,
}

/// A verified container as it was last seen: enough to build the next revision on.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) view: ManifestView,
    /// The user's own key blob, if there is one.
    pub(crate) blob: Option<Vec<u8>>,
    /// The type, if the user may see it.
    pub(crate) type_opening: Option<TypeOpening>,
}

/// The state lent to every client operation. Nothing in it is written anywhere.
#[derive(Default)]
pub struct Session {
    config: Option<Config>,
    generation: u64,
    user: Option<User>,
    token: Option<Token>,
    local: Option<Local>,
    peers: BTreeMap<UserId, CardChain>,
    card_steps: cards::CardSteps,
    /// Peers whose cards are newer here than in the local store.
    new_peers: BTreeSet<UserId>,
    /// Peers whose fingerprint was compared by hand.
    verified_peers: BTreeSet<UserId>,
    /// The last revision seen, by the user who saw it: kept when signing out, they are no secret.
    pins: BTreeMap<(UserId, ContainerId), Pin>,
    heads: BTreeMap<ContainerId, Head>,
    /// The latest date of a verified revision; it is at most 5 minutes ahead of the clock it was verified by.
    latest: Option<Timestamp>,
    /// Generation and checksum of the newest key file seen, by user.
    key_files: BTreeMap<UserId, (u64, [u8; 32])>,
    /// The next event id to read, by user and filter (AMB-06: it survives logout within one session
    /// value; a filtered call does not move the cursor of another).
    cursors: BTreeMap<(UserId, EventFilter), u64>,
}

impl Generation for Session {
    fn generation(&self) -> u64 {
        self.generation
    }
}

impl Session {
    /// A session of a client that is set up by `config`. `Session::default()` is one that is not:
    /// every operation on it is [`InputError::NotInitialized`] (S-001).
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config: Some(config), ..Self::default() }
    }

    /// Whether it was set up.
    #[must_use]
    pub fn is_initialized(&self) -> bool {
        self.config.is_some()
    }

    /// The signed-in user.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The user whose partition of the local store is open: signed in there, whatever the server says.
    #[must_use]
    pub fn local_user(&self) -> Option<&User> {
        self.local.as_ref().map(|local| &local.user)
    }

    /// Whether a token for the server is held that has not run out at `now`.
    #[must_use]
    pub fn is_authenticated(&self, now: Now) -> bool {
        self.token(now).is_some()
    }

    pub(crate) fn config(&self) -> Result<&Config, Error> {
        self.config.as_ref().ok_or_else(|| InputError::NotInitialized.into())
    }

    /// The signed-in user; the session must be set up.
    pub(crate) fn signed_in(&self) -> Result<&User, Error> {
        self.config()?;
        self.user.as_ref().ok_or_else(|| InputError::NotAuthenticated.into())
    }

    /// The signed-in user, for what only the keys in use may sign.
    pub(crate) fn signer(&self) -> Result<&User, Error> {
        let own = self.signed_in()?;
        let known = self.chain(own.id()).map_or(0, CardChain::sequence);
        if known > own.keys().chain().sequence() {
            return Err(InputError::KeysChanged { user: own.id() }.into());
        }
        Ok(own)
    }

    /// The date of a card of `user` that retires keys at `now`. A retired key counts for what is dated before:
    /// that takes in what was signed this very moment, or is remembered to be dated later.
    pub(crate) fn card_date(&self, user: UserId, now: Timestamp) -> Timestamp {
        let bodies = self.heads.values().map(|head| head.view.body());
        let signed = bodies.filter(|body| body.author.user == user).map(|body| body.modified_at);
        signed.fold(now, Timestamp::max).plus_millis(1)
    }

    pub(crate) fn sign_in(&mut self, user: User) {
        self.sign_out();
        self.replace_key_file(user);
    }

    /// Takes what a change of the own key file made; who is signed in stays the same.
    pub(crate) fn replace_key_file(&mut self, user: User) {
        if let Some(sealed) = user.sealed_key_file() {
            self.recall_key_file(sealed);
        }
        let (id, before) = (user.id(), self.card_sequence(user.id()));
        self.user = Some(user);
        self.note_cards(id, before);
    }

    /// Refuses a key file older than one seen before, or another of the same generation (F28).
    pub(crate) fn check_key_file(&self, user: UserId, offered: &SealedKeyFile) -> Result<(), CryptoError> {
        match self.key_files.get(&user) {
            Some((generation, checksum)) => offered.check_against(*generation, checksum),
            None => Ok(()),
        }
    }

    /// Counts a key file of the local store as seen.
    pub(crate) fn recall_key_file(&mut self, here: &SealedKeyFile) {
        let seen = self.key_files.entry(here.user_id()).or_default();
        *seen = (here.generation(), here.checksum()).max(*seen);
    }

    /// The key file of `user` is wanted here no more: another one may come in its place.
    pub(crate) fn forget_key_file(&mut self, user: UserId) {
        self.key_files.remove(&user);
    }

    /// No key file is wanted here any more.
    pub(crate) fn forget_key_files(&mut self) {
        self.key_files.clear();
    }

    /// Takes a new version of the key file of whoever is signed in to the local store. False if it is
    /// of another partition, which must be entered then; true also if somebody else is signed in.
    pub(crate) fn replace_local_key_file(&mut self, user: &User) -> bool {
        let Some(local) = self.local.as_mut().filter(|local| local.user_id() == user.id()) else {
            return true;
        };
        let secret = |user: &User| user.key_file().map(|open| open.store_secret().duplicate());
        let is_same = secret(&local.user) == secret(user);
        if is_same {
            local.user = user.clone();
        }
        is_same
    }

    /// Keeps the cards of a peer in the local store with the next write, whether or not they were known.
    pub(crate) fn keep_peer(&mut self, chain: &CardChain) -> Result<(), Error> {
        let user = chain.user_id();
        self.learn_cards(user, chain.cards(), self.cards_known())?;
        if self.peers.contains_key(&user) {
            self.new_peers.insert(user);
        }
        Ok(())
    }

    /// Wipes keys, token and what was fetched for the user; pins stay (they hold no secret).
    pub(crate) fn sign_out(&mut self) {
        self.generation += 1;
        self.user = None;
        self.token = crate::planted!(TokenSurvivesSignOut, self.token.take(), None);
        self.heads.clear();
    }

    pub(crate) fn set_token(&mut self, bytes: Vec<u8>, lifetime: Duration, now: Now) {
        let lifetime = lifetime.min(Duration::from_millis(limits::TOKEN_LIFE_MS));
        let usable_until = now.monotonic + lifetime.saturating_sub(TOKEN_MARGIN);
        self.token = Some(Token { bytes: bytes.into(), usable_until });
    }

    pub(crate) fn drop_token(&mut self) {
        self.token = None;
    }

    pub(crate) fn token(&self, now: Now) -> Option<&[u8]> {
        self.token
            .as_ref()
            .filter(|token| now.monotonic < token.usable_until)
            .map(|token| token.bytes.as_slice())
    }

    pub(crate) fn pin(&self, container: ContainerId) -> Option<&Pin> {
        let user = self.user.as_ref()?.id();
        self.pins.get(&(user, container))
    }

    pub(crate) fn set_pin(&mut self, container: ContainerId, pin: Pin) {
        if let Some(user) = crate::planted!(PinNotKept, None, self.user.as_ref()) {
            // Operations side by side may end in any order: what was seen never goes back.
            let seen = self.pins.entry((user.id(), container)).or_insert(pin);
            if !seen.tombstone && seen.revision < pin.revision {
                *seen = pin;
            }
        }
    }

    /// Pins what the local store of `user` remembers: no server can show less from then on.
    pub(crate) fn recall_pin(&mut self, user: UserId, container: ContainerId, pin: Pin) {
        let seen = self.pins.entry((user, container)).or_insert(pin);
        if !seen.tombstone && (pin.tombstone || seen.revision < pin.revision) {
            *seen = pin;
        }
    }

    /// Takes back what was remembered of a revision that nobody else has and that could not be kept.
    pub(crate) fn unsee(&mut self, user: UserId, container: ContainerId) {
        self.pins.remove(&(user, container));
        self.heads.remove(&container);
    }

    /// The pin of a container, whether the user of the server or that of the local store saw it.
    pub(crate) fn pin_of_anybody(&self, container: ContainerId) -> Option<&Pin> {
        let local = self.local.as_ref().and_then(|local| self.pins.get(&(local.user_id(), container)));
        self.pin(container).or(local)
    }

    /// A verified revision from the local store of `user`: what the next one is built on, unless a
    /// newer one is known.
    pub(crate) fn recall_head(&mut self, user: UserId, head: Head) {
        let (container, revision) = (head.view.body().container, head.view.body().revision);
        let known = self.heads.get(&container).map_or(0, |head| head.view.body().revision);
        let pinned = self.pins.get(&(user, container)).map_or(0, |pin| pin.revision);
        if known < revision && pinned <= revision {
            self.set_head(container, head);
        }
    }

    pub(crate) fn head(&self, container: ContainerId) -> Option<&Head> {
        self.heads.get(&container)
    }

    pub(crate) fn set_head(&mut self, container: ContainerId, head: Head) {
        if self.heads.len() >= HEADS && !self.heads.contains_key(&container) {
            self.heads.pop_first();
        }
        self.latest = self.latest.max(Some(head.view.body().modified_at));
        self.heads.insert(container, head);
    }

    /// The time that expirations are held against: the latest that the clock tells, the open partition ever wrote
    /// down, or a verified revision is dated. Neither a clock set back nor a broker's brings access back.
    pub(crate) fn effective_time(&self, now: Timestamp) -> Timestamp {
        let kept = self.local.as_ref().map(|local| local.effective_time(now));
        now.max(kept.max(self.latest).unwrap_or(now))
    }

    pub(crate) fn drop_head(&mut self, container: ContainerId) {
        self.heads.remove(&container);
    }

    pub(crate) fn cursor(&self, user: UserId, filter: &EventFilter) -> u64 {
        self.cursors.get(&(user, filter.clone())).copied().unwrap_or(0)
    }

    /// The cursor never moves backwards (security case 47).
    pub(crate) fn advance_cursor(&mut self, user: UserId, filter: EventFilter, next: u64) {
        let cursor = self.cursors.entry((user, filter)).or_default();
        *cursor = next.max(*cursor);
    }
}

impl Signers for Session {
    fn chain(&self, user: UserId) -> Option<&CardChain> {
        Self::chain(self, user)
    }
}

#[cfg(test)]
mod tests;

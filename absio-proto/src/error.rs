//! Errors by blame: who must act. Each says what failed, on which id, and what to do; none holds a
//! secret. [`Error::code`] is stable, the sentences are not.

mod local;
mod remote;

pub use local::LocalError;
pub use remote::{RemoteCode, RemoteError};

use crate::effect::{ContentError, StoreError, TransportError};
use crate::model::{ContainerId, UserId};
use crate::operation::EntropyError;

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for something that cannot be done as asked.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The broker refused: the request was understood and a rule stands against it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The broker broke the protocol of `docs/protocol.md`.
    #[error(
        "the server broke the protocol: {0}; check that the server URL is an Absio broker of this version"
    )]
    Protocol(String),
    /// Something failed to verify.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The exchange did not happen or its answer was lost. Whether a change may have been made all the
    /// same is [`TransportError::unconfirmed`].
    #[error("{}", .0.sentence())]
    Transport(#[from] TransportError),
    /// The store failed.
    #[error("the store failed ({0})")]
    Store(#[from] StoreError),
    /// What was asked for is not on this device, or damaged there.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The caller's content source or sink failed.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The random source failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The driver broke the contract of [`Operation`](crate::Operation).
    #[error("the driver broke the contract: {0}")]
    Misuse(#[from] Misuse),
    /// The transfer of a large content ended early, after something of it was done.
    #[error(transparent)]
    Transfer(#[from] Box<TransferError>),
    /// Another user signed in, or the user signed out, while the operation was under way.
    #[error("the session changed while the operation was under way; start it again")]
    SessionChanged,
}

/// A transfer of a large content that ended early. What was done stands: bytes that came are proven
/// against the signed digest, bytes that went are at the broker, and both can be gone on from
/// (`Create::recording`, `Get::into_sink_that_has`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause} (verified {done} of {total} bytes)")]
pub struct TransferError {
    /// Why it ended.
    pub cause: Error,
    /// Bytes that are done, from the first on.
    pub done: u64,
    /// Bytes of the whole content.
    pub total: u64,
}

impl TransferError {
    /// What a transfer fails with: the cause as it is if nothing was done yet.
    pub(crate) fn ended(cause: Error, done: u64, total: u64) -> Error {
        if done == 0 { cause } else { Box::new(Self { cause, done, total }).into() }
    }
}

/// How a driver broke the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// A reply although no effect was given.
    #[error("a reply was given before any effect was asked for")]
    UnexpectedReply,
    /// No reply although an effect was given.
    #[error("the operation was resumed without the reply it waits for")]
    MissingReply,
    /// A reply to an earlier effect of the same operation.
    #[error("the reply answers an earlier effect")]
    StaleReply,
    /// A reply to an effect of another operation.
    #[error("the reply answers another operation's effect")]
    ForeignReply,
    /// A reply of another kind than the effect.
    #[error("the reply is of another kind than the effect")]
    WrongReply,
    /// The replies of an `All` were missing, doubled or foreign.
    #[error("the replies of a joined effect are not one for each member")]
    BrokenJoin,
    /// An `All` inside an `All`.
    #[error("an operation nested an All inside an All")]
    NestedAll,
    /// Resumed after it was done.
    #[error("the operation was resumed after it was done")]
    ResumedAfterDone,
}

/// What the caller must change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// S-001: nothing was initialised.
    #[error("the client is not initialised; give it an API key first")]
    NotInitialized,
    /// The API key is not a UUID (S-002).
    #[error("the API key is not a UUID; copy it whole from `absio api-key create`")]
    InvalidApiKey,
    /// The server URL is not usable (HTTPS is required except for loopback).
    #[error("the server URL {url:?} cannot be used: {reason}")]
    InvalidServerUrl {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody is signed in.
    #[error("nobody is signed in; log in first")]
    NotAuthenticated,
    /// Neither password nor passphrase was given (S-008).
    #[error("give a password, a passphrase or both")]
    CredentialsRequired,
    /// The key file is not on this device: the passphrase is needed to fetch it (S-010).
    #[error("the key file is not on this device; give the passphrase to fetch it")]
    PassphraseRequired,
    /// The password does not open the key file.
    #[error("the password does not open the key file of user {user}")]
    WrongPassword {
        /// Whose key file.
        user: UserId,
    },
    /// The passphrase does not open the key file.
    #[error("the passphrase does not open the key file of user {user}")]
    WrongPassphrase {
        /// Whose key file.
        user: UserId,
    },
    /// The user's keys are not in a key file, so there is none to change.
    #[error("user {user} has no key file; give it one with key_file::Update")]
    NoKeyFile {
        /// The user.
        user: UserId,
    },
    /// The keys on this device are no longer the user's.
    #[error("another device changed the keys of user {user}; log in with the passphrase")]
    KeysChanged {
        /// The user.
        user: UserId,
    },
    /// A validator refused a credential (S-023).
    #[error(
        "the {field} was refused; by default it needs 8 characters of at least 3 kinds (lower case, upper case, digit, special)"
    )]
    CredentialRefused {
        /// `password`, `passphrase` or `reminder`.
        field: &'static str,
    },
    /// Password and passphrase are equal.
    #[error("password and passphrase must differ")]
    EqualCredentials,
    /// An argument is out of its range.
    #[error("{argument} is not valid: {reason}")]
    InvalidArgument {
        /// The argument's name.
        argument: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The header is not JSON, or too large, or too deep (S-028).
    #[error("the header is not usable: {reason}")]
    InvalidHeader {
        /// What is wrong with it.
        reason: String,
    },
    /// None of access, content, header and type was given (S-070).
    #[error("nothing to update in container {container}; give access, content, header or type")]
    NothingToUpdate {
        /// The container.
        container: ContainerId,
    },
    /// Somebody else changed the same part of the container first. Both sides stand: fetch it, and
    /// decide.
    #[error(
        "container {container} was changed by somebody else: this update was made on revision {base}, present is {present}; get it and decide"
    )]
    ChangedMeanwhile {
        /// The container.
        container: ContainerId,
        /// The revision this update was built on.
        base: u64,
        /// The present revision, fetched and verified.
        present: u64,
    },
    /// The container must be encrypted first (S-196).
    #[error("the container is not encrypted; encrypt it before uploading")]
    NotEncrypted,
    /// There are no keys to decrypt with (S-092).
    #[error("there are no container keys to decrypt with")]
    NoContainerKeys,
    /// The signed-in user lacks a right that the operation needs.
    #[error("you lack the right {right} on container {container}; ask somebody with access.modify")]
    MissingRight {
        /// The right, as the seed spells it.
        right: &'static str,
        /// The container.
        container: ContainerId,
    },
    /// A permission combination that the broker refuses (S-134, S-135).
    #[error("the permissions for user {user} are refused: {reason}")]
    RefusedPermissions {
        /// Whose permissions.
        user: UserId,
        /// Which rule.
        reason: &'static str,
    },
    /// The fingerprint given by hand is not the one of the keys that are known (security case 12).
    #[error(
        "the fingerprint of user {user} is {seen}, not {given:?}; ask the user again by another way, and share nothing until they agree"
    )]
    FingerprintDiffers {
        /// Whose.
        user: UserId,
        /// Of the keys that are known here.
        seen: String,
        /// As given, at most 64 characters of it.
        given: String,
    },
    /// The provider does not offer this (S-067, S-232).
    #[error("the provider does not support {what}")]
    Unsupported {
        /// The operation.
        what: &'static str,
    },
    /// A value is larger than its limit (`docs/protocol.md`, "Limits").
    #[error("{what} is {actual} long, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        actual: u64,
        /// The limit.
        limit: u64,
    },
}

/// What failed to verify. Nothing of the rejected data is used or returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// A structure of `docs/protocol.md` is malformed.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// Which structure.
        what: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// A suite, cipher or MAC index this version does not know.
    #[error("{what} {value} is not known to this version; update the program")]
    Unknown {
        /// What kind of number.
        what: &'static str,
        /// The number.
        value: u64,
    },
    /// A segment, key blob or message does not open. One error for every cause.
    #[error("the data does not decrypt: wrong key, or it was altered")]
    Decrypt,
    /// A signature does not verify.
    #[error("the signature on the {what} is not valid")]
    BadSignature {
        /// On what.
        what: &'static str,
    },
    /// A public key that must not be used (low order, weak or not canonical).
    #[error("a public key must not be used: it is weak or not canonical")]
    WeakKey,
    /// The keys served for a user are not the ones the id commits to.
    #[error("the keys served for user {user} are not that user's keys; do not trust this server's answer")]
    IdentityMismatch {
        /// The user.
        user: UserId,
    },
    /// The card chain breaks a rule.
    #[error("the identity cards of user {user} do not form a chain: {reason}")]
    CardChainInvalid {
        /// The user.
        user: UserId,
        /// Which rule.
        reason: &'static str,
    },
    /// A pinned peer's cards are another chain than the one seen before.
    #[error("the identity of user {user} is not the one seen before")]
    PeerIdentityChanged {
        /// The user.
        user: UserId,
    },
    /// A signing key must not be used for what it signed: unknown, retired before that, or revoked.
    #[error("signing key {index} of user {user} does not count here: {reason}")]
    KeyNotValid {
        /// Whose key.
        user: UserId,
        /// Which of their signing keys.
        index: u32,
        /// Why not.
        reason: &'static str,
    },
    /// What the server shows as one's own card is not.
    #[error("the server shows other keys than yours for user {user}")]
    OwnIdentityMismatch {
        /// The user.
        user: UserId,
    },
    /// The iteration count is outside the compiled-in limits.
    #[error("the key file asks for {iterations} iterations, allowed are {floor} to {ceiling}")]
    KdfOutOfRange {
        /// As asked.
        iterations: u64,
        /// The least.
        floor: u64,
        /// The most.
        ceiling: u64,
    },
    /// The key file is of another user, damaged or altered.
    #[error("the key file of user {user} does not verify: {reason}")]
    KeyFileInvalid {
        /// The user.
        user: UserId,
        /// What is wrong.
        reason: &'static str,
    },
    /// An older generation of the key file than the one seen.
    #[error("the server offers key file generation {offered} of user {user}, {seen} was seen before")]
    KeyFileRollback {
        /// The user.
        user: UserId,
        /// Seen before.
        seen: u64,
        /// Offered now.
        offered: u64,
    },
    /// The same generation of the key file as seen, with other bytes.
    #[error(
        "the key file of user {user} exists in two versions of generation {generation}; change the credentials on one device to settle it"
    )]
    KeyFileForked {
        /// The user.
        user: UserId,
        /// The generation.
        generation: u64,
    },
    /// The reminder served is not the one in the key file.
    #[error("the reminder the server shows is not the one in the key file of user {user}")]
    ReminderChanged {
        /// The user.
        user: UserId,
    },
    /// What was served does not match the signed manifest.
    #[error("container {container}: the {what} does not match the signed manifest")]
    ManifestMismatch {
        /// The container.
        container: ContainerId,
        /// What does not match.
        what: &'static str,
    },
    /// The container id is not one its creator could have made.
    #[error("container {container} was not created by user {creator}")]
    ForeignContainerId {
        /// The container.
        container: ContainerId,
        /// Who is claimed as creator.
        creator: UserId,
    },
    /// The signer of a revision had no right to make it.
    #[error("revision {revision} of container {container} was signed by a user without the right {right}")]
    NotAuthorised {
        /// The container.
        container: ContainerId,
        /// The revision.
        revision: u64,
        /// Which right was missing.
        right: &'static str,
    },
    /// A revision breaks a rule of `docs/protocol.md`, section 13.
    #[error("revision {revision} of container {container} breaks a rule: {reason}")]
    RevisionInvalid {
        /// The container.
        container: ContainerId,
        /// The revision.
        revision: u64,
        /// Which rule.
        reason: &'static str,
    },
    /// Too many revisions to verify at first contact.
    #[error("container {container} has too long a history to verify; ask its creator to sign a revision")]
    HistoryTooLong {
        /// The container.
        container: ContainerId,
    },
    /// An older revision than one already seen.
    #[error("container {container}: the server offers revision {offered}, {seen} was seen before")]
    RollbackDetected {
        /// The container.
        container: ContainerId,
        /// Seen before.
        seen: u64,
        /// Offered now.
        offered: u64,
    },
    /// Another history than the one already seen.
    #[error("container {container}: revision {revision} is not the one seen before")]
    ForkDetected {
        /// The container.
        container: ContainerId,
        /// The revision.
        revision: u64,
    },
    /// A manifest dated more than five minutes ahead of this device's clock.
    #[error("revision {revision} of container {container} is dated in the future; check this device's clock")]
    FromTheFuture {
        /// The container.
        container: ContainerId,
        /// The revision.
        revision: u64,
    },
}

impl Error {
    /// A stable, machine-readable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Input(error) => error.code(),
            Self::Remote(error) => error.code.as_str(),
            Self::Protocol(_) => "protocol",
            Self::Crypto(error) => error.code(),
            Self::Transport(_) => "transport",
            Self::Store(_) => "store",
            Self::Local(error) => error.code(),
            Self::Content(_) => "content",
            Self::Entropy(_) => "entropy",
            Self::Misuse(_) => "misuse",
            Self::Transfer(error) => error.cause.code(),
            Self::SessionChanged => "session_changed",
        }
    }

    /// What went wrong: of a transfer that ended early, why it did.
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::Transfer(error) => &error.cause,
            error => error,
        }
    }

    /// Whether this is the broker's refusal with `code`.
    #[must_use]
    pub fn is_remote(&self, code: &RemoteCode) -> bool {
        matches!(self.cause(), Self::Remote(error) if error.code == *code)
    }
}

impl InputError {
    /// A stable, machine-readable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotInitialized => "not_initialized",
            Self::InvalidApiKey => "invalid_api_key",
            Self::InvalidServerUrl { .. } => "invalid_server_url",
            Self::NotAuthenticated => "not_logged_in",
            Self::CredentialsRequired => "credentials_required",
            Self::PassphraseRequired => "passphrase_required",
            Self::WrongPassword { .. } => "wrong_password",
            Self::WrongPassphrase { .. } => "wrong_passphrase",
            Self::NoKeyFile { .. } => "no_key_file",
            Self::KeysChanged { .. } => "keys_changed",
            Self::CredentialRefused { .. } => "credential_refused",
            Self::EqualCredentials => "equal_credentials",
            Self::InvalidArgument { .. } => "invalid_argument",
            Self::InvalidHeader { .. } => "invalid_header",
            Self::NothingToUpdate { .. } => "nothing_to_update",
            Self::ChangedMeanwhile { .. } => "changed_meanwhile",
            Self::NotEncrypted => "not_encrypted",
            Self::NoContainerKeys => "no_container_keys",
            Self::MissingRight { .. } => "missing_right",
            Self::RefusedPermissions { .. } => "refused_permissions",
            Self::FingerprintDiffers { .. } => "fingerprint_differs",
            Self::Unsupported { .. } => "unsupported",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

impl CryptoError {
    /// A stable, machine-readable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Unknown { .. } => "unknown_algorithm",
            Self::Decrypt => "decrypt",
            Self::BadSignature { .. } => "signature_invalid",
            Self::WeakKey => "weak_key",
            Self::IdentityMismatch { .. } => "identity_mismatch",
            Self::CardChainInvalid { .. } => "card_chain_invalid",
            Self::PeerIdentityChanged { .. } => "peer_identity_changed",
            Self::KeyNotValid { .. } => "key_not_valid",
            Self::OwnIdentityMismatch { .. } => "own_identity_mismatch",
            Self::KdfOutOfRange { .. } => "kdf_out_of_range",
            Self::KeyFileInvalid { .. } => "key_file_invalid",
            Self::KeyFileRollback { .. } => "key_file_rollback",
            Self::KeyFileForked { .. } => "key_file_forked",
            Self::ReminderChanged { .. } => "reminder_changed",
            Self::ManifestMismatch { .. } => "manifest_mismatch",
            Self::ForeignContainerId { .. } => "foreign_container_id",
            Self::NotAuthorised { .. } => "not_authorised",
            Self::RevisionInvalid { .. } => "revision_invalid",
            Self::HistoryTooLong { .. } => "history_too_long",
            Self::RollbackDetected { .. } => "rollback_detected",
            Self::ForkDetected { .. } => "fork_detected",
            Self::FromTheFuture { .. } => "from_the_future",
        }
    }
}

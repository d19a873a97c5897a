//! Users, sessions, keys and key files on the wire (`docs/protocol.md`, "Users").

use super::bundle::{Bundle, BundleTag, join_user, split_user};
use super::json::{Base64, from_json, to_json};
use crate::error::{CryptoError, Error};
use crate::model::UserId;
use serde::{Deserialize, Serialize};

/// Answer of `GET /v1/info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InfoAnswer {
    /// The protocol version, 1.
    pub protocol: u32,
    /// Suites the broker accepts.
    pub suites: Vec<u16>,
    /// The broker's clock in milliseconds.
    pub server_time: u64,
    /// Program and version.
    pub software: String,
}

/// Answer of `POST /v1/challenge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Single-use, good for 60 seconds.
    pub nonce: Base64,
    /// The broker's clock in milliseconds.
    pub server_time: u64,
}

/// Body of `POST /v1/login`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRequest {
    /// Who.
    pub user_id: UserId,
    /// Which of their signing keys.
    pub key_index: u32,
    /// The broker's nonce.
    pub nonce: Base64,
    /// 32 random bytes of the client's own.
    pub client_nonce: Base64,
    /// The client's clock in milliseconds.
    pub time: u64,
    /// 64 bytes, over a login proof.
    pub signature: Base64,
}

/// Answer of `POST /v1/login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginAnswer {
    /// The session token: opaque to clients.
    pub token: Base64,
    /// When it ends, in milliseconds.
    pub expires_at: u64,
    /// The broker's clock in milliseconds.
    pub server_time: u64,
}

/// Body of `POST /v1/key-file/retrieve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetrieveRequest {
    /// Whose key file.
    pub user_id: UserId,
    /// The broker's nonce.
    pub nonce: Base64,
    /// 32 random bytes of the client's own.
    pub client_nonce: Base64,
    /// The client's clock in milliseconds.
    pub time: u64,
    /// 64 bytes by the retrieval key, over a retrieval proof.
    pub signature: Base64,
}

#[derive(Serialize, Deserialize)]
struct RetrieveFields {
    reminder: String,
    nonce: Base64,
    server_time: u64,
}

/// Answer of `POST /v1/key-file/retrieve`: a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrieveAnswer {
    /// The sealed key file.
    pub key_file: Vec<u8>,
    /// The public reminder, for comparison with the copy inside.
    pub reminder: String,
    /// A fresh challenge for the login that follows.
    pub challenge: Challenge,
}

impl RetrieveAnswer {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let fields = RetrieveFields {
            reminder: self.reminder.clone(),
            nonce: self.challenge.nonce.clone(),
            server_time: self.challenge.server_time,
        };
        Bundle::new()
            .with(BundleTag::Fields, to_json(&fields))
            .with(BundleTag::KeyFile, self.key_file.clone())
            .encode()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Crypto`] or [`Error::Protocol`] if it is not well formed.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let fields: RetrieveFields = fields(&mut bundle, "the key file reply")?;
        let key_file = required(&mut bundle, BundleTag::KeyFile)?;
        bundle.end()?;
        let challenge = Challenge { nonce: fields.nonce, server_time: fields.server_time };
        Ok(Self { key_file, reminder: fields.reminder, challenge })
    }
}

#[derive(Serialize, Deserialize)]
struct CreateUserFields {
    retrieval_key: Option<Base64>,
    reminder: String,
}

/// Body of `POST /v1/users`: a bundle, signed by the new user's first signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateUser {
    /// The id that the card implies.
    pub user_id: UserId,
    /// The first identity card.
    pub card: Vec<u8>,
    /// The sealed key file; absent when the user keeps keys elsewhere (S-205).
    pub key_file: Option<Vec<u8>>,
    /// The public half of the retrieval key, 32 bytes; present exactly when the key file is.
    pub retrieval_key: Option<[u8; 32]>,
    /// The public reminder.
    pub reminder: String,
}

impl CreateUser {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let fields = CreateUserFields {
            retrieval_key: self.retrieval_key.map(|key| Base64(key.to_vec())),
            reminder: self.reminder.clone(),
        };
        Bundle::new()
            .with(BundleTag::Fields, to_json(&fields))
            .with(BundleTag::Card, join_user(self.user_id, &self.card))
            .with_some(BundleTag::KeyFile, self.key_file.clone())
            .encode()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Crypto`] or [`Error::Protocol`] if it is not well formed.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let fields: CreateUserFields = fields(&mut bundle, "the new user")?;
        let (user_id, card) = split_user(&required(&mut bundle, BundleTag::Card)?)?;
        let key_file = bundle.take(BundleTag::KeyFile);
        bundle.end()?;
        let retrieval_key = fields.retrieval_key.map(key_32).transpose()?;
        Ok(Self { user_id, card, key_file, retrieval_key, reminder: fields.reminder })
    }
}

/// Answer of `POST /v1/users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCreated {
    /// The id that the card implies, echoed.
    pub user_id: UserId,
    /// The broker's clock in milliseconds.
    pub server_time: u64,
}

/// Body of `DELETE /v1/users/{user}`: a bundle, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteUser {
    /// Whose.
    pub user_id: UserId,
    /// The card that closes the chain: it retires every key.
    pub closing_card: Vec<u8>,
}

impl DeleteUser {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Bundle::new().with(BundleTag::Card, join_user(self.user_id, &self.closing_card)).encode()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Crypto`] or [`Error::Protocol`] if it is not well formed.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let (user_id, closing_card) = split_user(&required(&mut bundle, BundleTag::Card)?)?;
        bundle.end()?;
        Ok(Self { user_id, closing_card })
    }
}

/// Answer of `GET /v1/users/{user}/reminder`. An unknown user has an empty one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReminderAnswer {
    /// Public text, not to be trusted before login.
    pub reminder: String,
}

/// Body of `POST /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysRequest {
    /// Whose cards; at most 4,096.
    pub user_ids: Vec<UserId>,
}

#[derive(Serialize, Deserialize)]
struct KeysFields {
    unknown: Vec<UserId>,
}

/// Answer of `POST /v1/keys`: a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysAnswer {
    /// Ids without cards.
    pub unknown: Vec<UserId>,
    /// Cards, each user's in ascending sequence.
    pub cards: Vec<(UserId, Vec<u8>)>,
}

impl KeysAnswer {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Bundle::new()
            .with(BundleTag::Fields, to_json(&KeysFields { unknown: self.unknown.clone() }))
            .with_all(BundleTag::Card, self.cards.iter().map(|(user, card)| join_user(*user, card)))
            .encode()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Crypto`] or [`Error::Protocol`] if it is not well formed.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let fields: KeysFields = fields(&mut bundle, "the keys reply")?;
        let cards = take_cards(&mut bundle)?;
        bundle.end()?;
        Ok(Self { unknown: fields.unknown, cards })
    }
}

#[derive(Default, Serialize, Deserialize)]
struct PutKeyFileFields {
    expected_generation: Option<u64>,
    expected_checksum: Option<Base64>,
    retrieval_key: Option<Base64>,
    reminder: Option<String>,
}

/// Body of `PUT /v1/key-file`: a bundle, signed. Compare-and-set on generation and checksum (F28).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutKeyFile {
    /// The generation and SHA-256 the broker must hold; none if it must hold no key file.
    pub expected: Option<(u64, [u8; 32])>,
    /// The sealed key file.
    pub key_file: Vec<u8>,
    /// The new retrieval key's public half; none keeps the old one.
    pub retrieval_key: Option<[u8; 32]>,
    /// The new reminder; none keeps the old one.
    pub reminder: Option<String>,
}

impl PutKeyFile {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Bundle::new()
            .with(BundleTag::Fields, to_json(&self.fields()))
            .with(BundleTag::KeyFile, self.key_file.clone())
            .encode()
    }

    fn fields(&self) -> PutKeyFileFields {
        PutKeyFileFields {
            expected_generation: self.expected.map(|(generation, _)| generation),
            expected_checksum: self.expected.map(|(_, checksum)| Base64(checksum.to_vec())),
            retrieval_key: self.retrieval_key.map(|key| Base64(key.to_vec())),
            reminder: self.reminder.clone(),
        }
    }

    fn of(fields: PutKeyFileFields, key_file: Vec<u8>) -> Result<Self, Error> {
        let expected = match (fields.expected_generation, fields.expected_checksum) {
            (Some(generation), Some(checksum)) => Some((generation, key_32(checksum)?)),
            (None, None) => None,
            _ => return Err(Error::Protocol("generation and checksum go together".into())),
        };
        let retrieval_key = fields.retrieval_key.map(key_32).transpose()?;
        Ok(Self { expected, key_file, retrieval_key, reminder: fields.reminder })
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Crypto`] or [`Error::Protocol`] if it is not well formed.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let fields: PutKeyFileFields = fields(&mut bundle, "the key file")?;
        let key_file = required(&mut bundle, BundleTag::KeyFile)?;
        bundle.end()?;
        Self::of(fields, key_file)
    }
}

/// Body of `POST /v1/users/{user}/cards`: a bundle, signed by the signing key in use before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCard {
    /// Whose.
    pub user_id: UserId,
    /// The card that follows the latest one.
    pub card: Vec<u8>,
    /// The key file that holds the keys on the card; none for a user who keeps them elsewhere.
    pub key_file: Option<PutKeyFile>,
}

impl AddCard {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let fields = self.key_file.as_ref().map(PutKeyFile::fields).unwrap_or_default();
        Bundle::new()
            .with(BundleTag::Fields, to_json(&fields))
            .with(BundleTag::Card, join_user(self.user_id, &self.card))
            .with_some(BundleTag::KeyFile, self.key_file.as_ref().map(|put| put.key_file.clone()))
            .encode()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Crypto`] or [`Error::Protocol`] if it is not well formed.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let fields: PutKeyFileFields = fields(&mut bundle, "the new card")?;
        let (user_id, card) = split_user(&required(&mut bundle, BundleTag::Card)?)?;
        let key_file = bundle.take(BundleTag::KeyFile);
        bundle.end()?;
        let put = PutKeyFile::of(fields, key_file.clone().unwrap_or_default())?;
        if key_file.is_none()
            && (put.expected.is_some() || put.retrieval_key.is_some() || put.reminder.is_some())
        {
            return Err(Error::Protocol("the fields are those of a key file, and there is none".into()));
        }
        Ok(Self { user_id, card, key_file: key_file.map(|_| put) })
    }
}

/// Answer of `POST /v1/users/{user}/cards`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardAdded {
    /// Whose, echoed.
    pub user_id: UserId,
    /// The number of the card.
    pub sequence: u64,
    /// The key file as it is now; none if the user keeps none.
    pub key_file: Option<KeyFileState>,
    /// The broker's clock in milliseconds.
    pub server_time: u64,
}

/// Answer of `GET /v1/key-file/checksum` and `PUT /v1/key-file`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFileState {
    /// SHA-256 of the file.
    pub checksum: Base64,
    /// Its generation.
    pub generation: u64,
}

/// The JSON fields of a bundle.
pub(super) fn fields<T: serde::de::DeserializeOwned>(bundle: &mut Bundle, what: &str) -> Result<T, Error> {
    from_json(what, &required(bundle, BundleTag::Fields)?)
}

/// An item that must be there.
pub(super) fn required(bundle: &mut Bundle, tag: BundleTag) -> Result<Vec<u8>, CryptoError> {
    bundle
        .take(tag)
        .ok_or(CryptoError::Malformed { what: "bundle", reason: "an item that belongs here is missing" })
}

/// All cards of a bundle.
pub(super) fn take_cards(bundle: &mut Bundle) -> Result<Vec<(UserId, Vec<u8>)>, CryptoError> {
    bundle.take_all(BundleTag::Card).iter().map(|item| split_user(item)).collect()
}

fn key_32(bytes: Base64) -> Result<[u8; 32], Error> {
    bytes.0.try_into().map_err(|_| Error::Protocol("a key or checksum is not 32 bytes".into()))
}

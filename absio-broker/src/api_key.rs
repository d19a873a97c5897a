//! API keys: by them a broker knows the applications that may talk to it.

use crate::host::run_alone;
use crate::rows::{self, ApiKeyRow};
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{Commit, Precondition, StoreOp, StoreOutcome, Write};
use absio_proto::effect::{Reply, StoreError, StoreErrorKind};
use absio_proto::model::ApiKey;
use absio_proto::{Cx, Error, Leaf, Operation, Step, attempt, drive};

/// Makes an API key and stores it under `name`, which is for its owner only.
pub struct CreateApiKey {
    name: String,
    api_key: Option<ApiKey>,
    store: Option<Leaf<Result<StoreOutcome, StoreError>>>,
}

impl CreateApiKey {
    /// A key called `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), api_key: None, store: None }
    }
}

impl<S> Operation<S> for CreateApiKey {
    type Output = ApiKey;

    fn resume(&mut self, cx: &mut Cx<'_, S>, mut reply: Option<Reply>) -> Step<Result<ApiKey, Error>> {
        let api_key = match self.api_key {
            Some(api_key) => api_key,
            None => {
                let mut bytes: [u8; 16] = attempt!(cx.random());
                // RFC 9562: version 4, variant 10.
                bytes[6] = bytes[6] & 0x0f | 0x40;
                bytes[8] = bytes[8] & 0x3f | 0x80;
                *self.api_key.insert(ApiKey::from_bytes(bytes))
            }
        };
        let store = self.store.get_or_insert_with(|| {
            let row = ApiKeyRow { name: self.name.clone(), created_at: cx.now.utc.as_millis() };
            let key = rows::api_key(api_key);
            Leaf::store(StoreOp::Commit(Commit {
                preconditions: vec![Precondition { key: key.clone(), value: None }],
                writes: vec![Write::Put { key, value: rows::encode(&row) }],
            }))
        });
        match attempt!(drive!(store, cx, reply)) {
            StoreOutcome::Committed(_) => Step::Done(Ok(api_key)),
            _ => Step::Done(Err(
                StoreError::new(StoreErrorKind::Invalid, "the random key exists already").into()
            )),
        }
    }
}

/// Makes an API key on `store`, by the machine's clock and randomness.
///
/// # Errors
/// [`Error::Store`] or [`Error::Entropy`].
pub fn create_api_key(store: &impl Store, name: &str) -> Result<ApiKey, Error> {
    run_alone(store, CreateApiKey::new(name))
}

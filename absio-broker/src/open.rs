//! Opening a broker on a store: the deployment secret is read, or made the first time.

use crate::host::run_alone;
use crate::rows;
use crate::state::{BrokerConfig, BrokerState};
use absio_proto::crypto::Secret;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{
    Commit, Precondition, Reply, StoreError, StoreErrorKind, StoreOp, StoreOutcome, Write,
};
use absio_proto::{Cx, Error, Leaf, Operation, Step, attempt, drive};

/// Reads the deployment secret, or stores a new one if there is none, and gives the state.
///
/// ```text
/// Reading ─ there ─▶ Done
///    ▲  └── none ──▶ Writing ─ stored ─▶ Done
///    └── another broker was quicker ┘
/// ```
pub struct Open {
    config: BrokerConfig,
    step: OpenStep,
}

enum OpenStep {
    Reading(Leaf<Result<StoreOutcome, StoreError>>),
    Writing([u8; 32], Leaf<Result<StoreOutcome, StoreError>>),
}

impl Open {
    /// Opens with `config`.
    pub fn new(config: BrokerConfig) -> Self {
        Self { config, step: Self::reading() }
    }

    fn reading() -> OpenStep {
        OpenStep::Reading(Leaf::store(StoreOp::Get { keys: vec![rows::deployment_secret()] }))
    }
}

impl<S> Operation<S> for Open {
    type Output = BrokerState;

    fn resume(&mut self, cx: &mut Cx<'_, S>, mut reply: Option<Reply>) -> Step<Result<BrokerState, Error>> {
        let damaged = || StoreError::new(StoreErrorKind::Corrupt, "the deployment secret is damaged");
        let secret = loop {
            match &mut self.step {
                OpenStep::Reading(leaf) => match attempt!(drive!(leaf, cx, reply)) {
                    StoreOutcome::Values(mut values) => match values.pop().flatten() {
                        Some(bytes) => break attempt!(bytes.try_into().map_err(|_| damaged())),
                        None => {
                            let secret: [u8; 32] = attempt!(cx.random());
                            let key = rows::deployment_secret();
                            let commit = Commit {
                                preconditions: vec![Precondition { key: key.clone(), value: None }],
                                writes: vec![Write::Put { key, value: secret.to_vec() }],
                            };
                            self.step = OpenStep::Writing(secret, Leaf::store(StoreOp::Commit(commit)));
                        }
                    },
                    _ => return Step::Done(Err(damaged().into())),
                },
                OpenStep::Writing(secret, leaf) => match attempt!(drive!(leaf, cx, reply)) {
                    StoreOutcome::Committed(_) => break *secret,
                    _ => self.step = Self::reading(),
                },
            }
        };
        let state = BrokerState::new(self.config.clone(), Secret::new(secret), cx.entropy, cx.now.utc);
        Step::Done(state)
    }
}

/// Opens the broker that lives on `store`, by the machine's clock and randomness.
///
/// # Errors
/// [`Error::Store`] or [`Error::Entropy`].
pub fn open(store: &impl Store, config: BrokerConfig) -> Result<BrokerState, Error> {
    run_alone(store, Open::new(config))
}

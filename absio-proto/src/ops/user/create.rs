//! Creates a user: keys, key file, registration (S-154 to S-156).
//!
//! ```text
//!  Start ──▶ Stretching (job: three times) ──▶ Registering ──▶ User
//!  └──────────────── Make ───────────────┘
//! ```

use super::register::Register;
use crate::crypto::{
    KdfPolicy, KeyFileContent, KeyRing, OpenKeyFile, RetrievalKey, Secret, WrapSecrets, Wraps,
};
use crate::effect::Reply;
use crate::error::{Error, Misuse};
use crate::model::{Credentials, UserId, Validators};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::session::{Session, User};
use crate::{attempt, drive};

/// Makes a new user with fresh keys and registers it with the broker. Nobody is signed in by it.
/// One round trip; the validators run before any key is made.
pub struct Create(State);

enum State {
    Making(Make),
    Registering(Register),
    Done,
}

impl Create {
    /// With `credentials`; the passphrase also fetches the key file on other devices, the reminder
    /// is public.
    pub fn new(credentials: Credentials) -> Self {
        Self(State::Making(Make::new(credentials)))
    }

    /// Checks the credentials by `validators`, for this call only (S-021).
    pub fn validated_by(self, validators: Validators) -> Self {
        Self(match self.0 {
            State::Making(make) => State::Making(make.validated_by(validators)),
            other => other,
        })
    }
}

impl Operation for Create {
    type Output = User;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<User, Error>> {
        loop {
            match &mut self.0 {
                State::Making(make) => {
                    let (user, retrieval_key) = drive!(make, cx, reply);
                    self.0 = State::Registering(Register::with_key_file(user, retrieval_key));
                }
                State::Registering(register) => {
                    let user = drive!(register, cx, reply);
                    self.0 = State::Done;
                    return Step::Done(Ok(user));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            }
        }
    }
}

/// Both wraps of the file key, and the public half of the retrieval key.
pub(super) type Stretched = Result<(Wraps, [u8; 32]), Error>;

/// Makes a user and seals their first key file: nobody is told. Gives the user and the public half
/// of the retrieval key.
pub(crate) struct Make {
    credentials: Option<Credentials>,
    validators: Option<Validators>,
    stretching: Option<(Leaf<Stretched>, KeyFileContent)>,
}

impl Make {
    pub(crate) const fn new(credentials: Credentials) -> Self {
        Self { credentials: Some(credentials), validators: None, stretching: None }
    }

    pub(crate) fn validated_by(mut self, validators: Validators) -> Self {
        self.validators = Some(validators);
        self
    }

    fn start(&mut self, cx: &mut Cx<'_>) -> Result<(Leaf<Stretched>, KeyFileContent), Error> {
        let config = cx.session.config()?;
        let credentials = self.credentials.take().ok_or(Misuse::ResumedAfterDone)?;
        credentials.check(self.validators.as_ref().unwrap_or(&config.validators))?;
        let content = KeyFileContent {
            ring: KeyRing::generate(cx.entropy, cx.now.utc)?,
            reminder: credentials.reminder.clone(),
            origin: config.origin.clone(),
            api_key: config.api_key,
            store_secret: Secret::filled(|bytes| cx.entropy.fill(bytes))?,
        };
        let (user, origin, policy) = (content.ring.user_id(), config.origin.clone(), config.kdf);
        let secrets = WrapSecrets::draw(cx.entropy)?;
        let stretch = Leaf::compute("stretch new credentials", move || {
            stretch_new(secrets, user, &credentials, &origin, &policy)
        });
        Ok((stretch, content))
    }
}

impl Operation for Make {
    type Output = (User, [u8; 32]);

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        if self.stretching.is_none() {
            self.stretching = Some(attempt!(self.start(cx)));
        }
        let Some((leaf, _)) = &mut self.stretching else {
            return Step::Done(Err(Misuse::ResumedAfterDone.into()));
        };
        let (wraps, retrieval_key) = attempt!(drive!(leaf, cx, reply));
        let (_, content) = attempt!(self.stretching.take().ok_or(Misuse::ResumedAfterDone));
        let user = User::from(attempt!(OpenKeyFile::seal_new(content, wraps, cx.entropy)));
        Step::Done(Ok((user, retrieval_key)))
    }
}

/// The stretching that new credentials need, for a [`Job`](crate::effect::Job).
pub(super) fn stretch_new(
    secrets: WrapSecrets,
    user: UserId,
    credentials: &Credentials,
    origin: &str,
    policy: &KdfPolicy,
) -> Stretched {
    let wraps = secrets.wrap(user, &credentials.password, &credentials.passphrase, policy)?;
    Ok((wraps, RetrievalKey::derive(&credentials.passphrase, origin, user, policy).public()))
}

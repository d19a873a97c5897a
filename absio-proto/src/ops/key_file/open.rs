//! Opens a sealed key file off the executor.

use crate::crypto::{SealedKeyFile, key_file};
use crate::effect::Reply;
use crate::error::{Error, InputError};
use crate::model::UserId;
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::session::{Session, User};
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// Opens with the password if there is one, otherwise with the passphrase. A file that is not
/// at least as new as one seen before is refused before any key stretching.
pub(crate) struct Open {
    user: UserId,
    input: Option<Input>,
    leaf: Option<Leaf<Result<User, Error>>>,
}

/// The sealed file, the password and the passphrase.
type Input = (SealedKeyFile, Option<Zeroizing<String>>, Option<Zeroizing<String>>);

impl Open {
    pub(crate) fn new(
        user: UserId,
        sealed: SealedKeyFile,
        password: Option<Zeroizing<String>>,
        passphrase: Option<Zeroizing<String>>,
    ) -> Self {
        Self { user, input: Some((sealed, password, passphrase)), leaf: None }
    }
}

impl Operation for Open {
    type Output = User;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<User, Error>> {
        if let Some((sealed, password, passphrase)) = self.input.take() {
            let (user, policy) = (self.user, attempt!(cx.session.config()).kdf);
            attempt!(cx.session.check_key_file(user, &sealed));
            self.leaf = Some(Leaf::compute("open a key file", move || {
                let open = match (&password, &passphrase) {
                    (Some(password), _) => {
                        key_file::open_with_password(sealed.as_bytes(), user, password, &policy)?
                    }
                    (None, Some(passphrase)) => {
                        key_file::open_with_passphrase(sealed.as_bytes(), user, passphrase, &policy)?
                    }
                    (None, None) => return Err(InputError::CredentialsRequired.into()),
                };
                Ok(User::from((open, sealed)))
            }));
        }
        match &mut self.leaf {
            Some(leaf) => Step::Done(drive!(leaf, cx, reply)),
            None => Step::Done(Err(crate::error::Misuse::ResumedAfterDone.into())),
        }
    }
}

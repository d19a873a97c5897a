//! The reminder without a broker: the copy in the key file, which only its user can read.

use crate::attempt;
use crate::effect::Reply;
use crate::error::{Error, InputError};
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::session::{Session, User};

/// Of the user who is signed in to the local store.
pub(in crate::provider) struct LocalReminder(pub(in crate::provider) Option<UserId>);

impl Operation for LocalReminder {
    type Output = String;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, _reply: Option<Reply>) -> Step<Result<String, Error>> {
        attempt!(cx.session.config());
        let signed_in = cx.session.local_user().map(User::id);
        if self.0.is_some_and(|user| Some(user) != signed_in) {
            let what = "reminders of who is not signed in: here they are sealed in the key file";
            return Step::Done(Err(InputError::Unsupported { what }.into()));
        }
        let local = attempt!(cx.session.local());
        let (open, _) = attempt!(local.user.require_key_file());
        Step::Done(Ok(open.reminder().to_owned()))
    }
}

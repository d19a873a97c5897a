//! `user`.

use absio_proto::model::UserId;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum UserAction {
    /// Create a user; prints the new id
    Create {
        /// Public text that helps you to recall the passphrase
        #[arg(long, value_name = "TEXT", default_value = "")]
        reminder: String,
    },
    /// Show a user's id, fingerprint and public keys
    Show {
        /// Whose; yours unless given
        id: Option<UserId>,
    },
    /// Show a fingerprint, for people to compare by another way
    Fingerprint {
        /// Whose; yours unless given
        id: Option<UserId>,
    },
    /// Compare a fingerprint that its user told you with the keys known here, and remember that you did
    Verify {
        /// Whose
        id: UserId,
        /// What they told you: hyphens, spaces and case do not matter
        #[arg(required = true, num_args = 1.., value_name = "FINGERPRINT")]
        fingerprint: Vec<String>,
    },
    /// List whose keys are known on this device, and which were compared by hand
    Peers,
    /// Take the broker's key file to this device, after credentials were changed elsewhere; asks for
    /// the new passphrase
    Sync,
    /// Tell whether the key file of this device is the broker's: exit code 0 whatever the answer
    NeedsSync,
    /// Show a user's public reminder
    Reminder {
        /// Whose
        id: UserId,
    },
    /// Change password, passphrase and reminder; the new ones are asked for, or taken from
    /// ABSIO_NEW_PASSWORD and ABSIO_NEW_PASSPHRASE
    ChangeCredentials {
        /// The new public reminder; none unless given
        #[arg(long, value_name = "TEXT", default_value = "")]
        reminder: String,
    },
    /// Make new keys, under the same password and passphrase; what the old ones opened still opens
    RotateKeys {
        /// The old keys were stolen: revoke them, end every session, and sign your containers anew
        #[arg(long)]
        revoke: bool,
    },
    /// Delete your user, for ever
    Delete {
        /// You mean it
        #[arg(long, required = true)]
        yes: bool,
    },
}

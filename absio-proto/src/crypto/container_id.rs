//! Container ids commit to their creator, so that nobody can show another creator's container
//! under an id (`docs/protocol.md`, section 6; F8).

use crate::crypto::suite::{HashLabel, hash};
use crate::error::CryptoError;
use crate::model::{ContainerId, UserId};

/// The id of the container that `creator` makes with `salt`: the UUIDv8 of
/// `SHA-384("absio/v1/containerid" ‖ 0x00 ‖ creator ‖ salt)`.
#[must_use]
pub fn container_id(creator: UserId, salt: &[u8; 32]) -> ContainerId {
    ContainerId::from_digest(&hash(HashLabel::ContainerId, &[creator.as_bytes(), salt]))
}

/// Recomputes `container` from its creator and salt.
///
/// # Errors
/// [`CryptoError::ForeignContainerId`] if it is another.
pub fn check_container_id(
    container: ContainerId,
    creator: UserId,
    salt: &[u8; 32],
) -> Result<(), CryptoError> {
    if container_id(creator, salt) == container {
        Ok(())
    } else {
        Err(CryptoError::ForeignContainerId { container, creator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_id_is_a_uuid_v8_that_commits_to_creator_and_salt() {
        let (alice, eve) = (UserId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
        let id = container_id(alice, &[3; 32]);
        let uuid = Uuid::from(id);
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (8, uuid::Variant::RFC4122));
        assert_eq!(check_container_id(id, alice, &[3; 32]), Ok(()));
        let foreign = CryptoError::ForeignContainerId { container: id, creator: eve };
        assert_eq!(check_container_id(id, eve, &[3; 32]), Err(foreign));
        assert!(check_container_id(id, alice, &[4; 32]).is_err());
    }
}

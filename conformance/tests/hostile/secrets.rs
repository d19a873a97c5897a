//! Types that hold secrets (security case 72): they are not copied by accident, not written out, and not
//! shown; what they are made of wipes itself. What is left in the memory of a process is looked for by the
//! program's own command.

use crate::people::{broker, person};
use absio_broker::SeededEntropy;
use absio_proto::crypto::key_file::{KeyFileContent, OpenKeyFile, WrapSecrets, Wraps};
use absio_proto::crypto::segment::{Provisional, SegmentOpener, SegmentSealer};
use absio_proto::crypto::{ContainerKeys, Ephemeral, KeyRing, RetrievalKey, Secret};
use absio_proto::model::{ContainerId, Credentials, UserId};
use absio_proto::ofs::StoreKeys;
use absio_proto::ops::user::LoginWith;
use absio_proto::{Session, User};

/// Whether a type has a trait: the inherent constant hides the other only where the bound holds.
macro_rules! has {
    ($type:ty, $($bound:tt)+) => {{
        #[allow(dead_code, reason = "a probe is a type")]
        struct Probe<T: ?Sized>(core::marker::PhantomData<T>);
        #[allow(dead_code, reason = "used where the bound does not hold")]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Otherwise for Probe<T> {}
        #[allow(dead_code, reason = "used where the bound holds")]
        impl<T: ?Sized + $($bound)+> Probe<T> {
            const HAS: bool = true;
        }
        Probe::<$type>::HAS
    }};
}

/// What of Clone, Copy, Serialize, Deserialize, Display and `AsRef<[u8]>` a type has, and whether Debug.
macro_rules! traits {
    ($($type:ty),+ $(,)?) => {
        [$((
            stringify!($type),
            [
                has!($type, Clone),
                has!($type, Copy),
                has!($type, serde::Serialize),
                has!($type, serde::de::DeserializeOwned),
                has!($type, core::fmt::Display),
                has!($type, AsRef<[u8]>),
                has!($type, std::hash::Hash),
            ],
        )),+]
    };
}

#[test]
fn ml_memory_scan_types_with_secrets_are_not_copied_or_written_out() {
    let secrets = traits![
        Secret<32>,
        Secret<48>,
        ContainerKeys,
        KeyRing,
        KeyFileContent,
        OpenKeyFile,
        WrapSecrets,
        Wraps,
        RetrievalKey,
        Ephemeral,
        StoreKeys,
        SegmentSealer,
        SegmentOpener,
        Provisional,
        Credentials,
        LoginWith,
        Session,
    ];
    for (name, traits) in secrets {
        assert_eq!(traits, [false; 7], "{name}");
    }
    // The controls: the probe sees each of them where it is.
    assert_eq!(traits![UserId][0].1, [true, true, true, true, true, false, true]);
    assert_eq!(traits![Vec<u8>][0].1, [true, false, true, true, false, true, true]);
    assert_eq!(traits![ContainerId][0].1[..2], [true, true]);
    // A user is shared, never copied: there is one set of keys behind all the handles.
    assert_eq!(traits![User][0].1, [true, false, false, false, false, false, false]);
    let alice = person(&broker());
    let (one, other) = (alice.user(), alice.user());
    assert!(core::ptr::eq(one.keys(), other.keys()));
}

#[test]
fn ml_memory_scan_secrets_wipe_themselves() {
    assert!(has!(Secret<32>, zeroize::ZeroizeOnDrop) && has!(Secret<48>, zeroize::ZeroizeOnDrop));
    assert!(!has!([u8; 32], zeroize::ZeroizeOnDrop), "the control: bytes do not");
    assert!(has!(ed25519_dalek::SigningKey, zeroize::ZeroizeOnDrop));
    assert!(core::mem::needs_drop::<ContainerKeys>() && core::mem::needs_drop::<StoreKeys>());
    // What holds keys on the way wipes them too, which is off unless it is asked for.
    let workspace = include_str!("../../../Cargo.toml");
    for name in ["aes", "ctr", "hmac", "sha2", "ed25519-dalek", "x25519-dalek"] {
        let line = workspace.lines().find(|line| line.starts_with(&format!("{name} ="))).unwrap();
        assert!(line.contains("\"zeroize\""), "{line}");
    }
}

#[test]
fn ml_memory_scan_debug_shows_no_secret() {
    let mut entropy = SeededEntropy::new(4);
    let keys = ContainerKeys::generate(&mut entropy).unwrap();
    let secret = Secret::new([0xa7; 32]);
    let shown = [
        format!("{secret:?}"),
        format!("{:?} {:?} {keys:?}", keys.header_secret(), keys.content_secret()),
        format!("{:?}", Credentials::new("canary-Word-1", "canary-Phrase-2")),
    ];
    for text in shown {
        assert!(!text.contains("canary") && !text.contains("167, 167") && !text.contains("a7a7"), "{text}");
        for key in [keys.header_secret(), keys.content_secret()] {
            let bytes = key.expose();
            assert!(!text.contains(&format!("{}, {}, {}", bytes[0], bytes[1], bytes[2])), "{text}");
        }
    }
    // The control: bytes that are no secret's are shown.
    assert!(format!("{:?}", secret.expose()).contains("167, 167"));
}

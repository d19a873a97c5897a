//! Published vectors, run against the primitives as they are used here: Wycheproof, SP 800-38A,
//! RFC 4231, 5869, 7748 and 8032. The 914 edge cases of CCTV for Ed25519 are in no package that is
//! built here; `signature_edges` makes such cases by itself, from the same 14 encodings and more.

use crate::crypto::public_key::{import_derivation, import_signing};
use crate::crypto::suite::hmac_sha384;
use ctr::cipher::{KeyIvInit, StreamCipher};
use ed25519_dalek::{Signature, Signer, SigningKey};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384};
use wycheproof::TestResult;
use x25519_dalek::{PublicKey, StaticSecret};

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap()
}

pub(super) fn unhex_32(text: &str) -> [u8; 32] {
    unhex(text).try_into().unwrap()
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hmac_384(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = hmac_sha384(key);
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// What the library does with a key and a signature from outside.
pub(super) fn ed25519_accepts(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(public), Ok(signature)) = (public.try_into(), signature.try_into()) else { return false };
    let accepted = import_signing(public)
        .map(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok());
    accepted.unwrap_or(false)
}

#[test]
fn wycheproof_ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut count = 0;
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        for test in group.tests {
            let accepted = ed25519_accepts(&group.key.pk, &test.msg, &test.sig);
            assert_eq!(accepted, test.result == TestResult::Valid, "test {}", test.tc_id);
            count += 1;
        }
    }
    assert_eq!(count, 151);
}

#[test]
fn mp_low_order_enc_wycheproof_x25519() {
    use wycheproof::xdh::{TestName, TestSet};
    let (mut count, mut zero, mut refused) = (0, 0, 0);
    for group in TestSet::load(TestName::X25519).unwrap().test_groups {
        for test in group.tests {
            let public: [u8; 32] = test.public_key[..].try_into().unwrap();
            let secret: [u8; 32] = test.private_key[..].try_into().unwrap();
            let shared = StaticSecret::from(secret).diffie_hellman(&PublicKey::from(public));
            assert_eq!(shared.as_bytes(), &test.shared_secret[..], "test {}", test.tc_id);
            let is_zero = test.shared_secret.iter().all(|byte| *byte == 0);
            assert_eq!(shared.was_contributory(), !is_zero, "test {}", test.tc_id);
            let imported = import_derivation(&public).is_ok();
            assert!(!(is_zero && imported), "test {}: a low-order point was imported", test.tc_id);
            if test.result == TestResult::Valid {
                assert!(imported, "test {}: a good point was refused", test.tc_id);
            }
            zero += usize::from(is_zero);
            refused += usize::from(!imported);
            count += 1;
        }
    }
    assert_eq!((count, zero), (518, 31));
    assert!(refused >= zero && refused < 100, "{refused} points were refused");
}

#[test]
fn wycheproof_hmac() {
    use wycheproof::mac::{TestName, TestSet};
    for (name, mac) in
        [(TestName::HmacSha256, hmac_sha256 as fn(&[u8], &[u8]) -> Vec<u8>), (TestName::HmacSha384, hmac_384)]
    {
        let mut count = 0;
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let tag = mac(&test.key, &test.msg);
                let same = tag[..group.tag_size / 8] == test.tag[..];
                assert_eq!(same, test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
                count += 1;
            }
        }
        assert_eq!(count, 174, "{name:?}");
    }
}

#[test]
fn wycheproof_hkdf_sha384() {
    use wycheproof::hkdf::{TestName, TestSet};
    let mut count = 0;
    for group in TestSet::load(TestName::HkdfSha384).unwrap().test_groups {
        for test in group.tests {
            // Extract and expand apart, as the library does it.
            let prk = hmac_384(&test.salt, &test.ikm);
            let mut okm = vec![0; test.size];
            let (head, tail) = test.info.split_at(test.info.len() / 2);
            let expanded =
                Hkdf::<Sha384>::from_prk(&prk).unwrap().expand_multi_info(&[head, tail], &mut okm).is_ok();
            let same = expanded && okm[..] == test.okm[..];
            assert_eq!(same, test.result == TestResult::Valid, "test {}", test.tc_id);
            count += 1;
        }
    }
    assert_eq!(count, 83);
}

#[test]
fn wycheproof_pbkdf2_sha384() {
    use wycheproof::pbkdf2::{TestName, TestSet};
    let mut count = 0;
    for group in TestSet::load(TestName::Pbkdf2HmacSha384).unwrap().test_groups {
        for test in group.tests {
            let iterations = u32::try_from(test.iteration_count).unwrap();
            let mut key = vec![0; test.dk_len];
            pbkdf2::pbkdf2_hmac::<Sha384>(&test.password, &test.salt, iterations, &mut key);
            let same = key[..] == test.dk[..];
            assert_eq!(same, test.result == TestResult::Valid, "test {}", test.tc_id);
            count += 1;
        }
    }
    assert_eq!(count, 58);
}

#[test]
fn sp_800_38a_f_5_5_aes_256_ctr() {
    let key = unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let counter = unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let mut text = unhex(
        "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
         30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710",
    );
    ctr::Ctr128BE::<aes::Aes256>::new_from_slices(&key, &counter).unwrap().apply_keystream(&mut text);
    let expected = unhex(
        "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5
         2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6",
    );
    assert_eq!(text, expected);
}

#[test]
fn rfc_4231_hmac() {
    let large = "This is a test using a larger than block-size key and a larger than block-size data. \
                 The key needs to be hashed before being used by the HMAC algorithm.";
    let cases: [(Vec<u8>, Vec<u8>, &str); 6] = [
        (
            vec![0x0b; 20],
            b"Hi There".to_vec(),
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c
             faea9ea9076ede7f4af152e8b2fa9cb6",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e
             8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            vec![0xaa; 20],
            vec![0xdd; 50],
            "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b
             2a5ab39dc13814b94e3ab6e101a34f27",
        ),
        (
            (1..=25).collect(),
            vec![0xcd; 50],
            "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e
             6801dd23c4a7d679ccf8a386c674cffb",
        ),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6
             0c2ef6ab4030fe8296248df163f44952",
        ),
        (
            vec![0xaa; 131],
            large.as_bytes().to_vec(),
            "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5
             a678cc31e799176d3860e6110c46523e",
        ),
    ];
    for (key, message, expected) in cases {
        assert_eq!(hmac_384(&key, &message), unhex(expected));
    }
    let expected = unhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_eq!(hmac_sha256(&[0x0b; 20], b"Hi There"), expected);
}

#[test]
fn rfc_5869_a_1_hkdf() {
    let salt: Vec<u8> = (0..13).collect();
    let info: Vec<u8> = (0xf0..0xfa).collect();
    let mut okm = [0; 42];
    Hkdf::<Sha256>::new(Some(&salt), &[0x0b; 22]).expand_multi_info(&[&info], &mut okm).unwrap();
    let expected =
        unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    assert_eq!(okm[..], expected);
}

#[test]
fn rfc_7748_6_1_x25519() {
    let alice = unhex_32("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let alice = StaticSecret::from(alice);
    let bob =
        StaticSecret::from(unhex_32("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    let expected = unhex_32("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    let bob_public = unhex_32("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    assert_eq!(PublicKey::from(&bob).to_bytes(), bob_public);
    assert_eq!(alice.diffie_hellman(&import_derivation(&bob_public).unwrap()).to_bytes(), expected);
    assert_eq!(bob.diffie_hellman(&PublicKey::from(&alice)).to_bytes(), expected);
}

#[test]
fn rfc_7748_5_2_x25519_iterated() {
    let mut scalar = [0; 32];
    scalar[0] = 9;
    let mut point = scalar;
    for round in 1..=1000 {
        (scalar, point) = (x25519_dalek::x25519(scalar, point), scalar);
        if round == 1 {
            assert_eq!(scalar, unhex_32("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"));
        }
    }
    assert_eq!(scalar, unhex_32("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
}

#[test]
fn rfc_8032_7_1_ed25519() {
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, public, message, signature) in cases {
        let key = SigningKey::from_bytes(&unhex_32(seed));
        let (message, signature) = (unhex(message), unhex(signature));
        assert_eq!(key.verifying_key().to_bytes(), unhex_32(public));
        assert_eq!(key.sign(&message).to_bytes()[..], signature);
        assert!(ed25519_accepts(&unhex(public), &message, &signature));
    }
}

#[test]
fn ms_low_order_derivation() {
    let p = |offset: u8, top: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xed_u8.wrapping_add(offset), 0x7f | top);
        bytes
    };
    let small = |value: u8| {
        let mut bytes = [0; 32];
        bytes[0] = value;
        bytes
    };
    let eight = [
        unhex_32("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        unhex_32("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ];
    // The seven of the literature: 0, 1, both of order 8, p − 1, p, p + 1.
    let low = [small(0), small(1), eight[0], eight[1], p(0xff, 0), p(0, 0), p(1, 0)];
    for point in low {
        let shared = StaticSecret::from([7; 32]).diffie_hellman(&PublicKey::from(point));
        assert!(!shared.was_contributory(), "{point:02x?} is not of low order");
        assert!(import_derivation(&point).is_err(), "{point:02x?}");
        let mut with_top_bit = point;
        with_top_bit[31] |= 0x80;
        assert!(import_derivation(&with_top_bit).is_err(), "{with_top_bit:02x?}");
    }
    for point in [small(9), small(2), p(0xfe, 0)] {
        assert!(import_derivation(&point).is_ok(), "{point:02x?} was refused");
    }
    for (offset, top) in [(2, 0), (18, 0), (18, 0x80)] {
        assert!(import_derivation(&p(offset, top)).is_err(), "not canonical, yet imported");
    }
}

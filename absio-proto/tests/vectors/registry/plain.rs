//! Segments and key blobs made from `docs/protocol.md` §7 and §9 alone, over the bare primitives: the
//! library must write the same bytes.

use ctr::cipher::{KeyIvInit, StreamCipher};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384};

fn labelled(label: &str) -> Vec<u8> {
    [b"absio/v1/", label.as_bytes(), &[0]].concat()
}

/// `H(label, parts…)` of §2.2.
pub(super) fn h(label: &str, parts: &[&[u8]]) -> [u8; 48] {
    Sha384::digest([&labelled(label)[..], &parts.concat()].concat()).into()
}

fn hmac384(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha384>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hmac256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn expand(prk: &[u8], label: &str, context: &[u8], length: usize) -> Vec<u8> {
    let mut output = vec![0; length];
    let info = [&labelled(label)[..], context].concat();
    Hkdf::<Sha384>::from_prk(prk).unwrap().expand(&info, &mut output).unwrap();
    output
}

fn aes_ctr(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut output = data.to_vec();
    ctr::Ctr128BE::<aes::Aes256>::new_from_slices(key, &[0; 16]).unwrap().apply_keystream(&mut output);
    output
}

/// The clear header of §9.1 before the commitment.
pub(super) struct Context {
    pub(super) kind: u8,
    pub(super) chunk_log2: u8,
    pub(super) container: [u8; 16],
    pub(super) epoch: u64,
    pub(super) mac_index: u8,
    pub(super) padding: u8,
    pub(super) salt: [u8; 32],
}

fn padme(x: u64) -> u64 {
    let e = x.ilog2();
    let unit = 1 << (e - (e.ilog2() + 1));
    x.div_ceil(unit) * unit
}

fn padded(padding: u8, data: &[u8]) -> Vec<u8> {
    let n = data.len() as u64;
    let length = match padding {
        0 => return data.to_vec(),
        1 => (n + 8).div_ceil(1024) * 1024,
        _ => padme(n + 8),
    };
    let zeros = vec![0; (length - n - 8) as usize];
    [data, &zeros, &n.to_be_bytes()].concat()
}

fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    if let [one] = leaves {
        return one.clone();
    }
    let middle = (1 << ((leaves.len() - 1).ilog2())) as usize;
    let (left, right) = leaves.split_at(middle);
    Sha384::digest([&[1], &root(left)[..], &root(right)].concat()).to_vec()
}

/// The segment that holds `data`, the length of its plaintext, and its digest.
pub(super) fn segment(context: &Context, secret: &[u8; 32], data: &[u8]) -> (Vec<u8>, u64, [u8; 48]) {
    let plaintext = padded(context.padding, data);
    let clear = [
        b"SEG1",
        &1_u16.to_be_bytes()[..],
        &[context.kind, context.chunk_log2],
        &context.container,
        &context.epoch.to_be_bytes(),
        &[0, context.mac_index, context.padding, 0, 0, 0, 0, 0],
        &context.salt,
    ]
    .concat();
    let tag_length = if context.mac_index == 0 { 32 } else { 48 };
    let prk = hmac384(&h("segment", &[]), secret);
    let okm = expand(&prk, "key/segment", &clear, 64 + tag_length);
    let (ek, rest) = okm.split_at(32);
    let (mk, commitment) = rest.split_at(tag_length);
    let header = [&clear[..], commitment].concat();
    let ciphertext = aes_ctr(ek, &plaintext);
    let size = 1 << context.chunk_log2;
    let count = plaintext.len() / size + 1;
    let mut sealed = header.clone();
    let mut leaves = Vec::new();
    for index in 0..count {
        let end = ciphertext.len().min((index + 1) * size);
        let chunk = &ciphertext[index * size..end];
        let last = u8::from(index + 1 == count);
        let length = (chunk.len() as u32).to_be_bytes();
        let message = [&(index as u64).to_be_bytes()[..], &[last], &length, chunk].concat();
        let tag = if context.mac_index == 0 { hmac256(mk, &message) } else { hmac384(mk, &message) };
        leaves.push(Sha384::digest([&[0], &tag[..]].concat()).to_vec());
        sealed.extend_from_slice(chunk);
        sealed.extend_from_slice(&tag);
    }
    let length = plaintext.len() as u64;
    let digest = h("segdig", &[&header, &length.to_be_bytes(), &root(&leaves)]);
    (sealed, length, digest)
}

/// `clear ‖ Wrap(…)` of §7.2 and §8, for the given labels.
pub(super) fn wrapped(
    labels: [&str; 2],
    clear: &[u8],
    ephemeral: [u8; 32],
    recipient_public: [u8; 32],
    sender_public: [u8; 32],
    plaintext: &[u8],
) -> Vec<u8> {
    let secret = x25519_dalek::StaticSecret::from(ephemeral);
    let enc = x25519_dalek::PublicKey::from(&secret).to_bytes();
    let shared = secret.diffie_hellman(&recipient_public.into()).to_bytes();
    let prk = hmac384(&h(labels[0], &[]), &[shared, enc, recipient_public].concat());
    let context = [clear, &recipient_public, &sender_public].concat();
    let keys = expand(&prk, labels[1], &context, 80);
    let ciphertext = aes_ctr(&keys[..32], plaintext);
    let tag = hmac384(&keys[32..], &[clear, &ciphertext].concat());
    [clear, &ciphertext, &tag].concat()
}

/// The access root of §11.3 over entry hashes in ascending order.
pub(super) fn access_root(hashes: &[Vec<u8>]) -> [u8; 48] {
    let leaves: Vec<_> =
        hashes.iter().map(|hash| Sha384::digest([&[0], &hash[..]].concat()).to_vec()).collect();
    h("access-root", &[&(hashes.len() as u32).to_be_bytes(), &root(&leaves)])
}

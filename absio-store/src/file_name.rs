//! Ids as file names: 160 bits in base 32 with the order-keeping alphabet of RFC 4648 §7, in lower
//! case, 32 characters. Names sort as ids do.

use data_encoding::BASE32HEX_NOPAD;

/// The name of `id`.
pub(crate) fn of(id: &[u8; 20]) -> String {
    BASE32HEX_NOPAD.encode(id).to_ascii_lowercase()
}

/// The id whose name is `name`, if it is one.
pub(crate) fn parse(name: &str) -> Option<[u8; 20]> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    BASE32HEX_NOPAD.decode(name.to_ascii_uppercase().as_bytes()).ok()?.try_into().ok()
}

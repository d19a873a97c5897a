//! Strict JSON: bounded depth, no doubled names, bytes as base64url.

use super::error::printable;
use crate::error::{Error, InputError};
use crate::limits;
use core::fmt;
use data_encoding::BASE64URL_NOPAD;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Map, Number, Value};

/// Bytes in JSON: base64url without padding (RFC 4648 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64URL_NOPAD.decode(text.as_bytes()).map(Self).map_err(|_| de::Error::custom("not base64url"))
    }
}

/// Parses one JSON value: at most 64 deep, no name twice in an object, nothing behind it.
///
/// # Errors
/// [`InputError::InvalidHeader`] with the reason (the header of a container is the JSON that people
/// write; replies are wrapped by [`from_json`]).
pub fn parse_strict(bytes: &[u8]) -> Result<Value, InputError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: limits::JSON_DEPTH }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| InputError::InvalidHeader { reason: format!("it is not strict JSON ({error})") })
}

/// Decodes a JSON body of the API.
///
/// # Errors
/// [`Error::Protocol`] naming `what`.
pub fn from_json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Error> {
    let value = parse_strict(bytes).map_err(|_| Error::Protocol(format!("{what} is not strict JSON")))?;
    // The reason may repeat what the server sent.
    serde_json::from_value(value).map_err(|error| {
        Error::Protocol(format!("{what} has other fields ({})", printable(&error.to_string())))
    })
}

/// Encodes a JSON body of the API.
///
/// # Panics
/// Never: the API's own types have string keys only and cannot fail to serialise.
pub fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("the API's own types serialise")
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        self.depth
            .checked_sub(1)
            .map(|depth| Self { depth })
            .ok_or_else(|| E::custom(format_args!("nested more than {} deep", limits::JSON_DEPTH)))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(inner)?;
            if map.contains_key(&name) {
                return Err(de::Error::custom("a name stands twice in an object"));
            }
            map.insert(name, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s027_values_round_trip() {
        for text in [
            r#"{"a":[1,-2,3.5,"\u00e9\ud83d\ude00",null,true],"b":{"c":{}}}"#,
            "null",
            r#""text""#,
            "18446744073709551615",
        ] {
            let value = parse_strict(text.as_bytes()).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        }
    }

    #[test]
    fn mp_json_depth() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse_strict(nested(limits::JSON_DEPTH).as_bytes()).is_ok());
        assert!(parse_strict(nested(limits::JSON_DEPTH + 1).as_bytes()).is_err());
        assert!(parse_strict("[".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn mp_json_dup() {
        assert!(parse_strict(br#"{"a":1,"a":2}"#).is_err());
        assert!(parse_strict(br#"{"a":{"b":1,"b":1}}"#).is_err());
        assert!(parse_strict(br#"{"a":{"b":1},"b":1}"#).is_ok());
    }

    #[test]
    fn mp_json_utf8_and_numbers() {
        for bad in [b"\"\xff\"".as_slice(), b"1e999", b"NaN", b"{} {}", b"", b"\"\\ud800\""] {
            assert!(parse_strict(bad).is_err(), "{bad:?}");
        }
    }
}

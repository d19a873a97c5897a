//! Seeds from the vectors of `docs/vectors`: every hexadecimal string in them.

use serde_json::Value;
use std::path::Path;

/// Every hexadecimal string of at least 8 bytes in the vector files whose names begin with one of `names`.
pub fn from_vectors(names: &[&str]) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if names.iter().any(|begin| name.to_string_lossy().starts_with(begin))
            && let Ok(text) = std::fs::read(entry.path())
            && let Ok(value) = serde_json::from_slice(&text)
        {
            collect(&value, &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

fn collect(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => found.extend(hex(text).filter(|bytes| bytes.len() >= 8)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        _ => {}
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

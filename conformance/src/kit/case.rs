//! One file of the kit: a head of `name: value` lines, an empty line, the object in lines of base64.

use data_encoding::{BASE64, HEXLOWER};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a case that is to be accepted expects.
pub const SUCCESS: &str = "success";

const LINE: usize = 48;

/// A case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What sort of object it is; it says what the inputs are and what is released.
    pub kind: String,
    /// One line for people.
    pub comment: String,
    /// [`SUCCESS`], or the class of the error.
    pub expect: String,
    /// SHA-256 of everything that is released, as lower-case hex; of nothing, of the empty string.
    pub payload: String,
    /// The object.
    pub data: Vec<u8>,
    /// What it is opened with.
    pub inputs: BTreeMap<String, String>,
}

impl Case {
    /// A case that is to be accepted, of which nothing is released yet.
    pub fn new(kind: &str, comment: &str, data: Vec<u8>) -> Self {
        Self {
            kind: kind.to_owned(),
            comment: comment.to_owned(),
            expect: SUCCESS.to_owned(),
            payload: String::new(),
            data,
            inputs: BTreeMap::new(),
        }
    }

    /// The same with one more input, as bytes.
    #[must_use]
    pub fn with(mut self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.inputs.insert(name.to_owned(), HEXLOWER.encode(bytes.as_ref()));
        self
    }

    /// The same with one more input, as text or as a number.
    #[must_use]
    pub fn with_text(mut self, name: &str, value: impl ToString) -> Self {
        self.inputs.insert(name.to_owned(), value.to_string());
        self
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(text: &str) -> Result<Self, String> {
        let (head, body) = text.split_once("\n\n").ok_or("no empty line")?;
        let mut inputs = BTreeMap::new();
        for line in head.lines() {
            let (name, value) = line.split_once(": ").ok_or("a line of the head has no value")?;
            if inputs.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(format!("{name} stands twice"));
            }
        }
        let mut take = |name: &str| inputs.remove(name).ok_or(format!("{name} is missing"));
        let (expect, suite, kind) = (take("expect")?, take("suite")?, take("kind")?);
        let (comment, payload) = (take("comment")?, take("payload-sha256")?);
        if suite != "1" {
            return Err("another suite".to_owned());
        }
        let mut data = Vec::new();
        for line in body.lines().filter(|line| !line.is_empty()) {
            data.extend(BASE64.decode(line.as_bytes()).map_err(|error| error.to_string())?);
        }
        Ok(Self { kind, comment, expect, payload, data, inputs })
    }

    /// Writes a file.
    #[must_use]
    pub fn encode(&self) -> String {
        let Self { expect, kind, comment, .. } = self;
        let mut text = format!("expect: {expect}\nsuite: 1\nkind: {kind}\ncomment: {comment}\n");
        let told = "a string takes whatever is written to it";
        for (name, value) in &self.inputs {
            writeln!(text, "{name}: {value}").expect(told);
        }
        write!(text, "payload-sha256: {}\n\n", self.payload).expect(told);
        for line in self.data.chunks(LINE) {
            writeln!(text, "{}", BASE64.encode(line)).expect(told);
        }
        text
    }

    /// An input as it stands.
    pub(super) fn text(&self, name: &str) -> Result<&str, String> {
        self.inputs.get(name).map(String::as_str).ok_or(format!("{name} is missing"))
    }

    /// An input in hex.
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>, String> {
        HEXLOWER.decode(self.text(name)?.as_bytes()).map_err(|error| format!("{name}: {error}"))
    }

    /// An input in hex of `N` bytes.
    pub(super) fn array<const N: usize>(&self, name: &str) -> Result<[u8; N], String> {
        self.bytes(name)?.try_into().map_err(|_| format!("{name} is not {N} bytes long"))
    }

    /// A decimal input.
    pub(super) fn number<T: core::str::FromStr>(&self, name: &str) -> Result<T, String> {
        self.text(name)?.parse().map_err(|_| format!("{name} is no number of its kind"))
    }

    /// An input in hex that is a list, each member prefixed with its length.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Vec<u8>>, String> {
        members(&self.bytes(name)?).ok_or(format!("{name} is no list"))
    }
}

/// The members of a list, each with its length as u32 before it.
pub(super) fn members(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut members = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (member, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        members.push(member.to_vec());
        bytes = rest;
    }
    Some(members)
}

/// A list of `members`.
pub(super) fn joined(members: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        let member = member.as_ref();
        bytes.extend(u32::try_from(member.len()).expect("members are short").to_be_bytes());
        bytes.extend_from_slice(member);
    }
    bytes
}

//! Contents over 4 MiB as their owner has them: files in memory, that can break.

use crate::people::Device;
use absio_proto::Error;
use absio_proto::driver::blocking::Content;
use absio_proto::effect::{ContentError, HttpRequest, Method};
use absio_proto::model::{ContainerId, Portion};
use absio_proto::ops::container::{ContentInput, Create, Get};
use std::cell::RefCell;
use std::rc::Rc;

pub const PART: usize = 4 << 20;
pub const CHUNK: usize = 64 << 10;

/// A file in memory, shared with the test.
#[derive(Clone, Default)]
pub struct File {
    pub bytes: Rc<RefCell<Vec<u8>>>,
    /// What was recorded of its transfer.
    pub journal: Rc<RefCell<Vec<u8>>>,
    /// Fails from this offset on.
    pub broken_at: Option<u64>,
}

impl File {
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { bytes: Rc::new(RefCell::new(bytes)), ..Self::default() }
    }

    pub fn broken_at(offset: usize) -> Self {
        Self { broken_at: Some(offset as u64), ..Self::default() }
    }

    fn check(&self, end: u64) -> Result<(), ContentError> {
        match self.broken_at {
            Some(broken) if end > broken => Err(ContentError { reason: "the disk is broken".into() }),
            _ => Ok(()),
        }
    }
}

impl Content for File {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        self.check(offset + length as u64)?;
        let offset = usize::try_from(offset).unwrap();
        let bytes = self.bytes.borrow();
        let piece = bytes.get(offset..offset + length);
        piece.map(<[u8]>::to_vec).ok_or_else(|| ContentError { reason: "the file is shorter".into() })
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.check(offset + bytes.len() as u64)?;
        let start = usize::try_from(offset).unwrap();
        let mut file = self.bytes.borrow_mut();
        let end = start + bytes.len();
        if file.len() < end {
            file.resize(end, 0);
        }
        file[start..end].copy_from_slice(&bytes);
        Ok(())
    }

    fn record(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        let start = usize::try_from(offset).unwrap();
        let mut journal = self.journal.borrow_mut();
        let end = start + bytes.len();
        if journal.len() < end {
            journal.resize(end, 0);
        }
        journal[start..end].copy_from_slice(&bytes);
        Ok(())
    }
}

pub fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 15) as u8).collect()
}

pub fn streamed(length: usize) -> ContentInput {
    ContentInput::Streamed { length: length as u64 }
}

pub fn upload(device: &Device, bytes: &[u8]) -> ContainerId {
    let (result, _) = device.run_with(Create::new(streamed(bytes.len())), Box::new(File::of(bytes.to_vec())));
    result.unwrap().container.id.unwrap()
}

pub fn download(device: &Device, id: ContainerId) -> Result<Vec<u8>, Error> {
    let file = File::default();
    let (result, _) = device.run_with(Get::new(id, Portion::All).into_sink(), Box::new(file.clone()));
    let got = result?;
    assert_eq!(got.content, None, "it went to the sink");
    Ok(file.bytes.take())
}

pub fn is_part(request: &HttpRequest) -> bool {
    request.method == Method::Put && request.path.contains("/parts/")
}

pub fn is_range(request: &HttpRequest) -> bool {
    request.path.contains("/content?") || request.path.contains("/chunks?")
}

//! Containers: the seed's `container` module.

use super::Client;
use absio_proto::Error;
use absio_proto::crypto::container::Container;
use absio_proto::driver::blocking::Content;
use absio_proto::model::{ContainerId, Portion};
use absio_proto::ops::container::{Changed, Create, Delete, Get, List, Resign, Update, UpdateOrCreate};
use absio_proto::wire::ContainerSummary;

/// What can be done with containers; given by [`Client::container`].
pub struct Containers<'c>(pub(super) &'c Client);

impl Containers<'_> {
    /// Creates a container (S-025 to S-041).
    ///
    /// # Errors
    /// [`InputError`](absio_proto::InputError) before anything is sent, or the broker's refusal;
    /// nothing is stored then.
    pub fn create(&self, create: Create) -> Result<Changed, Error> {
        self.0.run(create)
    }

    /// As [`create`](Self::create), with the content read from `source` part by part: give
    /// [`ContentInput::Streamed`](absio_proto::ops::container::ContentInput) with its length.
    ///
    /// # Errors
    /// As there, and [`Error::Content`] if the source fails.
    pub fn create_from(&self, create: Create, source: &mut dyn Content) -> Result<Changed, Error> {
        self.0.run_with(create, source)
    }

    /// Gets `portion` of a container into memory, decrypted as far as the caller's rights go (S-049
    /// to S-059).
    ///
    /// # Errors
    /// The broker's refusal, or [`CryptoError`](absio_proto::CryptoError) if what it served does not
    /// verify; nothing of it is given out then.
    pub fn get(&self, container: ContainerId, portion: Portion) -> Result<Container, Error> {
        self.0.run(Get::new(container, portion))
    }

    /// As [`get`](Self::get), with the content written to `sink`: for contents of any size. What was
    /// written is worthless if this fails. Says whether there was content to write.
    ///
    /// # Errors
    /// As there, and [`Error::Content`] if the sink fails.
    pub fn get_into(
        &self,
        container: ContainerId,
        portion: Portion,
        sink: &mut dyn Content,
    ) -> Result<(Container, bool), Error> {
        let mut counted = Counted { sink, written: false };
        let mut container = self.0.run_with(Get::new(container, portion).into_sink(), &mut counted)?;
        if let Some(bytes) = container.content.take() {
            // Small contents come with the reply and are verified already.
            counted.write_at(0, bytes)?;
        }
        Ok((container, counted.written))
    }

    /// Changes content, header, type or access of a container (S-070 to S-083).
    ///
    /// # Errors
    /// [`InputError::MissingRight`](absio_proto::InputError::MissingRight) before anything is sent,
    /// or the broker's refusal; the container is then as it was.
    pub fn update(&self, update: Update) -> Result<Changed, Error> {
        self.0.run(update)
    }

    /// As [`update`](Self::update), with the content read from `source` part by part.
    ///
    /// # Errors
    /// As there, and [`Error::Content`] if the source fails.
    pub fn update_from(&self, update: Update, source: &mut dyn Content) -> Result<Changed, Error> {
        self.0.run_with(update, source)
    }

    /// Writes a container that the caller encrypted: the provider-level call of the seed (S-192 to
    /// S-197).
    ///
    /// # Errors
    /// [`InputError::NotEncrypted`](absio_proto::InputError::NotEncrypted) before anything is sent,
    /// otherwise as [`create`](Self::create) and [`update`](Self::update).
    pub fn update_or_create(&self, write: UpdateOrCreate) -> Result<Changed, Error> {
        self.0.run(write)
    }

    /// Signs the newest revision anew if a key of the caller's signed it that was revoked since.
    /// Says whether that was necessary.
    ///
    /// # Errors
    /// [`CryptoError::KeyNotValid`](absio_proto::CryptoError::KeyNotValid) if this client has not seen
    /// the revision before the revocation: decide with [`Resign::trusting_unseen`].
    pub fn resign(&self, resign: Resign) -> Result<bool, Error> {
        self.0.run(resign)
    }

    /// Gives up the caller's access; the container goes when nobody else has any (S-042 to S-048).
    ///
    /// # Errors
    /// [`RemoteCode::ContainerNotFound`](absio_proto::RemoteCode::ContainerNotFound), or what the
    /// exchange gave.
    pub fn delete(&self, container: ContainerId) -> Result<(), Error> {
        self.0.run(Delete::new(container))
    }

    /// The containers that the caller has access to, as the broker lists them: a hint that getting
    /// one verifies.
    ///
    /// # Errors
    /// What the exchange gave.
    pub fn list(&self) -> Result<Vec<ContainerSummary>, Error> {
        self.0.run(List::new())
    }
}

/// Notices whether anything is written.
struct Counted<'s> {
    sink: &'s mut dyn Content,
    written: bool,
}

impl Content for Counted<'_> {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, absio_proto::effect::ContentError> {
        self.sink.read_at(offset, length)
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), absio_proto::effect::ContentError> {
        self.written = true;
        self.sink.write_at(offset, bytes)
    }
}

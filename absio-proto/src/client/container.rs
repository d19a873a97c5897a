//! Containers: the seed's `container` module.

/// Expands to `Containers` and its methods; see [`client`](crate::client).
#[doc(hidden)]
#[macro_export]
macro_rules! container_methods {
    ([$($colour:tt)?] [$($wait:tt)*] $runtime:ident [$($content:tt)*]) => {
        use $crate::Error;
        use $crate::crypto::container::Container;
        use $crate::model::{ContainerId, Portion};
        use $crate::ops::container::{Changed, Create, Resign, Update, UpdateOrCreate};
        use $crate::provider::container::{Get, Got};
        use $crate::provider::{Listed, ListedPage};

        /// What can be done with containers; given by [`Client::container`].
        ///
        /// ```no_run
        #[doc = concat!("# ", stringify!($($colour)?), " fn example(client: &", stringify!($runtime),
            "::Client) -> Result<(), absio_proto::Error> {")]
        /// use absio_proto::model::{AccessList, Portion, UserId};
        /// use absio_proto::ops::container::{Create, Update};
        ///
        /// let (alice, bob) = (UserId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
        /// let letter = Create::new(b"Dear Bob".to_vec()).access(AccessList::Users(vec![alice, bob]));
        #[doc = concat!("let made = client.container().create(letter)", stringify!($($wait)*), "?;")]
        /// if let Some(id) = made.container.id {
        #[doc = concat!("    let got = client.container().get(id, Portion::All)",
            stringify!($($wait)*), "?;")]
        ///     assert_eq!(got.content.as_deref(), Some(&b"Dear Bob"[..]));
        ///     let changed = Update::new(id).content(b"Dear Bob, once more".to_vec());
        #[doc = concat!("    client.container().update(changed)", stringify!($($wait)*), "?;")]
        #[doc = concat!("    client.container().delete(id)", stringify!($($wait)*), "?;")]
        /// }
        /// # Ok(())
        /// # }
        /// ```
        #[derive(Clone, Copy)]
        pub struct Containers<'c>(pub(super) &'c Client);

        impl Containers<'_> {
            /// Creates a container (S-025 to S-041).
            ///
            /// # Errors
            /// [`InputError`](absio_proto::InputError) before anything is sent, or the broker's refusal;
            /// nothing is stored then. A local store that fails is no error but a warning (S-175).
            pub $($colour)? fn create(self, create: Create) -> Result<Changed, Error> {
                self.0.run(self.0.provider.create_container(create))$($wait)*
            }

            /// As [`create`](Self::create), with the content read from `source` part by part: give
            /// [`ContentInput::Streamed`](absio_proto::ops::container::ContentInput) with its length. Of a
            /// source with a journal, what was sent before is not sent again.
            ///
            /// # Errors
            /// As there, and [`Error::Content`] if the source fails.
            pub $($colour)? fn create_from(
                self,
                create: Create,
                source: $($content)*,
            ) -> Result<Changed, Error> {
                let create = match source.journal() {
                    Some(journal) => create.recording(journal.to_vec()),
                    None => create,
                };
                self.0.run_with(self.0.provider.create_container(create), source)$($wait)*
            }

            /// Gets `portion` of a container into memory, decrypted as far as the caller's rights go (S-049
            /// to S-059).
            ///
            /// # Errors
            /// The broker's refusal, [`LocalError`](absio_proto::LocalError) if only the local store is asked
            /// and does not have it, or [`CryptoError`](absio_proto::CryptoError) if what was served does not
            /// verify; nothing of it is given out then.
            pub $($colour)? fn get(
                self,
                container: ContainerId,
                portion: Portion,
            ) -> Result<Container, Error> {
                self.fetch(container, portion)$($wait)*.map(|got| got.container)
            }

            /// As [`get`](Self::get), and says where the container came from, how fresh it is, and whether it
            /// could be kept (S-170, S-234).
            ///
            /// # Errors
            /// As there.
            pub $($colour)? fn fetch(self, container: ContainerId, portion: Portion) -> Result<Got, Error> {
                self.0.run(self.0.provider.get_container(self.request(container, portion)))$($wait)*
            }

            fn request(self, container: ContainerId, portion: Portion) -> Get {
                Get::new(container, portion).with(self.0.options)
            }

            /// As [`get`](Self::get), with the content written to `sink`: for contents of any size. Every byte
            /// is proven before it is written, from the first to the last; of a sink that has some already,
            /// those are compared, and fetched only where they differ. Says whether there was content.
            ///
            /// # Errors
            /// As there, and [`Error::Content`] if the sink fails. [`Error::Transfer`] says how much is verified.
            pub $($colour)? fn get_into(
                self,
                container: ContainerId,
                portion: Portion,
                sink: $($content)*,
            ) -> Result<(Container, bool), Error> {
                self.fetch_into(container, portion, sink)$($wait)*
                    .map(|(got, written)| (got.container, written))
            }

            /// [`fetch`](Self::fetch) and [`get_into`](Self::get_into) in one.
            ///
            /// # Errors
            /// As there.
            pub $($colour)? fn fetch_into(
                self,
                container: ContainerId,
                portion: Portion,
                sink: $($content)*,
            ) -> Result<(Got, bool), Error> {
                let mut counted = Counted { sink, written: false };
                let get = self.request(container, portion).into_sink_that_has(counted.have());
                let mut got = self.0.run_with(self.0.provider.get_container(get), &mut counted)$($wait)*?;
                if let Some(bytes) = got.container.content.take() {
                    // Small contents come with the reply and are verified already.
                    counted.write_at(0, bytes)$($wait)*?;
                }
                Ok((got, counted.written))
            }

            /// Opens a container's content for reading at any place: nothing of it is fetched before it is
            /// asked for, and every byte is proven before it is given out. No reader if there is no content,
            /// or the caller may not have it. For contents of any size; one of up to 4 MiB, or padded, comes
            /// at once.
            ///
            /// ```no_run
            #[doc = concat!("# ", stringify!($($colour)?), " fn example(client: &", stringify!($runtime),
                "::Client, id: absio_proto::model::ContainerId) -> Result<(), absio_proto::Error> {")]
            #[doc = concat!("let (_, content) = client.container().open(id)", stringify!($($wait)*), "?;")]
            /// if let Some(content) = content {
            ///     let middle = content.length() / 2;
            #[doc = concat!("    let bytes = content.read_at(middle, 1024)", stringify!($($wait)*), "?;")]
            /// #   let _ = bytes;
            /// }
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// As [`get`](Self::get).
            pub $($colour)? fn open(
                self,
                container: ContainerId,
            ) -> Result<(Got, Option<ContentReader>), Error> {
                let get = self.request(container, Portion::All).into_ranges();
                let mut got = self.0.run(self.0.provider.get_container(get))$($wait)*?;
                let ranges = got.ranges.take();
                Ok((got, ranges.map(|ranges| ContentReader::new(self.0.clone(), ranges))))
            }

            /// Changes content, header, type or access of a container (S-070 to S-083).
            ///
            /// # Errors
            /// [`InputError::MissingRight`](absio_proto::InputError::MissingRight) before anything is sent,
            /// or the broker's refusal; the container is then as it was.
            pub $($colour)? fn update(self, update: Update) -> Result<Changed, Error> {
                self.0.run(self.0.provider.update_container(update))$($wait)*
            }

            /// As [`update`](Self::update), with the content read from `source` part by part.
            ///
            /// # Errors
            /// As there, and [`Error::Content`] if the source fails.
            pub $($colour)? fn update_from(
                self,
                update: Update,
                source: $($content)*,
            ) -> Result<Changed, Error> {
                let update = match source.journal() {
                    Some(journal) => update.recording(journal.to_vec()),
                    None => update,
                };
                self.0.run_with(self.0.provider.update_container(update), source)$($wait)*
            }

            /// Writes a container that the caller encrypted: the provider-level call of the seed (S-192 to
            /// S-197).
            ///
            /// # Errors
            /// [`InputError::NotEncrypted`](absio_proto::InputError::NotEncrypted) before anything is sent,
            /// otherwise as [`create`](Self::create) and [`update`](Self::update).
            pub $($colour)? fn update_or_create(self, write: UpdateOrCreate) -> Result<Changed, Error> {
                self.0.run(self.0.provider.update_or_create_container(write))$($wait)*
            }

            /// Signs the newest revision anew if a key of the caller's signed it that was revoked since
            /// (X-08). Says whether that was necessary.
            ///
            /// # Errors
            /// [`CryptoError::KeyNotValid`](absio_proto::CryptoError::KeyNotValid) if this client has not
            /// seen the revision before the revocation: decide with [`Resign::trusting_unseen`].
            pub $($colour)? fn resign(self, resign: Resign) -> Result<bool, Error> {
                self.0.run(resign)$($wait)*
            }

            /// Gives up the caller's access; the container goes when nobody else has any (S-042 to S-048).
            ///
            /// # Errors
            /// [`RemoteCode::ContainerNotFound`](absio_proto::RemoteCode::ContainerNotFound), or what the
            /// exchange gave.
            pub $($colour)? fn delete(self, container: ContainerId) -> Result<(), Error> {
                self.0.run(self.0.provider.delete_container(container))$($wait)*
            }

            /// The containers there are (X-02). What a broker lists is a hint that getting one verifies.
            ///
            /// # Errors
            /// What the exchange or the local store gave.
            pub $($colour)? fn list(self) -> Result<Vec<Listed>, Error> {
                self.0.run(self.0.provider.list_containers())$($wait)*
            }

            /// One page of that list: at most `limit` containers (1 to 1,000) after `after`, which was the
            /// `next` of the page before.
            ///
            /// # Errors
            /// As there.
            pub $($colour)? fn list_page(
                self,
                after: Option<ContainerId>,
                limit: usize,
            ) -> Result<ListedPage, Error> {
                self.0.run(self.0.provider.list_containers_page(after, limit))$($wait)*
            }
        }
    };
}

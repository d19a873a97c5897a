//! The calls of a client itself: signing in and out, events, and any operation there is.

/// Expands to the methods of `Client`; see [`client`](crate::client).
#[doc(hidden)]
#[macro_export]
macro_rules! client_methods {
    ([$($colour:tt)?] [$($wait:tt)*] $runtime:ident [$($content:tt)*]) => {
        use $crate::model::{ApiKey, Event, EventFilter, EventPage, UserId};
        use $crate::ops::user::LoginWith;
        use $crate::ops::{events, info};
        use $crate::provider::{Follow, Followed, SignedIn, Sync, Synced};
        use $crate::wire::InfoAnswer;
        use $crate::{Error, Operation, User};

        impl Client {
            /// A client of the broker at `server_url` (`https`, or `http` on this machine), with an
            /// `api_key` issued by it (S-001 to S-005).
            pub fn builder(api_key: ApiKey, server_url: &str) -> ClientBuilder {
                ClientBuilder::new(api_key, server_url)
            }

            /// Signs `user_id` in, in place of whoever was before (S-007 to S-016).
            ///
            /// # Errors
            /// [`InputError`](absio_proto::InputError) for missing or wrong credentials, the broker's
            /// refusal, or a failed verification. Nobody is signed in then.
            pub $($colour)? fn login(&self, user_id: UserId, with: LoginWith) -> Result<User, Error> {
                self.sign_in(user_id, with)$($wait)*.map(|signed_in| signed_in.user)
            }

            /// As [`login`](Self::login), and says whether the broker was reached (X-17): with a key
            /// file on this device and the right password it need not be; its session is then made by
            /// the first call that reaches it.
            ///
            /// # Errors
            /// As there.
            pub $($colour)? fn sign_in(&self, user_id: UserId, with: LoginWith) -> Result<SignedIn, Error> {
                self.run(self.provider.login(user_id, with))$($wait)*
            }

            /// Signs out: wipes keys here, and ends the session at the broker if it can be reached
            /// (S-015). The standard providers have sessions of their own: this ends those of the
            /// client's (S-229).
            ///
            /// # Errors
            /// [`Error::Protocol`] if the broker's answer cannot be understood; signed out it is anyway.
            pub $($colour)? fn logout(&self) -> Result<(), Error> {
                self.run(self.provider.logout())$($wait)*
            }

            /// The user who is signed in at the broker, or will be by the first call that reaches it
            /// (X-27).
            #[must_use]
            pub fn signed_in(&self) -> Option<User> {
                self.host.session(|session| session.user().cloned())
            }

            /// The user who is signed in at the local store.
            #[must_use]
            pub fn local_user(&self) -> Option<User> {
                self.host.session(|session| session.local_user().cloned())
            }

            /// Whether there is a token for the broker that has not run out (X-27).
            #[must_use]
            pub fn is_authenticated(&self) -> bool {
                let now = self.host.now();
                self.host.session(|session| session.is_authenticated(now))
            }

            /// Users.
            #[must_use]
            pub fn user(&self) -> Users<'_> {
                Users(self)
            }

            /// Containers.
            #[must_use]
            pub fn container(&self) -> Containers<'_> {
                Containers(self)
            }

            /// Key files: on this device, at the broker, and how the two stand to each other.
            #[must_use]
            pub fn key_file(&self) -> KeyFiles<'_> {
                KeyFiles(self)
            }

            /// All events that pass `filter`, of containers and key files, from
            /// [`starting_event_id`](EventFilter::starting_event_id) on, inclusive.
            ///
            /// # Errors
            /// [`Error::Input`] if nobody is signed in, or what the exchange gave.
            pub $($colour)? fn events(&self, filter: EventFilter) -> Result<Vec<Event>, Error> {
                self.run(self.provider.events(filter))$($wait)*
            }

            /// One page of events, from the broker whatever the provider; waits up to `wait` seconds (at
            /// most 60) for the first.
            ///
            /// # Errors
            /// As [`events`](Self::events).
            pub $($colour)? fn events_page(
                &self,
                filter: EventFilter,
                limit: usize,
                wait: u64,
            ) -> Result<EventPage, Error> {
                self.run(events::Page::new(filter, limit, wait))$($wait)*
            }

            /// Container events: from `starting_event_id` on, or without it those that are new since the
            /// last call with the same filter (S-060 to S-069, AMB-06). From the broker whatever the
            /// provider.
            ///
            /// # Errors
            /// As [`events`](Self::events).
            pub $($colour)? fn new_container_events(
                &self,
                filter: EventFilter,
                starting_event_id: Option<u64>,
            ) -> Result<Vec<Event>, Error> {
                self.run(events::Get::of_containers(filter, starting_event_id))$($wait)*
            }

            /// Applies the broker's events to what is kept on this device, exactly once over crashes and
            /// restarts: the loop of the original's FAQ (S-172).
            ///
            /// # Errors
            /// Of the broker and the store when they are not there; what was followed until then stands.
            pub $($colour)? fn follow(&self, follow: Follow) -> Result<Followed, Error> {
                self.run(self.provider.follow_events(follow))$($wait)*
            }

            /// Brings what is kept on this device up to date with the broker, whatever was missed.
            ///
            /// # Errors
            /// As [`follow`](Self::follow); what concerns one container alone is in the result.
            pub $($colour)? fn sync(&self, sync: Sync) -> Result<Synced, Error> {
                self.run(self.provider.sync(sync))$($wait)*
            }

            /// What the broker says of itself: protocol, clock, software (X-15).
            ///
            /// # Errors
            /// [`Error::Transport`], or [`Error::Protocol`] if it is no broker of this version.
            pub $($colour)? fn info(&self) -> Result<InfoAnswer, Error> {
                self.run(info::Info::new())$($wait)*
            }

            /// Runs any operation of [`absio_proto::ops`] on this client's session.
            ///
            /// ```no_run
            #[doc = concat!("# ", stringify!($($colour)?), " fn example(client: &", stringify!($runtime),
                "::Client) -> Result<(), absio_proto::Error> {")]
            /// use absio_proto::ops::info::Info;
            ///
            #[doc = concat!("let info = client.run(Info::new())", stringify!($($wait)*), "?;")]
            /// println!("{} speaks version {}", info.software, info.protocol);
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// The operation's own.
            pub $($colour)? fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
                self.host.run_watched(operation, &mut NoContent, &*self.watch)$($wait)*
            }

            /// Runs an operation that reads or writes `content`.
            ///
            /// # Errors
            /// The operation's own.
            pub $($colour)? fn run_with<O: Operation>(
                &self,
                operation: O,
                content: $($content)*,
            ) -> Result<O::Output, Error> {
                self.host.run_watched(operation, content, &*self.watch)$($wait)*
            }
        }
    };
}

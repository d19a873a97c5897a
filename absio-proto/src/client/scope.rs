//! Which provider answers, and how: for a client, a block, or a call.
//!
//! A choice is a value, not a state: nothing is to be restored after a block, so nothing can be left
//! behind by an error, a panic, a dropped future or another thread (S-228, S-231).

/// Expands to the methods of `Client` that choose; see [`client`](crate::client).
#[doc(hidden)]
#[macro_export]
macro_rules! scope_methods {
    ([$($colour:tt)?] [$($wait:tt)*] $runtime:ident $Block:ident) => {
        use $crate::effect::Progress;
        use $crate::provider::{Options, Provider};

        impl Client {
            /// This client under another provider; sessions and store are shared. Sessions are per
            /// place: who signed in under one provider may have to sign in under another (S-229).
            ///
            /// ```no_run
            #[doc = concat!("# ", stringify!($($colour)?), " fn example(client: &", stringify!($runtime),
                "::Client) -> Result<(), absio_proto::Error> {")]
            /// use absio_proto::model::{ContainerId, Portion};
            /// use absio_proto::provider::{Options, Standard};
            ///
            /// let id = ContainerId::from_bytes([7; 16]);
            /// // From the local store, else from the broker.
            #[doc = concat!("client.container().get(id, Portion::All)", stringify!($($wait)*), "?;")]
            /// // No network.
            #[doc = concat!("client.under(Standard::Ofs).container().get(id, Portion::All)",
                stringify!($($wait)*), "?;")]
            /// // Asks the broker.
            /// let fresh = client.with(Options::new().force_refresh());
            #[doc = concat!("fresh.container().get(id, Portion::All)", stringify!($($wait)*), "?;")]
            /// # Ok(())
            /// # }
            /// ```
            #[must_use]
            pub fn under(&self, provider: impl Provider + 'static) -> Self {
                Self { provider: Arc::new(provider), ..self.clone() }
            }

            /// This client with other options.
            #[must_use]
            pub fn with(&self, options: Options) -> Self {
                Self { options, ..self.clone() }
            }

            /// This client, telling `watch` how far each of its calls is: bytes of a long content on their
            /// way, containers of a sync. `watch` is called between two steps, on the thread or in the task
            /// that makes the call, which waits for it; it may use the client.
            ///
            /// ```no_run
            #[doc = concat!("# ", stringify!($($colour)?), " fn example(client: &", stringify!($runtime),
                "::Client) -> Result<(), absio_proto::Error> {")]
            /// use absio_proto::provider::Sync;
            ///
            /// let watched = client.watching(|progress| println!("{} of {}", progress.done, progress.total));
            #[doc = concat!("watched.sync(Sync::new())", stringify!($($wait)*), "?;")]
            /// # Ok(())
            /// # }
            /// ```
            #[must_use]
            pub fn watching(&self, watch: impl Fn(Progress) + Send + std::marker::Sync + 'static) -> Self {
                Self { watch: Arc::new(watch), ..self.clone() }
            }

            /// As [`watching`](Self::watching), with the reports to be taken from somewhere else: what is not
            /// taken waits. They end when the client that is given, and every call of it, is gone.
            #[must_use]
            pub fn reporting(&self) -> (Self, Reports) {
                let (sender, reports) = reports();
                (self.watching(move |progress| sender.send(progress)), reports)
            }

            /// Runs `block` with this client under another provider: the seed's context manager. Blocks
            /// nest, and threads and tasks do not see each other's.
            pub $($colour)? fn within<R>(
                &self,
                provider: impl Provider + 'static,
                block: impl $Block(&Self) -> R,
            ) -> R {
                block(&self.under(provider))$($wait)*
            }

            /// Runs `block` with this client and other options (S-230).
            pub $($colour)? fn within_options<R>(
                &self,
                options: Options,
                block: impl $Block(&Self) -> R,
            ) -> R {
                block(&self.with(options))$($wait)*
            }

            /// The provider that answers.
            #[must_use]
            pub fn provider(&self) -> &dyn Provider {
                &*self.provider
            }

            /// How it answers.
            #[must_use]
            pub const fn options(&self) -> Options {
                self.options
            }

            /// Where a damaged index of the local store was moved to when it was opened; none if it was
            /// whole. What could be kept of it is kept; the rest comes from the broker when it is asked
            /// for.
            #[must_use]
            pub fn quarantined(&self) -> Option<&Path> {
                self.quarantined.as_deref()
            }
        }
    };
}

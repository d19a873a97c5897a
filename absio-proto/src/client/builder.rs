//! Setting up a client.

/// Expands to `SetupError`; see [`client`](crate::client).
#[doc(hidden)]
#[macro_export]
macro_rules! setup_error {
    () => {
        /// Why a client could not be set up.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum SetupError {
            /// An argument is not usable.
            Input($crate::InputError),
            /// The certificate authorities cannot be read.
            Authorities(TransportSetupError),
            /// The local store cannot be opened: its root is in use, belongs to somebody else or is
            /// damaged.
            Store($crate::effect::StoreError),
        }

        impl SetupError {
            /// A stable, machine-readable code.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self {
                    Self::Input(error) => error.code(),
                    Self::Authorities(_) => "invalid_authorities",
                    Self::Store(_) => "store",
                }
            }
        }

        impl std::fmt::Display for SetupError {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    Self::Input(error) => error.fmt(f),
                    Self::Authorities(error) => error.fmt(f),
                    Self::Store(error) => write!(f, "the local store cannot be opened: {error}"),
                }
            }
        }

        impl std::error::Error for SetupError {}

        impl From<$crate::InputError> for SetupError {
            fn from(error: $crate::InputError) -> Self {
                Self::Input(error)
            }
        }
    };
}

/// Expands to `ClientBuilder` and its methods; see [`client`](crate::client). What is written before the
/// colour is the documentation of the type.
#[doc(hidden)]
#[macro_export]
macro_rules! builder_methods {
    ($(#[$about:meta])* [$($colour:tt)?] [$($wait:tt)*]) => {
        use $crate::model::{ApiKey, Validators};
        use $crate::provider::{Options, Provider, Standard};
        use $crate::{Config, InputError, Session};
        use std::sync::Arc;
        use std::time::Duration;

        $(#[$about])*
        #[must_use = "call build"]
        pub struct ClientBuilder {
            config: Result<Config, InputError>,
            authorities: Vec<u8>,
            transport: Option<SharedTransport>,
            store: Chosen,
            provider: Option<Arc<dyn Provider>>,
            options: Options,
            #[cfg(feature = "testing")]
            machine: Option<(Box<dyn Fn() -> $crate::Now + Send + Sync>, Box<dyn $crate::Entropy + Send>)>,
        }

        impl ClientBuilder {
            pub(super) fn new(api_key: ApiKey, server_url: &str) -> Self {
                Self {
                    config: Config::new(api_key, server_url),
                    authorities: Vec::new(),
                    transport: None,
                    store: Chosen::None,
                    provider: None,
                    options: Options::new(),
                    #[cfg(feature = "testing")]
                    machine: None,
                }
            }

            fn configure(mut self, change: impl FnOnce(Config) -> Result<Config, InputError>) -> Self {
                self.config = self.config.and_then(change);
                self
            }

            /// Names the program in events (S-003); at most 128 bytes.
            pub fn app_name(self, name: &str) -> Self {
                self.configure(|config| config.app_name(name))
            }

            /// Replaces the rules for credentials, for every call (S-020).
            pub fn validators(self, validators: Validators) -> Self {
                self.configure(|config| Ok(config.validators(validators)))
            }

            /// How long one exchange with the broker may take; 60 seconds unless set.
            pub fn deadline(self, deadline: Duration) -> Self {
                self.configure(|config| Ok(config.deadline(deadline)))
            }

            /// Stretches passwords by `policy`.
            #[cfg(feature = "testing")]
            pub fn kdf_policy(self, policy: $crate::crypto::KdfPolicy) -> Self {
                self.configure(|config| Ok(config.kdf_policy(policy)))
            }

            /// Goes by the time that `now` tells and the randomness that `entropy` draws, so that the same
            /// calls send the same bytes. Pauses between repeats are of the real clock.
            #[cfg(feature = "testing")]
            pub fn machine(
                self,
                now: impl Fn() -> $crate::Now + Send + Sync + 'static,
                entropy: impl $crate::Entropy + Send + 'static,
            ) -> Self {
                Self { machine: Some((Box::new(now), Box::new(entropy))), ..self }
            }

            /// Trusts the certificate authorities in `pem` instead of the usual ones.
            pub fn authorities_pem(mut self, pem: &[u8]) -> Self {
                self.authorities.extend_from_slice(pem);
                self.authorities.push(b'\n');
                self
            }

            /// Sends by `transport` instead of this crate's HTTP client: another HTTP client, or a broker
            /// in this process. The authorities are then the transport's affair.
            pub fn transport(mut self, transport: impl Transport + Send + Sync + 'static) -> Self {
                self.transport = Some(Arc::new(transport));
                self
            }

            /// Keeps things below the directory `path`, encrypted and under random names: key files, keys
            /// and copies of containers (the seed's `root_dir`). The directory is made if it is absent,
            /// in one that exists; it must be this user's alone to write into, and one client at a time
            /// holds it.
            ///
            /// Without it, and without [`store`](Self::store), nothing is written on this device. The
            /// seed takes the current directory: that is [`root_here`](Self::root_here) here, said by the
            /// caller, because a program is started in all kinds of directories.
            #[cfg(all(unix, feature = "store"))]
            pub fn root(self, path: impl Into<std::path::PathBuf>) -> Self {
                Self { store: Chosen::Root(path.into()), ..self }
            }

            /// Keeps things below the current directory: the seed's default (S-006).
            #[cfg(all(unix, feature = "store"))]
            pub fn root_here(self) -> Self {
                self.root(".")
            }

            /// Keeps things in `store`: memory, or another durable store. What is kept is sealed before
            /// the store sees it.
            pub fn store(self, store: impl Store + Send + Sync + 'static) -> Self {
                Self { store: Chosen::Own(Arc::new(store)), ..self }
            }

            /// The provider of every call that does not name another. Unless set,
            /// [`Standard::ServerCacheOfs`] if there is a store (S-164), [`Standard::Server`] if there is
            /// none (S-208).
            pub fn provider(self, provider: impl Provider + 'static) -> Self {
                Self { provider: Some(Arc::new(provider)), ..self }
            }

            /// How the provider answers every call that does not say otherwise (S-171).
            pub fn options(self, options: Options) -> Self {
                Self { options, ..self }
            }

            /// The client. Nothing is sent yet, and nobody is signed in.
            ///
            /// # Errors
            /// [`SetupError`] for the first argument that is not usable.
            pub $($colour)? fn build(self) -> Result<Client, SetupError> {
                let config = self.config?;
                let transport = match self.transport {
                    Some(transport) => transport,
                    None => default_transport(self.authorities)$($wait)*.map_err(SetupError::Authorities)?,
                };
                let opened = open(self.store)$($wait)*.map_err(SetupError::Store)?;
                let standard =
                    if opened.store.is_some() { Standard::ServerCacheOfs } else { Standard::Server };
                let host = Host::of(Session::new(config), transport, opened.store);
                #[cfg(feature = "testing")]
                let host = match self.machine {
                    Some((now, entropy)) => host.with_machine(now, entropy),
                    None => host,
                };
                Ok(Client {
                    host: Arc::new(host),
                    provider: self.provider.unwrap_or_else(|| Arc::new(standard)),
                    options: self.options,
                    watch: Arc::new(|_| ()),
                    quarantined: opened.quarantined.map(Arc::from),
                })
            }
        }
    };
}

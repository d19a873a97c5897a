//! Every endpoint of the API: its method, path, query, and what it needs. The client writes a
//! [`Route`], the broker parses one; there is no second list.

use super::query::{QueryReader, QueryWriter};
use super::upload::UploadId;
use crate::crypto::segment::LONGEST_RANGE_PROOF;
use crate::effect::Method;
use crate::limits;
use crate::model::{ContainerId, EventFilter, Portion, UserId};

/// One endpoint with its arguments (`docs/protocol.md`, "Endpoints").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /v1/info`
    Info,
    /// `POST /v1/challenge`
    Challenge,
    /// `POST /v1/login`
    Login,
    /// `POST /v1/logout`
    Logout,
    /// `POST /v1/users`
    CreateUser,
    /// `DELETE /v1/users/{user}`
    DeleteUser(UserId),
    /// `POST /v1/users/{user}/cards`
    AddCard(UserId),
    /// `GET /v1/users/{user}/reminder`
    Reminder(UserId),
    /// `POST /v1/keys`
    Keys,
    /// `GET /v1/key-file`
    KeyFile,
    /// `GET /v1/key-file/checksum`
    KeyFileChecksum,
    /// `PUT /v1/key-file`
    PutKeyFile,
    /// `POST /v1/key-file/retrieve`
    RetrieveKeyFile,
    /// `POST /v1/containers`
    CreateContainer,
    /// `GET /v1/containers?after&limit`
    ListContainers {
        /// The last id already seen.
        after: Option<ContainerId>,
        /// At most this many.
        limit: usize,
    },
    /// `GET /v1/containers/{container}?portion&known`
    GetContainer {
        /// The container.
        container: ContainerId,
        /// Which sections.
        portion: Portion,
        /// The revision the caller has pinned: views from it on are wanted.
        known: Option<u64>,
    },
    /// `GET /v1/containers/{container}/content?epoch&offset&length`
    Content {
        /// The container.
        container: ContainerId,
        /// The content epoch of the manifest that was read.
        epoch: u64,
        /// First byte of the segment.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// `GET /v1/containers/{container}/chunks?epoch&first&count&bytes`
    Chunks {
        /// The container.
        container: ContainerId,
        /// The content epoch of the manifest that was read.
        epoch: u64,
        /// The first chunk.
        first: u64,
        /// Number of chunks.
        count: u64,
        /// Whether the chunks are wanted, or their proof alone.
        bytes: bool,
    },
    /// `GET /v1/containers/{container}/manifests?from&limit`
    Manifests {
        /// The container.
        container: ContainerId,
        /// The first revision wanted.
        from: u64,
        /// At most this many.
        limit: usize,
    },
    /// `PUT /v1/containers/{container}`
    UpdateContainer(ContainerId),
    /// `DELETE /v1/containers/{container}`
    DeleteContainer(ContainerId),
    /// `POST /v1/uploads`
    BeginUpload,
    /// `PUT /v1/uploads/{upload}/parts/{part}`
    PutPart {
        /// The upload.
        upload: UploadId,
        /// The part's number, from 0.
        part: u64,
    },
    /// `GET /v1/uploads/{upload}`
    UploadStatus(UploadId),
    /// `DELETE /v1/uploads/{upload}`
    AbortUpload(UploadId),
    /// `GET /v1/events?start&end&type&container_id&container_type&action&limit&wait`
    Events {
        /// Which events.
        filter: EventFilter,
        /// At most this many.
        limit: usize,
        /// Seconds to wait if there is none.
        wait: u64,
    },
}

/// Why a method and path are no [`Route`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// No such path.
    NotFound,
    /// The path takes other methods.
    MethodNotAllowed,
    /// The query is not well formed; the name concerned.
    BadQuery(&'static str),
}

impl Route {
    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Info
            | Self::Reminder(_)
            | Self::KeyFile
            | Self::KeyFileChecksum
            | Self::ListContainers { .. }
            | Self::GetContainer { .. }
            | Self::Content { .. }
            | Self::Chunks { .. }
            | Self::Manifests { .. }
            | Self::UploadStatus(_)
            | Self::Events { .. } => Method::Get,
            Self::Challenge
            | Self::Login
            | Self::Logout
            | Self::CreateUser
            | Self::AddCard(_)
            | Self::Keys
            | Self::RetrieveKeyFile
            | Self::CreateContainer
            | Self::BeginUpload => Method::Post,
            Self::PutKeyFile | Self::UpdateContainer(_) | Self::PutPart { .. } => Method::Put,
            Self::DeleteUser(_) | Self::DeleteContainer(_) | Self::AbortUpload(_) => Method::Delete,
        }
    }

    /// The path with its query.
    #[must_use]
    pub fn path(&self) -> String {
        let plain = |path: &str| path.to_owned();
        match self {
            Self::Info => plain("/v1/info"),
            Self::Challenge => plain("/v1/challenge"),
            Self::Login => plain("/v1/login"),
            Self::Logout => plain("/v1/logout"),
            Self::CreateUser => plain("/v1/users"),
            Self::DeleteUser(user) => format!("/v1/users/{user}"),
            Self::AddCard(user) => format!("/v1/users/{user}/cards"),
            Self::Reminder(user) => format!("/v1/users/{user}/reminder"),
            Self::Keys => plain("/v1/keys"),
            Self::KeyFile | Self::PutKeyFile => plain("/v1/key-file"),
            Self::KeyFileChecksum => plain("/v1/key-file/checksum"),
            Self::RetrieveKeyFile => plain("/v1/key-file/retrieve"),
            Self::CreateContainer => plain("/v1/containers"),
            Self::ListContainers { after, limit } => {
                QueryWriter::new(plain("/v1/containers")).some("after", *after).pair("limit", limit).finish()
            }
            Self::GetContainer { container, portion, known } => {
                QueryWriter::new(format!("/v1/containers/{container}"))
                    .pair("portion", portion)
                    .some("known", *known)
                    .finish()
            }
            Self::Content { container, epoch, offset, length } => {
                QueryWriter::new(format!("/v1/containers/{container}/content"))
                    .pair("epoch", epoch)
                    .pair("offset", offset)
                    .pair("length", length)
                    .finish()
            }
            Self::Chunks { container, epoch, first, count, bytes } => {
                QueryWriter::new(format!("/v1/containers/{container}/chunks"))
                    .pair("epoch", epoch)
                    .pair("first", first)
                    .pair("count", count)
                    .some("bytes", (!bytes).then_some(false))
                    .finish()
            }
            Self::Manifests { container, from, limit } => {
                QueryWriter::new(format!("/v1/containers/{container}/manifests"))
                    .pair("from", from)
                    .pair("limit", limit)
                    .finish()
            }
            Self::UpdateContainer(container) | Self::DeleteContainer(container) => {
                format!("/v1/containers/{container}")
            }
            Self::BeginUpload => plain("/v1/uploads"),
            Self::PutPart { upload, part } => format!("/v1/uploads/{upload}/parts/{part}"),
            Self::UploadStatus(upload) | Self::AbortUpload(upload) => format!("/v1/uploads/{upload}"),
            Self::Events { filter, limit, wait } => QueryWriter::new(plain("/v1/events"))
                .pair("start", filter.starting_event_id)
                .some("end", filter.ending_event_id)
                .some("type", filter.event_type.as_ref())
                .some("container_id", filter.container_id)
                .some("container_type", filter.container_type.as_ref())
                .some("action", filter.action.as_ref())
                .pair("limit", limit)
                .pair("wait", wait)
                .finish(),
        }
    }

    /// The route that `method` and `path` (with its query) name.
    ///
    /// # Errors
    /// [`RouteError`] if there is none.
    pub fn parse(method: Method, path: &str) -> Result<Self, RouteError> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut query = QueryReader::new(query).ok_or(RouteError::BadQuery("query"))?;
        let segments: Vec<&str> = path.strip_prefix("/v1/").ok_or(RouteError::NotFound)?.split('/').collect();
        let candidates = Self::at_path(&segments, &mut query)?;
        let route = candidates
            .into_iter()
            .find(|route| route.method() == method)
            .ok_or(RouteError::MethodNotAllowed)?;
        query.end().map_err(RouteError::BadQuery)?;
        Ok(route)
    }

    fn at_path(segments: &[&str], query: &mut QueryReader) -> Result<Vec<Self>, RouteError> {
        fn id<T: core::str::FromStr>(text: &str) -> Result<T, RouteError> {
            text.parse().map_err(|_| RouteError::NotFound)
        }
        let page = |query: &mut QueryReader, limit: usize| -> Result<usize, RouteError> {
            let wanted = query.take("limit").map_err(RouteError::BadQuery)?.unwrap_or(limit);
            if (1..=limit).contains(&wanted) { Ok(wanted) } else { Err(RouteError::BadQuery("limit")) }
        };
        Ok(match *segments {
            ["info"] => vec![Self::Info],
            ["challenge"] => vec![Self::Challenge],
            ["login"] => vec![Self::Login],
            ["logout"] => vec![Self::Logout],
            ["users"] => vec![Self::CreateUser],
            ["users", user] => vec![Self::DeleteUser(id(user)?)],
            ["users", user, "cards"] => vec![Self::AddCard(id(user)?)],
            ["users", user, "reminder"] => vec![Self::Reminder(id(user)?)],
            ["keys"] => vec![Self::Keys],
            ["key-file"] => vec![Self::KeyFile, Self::PutKeyFile],
            ["key-file", "checksum"] => vec![Self::KeyFileChecksum],
            ["key-file", "retrieve"] => vec![Self::RetrieveKeyFile],
            ["containers"] => vec![
                Self::CreateContainer,
                Self::ListContainers {
                    after: query.take("after").map_err(RouteError::BadQuery)?,
                    limit: page(query, limits::CONTAINERS_PAGE)?,
                },
            ],
            ["containers", container] => {
                let container = id(container)?;
                vec![
                    Self::GetContainer {
                        container,
                        portion: query.take("portion").map_err(RouteError::BadQuery)?.unwrap_or_default(),
                        known: query.take("known").map_err(RouteError::BadQuery)?,
                    },
                    Self::UpdateContainer(container),
                    Self::DeleteContainer(container),
                ]
            }
            ["containers", container, "content"] => {
                let mut number =
                    |name| query.take(name).map_err(RouteError::BadQuery)?.ok_or(RouteError::BadQuery(name));
                vec![Self::Content {
                    container: id(container)?,
                    epoch: number("epoch")?,
                    offset: number("offset")?,
                    length: number("length")?,
                }]
            }
            ["containers", container, "chunks"] => {
                let bytes = query.take("bytes").map_err(RouteError::BadQuery)?.unwrap_or(true);
                let mut number =
                    |name| query.take(name).map_err(RouteError::BadQuery)?.ok_or(RouteError::BadQuery(name));
                vec![Self::Chunks {
                    container: id(container)?,
                    epoch: number("epoch")?,
                    first: number("first")?,
                    count: number("count")?,
                    bytes,
                }]
            }
            ["containers", container, "manifests"] => vec![Self::Manifests {
                container: id(container)?,
                from: query.take("from").map_err(RouteError::BadQuery)?.unwrap_or(1),
                limit: page(query, limits::REVISIONS_PAGE)?,
            }],
            ["uploads"] => vec![Self::BeginUpload],
            ["uploads", upload] => vec![Self::UploadStatus(id(upload)?), Self::AbortUpload(id(upload)?)],
            ["uploads", upload, "parts", part] => {
                vec![Self::PutPart { upload: id(upload)?, part: id(part)? }]
            }
            ["events"] => vec![Self::Events {
                filter: EventFilter {
                    event_type: query.take("type").map_err(RouteError::BadQuery)?,
                    container_id: query.take("container_id").map_err(RouteError::BadQuery)?,
                    container_type: query.take("container_type").map_err(RouteError::BadQuery)?,
                    action: query.take("action").map_err(RouteError::BadQuery)?,
                    starting_event_id: query.take("start").map_err(RouteError::BadQuery)?.unwrap_or(0),
                    ending_event_id: query.take("end").map_err(RouteError::BadQuery)?,
                },
                limit: page(query, limits::EVENTS_PAGE)?,
                wait: query
                    .take::<u64>("wait")
                    .map_err(RouteError::BadQuery)?
                    .unwrap_or(0)
                    .min(limits::EVENT_WAIT_S),
            }],
            _ => return Err(RouteError::NotFound),
        })
    }

    /// Whether a session token is required.
    #[must_use]
    pub fn needs_session(&self) -> bool {
        !matches!(
            self,
            Self::Info
                | Self::Challenge
                | Self::Login
                | Self::CreateUser
                | Self::Reminder(_)
                | Self::RetrieveKeyFile
        )
    }

    /// Whether it changes something and so carries an idempotency key. Login, logout and parts of
    /// an upload are safe to repeat by themselves.
    #[must_use]
    pub fn is_change(&self) -> bool {
        matches!(
            self,
            Self::CreateUser
                | Self::DeleteUser(_)
                | Self::AddCard(_)
                | Self::PutKeyFile
                | Self::CreateContainer
                | Self::UpdateContainer(_)
                | Self::DeleteContainer(_)
                | Self::BeginUpload
        )
    }

    /// Whether the request must be signed (`docs/protocol.md`, "Signed requests").
    #[must_use]
    pub fn is_signed(&self) -> bool {
        matches!(
            self,
            Self::CreateUser
                | Self::DeleteUser(_)
                | Self::AddCard(_)
                | Self::PutKeyFile
                | Self::DeleteContainer(_)
        )
    }

    /// Bytes of the largest request body.
    #[must_use]
    pub fn max_body(&self) -> u64 {
        match self {
            Self::CreateContainer | Self::UpdateContainer(_) => limits::BUNDLE,
            Self::DeleteContainer(_) => limits::JSON_REPLY,
            Self::CreateUser | Self::PutKeyFile | Self::DeleteUser(_) | Self::AddCard(_) => {
                2 * limits::KEY_FILE as u64
            }
            Self::PutPart { .. } => limits::PART + (limits::PART >> 12) * 48,
            Self::Keys => limits::KEYS_PAGE as u64 * 40 + 1024,
            Self::Login | Self::RetrieveKeyFile | Self::BeginUpload => 4096,
            _ => 256,
        }
    }

    /// Bytes of the largest response body.
    #[must_use]
    pub fn max_response(&self) -> u64 {
        match self {
            Self::GetContainer { .. } | Self::Manifests { .. } | Self::Keys => limits::BUNDLE,
            Self::KeyFile | Self::RetrieveKeyFile => 2 * limits::KEY_FILE as u64,
            Self::Content { length, .. } => (*length).max(64 << 10),
            Self::Chunks { bytes: true, .. } => limits::CONTENT_RANGE + LONGEST_RANGE_PROOF as u64,
            Self::Events { .. } | Self::ListContainers { .. } | Self::UploadStatus(_) => limits::JSON_REPLY,
            _ => 64 << 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventAction, EventType};

    fn every_route() -> Vec<Route> {
        let user = UserId::from_bytes([1; 16]);
        let container = ContainerId::from_bytes([2; 16]);
        let upload = UploadId([3; 16]);
        vec![
            Route::Info,
            Route::Challenge,
            Route::Login,
            Route::Logout,
            Route::CreateUser,
            Route::DeleteUser(user),
            Route::AddCard(user),
            Route::Reminder(user),
            Route::Keys,
            Route::KeyFile,
            Route::KeyFileChecksum,
            Route::PutKeyFile,
            Route::RetrieveKeyFile,
            Route::CreateContainer,
            Route::ListContainers { after: None, limit: 7 },
            Route::ListContainers { after: Some(container), limit: 1000 },
            Route::GetContainer { container, portion: Portion::Header, known: Some(4) },
            Route::Content { container, epoch: 1, offset: 2, length: 3 },
            Route::Chunks { container, epoch: 1, first: 2, count: 3, bytes: true },
            Route::Chunks { container, epoch: 1, first: 2, count: 3, bytes: false },
            Route::Manifests { container, from: 2, limit: 3 },
            Route::UpdateContainer(container),
            Route::DeleteContainer(container),
            Route::BeginUpload,
            Route::PutPart { upload, part: 9 },
            Route::UploadStatus(upload),
            Route::AbortUpload(upload),
            Route::Events {
                filter: EventFilter {
                    event_type: Some(EventType::Container),
                    container_id: Some(container),
                    container_type: Some("a &=b%/\u{e9}".into()),
                    action: Some(EventAction::Updated),
                    starting_event_id: 12,
                    ending_event_id: Some(34),
                },
                limit: 5,
                wait: 30,
            },
        ]
    }

    #[test]
    fn every_route_reads_as_it_was_written() {
        for route in every_route() {
            assert_eq!(Route::parse(route.method(), &route.path()), Ok(route));
        }
    }

    #[test]
    fn other_paths_methods_and_queries_are_refused() {
        assert_eq!(Route::parse(Method::Get, "/v2/info"), Err(RouteError::NotFound));
        assert_eq!(Route::parse(Method::Get, "/v1/containers/../info"), Err(RouteError::NotFound));
        assert_eq!(Route::parse(Method::Put, "/v1/info"), Err(RouteError::MethodNotAllowed));
        assert_eq!(Route::parse(Method::Get, "/v1/info?x=1"), Err(RouteError::BadQuery("an unknown name")));
        assert_eq!(Route::parse(Method::Get, "/v1/events?limit=0"), Err(RouteError::BadQuery("limit")));
        assert_eq!(
            Route::parse(Method::Get, "/v1/events?limit=5&limit=6"),
            Err(RouteError::BadQuery("query"))
        );
        let id = ContainerId::from_bytes([2; 16]);
        assert_eq!(
            Route::parse(Method::Get, &format!("/v1/containers/{id}?portion=foo")),
            Err(RouteError::BadQuery("portion"))
        );
    }
}

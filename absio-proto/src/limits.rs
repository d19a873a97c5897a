//! Limits (`docs/protocol.md`, "Limits"): all enforced, in the core and by the broker.

/// Bytes of a type string.
pub const TYPE: usize = 256;
/// Bytes of a reminder.
pub const REMINDER: usize = 1024;
/// Bytes of a header's plaintext JSON, by default.
pub const HEADER: usize = 1 << 20;
/// Bytes of a header's plaintext JSON that a reader accepts at most.
pub const HEADER_MAX: usize = 16 << 20;
/// Nesting of a header's JSON and of JSON replies.
pub const JSON_DEPTH: usize = 64;
/// Bytes of a sealed message's plaintext.
pub const MESSAGE: usize = 1 << 20;
/// Bytes of content.
pub const CONTENT: u64 = 1 << 44;
/// Bytes of content that a one-shot get gathers in memory; more must go to a sink.
pub const CONTENT_IN_MEMORY: u64 = 256 << 20;
/// Access entries of a container.
pub const ACCESS_ENTRIES: usize = 4096;
/// Keys on an identity card.
pub const CARD_KEYS: usize = 64;
/// Cards in a chain.
pub const CARDS: usize = 1024;
/// Revisions walked at first contact.
pub const REVISIONS_WALKED: u64 = 10_000;
/// Bytes of a key file.
pub const KEY_FILE: usize = 256 << 10;
/// Bytes of a JSON reply.
pub const JSON_REPLY: u64 = 8 << 20;
/// Events a page.
pub const EVENTS_PAGE: usize = 1000;
/// Events or containers that one operation gathers; more are read page by page by the caller.
pub const GATHERED: usize = 1_000_000;
/// Pages of events that one operation reads.
pub const PAGES: usize = 10_000;
/// Containers a page of a list.
pub const CONTAINERS_PAGE: usize = 1000;
/// Segment bytes up to which a segment travels inside a bundle instead of in parts.
pub const INLINE_SEGMENT: u64 = 4 << 20;
/// Plaintext bytes of one part of a large content; a multiple of every chunk size.
pub const PART: u64 = 4 << 20;
/// Bytes of content that one range request may ask for: a part with every tag there could be, twice.
pub const CONTENT_RANGE: u64 = 2 * (PART + (PART >> 12) * 48);
/// Bytes of a bundle body: inline segments, manifests, blobs, cards.
pub const BUNDLE: u64 = 32 << 20;
/// Revisions of a manifest chain in one reply.
pub const REVISIONS_PAGE: usize = 64;
/// Users in one request for public keys.
pub const KEYS_PAGE: usize = 4096;
/// How far ahead of the clock a signed time may lie, in milliseconds.
pub const CLOCK_SKEW_MS: u64 = 5 * 60 * 1000;
/// How long a nonce of the broker lives, in milliseconds.
pub const NONCE_LIFE_MS: u64 = 60 * 1000;
/// How long a session token lives, in milliseconds.
pub const TOKEN_LIFE_MS: u64 = 60 * 60 * 1000;
/// How long an idempotency key is remembered, in milliseconds.
pub const IDEMPOTENCY_LIFE_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Bytes of an application name.
pub const APP_NAME: usize = 128;
/// Seconds an event request may wait for news.
pub const EVENT_WAIT_S: u64 = 60;
/// Bytes of a store's key, the number of an append included.
pub const STORE_KEY: usize = 1024;
/// Bytes of a store's value.
pub const STORE_VALUE: usize = 16 << 20;
/// Keys of one get; preconditions and writes together of one commit.
pub const STORE_KEYS: usize = 65_536;
/// Bytes of keys and values of one commit.
pub const STORE_COMMIT: usize = 64 << 20;
/// Entries of one scan, ids of one list of blobs.
pub const STORE_ENTRIES: usize = 10_000;
/// Bytes of keys and values that one get or scan may answer.
pub const STORE_REPLY: usize = 64 << 20;
/// Bytes of a blob written or read at once.
pub const STORE_BLOB_PART: usize = 64 << 20;
/// Bytes of a blob.
pub const STORE_BLOB: u64 = 1 << 45;
/// Bytes of a cell.
pub const STORE_CELL: usize = 1 << 20;

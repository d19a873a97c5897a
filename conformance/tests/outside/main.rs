//! A store and a transport that a stranger wrote, from `docs/conformance.md` alone: they stand there word for word.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "as a stranger would write it")]

mod faults;
mod store;
mod transport;

pub use store::MapStore;
pub use transport::PlainHttp;

mod my_store {
    use super::MapStore;
    use absio_conformance::store::{Backend, Capabilities};

    struct Maps;

    impl Backend for Maps {
        type Store = MapStore;

        fn capabilities(&self) -> Capabilities {
            Capabilities { durable: false, bounded: false, concurrent: true }
        }

        fn fresh(&self) -> MapStore {
            MapStore::default()
        }
    }

    absio_conformance::store_suite!(Maps);
}

mod my_transport {
    use super::PlainHttp;
    use absio_conformance::TransportCapabilities;

    absio_conformance::transport_suite!(PlainHttp, TransportCapabilities::NONE);
}

/// What the document shows is what is run here.
#[test]
fn the_document_shows_this_very_code() {
    let document = include_str!("../../../docs/conformance.md");
    for (name, code) in [("store", include_str!("store.rs")), ("transport", include_str!("transport.rs"))] {
        assert!(document.contains(code), "docs/conformance.md does not show {name}.rs as it is");
    }
}

//! The transports that ship.

mod ureq {
    use absio_blocking::HttpTransport;
    use absio_conformance::TransportCapabilities;

    absio_conformance::transport_suite!(HttpTransport::new(), TransportCapabilities::ALL);
}

mod own {
    use absio_async_std::HttpTransport;
    use absio_conformance::TransportCapabilities;

    absio_conformance::transport_suite!(async HttpTransport::new(), TransportCapabilities::ALL, smol::block_on);
}

mod async_std {
    use absio_async_std::{AsyncStd, HttpTransport};
    use absio_conformance::TransportCapabilities;

    absio_conformance::transport_suite!(
        async HttpTransport::builder().runtime(AsyncStd).build(), TransportCapabilities::ALL, smol::block_on
    );
}

mod surf {
    use absio_async_std::SurfTransport;
    use absio_conformance::TransportCapabilities;

    absio_conformance::transport_suite!(async SurfTransport::new(), TransportCapabilities::ALL, smol::block_on);
}

//! What travels: bundles, strict JSON, origins, routes.

use absio_proto::effect::{HttpResponse, Method};
use absio_proto::model::UserId;
use absio_proto::wire::{
    AddCard, Bundle, BundleTag, ChangeContainer, ContainerAnswer, CreateUser, DeleteUser, KeysAnswer,
    ManifestPage, PutKeyFile, RemoveContainer, RetrieveAnswer, Route, decode_error, parse_origin,
    parse_strict, to_json,
};

/// A bundle has one encoding; every message that is made of one can be tried on it.
///
/// # Panics
/// If that does not hold.
pub fn bundle(data: &[u8]) {
    if let Ok(bundle) = Bundle::decode(data) {
        assert_eq!(bundle.encode(), data, "a bundle has two encodings");
    }
    let _ = AddCard::decode(data);
    let _ = ChangeContainer::decode(data);
    let _ = ContainerAnswer::decode(data, UserId::from_bytes([1; 16]));
    let _ = CreateUser::decode(data);
    let _ = DeleteUser::decode(data);
    let _ = KeysAnswer::decode(data);
    let _ = ManifestPage::decode(data);
    let _ = PutKeyFile::decode(data);
    let _ = RemoveContainer::decode(data);
    let _ = RetrieveAnswer::decode(data);
}

/// Bundles of each shape.
pub fn bundle_seeds() -> Vec<Vec<u8>> {
    let user_and_card = [[1; 16].as_slice(), &[2; 40]].concat();
    vec![
        Bundle::new().encode(),
        Bundle::new().with(BundleTag::Fields, *b"{\"more\":false}").encode(),
        Bundle::new()
            .with(BundleTag::Fields, *b"{\"retrieval_key\":null,\"reminder\":\"\"}")
            .with(BundleTag::Card, user_and_card.clone())
            .encode(),
        Bundle::new()
            .with(
                BundleTag::Fields,
                *b"{\"header\":\"inline\",\"content\":\"parts\",\"complete\":true,\"server_time\":1}",
            )
            .with(BundleTag::ManifestView, [3; 60])
            .with(BundleTag::ManifestView, [4; 60])
            .with(BundleTag::KeyBlob, user_and_card.clone())
            .with(BundleTag::HeaderSegment, [5; 60])
            .with(BundleTag::Card, user_and_card.clone())
            .with(BundleTag::TypeOpening, [6; 40])
            .encode(),
        Bundle::new()
            .with(BundleTag::Fields, *b"{\"unknown\":[]}")
            .with(BundleTag::Card, user_and_card)
            .encode(),
    ]
}

/// What is accepted is written and accepted again, equal; an error reply is always an error.
///
/// # Panics
/// If that does not hold.
pub fn json(data: &[u8]) {
    if let Ok(value) = parse_strict(data) {
        let again = parse_strict(&to_json(&value)).expect("what was accepted is accepted again");
        assert_eq!(again, value);
    }
    let status = 400 + u16::from(data.first().copied().unwrap_or(0));
    let error = decode_error(&HttpResponse { status, headers: Vec::new(), body: data.to_vec() });
    assert!(!error.to_string().is_empty());
}

/// JSON of many shapes, and near misses.
pub fn json_seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        "null",
        "[1,2.5,-3e10,true,{\"a\":{\"b\":[]}}]",
        "{\"error\":{\"code\":\"conflict\",\"message\":\"m\",\"subject\":\"s\",\"retry_after_ms\":5}}",
        "{\"a\":1,\"a\":2}",
        "\"\\u00e9\\ud83d\\ude00\"",
        "18446744073709551616",
        "1 2",
    ]
    .map(Into::into)
    .into();
    seeds.push([vec![b'['; 64], vec![b']'; 64]].concat());
    seeds.push([vec![b'['; 65], vec![b']'; 65]].concat());
    seeds
}

/// An origin that is accepted has one spelling, and no secret, path or query in it; plain HTTP is
/// accepted only for this machine.
///
/// # Panics
/// If that does not hold.
pub fn origin(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(origin) = parse_origin(text) else { return };
    assert_eq!(parse_origin(&origin).as_deref(), Ok(origin.as_str()), "an origin has two spellings");
    let (scheme, host) = origin.split_once("://").expect("an origin has a scheme");
    assert!(!host.contains(['@', '/', '?', '#', '\\', ' ', '%']) && host.is_ascii(), "{origin}");
    let loopback = host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
    assert!(scheme == "https" || (scheme == "http" && loopback), "{origin}");
}

/// Origins, good and bad.
pub fn origin_seeds() -> Vec<Vec<u8>> {
    [
        "https://sandbox.absio.com",
        "https://EXAMPLE.com:443/",
        "http://localhost:8600",
        "http://127.0.0.1:80",
        "http://[::1]:8600",
        "http://[0:0::01]:8600",
        "https://user:secret@example.com",
        "https://xn--bcher-kva.example:8443",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
    ]
    .map(Into::into)
    .into()
}

/// A route that is read is written back to a path that reads as the same route.
///
/// # Panics
/// If that does not hold.
pub fn route(data: &[u8]) {
    let Ok(path) = core::str::from_utf8(data) else { return };
    for method in [Method::Get, Method::Post, Method::Put, Method::Delete] {
        if let Ok(route) = Route::parse(method, path) {
            assert_eq!(route.method(), method);
            assert_eq!(Route::parse(method, &route.path()).ok(), Some(route), "{path}");
        }
    }
}

/// A path of each shape.
pub fn route_seeds() -> Vec<Vec<u8>> {
    let id = "00000000-0000-4000-8000-000000000001";
    [
        "/v1/info".to_owned(),
        "/v1/challenge".into(),
        format!("/v1/users/{id}"),
        format!("/v1/users/{id}/cards"),
        format!("/v1/users/{id}/reminder"),
        "/v1/key-file/checksum".into(),
        "/v1/key-file/retrieve".into(),
        format!("/v1/containers?after={id}&limit=10"),
        format!("/v1/containers/{id}?portion=all&known=3"),
        format!("/v1/containers/{id}/content?epoch=1&offset=0&length=4096"),
        format!("/v1/containers/{id}/manifests?from=1&limit=64"),
        "/v1/uploads/00112233445566778899aabbccddeeff/parts/3".into(),
        "/v1/events?start=1&type=container&container_type=a%20b&action=added&limit=5&wait=60".into(),
        format!("/v1/events?container_id={id}"),
    ]
    .map(Into::into)
    .into()
}

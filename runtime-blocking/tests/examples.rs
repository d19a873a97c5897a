//! The examples come out as they say.
#![allow(clippy::unwrap_used)]

#[path = "../examples/content_elsewhere.rs"]
mod content_elsewhere;
#[path = "../examples/custom_transport.rs"]
mod custom_transport;
#[path = "../examples/directory_of_keys.rs"]
mod directory_of_keys;
#[path = "../examples/driver_threads.rs"]
mod driver_threads;

#[test]
fn s232_a_provider_for_keys_only_answers_for_keys_and_refuses_the_rest() {
    directory_of_keys::main().unwrap();
}

#[test]
fn s233_a_content_that_is_kept_elsewhere_opens_with_the_keys_of_its_container() {
    content_elsewhere::main().unwrap();
}

#[test]
fn a_driver_of_ones_own_on_threads_carries_containers() {
    driver_threads::main().unwrap();
}

#[test]
fn s185_a_transport_of_ones_own_carries_everything_over_sockets() {
    custom_transport::main().unwrap();
}

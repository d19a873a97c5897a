//! The examples come out as they say.
#![allow(clippy::unwrap_used)]

#[path = "../examples/driver_smol.rs"]
mod driver_smol;

#[test]
fn a_driver_of_ones_own_on_smol_carries_containers() {
    driver_smol::main().unwrap();
}

//! `absio container …`.

use crate::args::{ContainerAction, Global};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(_global: &Global, _action: ContainerAction, _output: &Output) -> Result<(), Failure> {
    Err(Failure::new("unsupported", "not yet"))
}

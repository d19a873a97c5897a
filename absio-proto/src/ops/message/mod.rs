//! Messages sealed from one user to another, outside of any container: the seed's integrated
//! encryption scheme. How the bytes travel is the program's affair.

mod open;
mod seal;

pub use open::{Open, OpenedMessage};
pub use seal::Seal;

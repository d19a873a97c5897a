
/// Faults that the lints of absio-proto must find; appended to a copy of it by .ci/check-purity.
pub mod planted_faults {
    /// Reads the wall clock.
    pub fn wall_clock() -> u64 {
        std::time::SystemTime::now().elapsed().map_or(0, |age| age.as_secs()) // finds: std::time::SystemTime::now
    }

    /// Reads the monotonic clock.
    pub fn monotonic_clock() -> u64 {
        std::time::Instant::now().elapsed().as_secs() // finds: std::time::Instant::now
    }

    /// Starts a thread.
    pub fn thread() {
        let _ = std::thread::spawn(|| ()).join(); // finds: std::thread::spawn
    }

    /// Opens a file.
    pub fn file() -> bool {
        std::fs::File::open("x").is_ok() // finds: std::fs::File
    }

    /// Reads a file in one call.
    pub fn whole_file() -> usize {
        std::fs::read("x").map_or(0, |bytes| bytes.len()) // finds: std::fs::read
    }

    /// Opens a connection.
    pub fn connection() -> bool {
        std::net::TcpStream::connect("localhost:1").is_ok() // finds: std::net::TcpStream
    }

    /// Reads the environment.
    pub fn environment() -> bool {
        std::env::var("HOME").is_ok() // finds: std::env::var
    }

    /// Iterates in an order that differs from run to run.
    pub fn order() -> usize {
        std::collections::HashMap::<u8, u8>::new().len() // finds: std::collections::HashMap
    }

    /// Draws randomness of its own (the random keys of a hash map).
    pub fn randomness() -> bool {
        std::hash::RandomState::new();  // finds: std::hash::RandomState
        true
    }

    /// Prints.
    pub fn print() {
        println!("x"); // finds: std::println
    }

    /// Accepts malleable signatures.
    pub fn verify(key: &ed25519_dalek::VerifyingKey, signature: &ed25519_dalek::Signature) -> bool {
        use ed25519_dalek::Verifier as _;
        key.verify(b"x", signature).is_ok() // finds: ed25519_dalek::Verifier::verify
    }
}

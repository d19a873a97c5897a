//! No image of this program's memory: passwords and keys are in it while it runs.

/// Sets the limit of core dumps to nothing, for good. A system that refuses is left as it is: the
/// program's memory is then as safe as that of any other program there.
pub(crate) fn forbid() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}

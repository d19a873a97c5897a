//! `absio-conformance replay`: a recorded session over TCP, for a client in any language.

use absio_conformance::fixture::{FixtureServer, Matching, Misbehaviour, Session, When};
use anyhow::Context;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// What to replay, and how.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A file, or the name of a session.
    session: String,
    /// Where sessions are found by name.
    #[arg(long, default_value = "conformance/fixtures")]
    directory: PathBuf,
    /// Where to listen; the sessions' origin is http://localhost:8600.
    #[arg(long, default_value = "127.0.0.1:8600")]
    listen: String,
    /// Spoils answers: split, one-byte, slow, early-end, dropped, server-error, too-long, too-short, garbage.
    #[arg(long)]
    misbehave: Option<Misbehaviour>,
    /// Spoils the answer of this exchange alone, each time; otherwise every answer, the first time.
    #[arg(long, requires = "misbehave")]
    at: Option<usize>,
    /// Compares method and path alone: for a client whose randomness is another.
    #[arg(long)]
    loosely: bool,
}

/// Replays until the standard input ends; whether the client did as recorded.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let named = args.directory.join(format!("{}.session", args.session));
    let path = if named.exists() { named } else { PathBuf::from(&args.session) };
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let session: Session = text.parse().with_context(|| format!("{} is no session", path.display()))?;
    let when = args.at.map_or(When::Once, When::AlwaysAt);
    let matching = if args.loosely { Matching::Path } else { Matching::Exact };
    let misbehaviour = args.misbehave.map(|misbehaviour| (misbehaviour, when));
    let server = FixtureServer::start_at(&args.listen, &session, matching, misbehaviour)
        .with_context(|| format!("{} cannot be listened at", args.listen))?;
    println!("{} at {}, recorded for {}", session.name, server.origin(), session.origin);
    println!("end the standard input to see whether all went as recorded");
    io::stdout().flush()?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    match server.finish() {
        Ok(()) => println!("as recorded"),
        Err(difference) => {
            println!("{difference}");
            return Ok(false);
        }
    }
    Ok(true)
}

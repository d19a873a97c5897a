//! `absio-conformance kit`: the kit of `docs/vectors/kit` judged, and fresh objects made for another implementation.

use absio_conformance::kit;
use anyhow::{Context as _, anyhow};
use std::path::PathBuf;

/// What to do with a directory of cases.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Judges every case in a directory, and tells which come to something else than they say.
    Read {
        /// Where the cases are.
        directory: PathBuf,
    },
    /// Makes fresh objects from a seed.
    Write {
        /// Where the cases go.
        directory: PathBuf,
        /// The same seed makes the same objects.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many.
        #[arg(long, default_value_t = 100)]
        count: usize,
    },
}

/// Does it; whether all cases came to what they say.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    match &args.what {
        What::Read { directory } => {
            let outcome = kit::judge_directory(directory).map_err(|reason| anyhow!(reason))?;
            for line in &outcome.differences {
                println!("{line}");
            }
            let (valid, faults) = (outcome.valid, outcome.faults);
            println!("{valid} valid cases and {faults} faults: {} differences", outcome.differences.len());
            Ok(outcome.differences.is_empty() && valid + faults > 0)
        }
        What::Write { directory, seed, count } => {
            std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
            for (name, case) in kit::make(*seed, *count)? {
                let path = directory.join(format!("{name}.kit"));
                std::fs::write(&path, case.encode()).with_context(|| path.display().to_string())?;
            }
            println!("{count} cases from seed {seed}");
            Ok(true)
        }
    }
}

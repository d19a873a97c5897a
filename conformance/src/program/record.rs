//! `absio-conformance record`: the sessions of `conformance/fixtures`, recorded from the real broker.

use absio_conformance::fixture::{NAMES, record};
use anyhow::{Context, bail};
use std::fs;
use std::path::PathBuf;

/// What to record.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes nothing; fails if a recorded session is another one than the file holds.
    #[arg(long)]
    check: bool,
    /// Where the files are.
    #[arg(long, default_value = "conformance/fixtures")]
    directory: PathBuf,
    /// The sessions; all of them unless named.
    names: Vec<String>,
}

/// Records, or compares; whether nothing differs.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let all = || NAMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names: Vec<String> = if args.names.is_empty() { all() } else { args.names.clone() };
    let mut same = true;
    for name in names {
        let Some(session) = record(&name) else {
            bail!("there is no session {name:?}; there are {}", NAMES.map(|(name, _)| name).join(", "));
        };
        let (path, text) = (args.directory.join(format!("{name}.session")), session.to_string());
        let exchanges = session.exchanges().count();
        if !args.check {
            fs::write(&path, &text).with_context(|| format!("{} cannot be written", path.display()))?;
            println!("{name}: {} steps, {exchanges} exchanges, {} bytes", session.steps.len(), text.len());
            continue;
        }
        let kept = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        match first_difference(&kept, &text) {
            None => println!("{name}: as recorded, {exchanges} exchanges"),
            Some((line, old, new)) => {
                same = false;
                println!("{name}: line {line} differs\n  recorded: {old}\n  now:      {new}");
            }
        }
    }
    if !same {
        println!("\nif the wire was meant to change: absio-conformance record, and review the difference");
    }
    Ok(same)
}

/// The number of the first line that differs, and both lines.
fn first_difference<'t>(old: &'t str, new: &'t str) -> Option<(usize, &'t str, &'t str)> {
    let (mut old, mut new) = (old.split('\n'), new.split('\n'));
    for number in 1.. {
        match (old.next(), new.next()) {
            (None, None) => return None,
            (old, new) if old == new => {}
            (old, new) => return Some((number, old.unwrap_or("the end"), new.unwrap_or("the end"))),
        }
    }
    None
}

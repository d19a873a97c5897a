//! `absio-conformance enumeration`: whether the broker's time tells who has an account.

use absio_conformance::enumeration::measure;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each request is timed, for a user who exists and for one who does not.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(20..))]
    samples: u32,
    /// What the broker and the two users are made of: keys differ in what they cost.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Measures and prints; whether no difference could be told from chance.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let compared = measure(args.samples as usize, args.seed)?;
    for one in &compared {
        let noticed = one.noticed.map_or("no".into(), |planted| format!("{planted:?}"));
        println!(
            "{}: {} samples each, median {:?} known, {:?} unknown, distance {:.4}, p = {:.3}; the least planted difference noticed: {noticed}",
            one.request,
            args.samples,
            one.known,
            one.unknown,
            one.likeness.distance,
            one.likeness.probability
        );
    }
    Ok(compared.iter().all(|one| one.likeness.probability > 0.01))
}

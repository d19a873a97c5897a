//! `absio-conformance broker`: the broker cases against any server, in whatever language it is written.

use super::telling::Telling;
use absio_blocking::HttpTransport;
use absio_conformance::broker::{Target, broker_cases};
use absio_proto::model::ApiKey;
use anyhow::{Context, bail};

/// What to check.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The server's origin, `https://host[:port]`; plain `http` for this machine.
    #[arg(long)]
    url: String,
    /// An API key of the server. The cases create users and containers under it.
    #[arg(long)]
    api_key: String,
    #[command(flatten)]
    telling: Telling,
}

/// Runs the cases; whether all of them held.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let api_key: ApiKey = args
        .api_key
        .parse()
        .ok()
        .context("the API key is not a UUID, as 1d4c568b-e762-4284-b14e-167cc4776026 is")?;
    let target =
        Target::new(&args.url, api_key).with_context(|| format!("the URL {:?} is no origin", args.url))?;
    let transport = HttpTransport::new();
    if let Err(reason) = target.probe(&transport) {
        bail!("{}: {reason}", target.origin());
    }
    let mut report = args.telling.begin();
    for case in broker_cases() {
        if args.telling.wants(case.name()) {
            report.case(case.name(), case.shows(), || case.run(&transport, &target));
        }
    }
    args.telling.tell("broker", &report)
}

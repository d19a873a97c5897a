//! `absio ofs …`: looking after the local store. Nothing is sent.

use crate::args::{Global, OfsAction};
use crate::connection::{client_under, signed_in_under};
use crate::failure::Failure;
use crate::interrupt::begin_file;
use crate::output::Output;
use crate::progress::{Counted, waiting};
use absio_blocking::{Client, FileSource};
use absio_proto::Error;
use absio_proto::model::Timestamp;
use absio_proto::ops::ofs::{AcceptLoss, Check, Export, Import, PurgeRoot, Repair, Repaired, Sweep};
use absio_proto::provider::Standard;
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn run(global: &Global, action: OfsAction, output: &Output) -> Result<(), Failure> {
    if let OfsAction::Purge { .. } = action {
        return purge(global, output);
    }
    let (client, _) = signed_in_under(Standard::Ofs, global, output)?;
    match action {
        OfsAction::Check => check(&client, output),
        OfsAction::Export { file } => export(&client, &file, output),
        OfsAction::Import { file } => import(&client, &file, output),
        OfsAction::Sweep => {
            let removed = waiting("sweeping", || client.run(Sweep::new()))?;
            output.data(&json!({"removed": removed}), &format!("removed {removed} that nothing referred to"))
        }
        OfsAction::AcceptLoss { .. } => {
            client.run(AcceptLoss::new())?;
            output.data(&json!({"accepted": true}), "what is not here counts as never having been")
        }
        OfsAction::Purge { .. } => Ok(()),
    }
}

/// What a check found.
struct Report {
    records: u64,
    incomplete_since: Option<Timestamp>,
    /// What was wrong, and what was done.
    repaired: Option<(String, Repaired)>,
}

fn look(client: &Client) -> Result<Report, Failure> {
    let problem = match client.run(Check::new()) {
        Ok(found) => {
            return Ok(Report {
                records: found.records,
                incomplete_since: found.incomplete_since,
                repaired: None,
            });
        }
        Err(error @ Error::Local(_)) => error.to_string(),
        Err(error) => return Err(error.into()),
    };
    let repaired = client.run(Repair::new())?;
    let found = client.run(Check::new())?;
    let incomplete_since = found.incomplete_since;
    Ok(Report { records: found.records, incomplete_since, repaired: Some((problem, repaired)) })
}

/// Reads every record and repairs what is damaged; fails if something is lost.
fn check(client: &Client, output: &Output) -> Result<(), Failure> {
    let report = waiting("checking", || look(client))?;
    let repaired = report.repaired.as_ref().map(|(problem, repaired)| {
        json!({
            "problem": problem,
            "kept": repaired.kept,
            "dropped": repaired.dropped,
            "restored": repaired.restored,
        })
    });
    let mut lines = vec![format!("records    {}", report.records)];
    if let Some((problem, repaired)) = &report.repaired {
        lines.push(format!("problem    {problem}"));
        lines.push(format!(
            "repaired   kept {}, dropped {}, restored {}",
            repaired.kept, repaired.dropped, repaired.restored
        ));
    }
    let since = report.incomplete_since.map(|time| time.to_string());
    if let Some(since) = &since {
        lines.push(format!("lost       something, since {since}"));
    }
    let object = json!({
        "records": report.records,
        "incomplete_since": since,
        "repaired": repaired.unwrap_or(Value::Null),
        "quarantined": client.quarantined().map(|path| path.to_string_lossy()),
    });
    output.data(&object, &lines.join("\n"))?;
    match since {
        None => Ok(()),
        Some(since) => Err(Failure::new(
            "degraded",
            format!(
                "something that was kept here is lost since {since}; `absio sync` gets back what the broker has"
            ),
        )),
    }
}

fn export(client: &Client, file: &Path, output: &Output) -> Result<(), Failure> {
    let mut sink = Counted::new(begin_file(file, *output)?, "exporting", None);
    let exported = client.run_with(Export::new(), &mut sink)?;
    sink.into_inner().commit().map_err(|error| Failure::file(file, &error))?;
    let object = json!({
        "path": file.to_string_lossy(),
        "records": exported.records,
        "blobs": exported.blobs,
        "bytes": exported.bytes,
    });
    output.data(
        &object,
        &format!("{} records and {} blobs in {} bytes", exported.records, exported.blobs, exported.bytes),
    )?;
    output.note("exported, sealed: it takes the key file and its password to read");
    Ok(())
}

fn import(client: &Client, file: &Path, output: &Output) -> Result<(), Failure> {
    let source = FileSource::open(file).map_err(|error| Failure::file(file, &error))?;
    let length = source.length();
    let mut source = Counted::new(source, "importing", Some(length));
    let imported = client.run_with(Import::new(), &mut source)?;
    output.data(
        &json!({"records": imported.records, "blobs": imported.blobs}),
        &format!("{} records, {} blobs that were not here", imported.records, imported.blobs),
    )
}

/// Empties the root. It takes no password: whoever can run this can remove the files.
fn purge(global: &Global, output: &Output) -> Result<(), Failure> {
    let client = client_under(Standard::Ofs, global, output)?;
    waiting("removing", || client.run(PurgeRoot::new()))?;
    let root = global.root.to_string_lossy();
    output.data(&json!({"root": root, "purged": true}), &root)?;
    output.note("purged: nothing is kept on this device any more");
    Ok(())
}

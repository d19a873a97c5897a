//! `absio container …`.

use crate::args::{ContainerAction, Global};
use crate::connection::signed_in;
use crate::describe::{metadata_object, metadata_text};
use crate::failure::Failure;
use crate::interrupt::begin_file;
use crate::output::{Output, shown};
use crate::progress::{waiting, watched};
use crate::share::Sharing;
use crate::source::Source;
use absio_blocking::{FileSink, WriterSink};
use absio_proto::crypto::container::Container;
use absio_proto::model::{ContainerId, Metadata, Permissions, Portion, UserId};
use absio_proto::ops::container::{Changed, Create, Resign, Update};
use absio_proto::provider::{Got, Options};
use absio_proto::{InputError, wire};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn run(global: &Global, action: ContainerAction, output: &Output) -> Result<(), Failure> {
    match action {
        ContainerAction::Create { file, header, container_type, share, without_me, resume } => {
            let sharing = Sharing { share, unshare: Vec::new(), without_me };
            let header = parse_header(header.as_deref())?;
            let source = Source::open(&file, resume)?;
            create(global, source, header, container_type, &sharing, output)
        }
        ContainerAction::Read { id, offset, length } => read(global, id, offset, length, output),
        ContainerAction::Get { id, output: file, resume, portion, refresh, max_age } => {
            let mut options = Options::new();
            if refresh {
                options = options.force_refresh();
            }
            if let Some(seconds) = max_age {
                options = options.max_staleness(Duration::from_secs(seconds));
            }
            get(global, id, file.as_deref(), Wanted { portion, options, resume }, output)
        }
        ContainerAction::List => list(global, output),
        ContainerAction::Delete { id } => delete(global, id, output),
        ContainerAction::Resign { id, trust_unseen } => resign(global, id, trust_unseen, output),
        ContainerAction::Update {
            id,
            content,
            header,
            container_type,
            share,
            unshare,
            without_me,
            resume,
        } => {
            let sharing = Sharing { share, unshare, without_me };
            let changes = Changes { content, header, container_type, sharing, resume };
            update(global, id, changes, output)
        }
    }
}

/// What an update was asked to change.
struct Changes {
    content: Option<PathBuf>,
    header: Option<String>,
    container_type: Option<String>,
    sharing: Sharing,
    resume: bool,
}

fn parse_header(text: Option<&str>) -> Result<Option<Value>, Failure> {
    Ok(text.map(|text| wire::parse_strict(text.as_bytes())).transpose()?)
}

fn create(
    global: &Global,
    source: Source,
    header: Option<Value>,
    container_type: Option<String>,
    sharing: &Sharing,
    output: &Output,
) -> Result<(), Failure> {
    let (client, user) = signed_in(global, output)?;
    let access = sharing.of_new(user.id())?;
    let changed = source.create(&client, |content| {
        let mut create = Create::new(content).access(access);
        if let Some(header) = header {
            create = create.header(header);
        }
        if let Some(container_type) = container_type {
            create = create.container_type(container_type);
        }
        create
    })?;
    tell_changed(&changed, output)
}

fn update(global: &Global, id: ContainerId, changes: Changes, output: &Output) -> Result<(), Failure> {
    let header = parse_header(changes.header.as_deref())?;
    let source = changes.content.as_deref().map(|path| Source::open(path, changes.resume)).transpose()?;
    let (client, user) = signed_in(global, output)?;
    let mut update = Update::new(id).access(changes.sharing.of_existing(user.id())?);
    if let Some(header) = header {
        update = update.header(header);
    }
    if let Some(container_type) = changes.container_type {
        update = update.container_type(container_type);
    }
    let changed = match source {
        Some(source) => source.update(&client, update)?,
        None => client.container().update(update)?,
    };
    tell_changed(&changed, output)
}

/// A created or updated container: its id for people, its metadata for programs.
fn tell_changed(changed: &Changed, output: &Output) -> Result<(), Failure> {
    let metadata = metadata_of(&changed.container)?;
    let mut object = metadata_object(metadata);
    object["warnings"] = output.warnings(&changed.warnings).into();
    output.data(&object, &metadata.id.to_string())
}

fn metadata_of(container: &Container) -> Result<&Metadata, Failure> {
    // Every container that comes from the broker has them.
    container.metadata.as_ref().ok_or_else(|| Failure::new("misuse", "the container has no metadata"))
}

/// What to get, and how.
struct Wanted {
    portion: Portion,
    options: Options,
    resume: bool,
}

fn get(
    global: &Global,
    id: ContainerId,
    file: Option<&Path>,
    wanted: Wanted,
    output: &Output,
) -> Result<(), Failure> {
    let portion = wanted.portion;
    if file.is_some() && !portion.wants_content() {
        return Err(Failure::usage(
            "usage",
            format!("--portion {portion} has no content to write to a file"),
        ));
    }
    // A target that cannot be written is found before anything is fetched.
    let sink = match file {
        Some(path) if wanted.resume => {
            Some(FileSink::resume(path).map_err(|error| Failure::file(path, &error))?)
        }
        Some(path) => Some(begin_file(path, *output)?),
        None => None,
    };
    let (client, user) = signed_in(global, output)?;
    let client = client.with(wanted.options);
    let (got, got_content) = match sink {
        Some(mut sink) => {
            let (got, written) =
                watched(&client, "fetching", |client| client.container().fetch_into(id, portion, &mut sink))?;
            if written {
                let length = got.container.metadata.as_ref().and_then(|metadata| metadata.length);
                let finished = sink.truncate(length.unwrap_or(u64::MAX)).and_then(|()| sink.commit());
                finished.map_err(|error| Failure::file(file.unwrap_or(Path::new("")), &error))?;
            }
            (got, written)
        }
        None if portion.wants_content() && !output.is_json() => {
            let mut sink = WriterSink::new(io::stdout().lock());
            let (got, written) =
                watched(&client, "fetching", |client| client.container().fetch_into(id, portion, &mut sink))?;
            sink.into_inner().flush().map_err(|error| unwritable(&error))?;
            if written {
                output.warnings(&got.warnings);
                return Ok(());
            }
            (got, written)
        }
        None => {
            let got = waiting("fetching", || client.container().fetch(id, portion))?;
            let has_content = got.container.content.is_some();
            (got, has_content)
        }
    };
    show(&got, file, portion, output)?;
    let container = &got.container;
    check_got(metadata_of(container)?, user.id(), portion, got_content, container.header.is_some())
}

/// What was got, the content aside: for people the metadata, for programs with a short content.
fn show(got: &Got, file: Option<&Path>, portion: Portion, output: &Output) -> Result<(), Failure> {
    let container = &got.container;
    let metadata = metadata_of(container)?;
    let warnings = output.warnings(&got.warnings);
    if output.is_json() {
        let mut object = metadata_object(metadata);
        object["from_cache"] = got.from_cache.into();
        object["fresh_at"] = got.fresh_at.map(|time| time.to_string()).into();
        object["warnings"] = warnings.into();
        if let Some(header) = &container.header {
            object["header"] = header.clone();
        }
        match (file, &container.content) {
            (Some(path), _) => object["content_path"] = path.to_string_lossy().into(),
            (None, Some(content)) => object["content_base64"] = BASE64.encode(content).into(),
            (None, None) => {}
        }
        return output.data(&object, "");
    }
    if portion == Portion::Header {
        return container.header.as_ref().map_or(Ok(()), |header| output.data(header, &header.to_string()));
    }
    let header =
        container.header.as_ref().map_or_else(String::new, |header| format!("\nheader     {header}"));
    output.data(&Value::Null, &format!("{}{header}", metadata_text(metadata)))
}

/// Bytes read from the broker at once: as many as one answer holds.
const READ_SIZE: usize = 4 << 20;

fn unwritable(error: &io::Error) -> Failure {
    Failure::new("output", format!("stdout cannot be written: {error}"))
}

fn read(
    global: &Global,
    id: ContainerId,
    offset: u64,
    length: Option<u64>,
    output: &Output,
) -> Result<(), Failure> {
    let (client, user) = signed_in(global, output)?;
    let (got, content) = waiting("opening", || client.container().open(id))?;
    let Some(content) = content else {
        return check_got(metadata_of(&got.container)?, user.id(), Portion::Content, false, true);
    };
    let end = length.map_or(u64::MAX, |length| offset.saturating_add(length)).min(content.length());
    let mut at = offset;
    while at < end {
        let size = usize::try_from(end - at).unwrap_or(READ_SIZE).min(READ_SIZE);
        let bytes = content.read_at(at, size)?;
        at += bytes.len() as u64;
        output.bytes(&bytes)?;
    }
    Ok(())
}

/// The library leaves out what the caller may not have; a command that was asked for it fails.
fn check_got(
    metadata: &Metadata,
    user: UserId,
    portion: Portion,
    got_content: bool,
    got_header: bool,
) -> Result<(), Failure> {
    let lacks_content = portion.wants_content() && metadata.length.is_some() && !got_content;
    let lacks_header = portion.wants_header() && metadata.header_length.is_some() && !got_header;
    if !lacks_content && !lacks_header {
        return Ok(());
    }
    let held = metadata.access.get(&user).map_or(Permissions::empty(), |access| access.permissions);
    let needed = Permissions::CONTAINER_DOWNLOAD | Permissions::CONTAINER_DECRYPT;
    let right = (needed - held).names().next().unwrap_or("container.download");
    Err(InputError::MissingRight { right, container: metadata.id }.into())
}

fn list(global: &Global, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global, output)?;
    for listed in client.container().list()? {
        let (id, container_type) = (listed.container.to_string(), listed.container_type.as_deref());
        let mut line = format!("{id}  revision {}  {}", listed.revision, shown(container_type.unwrap_or("")));
        if listed.is_local {
            line.push_str("  on this device only");
        }
        if listed.is_reported {
            line.push_str("  (the broker says it is gone, without proof)");
        }
        output.data(
            &json!({
                "container_id": id,
                "revision": listed.revision,
                "sole": listed.sole,
                "type": container_type,
                "fresh_at": listed.fresh_at.map(|time| time.to_string()),
                "local": listed.is_local,
                "reported_gone": listed.is_reported,
            }),
            line.trim_end(),
        )?;
    }
    Ok(())
}

fn resign(global: &Global, id: ContainerId, trust_unseen: bool, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global, output)?;
    let resign = Resign::new(id);
    let resigned = client.container().resign(if trust_unseen { resign.trusting_unseen() } else { resign })?;
    output.data(&json!({"container_id": id.to_string(), "resigned": resigned}), &id.to_string())?;
    output.note(if resigned {
        "signed anew: readers take it for yours again; look at what is in it"
    } else {
        "nothing to do: its signature stands"
    });
    Ok(())
}

fn delete(global: &Global, id: ContainerId, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global, output)?;
    client.container().delete(id)?;
    output.data(&json!({"container_id": id.to_string(), "deleted": true}), &id.to_string())?;
    output.note("deleted: you have no access any more");
    Ok(())
}

//! A provider for contents that are kept elsewhere: keys, access and events at the broker, the bytes
//! in a folder, which may as well be a mail attachment or a database.
//!
//! The broker holds a container without content. Its header, which only readers can open, names the
//! SHA-256 of the content, and the content is sealed under the container's own keys: whoever may open
//! the container can open the bytes wherever they come from, nobody else can, and altered ones are
//! noticed. Run it with `cargo run -p absio-blocking --example content_elsewhere --features testing`.

use absio_blocking::{Client, SystemEntropy};
use absio_broker::Fixture;
use absio_proto::crypto::{Container, KdfPolicy};
use absio_proto::effect::Reply;
use absio_proto::model::{AccessList, ContainerId, Credentials, Portion};
use absio_proto::ops::container::{Changed, UpdateOrCreate};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::container::Get;
use absio_proto::provider::{Got, Provider, Standard};
use absio_proto::{BoxOp, Cx, Error, InputError, Operation, Session, Step, attempt, drive};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::{error::Error as StdError, fs};

#[derive(Clone)]
struct Elsewhere(PathBuf);

impl Provider for Elsewhere {
    fn get_container(&self, get: Get) -> BoxOp<Got> {
        // A provider's own I/O is done before it hands out the operation.
        let sealed = fs::read(self.0.join(get.container.to_string())).ok();
        let broker = Standard::Server.get_container(Get::new(get.container, Portion::Header));
        Box::new(GetElsewhere { broker, sealed })
    }

    fn update_or_create_container(&self, write: UpdateOrCreate) -> BoxOp<Changed> {
        Standard::Server.update_or_create_container(write)
    }
}

/// Keys, header and metadata from the broker, then the content.
struct GetElsewhere {
    broker: BoxOp<Got>,
    sealed: Option<Vec<u8>>,
}

impl Operation for GetElsewhere {
    type Output = Got;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Got, Error>> {
        let mut got = drive!(&mut self.broker, cx, reply);
        // Without the bytes it is still a container with its keys.
        if let Some(sealed) = self.sealed.take() {
            got.container.content = Some(attempt!(open(&got.container, sealed)));
        }
        Step::Done(Ok(got))
    }
}

fn open(container: &Container, sealed: Vec<u8>) -> Result<Vec<u8>, Error> {
    let keys = container.container_keys().ok_or(InputError::NoContainerKeys)?.duplicate();
    let mut content: Container = Container::from_data(sealed).with_keys(keys);
    content.id = container.id;
    content.decrypt(None)?;
    let bytes = content.content.unwrap_or_default();
    let named = container.header.as_ref().map(|header| header["sha256"].clone());
    if named != Some(json!(hash(&bytes))) {
        let reason = "it is not the one that the container names".into();
        return Err(InputError::InvalidArgument { argument: "content", reason }.into());
    }
    Ok(bytes)
}

fn hash(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// Makes a container of what is kept elsewhere.
fn create(
    client: &Client,
    folder: &Elsewhere,
    bytes: &[u8],
    access: AccessList,
) -> Result<ContainerId, Box<dyn StdError>> {
    let mut container: Container = Container::new().with_header(json!({ "sha256": hash(bytes) }));
    container.encrypt(None, &mut SystemEntropy)?;
    let client = client.under(folder.clone());
    let made = client.container().update_or_create(UpdateOrCreate::new(container).access(access))?.container;
    let id = made.id.ok_or("a created container has an id")?;
    let keys = made.container_keys().ok_or("and keys")?.duplicate();
    let mut content: Container = Container::new().with_id(id).with_content(bytes);
    content.encrypt(Some(keys), &mut SystemEntropy)?;
    fs::write(folder.0.join(id.to_string()), content.into_data().unwrap_or_default())?;
    Ok(id)
}

/// Runs the example.
///
/// # Errors
/// If anything does not come out as it says.
pub(crate) fn main() -> Result<(), Box<dyn StdError>> {
    let (broker, directory) = (Fixture::at_present(), tempfile::tempdir()?);
    let folder = Elsewhere(directory.path().to_owned());
    let join = |password: &str, passphrase: &str| -> Result<_, Box<dyn StdError>> {
        let client = Client::builder(broker.api_key(), broker.origin())
            .transport(broker.clone())
            .kdf_policy(KdfPolicy::insecure_for_tests()) // not in a real program
            .build()?;
        let user = client.user().create(Credentials::new(password, passphrase))?;
        Ok((user.id(), client.login(user.id(), LoginWith::nothing().user(user)).map(|_| client)?))
    };
    let (alice, alices) = join("Pass-word 1", "Pass-phrase 2")?;
    let (bob, bobs) = join("Pass-word 3", "Pass-phrase 4")?;
    let (_, mallorys) = join("Pass-word 5", "Pass-phrase 6")?;

    let id = create(&alices, &folder, b"a film", AccessList::Users(vec![alice, bob]))?;
    let at_broker = bobs.container().get(id, Portion::All)?;
    let here = bobs.under(folder.clone()).container().get(id, Portion::All)?;
    let refused = mallorys.under(folder.clone()).container().get(id, Portion::All).err();
    let refused = refused.ok_or("Mallory reads it")?;
    println!("the broker gives Bob content: {}", at_broker.content.is_some());
    println!("with the folder he reads {:?}", here.content.as_deref().map(String::from_utf8_lossy));
    println!("Mallory, who has the folder too: {refused}");

    let path = directory.path().join(id.to_string());
    let mut bytes = fs::read(&path)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(path, bytes)?;
    let altered = bobs.under(folder).container().get(id, Portion::All).err();
    let altered = altered.ok_or("nobody notices")?;
    println!("altered in the folder: {altered}");
    let read = here.content.as_deref() == Some(&b"a film"[..]) && at_broker.content.is_none();
    match (read, refused.code(), altered.code()) {
        (true, "container_not_found", "decrypt") => Ok(()),
        other => Err(format!("it came out otherwise: {other:?}").into()),
    }
}

//! One list of operations, two colours: no client has a public method that the other lacks, and the futures
//! of all of them are `Send`.
//!
//! Methods come from the macros of `absio_proto::client`, which both crates must expand, or are written
//! by hand in a crate, and then in both; or they are of a type that a crate hands on from `absio-store`.
//! What is compared is the sources, as there is no other list.
#![allow(clippy::unwrap_used)]

mod calls;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What one crate exports and the other does not, and why.
const EXCEPTIONS: [(&str, &str); 8] = [
    ("AsyncStd", "sockets, timers and threads of an executor"),
    ("HttpTransport", "each crate has an HTTP client of its own, set up in its own way"),
    ("HttpTransportBuilder", "of the same"),
    ("Runtime", "sockets, timers and threads of an executor"),
    ("Smol", "sockets, timers and threads of an executor"),
    ("SurfBackend", "surf is an asynchronous HTTP client"),
    ("SurfTransport", "surf is an asynchronous HTTP client"),
    ("Unblocked", "threads need no adapter to what blocks"),
];

/// Where the methods of a client are, in each crate.
const PLACES: [&str; 3] = ["src/client", "src/host.rs", "src/retrying.rs"];

/// Where the methods of contents are: those of threads in one crate, those that wait in the other.
const CONTENTS: (&str, &str) = ("../absio-store/src/content", "src/content");

/// How a crate hands on contents.
const HANDED_ON: &str = "pub use absio_store::content::";

/// Types that are the same thing under the name of their colour.
const RENAMED: [(&str, &str); 1] = [("AsyncHost", "BlockingHost")];

/// A method: its type, its name, the names of its parameters. Or a macro that was expanded.
type Item = String;

fn sources(directory: &str) -> Vec<String> {
    let (mut found, mut waiting) = (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)]);
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
    assert!(!found.is_empty(), "{directory} was found");
    found
}

/// The sources of one crate's client.
fn client(directory: &str) -> Vec<String> {
    PLACES.iter().flat_map(|place| sources(&format!("{directory}{place}"))).collect()
}

/// The methods of the contents that `library` hands on from `absio-store`.
fn handed_on(library: &str) -> BTreeSet<Item> {
    let statements =
        library.split(';').filter_map(|statement| statement.find(HANDED_ON).map(|at| &statement[at..]));
    let names: BTreeSet<Item> = statements.flat_map(exports).collect();
    let mut items = all(&sources(CONTENTS.0));
    items.retain(|item| item.split_once("::").is_some_and(|(owner, _)| names.contains(owner)));
    assert!(!items.is_empty(), "{names:?}");
    items
}

/// The methods of the blocking client.
fn of_threads() -> BTreeSet<Item> {
    let mut items = all(&client("../runtime-blocking/"));
    items.extend(handed_on(&sources("../runtime-blocking/src/lib.rs").remove(0)));
    items
}

/// The sources of the asynchronous client's own methods.
fn sources_of_tasks() -> Vec<String> {
    [client(""), sources(CONTENTS.1)].concat()
}

/// The methods of the asynchronous client, whose own ones are in `sources`.
fn of_tasks(sources: &[String]) -> BTreeSet<Item> {
    let mut items = all(sources);
    items.extend(handed_on(&self::sources("src/lib.rs").remove(0)));
    items
}

/// The names that a crate exports.
fn exports(library: &str) -> BTreeSet<Item> {
    let lines =
        library.split(';').filter_map(|statement| statement.split_once("pub use ")).map(|(_, list)| list);
    let names = lines.flat_map(|list| list.split(['{', '}', ',', ' ', '\n'])).map(|path| {
        let name = path.rsplit("::").next().unwrap_or_default();
        RENAMED.iter().find(|(here, _)| *here == name).map_or(name, |(_, there)| there).to_owned()
    });
    names.filter(|name| name.starts_with(char::is_uppercase)).collect()
}

/// What is exported by one of the two and has no reason to be.
fn lacking(threads: &str, tasks: &str) -> Vec<Item> {
    let mut difference = difference(&exports(threads), &exports(tasks));
    difference.retain(|name| !EXCEPTIONS.iter().any(|(excepted, _)| excepted == name));
    difference
}

/// The names of parameters: what stands before each colon that is outside of any bracket.
fn parameters(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut name) = (0, vec![], Some(String::new()));
    for character in list.chars() {
        match character {
            '(' | '<' | '[' | '{' => depth += 1,
            ')' | '>' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                names.extend(name.replace(String::new()));
            }
            ':' if depth == 0 => names.extend(name.take()),
            _ => {}
        }
        if let Some(name) = &mut name
            && (character.is_alphanumeric() || character == '_')
        {
            name.push(character);
        }
    }
    names.extend(name);
    names.retain(|name| !name.is_empty());
    names.iter().map(|name| name.trim_start_matches("mut").to_owned()).collect()
}

/// What stands between the parentheses that open at the end of `before`.
fn parenthesised(after: &str) -> &str {
    let mut depth = 1;
    let end = after.find(|character| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &after[..end.unwrap()]
}

/// The public methods of a source, and the macros of the list that it expands.
fn items(source: &str) -> BTreeSet<Item> {
    let code: Vec<_> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code =
        code.join("\n").replace("$($colour)? ", "").replace("async fn", "fn").replace("const fn", "fn");
    let mut items = BTreeSet::new();
    let mut owner = String::new();
    let mut offset = 0;
    for line in code.split_inclusive('\n') {
        let text = line.trim();
        if let Some(block) = text.strip_prefix("impl").filter(|_| text.ends_with('{')) {
            let block = block.trim_end_matches('{').trim();
            let named = block.rsplit(" for ").next().unwrap().rsplit("> ").next().unwrap();
            owner = named.split('<').next().unwrap().trim().to_owned();
        } else if let Some(name) = text.strip_prefix("absio_proto::").and_then(|rest| rest.split('!').next())
            && (name.ends_with("_methods") || name.ends_with("_error"))
        {
            items.insert(format!("{name}!"));
        } else if let Some(rest) = text.strip_prefix("pub fn ") {
            let name = rest.split(['(', '<']).next().unwrap();
            // The parameters begin after the generics, which hold no parentheses of their own here.
            let from = offset + line.find("pub fn ").unwrap() + "pub fn ".len();
            let open = code[from..].find('(').unwrap();
            let list = parameters(parenthesised(&code[from + open + 1..]));
            let owner =
                RENAMED.iter().find(|(here, _)| *here == owner).map_or(&owner[..], |(_, there)| there);
            items.insert(format!("{owner}::{name}({})", list.join(", ")));
        }
        offset += line.len();
    }
    items
}

fn all<'s>(sources: impl IntoIterator<Item = &'s String>) -> BTreeSet<Item> {
    sources.into_iter().flat_map(|source| items(source)).collect()
}

fn difference(one: &BTreeSet<Item>, other: &BTreeSet<Item>) -> Vec<Item> {
    one.symmetric_difference(other).cloned().collect()
}

/// Whatever is exported as a macro of the list.
fn listed() -> BTreeSet<Item> {
    let macros = sources("../absio-proto/src/client").join("\n");
    let names = macros.split("#[macro_export]\nmacro_rules! ").skip(1);
    names.map(|rest| format!("{}!", rest.split(' ').next().unwrap())).collect()
}

#[test]
fn the_clients_have_the_same_methods() {
    let (threads, tasks) = (of_threads(), of_tasks(&sources_of_tasks()));
    assert_eq!(difference(&threads, &tasks), Vec::<Item>::new());
    // The list is all of it: every macro is expanded, and the clients have no method besides.
    let expanded: BTreeSet<_> = tasks.iter().filter(|item| item.ends_with('!')).cloned().collect();
    assert_eq!(expanded, listed());
    for owner in ["Client::", "ClientBuilder::", "Users::", "Containers::", "KeyFiles::"] {
        assert!(!tasks.iter().any(|item| item.starts_with(owner)), "{owner} has methods outside of the list");
    }
    for item in [
        "FileSink::commit(self)",
        "MemorySink::into_bytes(self)",
        "ReaderSource::new(reader, length)",
        "BlockingHost::run(self, operation)",
    ] {
        assert!(tasks.contains(item), "{item}: {tasks:#?}");
    }
}

#[test]
fn the_crates_export_the_same_types() {
    let threads = sources("../runtime-blocking/src/lib.rs").remove(0);
    let tasks = sources("src/lib.rs").remove(0);
    assert_eq!(lacking(&threads, &tasks), Vec::<Item>::new());
    assert!(exports(&tasks).contains("KeyFiles") && exports(&tasks).contains("BlockingHost"));
    // The control: a type that one lacks is found, also when others are excepted.
    assert_eq!(lacking(&threads.replace("KeyFiles, ", ""), &tasks), ["KeyFiles"]);
    let more = format!("{tasks}\npub use more::{{\n    SurfTransport, Telepathy,\n}};\n");
    assert_eq!(lacking(&threads, &more), ["Telepathy"]);
}

#[test]
fn a_planted_difference_is_found() {
    let (threads, tasks) = (of_threads(), sources_of_tasks());
    let planted = |change: &dyn Fn(&str) -> String| {
        let changed: Vec<_> = tasks.iter().map(|source| change(source)).collect();
        difference(&threads, &of_tasks(&changed))
    };
    assert!(planted(&str::to_owned).is_empty());
    let more = |source: &str| {
        let more = "impl Client {\n    pub async fn only_here(&self, what: u8) {}\n}\n";
        format!("{source}{}", if source.contains("pub struct Client ") { more } else { "" })
    };
    assert_eq!(planted(&more), ["Client::only_here(self, what)"]);
    let less = |source: &str| source.replace("absio_proto::user_methods!", "// absio_proto::user_methods!");
    assert_eq!(planted(&less), ["user_methods!"]);
    let other = |source: &str| source.replace("fn commit(mut self)", "fn commit(mut self, how: u8)");
    assert_eq!(planted(&other), ["FileSink::commit(self)", "FileSink::commit(self, how)"]);
    let private = |source: &str| source.replace("pub fn temporary_path", "fn temporary_path");
    assert_eq!(planted(&private), ["FileSink::temporary_path(self)"]);
}

#[test]
fn every_method_of_the_list_is_called_in_both_colours() {
    let calls = include_str!("calls/mod.rs");
    let list = all(&sources("../absio-proto/src/client"));
    let uncalled = |calls: &str| -> Vec<Item> {
        let name = |item: &Item| item.split("::").last().unwrap().split('(').next().unwrap().to_owned();
        let methods = list.iter().filter(|item| !item.starts_with("SetupError"));
        methods.filter(|item| !calls.contains(&format!(".{}(", name(item)))).cloned().collect()
    };
    assert!(list.len() > 60, "{list:#?}");
    // `builder` alone is called on the type.
    assert_eq!(uncalled(calls), ["Client::builder(api_key, server_url)"]);
    assert!(
        uncalled(&calls.replace(".resign(", "")).contains(&"Containers::resign(self, resign)".to_owned())
    );
}

#[test]
fn every_future_is_send() {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<absio_async_std::Client>();
    is_shared::<absio_blocking::Client>();
    // Both hold the future of every call.
    let builder = absio_async_std::Client::builder(calls::api_key(), "https://broker.example");
    let building = calls::build_task(builder, Down);
    is_send(&building);
    let client = smol::block_on(building).unwrap();
    let mut source = absio_async_std::MemorySource::new([0]);
    is_send(&calls::call_task(&client, &mut source));
}

/// A network that is down.
struct Down;

impl absio_proto::driver::nonblocking::Transport for Down {
    async fn exchange(
        &self,
        _request: absio_proto::effect::HttpRequest,
    ) -> Result<absio_proto::effect::HttpResponse, absio_proto::effect::TransportError> {
        let kind = absio_proto::effect::TransportErrorKind::Unreachable;
        Err(absio_proto::effect::TransportError::new(kind, "down"))
    }
}

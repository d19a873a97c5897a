//! The local store beside what it cannot do without: `cargo run --release -p absio-benches --bin local`.
//!
//! `local N M` sets the sizes: containers in the root that is opened (100,000), records in the index that
//! is looked up in (1,000,000). `local open ENGINE ROOT` is what the program calls itself by, so that memory
//! is that of opening alone.

use absio_benches::local::{ByHand, ENGINES, Local, fill, look_up, open, user};
use absio_benches::measure::interleaved;
use absio_proto::model::Portion;
use std::fs::File;
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [command, engine, root] = &words[..]
        && command == "open"
    {
        return open_root(engine, Path::new(root));
    }
    let number =
        |index: usize, otherwise| words.get(index).map_or(otherwise, |word| word.parse().expect("a number"));
    let (containers, records) = (number(0, 100_000), number(1, 1_000_000));
    println!("| what | measured | ratio | target |");
    println!("|---|---|---|---|");
    for engine in ENGINES {
        get(engine);
        put(engine);
        index(engine, records);
        opening(engine, containers);
    }
}

fn micros(time: Duration, times: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(times)
}

fn get(engine: &str) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let by_hand = ByHand::new(root.path(), &[7; 4096]);
    let local = Local::enter(open(engine, &root.path().join("root")).expect("an empty root opens"), user());
    let container = local.create(vec![7; 4096]);
    let times = 500;
    let [kept, bare] = interleaved(
        15,
        [&mut || (0..times).for_each(|_| _ = black_box(local.get(container, Portion::All))), &mut || {
            (0..times).for_each(|_| _ = black_box(by_hand.get()))
        }],
    );
    let (kept, bare) = (micros(kept, times), micros(bare, times));
    let ratio = kept / bare;
    println!(
        "| {engine}: get 4 KiB that are kept | {kept:.1} µs | {ratio:.2} of reading and opening a file by hand ({bare:.1} µs) | ≤ 1.5 |"
    );
}

fn put(engine: &str) {
    let root = tempfile::tempdir_in(".").expect("a temporary directory on a real disk");
    let local = Local::enter(open(engine, &root.path().join("root")).expect("an empty root opens"), user())
        .with_peers();
    let mut file = File::create(root.path().join("file")).expect("a file");
    let [keep, flush] = interleaved(
        41,
        [&mut || local.write_small(), &mut || {
            file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&[3; 4096])).expect("written");
            file.sync_all().expect("flushed");
        }],
    );
    let (keep, flush) = (micros(keep, 1), micros(flush, 1));
    let ratio = keep / flush;
    println!(
        "| {engine}: durable small write | {keep:.0} µs | {ratio:.2} of a write and fsync ({flush:.0} µs) | ≤ 2 |"
    );
}

fn index(engine: &str, records: u64) {
    let root = tempfile::tempdir_in("/dev/shm").expect("a temporary directory in memory");
    let store = open(engine, root.path()).expect("an empty root opens");
    fill(&store, records, 300);
    let local = Local::enter(store.clone(), user());
    let own: Vec<_> = (0..1000).map(|_| local.create(vec![1; 10])).collect();
    let mut turn = 0;
    let mut next = move || {
        turn = (turn + 7919) % records;
        turn
    };
    let mut place = 0;
    let [ours, engines] = interleaved(
        15,
        [
            &mut || {
                for _ in 0..200 {
                    place = (place + 373) % own.len();
                    black_box(local.get(own[place], Portion::Metadata));
                }
            },
            &mut || (0..200).for_each(|_| _ = black_box(look_up(&store, next()))),
        ],
    );
    let (ours, engines) = (micros(ours, 200), micros(engines, 200));
    let ratio = ours / engines;
    println!(
        "| {engine}: metadata of a container among {records} records | {ours:.1} µs | {ratio:.2} of the engine's own look-up ({engines:.1} µs) | ≤ 2 |"
    );
}

fn opening(engine: &str, containers: u64) {
    let root = tempfile::tempdir_in("/dev/shm").expect("a temporary directory in memory");
    let local = Local::enter(open(engine, root.path()).expect("an empty root opens"), user());
    for _ in 0..containers {
        let _ = black_box(local.create(vec![1; 10]));
    }
    drop(local);
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).args(["open", engine]).arg(root.path()).output().expect("it runs");
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

fn open_root(engine: &str, root: &Path) {
    let user = user();
    let before = memory("VmRSS");
    let started = Instant::now();
    let local = Local::enter(open(engine, root).expect("the root opens"), user);
    let opened = started.elapsed();
    let peak = memory("VmHWM").saturating_sub(before) >> 10;
    let records = local.check();
    let checked = started.elapsed().saturating_sub(opened);
    println!(
        "| {engine}: open a root of {records} containers | {:.2} s, {peak} MiB | holding all of them against the digest: {:.2} s more | ≤ 1 s, ≤ 64 MiB |",
        opened.as_secs_f64(),
        checked.as_secs_f64()
    );
}

/// KiB, as Linux counts them.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

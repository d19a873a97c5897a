//! Whole transfers through a real broker, beside curl: `cargo build --release -p absio-cli` first, then
//! `cargo run --release -p absio-benches --bin transfers`.
//!
//! `transfers [MIB]` moves a content of that size (1,024) by the command line and by curl, to and from a
//! server of the broker's stack that only writes files, in turn; then seals it to and opens it from a local
//! store. `transfers sparse GIB` moves a sparse file once, for the bound on memory, and reads 1 MiB from its
//! middle. Everything lies in a new directory below `TMPDIR`. What starting and signing in take (a password's
//! stretching, mostly) is measured by itself and taken off.

use absio_benches::plain_server::serve;
use absio_benches::sealing::Content;
use absio_benches::whole::{Absio, Run};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, otherwise: u64| {
        words.get(index).map_or(otherwise, |word| word.parse().expect("a number"))
    };
    println!("| what | time | rate | ratio | peak memory |");
    println!("|---|---|---|---|---|");
    match words.first().map(String::as_str) {
        Some("sparse") => sparse(number(1, 20)),
        _ => beside_curl(number(0, 1024)),
    }
}

fn row(what: &str, run: &Run, bytes: u64, beside: Option<f64>) {
    let rate = bytes as f64 / run.seconds / 1e6;
    let ratio = beside.map_or_else(|| "–".into(), |beside| format!("{:.2}", rate / beside));
    let peak = run.peak.map_or_else(|| "–".into(), |peak| format!("{} MiB", peak >> 20));
    println!("| {what} | {:.2} s | {rate:.0} MB/s | {ratio} | {peak} |", run.seconds);
}

fn curl(arguments: &[&str]) -> Run {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail"]).args(arguments);
    Run::of(command)
}

fn rate(run: &Run, bytes: u64) -> f64 {
    bytes as f64 / run.seconds / 1e6
}

/// The median by time.
fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let peak = runs.iter().filter_map(|run| run.peak).max();
    let middle = runs.len() / 2;
    Run { peak, ..runs.swap_remove(middle) }
}

fn beside_curl(mebibytes: u64) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let bytes = mebibytes << 20;
    let source = directory.path().join("source");
    random(&source, mebibytes);
    let address = serve(directory.path().join("plain"));
    let (url, back) = (format!("http://{address}/"), directory.path().join("back"));
    let (path, back_path) = (source.display().to_string(), back.display().to_string());
    let absio = Absio::start(&directory.path().join("absio"), false);
    let [mut puts, mut gets, mut ups, mut downs] = [const { Vec::new() }; 4];
    for _ in 0..3 {
        puts.push(curl(&["--upload-file", &path, &url]));
        let (up, id) = absio.create("server", &source);
        ups.push(absio.without_start(up));
        gets.push(curl(&["--output", &back_path, &url]));
        downs.push(absio.without_start(absio.get("server", &id, &back)));
        absio.delete(&id);
    }
    let (put, get) = (median(puts), median(gets));
    row("curl PUT", &put, bytes, None);
    row("absio container create", &median(ups), bytes, Some(rate(&put, bytes)));
    row("curl GET", &get, bytes, None);
    row("absio container get", &median(downs), bytes, Some(rate(&get, bytes)));
    local(&absio, &source, &back, bytes);
}

/// Sealing to a file and opening from one, beside the same in memory on as many cores.
fn local(absio: &Absio, source: &Path, back: &Path, bytes: u64) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut content = Content::new(256 << 20);
    let timed = |work: &mut dyn FnMut()| {
        let started = Instant::now();
        work();
        let seconds = started.elapsed().as_secs_f64() * bytes as f64 / f64::from(256 << 20);
        Run { seconds, peak: None }
    };
    let signed = content.seal(cores);
    let [mut seals, mut opens, mut ins, mut outs] = [const { Vec::new() }; 4];
    for _ in 0..3 {
        seals.push(timed(&mut || _ = content.seal(cores)));
        let (up, id) = absio.create("ofs", source);
        ins.push(absio.without_start(up));
        opens.push(timed(&mut || content.open(cores, &signed)));
        outs.push(absio.without_start(absio.get("ofs", &id, back)));
    }
    let (seal, open) = (median(seals), median(opens));
    row("seal in memory", &seal, bytes, None);
    row("seal a file into the local store", &median(ins), bytes, Some(rate(&seal, bytes)));
    row("open in memory", &open, bytes, None);
    row("open a file from the local store", &median(outs), bytes, Some(rate(&open, bytes)));
}

fn sparse(gibibytes: u64) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let bytes = gibibytes << 30;
    let source = directory.path().join("source");
    File::create(&source).and_then(|file| file.set_len(bytes)).expect("a sparse file is made");
    let absio = Absio::start(&directory.path().join("absio"), true);
    let (up, id) = absio.create("server", &source);
    row(&format!("create {gibibytes} GiB"), &up, bytes, None);
    let (read, moved) = absio.read_middle(&id, bytes / 2 + 12_345, 1 << 20);
    row("read 1 MiB of its middle", &read, 1 << 20, None);
    println!("| bytes moved for it | {moved} | | {:.2} of 1 MiB | |", moved as f64 / f64::from(1 << 20));
    let down = absio.get("server", &id, Path::new("/dev/null"));
    row(&format!("get {gibibytes} GiB to stdout"), &down, bytes, None);
}

fn random(path: &Path, mebibytes: u64) {
    let mut file = File::create(path).expect("a file is made");
    for number in 0..mebibytes {
        let piece: Vec<u8> =
            (0..256).flat_map(|part| absio_benches::bytes::<4096>(number * 256 + part + 1)).collect();
        file.write_all(&piece).expect("there is room");
    }
}

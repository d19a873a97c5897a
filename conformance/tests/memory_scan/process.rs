//! The child from outside: started, stopped, and read.

use crate::masked::{Masked, Wiped};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a scan found: each secret, and how often it is in memory.
pub(crate) struct Scan {
    pub(crate) found: Vec<(String, usize)>,
    pub(crate) bytes: u64,
}

impl Scan {
    /// How often secrets whose names begin with `name` were found.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.found.iter().filter(|(found, _)| found.starts_with(name)).map(|(_, count)| count).sum()
    }
}

/// The process that is scanned: this program again, playing the story.
pub(crate) struct Subject {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    secrets: Vec<(String, Masked)>,
}

impl Subject {
    pub(crate) fn start(mode: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "subject::the_story_is_played", "--nocapture", "--test-threads=1"])
            .env(crate::subject::MODE, mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output, secrets: Vec::new() }
    }

    /// Lets it run to its next stop, which must be `stage`, and reads its memory there.
    pub(crate) fn scan_at(&mut self, stage: &str) -> Scan {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the child ended before {stage}");
            if let Some(secret) = line.trim_end().strip_prefix("secret ") {
                let (hex, name) = secret.split_once(' ').unwrap();
                self.secrets.push((name.to_owned(), Masked::from_hex(hex)));
            } else if let Some(stop) = line.trim_end().strip_prefix("stop ") {
                assert_eq!(stop, stage);
                break;
            }
        }
        let scan = scan(self.child.id(), &self.secrets);
        self.input.write_all(b"go on\n").unwrap();
        scan
    }

    pub(crate) fn end(mut self) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
    }
}

/// Reads every readable mapping of the process, and counts.
fn scan(process: u32, secrets: &[(String, Masked)]) -> Scan {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let plain: Vec<_> = secrets.iter().map(|(_, secret)| secret.plain()).collect();
    let mut counts = vec![0; secrets.len()];
    let mut total = 0;
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        if !rights.starts_with('r') || line.contains("[v") {
            continue; // not readable, or the kernel's own
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut bytes = Vec::new();
        memory.seek(SeekFrom::Start(start)).unwrap();
        // A mapping beyond the end of its file cannot be read to the end: what could be is looked at.
        let _ = (&mut memory).take(end - start).read_to_end(&mut bytes);
        total += bytes.len() as u64;
        count(&bytes, &plain, &mut counts);
    }
    let found = secrets.iter().map(|(name, _)| name.clone()).zip(counts).collect();
    Scan { found, bytes: total }
}

/// One pass over `bytes`, whatever the number of needles: by their first two bytes.
fn count(bytes: &[u8], needles: &[Wiped], counts: &mut [usize]) {
    let mut beginnings = vec![Vec::new(); 1 << 16];
    let of = |pair: &[u8]| usize::from(pair[0]) << 8 | usize::from(pair[1]);
    for (number, needle) in needles.iter().enumerate() {
        beginnings[of(needle)].push(number);
    }
    for (place, pair) in bytes.windows(2).enumerate() {
        for number in &beginnings[of(pair)] {
            counts[*number] += usize::from(bytes[place..].starts_with(&needles[*number]));
        }
    }
}

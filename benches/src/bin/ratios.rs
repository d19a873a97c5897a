//! Prints every target as a ratio of two medians from one run: `cargo run --release -p absio-benches --bin ratios`.

use absio_benches::bound::Bound;
use absio_benches::container::Small;
use absio_benches::contract::Contract;
use absio_benches::measure::{interleaved, rate};
use absio_benches::sealing::{Content, LENGTH};
use absio_benches::sharing::Sharing;
use std::hint::black_box;

fn main() {
    println!("| what | measured | ratio | target |");
    println!("|---|---|---|---|");
    segment();
    small();
    sharing();
    contract();
}

fn segment() {
    let mut bound = Bound::new();
    // Each side has its own buffers, so that neither finds what the other left in the cache.
    let mut contents: [Content; 4] = core::array::from_fn(|_| Content::new(LENGTH));
    let signed = contents[0].seal(1);
    let [seal_one, open_one, seal_two, open_two] = &mut contents;
    let [limit, seal_one, open_one, seal_two, open_two] = interleaved(
        15,
        [
            &mut || _ = black_box(bound.run(LENGTH)),
            &mut || _ = black_box(seal_one.seal(1)),
            &mut || open_one.open(1, &signed),
            &mut || _ = black_box(seal_two.seal(2)),
            &mut || open_two.open(2, &signed),
        ],
    );
    let line = |what: &str, time, ratio: f64, target: &str| {
        println!("| {what} | {:.2} GB/s | {ratio:.2} | {target} |", rate(LENGTH, time));
    };
    line("AES-256-CTR then HMAC-SHA-256 of the same crates, one resident chunk", limit, 1.0, "the limit");
    line("seal 64 MiB, one core", seal_one, limit.div_duration_f64(seal_one), "≥ 0.85 of the limit");
    line("open 64 MiB, one core", open_one, limit.div_duration_f64(open_one), "≥ 0.85 of the limit");
    line("seal 64 MiB, two cores", seal_two, seal_one.div_duration_f64(seal_two), "≥ 1.8 times one core");
    line("open 64 MiB, two cores", open_two, open_one.div_duration_f64(open_two), "≥ 1.8 times one core");
}

fn small() {
    let mut sealing = Small::new(1024);
    let limit = Small::new(1024);
    let times = 200;
    let [seal, bare] = interleaved(
        15,
        [&mut || (0..times).for_each(|_| _ = black_box(sealing.seal())), &mut || {
            (0..times).for_each(|_| _ = black_box(limit.bare()))
        }],
    );
    println!(
        "| seal a container of 1 KiB for one reader | {:.1} µs | {:.2} | ≤ 1.3 of an X25519 key, a shared secret and a signature |",
        seal.as_secs_f64() * 1e6 / f64::from(times),
        seal.div_duration_f64(bare),
    );
}

fn sharing() {
    let users = 1000;
    let sharing = Sharing::new(users);
    let [wrap, bare] =
        interleaved(15, [&mut || _ = black_box(sharing.wrap()), &mut || _ = black_box(sharing.bare())]);
    println!(
        "| key blobs for {users} users | {:.1} µs each | {:.2} | ≤ 1.2 of as many bare X25519 |",
        wrap.as_secs_f64() * 1e6 / f64::from(users),
        wrap.div_duration_f64(bare),
    );
}

fn contract() {
    let resumes = 100_000;
    let mut contract = Contract::new();
    let [time] = interleaved(15, [&mut || contract.resumes(resumes)]);
    println!(
        "| a `resume` without crypto | {:.0} ns | | < 1,000 ns |",
        time.as_secs_f64() * 1e9 / f64::from(resumes)
    );
}

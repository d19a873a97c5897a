//! Sealing and opening 64 MiB in memory, beside the limit of the primitives.

use absio_benches::bound::Bound;
use absio_benches::sealing::{Content, LENGTH};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn segment(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("segment of 64 MiB");
    group.throughput(Throughput::Bytes(LENGTH as u64)).sample_size(10);
    let mut bound = Bound::new();
    group.bench_function("AES-256-CTR then HMAC-SHA-256, one resident chunk", |bencher| {
        bencher.iter(|| bound.run(LENGTH));
    });
    let mut content = Content::new(LENGTH);
    let signed = content.seal(1);
    for cores in [1, 2] {
        group
            .bench_function(format!("seal, {cores} core(s)"), |bencher| bencher.iter(|| content.seal(cores)));
        group.bench_function(format!("open, {cores} core(s)"), |bencher| {
            bencher.iter(|| content.open(cores, &signed));
        });
    }
    group.finish();
}

criterion_group!(benches, segment);
criterion_main!(benches);

//! Wrapping a container's keys for 1 and for 1,000 users, beside bare X25519; a whole small container
//! for one reader, beside the public-key operations it cannot do without.

use absio_benches::container::Small;
use absio_benches::sharing::Sharing;
use criterion::{Criterion, criterion_group, criterion_main};

fn sharing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sharing");
    group.sample_size(10);
    for users in [1, 1000] {
        let sharing = Sharing::new(users);
        group.bench_function(format!("key blobs for {users} user(s)"), |bencher| {
            bencher.iter(|| sharing.wrap())
        });
        group.bench_function(format!("{users} bare X25519"), |bencher| bencher.iter(|| sharing.bare()));
    }
    let mut small = Small::new(1024);
    group.bench_function("seal a container of 1 KiB for one reader", |bencher| bencher.iter(|| small.seal()));
    group.bench_function("an X25519 key, a shared secret, a signature", |bencher| {
        bencher.iter(|| small.bare());
    });
    group.finish();
}

criterion_group!(benches, sharing);
criterion_main!(benches);

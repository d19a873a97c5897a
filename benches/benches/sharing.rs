//! Wrapping a container's keys for 1 and for 1,000 users, beside bare X25519.

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
    group.finish();
}

criterion_group!(benches, sharing);
criterion_main!(benches);

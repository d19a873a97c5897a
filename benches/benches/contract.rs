//! One `resume` of a guarded operation without crypto.

use absio_benches::contract::Contract;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Resumes in one measured call.
const RESUMES: u32 = 1000;

fn contract(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("contract");
    group.throughput(Throughput::Elements(RESUMES.into()));
    let mut contract = Contract::new();
    group.bench_function("1,000 resumes", |bencher| bencher.iter(|| contract.resumes(RESUMES)));
    group.finish();
}

criterion_group!(benches, contract);
criterion_main!(benches);

//! How long an auditor waits: the whole log of a store read back and checked.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keylend::{
    audit::{log::Log, verify},
    store::{SqliteStore, Store},
};
use tokio::runtime::Runtime;

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

/// Requests from asking to their end: some 300,000 entries.
const REQUESTS: usize = 43_000;

fn whole_log(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Written through the service's door, read through the auditor's.
    let entries = runtime.block_on(async {
        let (store, now) = (support::store(folder.path()).await, support::now());
        let requests = (0..REQUESTS).map(|number| support::ended(number, now));
        support::fill(&store, requests).await;
        let entries = *store.head().borrow();
        store.close().await;
        entries
    });
    let file = folder.path().join("keylend.db");
    let store: Arc<dyn Store> = Arc::new(
        runtime
            .block_on(SqliteStore::open_read_only(&file))
            .unwrap(),
    );
    let mut group = criterion.benchmark_group("audit");
    group
        .throughput(Throughput::Elements(entries))
        .sample_size(10);
    group.bench_function("verify the log of a store", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let log = Log::in_store(store.clone(), 0);
            let whole = verify::verify(log, None).await.unwrap();
            assert_eq!(whole.entries, entries);
            black_box(whole)
        });
    });
    group.finish();
}

criterion_group!(benches, whole_log);
criterion_main!(benches);

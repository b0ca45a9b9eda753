//! How long an auditor waits: the whole log of a store read back and checked.

use std::time::Instant;

use keylend::audit::{
    log::Log,
    verify::{Known, verify},
};
use tokio::runtime::Runtime;

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

use support::{
    figures::{self, figure, rate, thousands},
    places::StorePlace,
};

/// Requests from asking to their end: some 300,000 entries.
const REQUESTS: usize = 43_000;

/// How often it is verified; the median is the figure.
const TIMES: usize = 5;

fn main() {
    figures::run(&[("audit", audit)]);
}

fn audit(runtime: &Runtime) {
    runtime.block_on(async {
        let (place, now) = (StorePlace::sqlite(), support::now());
        // Written through the service's door, read through the auditor's.
        let store = place.open().await;
        let requests = (0..REQUESTS).map(|number| support::ended(number, now));
        support::fill(&store, requests).await;
        let entries = *store.head().borrow();
        store.close().await;

        let store = place
            .address()
            .open_read_only(Some(&keylend::store::StoreKey::derive(&[0; 32])))
            .await
            .unwrap();
        let mut rates = Vec::new();
        for _ in 0..TIMES {
            let begun = Instant::now();
            let whole = verify(Log::in_store(store.clone(), 0), Known::default()).await;
            assert_eq!(whole.unwrap().entries, entries);
            rates.push(rate(usize::try_from(entries).unwrap(), begun));
        }
        rates.sort_by(f64::total_cmp);
        let what = "entries of the log verified a second, SQLite";
        figure(what, "at least 500,000", thousands(rates[TIMES / 2]));
    });
}

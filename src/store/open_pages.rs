//! Going through all open requests.

use super::{After, OpenPage, Store, StoreError};
use crate::domain::Request;

/// The open requests, oldest first, a page at a time: all of them may not fit into memory.
pub struct OpenPages<'a> {
    store: &'a dyn Store,
    limit: u32,
    which: fn(&Request) -> bool,
    after: Option<After>,
}

impl<'a> OpenPages<'a> {
    /// Pages for which at most `limit` requests are read.
    pub fn new(store: &'a dyn Store, limit: u32) -> Self {
        Self {
            store,
            limit,
            which: |_| true,
            after: None,
        }
    }

    /// The same pages, without the requests for which `which` is false.
    pub fn only(self, which: fn(&Request) -> bool) -> Self {
        Self { which, ..self }
    }

    /// The next page, which may be empty; nothing behind the last one.
    ///
    /// # Errors
    ///
    /// The store's trouble. The same page can be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<Request>>, StoreError> {
        let page = self.store.open_after(self.after.clone(), self.limit);
        let OpenPage { mut requests, next } = page.await?;
        if next.is_none() {
            return Ok(None);
        }
        self.after = next;
        requests.retain(self.which);
        Ok(Some(requests))
    }
}

//! The log by request: all entries of one, then all of the next, whatever lies between them.

use std::collections::VecDeque;

use super::{RawEntry, StoreError, View};

/// Entries that are read at a time.
const PAGE: u32 = 500;

/// The entries that tell of a request, ordered by its name and their number.
#[derive(Default)]
pub struct ByRequest {
    page: VecDeque<RawEntry>,
    last: (String, u64),
    is_over: bool,
}

impl ByRequest {
    /// Which request the next entry tells of; nothing at the end.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    pub async fn peek(&mut self, view: &mut View) -> Result<Option<String>, StoreError> {
        if self.page.is_empty() && !self.is_over {
            let page = view
                .entries_by_request((&self.last.0, self.last.1), PAGE)
                .await?;
            self.is_over = page.len() < PAGE as usize;
            if let Some(last) = page.last() {
                self.last = (last.request_id.clone().unwrap_or_default(), last.seq);
            }
            self.page = page.into();
        }
        Ok(self.page.front().and_then(|entry| entry.request_id.clone()))
    }

    /// The next entry, if it tells of the request of this name.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    pub async fn take(
        &mut self,
        view: &mut View,
        id: &str,
    ) -> Result<Option<RawEntry>, StoreError> {
        match self.peek(view).await? {
            Some(next) if next == id => Ok(self.page.pop_front()),
            _ => Ok(None),
        }
    }
}

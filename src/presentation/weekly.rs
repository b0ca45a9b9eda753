//! Which weekly digest was posted last.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::written;
use crate::{
    domain::Time,
    store::{Document, DocumentWrites, Documents, Referring, StoreError},
};

/// Its collection in the store.
const COLLECTION: &str = "digests";

/// Its key: there is one digest.
const KEY: &str = "weekly";

#[derive(Serialize, Deserialize)]
struct Body {
    until: Time,
}

/// Which weekly digest was posted last, in the store.
#[derive(Clone)]
pub struct DigestRecord {
    documents: Arc<dyn Documents>,
}

impl DigestRecord {
    /// That in this store.
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents }
    }

    /// When the week ended that was told last, and the version of the record. Nothing if none was told, or
    /// the record is not one that Keylend wrote.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn told(&self) -> Result<(Option<Time>, u64), StoreError> {
        let document = self.documents.document(COLLECTION, KEY).await?;
        Ok(document.map_or((None, 0), |document| {
            let body: Option<Body> = serde_json::from_str(&document.body).ok();
            (body.map(|body| body.until), document.version)
        }))
    }

    /// Notes that the week that ended at `until` was told, unless somebody else has noted something since
    /// `version`. Survives a crash once it has returned.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn note(&self, until: Time, version: u64) -> Result<(), StoreError> {
        let document = Document {
            collection: COLLECTION.to_owned(),
            key: KEY.to_owned(),
            version,
            due_at: None,
            is_urgent: false,
            body: serde_json::to_string(&Body { until }).expect("a time can be written as JSON"),
        };
        let writes = DocumentWrites {
            put: Some(Referring {
                document,
                refs: BTreeSet::new(),
            }),
            ..DocumentWrites::default()
        };
        written(self.documents.write(writes).await).map(drop)
    }
}

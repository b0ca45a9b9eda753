//! What was there before a grant, to tell what comes later from it.

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sqlx::postgres::types::Oid;
use tokio::time::timeout;

use super::{
    super::{error::Error, server, session::Session},
    database::{connect, transactions},
    parties::Parties,
    rights,
};

/// How long the list of what is there before a grant may take.
const BASELINE_LIMIT: Duration = Duration::from_secs(3);

/// The most rights for which a receipt has room.
const MOST_BEFORE: usize = 42;

/// What was there before a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Baseline {
    /// Transactions before this one were over.
    pub(super) xmin: i64,
    /// Transactions from this one on had not begun.
    pub(super) xmax: i64,
    /// The rights that could be told from later ones: for each, 6 bytes of a hash of which it is and 2
    /// bytes of what it allowed, all of them as Base64. Nothing if there were too many, or not all were
    /// seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rights: Option<String>,
}

/// Each right that was there, by the hash of which it is, and what it allowed.
pub(super) type Rights = HashMap<[u8; 6], u16>;

impl Baseline {
    pub(super) fn rights(&self) -> Option<Rights> {
        let bytes = STANDARD_NO_PAD.decode(self.rights.as_ref()?).ok()?;
        let read = |item: &[u8]| {
            let key = item.first_chunk::<6>()?;
            let allowed = item.last_chunk::<2>()?;
            Some((*key, u16::from_le_bytes(*allowed)))
        };
        bytes.chunks(8).map(read).collect()
    }

    fn write(rights: &Rights) -> String {
        let mut items: Vec<_> = rights.iter().collect();
        items.sort_unstable();
        let bytes: Vec<u8> = items
            .into_iter()
            .flat_map(|(key, allowed)| key.iter().copied().chain(allowed.to_le_bytes()))
            .collect();
        STANDARD_NO_PAD.encode(bytes)
    }

    /// The largest one, for tests of what fits into a receipt.
    #[cfg(test)]
    pub(in super::super) fn largest() -> Self {
        let rights = (0..MOST_BEFORE as u64).map(|number| {
            let bytes = number.to_le_bytes();
            ([bytes[0], 255, 255, 255, 255, 255], u16::MAX)
        });
        Self {
            xmin: i64::MAX,
            xmax: i64::MAX,
            rights: Some(Self::write(&rights.collect())),
        }
    }
}

/// Lists what is there before a grant, to tell what comes later from it; nothing if that failed. A grant
/// does not depend on it.
pub(in super::super) async fn baseline(
    session: &mut Session<'_>,
    login: Option<Oid>,
    role: Oid,
) -> Option<Baseline> {
    // A short time limit leaves most of it to the inspection itself.
    let limit = BASELINE_LIMIT.min(session.time_left() / 4);
    let baseline = match timeout(limit, try_baseline(session, login, role)).await {
        Ok(baseline) => baseline.map_err(|error| error.to_string()),
        Err(_) => Err("PostgreSQL did not answer in time".to_owned()),
    };
    baseline
        .inspect_err(|error| {
            tracing::warn!(
                role = role.0, %error,
                "failed to list what is there before a grant: what it leaves behind cannot be told apart"
            );
        })
        .ok()
}

async fn try_baseline(
    session: &mut Session<'_>,
    login: Option<Oid>,
    role: Oid,
) -> Result<Baseline, Error> {
    let (xmin, xmax) = transactions(&mut session.connection).await?;
    let parties = Parties::find(&mut session.connection, login, role).await?;
    let mut rights = Some(Rights::new());
    let (databases, is_whole) = parties.databases(&mut session.connection).await?;
    for database in databases {
        let listed = match connect(session, &database).await {
            Ok(mut connection) => {
                let listed = rights::list(&parties, &mut connection, &database, None).await;
                server::close(connection).await;
                listed
            }
            Err(error) => Err(error),
        };
        rights = match (rights, listed) {
            (Some(mut rights), Ok(listed)) => {
                let listed = listed.iter();
                rights.extend(listed.map(|right| (right.key(&database), right.allowed())));
                Some(rights)
            }
            _ => None,
        };
    }
    let rights = rights.filter(|rights| is_whole && rights.len() <= MOST_BEFORE);
    Ok(Baseline {
        xmin,
        xmax,
        rights: rights.as_ref().map(Baseline::write),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_says_what_there_was() {
        let rights = Rights::from([([1, 2, 3, 4, 5, 6], 3), ([0; 6], u16::MAX)]);
        let baseline = Baseline {
            xmin: 700,
            xmax: 701,
            rights: Some(Baseline::write(&rights)),
        };
        assert_eq!(baseline.rights(), Some(rights));
        let unknown = Baseline {
            rights: None,
            ..baseline
        };
        assert_eq!(unknown.rights(), None);
        assert_eq!(Baseline::largest().rights().unwrap().len(), MOST_BEFORE);
    }
}

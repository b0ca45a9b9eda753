//! What the log keeps to recognise access in PostgreSQL by: numbers of roles and of memberships,
//! which no rename changes and no namesake has.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{error::Error, session::Session};
use crate::domain::Receipt;

#[derive(Serialize, Deserialize)]
struct Written<T> {
    /// The cluster that these numbers are of.
    system: i64,
    access: T,
}

/// Reads a receipt. One from another cluster says nothing about this one: after an upgrade or a
/// restored dump, the same roles have other numbers.
pub(super) fn read<T: DeserializeOwned>(
    receipt: Option<&Receipt>,
    session: &Session<'_>,
) -> Result<Option<T>, Error> {
    let Some(receipt) = receipt else {
        return Ok(None);
    };
    let written: Written<T> = serde_json::from_str(receipt.as_str()).map_err(|_| {
        Error::Refused("the log has a receipt that no PostgreSQL target gave".to_owned())
    })?;
    Ok((written.system == session.system).then_some(written.access))
}

/// Whether two receipts are of the same login and, where both name one, the same role of one cluster.
pub(super) fn are_of_one_access(one: &Receipt, other: &Receipt) -> bool {
    #[derive(Deserialize)]
    struct Numbers {
        login: Option<u32>,
        role: Option<u32>,
    }
    let read = |receipt: &Receipt| -> Option<(i64, u32, Option<u32>)> {
        let Written { system, access }: Written<Numbers> =
            serde_json::from_str(receipt.as_str()).ok()?;
        Some((system, access.login?, access.role))
    };
    let (Some(one), Some(other)) = (read(one), read(other)) else {
        return false;
    };
    let is_one_role = one.2.is_none() || other.2.is_none() || one.2 == other.2;
    (one.0, one.1) == (other.0, other.1) && is_one_role
}

/// Writes a receipt.
pub(super) fn write<T: Serialize>(access: &T, session: &Session<'_>) -> Result<Receipt, Error> {
    let system = session.system;
    let text = serde_json::to_string(&Written { system, access }).expect("numbers are always JSON");
    Receipt::try_from(text)
        .map_err(|error| Error::Refused(format!("this access cannot be recognised later: {error}")))
}

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

/// Writes a receipt.
pub(super) fn write<T: Serialize>(access: &T, session: &Session<'_>) -> Result<Receipt, Error> {
    let system = session.system;
    let text = serde_json::to_string(&Written { system, access }).expect("numbers are always JSON");
    Receipt::try_from(text)
        .map_err(|error| Error::Refused(format!("this access cannot be recognised later: {error}")))
}

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

/// The numbers that say which access a receipt is of.
#[derive(Deserialize)]
struct Numbers {
    login: Option<u32>,
    role: Option<u32>,
}

/// Both receipts, if they are of one cluster.
fn numbers(one: &Receipt, other: &Receipt) -> Option<[Numbers; 2]> {
    let read = |receipt: &Receipt| serde_json::from_str::<Written<Numbers>>(receipt.as_str()).ok();
    let (one, other) = (read(one)?, read(other)?);
    (one.system == other.system).then_some([one.access, other.access])
}

/// Whether two receipts are of the same login and, where both name one, the same role of one cluster.
pub(super) fn are_of_one_access(one: &Receipt, other: &Receipt) -> bool {
    numbers(one, other).is_some_and(|[one, other]| {
        let is_one_role = one.role.is_none() || other.role.is_none() || one.role == other.role;
        one.login.is_some() && one.login == other.login && is_one_role
    })
}

/// Whether two receipts are of different logins or roles of one cluster. Those of two clusters cannot be
/// compared.
pub(super) fn are_distinct(one: &Receipt, other: &Receipt) -> bool {
    let differ = |one: Option<u32>, other: Option<u32>| {
        one.is_some_and(|one| other.is_some_and(|other| one != other))
    };
    numbers(one, other)
        .is_some_and(|[one, other]| differ(one.login, other.login) || differ(one.role, other.role))
}

/// Writes a receipt.
pub(super) fn write<T: Serialize>(access: &T, session: &Session<'_>) -> Result<Receipt, Error> {
    let system = session.system;
    let text = serde_json::to_string(&Written { system, access }).expect("numbers are always JSON");
    Receipt::try_from(text)
        .map_err(|error| Error::Refused(format!("this access cannot be recognised later: {error}")))
}

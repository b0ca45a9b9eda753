//! A role given to the login that a person already has.

use sqlx::Connection;

use super::{
    catalogue::{self, Role},
    error::Error,
    name::RoleName,
    server::{Session, run},
    sessions,
};

/// Gives `role` to `login`.
pub(super) async fn make(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    let mut transaction = session.connection.begin().await?;
    catalogue::check_lendable(&mut transaction, role).await?;
    match catalogue::role(&mut transaction, login).await? {
        None => Err(Error::Refused(format!(
            "there is no login `{login}` in PostgreSQL"
        ))),
        // Everybody who is in a group would receive what the group receives.
        Some(Role {
            can_login: false, ..
        }) => Err(Error::Refused(format!(
            "`{login}` is a group in PostgreSQL, not somebody's login"
        ))),
        Some(Role {
            is_mighty: true, ..
        }) => Err(Error::Refused(format!(
            "`{login}` is a superuser or Keylend's own login: nothing is lent to it"
        ))),
        Some(_) => {
            let grant = format!("GRANT {} TO {}", role.quoted(), login.quoted());
            run(&mut transaction, grant).await?;
            transaction.commit().await?;
            Ok(())
        }
    }
}

/// Takes `role` from `login`, whoever gave it, and ends the login's sessions: one that has done
/// `SET ROLE` would keep the role.
pub(super) async fn unmake(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    revoke(session, login, role).await?;

    // Asked for again after a crash, the membership is gone and a session may still be there. A
    // login that `make` refuses never had anything to end.
    let connection = &mut session.connection;
    let role = catalogue::role(connection, role).await?;
    match (role, catalogue::role(connection, login).await?) {
        (
            Some(_),
            Some(Role {
                can_login: true,
                is_mighty: false,
                ..
            }),
        ) => sessions::end(connection, login).await,
        _ => Ok(()),
    }
}

async fn revoke(session: &mut Session<'_>, login: &RoleName, role: &RoleName) -> Result<(), Error> {
    /// The first version in which a grant by one role does not stand for a grant by another.
    const PER_GRANTOR: i32 = 160_000;

    let mut transaction = session.connection.begin().await?;
    let grantors = catalogue::grantors(&mut transaction, login, role).await?;
    let revoke = format!("REVOKE {} FROM {}", role.quoted(), login.quoted());
    if catalogue::version(&mut transaction).await? >= PER_GRANTOR {
        for grantor in grantors
            .into_iter()
            .filter_map(|name| RoleName::try_from(name).ok())
        {
            run(
                &mut transaction,
                format!("{revoke} GRANTED BY {}", grantor.quoted()),
            )
            .await?;
        }
    } else if !grantors.is_empty() {
        run(&mut transaction, revoke).await?;
    }
    transaction.commit().await?;
    Ok(())
}

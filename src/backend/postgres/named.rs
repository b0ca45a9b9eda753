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
        Some(found) if found.is_superuser || found.is_own => Err(Error::Refused(format!(
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
///
/// They end even if the membership is gone already: asked for again after a crash, it is, and a
/// session may still be there.
pub(super) async fn unmake(
    session: &mut Session<'_>,
    login: &RoleName,
    role: &RoleName,
) -> Result<(), Error> {
    let connection = &mut session.connection;
    let (Some(_), Some(holder)) = (
        catalogue::role(connection, role).await?,
        catalogue::role(connection, login).await?,
    ) else {
        return Ok(());
    };
    // What `make` refuses has nothing of Keylend's; what Keylend itself may do is not taken away.
    if holder.is_own {
        return Ok(());
    }
    revoke(session, login, role).await?;
    if holder.is_superuser || !holder.can_login {
        return Ok(());
    }
    sessions::end(&mut session.connection, login).await
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

//! Showing credentials: to their requester alone, and into the log first.

use secrecy::SecretString;

use super::{Broker, Error, end::keeps_no_other};
use crate::domain::{
    Actor, Command, EndCause, Login, LoginName, Progress, Refusal, Request, RequestId, Time, UserId,
};

/// How a requester reaches one target with a password of their own.
#[derive(Debug)]
pub struct Credential {
    /// Label and text, nothing secret.
    pub connection: Vec<(String, String)>,
    /// The password.
    pub password: SecretString,
}

impl Broker {
    /// Whether the request comes with credentials to show.
    pub fn has_credentials(&self, request: &Request) -> bool {
        let end = request.expires_at.unwrap_or(request.asked_at);
        (0..request.layers.len()).any(|layer| self.connection(request, layer, end).is_some())
    }

    /// The logins that receive the access, or would if the request were approved now; each once.
    pub fn logins(&self, request: &Request) -> Vec<Login> {
        let plans = match self.parts.catalogue.get(&request.terms.scope) {
            Some(scope) if request.layers.is_empty() => self.plan(request, scope),
            _ => request
                .layers
                .iter()
                .map(|layer| layer.plan.clone())
                .collect(),
        };
        let end = request.expires_at.unwrap_or(request.asked_at);
        let mut logins: Vec<Login> = Vec::new();
        for plan in plans {
            let order = Self::order(request, &plan, end);
            let backend = self.backend(&plan.backend);
            let login = Login {
                name: match backend {
                    Some(backend) => backend.login(&order),
                    None => LoginName::Named(request.username.to_string()),
                },
                closes_sessions: backend.is_some_and(|it| it.interrupts(&order).is_some()),
                target: plan.backend,
            };
            if !logins.contains(&login) {
                logins.push(login);
            }
        }
        logins
    }

    /// Opens the grant's credentials for its requester. That they were shown is in the log before
    /// they are.
    ///
    /// # Errors
    ///
    /// Why not; nothing was shown.
    pub async fn show_credentials(
        &self,
        by: &UserId,
        id: RequestId,
    ) -> Result<Vec<Credential>, Error> {
        self.member(by).await?;
        let request = self.request(id).await?;
        let end = request.expires_at.unwrap_or(request.asked_at);
        let connections: Vec<_> = (0..request.layers.len())
            .filter_map(|layer| Some((layer, self.connection(&request, layer, end)?)))
            .collect();
        if connections.is_empty() && request.requester == *by {
            return Err(Refusal::NoCredential.into());
        }
        self.act(id, Command::ShowCredential { by: by.clone() })
            .await?;
        let mut credentials = Vec::new();
        for (layer, connection) in connections {
            credentials.push(Credential {
                connection,
                password: self.password(id, layer).await?,
            });
        }
        Ok(credentials)
    }

    /// Ends the grants whose generated password is not in the store any more, as in one that was
    /// rebuilt from the log: nobody can be shown it again.
    ///
    /// # Errors
    ///
    /// The store's trouble; what was ended before stays so.
    pub(crate) async fn end_without_credentials(&self) -> Result<(), Error> {
        for grant in self.grants().await? {
            if !self.lacks_a_credential(&grant).await? {
                continue;
            }
            let command = Command::End {
                by: Actor::Keylend,
                rules: Vec::new(),
                cause: EndCause::CredentialLost,
            };
            match self.act(grant.id, command).await {
                Ok(_) => {
                    tracing::warn!(request.id = %grant.id, "a grant without its password ends")
                }
                Err(error) if keeps_no_other(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn lacks_a_credential(&self, grant: &Request) -> Result<bool, Error> {
        let end = grant.expires_at.unwrap_or(grant.asked_at);
        for (index, layer) in grant.layers.iter().enumerate() {
            // It is kept with the inspection, and nobody has used it before.
            let is_begun = matches!(
                layer.progress,
                Progress::Inspected { .. } | Progress::Granted { .. }
            );
            if is_begun && self.connection(grant, index, end).is_some() {
                let kept = self.parts.store.credential(grant.id, index).await?;
                if kept.is_none() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The password of one layer, opened.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoCredential`] if there is none, or it does not open under this key.
    pub(crate) async fn password(
        &self,
        id: RequestId,
        layer: usize,
    ) -> Result<SecretString, Error> {
        let sealed = self.parts.store.credential(id, layer).await?;
        let sealed = sealed.ok_or(Refusal::NoCredential)?;
        let opened = self.parts.vault.open(&sealed);
        Ok(opened.map_err(|_| Refusal::NoCredential)?)
    }

    fn connection(
        &self,
        request: &Request,
        layer: usize,
        end: Time,
    ) -> Option<Vec<(String, String)>> {
        let plan = &request.layers.get(layer)?.plan;
        self.backend(&plan.backend)?
            .credential(&Self::order(request, plan, end))
    }
}

//! Showing credentials: to their requester alone, and into the log first.

use secrecy::SecretString;

use super::{Broker, unavailable};
use crate::domain::{Command, Login, LoginName, Refusal, Request, RequestId, Time, UserId};

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
    ) -> Result<Vec<Credential>, Refusal> {
        self.member(by).await?;
        let request = self.request(id).await?;
        let end = request.expires_at.unwrap_or(request.asked_at);
        let connections: Vec<_> = (0..request.layers.len())
            .filter_map(|layer| Some((layer, self.connection(&request, layer, end)?)))
            .collect();
        if connections.is_empty() && request.requester == *by {
            return Err(Refusal::NoCredential);
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

    /// The password of one layer, opened.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoCredential`] if there is none, or it does not open under this key.
    pub(crate) async fn password(
        &self,
        id: RequestId,
        layer: usize,
    ) -> Result<SecretString, Refusal> {
        let sealed = self
            .parts
            .store
            .credential(id, layer)
            .await
            .map_err(unavailable)?;
        let sealed = sealed.ok_or(Refusal::NoCredential)?;
        self.parts
            .vault
            .open(&sealed)
            .map_err(|_| Refusal::NoCredential)
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

//! Showing credentials: to their requester alone, and into the log first.

use secrecy::SecretString;

use super::{Broker, Error, Intent, end::keeps_no_other};
use crate::{
    backend::LayerRequest,
    domain::{
        Actor, Attempted, BackendName, Command, EndCause, Layer, Login, LoginName, Progress,
        Refusal, Request, RequestId, Time, decide,
    },
    secret::SecretField,
    store::SealedCredential,
    vault::generate_password,
};

/// How a requester reaches one target with secrets of their own.
#[derive(Debug)]
pub struct Credential {
    /// The target.
    pub target: BackendName,
    /// Label and text, nothing secret.
    pub connection: Vec<(String, String)>,
    /// What nobody else sees.
    pub secrets: Vec<SecretField>,
}

/// What people read before a password that Keylend made.
const PASSWORD: &str = "Password";

impl Broker {
    /// Whether the request comes with credentials to show.
    pub fn has_credentials(&self, request: &Request) -> bool {
        let mut layers = request.layers.iter();
        layers.any(|layer| layer.secrets || self.connection(request, layer).is_some())
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
        let mut logins: Vec<Login> = Vec::new();
        for plan in plans {
            let order = LayerRequest::of(request, &plan, None, end_of(request));
            let bound = self.bind(&plan);
            let login = Login {
                name: match &bound {
                    Some(bound) => bound.login(&order),
                    None => LoginName::Named(request.username.to_string()),
                },
                closes_sessions: bound.is_some_and(|it| it.interrupts(&order).is_some()),
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
        intent: &Intent,
        id: RequestId,
    ) -> Result<Vec<Credential>, Error> {
        let by = intent.by();
        self.member(by).await?;
        let request = self.request(id).await?;
        if !self.has_credentials(&request) && request.requester == *by {
            return Err(Refusal::NoCredential.into());
        }
        let show = Command::ShowCredential { by: by.clone() };
        let shown = decide(&request, show.clone(), self.now());
        self.noted(intent, Attempted::ShowCredentials, &request, shown)?;
        // Opened before it is said that they were shown, and handed out behind it.
        let mut credentials = Vec::new();
        for (index, layer) in request.layers.iter().enumerate() {
            let connection = self.connection(&request, layer);
            if layer.secrets || connection.is_some() {
                credentials.push(Credential {
                    target: layer.plan.backend.clone(),
                    connection: connection.unwrap_or_default(),
                    secrets: self.secrets(id, index).await?,
                });
            }
        }
        self.act(Some(intent), id, show).await?;
        Ok(credentials)
    }

    /// Ends the grants whose secrets are not in the store any more, as in one that was rebuilt from the
    /// log: nobody can be shown them again. Secrets that do not open under the key raise an alert.
    ///
    /// # Errors
    ///
    /// The store's trouble; what was ended before stays so.
    pub(crate) async fn end_without_credentials(&self) -> Result<(), Error> {
        let mut pages = self.grants();
        while let Some(grants) = pages.next().await? {
            for grant in grants {
                if self.lacks_a_credential(&grant).await? {
                    self.end_without_credential(grant.id).await?;
                }
            }
        }
        Ok(())
    }

    async fn end_without_credential(&self, id: RequestId) -> Result<(), Error> {
        let command = Command::End {
            by: Actor::Keylend,
            rules: Vec::new(),
            cause: EndCause::CredentialLost,
        };
        match self.act(None, id, command).await {
            Ok(_) => {
                tracing::warn!(request.id = %id, "ending a grant whose credentials are lost");
                Ok(())
            }
            Err(error) if keeps_no_other(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn lacks_a_credential(&self, grant: &Request) -> Result<bool, Error> {
        for (index, layer) in grant.layers.iter().enumerate() {
            // A password is kept with the inspection, and nobody has used it before.
            let is_begun = matches!(
                layer.progress,
                Progress::Inspected { .. } | Progress::Granted { .. }
            );
            if layer.secrets || is_begun && self.connection(grant, layer).is_some() {
                match self.secrets(grant.id, index).await {
                    Err(Error::Refused(Refusal::NoCredential)) => return Ok(true),
                    // The right key may come back.
                    Ok(_) | Err(Error::WrongKey(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(false)
    }

    /// The password that Keylend made for one layer, opened.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoCredential`] if there is none, or [`Error::WrongKey`] with an alert if it does not
    /// open under this key.
    pub(crate) async fn password(
        &self,
        id: RequestId,
        layer: usize,
    ) -> Result<SecretString, Error> {
        let mut secrets = self.secrets(id, layer).await?.into_iter();
        let password = secrets.find(|secret| secret.label == PASSWORD);
        Ok(password.ok_or(Refusal::NoCredential)?.value)
    }

    /// A password for a layer that comes with one, sealed: made before the target is asked, so that a
    /// second try makes the same.
    pub(crate) fn new_password(&self, request: &Request, layer: usize) -> Option<SealedCredential> {
        self.connection(request, request.layers.get(layer)?)?;
        let password = SecretField {
            label: PASSWORD.to_owned(),
            value: generate_password(&*self.parts.entropy),
        };
        Some(self.seal(request.id, layer, &[password]))
    }

    /// What a target gave for the requester, sealed together with the password that Keylend made.
    pub(crate) fn seal_secrets(
        &self,
        request: RequestId,
        layer: usize,
        password: Option<SecretString>,
        mut secrets: Vec<SecretField>,
    ) -> SealedCredential {
        if let Some(value) = password {
            let label = PASSWORD.to_owned();
            secrets.insert(0, SecretField { label, value });
        }
        self.seal(request, layer, &secrets)
    }

    fn seal(&self, request: RequestId, layer: usize, secrets: &[SecretField]) -> SealedCredential {
        let entropy = &*self.parts.entropy;
        self.parts.vault.seal(request, layer, secrets, entropy)
    }

    async fn secrets(&self, id: RequestId, layer: usize) -> Result<Vec<SecretField>, Error> {
        let sealed = self.store.credential(id, layer).await?;
        let sealed = sealed.ok_or(Refusal::NoCredential)?;
        match self.parts.vault.open(&sealed) {
            Ok(secrets) => {
                self.parts.alerts.clear(&wrong_key(id));
                Ok(secrets)
            }
            Err(error) => {
                let text = format!(
                    "Keylend can't decrypt the credentials of request {id}: {error}. Somebody changed the \
                     key in `secrets.key`, or the row. Restore the old key, or end the grant."
                );
                self.alert(&wrong_key(id), &text);
                Err(Error::WrongKey(id))
            }
        }
    }

    fn connection(&self, request: &Request, layer: &Layer) -> Option<Vec<(String, String)>> {
        let receipt = layer.receipt.as_ref();
        let order = LayerRequest::of(request, &layer.plan, receipt, end_of(request));
        self.bind(&layer.plan)?.connection(&order)
    }
}

fn end_of(request: &Request) -> Time {
    request.expires_at.unwrap_or(request.asked_at)
}

/// The name of the alert for credentials that cannot be decrypted.
fn wrong_key(id: RequestId) -> String {
    format!("wrong_key:{id}")
}

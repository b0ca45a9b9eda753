//! Claims: what one replica alone works on.
//!
//! A [`Claim`] is the token of that: who has one knows that nobody else, in this process or in
//! another replica, has one of the same name. It ends when it is dropped. A replica that is dead,
//! or has not been heard of for too long, loses its claims to whoever asks next; if it lives after
//! all, its claims tell it by [`Claim::lost`]. Work that is claimed must therefore bear to be done
//! twice, and the commits behind it are held by versions, not by claims.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use crate::domain::Entitlement;

/// The name of the claim for work on one piece of access.
pub fn access_claim(entitlement: &Entitlement) -> String {
    format!("access/{entitlement}")
}

/// The claims of this process.
#[derive(Default)]
pub struct Claims {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    names: HashSet<String>,
    /// Ended when the replica loses everything that it has claimed.
    standing: CancellationToken,
    /// Told of every claim that ends.
    let_go: Option<Box<dyn Fn(String) + Send>>,
}

/// The exclusive right to do a piece of work, until this is dropped.
pub struct Claim {
    claims: Arc<Claims>,
    name: String,
    standing: CancellationToken,
}

impl Claims {
    /// Creates claims that call `let_go` with the name of each claim that ends.
    pub fn telling(let_go: impl Fn(String) + Send + 'static) -> Self {
        let held = Held {
            let_go: Some(Box::new(let_go)),
            ..Held::default()
        };
        Self {
            held: Mutex::new(held),
        }
    }

    /// Takes the claim of this name, unless this process has it already.
    pub fn take(self: &Arc<Self>, name: String) -> Option<Claim> {
        let mut held = self.held();
        let standing = held.standing.clone();
        held.names.insert(name.clone()).then(|| Claim {
            claims: self.clone(),
            name,
            standing,
        })
    }

    /// The names of all claims.
    pub fn names(&self) -> Vec<String> {
        self.held().names.iter().cloned().collect()
    }

    /// The number of claims.
    pub fn count(&self) -> usize {
        self.held().names.len()
    }

    /// Marks all claims as lost, because other replicas may have them.
    pub fn lose(&self) {
        std::mem::take(&mut self.held().standing).cancel();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// The name of the claim.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the claim is lost, because the replica's lease expired.
    pub async fn lost(&self) {
        self.standing.cancelled().await;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = self.claims.held();
        held.names.remove(&self.name);
        if let Some(let_go) = &held.let_go {
            let_go(std::mem::take(&mut self.name));
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.name).finish()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.held().names).finish()
    }
}

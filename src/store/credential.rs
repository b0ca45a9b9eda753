//! The credentials of a layer as the store keeps them.

use std::fmt;

use crate::domain::RequestId;

/// The secrets of one layer, encrypted; see [`Vault`](crate::vault::Vault).
#[derive(Clone, PartialEq, Eq)]
pub struct SealedCredential {
    /// The grant that it belongs to.
    pub request: RequestId,
    /// The layer that it belongs to, from 0.
    pub layer: usize,
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for SealedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SealedCredential({}, layer {})",
            self.request, self.layer
        )
    }
}

//! What is encrypted at rest: the secrets of grants, which are opened for their requester alone, and what a
//! replica knows of people.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{
    clock::Entropy,
    domain::RequestId,
    secret::{SecretField, key_bytes},
    store::SealedCredential,
};

/// The key under which they are kept. XChaCha20-Poly1305, bound to the grant and layer, so that a row
/// moved to another grant does not open.
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

/// The key is not 32 bytes in hexadecimal or base64.
#[derive(Debug, thiserror::Error)]
#[error(
    "the key must be 32 bytes, written as 64 hexadecimal digits or as base64: create one with \
     `openssl rand -hex 32`"
)]
pub struct InvalidKey;

/// It does not open: another key, or a row that was tampered with.
#[derive(Debug, thiserror::Error)]
#[error("it does not open under this key")]
pub struct Unopenable;

/// What is known of people is bound to this, which no layer of a grant is.
const PEOPLE: &[u8] = b"people";

/// Bytes of a nonce, which stand before the ciphertext.
const NONCE: usize = 24;

impl Vault {
    /// Reads the key.
    ///
    /// # Errors
    ///
    /// If it is not 32 bytes in hexadecimal or base64.
    pub fn new(key: &SecretString) -> Result<Self, InvalidKey> {
        let bytes = key_bytes(key).ok_or(InvalidKey)?;
        let cipher = XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| InvalidKey)?;
        Ok(Self { cipher })
    }

    /// Encrypts a layer's secrets.
    pub fn seal(
        &self,
        request: RequestId,
        layer: usize,
        secrets: &[SecretField],
        entropy: &dyn Entropy,
    ) -> SealedCredential {
        SealedCredential {
            request,
            layer,
            sealed: self.seal_text(&written(secrets), &belongs_to(request, layer), entropy),
        }
    }

    /// Opens a layer's secrets.
    ///
    /// # Errors
    ///
    /// If it was sealed under another key, or for another layer.
    pub fn open(&self, credential: &SealedCredential) -> Result<Vec<SecretField>, Unopenable> {
        let aad = belongs_to(credential.request, credential.layer);
        let plain = self.open_text(&credential.sealed, &aad)?;
        let fields: Vec<(String, String)> =
            serde_json::from_slice(&plain).map_err(|_| Unopenable)?;
        let field = |(label, value): (String, String)| SecretField {
            label,
            value: value.into(),
        };
        Ok(fields.into_iter().map(field).collect())
    }

    /// Encrypts what is known of people.
    pub fn seal_people(&self, text: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        self.seal_text(text, PEOPLE, entropy)
    }

    /// Opens what is known of people.
    ///
    /// # Errors
    ///
    /// If it was sealed under another key, or is something else.
    pub fn open_people(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopenable> {
        self.open_text(sealed, PEOPLE)
    }

    /// Encrypts `text` for what `aad` says, behind a nonce.
    fn seal_text(&self, text: &[u8], aad: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: text, aad };
        let ciphertext = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a message below 256 GiB can always be encrypted");
        [nonce.as_slice(), &ciphertext].concat()
    }

    fn open_text(&self, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopenable> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>().ok_or(Unopenable)?;
        let payload = Payload {
            msg: ciphertext,
            aad,
        };
        let plain = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        plain.map(Zeroizing::new).map_err(|_| Unopenable)
    }
}

/// The secrets as one text, in memory that is erased.
fn written(secrets: &[SecretField]) -> Zeroizing<Vec<u8>> {
    let fields = secrets
        .iter()
        .map(|secret| (secret.label.as_str(), secret.value.expose_secret()));
    let fields: Vec<(&str, &str)> = fields.collect();
    let length: usize = fields
        .iter()
        .map(|(label, value)| label.len() + value.len() + 8)
        .sum();
    // JSON writes a byte as six at most: a buffer that had to grow would leave a copy behind.
    let mut written = Zeroizing::new(Vec::with_capacity(6 * length + 2));
    serde_json::to_writer(&mut *written, &fields).expect("texts can be written as JSON");
    written
}

fn belongs_to(request: RequestId, layer: usize) -> Vec<u8> {
    format!("{request}/{layer}").into_bytes()
}

/// Letters and digits that nobody confuses, safe in every shell and connection string.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";

/// Makes a password: 32 characters of 32, so 160 bits.
pub fn generate_password(entropy: &dyn Entropy) -> SecretString {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(bytes.as_mut());
    let text: String = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect();
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    fn vault(byte: &str) -> Vault {
        Vault::new(&byte.repeat(32).into()).unwrap()
    }

    #[test]
    fn a_credential_opens_only_under_its_key_and_for_its_grant() {
        let request = RequestId::new(crate::domain::Time::UNIX_EPOCH, 1);
        let password = generate_password(&SystemEntropy);
        let secrets = [
            ("Password", password.clone()),
            ("Config \"a\"", "\u{1}\nb".into()),
        ];
        let secrets = secrets.map(|(label, value)| SecretField {
            label: label.to_owned(),
            value,
        });
        let sealed = vault("ab").seal(request, 0, &secrets, &SystemEntropy);
        let opened = vault("ab").open(&sealed).unwrap();
        assert_eq!(written(&opened), written(&secrets));
        assert!(vault("cd").open(&sealed).is_err());
        let moved = SealedCredential {
            request: RequestId::new(crate::domain::Time::UNIX_EPOCH, 2),
            ..sealed.clone()
        };
        assert!(vault("ab").open(&moved).is_err());
        assert!(!format!("{sealed:?}{password:?}").contains(password.expose_secret()));
    }

    #[test]
    fn the_key_is_32_bytes_in_hexadecimal_or_base64() {
        for key in ["ab", "", "not a key"] {
            assert!(Vault::new(&key.into()).is_err(), "{key}");
        }
        assert!(Vault::new(&"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=".into()).is_ok());
    }
}

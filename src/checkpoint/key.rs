//! The keys that sign checkpoints and verify them.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::secret;

/// What C2SP's `signed-note` calls Ed25519, before the key itself.
const ED25519_TYPE: u8 = 1;

/// The longest name of a key, in bytes.
const LONGEST: usize = 200;

/// A key that signs checkpoints, and its name, which is their origin.
pub struct SigningKey {
    name: String,
    pair: Ed25519KeyPair,
}

/// It is not a key.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// The name cannot stand in a checkpoint.
    #[error(
        "`{0}` is not an origin such as `keylend.example.com/log`: use ASCII letters, digits, `.`, \
         `_`, `-`, `/` and `:`"
    )]
    Name(String),
    /// The secret is not 32 bytes in hexadecimal or base64.
    #[error(
        "the key must be 32 bytes, written as 64 hexadecimal digits or as base64: create one with \
         `openssl rand -hex 32`"
    )]
    Secret,
}

impl SigningKey {
    /// The key whose seed is `secret`: 32 bytes as 64 hexadecimal digits or as base64.
    ///
    /// # Errors
    ///
    /// If it is not, or `name` cannot stand in a checkpoint.
    pub fn new(name: &str, secret: &SecretString) -> Result<Self, InvalidKey> {
        let seed = secret::key_bytes(secret).ok_or(InvalidKey::Secret)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| InvalidKey::Secret)?;
        Self::check_name(name)?;
        let name = name.to_owned();
        Ok(Self { name, pair })
    }

    /// Checks that `name` can stand in a checkpoint.
    ///
    /// # Errors
    ///
    /// If it cannot.
    pub fn check_name(name: &str) -> Result<(), InvalidKey> {
        match is_name(name) {
            true => Ok(()),
            false => Err(InvalidKey::Name(name.to_owned())),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key with which others verify what this one signs.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey::new(&self.name, self.pair.public_key().as_ref())
    }

    /// `text`, which ends with the end of a line, as a signed note.
    pub(super) fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let signature = [&self.verifier().id[..], signature.as_ref()].concat();
        format!("{text}\n— {} {}\n", self.name, STANDARD.encode(signature))
    }
}

/// A key that verifies checkpoints: `NAME+ID+KEY`, as C2SP's `signed-note` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    pub(super) name: String,
    /// The first bytes of a hash over the name and the key.
    pub(super) id: [u8; 4],
    public: Vec<u8>,
}

/// The text is not a key that verifies checkpoints.
#[derive(Debug, thiserror::Error)]
#[error("this is not a verifier key as `keylend audit key` prints it: NAME+ID+KEY")]
pub struct InvalidVerifierKey;

impl VerifierKey {
    fn new(name: &str, public: &[u8]) -> Self {
        let mut digest = Sha256::new();
        digest.update(name);
        digest.update([b'\n', ED25519_TYPE]);
        digest.update(public);
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
        Self {
            name: name.to_owned(),
            id: [a, b, c, d],
            public: public.to_owned(),
        }
    }

    /// Whether it is the key that signed `text`.
    pub(super) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        key.verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE], &self.public[..]].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id))
    }
}

impl FromStr for VerifierKey {
    type Err = InvalidVerifierKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidVerifierKey);
        };
        let key = STANDARD.decode(key).map_err(|_| InvalidVerifierKey)?;
        match key.split_first() {
            Some((&ED25519_TYPE, public)) if public.len() == 32 && is_name(name) => {
                let key = Self::new(name, public);
                // A slip in one of the three shows in the id.
                match id == hex::encode(key.id) {
                    true => Ok(key),
                    false => Err(InvalidVerifierKey),
                }
            }
            _ => Err(InvalidVerifierKey),
        }
    }
}

/// Names are shown in messages and on terminals, and stand between spaces and pluses.
fn is_name(name: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte);
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(may_stand)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's `golang.org/x/mod/sumdb/note`, which C2SP's `signed-note` describes.
    #[test]
    fn notes_are_signed_and_keys_are_written_as_others_do() {
        let seed = STANDARD
            .decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
            .unwrap();
        let secret = hex::encode(&seed[1..]).into();
        let key = SigningKey::new("PeterNeumann", &secret).unwrap();
        let verifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(key.verifier().to_string(), verifier);
        assert_eq!(verifier.parse::<VerifierKey>().unwrap(), key.verifier());

        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let signed = format!(
            "{text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNX\
             gKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        );
        assert_eq!(key.sign(text), signed);
    }

    #[test]
    fn a_slip_in_a_verifier_key_is_noticed() {
        let good = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        for (from, to) in [
            ("Peter", "Paul"),
            ("c74f", "c74e"),
            ("ARpc", "ARpd"),
            ("ARpc", "Apc"),
            ("+A", "+B"),
            ("PeterNeumann", "Peter Neumann"),
            ("PeterNeumann", ""),
            ("+c74f20a3", ""),
        ] {
            let slip = good.replacen(from, to, 1);
            assert!(slip.parse::<VerifierKey>().is_err(), "{slip}");
        }
        assert!(good.parse::<VerifierKey>().is_ok());
    }
}

//! The bearer tokens of those who may ask.

use axum::http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// The tokens that are known, each with the name of its holder; only their digests are kept.
#[derive(Default)]
pub struct Tokens(Vec<Token>);

struct Token {
    name: String,
    digest: [u8; 32],
}

impl Tokens {
    /// Takes names and tokens. With none, nobody may ask.
    pub fn new(tokens: impl IntoIterator<Item = (String, SecretString)>) -> Self {
        let token = |(name, token): (String, SecretString)| Token {
            name,
            digest: digest(token.expose_secret()),
        };
        Self(tokens.into_iter().map(token).collect())
    }

    /// The name of the token that the headers carry (RFC 6750, section 2.1); nothing if they
    /// carry none, or one that is not known.
    ///
    /// Digests are compared, so the length tells nothing, and with every known token, so the time
    /// does not tell which was nearly right.
    pub(super) fn holder(&self, headers: &HeaderMap) -> Option<&str> {
        let presented = digest(bearer(headers)?);
        let nobody = u32::MAX;
        let mut found = nobody;
        for (index, token) in (0..nobody).zip(&self.0) {
            found.conditional_assign(&index, token.digest.ct_eq(&presented));
        }
        let token = self.0.get(usize::try_from(found).ok()?)?;
        Some(&token.name)
    }
}

/// The bearer token that the headers carry.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers
        .get(axum::http::header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

//! Personal data of the log: addresses, reasons and tickets.
//!
//! [`chain`](super::chain) says what stands where, and how a digest is made.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Value, value::RawValue};
use sha2::{Digest, Sha256};

use crate::clock::Entropy;

const MEMBERS: [&str; 3] = ["email", "reason", "ticket"];

const ADDRESS: &str = "address:";

/// What a canonical body with personal data has in it.
const SIGNS: [&str; 4] = ["\"email\":", "\"reason\":", "\"ticket\":", "\"address:"];

/// Bytes of a salt.
const SALT: usize = 16;

/// The salt and the text of each digest, by where it stands in the body.
type Texts = BTreeMap<String, (String, String)>;

/// A text is not the one that was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text of {place} does not have its digest")]
pub(super) struct Altered {
    /// Where its digest stands in the body, as a JSON pointer.
    pub(super) place: String,
}

/// A body with the texts in their places.
pub(super) struct Whole<'a> {
    pub(super) body: Cow<'a, RawValue>,
    /// Where a digest stands whose text is not there, as JSON pointers.
    pub(super) missing: Vec<String>,
}

/// Puts digests in the place of texts, and answers the texts.
pub(super) fn separate(body: &mut Value, entropy: &dyn Entropy) -> impl serde::Serialize {
    let mut texts = Texts::new();
    each(body, &mut String::new(), &mut |place, text| {
        let mut salt = [0; SALT];
        entropy.fill(&mut salt);
        let salt = hex::encode(salt);
        let text = std::mem::replace(text, digest(&salt, text));
        texts.insert(place.to_owned(), (salt, text));
    });
    texts
}

/// Puts texts back in their places.
pub(super) fn restore<'a>(body: &'a RawValue, texts: &RawValue) -> Result<Whole<'a>, Altered> {
    let is_plain = texts.get() == "{}" && !SIGNS.iter().any(|sign| body.get().contains(sign));
    if is_plain {
        return Ok(Whole {
            body: Cow::Borrowed(body),
            missing: Vec::new(),
        });
    }
    let altered = |place: &str| Altered {
        place: place.to_owned(),
    };
    let mut texts: Texts = serde_json::from_str(texts.get()).map_err(|_| altered("/"))?;
    let mut whole: Value = serde_json::from_str(body.get()).map_err(|_| altered("/"))?;
    let (mut missing, mut wrong) = (Vec::new(), None);
    each(&mut whole, &mut String::new(), &mut |place, found| {
        match texts.remove(place) {
            // A salt of another length would let the text begin elsewhere.
            Some((salt, text)) if salt.len() == 2 * SALT && digest(&salt, &text) == *found => {
                *found = text;
            }
            Some(_) => drop(wrong.get_or_insert_with(|| altered(place))),
            None => missing.push(place.to_owned()),
        }
    });
    // What is left has no digest in the body.
    if let Some(wrong) = wrong.or_else(|| texts.keys().next().map(|place| altered(place))) {
        return Err(wrong);
    }
    let body = serde_json::value::to_raw_value(&whole).map_err(|_| altered("/"))?;
    Ok(Whole {
        body: Cow::Owned(body),
        missing,
    })
}

/// Visits each text, or the digest in its place, with where it stands.
fn each(value: &mut Value, place: &mut String, visit: &mut impl FnMut(&str, &mut String)) {
    let end = place.len();
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                place.push('/');
                place.push_str(&name.replace('~', "~0").replace('/', "~1"));
                match value {
                    Value::String(text) if MEMBERS.contains(&name.as_str()) => visit(place, text),
                    value => each(value, place, visit),
                }
                place.truncate(end);
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter_mut().enumerate() {
                place.push('/');
                place.push_str(&number.to_string());
                match value {
                    Value::String(key) => {
                        if let Some(address) = key.strip_prefix(ADDRESS) {
                            let mut address = address.to_owned();
                            visit(place, &mut address);
                            *key = format!("{ADDRESS}{address}");
                        }
                    }
                    value => each(value, place, visit),
                }
                place.truncate(end);
            }
        }
        _ => {}
    }
}

fn digest(salt: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update(salt).chain_update(text);
    format!("sha256:{}", hex::encode(hash.finalize()))
}

//! Checkpoints as signed notes.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Hash, SigningKey, VerifierKey};
use crate::sanitize::excerpt;

/// What a line with a signature begins with.
const SIGNATURE: &str = "— ";

/// How many entries the log had, and the root of the tree over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkpoint {
    /// The number of entries.
    pub size: u64,
    /// The root over their hashes.
    pub root: Hash,
}

/// A text does not hold a checkpoint where one should be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadCheckpoint {
    /// The line with which it begins, from 1.
    pub line: usize,
    /// Why it does not count.
    pub why: Why,
}

/// Why a checkpoint does not count.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It has another form.
    #[error(
        "this is not a checkpoint, or not all of one. If a crash interrupted Keylend while it wrote \
         the file, remove the lines up to the next checkpoint"
    )]
    Malformed,
    /// It does not have the signature of the key that it names.
    #[error("the checkpoint was changed: its signature is not that of the key `{name}`")]
    Signature {
        /// The key.
        name: String,
    },
    /// None of the keys that are known has signed it.
    #[error("the checkpoint was signed by `{name}`, with a key that you did not pass")]
    UnknownKey {
        /// Who signed it.
        name: String,
    },
}

impl Checkpoint {
    /// The checkpoint as a note signed with `key`. It ends with the end of its last line.
    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign(&self.text(key.name()))
    }

    fn text(&self, origin: &str) -> String {
        let root = STANDARD.encode(self.root);
        format!("{origin}\n{}\n{root}\n", self.size)
    }

    /// Reads what was signed.
    fn read(text: &str) -> Option<(&str, Self)> {
        let mut lines = text.lines();
        let (origin, number, root) = (lines.next()?, lines.next()?, lines.next()?);
        let size: u64 = number.parse().ok()?;
        let root = STANDARD.decode(root).ok()?.try_into().ok()?;
        (number == size.to_string()).then_some((origin, Self { size, root }))
    }
}

/// The checkpoints in a text, in order. Each has to be signed by one of `keys`, and by no other key of
/// the same name and id.
pub fn checkpoints<'a>(
    text: &'a str,
    keys: &'a [VerifierKey],
) -> impl Iterator<Item = Result<Checkpoint, BadCheckpoint>> + 'a {
    let mut lines = (1..).zip(text.lines()).peekable();
    std::iter::from_fn(move || {
        while lines.next_if(|(_, line)| line.is_empty()).is_some() {}
        let (line, _) = *lines.peek()?;
        let mut signed = String::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.is_empty()) {
            signed.push_str(line);
            signed.push('\n');
        }
        lines.next();
        let mut signatures = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with(SIGNATURE)) {
            signatures.push(&line[SIGNATURE.len()..]);
        }
        let checkpoint = verified(&signed, &signatures, keys);
        Some(checkpoint.map_err(|why| BadCheckpoint { line, why }))
    })
}

fn verified(signed: &str, signatures: &[&str], keys: &[VerifierKey]) -> Result<Checkpoint, Why> {
    let (origin, checkpoint) = Checkpoint::read(signed).ok_or(Why::Malformed)?;
    let mut is_signed = false;
    let mut unknown = None;
    for signature in signatures {
        let (name, encoded) = signature.split_once(' ').ok_or(Why::Malformed)?;
        let decoded = STANDARD.decode(encoded).map_err(|_| Why::Malformed)?;
        let (id, signature) = decoded.split_first_chunk().ok_or(Why::Malformed)?;
        let key = keys.iter().find(|key| key.name == name && key.id == *id);
        match key {
            Some(key) if key.verifies(signed, signature) => is_signed |= key.name == origin,
            Some(key) => {
                let name = key.name.clone();
                return Err(Why::Signature { name });
            }
            None => unknown = Some(excerpt(name)),
        }
    }
    match unknown {
        _ if is_signed => Ok(checkpoint),
        Some(name) => Err(Why::UnknownKey { name }),
        None => Err(Why::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, digit: &str) -> SigningKey {
        SigningKey::new(name, &digit.repeat(64).into()).unwrap()
    }

    fn read(text: &str, key: &SigningKey) -> Result<Vec<u64>, BadCheckpoint> {
        let keys = [key.verifier()];
        let sizes = checkpoints(text, &keys).map(|checkpoint| Ok(checkpoint?.size));
        sizes.collect()
    }

    #[test]
    fn what_is_signed_is_read_again_and_nothing_else() {
        let own = key("example.com/log", "1");
        let [first, second] = [7, 130].map(|size| {
            let root = [5; 32];
            Checkpoint { size, root }.sign(&own)
        });
        let both = format!("\n{first}\n\n{second}");
        assert_eq!(read(&both, &own), Ok(vec![7, 130]));
        // As it comes out of a message.
        assert_eq!(read(second.trim_end(), &own), Ok(vec![130]));
        assert_eq!(read(&second.replace('\n', "\r\n"), &own), Ok(vec![130]));
        assert_eq!(read("", &own), Ok(vec![]));

        let why = |text: &str, key: &SigningKey| read(text, key).unwrap_err().why;
        let name = || "example.com/log".to_owned();
        let changed = Why::Signature { name: name() };
        assert_eq!(why(&both.replace("130", "131"), &own), changed);
        assert_eq!(why(&first.replace("BQ", "BR"), &own), changed);
        let unknown = Why::UnknownKey { name: name() };
        assert_eq!(why(&first, &key("example.com/log", "2")), unknown);
        assert_eq!(why(&first, &key("example.com", "1")), unknown);
        for text in [
            &first[..first.len() - 90],
            first.split_once("\n\n").unwrap().0,
            &first.replace("\n7\n", "\n+7\n"),
            &first.replace("\n7\n", "\n"),
            &format!("garbage\n\n{second}"),
            "```",
        ] {
            assert_eq!(why(text, &own), Why::Malformed, "{text}");
        }
        let torn = format!("{first}\nexample.com/log\n12\n\n{second}");
        assert_eq!(read(&torn, &own).unwrap_err().line, 7);
    }

    #[test]
    fn a_key_signs_for_its_own_log_alone() {
        let (one, other) = (key("one.example", "1"), key("other.example", "2"));
        let checkpoint = Checkpoint {
            size: 7,
            root: [5; 32],
        };
        let text = checkpoint.text("one.example");
        // The other's valid signature below somebody else's log.
        let signature = {
            let pretending = checkpoint.sign(&key("one.example", "2"));
            let (_, signature) = pretending.rsplit_once(' ').unwrap();
            let mut bytes = STANDARD.decode(signature.trim_end()).unwrap();
            bytes[..4].copy_from_slice(&other.verifier().id);
            STANDARD.encode(bytes)
        };
        let note = format!("{text}\n— other.example {signature}\n");
        assert_eq!(read(&note, &other).unwrap_err().why, Why::Malformed);
        // A witness's signature below the log's own does no harm.
        let own = checkpoint.sign(&one);
        let cosigned = format!("{own}— other.example {signature}\n");
        assert_eq!(read(&cosigned, &one), Ok(vec![7]));
    }
}

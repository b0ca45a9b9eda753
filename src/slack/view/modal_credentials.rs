//! The secrets of a grant, shown to its requester alone.
//!
//! The view is the one place in the program where a secret stands in clear outside its
//! `SecretString`: it goes into one `views.open` and nowhere else. `serde_json` cannot erase what
//! it has built, so it is built last and given away at once.

use std::io;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    modal::{TITLE, callback, plain, section},
    text,
};
use crate::{broker::Credential, domain::Request, secret::SecretField};

/// The most blocks of a view.
const BLOCKS: usize = 100;

/// The most bytes of a view are 250,000: what stands around the secrets takes less than the rest.
const BYTES: usize = 240_000;

/// How many facts about a connection are shown.
const FACTS: usize = 10;

/// The longest part of a secret in one block, in characters as UTF-16 counts them: Slack takes 3,000.
const PART: usize = 2_900;

/// The view.
pub fn credentials(request: &Request, credentials: &[Credential]) -> Value {
    let until = request.expires_at.map(text::time);
    let head = format!(
        "{}, until {}. Nobody else can see this, and Slack doesn't keep it.",
        text::code(&request.terms.scope),
        until.unwrap_or_else(|| "its end".to_owned())
    );
    let mut blocks = vec![section(&head)];
    let (mut left_out, mut bytes) = (Vec::new(), 0);
    for credential in credentials {
        let shown = target(credential);
        let size = written_size(&shown);
        // One block stays free for what is left out.
        if blocks.len() + shown.len() < BLOCKS && bytes + size <= BYTES {
            blocks.extend(shown);
            bytes += size;
        } else {
            left_out.push(text::code(&credential.target));
        }
    }
    if !left_out.is_empty() {
        blocks.push(section(&format!(
            ":warning: Slack has no room here for the secrets of {}. Ask your administrator to split \
             this scope.",
            left_out.iter().take(FACTS).cloned().collect::<Vec<_>>().join(", ")
        )));
    }
    json!({
        "type": "modal",
        "callback_id": callback::CREDENTIALS,
        "title": plain("Credentials", TITLE),
        "close": plain("Close", TITLE),
        "blocks": blocks,
    })
}

/// The target, how it is reached, and each secret in parts that fit.
fn target(credential: &Credential) -> Vec<Value> {
    let mut lines = vec![format!("*{}*", text::code(&credential.target))];
    lines.extend(
        credential
            .connection
            .iter()
            .take(FACTS)
            .map(|(label, fact)| {
                // A fact is there to be copied, so it stands as it is.
                let fact = escaped(fact).replace('`', "'");
                format!("{}: `{fact}`", text::escape(label, 80))
            }),
    );
    let mut blocks = vec![section(&lines.join("\n"))];
    blocks.extend(credential.secrets.iter().flat_map(secret));
    blocks
}

/// One secret, a block for each part. Rich text is shown and copied as it is: nothing in it is markup.
fn secret(secret: &SecretField) -> Vec<Value> {
    let parts = parts(secret.value.expose_secret());
    let count = parts.len();
    let block = |(index, part): (usize, &str)| {
        let label = match count {
            1 => secret.label.clone(),
            _ => format!("{}, part {} of {count}", secret.label, index + 1),
        };
        json!({
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [{ "type": "text", "text": label }],
                },
                {
                    "type": "rich_text_preformatted",
                    "elements": [{ "type": "text", "text": part }],
                },
            ],
        })
    };
    parts.into_iter().enumerate().map(block).collect()
}

/// How many bytes it has as JSON. It is only counted: a copy of it would stay in memory.
fn written_size(blocks: &[Value]) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, written: &[u8]) -> io::Result<usize> {
            self.0 += written.len();
            Ok(written.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    serde_json::to_writer(&mut count, blocks).expect("blocks are JSON");
    count.0
}

/// Escaped as Slack asks, and not changed otherwise: what is copied has to work.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The text in parts that fit into a block each, cut behind a line where there is one.
fn parts(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    loop {
        let mut units = 0;
        let fits = text.char_indices().find(|(_, char)| {
            units += char.len_utf16();
            units > PART
        });
        let Some((end, _)) = fits else {
            parts.push(text);
            return parts;
        };
        let cut = text[..end].rfind('\n').map_or(end, |line| line + 1);
        let (part, rest) = text.split_at(cut);
        parts.push(part);
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_secret_is_split_behind_its_lines_and_loses_nothing() {
        let line = format!("{}\n", "é".repeat(99));
        let lines = line.repeat(100);
        let unbroken = "🦀".repeat(4_000);
        for text in ["short", &lines, &unbroken] {
            let parts = parts(text);
            assert_eq!(parts.concat(), text);
            for part in &parts {
                assert!((1..=PART).contains(&part.encode_utf16().count()));
            }
        }
        assert!(parts(&lines).iter().all(|part| part.ends_with('\n')));
    }
}

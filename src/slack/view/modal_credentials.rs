//! What a requester logs in with, shown to them alone.
//!
//! The view is the one place in the program where a password stands in clear outside its
//! `SecretString`: it goes into one `views.open` and nowhere else. `serde_json` cannot erase what
//! it has built, so it is built last and given away at once.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    modal::{TITLE, callback, plain, section},
    text,
};
use crate::{broker::Credential, domain::Request};

/// How many logins are shown; a view has at most 100 blocks.
const LOGINS: usize = 20;

/// How many facts about a connection are shown.
const FACTS: usize = 10;

/// The view.
pub fn credentials(request: &Request, credentials: &[Credential]) -> Value {
    let until = request.expires_at.map(text::time);
    let head = format!(
        "{}, until {}. Nobody else can see this, and it is not kept in Slack.",
        text::code(&request.terms.scope),
        until.unwrap_or_else(|| "its end".to_owned())
    );
    let mut blocks = vec![section(&head)];
    for credential in credentials.iter().take(LOGINS) {
        let mut lines: Vec<String> = credential
            .connection
            .iter()
            .take(FACTS)
            .map(|(label, fact)| {
                let label = text::escape(label, 80);
                // A fact is there to be copied, so it stands as it is.
                format!("{label}: `{}`", escaped(fact).replace('`', "'"))
            })
            .collect();
        let password = escaped(credential.password.expose_secret());
        lines.push(format!("Password:\n```{password}```"));
        blocks.push(section(&lines.join("\n")));
    }
    json!({
        "type": "modal",
        "callback_id": callback::CREDENTIALS,
        "title": plain("Credentials", TITLE),
        "close": plain("Close", TITLE),
        "blocks": blocks,
    })
}

/// Escaped as Slack asks, and not changed otherwise: what is copied has to work.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

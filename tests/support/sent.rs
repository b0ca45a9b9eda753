//! What the app sent to Slack in the tests, kept for validators that look at all of it afterwards:
//! `tests/validators/hold.py`, which `./test.sh` runs at its end.

use std::{env, fs, path::Path};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use slack_sim::Sim;

/// Keeps everything that people were to see, if `KEYLEND_SENT` names a folder.
pub fn keep(sim: &Sim) {
    let Some(folder) = env::var_os("KEYLEND_SENT") else {
        return;
    };
    let calls = sim.calls().into_iter().map(|call| (call.method, call.args));
    let answers = sim.deliveries().into_iter();
    let answers = answers.map(|delivery| ("answer".to_owned(), delivery.json()));
    for (by, body) in calls.chain(answers) {
        if ["text", "blocks", "view", "response_action", "options"]
            .iter()
            .any(|part| !body[part].is_null())
        {
            write(Path::new(&folder), &by, &body);
        }
    }
}

/// Keeps one body, sent by a Web API method, `response_url`, or as an `answer`.
///
/// # Panics
/// If it cannot be written.
pub fn write(folder: &Path, by: &str, body: &Value) {
    let kept = json!({"by": by, "body": body}).to_string();
    // What is sent twice is kept once.
    let name = hex::encode(Sha256::digest(&kept));
    fs::write(folder.join(name).with_extension("json"), kept).unwrap();
}

//! The samples that lie beside this project, or do not.

use std::fs;

use serde_json::{Value, json};

use super::{start, views::opened};
use crate::{common::api, skip::shared};

/// The samples that the validators of what is sent are themselves tried with.
#[tokio::test]
async fn the_validators_samples_are_judged_alike() {
    let Some(samples) = shared("tools/slack/samples") else {
        return;
    };
    let sim = start().await;
    for (folder, is_good) in [("good", true), ("bad", false)] {
        for file in fs::read_dir(samples.join(folder)).unwrap() {
            let path = file.unwrap().path();
            let sample: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            // Slack takes an unwise mention; what it makes of an answer to a submission is shown
            // where submissions are.
            let is_other = sample.get("response_action").is_some();
            if is_other || path.to_string_lossy().contains("mrkdwn_injection") {
                continue;
            }
            let taken = match sample["type"].as_str() {
                Some("home") => {
                    let args = json!({"user_id": "U0BOB", "view": sample});
                    api(&sim, "views.publish", args).await["ok"] == true
                }
                Some(_) => opened(&sim, sample).await["error"] == "invalid_trigger_id",
                None => {
                    let mut args = match sample.is_array() {
                        true => json!({"blocks": sample, "text": "x"}),
                        false => sample,
                    };
                    args["channel"] = json!("C0DBA");
                    api(&sim, "chat.postMessage", args).await["ok"] == true
                }
            };
            assert_eq!(taken, is_good, "{}", path.display());
        }
    }
}

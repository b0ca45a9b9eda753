//! Messages: their texts, attachments and metadata.

use serde_json::{Value, json};

use super::{several, start, x};
use crate::common::api;

#[tokio::test]
async fn messages_are_taken_at_their_limits_and_refused_one_beyond() {
    let sim = start().await;
    let post = async |change: Value| {
        let mut args = json!({"channel": "C0DBA", "text": "x"});
        for (key, value) in change.as_object().unwrap() {
            args[key] = value.clone();
        }
        api(&sim, "chat.postMessage", args).await
    };
    let about =
        |length| json!({"metadata": {"event_type": "e", "event_payload": {"id": x(length)}}});
    let attached = |count| json!({"attachments": several(count, |_| json!({"text": "x"}))});
    for (taken, beyond, error) in [
        (
            json!({"text": x(40_000)}),
            json!({"text": x(40_001)}),
            "msg_too_long",
        ),
        (json!({"text": "x"}), json!({"text": ""}), "no_text"),
        (attached(100), attached(101), "too_many_attachments"),
        (about(100), about(16_000), "metadata_too_large"),
        (
            about(1),
            json!({"metadata": {"event_type": "e"}}),
            "invalid_metadata_format",
        ),
        (
            json!({"thread_ts": null}),
            json!({"thread_ts": "1.1"}),
            "thread_not_found",
        ),
        (
            json!({"channel": "#dba-approvals"}),
            json!({"channel": "#none"}),
            "channel_not_found",
        ),
        (
            json!({"channel": "U0BOB"}),
            json!({"channel": "U0KEYLEND"}),
            "cannot_dm_bot",
        ),
    ] {
        assert_eq!(post(taken).await["ok"], true, "{error}");
        assert_eq!(post(beyond).await["error"], error);
    }
    let posted = post(json!({})).await;
    let update = async |text: String| {
        let args = json!({"channel": posted["channel"], "ts": posted["ts"], "text": text});
        api(&sim, "chat.update", args).await
    };
    assert_eq!(update(x(4000)).await["ok"], true);
    assert_eq!(update(x(4001)).await["error"], "msg_too_long");
}

//! The methods that other apps call: reading what was said, listing, joining, deleting.

use serde_json::{Value, json};
use slack_sim::Sim;

use crate::common::{Hand, api, workspace};

async fn start() -> Sim {
    Sim::start_with_clock(workspace(), Hand::new().clock()).await
}

async fn post(sim: &Sim, args: Value) -> String {
    let answer = api(sim, "chat.postMessage", args).await;
    answer["ts"].as_str().unwrap().to_owned()
}

fn texts(answer: &Value) -> Vec<&str> {
    let messages = answer["messages"].as_array().unwrap().iter();
    messages
        .map(|message| message["text"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn history_is_latest_first_without_threads_but_for_what_was_broadcast() {
    let sim = start().await;
    let root = post(&sim, json!({"channel": "C0DBA", "text": "root"})).await;
    let answer = json!({"channel": "C0DBA", "text": "aside", "thread_ts": root});
    post(&sim, answer).await;
    let shown = json!({
        "channel": "C0DBA", "text": "shown", "thread_ts": root, "reply_broadcast": true,
    });
    post(&sim, shown).await;
    post(&sim, json!({"channel": "C0DBA", "text": "last"})).await;
    let only_bob = json!({"channel": "C0DBA", "user": "U0BOB", "text": "psst"});
    api(&sim, "chat.postEphemeral", only_bob).await;

    let history = api(&sim, "conversations.history", json!({"channel": "C0DBA"})).await;
    assert_eq!(texts(&history), ["last", "shown", "root"]);
    assert_eq!(history["messages"][1]["subtype"], "thread_broadcast");
    assert_eq!(history["messages"][2]["reply_count"], 2);
    let thread = json!({"channel": "C0DBA", "ts": root});
    let thread = api(&sim, "conversations.replies", thread).await;
    assert_eq!(texts(&thread), ["root", "aside", "shown"]);

    let since = json!({"channel": "C0DBA", "oldest": root});
    let since = api(&sim, "conversations.history", since).await;
    assert_eq!(texts(&since), ["last", "shown"]);
    let until = json!({"channel": "C0DBA", "latest": root, "inclusive": true});
    let until = api(&sim, "conversations.history", until).await;
    assert_eq!(texts(&until), ["root"]);
}

#[tokio::test]
async fn history_is_read_where_the_bot_is() {
    let sim = start().await;
    let history = async |channel: &str| {
        api(&sim, "conversations.history", json!({"channel": channel})).await["error"].clone()
    };
    assert_eq!(history("C0OUT").await, "not_in_channel");
    assert_eq!(history("C0NONE").await, "channel_not_found");
    let args = json!({"channel": "C0DBA", "ts": "1.1"});
    let replies = api(&sim, "conversations.replies", args).await;
    assert_eq!(replies["error"], "thread_not_found");
}

#[tokio::test]
async fn what_is_read_back_has_its_special_characters_escaped() {
    let sim = start().await;
    let args = json!({
        "channel": "C0DBA",
        "text": "R&D <@U0BOB> 1 < 2",
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "R&amp;D & <b>"}}],
    });
    post(&sim, args).await;
    let history = api(&sim, "conversations.history", json!({"channel": "C0DBA"})).await;
    assert_eq!(texts(&history), ["R&amp;D <@U0BOB> 1 &lt; 2"]);
    let block = &history["messages"][0]["blocks"][0];
    assert_eq!(block["text"]["text"], "R&amp;D &amp; &lt;b&gt;");
    assert_eq!(block["text"]["verbatim"], false);
}

#[tokio::test]
async fn long_lists_come_a_page_at_a_time() {
    let sim = start().await;
    let mut cursor = String::new();
    let mut seen = Vec::new();
    for page in 0.. {
        let args = json!({"channel": "C0DBA", "limit": 2, "cursor": cursor});
        let answer = api(&sim, "conversations.members", args).await;
        let members = answer["members"].as_array().unwrap().clone();
        assert!(members.len() <= 2 && page < 3);
        seen.extend(members);
        cursor = answer["response_metadata"]["next_cursor"]
            .as_str()
            .unwrap()
            .to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["U0ALICE", "U0BOB", "U0GUS", "U0SUE", "U0KEYLEND"]);
    for (args, error) in [
        (json!({"channel": "C0DBA", "limit": -1}), "invalid_limit"),
        (json!({"channel": "C0DBA", "limit": 1001}), "invalid_limit"),
        (
            json!({"channel": "C0DBA", "cursor": "other"}),
            "invalid_cursor",
        ),
    ] {
        assert_eq!(
            api(&sim, "conversations.members", args).await["error"],
            error
        );
    }
}

#[tokio::test]
async fn channels_are_listed_by_type_and_by_who_is_in_them() {
    let sim = start().await;
    let dm = sim.person("U0BOB").dm_channel();
    let ids = async |method: &str, args: Value| {
        let answer = api(&sim, method, args).await;
        let channels = answer["channels"].as_array().unwrap().clone();
        channels
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let list = "conversations.list";
    assert_eq!(ids(list, json!({})).await, ["C0DBA", "C0OLD", "C0OUT"]);
    let open = json!({"exclude_archived": true, "types": "public_channel, private_channel"});
    assert_eq!(ids(list, open).await, ["C0DBA", "C0OUT", "C0PRIV"]);
    assert_eq!(ids(list, json!({"types": "im"})).await, [dm.as_str()]);
    let of = "users.conversations";
    assert_eq!(ids(of, json!({})).await, ["C0DBA", "C0OLD"]);
    assert_eq!(ids(of, json!({"user": "U0BOB"})).await, ["C0DBA"]);

    let joined = api(&sim, "conversations.join", json!({"channel": "C0OUT"})).await;
    assert_eq!(joined["channel"]["is_member"], true);
    let again = api(&sim, "conversations.join", json!({"channel": "C0OUT"})).await;
    assert_eq!(again["warning"], "already_in_channel");
    assert_eq!(ids(of, json!({})).await, ["C0DBA", "C0OLD", "C0OUT"]);
    let old = api(&sim, "conversations.join", json!({"channel": "C0OLD"})).await;
    assert_eq!(old["error"], "is_archived");
}

#[tokio::test]
async fn an_app_deletes_its_own_messages_alone() {
    let sim = start().await;
    let ts = post(&sim, json!({"channel": "C0DBA", "text": "x"})).await;
    let delete =
        async |ts: &str| api(&sim, "chat.delete", json!({"channel": "C0DBA", "ts": ts})).await;
    assert_eq!(delete(&ts).await["ts"], ts);
    assert!(sim.messages("C0DBA").is_empty());
    assert_eq!(delete(&ts).await["error"], "message_not_found");
    let bobs = sim.person("U0BOB").say("C0DBA", "mine");
    assert_eq!(delete(&bobs.ts).await["error"], "cant_delete_message");
}

#[tokio::test]
async fn a_direct_message_is_opened_once_and_described_on_demand() {
    let sim = start().await;
    let first = api(&sim, "conversations.open", json!({"users": "U0BOB"})).await;
    let dm = &first["channel"]["id"];
    assert_eq!(first["channel"].as_object().unwrap().len(), 1);
    let whole = json!({"channel": dm, "return_im": true});
    let whole = api(&sim, "conversations.open", whole).await;
    assert_eq!(
        (&whole["channel"]["user"], &whole["already_open"]),
        (&json!("U0BOB"), &json!(true))
    );
    for (args, error) in [
        (json!({}), "users_list_not_supplied"),
        (json!({"users": "U0NONE"}), "user_not_found"),
        (json!({"users": "U0GONE"}), "user_disabled"),
        (json!({"users": "U0KEYLEND"}), "cannot_dm_bot"),
        (json!({"channel": "D0NONE"}), "channel_not_found"),
    ] {
        assert_eq!(api(&sim, "conversations.open", args).await["error"], error);
    }
}

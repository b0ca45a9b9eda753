//! Approvers hear of a request, are reminded of it, and others hear of it when nobody answers.

use slack_sim::Message;

use crate::support::fixture::{APPROVALS, Fixture, REQUEST};

const GROUP: &str = "<!subteam^S0DBA>";

/// With a scope that mentions its approvers, and the security team at the second reminder.
async fn notifying() -> Fixture {
    let notify = "approval_channel = \"C0DBA\"\nnotify = \"group\"\nescalate_to = [\"security\"]\n";
    let change = |config: &str| config.replacen("approval_channel = \"C0DBA\"\n", notify, 1);
    Fixture::with(change, "").await
}

fn saying(fixture: &Fixture, words: &str) -> Vec<Message> {
    let mut messages = fixture.sim.messages(APPROVALS);
    messages.retain(|message| message.says(words));
    messages
}

#[tokio::test]
async fn approvers_are_mentioned_reminded_twice_and_then_the_request_lapses() {
    let mut fixture = notifying().await;
    let card = fixture.asked(REQUEST).await;
    let told = fixture.said(APPROVALS, GROUP).await;
    assert_eq!(told.thread_ts.as_deref(), Some(card.ts.as_str()));

    fixture.until_logged("reminded", 1).await;
    let first = fixture.said(APPROVALS, "Reminder").await;
    assert!(first.says(GROUP) && !first.says("U0SEC"), "{}", first.text);
    fixture.crash().await;
    fixture.boot().await;

    fixture.until_logged("reminded", 2).await;
    let second = fixture.said(APPROVALS, "<@U0SEC>").await;
    assert!(
        second.says(GROUP) && second.says("Reminder"),
        "{}",
        second.text
    );

    let kinds = fixture.until_logged("lapsed", 1).await;
    let reminders = kinds.iter().filter(|kind| *kind == "reminded");
    assert_eq!(reminders.count(), 2);
    let mentions = saying(&fixture, GROUP).len();
    // A crash between Slack's answer and the note of it tells the reminder twice.
    assert!((3..=4).contains(&mentions), "{mentions}");
}

#[tokio::test]
async fn nobody_is_reminded_of_a_request_that_was_decided() {
    let fixture = notifying().await;
    let card = fixture.asked(REQUEST).await;
    fixture.said(APPROVALS, GROUP).await;
    fixture.until_logged("reminded", 1).await;
    fixture.said(APPROVALS, "Reminder").await;
    fixture.bob().click(&card, "approve").await;
    let kinds = fixture.until_logged("ended", 1).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "reminded").count(), 1);
    assert_eq!(saying(&fixture, "Reminder").len(), 1);
}

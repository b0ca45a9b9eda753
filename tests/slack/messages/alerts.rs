//! Alerts: the audit channel hears of each once when it is raised and once when it clears.

use std::time::Duration;

use slack_sim::{Fault, Message, Sim};

use super::stage::Stage;

fn of_alerts(sim: &Sim) -> Vec<Message> {
    let is_alert = |message: &Message| message.says("*Alert*") || message.says("*Cleared*");
    let mut messages = sim.messages("C0AUDIT");
    messages.retain(is_alert);
    messages
}

/// Waits until there are so many messages about alerts.
async fn until(stage: &Stage, count: usize) -> Vec<Message> {
    stage
        .in_time(|sim| Some(of_alerts(sim)).filter(|messages| messages.len() >= count))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_are_raised_together_are_one_message_and_each_is_told_once() {
    let stage = Stage::set().await;
    let running = stage.run();
    stage.alerts.raise("one", "The first <!channel> text.");
    stage.alerts.raise("two", "The second text.");
    let told = until(&stage, 1).await;
    let text = &told[0].text;
    assert!(
        text.contains("`one`: The first &lt;!channel&gt; text."),
        "{text}"
    );
    assert!(text.contains("`two`: The second text."), "{text}");

    // Another text of the same alert is no news.
    stage.alerts.raise("one", "The first text, later.");
    stage.alerts.clear("two");
    let told = until(&stage, 2).await;
    assert_eq!(told[1].text, ":white_check_mark: *Cleared* `two`");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_comes_and_goes_does_not_fill_the_channel() {
    let stage = Stage::set().await;
    let running = stage.run();
    for _ in 0..100 {
        stage.alerts.raise("one", "The text.");
        stage.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        stage.alerts.clear("one");
        stage.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    stage.alerts.raise("last", "The last text.");
    stage
        .in_time(|sim| of_alerts(sim).into_iter().find(|told| told.says("`last`")))
        .await;
    // 200 s and the time until the last one was told, with half a minute between two messages.
    assert!(
        of_alerts(&stage.sim).len() <= 10,
        "{}",
        stage.sim.describe()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_told_although_slack_is_in_trouble_at_first() {
    let stage = Stage::set().await;
    stage.sim.fault("chat.postMessage", Fault::Status(500), 3);
    let running = stage.run();
    stage.alerts.raise("one", "The text.");
    until(&stage, 1).await;
    assert_eq!(of_alerts(&stage.sim).len(), 1);
    running.stop().await;
}

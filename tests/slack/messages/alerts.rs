//! Alerts: the audit channel hears of each once when it is raised and once when it clears.

use std::time::Duration;

use slack_sim::{Fault, Message, Sim};

use super::fixture::Fixture;

fn of_alerts(sim: &Sim) -> Vec<Message> {
    let is_alert = |message: &Message| message.says("*Alert*") || message.says("*Cleared*");
    let mut messages = sim.messages("C0AUDIT");
    messages.retain(is_alert);
    messages
}

/// Waits until there are so many messages about alerts.
async fn until(fixture: &Fixture, count: usize) -> Vec<Message> {
    fixture
        .in_time(|sim| Some(of_alerts(sim)).filter(|messages| messages.len() >= count))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_are_raised_together_are_one_message_and_each_is_told_once() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    fixture
        .alerts
        .raise("clocks_differ", "The first <!channel> text.");
    fixture.alerts.raise("lock_missing", "The second text.");
    let told = until(&fixture, 1).await;
    let text = &told[0].text;
    assert!(
        text.contains("`clocks_differ`: The first &lt;!channel&gt; text."),
        "{text}"
    );
    assert!(text.contains("`lock_missing`: The second text."), "{text}");

    // Another text of the same alert is no news.
    fixture
        .alerts
        .raise("clocks_differ", "The first text, later.");
    fixture.alerts.clear("lock_missing");
    let told = until(&fixture, 2).await;
    assert_eq!(told[1].text, ":white_check_mark: *Cleared* `lock_missing`");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_comes_and_goes_does_not_fill_the_channel() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    for _ in 0..100 {
        fixture.alerts.raise("clocks_differ", "The text.");
        fixture.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        fixture.alerts.clear("clocks_differ");
        fixture.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    fixture.alerts.raise("log_broken", "The last text.");
    fixture
        .in_time(|sim| {
            of_alerts(sim)
                .into_iter()
                .find(|told| told.says("`log_broken`"))
        })
        .await;
    // 200 s and the time until the last one was told, with half a minute between two messages.
    assert!(
        of_alerts(&fixture.sim).len() <= 10,
        "{}",
        fixture.sim.describe()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_told_although_slack_is_in_trouble_at_first() {
    let fixture = Fixture::set().await;
    fixture.sim.fault("chat.postMessage", Fault::Status(500), 3);
    let running = fixture.run();
    fixture.alerts.raise("clocks_differ", "The text.");
    until(&fixture, 1).await;
    assert_eq!(of_alerts(&fixture.sim).len(), 1);
    running.stop().await;
}

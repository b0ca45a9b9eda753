//! The app's shortcuts: in Slack's menus, and of a message. Both open the form.

use slack_sim::{Submission, View};

use crate::support::fixture::{APPROVALS, Fixture, GENERAL, GUEST, INCIDENT, SCOPE, workspace};

const GLOBAL: &str = "request_access";
const MESSAGE: &str = "request_access_for_message";

/// What the form says as the reason when it opens.
fn reason(form: &View) -> String {
    let blocks = form.blocks().as_array().unwrap().iter();
    let mut inputs = blocks.filter(|block| block["block_id"] == "reason");
    let reason = &inputs.next().unwrap()["element"]["initial_value"];
    reason.as_str().unwrap_or_default().to_owned()
}

/// The address of a message, without the host.
fn address(channel: &str, ts: &str) -> String {
    format!(".slack.com/archives/{channel}/p{}", ts.replace('.', ""))
}

#[tokio::test]
async fn the_global_shortcut_opens_the_empty_form_over_http_and_over_sockets() {
    for fixture in [Fixture::start().await, Fixture::by_socket().await] {
        let alice = fixture.alice();
        alice.shortcut(GLOBAL).await;
        let form = fixture.in_time(|_| alice.modal()).await;
        assert_eq!(form.title(), "Request access");
        assert_eq!(reason(&form), "");
        assert!(fixture.kinds().await.is_empty());
    }
}

#[tokio::test]
async fn the_shortcut_of_a_message_puts_its_address_into_the_reason_and_nothing_that_it_says() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    let alarm = fixture
        .bob()
        .say(INCIDENT, "<!channel> disk *full* on db-prod:admin");
    alice.message_shortcut(&alarm, MESSAGE).await;
    let form = fixture.in_time(|_| alice.modal()).await;
    let linked = reason(&form);
    assert!(
        linked.starts_with("https://") && linked.ends_with(&address(INCIDENT, &alarm.ts)),
        "{linked}"
    );
    let whole = form.json().to_string();
    assert!(!whole.contains("disk") && !whole.contains("db-prod:admin"));
    assert!(fixture.kinds().await.is_empty());

    alice.suggest("scope", "prod wri").await;
    alice.select("scope", SCOPE).await;
    fixture
        .in_time(|_| alice.modal().filter(|form| form.says("dba")))
        .await;
    alice.fill("ticket", "ticket", "INC-77");
    assert!(matches!(alice.submit().await, Submission::Closed));
    let card = fixture
        .in_time(|sim| {
            let mut cards = sim.messages(APPROVALS).into_iter();
            cards.find(|card| card.says("INC-77"))
        })
        .await;
    assert!(
        card.says(&address(INCIDENT, &alarm.ts)),
        "{}",
        card.all_text()
    );
    // The message stands in an incident's channel, which follows the request.
    fixture
        .in_time(|sim| {
            let mut said = sim.messages(INCIDENT).into_iter();
            said.find(|message| message.says("Production database, write"))
        })
        .await;
}

#[tokio::test]
async fn where_the_app_is_installed_for_an_organisation_slack_names_the_address() {
    let workspace = workspace()
        .enterprise("E0ORG", "Example Org")
        .org_wide(true);
    let fixture = Fixture::of(workspace).await;
    let alice = fixture.alice();
    let message = fixture.bob().say(GENERAL, "writes are failing");
    let sent = alice.message_shortcut(&message, MESSAGE).await;
    assert!(sent.payload["team"].is_null());
    let form = fixture.in_time(|_| alice.modal()).await;
    let linked = reason(&form);
    assert!(linked.ends_with(&address(GENERAL, &message.ts)), "{linked}");
}

#[tokio::test]
async fn without_an_address_the_form_opens_all_the_same() {
    let workspace = workspace()
        .enterprise("E0ORG", "Example Org")
        .org_wide(true);
    let fixture = Fixture::of(workspace).await;
    let alice = fixture.alice();
    let message = fixture.bob().say(GENERAL, "writes are failing");
    let fault = slack_sim::Fault::Status(500);
    fixture.sim.fault("chat.getPermalink", fault, usize::MAX);
    alice.message_shortcut(&message, MESSAGE).await;
    let form = fixture.in_time(|_| alice.modal()).await;
    assert_eq!(reason(&form), "");
}

#[tokio::test]
async fn a_guest_is_told_no_and_gets_no_form() {
    let fixture = Fixture::start().await;
    let guest = fixture.person(GUEST);
    guest.shortcut(GLOBAL).await;
    fixture.told(GUEST, "full members").await;
    let message = fixture.bob().say(GENERAL, "writes are failing");
    guest.message_shortcut(&message, MESSAGE).await;
    fixture.answered(GUEST, "full members").await;
    assert!(guest.modal().is_none());
    assert!(!fixture.kinds().await.contains(&"requested".to_owned()));
}

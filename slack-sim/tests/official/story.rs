//! What people do and see while the app runs: the same over every SDK and transport.

use slack_sim::{DisconnectReason, Message, Signing, Sim, Submission};

use crate::app::App;

const CHANNEL: &str = "C0DBA";

/// A request from the command to the decision, then App Home and views upon views.
pub(crate) async fn play(app: &App) {
    let sim = &app.sim;
    let card = request(sim, "writes are failing").await;
    decide(sim, &card).await;
    refuse(sim).await;
    visit_home(sim).await;
    step_through(sim).await;
    let refused: Vec<_> = sim.calls().into_iter().filter(|call| !call.ok).collect();
    assert_eq!(refused, []);
    assert_eq!(sim.socket_complaints(), Vec::<String>::new());
}

/// Alice asks by command and form, the first time with a mistake; the answer is the card.
async fn request(sim: &Sim, reason: &str) -> Message {
    let alice = sim.person("U0ALICE");
    let told = alice.ephemerals().len();
    assert!(alice.command(CHANNEL, "/jit", "").await.is_ok());
    let hears = async |words: &str| {
        sim.wait_until(|_| {
            let mut heard = alice.ephemerals().into_iter().skip(told);
            heard.find(|answer| answer.text == words)
        })
        .await;
    };
    hears("Opening the form.").await;
    hears("The form is open.").await;

    let found = alice.suggest("scope", "data").await;
    let scopes = [
        ("Production database", "db-prod"),
        ("Staging database", "db-staging"),
    ];
    assert_eq!(found, scopes.map(|(text, id)| (text.into(), id.into())));
    alice.fill("reason", "reason", "please");
    assert!(alice.select("scope", "db-prod").await.is_ok());
    let updated = sim.wait_until(|_| alice.modal().filter(|form| form.says("Approved by")));
    let updated = updated.await;
    assert_eq!(updated.values()["reason"]["reason"]["value"], "please");

    let Submission::Errors(errors) = alice.submit().await else {
        panic!("a short reason was taken");
    };
    assert_eq!(errors["reason"], "Say more than that.");
    let before = sim.messages(CHANNEL).len();
    alice.fill("reason", "reason", reason);
    assert_eq!(alice.submit().await, Submission::Closed);
    assert_eq!(alice.modal(), None);
    let card = |sim: &Sim| {
        let mut new = sim.messages(CHANNEL).into_iter().skip(before);
        new.find(|message| message.buttons() == ["more", "approve", "deny"])
    };
    let card = sim.wait_until(card).await;
    let asked = format!("<@U0ALICE> asks for db-prod for 30m: {reason}");
    assert_eq!(card.text, asked);
    assert_eq!(card.metadata["event_payload"]["id"], "r1");
    card
}

/// Bob asks the card, approves, and clears away what only he was told.
async fn decide(sim: &Sim, card: &Message) {
    let bob = sim.person("U0BOB");
    assert!(bob.choose(card, "more", "approvers").await.is_ok());
    let chosen = |_: &Sim| {
        bob.ephemerals()
            .pop()
            .filter(|m| m.says("You chose approvers."))
    };
    sim.wait_until(chosen).await;

    assert!(bob.click(card, "approve").await.is_ok());
    let recorded = |_: &Sim| bob.ephemerals().pop().filter(|m| m.text == "Recorded.");
    let recorded = sim.wait_until(recorded).await;
    let now = sim.message(CHANNEL, &card.ts).unwrap();
    assert_eq!(now.text, "Approved by <@U0BOB>, r1.1");
    assert_eq!(now.buttons(), ["more"]);
    let thread = sim.thread(CHANNEL, &card.ts);
    assert_eq!(thread[1].text, "Granted.");

    assert!(bob.click(&recorded, "dismiss").await.is_ok());
    sim.wait_until(|_| (bob.ephemerals().len() == 1).then_some(()))
        .await;
}

/// Bob denies another request, by the response URL of his click.
async fn refuse(sim: &Sim) {
    let card = request(sim, "reads are failing").await;
    assert!(sim.person("U0BOB").click(&card, "deny").await.is_ok());
    let denied = |sim: &Sim| {
        let now = sim.message(CHANNEL, &card.ts)?;
        (now.text == "Denied by <@U0BOB>").then_some(now)
    };
    assert!(sim.wait_until(denied).await.buttons().is_empty());
}

/// Alice opens her App Home twice and presses a button in it.
async fn visit_home(sim: &Sim) {
    let alice = sim.person("U0ALICE");
    let shows = async |words: &str| {
        sim.wait_until(|_| alice.home().filter(|home| home.says(words)))
            .await
    };
    assert!(alice.open_home().await.unwrap().is_ok());
    shows("Here for the first time").await;
    assert!(alice.open_home().await.unwrap().is_ok());
    shows("Here again").await;
    assert!(alice.press_home("refresh").await.is_ok());
    shows("Refreshed").await;
}

/// Views are opened from App Home, pushed, updated, closed, and stepped through by submitting.
async fn step_through(sim: &Sim) {
    let alice = sim.person("U0ALICE");
    let shows = async |title: &str| {
        sim.wait_until(|_| alice.modal().filter(|modal| modal.title() == title))
            .await
    };
    assert!(alice.press_home("details").await.is_ok());
    let first = shows("First").await;
    assert!(alice.press("above").await.is_ok());
    let above = shows("Above").await;
    assert_eq!(above.json()["previous_view_id"], first.id());
    assert!(alice.press("count").await.is_ok());
    assert_eq!(shows("Counted").await.id(), above.id());
    assert!(alice.close_modal().await.unwrap().is_ok());
    sim.wait_until(|_| alice.dm().pop().filter(|m| m.text == "You closed one."))
        .await;

    assert_eq!(shows("First").await.id(), first.id());
    assert!(matches!(alice.submit().await, Submission::Updated(view) if view.title() == "Second"));
    assert!(matches!(alice.submit().await, Submission::Pushed(view) if view.title() == "Third"));
    assert_eq!(alice.submit().await, Submission::Cleared);
    assert_eq!(alice.modal(), None);
}

/// The SDK proves the app's address to Slack, and takes only what Slack has signed, lately.
pub(crate) async fn sign(app: &App) {
    let sim = &app.sim;
    let asked = sim.url_verification().await;
    let challenge = asked.payload["challenge"].as_str().unwrap();
    assert!(asked.is_ok() && asked.body.contains(challenge), "{asked:?}");

    let event = sim.person("U0ALICE").open_home().await.unwrap();
    assert!(event.is_ok());
    let now = event.at.timestamp();
    let json = [("content-type", "application/json")];
    for (signing, status) in [
        (Signing::Valid, 200),
        (Signing::At(now - 280), 200),
        (Signing::At(now - 320), 401),
        (Signing::WrongSecret, 401),
        (Signing::Missing, 401),
    ] {
        let sent = sim.raw(&event.path, &json, &event.sent, signing).await;
        assert_eq!(sent.status, status, "{signing:?}: {}", sent.body);
    }
}

/// The SDK opens another connection by itself, and goes on over it.
pub(crate) async fn reconnect(app: &App) {
    let sim = &app.sim;
    request(sim, "writes are failing").await;
    sim.disconnect(DisconnectReason::RefreshRequested);
    assert_eq!(sim.connections(), 0);
    sim.wait_until(|sim| (sim.connections() > 0).then_some(()))
        .await;
    request(sim, "reads are failing").await;
}

//! Asking in one line, in any order.

use crate::support::stage::{ALICE, APPROVALS, BOB, GENERAL, SCOPE, Stage};

#[tokio::test]
async fn the_parts_of_a_line_may_stand_in_any_order() {
    let lines = [
        "request db-prod:write 30m INC-4211 writes are failing",
        "request INC-4211 30m db-prod:write writes are failing",
        "request 30m db-prod:write \"writes are failing\" INC-4211",
        "request db-prod:write INC-4211 writes are failing 30m",
    ];
    for line in lines {
        let stage = Stage::start().await;
        let card = stage.asked(line).await;
        for words in [
            "Production database, write",
            "INC-4211",
            "writes are failing",
            "30m",
        ] {
            assert!(
                card.says(words),
                "{line}: {words} is missing in {}",
                card.all_text()
            );
        }
    }
}

#[tokio::test]
async fn the_requester_hears_whom_the_request_reaches() {
    let stage = Stage::start().await;
    stage.asked("request db-prod:write 45m INC-1 fix").await;
    stage.answered(ALICE, "C0DBA").await;
    stage.told(ALICE, SCOPE).await;
}

#[tokio::test]
async fn everybody_concerned_sees_the_login_that_receives_the_access() {
    let stage = Stage::start().await;
    let card = stage.asked("request db-prod:admin 15m fix").await;
    let logins = "`alice` on `console`, `alice` on `bastion`";
    assert!(card.says(&format!("Login: {logins}")), "{}", card.text);
    stage.told(ALICE, &format!("Login: {logins}.")).await;
    stage.audited(&format!("login {logins}")).await;
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_with_what_would_be_right() {
    let stage = Stage::start().await;
    for (line, words) in [
        ("request db-prod:write 2h INC-1 fix", "max-duration"),
        ("request db-prod:write 10s INC-1 fix", "1m"),
    ] {
        stage.jit(ALICE, line).await;
        stage.answered(ALICE, words).await;
    }
    assert!(stage.sim.messages(APPROVALS).is_empty());
    assert!(stage.kinds().await.is_empty());
}

#[tokio::test]
async fn a_person_without_a_verified_address_is_refused() {
    let stage = Stage::start().await;
    stage
        .sim
        .update_person(ALICE, |alice| alice.email = String::new());
    stage
        .jit(ALICE, "request db-prod:write 30m INC-1 fix")
        .await;
    stage.answered(ALICE, "email").await;
    assert!(stage.kinds().await.is_empty());
}

#[tokio::test]
async fn text_from_people_pings_nobody_and_fakes_nothing() {
    let stage = Stage::start().await;
    let hostile = "request db-prod:write 30m INC-1 <!channel> *Approved by* <@U0BOB> & more";
    let card = stage.asked(hostile).await;
    for call in stage.sim.calls_of("chat.postMessage") {
        let sent = call.args.to_string();
        assert!(!sent.contains("<!channel>"), "{sent}");
    }
    assert!(!card.says("<@U0BOB>"));
}

#[tokio::test]
async fn the_requester_takes_a_request_back() {
    let stage = Stage::start().await;
    let card = stage.asked("request db-prod:write 30m INC-1 fix").await;
    let asked = stage
        .sim
        .wait_until(|sim| {
            let dm = sim.dm(ALICE);
            dm.into_iter()
                .find(|message| message.buttons().contains(&"withdraw".to_owned()))
        })
        .await;
    stage.alice().click(&asked, "withdraw").await;
    let shown = stage.shows(&card, "ithdrawn").await;
    assert!(shown.buttons().is_empty());
}

#[tokio::test]
async fn a_typed_withdrawal_closes_the_pending_request_that_it_names() {
    for line in [
        "withdraw",
        "withdraw db-prod:write",
        "WITHDRAW DB-prod:Write",
    ] {
        let stage = Stage::start().await;
        let card = stage.asked("request db-prod:write 30m INC-1 fix").await;
        stage.jit(ALICE, line).await;
        let said = "Your request for `db-prod:write` is withdrawn.";
        stage.answered(ALICE, said).await;
        let shown = stage.shows(&card, "ithdrawn").await;
        assert!(shown.buttons().is_empty(), "{line}");
        assert_eq!(stage.kinds().await, ["requested", "withdrawn"], "{line}");
    }
}

#[tokio::test]
async fn of_several_pending_requests_only_the_one_that_is_named_is_withdrawn() {
    let stage = Stage::start().await;
    let write = stage.asked("request db-prod:write 30m INC-1 fix").await;
    let read = stage.asked("request db-prod:read 10m look").await;
    stage.jit(ALICE, "withdraw").await;
    let which = stage.answered(ALICE, "Type `/jit withdraw` and").await;
    assert!(which.says("• `db-prod:write`"), "{}", which.all_text());
    let id = request_id(&which.text, "db-prod:read");
    stage.jit(ALICE, &format!("withdraw {id}")).await;
    let said = "Your request for `db-prod:read` is withdrawn.";
    stage.answered(ALICE, said).await;
    stage.shows(&read, "ithdrawn").await;
    stage.bob().click(&write, "approve").await;
    stage.in_time(|_| stage.grants(ALICE).pop()).await;
}

#[tokio::test]
async fn nobody_withdraws_the_request_of_another_person() {
    let stage = Stage::start().await;
    stage.asked("request db-prod:write 30m INC-1 fix").await;
    stage.jit(ALICE, "status").await;
    let status = stage.answered(ALICE, "• `db-prod:write`").await;
    let id = request_id(&status.text, "db-prod:write");
    stage.jit(BOB, "withdraw").await;
    stage.answered(BOB, "You have no pending request.").await;
    stage.jit(BOB, &format!("withdraw {id}")).await;
    stage.answered(BOB, "Only the requester can do this").await;
    assert_eq!(stage.kinds().await, ["requested"]);
}

#[tokio::test]
async fn access_that_is_granted_is_not_withdrawn() {
    let stage = Stage::start().await;
    stage.granted("request db-prod:write 30m INC-1 fix").await;
    stage.jit(ALICE, "withdraw db-prod:write").await;
    let said = "You have no pending request for `db-prod:write`.";
    stage.answered(ALICE, said).await;
    assert!(stage.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn commands_in_any_channel_are_answered_privately() {
    let stage = Stage::start().await;
    stage.jit(ALICE, "help").await;
    stage.answered(ALICE, "/jit request").await;
    let heard = stage.person(BOB).sees(GENERAL);
    assert!(heard.is_empty(), "others hear: {heard:?}");
}

/// The id of the request for `scope` in a list of requests.
fn request_id<'a>(list: &'a str, scope: &str) -> &'a str {
    let line = list
        .lines()
        .find(|line| line.contains(&format!("• `{scope}`")));
    let id = line.and_then(|line| line.rsplit_once(" · `"));
    id.and_then(|(_, id)| id.strip_suffix('`'))
        .expect("a list names each request with its id")
}

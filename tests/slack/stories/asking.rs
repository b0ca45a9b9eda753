//! Asking in one line, in any order.

use futures_util::future::join_all;
use slack_sim::Message;

use crate::support::fixture::{ALICE, APPROVALS, BOB, Fixture, GENERAL, REQUEST, SCOPE};

#[tokio::test]
async fn the_parts_of_a_line_may_stand_in_any_order() {
    let lines = [
        "request db-prod:write 30m INC-4211 writes are failing",
        "request INC-4211 30m db-prod:write writes are failing",
        "request 30m db-prod:write \"writes are failing\" INC-4211",
        "request db-prod:write INC-4211 writes are failing 30m",
    ];
    for line in lines {
        let fixture = Fixture::start().await;
        let card = fixture.asked(line).await;
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
    let fixture = Fixture::start().await;
    fixture.asked("request db-prod:write 45m INC-1 fix").await;
    fixture.answered(ALICE, "C0DBA").await;
    fixture.told(ALICE, SCOPE).await;
}

#[tokio::test]
async fn everybody_concerned_sees_the_login_that_receives_the_access() {
    let fixture = Fixture::start().await;
    let card = fixture.asked("request db-prod:admin 15m fix").await;
    let logins = "`alice` on `console`, `alice` on `bastion`";
    assert!(card.says(&format!("Login: {logins}")), "{}", card.text);
    fixture.told(ALICE, &format!("Login: {logins}.")).await;
    fixture.audited(&format!("login {logins}")).await;
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_with_what_would_be_right() {
    let fixture = Fixture::start().await;
    for (line, words) in [
        ("request db-prod:write 2h INC-1 fix", "max-duration"),
        ("request db-prod:write 10s INC-1 fix", "1m"),
    ] {
        fixture.jit(ALICE, line).await;
        fixture.answered(ALICE, words).await;
    }
    assert!(fixture.sim.messages(APPROVALS).is_empty());
    assert!(fixture.kinds().await.is_empty());
}

#[tokio::test]
async fn a_person_without_a_verified_address_is_refused() {
    let fixture = Fixture::start().await;
    fixture
        .sim
        .update_person(ALICE, |alice| alice.email = String::new());
    fixture
        .jit(ALICE, "request db-prod:write 30m INC-1 fix")
        .await;
    fixture.answered(ALICE, "email").await;
    assert!(fixture.kinds().await.is_empty());
}

#[tokio::test]
async fn text_from_people_pings_nobody_and_fakes_nothing() {
    let fixture = Fixture::start().await;
    let hostile = "request db-prod:write 30m INC-1 <!channel> *Approved by* <@U0BOB> & more";
    let card = fixture.asked(hostile).await;
    for call in fixture.sim.calls_of("chat.postMessage") {
        let mut sent = call.args;
        // In these, Slack interprets nothing.
        if let Some(blocks) = sent["blocks"].as_array_mut() {
            blocks.retain(|block| block["type"] != "rich_text");
        }
        let sent = sent.to_string();
        assert!(!sent.contains("<!channel>"), "{sent}");
        assert!(!sent.contains("<@U0BOB>"), "{sent}");
    }
    assert!(!card.text.contains("<@U0BOB>"), "{}", card.text);
    // A mark of Slack's own in a command is read as what it shows.
    assert_eq!(quoted(&card), "!channel *Approved by* @U0BOB & more");
}

/// What the rich text of a card quotes.
fn quoted(card: &Message) -> String {
    let blocks = card.blocks.as_array().into_iter().flatten();
    let parts = blocks.filter_map(|block| block["elements"].as_array());
    let quotes = parts
        .flatten()
        .filter(|part| part["type"] == "rich_text_quote");
    let texts = quotes
        .filter_map(|quote| quote["elements"].as_array())
        .flatten();
    texts
        .map(|text| {
            assert_eq!(text["type"], "text", "{text}");
            text["text"].as_str().unwrap_or_default()
        })
        .collect()
}

#[tokio::test]
async fn what_is_typed_in_the_form_is_quoted_as_it_was_typed() {
    let fixture = Fixture::start().await;
    let typed = "one `line`\n> <!channel> *Approved by* <@U0BOB>\n```\n&amp; :lock: a_b\n```";
    let alice = fixture.alice();
    alice
        .command(GENERAL, "/jit", "request db-prod:write INC-77")
        .await;
    fixture.sim.wait_until(|_| alice.modal()).await;
    alice.fill("reason", "reason", typed);
    alice.submit().await;
    let card = fixture.open_card().await;
    assert_eq!(quoted(&card), typed);
    let zero_width = card.blocks.to_string().contains('\u{200b}');
    assert!(!zero_width, "{}", card.blocks);
}

#[tokio::test]
async fn the_requester_takes_a_request_back() {
    let fixture = Fixture::start().await;
    let card = fixture.asked("request db-prod:write 30m INC-1 fix").await;
    let asked = fixture
        .sim
        .wait_until(|sim| {
            let dm = sim.dm(ALICE);
            dm.into_iter()
                .find(|message| message.buttons().contains(&"withdraw".to_owned()))
        })
        .await;
    fixture.alice().click(&asked, "withdraw").await;
    let shown = fixture.shows(&card, "ithdrawn").await;
    assert!(shown.buttons().is_empty());
}

#[tokio::test]
async fn a_typed_withdrawal_closes_the_pending_request_that_it_names() {
    for line in [
        "withdraw",
        "withdraw db-prod:write",
        "WITHDRAW DB-prod:Write",
    ] {
        let fixture = Fixture::start().await;
        let card = fixture.asked("request db-prod:write 30m INC-1 fix").await;
        fixture.jit(ALICE, line).await;
        let said = "Your request for `db-prod:write` is withdrawn.";
        fixture.answered(ALICE, said).await;
        let shown = fixture.shows(&card, "ithdrawn").await;
        assert!(shown.buttons().is_empty(), "{line}");
        assert_eq!(fixture.kinds().await, ["requested", "withdrawn"], "{line}");
    }
}

#[tokio::test]
async fn of_several_pending_requests_only_the_one_that_is_named_is_withdrawn() {
    let fixture = Fixture::start().await;
    let write = fixture.asked("request db-prod:write 30m INC-1 fix").await;
    let read = fixture.asked("request db-prod:read 10m look").await;
    fixture.jit(ALICE, "withdraw").await;
    let which = fixture.answered(ALICE, "Type `/jit withdraw` and").await;
    assert!(
        which.says("*Pending* · `db-prod:write`"),
        "{}",
        which.all_text()
    );
    let id = request_id(&which.text, "db-prod:read");
    fixture.jit(ALICE, &format!("withdraw {id}")).await;
    let said = "Your request for `db-prod:read` is withdrawn.";
    fixture.answered(ALICE, said).await;
    fixture.shows(&read, "ithdrawn").await;
    fixture.bob().click(&write, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
}

#[tokio::test]
async fn nobody_withdraws_the_request_of_another_person() {
    let fixture = Fixture::start().await;
    fixture.asked("request db-prod:write 30m INC-1 fix").await;
    fixture.jit(ALICE, "status").await;
    let status = fixture.answered(ALICE, "*Pending* · `db-prod:write`").await;
    let id = request_id(&status.text, "db-prod:write");
    fixture.jit(BOB, "withdraw").await;
    fixture.answered(BOB, "You have no pending request.").await;
    fixture.jit(BOB, &format!("withdraw {id}")).await;
    fixture
        .answered(BOB, "Only the requester can do this")
        .await;
    assert_eq!(fixture.kinds().await, ["requested"]);
}

#[tokio::test]
async fn access_that_is_granted_is_not_withdrawn() {
    let fixture = Fixture::start().await;
    fixture.granted("request db-prod:write 30m INC-1 fix").await;
    fixture.jit(ALICE, "withdraw db-prod:write").await;
    let said = "You have no pending request for `db-prod:write`.";
    fixture.answered(ALICE, said).await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn the_same_request_again_offers_the_pending_one_to_withdraw() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.advance_minutes(18);
    for again in [
        REQUEST,
        "request db-prod:write 1h INC-4211 writes are still failing",
    ] {
        let offer = fixture.answer(ALICE, again).await;
        for words in [
            "You already have a pending request for `db-prod:write`",
            "lapses in 4",
        ] {
            assert!(offer.says(words), "{}", offer.text);
        }
        assert_eq!(fixture.kinds().await, ["requested"]);
    }
    let offer = fixture.answer(ALICE, REQUEST).await;
    fixture.jit(ALICE, offered(&offer.text, "withdraw")).await;
    fixture.answered(ALICE, "is withdrawn").await;
    fixture.shows(&card, "ithdrawn").await;
    fixture.asked(REQUEST).await;
}

#[tokio::test]
async fn one_line_that_is_typed_ten_times_at_once_is_one_request() {
    let fixture = Fixture::start().await;
    join_all((0..10).map(|_| fixture.jit(ALICE, "request db-prod:read 10m look"))).await;
    let alice = fixture.alice();
    fixture
        .in_time(|_| (alice.ephemerals().len() == 10).then_some(()))
        .await;
    let offers = alice.ephemerals();
    let offers = offers
        .iter()
        .filter(|told| told.says("You already have a pending request"));
    assert_eq!(offers.count(), 9);
    assert_eq!(fixture.kinds().await, ["requested"]);
}

#[tokio::test]
async fn the_same_request_again_offers_more_time_for_the_active_one() {
    // Also to a person who may hold nothing else beside it.
    let one =
        |config: &str| config.replace("max_active_per_person = 3", "max_active_per_person = 1");
    let fixture = Fixture::with(one, "").await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(10);
    let offer = fixture.answer(ALICE, REQUEST).await;
    for words in ["You already have `db-prod:write`", "ends in ", "up to "] {
        assert!(offer.says(words), "{}", offer.text);
    }
    fixture.answer(ALICE, offered(&offer.text, "extend")).await;
    fixture.until_logged("extension_requested", 1).await;
    let offer = fixture.answer(ALICE, REQUEST).await;
    assert!(
        offer.says("Your request for more time is pending."),
        "{}",
        offer.text
    );
    let kinds = fixture.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "requested").count(), 1);
}

#[tokio::test]
async fn the_same_request_again_is_another_grant_where_no_more_time_will_fit() {
    let fixture = Fixture::start().await;
    fixture.granted("request db-prod:write 1h INC-1 fix").await;
    fixture.advance_minutes(50);
    fixture.granted("request db-prod:write 1h INC-1 fix").await;
    fixture.advance_minutes(15);
    assert!(fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn commands_in_any_channel_are_answered_privately() {
    let fixture = Fixture::start().await;
    fixture.jit(ALICE, "help").await;
    fixture.answered(ALICE, "/jit request").await;
    let heard = fixture.person(BOB).sees(GENERAL);
    assert!(heard.is_empty(), "others hear: {heard:?}");
}

/// The id of the request for `scope` in a list of requests.
fn request_id<'a>(list: &'a str, scope: &str) -> &'a str {
    let line = list
        .lines()
        .find(|line| line.contains(&format!("* · `{scope}`")));
    let id = line.and_then(|line| line.rsplit_once(" · `"));
    id.and_then(|(_, id)| id.strip_suffix('`'))
        .expect("a list names each request with its id")
}

/// The command that begins with `command` in what somebody was told.
fn offered<'a>(told: &'a str, command: &str) -> &'a str {
    let typed = told.split("`/jit ").skip(1);
    let mut typed = typed.filter_map(|rest| rest.split_once('`'));
    let found = typed.find(|(line, _)| line.starts_with(command));
    found.expect("a command is offered").0
}

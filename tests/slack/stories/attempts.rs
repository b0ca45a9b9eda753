//! What somebody tries without the authority for it is in the log, and nothing else comes of it.

use serde_json::{Value, json};

use crate::support::fixture::{
    ALICE, APPROVALS, AUDIT, DAVE, Fixture, GUEST, REQUEST, SCOPE, STRANGER,
};

const REFUSED: &str = "attempt_refused";
const NOT_RECORDED: &str = "attempts_not_recorded";

/// Who tried, what the log says of it, and under which rules.
fn told(entry: &Value) -> (&str, &Value, &Value) {
    (
        entry["actor"].as_str().unwrap(),
        &entry["body"],
        &entry["rules"],
    )
}

async fn id_of_the_request(fixture: &Fixture) -> String {
    let log = fixture.log().await;
    log.first().unwrap().request_id.unwrap().to_string()
}

#[tokio::test]
async fn self_approval_and_a_colleague_without_authority_are_in_the_log_and_told() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let id = id_of_the_request(&fixture).await;
    fixture.alice().click(&card, "approve").await;
    fixture.noted(REFUSED, 1).await;
    fixture.person(DAVE).click(&card, "deny").await;
    fixture.noted(REFUSED, 2).await;
    fixture.jit(DAVE, "lock everything now").await;
    fixture.noted(REFUSED, 3).await;
    fixture.jit(GUEST, &format!("revoke {id} now")).await;

    let refused = fixture.noted(REFUSED, 4).await;
    let on = json!({"request": {"id": id, "scope": SCOPE}});
    let expected = [
        (
            "person:U0ALICE",
            &json!({"action": "approve", "on": on, "why": "self_approval"}),
            &json!(["no-self-approval"]),
        ),
        (
            "person:U0DAVE",
            &json!({"action": "deny", "on": on, "why": "no_authority"}),
            &json!(["approver-group"]),
        ),
        (
            "person:U0DAVE",
            &json!({"action": "lock", "on": "everything", "why": "no_authority"}),
            &json!(["administrators"]),
        ),
        (
            "person:U0GUEST",
            &json!({"action": "revoke", "on": null, "why": "not_a_member"}),
            &json!(["members-only"]),
        ),
    ];
    assert_eq!(refused.iter().map(told).collect::<Vec<_>>(), expected);
    for line in [
        format!(
            "refused: <@{ALICE}> tried to approve request `{id}` for `{SCOPE}`, but it is \
             their own request"
        ),
        format!("refused: <@{DAVE}> tried to lock everything, but isn't allowed to"),
    ] {
        fixture.audited(&line).await;
    }
    assert_eq!(fixture.kinds().await, ["requested"]);
}

#[tokio::test]
async fn an_attempt_of_a_member_of_another_company_is_in_the_log_alone() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let id = id_of_the_request(&fixture).await;
    fixture.share(APPROVALS, true);
    fixture.person(STRANGER).click(&card, "approve").await;
    let refused = fixture.noted(REFUSED, 1).await;
    let body = json!({
        "action": "approve",
        "on": {"request": {"id": id}},
        "why": "other_workspace",
        "team": "T0OTHER",
    });
    assert_eq!(told(&refused[0]), ("person:U0STRANGER", &body, &json!([])));
    // What is told next is told behind it.
    fixture.jit(DAVE, "lock everything now").await;
    fixture.audited("tried to lock everything").await;
    let lines = fixture.sim.messages(AUDIT);
    assert!(!lines.iter().any(|line| line.says(STRANGER)), "{lines:?}");
}

#[tokio::test]
async fn what_is_refused_for_another_reason_is_no_attempt() {
    let fixture = Fixture::start().await;
    for line in [
        "request db-prod:write 30m no ticket",
        "request db-prod:write 9h INC-4211 too long",
        "request nonsense:here 30m INC-4211 what",
        "done",
        "lock",
    ] {
        fixture.jit(ALICE, line).await;
    }
    // The next one is written behind what was before it.
    fixture.jit(ALICE, "lock everything now").await;
    let refused = fixture.noted(REFUSED, 1).await;
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0]["body"]["action"], "lock");
}

#[tokio::test]
async fn somebody_who_tries_again_and_again_is_recorded_up_to_a_limit() {
    let mut fixture = Fixture::start().await;
    for _ in 0..30 {
        fixture.answer(DAVE, "lock everything now").await;
    }
    fixture.noted(NOT_RECORDED, 1).await;
    // The limit is the log's, so a restart does not lift it.
    fixture.crash().await;
    fixture.boot().await;
    for _ in 0..3 {
        fixture.answer(DAVE, "lock everything now").await;
    }
    fixture.answer(ALICE, "lock everything now").await;
    let refused = fixture.noted(REFUSED, 21).await;
    let by = |who: &str| refused.iter().filter(|it| it["actor"] == who).count();
    assert_eq!((by("person:U0DAVE"), by("person:U0ALICE")), (20, 1));
    assert_eq!(fixture.noted_by_now(NOT_RECORDED).await.len(), 1);
    fixture
        .audited("<@U0DAVE> tried too many things that they aren't allowed to do")
        .await;

    fixture.advance_minutes(61);
    fixture.answer(DAVE, "lock everything now").await;
    fixture.noted(REFUSED, 22).await;
}

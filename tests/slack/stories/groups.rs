//! A user group that Slack does not know: what depends on it is refused by its name, and nothing
//! else is.

use crate::support::fixture::{ALICE, BOB, Fixture, SCOPE, SECURITY};

const GHOSTS: &str = "[groups]\nghosts = { slack_usergroup = \"S0GHOST\" }";

/// Members of `ghosts` may not ask for the lab.
const RULE: &str = r#"
@id("no-ghosts")
@reason("Ghosts may not use the lab.")
forbid (principal in Group::"ghosts", action, resource == Scope::"lab:use");
"#;

async fn until_degraded(fixture: &Fixture, alerts: &str) {
    let degraded = format!("\"degraded\":[{alerts}]");
    for _ in 0..1_000 {
        let (status, page) = fixture.page("/readyz").await;
        assert_eq!(status, 200, "{page}");
        if page.contains(&degraded) {
            return;
        }
        fixture.clock.advance(std::time::Duration::from_secs(5));
    }
    panic!("/readyz never says {degraded}");
}

#[tokio::test]
async fn a_group_of_a_rule_refuses_only_what_the_rule_is_about() {
    let fixture = Fixture::with(|config| config.replace("[groups]", GHOSTS), RULE).await;
    fixture.asked("request db-prod:read 10m look").await;
    let refused = fixture.answer(ALICE, "request lab:use 10m look").await;
    assert!(
        refused.says("depends on the group `ghosts`"),
        "{}",
        refused.text
    );
    fixture.audited("*Alert* `group_unavailable:ghosts`").await;
    until_degraded(&fixture, "\"group_unavailable:ghosts\"").await;
    let (_, metrics) = fixture.page("/metrics").await;
    let alert = r#"keylend_alert{alert="group_unavailable:ghosts"} 1"#;
    assert!(metrics.contains(alert), "{metrics}");

    // A rule may forbid something to its members, so an unknown group is not an empty one: only
    // once Slack says that Alice is not in it, she may ask.
    fixture.sim.add_group("S0GHOST", "ghosts", &[BOB]);
    until_degraded(&fixture, "").await;
    fixture
        .audited("*Cleared* `group_unavailable:ghosts`")
        .await;
    fixture.asked("request lab:use 10m look").await;
}

#[tokio::test]
async fn approvers_who_cannot_be_known_hold_up_neither_requests_nor_locks() {
    let fixture = Fixture::start().await;
    fixture.sim.remove_group("S0DBA");
    let card = fixture.asked("request db-prod:read 10m look").await;
    fixture.bob().click(&card, "approve").await;
    fixture.answered(BOB, "depends on the group `dba`").await;
    assert!(!fixture.admitted(ALICE, "db-prod:read").await);

    for line in [
        format!("lock {SCOPE} now"),
        "lock everything now".to_owned(),
    ] {
        let locked = fixture.end(SECURITY, &line).await;
        assert!(locked.says("is locked"), "{}", locked.all_text());
    }
    fixture.answer(SECURITY, "unlock everything").await;

    fixture.sim.add_group("S0DBA", "dba", &[BOB]);
    until_degraded(&fixture, "").await;
    fixture.bob().click(&card, "approve").await;
    fixture.told(ALICE, "Approved by").await;
}

//! A user group that Slack does not know: what depends on it is refused by its name, and nothing
//! else is.

use crate::support::stage::{ALICE, BOB, SCOPE, SECURITY, Stage};

const GHOSTS: &str = "[groups]\nghosts = { slack_usergroup = \"S0GHOST\" }";

/// Members of `ghosts` may not ask for the lab.
const RULE: &str = r#"
@id("no-ghosts")
@reason("Ghosts may not use the lab.")
forbid (principal in Group::"ghosts", action, resource == Scope::"lab:use");
"#;

async fn until_degraded(stage: &Stage, alerts: &str) {
    let degraded = format!("\"degraded\":[{alerts}]");
    for _ in 0..1_000 {
        let (status, page) = stage.page("/readyz").await;
        assert_eq!(status, 200, "{page}");
        if page.contains(&degraded) {
            return;
        }
        stage.clock.advance(std::time::Duration::from_secs(5));
    }
    panic!("/readyz never says {degraded}");
}

#[tokio::test]
async fn a_group_of_a_rule_refuses_only_what_the_rule_is_about() {
    let stage = Stage::with(|config| config.replace("[groups]", GHOSTS), RULE).await;
    stage.asked("request db-prod:read 10m look").await;
    let refused = stage.answer(ALICE, "request lab:use 10m look").await;
    assert!(
        refused.says("depends on the group `ghosts`"),
        "{}",
        refused.text
    );
    stage.audited("*Alert* `group_unavailable:ghosts`").await;
    until_degraded(&stage, "\"group_unavailable:ghosts\"").await;
    let (_, metrics) = stage.page("/metrics").await;
    let alert = r#"keylend_alert{alert="group_unavailable:ghosts"} 1"#;
    assert!(metrics.contains(alert), "{metrics}");

    // A rule may forbid something to its members, so an unknown group is not an empty one: only
    // once Slack says that Alice is not in it, she may ask.
    stage.sim.add_group("S0GHOST", "ghosts", &[BOB]);
    until_degraded(&stage, "").await;
    stage.audited("*Cleared* `group_unavailable:ghosts`").await;
    stage.asked("request lab:use 10m look").await;
}

#[tokio::test]
async fn approvers_who_cannot_be_known_hold_up_neither_requests_nor_locks() {
    let stage = Stage::start().await;
    stage.sim.remove_group("S0DBA");
    let card = stage.asked("request db-prod:read 10m look").await;
    stage.bob().click(&card, "approve").await;
    stage.answered(BOB, "depends on the group `dba`").await;
    assert!(!stage.admitted(ALICE, "db-prod:read").await);

    let locked = stage.answer(SECURITY, &format!("lock {SCOPE} now")).await;
    assert!(locked.says("is locked"), "{}", locked.text);
    let locked = stage.answer(SECURITY, "lock everything now").await;
    assert!(locked.says("is locked"), "{}", locked.text);
    stage.answer(SECURITY, "unlock everything").await;

    stage.sim.add_group("S0DBA", "dba", &[BOB]);
    until_degraded(&stage, "").await;
    stage.bob().click(&card, "approve").await;
    stage.told(ALICE, "Approved by").await;
}

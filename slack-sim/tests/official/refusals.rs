//! What an SDK makes of the Web API's answers, and above all of its refusals.

use slack_sim::Fault;

use crate::app::App;

/// What both apps report, line by line.
const REPORT: &str = "\
used trigger: exchanged_trigger_id
stale view: hash_conflict
view: invalid_arguments [ERROR] missing required field: title [json-pointer:/view]
wrong token: invalid_auth
no token: not_authed
unknown method: unknown_method
waits when told to: Alice Liddell
is told how long: 7
tries anew when cut off: dba-approvals true
email: bob@example.com
stranger: true false
people: U0ALICE U0BOB U0GONE U0GUS U0KEYLEND USLACKBOT
members: U0ALICE U0BOB U0GUS U0KEYLEND U0SUE
groups: dba U0BOB
group: U0BOB
a direct message has a channel of its own: true
link: true
blocks: invalid_blocks [ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]
nothing: no_text
nowhere: channel_not_found
archived: is_archived
not a member: not_in_channel
long: msg_too_long";

/// The app calls, and says what it understood; Slack has a bad day meanwhile.
pub(crate) async fn check(app: &App) {
    let sim = &app.sim;
    let limited = |retry_after_secs| Fault::RateLimited { retry_after_secs };
    sim.fault("users.info", limited(1), 1);
    sim.fault("users.list", limited(7), 1);
    sim.fault("conversations.info", Fault::Drop, 1);

    let alice = sim.person("U0ALICE");
    assert!(alice.command("C0DBA", "/jit", "check").await.is_ok());
    let report = sim.wait_until(|_| alice.ephemerals().pop()).await;
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&report.text), lines(REPORT));
    assert_eq!(sim.arrivals("conversations.info"), 2);

    let asked = sim.calls_of("users.info");
    let waited = asked[1].at - asked[0].at;
    assert!(waited.num_milliseconds() >= 1000, "{waited}");
}

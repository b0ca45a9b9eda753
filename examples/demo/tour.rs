//! The guided tour on the demo's page: what to try, as whom, and what to look at.
//!
//! A step is done when somebody sees what it waits for. It waits for buttons and symbols rather than
//! sentences, which change more often.

use slack_sim::{Beside, Page, Start, Step};

use crate::company::{self, ALICE, APPROVALS, AUDIT, BOB, DANA, GIL, INCIDENT};

/// The page, with the console at `console` beside it.
pub fn page(console: String) -> Page {
    Page {
        title: "Keylend demo".to_owned(),
        beside: Some(Beside {
            title: "Production console".to_owned(),
            url: console,
        }),
        start: Some(Start {
            person: ALICE.to_owned(),
            channel: INCIDENT.to_owned(),
        }),
        roles: company::roles().collect(),
        tour: tour(),
    }
}

fn tour() -> Vec<Step> {
    vec![
        Step::new(
            "Request access",
            "You are Alice, on call. Orders are stuck, and the production console is locked. Choose \
             Show me, and press Enter to send this line.",
        )
        .shows(ALICE, INCIDENT)
        .types("/jit request db-prod:write 30m INC-4211 writes are failing")
        .until(BOB, "Approve 30m"),
        Step::new(
            "Try to approve your own request",
            "You are still Alice. Press Approve on your request in #approvals. Keylend refuses: \
             nobody can approve their own request, and no policy can allow it.",
        )
        .shows(ALICE, APPROVALS)
        .until(ALICE, "approve or deny your own request"),
        Step::new(
            "Try it as a guest",
            "You are Gil, a guest. You see the channel, and Slack lets you press its buttons. Press \
             Approve. Keylend checks who you are, and refuses.",
        )
        .shows(GIL, APPROVALS)
        .until(GIL, "full member"),
        Step::new(
            "Approve it as Bob",
            "You are Bob, an approver. Press Approve. Keylend grants Alice the role app_writer in \
             the database.",
        )
        .shows(BOB, APPROVALS)
        .until(ALICE, "I'm done"),
        Step::new(
            "Use the access",
            "The production console is open for Alice, and only for her. It checks with Keylend on \
             every visit. Below it, you see who has access, until when, and who approved it.",
        )
        .beside(),
        Step::new(
            "See the warning before the end",
            "Alice has 30 minutes. Skip ahead until Keylend warns her, 3 minutes before the end. Her \
             messages with Keylend show the warning.",
        )
        .shows(ALICE, "dm")
        .skips([10, 10, 5, 1, 1, 1])
        .until(ALICE, ":alarm_clock:"),
        Step::new(
            "Let the access end",
            "Skip the last minutes. At the end, the console locks. Keylend revokes the role, and \
             tells Alice when it has confirmed that the role is gone.",
        )
        .shows(ALICE, "dm")
        .skips([1, 1, 1])
        .until(ALICE, ":lock:"),
        Step::new(
            "Request a password",
            "For this scope, Keylend creates a login that exists only during the grant. Send this \
             line as Alice.",
        )
        .shows(ALICE, INCIDENT)
        .types("/jit request db-prod:read 15m INC-4211 count the failed orders")
        .until(BOB, "Approve 15m"),
        Step::new(
            "Show the password",
            "Press Approve as Bob. Then act as Alice, open Keylend under Apps, and press Show \
             credentials. Only Alice has that button, and only she sees the password.",
        )
        .shows(BOB, APPROVALS)
        .until(ALICE, "Password"),
        Step::new(
            "Lock everything",
            "You are Dana, an administrator, and you suspect an attack. Send this line, and confirm \
             it. Keylend revokes all access and refuses new requests.",
        )
        .shows(DANA, INCIDENT)
        .types("/jit lock everything we are under attack")
        .until(DANA, ":rotating_light:"),
        Step::new(
            "Unlock",
            "The attack is over. Send this line as Dana. People can request access again. What the \
             lock revoked stays revoked.",
        )
        .shows(DANA, INCIDENT)
        .types("/jit unlock everything")
        .until(DANA, ":unlock:"),
        Step::new(
            "Read the audit log",
            "#audit shows every step: who had what, when, who approved it, and which rule allowed \
             it. The log behind it is hash-chained, so a change shows.",
        )
        .shows(BOB, AUDIT),
        Step::new(
            "Explore on your own",
            "Type /jit to open the form, or /jit help. A rule grants logs:read immediately. \
             console:admin needs two approvals. Erin is not on call and can't request any of it. \
             Stella works for another company: Keylend posts nothing in the channel that she reads.",
        )
        .shows(ALICE, INCIDENT)
        .types("/jit"),
    ]
}

//! The guided tour that the demo's page shows: what to try, as whom, and what to look at.

use slack_sim::{Beside, Page, Start, Step};

use crate::company::{ALICE, APPROVALS, AUDIT, BOB, GIL, INCIDENT};

/// The page, with the console at `console` beside it.
pub fn page(console: String) -> Page {
    Page {
        title: "Keylend on your desk".to_owned(),
        beside: Some(Beside {
            title: "Production console".to_owned(),
            url: console,
        }),
        start: Some(Start {
            person: ALICE.to_owned(),
            channel: INCIDENT.to_owned(),
        }),
        tour: tour(),
    }
}

fn tour() -> Vec<Step> {
    vec![
        Step::new(
            "Ask",
            "Orders are stuck, and the console on the right is shut. You are Alice, on call. Ask \
             for it in the incident's channel, in one line.",
        )
        .shows(ALICE, INCIDENT)
        .types("/jit request console:enter 30m INC-4211 writes are failing")
        .until(BOB, "Access request"),
        Step::new(
            "Approve it yourself",
            "Still as Alice, press Approve on your own request in #approvals. Nobody decides on \
             their own request, and no rule that anybody writes can allow it.",
        )
        .shows(ALICE, APPROVALS)
        .until(ALICE, "approve or deny your own request"),
        Step::new(
            "Let a guest try",
            "Gil is a guest, but he sees the channel, and Slack lets him press its buttons. Who \
             pressed is checked at the moment of the press.",
        )
        .shows(GIL, APPROVALS)
        .until(GIL, "full members"),
        Step::new(
            "Approve it as Bob",
            "Bob leads the platform team and may approve. Press Approve, and look at the console: \
             its door asks Keylend at every visit.",
        )
        .shows(BOB, APPROVALS)
        .until(ALICE, "You have"),
        Step::new(
            "See what you hold",
            "Alice's Home says what she holds and until when, and what is past. Bob's says what \
             waits for him.",
        )
        .shows(ALICE, "home")
        .until(ALICE, "Your access"),
        Step::new(
            "Let time pass",
            "Skip ahead, ten minutes at a time, and watch the countdown: Alice is warned before \
             the end, and at the minute it ends the door shuts, whether or not anybody remembers. \
             Or press I'm done to give it back early.",
        )
        .shows(ALICE, "dm")
        .until(ALICE, "has ended"),
        Step::new(
            "Read what happened",
            "Every step is in #audit, and in a log that nobody can change unseen: who had what, \
             when, by whose word, under which rule.",
        )
        .shows(BOB, AUDIT),
        Step::new(
            "Go on by yourself",
            "Type /jit alone for the form. logs:read is granted at once by a rule; console:admin \
             needs two approvals. Ask as Erin, who is not on call. Ask in #inc-4212-partner, which \
             Stella of another company reads: nothing is told there. Try /jit help.",
        )
        .shows(ALICE, INCIDENT)
        .types("/jit"),
    ]
}

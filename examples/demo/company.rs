//! Who and what there is in the demo's Slack: a small company in the middle of an incident.

use anyhow::Context;
use slack_sim::{Channel, Person, Workspace};

pub const ALICE: &str = "U0ALICE";
pub const BOB: &str = "U0BOB";
pub const CAROL: &str = "U0CAROL";
pub const ERIN: &str = "U0ERIN";
pub const GIL: &str = "U0GIL";
pub const STELLA: &str = "U0STELLA";

pub const APPROVALS: &str = "C0APPROVALS";
pub const AUDIT: &str = "C0AUDIT";
pub const INCIDENT: &str = "C0INC4211";
const PARTNER: &str = "C0INC4212";

/// The manifest that a real workspace would install: the demo's Slack grants no more than it asks.
const MANIFEST: &str = include_str!("../../manifest.yml");

/// Alice is on call and may ask; Bob and Carol approve; Erin is an engineer without rights, Gil a
/// guest, and Stella works for another company, which shares the channel of another incident: what is
/// asked for there is not told there.
pub fn workspace() -> anyhow::Result<Workspace> {
    let colleagues = [ALICE, BOB, CAROL, ERIN];
    let workspace = Workspace::new()
        .team("T0ACME", "acme")
        .manifest(MANIFEST)
        .context("the manifest cannot be read")?
        .rate_limits(true)
        .person(Person::member(ALICE, "alice").real_name("Alice Example"))
        .person(Person::member(BOB, "bob").real_name("Bob Example"))
        .person(Person::member(CAROL, "carol").real_name("Carol Example"))
        .person(Person::member(ERIN, "erin").real_name("Erin Example"))
        .person(Person::guest(GIL, "gil").real_name("Gil Guest"))
        .person(Person::stranger(STELLA, "stella", "T0PARTNER").real_name("Stella Stranger"))
        .group("S0ONCALL", "oncall", [ALICE])
        .group("S0PLATFORM", "platform-leads", [BOB, CAROL])
        .channel(Channel::new(
            INCIDENT,
            "inc-4211-orders-stuck",
            colleagues.into_iter().chain([GIL]),
        ))
        .channel(Channel::new(
            APPROVALS,
            "approvals",
            colleagues.into_iter().chain([GIL]),
        ))
        .channel(
            Channel::new(
                PARTNER,
                "inc-4212-partner",
                colleagues.into_iter().chain([STELLA]),
            )
            .shared(),
        )
        .channel(Channel::new(AUDIT, "audit", [BOB, CAROL]).private());
    Ok(workspace)
}

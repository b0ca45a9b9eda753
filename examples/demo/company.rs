//! Who and what there is in the demo's Slack: a small company during an incident.

use anyhow::Context;
use slack_sim::{Channel, Person, Workspace};

pub const ALICE: &str = "U0ALICE";
pub const BOB: &str = "U0BOB";
pub const CAROL: &str = "U0CAROL";
pub const DANA: &str = "U0DANA";
pub const ERIN: &str = "U0ERIN";
pub const GIL: &str = "U0GIL";
pub const STELLA: &str = "U0STELLA";

pub const APPROVALS: &str = "C0APPROVALS";
pub const AUDIT: &str = "C0AUDIT";
pub const INCIDENT: &str = "C0INC4211";
const PARTNER: &str = "C0INC4212";

/// The login in the database with which a visitor can connect: Alice's.
pub const DATABASE_USER: &str = "alice";

/// The manifest that a real workspace installs: the demo's Slack grants only what it asks for.
const MANIFEST: &str = include_str!("../../manifest.yml");

/// The full members: id, login, name, and what they do.
static MEMBERS: [(&str, &str, &str, &str); 5] = [
    (ALICE, DATABASE_USER, "Alice Example", "on call"),
    (BOB, "bob", "Bob Example", "approver"),
    (CAROL, "carol", "Carol Example", "approver"),
    (DANA, "dana", "Dana Example", "admin"),
    (ERIN, "erin", "Erin Example", "engineer"),
];

/// Alice is on call and can request access. Bob and Carol approve. Dana administers Keylend: she can
/// lock and unlock. Erin is an engineer without rights, and Gil is a guest. Stella works for another
/// company, which shares the channel of another incident: Keylend posts nothing there.
pub fn workspace() -> anyhow::Result<Workspace> {
    let colleagues = || MEMBERS.iter().map(|(id, ..)| *id);
    let mut workspace = Workspace::new()
        .team("T0ACME", "acme")
        .manifest(MANIFEST)
        .context("the manifest cannot be read")?
        .rate_limits(true);
    for (id, login, name, _) in MEMBERS {
        workspace = workspace.person(Person::member(id, login).real_name(name));
    }
    Ok(workspace
        .person(Person::guest(GIL, "gil").real_name("Gil Guest"))
        .person(Person::stranger(STELLA, "stella", "T0PARTNER").real_name("Stella Stranger"))
        .group("S0ONCALL", "oncall", [ALICE])
        .group("S0PLATFORM", "platform-leads", [BOB, CAROL])
        .group("S0ADMINS", "keylend-admins", [DANA])
        .channel(Channel::new(
            INCIDENT,
            "inc-4211-orders-stuck",
            colleagues().chain([GIL]),
        ))
        .channel(Channel::new(
            APPROVALS,
            "approvals",
            colleagues().chain([GIL]),
        ))
        .channel(Channel::new(PARTNER, "inc-4212-partner", colleagues().chain([STELLA])).shared())
        .channel(Channel::new(AUDIT, "audit", [BOB, CAROL, DANA]).private()))
}

/// What the full members do, by their ids.
pub fn roles() -> impl Iterator<Item = (String, String)> {
    let roles = MEMBERS.iter();
    roles.map(|(id, _, _, role)| ((*id).to_owned(), (*role).to_owned()))
}

/// The logins of the full members.
pub fn logins() -> impl Iterator<Item = &'static str> {
    MEMBERS.iter().map(|(_, login, ..)| *login)
}

/// What somebody is called; the id of somebody unknown.
pub fn name(id: &str) -> &str {
    let member = MEMBERS.iter().find(|(known, ..)| *known == id);
    member.map_or(id, |(_, _, name, _)| *name)
}

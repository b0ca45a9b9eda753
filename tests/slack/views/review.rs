//! The card of a break-glass: who took what and why, and who has signed off with which note.

use std::collections::BTreeMap;

use keylend::{
    domain::{
        Actor, ChannelId, Command, GroupName, Human, Parties, PlannedGrant, PlannedReview, RuleId,
        UserId,
    },
    presentation::Place,
    slack::{client::Message, view::card::card},
};

use super::{
    CONTEXT,
    story::{Story, terms},
};

/// Access that was taken by break-glass, for this reason if one is given.
pub(super) fn broken(reason: Option<&str>) -> Story {
    let rule = RuleId::new("oncall-break-glass");
    Story::begin(terms(reason), 1).after(
        1,
        Command::Approve {
            by: Actor::Rule(rule.clone()),
            rules: vec![rule],
            revision: 1,
            parties: Parties::default(),
            grant: PlannedGrant {
                review: Some(PlannedReview {
                    reviewers: [GroupName::new("security")].into(),
                    channel: ChannelId::new("C0SECURITY"),
                }),
                ..PlannedGrant::default()
            },
        },
    )
}

fn signed_off(story: &Story, by: &str, note: &str) -> Story {
    let command = Command::SignOff {
        by: UserId::new(by),
        human: Human::default(),
        requester: Human::default(),
        earlier: BTreeMap::new(),
        note: note.to_owned(),
    };
    story.after(1, command)
}

fn shown(story: &Story) -> (Message, bool) {
    let message = card(Place::Review, &story.request, &CONTEXT).unwrap();
    let blocks = serde_json::to_string(&message.blocks).unwrap();
    let has_button = blocks.contains("\"sign_off\"");
    (message, has_button)
}

#[test]
fn a_review_card_shows_the_progress_and_each_note_escaped() {
    let begun = broken(None);
    let (message, has_button) = shown(&begun);
    assert!(
        message.text.contains("used break-glass for"),
        "{}",
        message.text
    );
    assert!(
        message.text.contains("0 of 2") && has_button,
        "{}",
        message.text
    );

    let once = signed_off(&begun, "U0SEC", "<!channel> I read it");
    let (message, has_button) = shown(&once);
    assert!(
        message.text.contains("1 of 2") && has_button,
        "{}",
        message.text
    );
    assert!(
        message.text.contains("Signed off by <@U0SEC>"),
        "{}",
        message.text
    );
    assert!(!message.text.contains("<!channel>"), "{}", message.text);

    let (message, has_button) = shown(&signed_off(&once, "U0CAROL", "Me too"));
    assert!(
        message.text.contains("Reviewed") && !has_button,
        "{}",
        message.text
    );
}

#[test]
fn what_was_approved_has_no_review_card() {
    let story = Story::begin(terms(None), 1).approve("U0BOB");
    assert!(card(Place::Review, &story.request, &CONTEXT).is_none());
}

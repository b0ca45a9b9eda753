//! What approvers are told of requests that wait for them, beside the card.

use keylend::{
    domain::UserId,
    slack::view::notification::{Mention, Waiting, in_channel, in_person},
};

use super::{
    story::{Story, terms},
    with_short_times,
};

fn waiting(story: &Story, is_reminder: bool) -> Waiting {
    let link = "https://acme.slack.com/archives/C0DBA/p1?a=1&b=2|3";
    Waiting {
        request: story.request.clone(),
        is_reminder,
        link: Some(link.parse().unwrap()),
    }
}

#[test]
fn approvers_read_what_waits_for_them_and_until_when() {
    let pending = Story::begin(terms(None), 1);
    let mentions = [
        Mention::Group("S0DBA".to_owned()),
        Mention::Person(UserId::new("U0CAROL")),
    ];
    let (first, again) = (waiting(&pending, false), waiting(&pending, true));
    let two = [first.clone(), again.clone()];
    let said = [
        in_channel(&mentions, &two[..1]),
        in_channel(&[], &two[1..]),
        in_channel(&mentions, &two),
        in_person(&two[..1]),
        in_person(&two[1..]),
        in_person(&two),
    ];
    insta::assert_snapshot!(with_short_times(&said.join("\n")), @"
    <!subteam^S0DBA> <@U0CAROL> `db-prod:write` for 30m is waiting for your approval until ‹11:00›.
    :bell: Reminder: `db-prod:write` for 30m is still waiting for approval until ‹11:00›.
    <!subteam^S0DBA> <@U0CAROL> :bell: 2 requests are waiting for approval:
    • `db-prod:write` for 30m until ‹11:00› · <https://acme.slack.com/archives/C0DBA/p1?a=1&amp;b=2%7C3|Open>
    • `db-prod:write` for 30m until ‹11:00› · <https://acme.slack.com/archives/C0DBA/p1?a=1&amp;b=2%7C3|Open>
    :bell: A request is waiting for your approval until ‹11:00›: <@U0ALICE> · `db-prod:write` for 30m · <https://acme.slack.com/archives/C0DBA/p1?a=1&amp;b=2%7C3|Open>
    :bell: Reminder: a request is still waiting for your approval until ‹11:00›: <@U0ALICE> · `db-prod:write` for 30m · <https://acme.slack.com/archives/C0DBA/p1?a=1&amp;b=2%7C3|Open>
    :bell: 2 requests are waiting for your approval:
    • <@U0ALICE> · `db-prod:write` for 30m until ‹11:00› · <https://acme.slack.com/archives/C0DBA/p1?a=1&amp;b=2%7C3|Open>
    • <@U0ALICE> · `db-prod:write` for 30m until ‹11:00› · <https://acme.slack.com/archives/C0DBA/p1?a=1&amp;b=2%7C3|Open>
    ");
    let more = pending.approve("U0BOB").active().more_time();
    let more = in_channel(&[], &[waiting(&more, false)]);
    let begin = "15m more of `db-prod:write` is waiting for your approval until";
    assert!(more.starts_with(begin), "{more}");
}

#[test]
fn a_message_about_a_thousand_requests_is_short() {
    let hostile = "<!channel> *x* `y`";
    let pending = waiting(&Story::begin(terms(Some(hostile)), 1), false);
    let many = vec![pending; 1_000];
    for said in [in_channel(&[], &many), in_person(&many)] {
        assert!(said.contains("1000 requests are waiting"), "{said}");
        assert!(said.ends_with("• and 990 more"), "{said}");
        assert!(said.len() < 4_000 && !said.contains("<!channel>"), "{said}");
    }
}

//! Lines about entries that no decision rests on: approver groups and refused attempts.

use std::collections::BTreeSet;

use keylend::{
    domain::{
        Actor, AttemptEvent, Attempted, AttemptedOn, GroupEvent, GroupListedIn, GroupName,
        GroupRead, NotAllowed, RequestId, Span, TeamId, Time, UserId, Username,
    },
    slack::view::line::lock_line,
    store::EntryBody,
};

use super::{entry_of, story, with_short_times};

#[test]
fn lines_of_approver_groups_name_who_joined_and_left() {
    let event = |members: &[String], minutes, source, known: Option<&GroupEvent>| {
        let members: BTreeSet<UserId> = members.iter().map(UserId::new).collect();
        let read = GroupRead {
            group: GroupName::new("dba`<!channel>"),
            source,
            read_at: Span::minutes(minutes).after(Time::UNIX_EPOCH),
        };
        GroupEvent::of(known, read, (&members).into()).unwrap()
    };
    let slack = || GroupListedIn::SlackUsergroup("S0DBA".to_owned());
    let people = |from: usize, to: usize| (from..to).map(|it| format!("U{it:03}"));
    let people = |from, to| people(from, to).collect::<Vec<_>>();
    let first = event(&people(0, 2), 0, slack(), None);
    let next = event(&people(1, 3), 1, slack(), Some(&first));
    let many = event(&people(3, 50), 2, slack(), Some(&next));
    let moved = event(&people(3, 50), 3, GroupListedIn::Configuration, Some(&many));
    let large = event(&people(0, 300), 4, slack(), Some(&moved));
    let line = |event| lock_line(&entry_of(EntryBody::Group(event), Actor::Keylend));
    assert_eq!(line(first), None, "the first reading is no change");
    let lines: Vec<String> = [next, many, moved, large]
        .map(|it| line(it).unwrap())
        .into();
    insta::assert_snapshot!(with_short_times(&lines.join("\n")));
}

#[test]
fn a_line_of_an_approver_group_that_has_a_schedule_says_which() {
    let changed = |source: GroupListedIn| {
        let event = |members: BTreeSet<UserId>, minutes, known: Option<&GroupEvent>| {
            let read = GroupRead {
                group: GroupName::new("oncall"),
                source: source.clone(),
                read_at: Span::minutes(minutes).after(Time::UNIX_EPOCH),
            };
            GroupEvent::of(known, read, (&members).into()).unwrap()
        };
        let first = event(BTreeSet::new(), 0, None);
        let next = event([UserId::new("U0ALICE")].into(), 1, Some(&first));
        lock_line(&entry_of(EntryBody::Group(next), Actor::Keylend)).unwrap()
    };
    let schedules = |ids: &[&str]| {
        GroupListedIn::PagerDutySchedules(ids.iter().map(ToString::to_string).collect())
    };
    for (source, words) in [
        (schedules(&["PI7DH85"]), "PagerDuty schedule `PI7DH85`"),
        (
            schedules(&["PI7DH85", "PZZZZZZ"]),
            "PagerDuty schedules `PI7DH85, PZZZZZZ`",
        ),
        (
            GroupListedIn::ICalendar("calendar.example.com".to_owned()),
            "calendar at `calendar.example.com`",
        ),
    ] {
        let line = changed(source);
        assert!(line.ends_with(words), "{line}");
    }
}

#[test]
fn lines_of_refused_attempts_name_what_was_tried_and_why_not() {
    let refused = |action, on, why, team: Option<&str>| {
        let team = team.map(TeamId::new);
        let event = AttemptEvent::AttemptRefused {
            action,
            on,
            why,
            team,
        };
        lock_line(&entry_of(
            EntryBody::Attempt(event),
            Actor::Person(story::bob()),
        ))
    };
    let (id, scope) = (
        RequestId::new(Time::UNIX_EPOCH, 1),
        "db-prod:write".parse().unwrap(),
    );
    let request = Some(AttemptedOn::Request {
        id,
        scope: Some(scope),
    });
    let login = Some(AttemptedOn::Login(Username::new("<!channel>")));
    let person = Some(AttemptedOn::Person(story::alice()));
    let last = |actor| {
        let event = AttemptEvent::AttemptsNotRecorded {
            until: Time::UNIX_EPOCH,
            team: None,
        };
        lock_line(&entry_of(EntryBody::Attempt(event), actor))
    };
    let lines = [
        refused(Attempted::Approve, request, NotAllowed::SelfApproval, None),
        refused(Attempted::Release, login, NotAllowed::NoAuthority, None),
        refused(Attempted::Lock, person, NotAllowed::NotAMember, None),
        refused(Attempted::Other, None, NotAllowed::NotTheRequester, None),
        last(Actor::Person(story::bob())),
        last(Actor::Keylend),
    ];
    let lines: Vec<String> = lines.map(Option::unwrap).into();
    insta::assert_snapshot!(with_short_times(&lines.join("\n")));
    let outsider = refused(
        Attempted::Approve,
        None,
        NotAllowed::OtherWorkspace,
        Some("T0OTHER"),
    );
    assert_eq!(
        outsider, None,
        "what people of other companies try is in the log alone"
    );
}

//! What PagerDuty may answer, and what is made of it. The stories of `tests/slack/stories/oncall.rs` say
//! what follows for people.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::{collections::BTreeSet, fs, sync::Arc};

use async_trait::async_trait;
use keylend::{
    directory::{
        Confirmed, Directory, FactsUnavailable, Feed, GroupSource, Identities, PagerDuty,
        PeopleSource, Profile, Schedule, Schedules,
    },
    domain::{Email, GroupListedIn, GroupName, Standing, UserId},
    secret::Secret,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    clock::TestClock,
    pagerduty::{self, Answer, SCHEDULE, shift},
};

const TOKEN: &str = "a-pagerduty-token-of-the-tests";

/// Everybody of example.com has an account, which is called as its address.
struct Everybody;

fn profile(email: &str) -> Profile {
    Profile {
        id: UserId::new(email.split('@').next().unwrap().to_uppercase()),
        name: email.to_owned(),
        standing: Standing::Member,
        email: Some(Email::new(email)),
        confirmed: Confirmed::Yes,
        time_zone: None,
    }
}

#[async_trait]
impl PeopleSource for Everybody {
    async fn profile(&self, _: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        Ok(None)
    }

    async fn usergroup(&self, _: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        Ok(BTreeSet::new())
    }

    async fn by_address(&self, email: &Email) -> Result<Option<Profile>, FactsUnavailable> {
        let email = email.as_str();
        Ok(email.ends_with("@example.com").then(|| profile(email)))
    }
}

struct Scene {
    pagerduty: pagerduty::PagerDuty,
    directory: Directory,
    _folder: TempDir,
}

impl Scene {
    async fn set() -> Self {
        Self::with_token(TOKEN).await
    }

    async fn with_token(token: &str) -> Self {
        let pagerduty = pagerduty::PagerDuty::start(TOKEN).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, token).unwrap();
        let source = Schedule::PagerDuty(PagerDuty {
            schedules: [SCHEDULE.to_owned(), "PZZZZZZ".to_owned()].into(),
            token: Secret::File(file),
            url: pagerduty.url().parse().unwrap(),
        });
        let group = group();
        let schedules = Schedules::new([(&group, &source)]).unwrap();
        let groups = [(group.clone(), GroupSource::Schedule(source))];
        let clock = TestClock::at("2099-11-21T02:00:00Z");
        let directory = Directory::new(
            Arc::new(Everybody),
            clock,
            groups.into(),
            Identities::default(),
        );
        Self {
            pagerduty,
            directory: directory.with_schedules(schedules),
            _folder: folder,
        }
    }

    /// Who is on call if PagerDuty answers this, or why that is unknown.
    async fn members(&self, answer: Answer) -> Result<Vec<String>, String> {
        self.pagerduty.answers(answer);
        self.directory.forget_everything();
        let members = self.directory.members(&group()).await;
        let members = members.map_err(|unavailable| unavailable.0)?;
        Ok(members.iter().map(ToString::to_string).collect())
    }
}

fn group() -> GroupName {
    GroupName::new("oncall")
}

/// A shift with other values at these keys.
fn changed(changes: Value) -> Answer {
    let mut shift = shift(SCHEDULE, "alice@example.com");
    for (key, value) in changes.as_object().unwrap() {
        shift[key] = value.clone();
    }
    Answer::OnCall(vec![shift])
}

#[tokio::test]
async fn who_is_on_call_in_one_of_the_schedules_is_a_member_whoever_else_is() {
    let scene = Scene::set().await;
    let shifts = vec![
        shift(SCHEDULE, "alice@example.com"),
        shift("PZZZZZZ", "bob@example.com"),
        shift("PZZZZZZ", "alice@example.com"),
        shift(SCHEDULE, "nobody@elsewhere.example"),
    ];
    let members = scene.members(Answer::OnCall(shifts)).await;
    assert_eq!(members.unwrap(), ["ALICE", "BOB"]);
    let nobody = scene.members(Answer::OnCall(Vec::new())).await;
    assert_eq!(nobody.unwrap(), [""; 0]);

    let reading = scene.directory.recent_reading(&group()).await.unwrap();
    let schedules = vec![SCHEDULE.to_owned(), "PZZZZZZ".to_owned()];
    assert_eq!(
        reading.read.source,
        GroupListedIn::PagerDutySchedules(schedules)
    );
}

#[tokio::test]
async fn a_shift_that_is_over_or_has_not_begun_makes_nobody_a_member() {
    let scene = Scene::set().await;
    for (shift, members) in [
        (json!({ "start": null }), vec!["ALICE"]),
        (json!({ "end": "2099-11-21T02:00:00.001Z" }), vec!["ALICE"]),
        (json!({ "end": "2099-11-21T03:00:00+01:00" }), vec![]),
        (json!({ "start": "2099-11-21T02:00:01Z" }), vec![]),
    ] {
        let found = scene.members(changed(shift.clone())).await;
        assert_eq!(found.unwrap(), members, "{shift}");
    }
}

#[tokio::test]
async fn everybody_on_every_page_is_read() {
    let scene = Scene::set().await;
    let mut shifts = vec![shift(SCHEDULE, "alice@example.com"); 130];
    shifts.push(shift(SCHEDULE, "bob@example.com"));
    let members = scene.members(Answer::OnCall(shifts)).await;
    assert_eq!(members.unwrap(), ["ALICE", "BOB"]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_relied_on_is_no_answer() {
    let scene = Scene::set().await;
    let alice = || shift(SCHEDULE, "alice@example.com");
    let person = |number| shift(SCHEDULE, &format!("person{number}@example.com"));
    for (answer, why) in [
        (Answer::Status(401), "PagerDuty refused the token"),
        (Answer::Status(403), "PagerDuty refused the token"),
        (Answer::Status(429), "PagerDuty answered with status 429"),
        (Answer::Status(500), "PagerDuty answered with status 500"),
        (
            Answer::Redirect(vec![alice()]),
            "PagerDuty answered with status 302",
        ),
        (Answer::TooLong, "the answer of PagerDuty is too long"),
        (
            changed(json!({ "user": { "id": "PT23IWX" } })),
            "PagerDuty does not say the address of a person on call",
        ),
        (
            changed(json!({ "user": { "id": "PT23IWX", "email": " " } })),
            "PagerDuty does not say the address of a person on call",
        ),
        (
            changed(json!({ "user": "alice@example.com" })),
            "PagerDuty's answer is not what its API documents",
        ),
        (
            changed(json!({ "end": "tomorrow" })),
            "PagerDuty's answer is not what its API documents",
        ),
        (
            changed(json!({ "schedule": null })),
            "PagerDuty answered for another schedule",
        ),
        (
            Answer::OnCall(vec![alice(), shift("POTHERS", "bob@example.com")]),
            "PagerDuty answered for another schedule",
        ),
        (
            Answer::OnCall((0..21).map(person).collect()),
            "more than 20 people are on call; list fewer schedules",
        ),
        (
            Answer::OnCall(vec![alice(); 1001]),
            "PagerDuty answered more than 1000 entries; list fewer schedules",
        ),
    ] {
        let said = format!("{answer:?}").chars().take(300).collect::<String>();
        assert_eq!(scene.members(answer).await.unwrap_err(), why, "{said}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_told_to_nobody() {
    let scene = Scene::with_token("not-the-token").await;
    let why = scene.members(Answer::OnCall(Vec::new())).await;
    assert_eq!(why.unwrap_err(), "PagerDuty refused the token");
}

/// Time passes by itself while nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_waited_for_five_seconds() {
    let scene = Scene::set().await;
    let began = tokio::time::Instant::now();
    let why = scene.members(Answer::Silence).await.unwrap_err();
    assert_eq!(why, "PagerDuty did not answer in time");
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_said_to_be() {
    let scene = Scene::set().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    let source = Schedule::PagerDuty(PagerDuty {
        schedules: [SCHEDULE.to_owned()].into(),
        token: Secret::File(file),
        url: url.parse().unwrap(),
    });
    let group = group();
    let schedules = Schedules::new([(&group, &source)]).unwrap();
    let directory = scene.directory.with_schedules(schedules);
    let why = directory.members(&group).await.unwrap_err();
    assert_eq!(why.0, "PagerDuty cannot be reached");
}

/// A calendar that is published at `path` of a server of this machine.
async fn published(path: &str, calendar: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    let routes =
        axum::Router::new().route("/secret.ics", axum::routing::get(async move || calendar));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

/// A directory in which the group is who attends what takes place in a calendar.
fn by_calendar(url: &str) -> Directory {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    fs::write(&file, url).unwrap();
    let source = Schedule::Feed(Feed {
        url: Secret::File(file),
    });
    let group = group();
    let schedules = Schedules::new([(&group, &source)]).unwrap();
    let directory = Directory::new(
        Arc::new(Everybody),
        TestClock::at("2099-11-21T02:00:00Z"),
        [(group, GroupSource::Schedule(source))].into(),
        Identities::default(),
    );
    directory.with_schedules(schedules)
}

#[tokio::test]
async fn who_attends_an_event_of_a_calendar_is_on_call_and_its_address_is_told_to_nobody() {
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                    DTSTAMP:20260101T000000Z\r\nDTSTART:20991121T000000Z\r\nDTEND:20991121T080000Z\r\n\
                    SUMMARY:On call\r\nATTENDEE:mailto:Alice@example.com\r\n\
                    ATTENDEE:mailto:nobody@elsewhere.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let directory = by_calendar(&published("/secret.ics", calendar).await);
    let reading = directory.recent_reading(&group()).await.unwrap();
    assert_eq!(reading.members, [UserId::new("ALICE")].into());
    assert_eq!(
        reading.read.source,
        GroupListedIn::ICalendar("127.0.0.1".to_owned())
    );

    let elsewhere = by_calendar(&published("/moved.ics", calendar).await);
    let why = elsewhere.members(&group()).await.unwrap_err();
    assert_eq!(why.0, "the server of the calendar answered with status 404");
    let page = by_calendar(&published("/secret.ics", "<html>").await);
    let why = page.members(&group()).await.unwrap_err();
    assert_eq!(why.0, "what was read is not a calendar");
}

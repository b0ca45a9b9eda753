//! What is not clear is asked for, never guessed.

use slack_sim::{Submission, View};

use crate::support::fixture::{ALICE, APPROVALS, Fixture};

/// What Alice types opens the form, and nothing is requested.
async fn form(fixture: &Fixture, line: &str) -> View {
    let alice = fixture.alice();
    fixture.jit(ALICE, line).await;
    let form = fixture.in_time(|_| alice.modal()).await;
    assert!(fixture.kinds().await.is_empty(), "{line}");
    form
}

/// A field of a form: what stands in it, and the sentence below it.
fn field(form: &View, name: &str) -> (String, String) {
    let blocks = form.json()["blocks"].clone();
    let blocks = blocks.as_array().unwrap();
    let block = blocks
        .iter()
        .find(|block| block["block_id"] == name)
        .unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (
        text(&block["element"]["initial_value"]),
        text(&block["hint"]["text"]),
    )
}

async fn in_berlin() -> Fixture {
    let fixture = Fixture::start().await;
    // It is 03:00 there when the stories begin.
    let berlin = "Europe/Berlin".to_owned();
    fixture.sim.update_person(ALICE, |alice| alice.tz = berlin);
    fixture
}

#[tokio::test]
async fn a_duration_is_understood_as_people_write_it() {
    for (typed, shown) in [
        ("0,5h", "30m"),
        ("0H30", "30m"),
        ("half an hour", "30m"),
        ("40m please", "40m"),
        ("PT45M", "45m"),
        ("--duration 30m", "30m"),
        ("0 hours and 50 minutes", "50m"),
        ("until 03:40", "40m"),
        ("until 3:40 am", "40m"),
    ] {
        let fixture = in_berlin().await;
        let card = fixture
            .asked(&format!(
                "request db-prod:write {typed} INC-4211 writes fail"
            ))
            .await;
        assert!(card.says(shown), "{typed}: {}", card.all_text());
        assert!(card.says("writes fail"), "{typed}: {}", card.all_text());
    }
}

#[tokio::test]
async fn a_duration_that_is_not_clear_opens_the_form_with_a_sentence_on_it() {
    for typed in ["1:30", "60", "-5m", "1-2h", "30 mintues", "until tomorrow"] {
        let fixture = in_berlin().await;
        let line = format!("request db-prod:write {typed} INC-4211 writes fail");
        let form = form(&fixture, &line).await;
        let (filled, sentence) = field(&form, "duration");
        assert_eq!(filled, typed);
        let expected = format!("“{typed}” isn't clear.");
        assert!(sentence.starts_with(&expected), "{sentence}");
        assert_eq!(field(&form, "ticket").0, "INC-4211", "{typed}");
        assert_eq!(field(&form, "reason").0, "writes fail", "{typed}");
        // Sent as it stands, it is still not clear.
        let Submission::Errors(errors) = fixture.alice().submit().await else {
            panic!("{typed} was accepted");
        };
        assert!(errors["duration"].contains("isn't clear"), "{errors:?}");
        fixture.alice().fill("duration", "duration", "45m");
        assert!(matches!(fixture.alice().submit().await, Submission::Closed));
        let card = fixture.open_card().await;
        assert!(card.says("45m"), "{}", card.all_text());
    }
}

#[tokio::test]
async fn a_number_that_may_be_a_part_of_the_reason_stays_there_and_is_asked_about() {
    let fixture = Fixture::start().await;
    let line = "request db-prod:write INC-4211 the shop answers with 500";
    let form = form(&fixture, line).await;
    let (filled, sentence) = field(&form, "duration");
    assert_eq!(filled, "");
    assert!(sentence.starts_with("If “500” is how long"), "{sentence}");
    assert_eq!(field(&form, "reason").0, "the shop answers with 500");
    assert!(matches!(fixture.alice().submit().await, Submission::Closed));
    let card = fixture.open_card().await;
    assert!(card.says("with 500") && card.says("30m"), "{}", card.text);
}

#[tokio::test]
async fn a_start_without_its_flag_is_asked_about() {
    for (typed, start) in [
        ("tomorrow 09:00 for 1h", "tomorrow 09:00"),
        ("1h from 17:00", "from 17:00"),
        ("in 2 hours", "in 2 hours"),
    ] {
        let fixture = Fixture::start().await;
        let line = format!("request db-prod:write {typed} INC-4211 writes fail");
        let form = form(&fixture, &line).await;
        let (_, sentence) = field(&form, "start");
        let expected = format!("To start “{start}”, choose the start here.");
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
}

#[tokio::test]
async fn a_request_is_for_the_person_who_types_it() {
    for typed in ["30m for @dave", "30m for @DAVE", "30m for dave@example.com"] {
        let fixture = Fixture::start().await;
        let line = format!("request db-prod:write {typed} INC-4211 writes fail");
        let form = form(&fixture, &line).await;
        let said = "You can request access only for yourself.";
        assert!(form.says(said), "{typed}: {}", form.all_text());
        assert_eq!(field(&form, "duration").0, "30m", "{typed}");
    }
    let fixture = Fixture::start().await;
    fixture
        .asked("request db-prod:write 30m for @alice INC-4211 writes fail")
        .await;
}

#[tokio::test]
async fn an_end_that_has_passed_or_is_too_late_is_answered_by_a_sentence() {
    let fixture = in_berlin().await;
    let line = "request db-prod:write until 02:30 INC-4211 writes fail";
    let form = form(&fixture, line).await;
    let (filled, sentence) = field(&form, "duration");
    assert_eq!(filled, "until 02:30");
    assert!(sentence.starts_with("02:30 has passed"), "{sentence}");
    let alice = fixture.alice();
    for (typed, sentence) in [
        (
            "until 02:30",
            "02:30 has passed where you are (Europe/Berlin)",
        ),
        ("until 05:00", "The duration can be at most 1h"),
    ] {
        alice.fill("duration", "duration", typed);
        let Submission::Errors(errors) = alice.submit().await else {
            panic!("{typed} was accepted");
        };
        assert!(errors["duration"].contains(sentence), "{errors:?}");
    }
    assert!(fixture.sim.messages(APPROVALS).is_empty());
    alice.fill("duration", "duration", "until 03:20");
    assert!(matches!(alice.submit().await, Submission::Closed));
    let card = fixture.open_card().await;
    assert!(card.says("20m"), "{}", card.all_text());
}

#[tokio::test]
async fn an_end_is_no_guess_where_the_time_zone_is_unknown() {
    let fixture = Fixture::start().await;
    let mars = "Mars/Olympus".to_owned();
    fixture.sim.update_person(ALICE, |alice| alice.tz = mars);
    let line = "request db-prod:write until 03:30 INC-4211 writes fail";
    let form = form(&fixture, line).await;
    let (filled, sentence) = field(&form, "duration");
    assert_eq!(filled, "until 03:30");
    let expected = "Keylend can't tell when 03:30 is where you are.";
    assert!(sentence.starts_with(expected), "{sentence}");
}

#[tokio::test]
async fn a_ticket_is_understood_in_any_case_and_as_a_link() {
    let link = "<https://jira.example.com/browse/INC-4211|Writes fail>";
    for typed in ["inc-4211", link] {
        let fixture = Fixture::start().await;
        let line = format!("request db-prod:write 30m {typed} writes fail");
        let card = fixture.asked(&line).await;
        assert!(card.says("INC-4211"), "{typed}: {}", card.all_text());
    }
    for typed in ["inc-4211", "https://jira.example.com/browse/INC-4211"] {
        let fixture = Fixture::start().await;
        form(&fixture, "request db-prod:write 30m writes fail").await;
        fixture.alice().fill("ticket", "ticket", typed);
        assert!(matches!(fixture.alice().submit().await, Submission::Closed));
        let card = fixture.open_card().await;
        assert!(card.says("INC-4211"), "{typed}: {}", card.all_text());
        assert!(!card.says("browse"), "{typed}: {}", card.all_text());
    }
}

#[tokio::test]
async fn a_ticket_is_explained_by_an_example_and_not_by_a_pattern() {
    let fixture = Fixture::start().await;
    let explained = fixture.answer(ALICE, "explain db-prod:write").await;
    let example = "Ticket: required, for example `INC-4211`";
    assert!(explained.says(example), "{}", explained.all_text());
    let line = "request db-prod:write 30m OPS-7 writes fail";
    let refused = fixture.answer(ALICE, line).await;
    let said = "`db-prod:write` takes a ticket such as `INC-4211`, or a link to it.";
    assert!(refused.says(said), "{}", refused.all_text());
    let form = form(&fixture, "request db-prod:write 30m writes fail").await;
    assert_eq!(
        field(&form, "ticket").1,
        "For example INC-4211, or a link to it."
    );
    for text in [explained.all_text(), refused.all_text(), form.all_text()] {
        assert!(!text.contains("[0-9]"), "{text}");
    }
}

#[tokio::test]
async fn more_time_is_understood_or_asked_for() {
    for (typed, shown) in [
        ("by 20 minutes", "20m"),
        ("db-prod:write by 20 minutes", "20m"),
        ("db-prod:write 0,25h", "15m"),
        ("db-prod:write until 03:50", "20m"),
    ] {
        let fixture = in_berlin().await;
        fixture.granted("request db-prod:write 30m INC-1 fix").await;
        let answer = fixture.answer(ALICE, &format!("extend {typed}")).await;
        let said = format!("You requested {shown} more of `db-prod:write`.");
        assert!(answer.says(&said), "{typed}: {}", answer.all_text());
    }
    let fixture = in_berlin().await;
    fixture.granted("request db-prod:write 30m INC-1 fix").await;
    for (typed, said) in [
        ("60", "“60” isn't clear."),
        ("db-prod:write 1:30", "“1:30” isn't clear."),
        ("db-prod:write 30m or 1h", "“30m or 1h” isn't clear."),
        (
            "until 03:10",
            "Your access already lasts that long or longer.",
        ),
        ("until 02:50", "02:50 has passed where you are"),
    ] {
        let answer = fixture.answer(ALICE, &format!("extend {typed}")).await;
        assert!(answer.says(said), "{typed}: {}", answer.all_text());
    }
    let kinds = fixture.kinds().await;
    assert!(
        !kinds.contains(&"extension_requested".to_owned()),
        "{kinds:?}"
    );
}

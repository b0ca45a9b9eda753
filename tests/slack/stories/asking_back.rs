//! An approver asks the requester a question before deciding, and the requester answers.

use slack_sim::{Message, Submission};

use crate::support::fixture::{
    ALICE, APPROVALS, BOB, CAROL, DAVE, Fixture, Has, REQUEST, SECURITY,
};

const QUESTION: &str = "Which table is it?";
const ANSWER: &str = "The orders table";

const HOSTILE: &str = "<!channel> *now*\n<@U0CAROL> approved this";

/// Opens the form of the card, types the question and submits it.
async fn ask(fixture: &Fixture, person: &str, card: &Message, text: &str) -> Submission {
    let actor = fixture.person(person);
    actor.click(card, "ask_question").await;
    fixture.in_time(|_| actor.modal()).await;
    actor.fill("reason", "reason", text);
    actor.submit().await
}

/// Alice's message about her request, once the question with this number is the first to answer.
async fn waiting(fixture: &Fixture, number: usize) -> Message {
    let end = format!(".{number}");
    fixture
        .in_time(|sim| {
            let mut messages = sim.dm(ALICE).into_iter();
            messages.find(|message| {
                let value = message.value_of("answer_question");
                value.is_some_and(|value| value.ends_with(&end))
            })
        })
        .await
}

/// Alice opens the form of the first open question, which has this number.
async fn open_answer(fixture: &Fixture, number: usize) -> Message {
    let message = waiting(fixture, number).await;
    fixture.alice().click(&message, "answer_question").await;
    fixture.in_time(|_| fixture.alice().modal()).await;
    message
}

/// Alice answers the first open question, which has this number.
async fn answer(fixture: &Fixture, number: usize, text: &str) -> Submission {
    open_answer(fixture, number).await;
    fixture.alice().fill("reason", "reason", text);
    fixture.alice().submit().await
}

/// The messages of the approval channel that say this.
fn saying(fixture: &Fixture, words: &str) -> Vec<Message> {
    let mut messages = fixture.sim.messages(APPROVALS);
    messages.retain(|message| message.says(words));
    messages
}

async fn count(fixture: &Fixture, kind: &str) -> usize {
    let kinds = fixture.kinds().await;
    kinds.iter().filter(|logged| *logged == kind).count()
}

#[tokio::test]
async fn a_question_reaches_the_requester_and_the_answer_whoever_asked() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let asked = ask(&fixture, BOB, &card, QUESTION).await;
    assert!(matches!(asked, Submission::Closed), "{asked:?}");
    let line = fixture.said(APPROVALS, QUESTION).await;
    assert_eq!(line.thread_ts.as_deref(), Some(card.ts.as_str()));
    assert!(
        line.says("<@U0BOB> asked the requester") && !line.is_broadcast,
        "{}",
        line.text
    );
    let notice = fixture
        .told(
            ALICE,
            "asks a question about your request for `db-prod:write`",
        )
        .await;
    assert!(notice.says(QUESTION), "{}", notice.text);

    let message = open_answer(&fixture, 1).await;
    let form = fixture.alice().modal().unwrap();
    assert!(form.says(QUESTION), "{}", form.all_text());
    fixture.alice().fill("reason", "reason", ANSWER);
    assert!(matches!(fixture.alice().submit().await, Submission::Closed));
    let line = fixture.said(APPROVALS, ANSWER).await;
    assert_eq!(line.thread_ts.as_deref(), Some(card.ts.as_str()));
    assert!(
        line.says("<@U0BOB>") && line.says("<@U0ALICE> answered “Which table is it?”"),
        "{}",
        line.text
    );
    fixture
        .in_time(|sim| {
            let now = sim.message(&message.channel, &message.ts)?;
            (!now.has("answer_question")).then_some(())
        })
        .await;
    fixture
        .audited("<@U0BOB> asked the requester: Which table is it?")
        .await;
    fixture
        .audited("<@U0ALICE> answered the approvers: The orders table")
        .await;
    assert_eq!(saying(&fixture, ANSWER).len(), 1);
    assert!(fixture.sim.dm(BOB).is_empty());
    assert_eq!(
        fixture.kinds().await,
        ["requested", "question_asked", "question_answered"]
    );

    // It was no vote, and the card that Bob has still counts.
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("activated", 1).await;
}

#[tokio::test]
async fn only_who_may_decide_asks_and_only_the_requester_answers() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.alice().click(&card, "ask_question").await;
    fixture.answered(ALICE, "no-self-approval").await;
    fixture.person(DAVE).click(&card, "ask_question").await;
    fixture.answered(DAVE, "approver-group").await;
    for person in [ALICE, DAVE] {
        assert!(fixture.person(person).modal().is_none(), "{person}");
    }
    ask(&fixture, BOB, &card, QUESTION).await;
    let message = waiting(&fixture, 1).await;
    for person in [BOB, DAVE] {
        let actor = fixture.person(person);
        actor.click(&message, "answer_question").await;
        fixture.answered(person, "Only the requester").await;
        assert!(actor.modal().is_none(), "{person}");
    }
    assert_eq!(fixture.kinds().await, ["requested", "question_asked"]);
    let refused = fixture.noted("attempt_refused", 4).await;
    let tried: Vec<&str> = refused
        .iter()
        .map(|entry| entry["body"]["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        tried,
        [
            "ask_question",
            "ask_question",
            "answer_question",
            "answer_question"
        ]
    );
}

#[tokio::test]
async fn another_approver_may_ask_too_and_an_approver_who_can_only_approve() {
    let only_approves = r#"
@id("bob-denies-nothing")
@reason("Bob may not deny.")
forbid (principal, action == Action::"deny", resource)
when { principal.id == "U0BOB" };
"#;
    let fixture = Fixture::with(ToOwned::to_owned, only_approves).await;
    let card = fixture.asked(REQUEST).await;
    for (person, text) in [(CAROL, "Since when?"), (BOB, QUESTION)] {
        let asked = ask(&fixture, person, &card, text).await;
        assert!(matches!(asked, Submission::Closed), "{asked:?}");
    }
    // Each has its button, the oldest first.
    answer(&fixture, 1, "Since two").await;
    answer(&fixture, 2, ANSWER).await;
    let line = fixture.said(APPROVALS, "answered “Since when?”").await;
    assert!(line.says("<@U0CAROL>") && !line.says("<@U0BOB>"));
    fixture.said(APPROVALS, ANSWER).await;
}

#[tokio::test]
async fn whoever_can_fill_a_stage_may_ask() {
    let stages = r#"stages = [["dba"], ["security"]]"#;
    let change = |config: &str| {
        let both = "approvers = [\"dba\"]\napprovals = 2";
        assert!(config.contains(both));
        config.replace(both, stages)
    };
    let fixture = Fixture::with(change, "").await;
    let card = fixture
        .asked("request db-prod:admin 15m the owner is wrong")
        .await;
    for person in [BOB, SECURITY] {
        let asked = ask(&fixture, person, &card, QUESTION).await;
        assert!(matches!(asked, Submission::Closed), "{asked:?}");
    }
    fixture.person(DAVE).click(&card, "ask_question").await;
    fixture.answered(DAVE, "approver-group").await;
    assert_eq!(count(&fixture, "question_asked").await, 2);
}

#[tokio::test]
async fn nothing_is_asked_or_answered_once_it_was_decided() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    ask(&fixture, BOB, &card, QUESTION).await;
    // Both forms are open while Carol decides.
    let message = open_answer(&fixture, 1).await;
    fixture.bob().click(&card, "ask_question").await;
    fixture.in_time(|_| fixture.bob().modal()).await;
    fixture.carol().click(&card, "approve").await;
    fixture.until_logged("activated", 1).await;
    for actor in [fixture.alice(), fixture.bob()] {
        actor.fill("reason", "reason", ANSWER);
        let submitted = actor.submit().await;
        let Submission::Updated(told) = submitted else {
            panic!("{submitted:?}");
        };
        assert!(told.says("is already active"), "{}", told.all_text());
        actor.close_modal().await;
    }
    // The old messages, which still have the buttons.
    fixture.bob().click(&card, "ask_question").await;
    fixture.answered(BOB, "is already active").await;
    fixture.alice().click(&message, "answer_question").await;
    fixture.answered(ALICE, "is already active").await;
    fixture
        .in_time(|sim| {
            let now = sim.message(&message.channel, &message.ts)?;
            (!now.has("answer_question")).then_some(())
        })
        .await;
    assert_eq!(count(&fixture, "question_asked").await, 1);
    assert_eq!(count(&fixture, "question_answered").await, 0);
}

#[tokio::test]
async fn what_people_type_mentions_nobody_and_forges_nothing() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    ask(&fixture, BOB, &card, HOSTILE).await;
    let line = fixture.said(APPROVALS, "asked the requester").await;
    let notice = fixture.told(ALICE, "asks a question about").await;
    let message = waiting(&fixture, 1).await;
    answer(&fixture, 1, HOSTILE).await;
    let answered = fixture.said(APPROVALS, "answered “").await;
    for shown in [line, notice, message, answered] {
        for forged in ["<!channel>", "<@U0CAROL>"] {
            assert!(!shown.text.contains(forged), "{}", shown.text);
        }
        let blocks = shown.blocks.to_string();
        assert!(!blocks.contains(r#""user_id":"U0CAROL""#), "{blocks}");
        assert!(!blocks.contains(r#""type":"broadcast""#), "{blocks}");
    }
}

#[tokio::test]
async fn a_form_that_is_delivered_twice_asks_and_answers_once() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    ask(&fixture, BOB, &card, QUESTION).await;
    answer(&fixture, 1, ANSWER).await;
    let submissions: Vec<_> = fixture
        .sim
        .deliveries()
        .into_iter()
        .filter(|delivery| delivery.sent.contains("view_submission"))
        .collect();
    assert_eq!(submissions.len(), 2);
    for submission in &submissions {
        fixture.sim.redeliver(submission, &[]).await;
    }
    fixture.said(APPROVALS, ANSWER).await;
    assert_eq!(count(&fixture, "question_asked").await, 1);
    assert_eq!(count(&fixture, "question_answered").await, 1);
    assert_eq!(saying(&fixture, "asked the requester").len(), 1);
}

#[tokio::test]
async fn a_question_without_words_is_not_asked() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let asked = ask(&fixture, BOB, &card, " \n ").await;
    let Submission::Errors(errors) = asked else {
        panic!("{asked:?}");
    };
    assert!(errors.contains_key("reason"), "{errors:?}");
    assert_eq!(fixture.kinds().await, ["requested"]);
}

#[tokio::test]
async fn five_questions_wait_at_most_and_ten_are_asked() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    for number in 1..=5 {
        let text = format!("Question {number}?");
        let asked = ask(&fixture, BOB, &card, &text).await;
        assert!(matches!(asked, Submission::Closed), "{asked:?}");
    }
    fixture.bob().click(&card, "ask_question").await;
    fixture.answered(BOB, "still wait for an answer").await;
    assert!(fixture.bob().modal().is_none());
    for number in 1..=5 {
        answer(&fixture, number, ANSWER).await;
        ask(&fixture, CAROL, &card, "And?").await;
    }
    answer(&fixture, 6, ANSWER).await;
    fixture.bob().click(&card, "ask_question").await;
    fixture.answered(BOB, "there can be no more").await;
    assert_eq!(count(&fixture, "question_asked").await, 10);
    // What Alice is told is not told twice, however much there is.
    fixture
        .said(APPROVALS, "<@U0CAROL> asked the requester")
        .await;
    assert_eq!(saying(&fixture, "Question 1?").len(), 2);
}

#[tokio::test]
async fn more_time_is_asked_about_in_the_thread_of_its_card() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "extend 20m").await;
    let card = fixture
        .in_time(|sim| {
            let mut cards = sim.messages(APPROVALS).into_iter();
            cards.find(|card| card.says("More time") && card.has("ask_question"))
        })
        .await;
    ask(&fixture, BOB, &card, QUESTION).await;
    let line = fixture.said(APPROVALS, QUESTION).await;
    assert_eq!(line.thread_ts.as_deref(), Some(card.ts.as_str()));
    fixture
        .told(
            ALICE,
            "about your request for more time for `db-prod:write`",
        )
        .await;
    answer(&fixture, 1, ANSWER).await;
    let line = fixture.said(APPROVALS, ANSWER).await;
    assert_eq!(line.thread_ts.as_deref(), Some(card.ts.as_str()));
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("extended", 1).await;
}

#[tokio::test]
async fn approvers_who_get_direct_messages_get_the_answer_as_one() {
    let notify = "approval_channel = \"C0DBA\"\nnotify = \"direct\"\n";
    let change = |config: &str| config.replacen("approval_channel = \"C0DBA\"\n", notify, 1);
    let fixture = Fixture::with(change, "").await;
    let card = fixture.asked(REQUEST).await;
    ask(&fixture, BOB, &card, QUESTION).await;
    answer(&fixture, 1, ANSWER).await;
    let told = fixture.told(BOB, ANSWER).await;
    assert!(
        told.says("about `db-prod:write`") && told.thread_ts.is_none(),
        "{}",
        told.text
    );
    let line = fixture.said(APPROVALS, ANSWER).await;
    assert!(!line.says("<@U0BOB>"), "{}", line.text);
    assert_eq!(line.thread_ts.as_deref(), Some(card.ts.as_str()));
    let carols = fixture.sim.dm(CAROL);
    assert!(!carols.iter().any(|message| message.says(ANSWER)));
}

#[tokio::test]
async fn a_crash_between_the_log_and_slack_loses_no_question() {
    let mut fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    ask(&fixture, BOB, &card, QUESTION).await;
    fixture.crash().await;
    fixture.boot().await;
    fixture.said(APPROVALS, QUESTION).await;
    fixture.told(ALICE, "asks a question about").await;
    answer(&fixture, 1, ANSWER).await;
    fixture.crash().await;
    fixture.boot().await;
    fixture.said(APPROVALS, ANSWER).await;
}

//! What people read when an approver asks back.

use keylend::{
    domain::{Command, Human, Question, RuleId},
    presentation::Place,
    slack::{
        client::Message,
        view::{
            card::card,
            line::{line, notice},
            question::{answer, ask, in_thread},
        },
    },
};
use serde_json::json;

use super::{
    CONTEXT, FORGED, HOSTILE, blocks, buttons, forms, interpreted, limits,
    story::{Story, alice, bob, terms},
    with_short_times,
};

fn pending() -> Story {
    Story::begin(terms(None), 1)
}

fn asked(story: &Story, text: &str) -> Story {
    let command = Command::AskQuestion {
        by: bob(),
        human: Human::default(),
        rules: vec![RuleId::new("approver-group")],
        revision: story.request.revision,
        text: text.to_owned(),
    };
    story.after(1, command)
}

fn answered(story: &Story, number: u32, text: &str) -> Story {
    let command = Command::AnswerQuestion {
        by: alice(),
        human: Human::default(),
        number,
        text: text.to_owned(),
    };
    story.after(1, command)
}

/// The requester's message about the request, with the values of the buttons that answer.
fn shown(story: &Story) -> (Message, Vec<String>) {
    let message = card(Place::Asked, &story.request, &CONTEXT).unwrap();
    let answers = buttons(&message).into_iter();
    let answers = answers.filter(|button| button.action == "answer_question");
    let values = answers.map(|button| button.value).collect();
    (message, values)
}

#[test]
fn the_requesters_message_shows_each_open_question_with_a_button() {
    let two = asked(&asked(&pending(), "which table?"), "since when?");
    let (message, values) = shown(&two);
    let id = two.request.id;
    assert_eq!(values, [format!("{id}.1"), format!("{id}.2")]);
    for asks in [
        ":speech_balloon: <@U0BOB> asks: which table?",
        ":speech_balloon: <@U0BOB> asks: since when?",
    ] {
        assert!(message.text.contains(asks), "{}", message.text);
    }
    let (message, values) = shown(&answered(&two, 1, "orders"));
    assert_eq!(values, [format!("{id}.2")]);
    assert!(!message.text.contains("which table?"), "{}", message.text);
    let (message, values) = shown(&two.approve("U0BOB"));
    assert_eq!(values, [""; 0]);
    assert!(!message.text.contains("since when?"), "{}", message.text);
}

#[test]
fn everybody_reads_what_was_asked_and_answered() {
    let story = answered(&asked(&pending(), "which table?"), 1, "orders");
    let (asking, when_asked) = &story.log[1];
    let (answering, now) = &story.log[2];
    let said = [
        line(asking, now, &[]),
        line(answering, now, &[]),
        in_thread(asking, now, true),
        in_thread(answering, now, true),
        in_thread(answering, now, false),
        notice(asking, when_asked),
    ];
    let said: Vec<String> = said.map(Option::unwrap).into();
    insta::assert_snapshot!(with_short_times(&said.join("\n")), @"
    ‹10:01› <@U0BOB> asked the requester: which table? · rule approver-group
    ‹10:02› <@U0ALICE> answered the approvers: orders
    :speech_balloon: <@U0BOB> asked the requester: which table?
    <@U0BOB> :speech_balloon: <@U0ALICE> answered “which table?” about `db-prod:write`: orders
    :speech_balloon: <@U0ALICE> answered “which table?” about `db-prod:write`: orders
    :speech_balloon: <@U0BOB> asks a question about your request for `db-prod:write`. To answer, choose *Answer* in the message about your request. They ask: which table?
    ");
    // What was answered meanwhile needs no answer.
    assert_eq!(notice(asking, now), None);
    assert_eq!(notice(answering, now), None);
    assert_eq!(in_thread(&story.log[0].0, now, true), None);
}

#[test]
fn a_question_about_more_time_says_so() {
    let more = pending().approve("U0BOB").active().more_time();
    let story = asked(&more, "why more?");
    let (asking, now) = story.log.last().unwrap();
    let told = notice(asking, now).unwrap();
    assert!(
        told.contains("about your request for more time for `db-prod:write`"),
        "{told}"
    );
    assert_eq!(shown(&story).1.len(), 1);
}

#[test]
fn the_forms_ask_for_one_text() {
    let story = asked(&pending(), "which table?");
    let request = &story.request;
    let asks = ask(request, "an-id.1");
    let answers = answer(request, request.question(1).unwrap(), "an-id.1");
    assert_eq!(forms::passed(&asks), Vec::<String>::new());
    insta::assert_json_snapshot!("form_ask_question", asks);
    insta::assert_json_snapshot!("form_answer_question", answers);
}

#[test]
fn no_question_and_no_answer_breaks_a_limit_or_escapes() {
    for hostile in HOSTILE {
        let long: String = hostile.chars().cycle().take(Question::LONGEST).collect();
        let mut story = pending();
        for _ in 0..Question::MOST_OPEN {
            story = asked(&story, &long);
        }
        let story = answered(&story, 1, &long);
        let (message, values) = shown(&story);
        assert_eq!(values.len(), Question::MOST_OPEN - 1);
        assert_eq!(
            limits::passed(&message),
            Vec::<String>::new(),
            "{hostile:?}"
        );
        let in_blocks = interpreted(&json!(blocks(&message)));
        let all = format!("{}{in_blocks}", message.text);
        let mut said = vec![all];
        for (entry, request) in &story.log {
            said.extend(in_thread(entry, request, true));
            said.extend(notice(entry, request));
        }
        for said in &said[1..] {
            assert!(said.encode_utf16().count() <= 3000, "{said}");
            assert!(!said.contains('\n'), "{said}");
        }
        let form = answer(
            &story.request,
            story.request.question(2).unwrap(),
            "an-id.2",
        );
        let mut wrong = Vec::new();
        limits::blocks(&mut wrong, &json!([form["blocks"][0]]), 100);
        assert_eq!(wrong, Vec::<String>::new(), "{hostile:?}");
        said.push(interpreted(&form));
        for forged in FORGED {
            assert!(
                said.iter().all(|it| !it.contains(forged)),
                "{forged}: {said:?}"
            );
        }
    }
}

//! Asking back: an approver asks the requester before deciding, and nothing is decided by it.

use keylend::domain::{
    Actor, Command, Event, Human, Occurred, Parties, PlannedGrant, Question, Refusal, Request,
    RuleId, Span, Terms, UserId,
};

use crate::pending::{pending, start, tell, tell_at};

/// What Alice has, once a rule approved it and all of its layers, which are none, were granted.
fn active() -> Request {
    let mut request = pending(1);
    let approve = Command::Approve {
        by: Actor::Rule(RuleId::new("low-risk")),
        rules: Vec::new(),
        revision: 1,
        parties: Parties::default(),
        grant: PlannedGrant::default(),
    };
    tell(&mut request, approve).unwrap();
    request.apply(&Occurred {
        at: start(),
        actor: Actor::Keylend,
        rules: Vec::new(),
        event: Event::Activated {},
    });
    request
}

fn more_time(minutes: u32) -> Command {
    Command::RequestExtension {
        by: UserId::new("U0ALICE"),
        human: Human::default(),
        rules: Vec::new(),
        duration: Span::minutes(minutes),
        lapses_at: Span::minutes(60).after(start()),
        reason: String::new(),
    }
}

fn ask_about(revision: u32, by: &str, text: &str) -> Command {
    Command::AskQuestion {
        by: UserId::new(by),
        human: Human::default(),
        rules: Vec::new(),
        revision,
        text: text.to_owned(),
    }
}

fn ask(by: &str, text: &str) -> Command {
    ask_about(1, by, text)
}

fn answer(by: &str, number: u32, text: &str) -> Command {
    Command::AnswerQuestion {
        by: UserId::new(by),
        human: Human::default(),
        number,
        text: text.to_owned(),
    }
}

fn open_numbers(request: &Request) -> Vec<u32> {
    request.open_questions().map(|(number, _)| number).collect()
}

#[test]
fn a_question_waits_for_the_requesters_answer_and_decides_nothing() {
    let mut request = pending(1);
    tell(&mut request, ask("U0BOB", " which table?\n")).unwrap();
    tell(&mut request, ask("U0CAROL", "since when?")).unwrap();
    assert_eq!(open_numbers(&request), [1, 2]);
    let first = request.question(1).unwrap();
    assert_eq!(
        (first.by.as_str(), first.text.as_str()),
        ("U0BOB", "which table?")
    );
    assert_eq!((request.revision, request.approvals.len()), (1, 0));

    let by_another = tell(&mut request, answer("U0BOB", 1, "orders"));
    assert_eq!(by_another, Err(Refusal::NotTheRequester));
    tell(&mut request, answer("U0ALICE", 1, "orders")).unwrap();
    assert_eq!(open_numbers(&request), [2]);
    for number in [0, 1, 3] {
        let refused = tell(&mut request, answer("U0ALICE", number, "orders"));
        assert_eq!(refused, Err(Refusal::NoOpenQuestion), "{number}");
    }
    // Another id of the same person.
    let second_id = Command::AnswerQuestion {
        by: UserId::new("W0ALICE"),
        human: Human::new(&UserId::new("U0ALICE"), None),
        number: 2,
        text: "since 02:00".to_owned(),
    };
    tell(&mut request, second_id).unwrap();
    assert_eq!(open_numbers(&request), [0; 0]);
}

#[test]
fn nobody_asks_themselves_nor_about_what_they_did_not_see() {
    let mut request = pending(1);
    let own = tell(&mut request, ask("U0ALICE", "why?"));
    assert_eq!(own, Err(Refusal::OwnRequest));
    let outdated = tell(&mut request, ask_about(2, "U0BOB", "why?"));
    let current = 1;
    assert_eq!(outdated, Err(Refusal::Outdated { shown: 2, current }));
    assert!(request.questions.is_empty());
}

#[test]
fn questions_and_answers_have_a_text_of_bounded_length() {
    let mut request = pending(1);
    let longest = "é".repeat(Question::LONGEST);
    for text in ["", " \n", &format!("{longest}.")] {
        let asked = tell(&mut request, ask("U0BOB", text));
        assert_eq!(asked, Err(Refusal::TextLength));
    }
    tell(&mut request, ask("U0BOB", &longest)).unwrap();
    let silent = tell(&mut request, answer("U0ALICE", 1, " "));
    assert_eq!(silent, Err(Refusal::TextLength));
    tell(&mut request, answer("U0ALICE", 1, &longest)).unwrap();
}

#[test]
fn a_few_questions_wait_at_once_and_not_many_are_asked_of_one_request() {
    let mut request = pending(1);
    let mut answered = 0;
    for asked in 0..Question::MOST {
        if asked >= Question::MOST_OPEN {
            let refused = tell(&mut request, ask("U0BOB", "and?"));
            assert_eq!(refused, Err(Refusal::TooManyOpenQuestions));
            answered += 1;
            tell(&mut request, answer("U0ALICE", answered, "so")).unwrap();
        }
        tell(&mut request, ask("U0BOB", "and?")).unwrap();
    }
    answered += 1;
    tell(&mut request, answer("U0ALICE", answered, "so")).unwrap();
    let refused = tell(&mut request, ask("U0BOB", "and?"));
    assert_eq!(refused, Err(Refusal::TooManyQuestions));
}

#[test]
fn nothing_is_asked_or_answered_once_the_request_was_decided_or_its_time_is_over() {
    let mut request = pending(1);
    tell(&mut request, ask("U0BOB", "why?")).unwrap();
    let late = Span::minutes(60).after(start());
    for command in [ask("U0BOB", "why?"), answer("U0ALICE", 1, "so")] {
        let lapsed = Refusal::Settled {
            state: "lapsed",
            by: None,
        };
        assert_eq!(tell_at(&mut request, command, late), Err(lapsed));
    }
    let withdraw = Command::Withdraw {
        by: UserId::new("U0ALICE"),
        human: Human::default(),
    };
    tell(&mut request, withdraw).unwrap();
    assert_eq!(open_numbers(&request), [0; 0]);
    for command in [ask("U0BOB", "why?"), answer("U0ALICE", 1, "so")] {
        let refused = tell(&mut request, command);
        assert!(
            matches!(
                refused,
                Err(Refusal::Settled {
                    state: "withdrawn",
                    ..
                })
            ),
            "{refused:?}"
        );
    }
}

#[test]
fn a_question_about_more_time_is_over_with_it() {
    let mut request = active();
    tell(&mut request, more_time(10)).unwrap();
    let revision = request.revision;
    tell(&mut request, ask_about(revision, "U0BOB", "why more?")).unwrap();
    assert!(request.question(1).unwrap().for_extension);
    assert_eq!(open_numbers(&request), [1]);
    // Changed, it is another question for more time.
    tell(&mut request, more_time(20)).unwrap();
    assert_eq!(open_numbers(&request), [0; 0]);
    let refused = tell(&mut request, answer("U0ALICE", 1, "so"));
    assert_eq!(refused, Err(Refusal::NoOpenQuestion));
}

#[test]
fn a_question_about_the_request_is_over_when_it_is_approved() {
    let mut request = pending(1);
    tell(&mut request, ask("U0BOB", "why?")).unwrap();
    let approved = active();
    request.state = approved.state;
    request.expires_at = approved.expires_at;
    assert_eq!(open_numbers(&request), [0; 0]);
    tell(&mut request, more_time(10)).unwrap();
    assert_eq!(open_numbers(&request), [0; 0]);
}

#[test]
fn a_revised_request_still_waits_for_its_answers() {
    let mut request = pending(1);
    tell(&mut request, ask("U0BOB", "why?")).unwrap();
    let revise = Command::Revise {
        terms: Terms {
            title: "Another title".into(),
            ..request.terms.clone()
        },
        approvals_needed: 1,
        stages: Vec::new(),
    };
    tell(&mut request, revise).unwrap();
    assert_eq!((request.revision, open_numbers(&request)), (2, vec![1]));
    tell(&mut request, answer("U0ALICE", 1, "so")).unwrap();
}

#[test]
fn a_request_that_lost_texts_is_not_discussed() {
    let mut request = pending(1);
    tell(&mut request, ask("U0BOB", "why?")).unwrap();
    request.texts_missing = true;
    for command in [ask("U0BOB", "why?"), answer("U0ALICE", 1, "so")] {
        assert_eq!(tell(&mut request, command), Err(Refusal::TextsMissing));
    }
}

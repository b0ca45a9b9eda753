//! The App Home, with everything that can be in it, and never more than Slack takes.

use keylend::{
    broker::{Questions, ReviewsToSignOff},
    domain::{LockTarget, Request},
    slack::view::home::{Home, home, unknown, unwelcome},
};
use serde_json::{Value, json};

use super::{
    CONTEXT, FORGED, HOSTILE, buttons_of, interpreted, limits, locks, read_block, read_button,
    review,
    story::{Story, every_state, terms},
    validators, with_short_times,
};

/// A Home with every state of a request in its place, each so many times.
fn of_every_state(hostile: Option<&str>, times: usize) -> Home {
    let mut made = Home::default();
    for (_, story) in every_state(hostile) {
        for _ in 0..times {
            let request = story.request.clone();
            if request.awaits_decision() {
                made.logins.insert(request.id, CONTEXT.logins.clone());
                made.questions.asked.push(request.clone());
            }
            match request.is_open() {
                true => made.open.push((request, CONTEXT.clone())),
                false => made.past.push(request),
            }
        }
    }
    made
}

fn asked(requests: impl IntoIterator<Item = Request>) -> Home {
    Home {
        questions: Questions {
            asked: requests.into_iter().collect(),
            ..Questions::default()
        },
        ..Home::default()
    }
}

fn pending() -> Story {
    Story::begin(terms(None), 1)
}

fn as_read(view: &Value) -> String {
    let mut out = String::new();
    for block in view["blocks"].as_array().unwrap() {
        read_block(block, &mut out);
        for button in buttons_of(block) {
            read_button(button, &mut out);
        }
    }
    with_short_times(&out)
}

#[test]
fn a_home_says_what_waits_what_is_held_and_what_is_past() {
    insta::assert_snapshot!("home_full", as_read(&home(&of_every_state(None, 1))));
}

#[test]
fn an_empty_home_says_what_to_do() {
    insta::assert_snapshot!("home_empty", as_read(&home(&Home::default())));
}

#[test]
fn who_may_see_nothing_reads_why() {
    let said = [unwelcome(), unknown()].map(|view| as_read(&view));
    insta::assert_snapshot!("home_refused", said.join("\n"));
}

#[test]
fn what_is_missing_is_said() {
    let mut unsure = asked([pending().request]);
    unsure.questions.is_unsure = true;
    unsure.questions.more = 3;
    let said = as_read(&home(&unsure));
    assert!(
        said.contains("may be missing") && said.contains("up to 3 more"),
        "{said}"
    );
    let nothing = Home {
        questions: Questions {
            is_unsure: true,
            ..Questions::default()
        },
        ..Home::default()
    };
    assert!(!as_read(&home(&nothing)).contains("No request needs"));
}

#[test]
fn a_buttons_value_is_that_of_the_card() {
    let view = home(&of_every_state(None, 1));
    let blocks = view["blocks"].as_array().unwrap();
    let buttons: Vec<_> = blocks.iter().flat_map(buttons_of).collect();
    assert!(buttons.len() > 5);
    for button in buttons.iter().filter(|button| button.action != "request") {
        let (id, revision) = button.value.split_once('.').unwrap();
        assert_eq!(id, pending().request.id.to_string());
        assert!(revision.parse::<u32>().is_ok(), "{button:?}");
    }
}

#[test]
fn credentials_are_offered_only_where_there_are_some() {
    let active = pending().approve("U0BOB").active().request;
    for has_credentials in [false, true] {
        let context = keylend::slack::view::card::Context {
            has_credentials,
            ..keylend::slack::view::card::Context::default()
        };
        let view = home(&Home {
            open: vec![(active.clone(), context)],
            ..Home::default()
        });
        assert_eq!(
            view.to_string().contains("\"credentials\""),
            has_credentials
        );
    }
}

/// Five uses of break-glass that are open for review, and three more; one of the person's own.
fn with_reviews(home: Home, reason: Option<&str>, is_reviewer: bool) -> Home {
    let request = review::broken(reason).request;
    Home {
        reviews: ReviewsToSignOff {
            requests: vec![request.clone(); 5],
            others: 3,
            is_reviewer,
        },
        unreviewed: Some(request),
        ..home
    }
}

#[test]
fn a_home_shows_what_is_open_for_review_and_a_button_to_reviewers_alone() {
    for is_reviewer in [false, true] {
        let view = home(&with_reviews(Home::default(), None, is_reviewer));
        let said = as_read(&view);
        for words in [
            "Open for review",
            "<@U0ALICE> used break-glass for `db-prod:write`",
            "0 of 2 reviewers have signed off",
            "up to 3 more; `/jit reviews` lists them",
            "Your use of break-glass for `db-prod:write`",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let buttons = said.matches("] sign_off").count();
        assert_eq!(buttons, if is_reviewer { 2 } else { 0 }, "{said}");
    }
}

#[test]
fn no_amount_of_text_from_people_breaks_a_home() {
    for hostile in HOSTILE {
        let long: String = hostile.chars().cycle().take(10_000).collect();
        let full = of_every_state(Some(&long), 20);
        let view = home(&with_reviews(full, Some(&long), true));
        let wrong = limits::passed_by_home(&view);
        assert!(wrong.is_empty(), "{hostile:?}: {wrong:?}");
        let all = interpreted(&view["blocks"]);
        for forged in FORGED {
            assert!(!all.contains(forged), "{forged}");
        }
    }
    let view = home(&of_every_state(None, 20));
    let said = as_read(&view);
    assert!(said.contains("more; `/jit status` lists them"), "{said}");
}

#[test]
fn what_is_past_gives_way_where_there_is_no_room_for_it() {
    let mut stories = every_state(None).into_iter();
    let asks_for_more = stories.find(|(name, _)| *name == "more time asked for");
    let (_, asks_for_more) = asks_for_more.unwrap();
    let mut full = with_reviews(asked(vec![pending().request; 20]), None, true);
    full.questions.is_unsure = true;
    full.questions.more = 3;
    full.locks = vec![locks::lock(LockTarget::Everything, None)];
    full.open = vec![(pending().request, CONTEXT.clone()); 20];
    full.open
        .extend(vec![(asks_for_more.request, CONTEXT.clone()); 20]);
    full.past = vec![pending().deny("use the replica").request; 20];
    let wrong = limits::passed_by_home(&home(&full));
    assert!(wrong.is_empty(), "{wrong:?}");

    full.questions.asked.truncate(6);
    let view = home(&full);
    let wrong = limits::passed_by_home(&view);
    assert!(wrong.is_empty(), "{wrong:?}");
    let buttons = as_read(&view).matches("] request_again").count();
    assert!((1..10).contains(&buttons), "{buttons}");
}

#[test]
fn slacks_own_libraries_accept_every_home() {
    let hostile: String = HOSTILE.concat().chars().cycle().take(10_000).collect();
    let homes = [
        home(&Home::default()),
        home(&of_every_state(None, 1)),
        home(&of_every_state(Some(&hostile), 20)),
        unwelcome(),
        unknown(),
    ];
    validators::accepts(&homes.map(|view| json!({"view": view})));
}

//! Break-glass: access at once for those whom a rule names, told to the reviewers, who sign off afterwards.

use std::time::Duration;

use slack_sim::{Channel, Message, Submission, View};

use crate::support::{
    fixture::{ALICE, BOB, CAROL, DAVE, Fixture, Has, REQUEST, SCOPE, SECURITY, TOKEN, workspace},
    tickets::{Answer, Tracker, USER},
};

const REVIEWS: &str = "C0SECURITY";

const USE: &str = "break-glass db-prod:write 30m INC-4211 writes are failing";

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Engineers may use break-glass for the story's scope, except Dave.
const POLICY: &str = r#"
@id("engineers-break-glass")
permit (principal in Group::"engineers", action == Action::"break_glass", resource);
@id("not-dave")
@reason("Dave may not use break-glass.")
forbid (principal, action == Action::"break_glass", resource)
when { principal.id == "U0DAVE" };
"#;

fn config(config: &str) -> String {
    let glass = "\n[break_glass]\nreviewers = [\"security\"]\nchannel = \"C0SECURITY\"\n\
                 block_unreviewed_after = \"13d\"\n[limits]\n";
    config
        .replacen("\n[limits]\n", glass, 1)
        .replacen(
            "security = { members = [\"U0SEC\"] }",
            "security = { members = [\"U0SEC\", \"U0CAROL\", \"U0ALICE\"] }",
            1,
        )
        .replacen(
            "reason = \"required\"\nticket",
            "reason = \"required\"\nbreak_glass = true\nticket",
            1,
        )
}

async fn started() -> Fixture {
    started_with(POLICY).await
}

async fn started_with(policies: &str) -> Fixture {
    set(config, policies).await
}

async fn set(change: impl FnOnce(&str) -> String, policies: &str) -> Fixture {
    let people = [ALICE, BOB, CAROL, DAVE, SECURITY];
    let workspace = workspace().channel(Channel::new(REVIEWS, "security", people));
    Fixture::set(workspace, change, policies).await
}

/// Alice uses break-glass; the answer is the review card.
async fn used(fixture: &Fixture) -> Message {
    let answer = fixture.answer(ALICE, USE).await;
    assert!(answer.says("You used break-glass"), "{}", answer.text);
    fixture
        .in_time(|sim| {
            let cards = sim.messages(REVIEWS);
            cards.into_iter().find(|card| card.has("sign_off"))
        })
        .await
}

/// Signs the card off with this note.
async fn sign_off(fixture: &Fixture, person: &str, card: &Message, note: &str) -> Submission {
    let actor = fixture.person(person);
    actor.click(card, "sign_off").await;
    fixture.in_time(|_| actor.modal()).await;
    actor.fill("reason", "reason", note);
    actor.submit().await
}

#[tokio::test]
async fn break_glass_grants_at_once_and_tells_the_reviewers() {
    let fixture = started().await;
    let card = used(&fixture).await;
    assert!(
        card.says("writes are failing") && card.says("0 of 2"),
        "{}",
        card.text
    );
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    assert!(fixture.admitted("alice@example.com", SCOPE).await);
    fixture.audited("break-glass* used by <@U0ALICE>").await;
    fixture.told(SECURITY, "used break-glass for").await;
    fixture.told(CAROL, "used break-glass for").await;
    let own = fixture.sim.dm(ALICE);
    assert!(
        !own.iter()
            .any(|message| message.says("have to sign off in"))
    );
    let kinds = fixture.kinds().await;
    let begun: Vec<&str> = kinds.iter().take(3).map(String::as_str).collect();
    assert_eq!(begun, ["requested", "approved", "glass_broken"]);
}

#[tokio::test]
async fn nobody_uses_break_glass_whom_no_rule_permits_or_a_rule_forbids() {
    let fixture = started_with("").await;
    let answer = fixture.answer(ALICE, USE).await;
    assert!(
        answer.says("You can't use break-glass for"),
        "{}",
        answer.text
    );
    assert!(fixture.kinds().await.is_empty());
    let refused = fixture.noted("attempt_refused", 1).await;
    assert_eq!(refused[0]["body"]["action"], "break_glass");

    let fixture = started().await;
    let answer = fixture.answer(DAVE, USE).await;
    assert!(
        answer.says("Dave may not use break-glass."),
        "{}",
        answer.text
    );
    // A scope without it, and a line that lacks something.
    let other = "break-glass db-prod:read 10m I look around";
    let answer = fixture.answer(ALICE, other).await;
    assert!(
        answer.says("You can't use break-glass for"),
        "{}",
        answer.text
    );
    let answer = fixture.answer(ALICE, "break-glass db-prod:write 30m").await;
    assert!(answer.says("Type `/jit break-glass"), "{}", answer.text);
    assert!(fixture.kinds().await.is_empty());
}

#[tokio::test]
async fn break_glass_with_a_start_is_refused_since_it_grants_at_once() {
    let fixture = started().await;
    let later = "break-glass db-prod:write 30m --at 22:00 INC-4211 writes are failing";
    let answer = fixture.answer(ALICE, later).await;
    assert!(
        answer.says("Break-glass starts at once. Leave `--at` out, or use `/jit request`."),
        "{}",
        answer.text
    );
    assert!(fixture.kinds().await.is_empty());
    assert!(!fixture.admitted("alice@example.com", SCOPE).await);
}

#[tokio::test]
async fn a_lock_holds_against_break_glass() {
    let fixture = started().await;
    fixture.end(SECURITY, "lock db-prod:write we look").await;
    let answer = fixture.answer(ALICE, USE).await;
    assert!(answer.says("locked"), "{}", answer.text);
    assert!(!fixture.admitted("alice@example.com", SCOPE).await);
}

#[tokio::test]
async fn two_reviewers_sign_off_and_never_the_one_who_used_it_nor_one_twice() {
    let fixture = started().await;
    let card = used(&fixture).await;
    fixture.alice().click(&card, "sign_off").await;
    fixture
        .answered(ALICE, "You can't review your own use of break-glass.")
        .await;
    fixture.bob().click(&card, "sign_off").await;
    fixture
        .answered(BOB, "Only members of the reviewer groups can do this.")
        .await;

    let silent = sign_off(&fixture, SECURITY, &card, "  ").await;
    assert!(matches!(silent, Submission::Errors(_)), "{silent:?}");
    let sam = fixture.person(SECURITY);
    sam.fill("reason", "reason", "I read the session");
    assert!(matches!(sam.submit().await, Submission::Closed));
    let card = fixture.shows(&card, "1 of 2").await;
    assert!(card.says("I read the session"), "{}", card.text);
    sam.click(&card, "sign_off").await;
    fixture
        .answered(SECURITY, "You have already signed this off.")
        .await;

    let listed = fixture.answer(SECURITY, "reviews").await;
    assert!(listed.says("1 of 2 signed off"), "{}", listed.text);
    let refused = fixture.answer(BOB, "reviews").await;
    assert!(refused.says("Only members of the reviewer groups"));

    let closed = sign_off(&fixture, CAROL, &card, "So did I").await;
    assert!(matches!(closed, Submission::Closed), "{closed:?}");
    let card = fixture.shows(&card, "Reviewed").await;
    assert!(!card.has("sign_off"));
    let listed = fixture.answer(SECURITY, "reviews").await;
    assert!(
        listed.says("Nothing is open for review."),
        "{}",
        listed.text
    );
    let kinds = fixture.kinds().await;
    let signed = kinds.iter().filter(|kind| *kind == "review_signed_off");
    assert_eq!(signed.count(), 2);
}

#[tokio::test]
async fn an_open_review_is_reminded_weekly_and_then_stops_the_next_break_glass() {
    let mut fixture = started().await;
    let card = used(&fixture).await;
    fixture.until_logged("ended", 1).await;
    fixture.crash().await;
    fixture.clock.advance(WEEK);
    fixture.boot().await;
    fixture.until_logged("review_reminded", 1).await;
    let reminder = fixture.said(REVIEWS, "Reminder").await;
    assert_eq!(reminder.thread_ts.as_deref(), Some(card.ts.as_str()));
    fixture.told(SECURITY, "Reminder").await;

    fixture.clock.advance(WEEK);
    fixture.until_logged("review_reminded", 2).await;
    let answer = fixture.answer(ALICE, USE).await;
    assert!(
        answer.says("open for review for too long"),
        "{}",
        answer.text
    );
    // Another person is not held up by it.
    let answer = fixture.answer(BOB, USE).await;
    assert!(answer.says("You used break-glass"), "{}", answer.text);

    for person in [SECURITY, CAROL] {
        let card = fixture.shows(&card, "Break-glass").await;
        sign_off(&fixture, person, &card, "Late, and fine").await;
    }
    fixture.until_logged("review_signed_off", 2).await;
    let answer = fixture.answer(ALICE, USE).await;
    assert!(answer.says("You used break-glass"), "{}", answer.text);
}

#[tokio::test]
async fn the_button_of_a_pending_request_asks_first_and_replaces_it() {
    let fixture = started().await;
    fixture.jit(ALICE, REQUEST).await;
    let asked = fixture
        .in_time(|sim| {
            let told = sim.dm(ALICE);
            told.into_iter().find(|message| message.has("break_glass"))
        })
        .await;
    let blocks = asked.blocks.to_string();
    assert!(
        blocks.contains("\"confirm\"") && blocks.contains("danger"),
        "{blocks}"
    );
    fixture.alice().click(&asked, "break_glass").await;
    let kinds = fixture.until_logged("withdrawn", 1).await;
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "glass_broken").count(),
        1
    );
    // A second click finds nothing that waits.
    fixture.alice().click(&asked, "break_glass").await;
    fixture.answered(ALICE, "no longer applies").await;
    let kinds = fixture.kinds().await;
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "glass_broken").count(),
        1
    );
}

#[tokio::test]
async fn two_reviewers_who_sign_off_at_once_both_count() {
    let fixture = started().await;
    let card = used(&fixture).await;
    let (sam, carol) = (fixture.person(SECURITY), fixture.carol());
    for reviewer in [&sam, &carol] {
        reviewer.click(&card, "sign_off").await;
        fixture.in_time(|_| reviewer.modal()).await;
        reviewer.fill("reason", "reason", "I read the session");
    }
    let both = tokio::join!(sam.submit(), carol.submit());
    assert!(
        matches!(both, (Submission::Closed, Submission::Closed)),
        "{both:?}"
    );
    let kinds = fixture.until_logged("review_signed_off", 2).await;
    let signed = kinds.iter().filter(|kind| *kind == "review_signed_off");
    assert_eq!(signed.count(), 2);
    // The old card, which still has the button.
    sam.click(&card, "sign_off").await;
    fixture
        .answered(SECURITY, "You have already signed this off.")
        .await;
}

#[tokio::test]
async fn break_glass_works_while_the_ticket_tracker_is_down() {
    let tracker = Tracker::start(TOKEN).await;
    tracker.answers(Answer::Status(503));
    let url = tracker.url();
    let tickets = format!(
        "[tickets]\nkind = \"jira\"\nurl = \"{url}\"\nuser = \"{USER}\"\n\
         token = {{ file = \"DIR/api_token\" }}\nscopes = [\"db-prod:*\"]\n"
    );
    let change = |text: &str| format!("{tickets}{}", config(text));
    let fixture = set(change, POLICY).await;
    let refused = fixture.answer(ALICE, REQUEST).await;
    assert!(
        refused.says("Jira answered with status 503"),
        "{}",
        refused.text
    );
    let asked = tracker.asked().len();

    used(&fixture).await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    assert!(fixture.admitted("alice@example.com", SCOPE).await);
    assert_eq!(tracker.asked().len(), asked, "nobody was asked again");
}

/// Waits until somebody's Home is as `wanted`.
async fn shown(fixture: &Fixture, person: &str, wanted: impl Fn(&View) -> bool) -> View {
    fixture
        .in_time(|sim| sim.home(person).filter(|home| wanted(home)))
        .await
}

fn signs_off(home: &View) -> bool {
    home.action_ids().iter().any(|id| id == "sign_off")
}

#[tokio::test]
async fn the_homes_of_reviewers_and_of_whoever_used_it_show_what_is_open_for_review() {
    let fixture = started().await;
    for person in [ALICE, BOB, CAROL, SECURITY] {
        fixture.person(person).open_home().await;
        shown(&fixture, person, |_| true).await;
    }
    used(&fixture).await;
    let home = shown(&fixture, SECURITY, signs_off).await;
    for words in [
        "Open for review",
        "<@U0ALICE> used",
        "writes are failing",
        "0 of 2",
    ] {
        assert!(home.says(words), "{words}: {}", home.all_text());
    }
    // Alice is a reviewer too.
    let is_told = |home: &View| home.says("Your use of break-glass for");
    let own = shown(&fixture, ALICE, is_told).await;
    assert!(!signs_off(&own), "{}", own.all_text());

    let sam = fixture.person(SECURITY);
    sam.press_home("sign_off").await;
    fixture.in_time(|_| sam.modal()).await;
    sam.fill("reason", "reason", "I read the session");
    let closed = sam.submit().await;
    assert!(matches!(closed, Submission::Closed), "{closed:?}");
    shown(&fixture, SECURITY, |home| !home.says("Open for review")).await;
    shown(&fixture, ALICE, |home| home.says("1 of 2")).await;
    let home = shown(&fixture, CAROL, |home| home.says("1 of 2")).await;
    assert!(signs_off(&home), "{}", home.all_text());

    fixture.carol().press_home("sign_off").await;
    fixture.in_time(|_| fixture.carol().modal()).await;
    fixture.carol().fill("reason", "reason", "So did I");
    let closed = fixture.carol().submit().await;
    assert!(matches!(closed, Submission::Closed), "{closed:?}");
    shown(&fixture, CAROL, |home| !home.says("Open for review")).await;
    shown(&fixture, ALICE, |home| !is_told(home)).await;
    let outside = fixture.sim.home(BOB).unwrap();
    assert!(!outside.says("review"), "{}", outside.all_text());
}

#[tokio::test]
async fn nobody_signs_off_who_turned_out_to_be_the_first_reviewer_or_whoever_used_it() {
    let fixture = started().await;
    let card = used(&fixture).await;
    sign_off(&fixture, SECURITY, &card, "I read the session").await;
    let card = fixture.shows(&card, "1 of 2").await;
    for (same, words) in [
        (SECURITY, "You have already signed this off."),
        (ALICE, "You can't review your own use of break-glass."),
    ] {
        let address = format!("{}.new@example.com", same.to_lowercase());
        for person in [same, CAROL] {
            let email = address.clone();
            fixture.sim.update_person(person, |it| it.email = email);
        }
        // What was learnt of them earlier counts for a minute.
        fixture.clock.advance(Duration::from_secs(61));
        fixture.carol().click(&card, "sign_off").await;
        fixture.answered(CAROL, words).await;
    }
    let kinds = fixture.kinds().await;
    let signed = kinds.iter().filter(|kind| *kind == "review_signed_off");
    assert_eq!(signed.count(), 1);
}

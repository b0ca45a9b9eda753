//! The contract of `keylend::backend::Backend`.

use std::time::Duration;

use keylend::{
    backend::{BackendConfig, BackendError, Presence},
    domain::{LoginName, Span},
};
use secrecy::ExposeSecret;

use crate::subject::Subject;
use crate::subject::{Calls as _, Order};

/// A limit that no call comes near.
const AMPLE: &str = "60s";

pub(crate) async fn grant<S: Subject>(subject: &S, order: &Order) -> Result<(), BackendError> {
    let password = subject.password(order);
    let outcome = subject.backend().grant(order, password.as_ref()).await;
    let outcome = outcome.map(drop);
    when_done(subject, order, outcome).await
}

pub(crate) async fn read<S: Subject>(subject: &S, order: &Order) -> Presence {
    subject.backend().status(order).await.expect("an answer")
}

async fn try_revoke<S: Subject>(subject: &S, order: &Order) -> Result<(), BackendError> {
    let outcome = subject.backend().revoke(order).await;
    when_done(subject, order, outcome).await
}

pub(crate) async fn revoke<S: Subject>(subject: &S, order: &Order) {
    try_revoke(subject, order).await.expect("taken back");
}

/// Waits for a target that needs longer, as the worker does.
async fn when_done<S: Subject>(
    subject: &S,
    order: &Order,
    outcome: Result<(), BackendError>,
) -> Result<(), BackendError> {
    if !matches!(outcome, Err(BackendError::Pending { .. })) {
        return outcome;
    }
    in_time(async {
        loop {
            match subject.backend().status(order).await {
                Err(BackendError::Pending { .. }) => {}
                outcome => return outcome.map(drop),
            }
        }
    })
    .await
}

/// The order as it is after the next decision.
pub(crate) fn later(order: &Order) -> Order {
    let mut later = order.clone();
    later.generation += 1;
    later
}

pub(crate) async fn access_that_was_made_works_and_reads_as_present<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    assert_eq!(read(&subject, &order).await, Presence::Absent);
    assert!(!subject.works(&order).await);

    grant(&subject, &order).await.expect("made");
    assert_eq!(read(&subject, &order).await, Presence::Present);
    assert!(subject.works(&order).await);
}

pub(crate) async fn making_twice_is_making_once<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    grant(&subject, &order).await.expect("made");
    grant(&subject, &order).await.expect("made again");
    assert!(subject.works(&order).await);

    revoke(&subject, &later(&order)).await;
    assert_eq!(read(&subject, &order).await, Presence::Absent);
    assert!(!subject.works(&order).await);
}

pub(crate) async fn making_at_the_same_time_is_making_once<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    let once = || grant(&subject, &order);
    let (a, b, c, d) = tokio::join!(once(), once(), once(), once());
    one_gets_through([a, b, c, d]);
    assert!(subject.works(&order).await);

    revoke(&subject, &later(&order)).await;
    assert_eq!(read(&subject, &order).await, Presence::Absent);
}

pub(crate) async fn making_again_sets_the_end_anew<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let mut order = subject.order("alice").await;
    grant(&subject, &order).await.expect("made");
    let kept = subject.end(&order).await;
    assert!(kept.is_none_or(|end| end == order.expires_at), "{kept:?}");

    order = later(&order);
    order.expires_at = Span::minutes(30).after(order.expires_at);
    grant(&subject, &order).await.expect("made again");
    let kept = subject.end(&order).await;
    assert!(kept.is_none_or(|end| end == order.expires_at), "{kept:?}");
    assert!(subject.works(&order).await);
}

pub(crate) async fn access_that_was_taken_back_works_no_more_and_reads_as_absent<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    grant(&subject, &order).await.expect("made");
    revoke(&subject, &later(&order)).await;
    assert_eq!(read(&subject, &order).await, Presence::Absent);
    assert!(!subject.works(&order).await);
}

pub(crate) async fn taking_back_twice_is_taking_back_once<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    grant(&subject, &order).await.expect("made");
    revoke(&subject, &later(&order)).await;
    revoke(&subject, &later(&order)).await;
    assert_eq!(read(&subject, &order).await, Presence::Absent);
}

pub(crate) async fn taking_back_at_the_same_time_is_taking_back_once<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    grant(&subject, &order).await.expect("made");
    let order = later(&order);
    let once = || try_revoke(&subject, &order);
    let (a, b, c, d) = tokio::join!(once(), once(), once(), once());
    one_gets_through([a, b, c, d]);
    assert_eq!(read(&subject, &order).await, Presence::Absent);
}

/// The worker has one call at a time under way for one piece of access. A target may cut off the
/// older of two, which is then to be tried again.
fn one_gets_through(outcomes: [Result<(), BackendError>; 4]) {
    assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
    for outcome in outcomes {
        let is_fine = matches!(outcome, Ok(()) | Err(BackendError::Retry(_)));
        assert!(is_fine, "{outcome:?}");
    }
}

pub(crate) async fn taking_back_what_was_never_made_succeeds<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    revoke(&subject, &later(&order)).await;
    assert_eq!(read(&subject, &order).await, Presence::Absent);
}

pub(crate) async fn access_can_be_made_again_after_it_was_taken_back<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    grant(&subject, &order).await.expect("made");
    let order = later(&order);
    revoke(&subject, &order).await;
    grant(&subject, &later(&order)).await.expect("made again");
    assert_eq!(read(&subject, &order).await, Presence::Present);
    assert!(subject.works(&order).await);
}

pub(crate) async fn ending_one_persons_access_leaves_anothers<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let (alice, bob) = (subject.order("alice").await, subject.order("bob").await);
    grant(&subject, &alice).await.expect("made");
    grant(&subject, &bob).await.expect("made");
    revoke(&subject, &later(&alice)).await;
    assert_eq!(read(&subject, &bob).await, Presence::Present);
    assert!(subject.works(&bob).await);
}

pub(crate) async fn a_target_that_is_down_is_tried_again_and_never_reads_as_absent<S: Subject>() {
    let subject = S::start_alone(AMPLE).await;
    let order = subject.order("alice").await;
    grant(&subject, &order).await.expect("made");

    subject.stop().await;
    let backend = subject.backend();
    assert_retry("read", backend.status(&order).await);
    assert_retry("grant", grant(&subject, &order).await);
    assert_retry("revoke", backend.revoke(&later(&order)).await);

    subject.start_again().await;
    assert_eq!(read(&subject, &order).await, Presence::Present);
    revoke(&subject, &later(&order)).await;
    assert_eq!(read(&subject, &order).await, Presence::Absent);
}

pub(crate) async fn a_target_that_is_down_lists_nobody_as_an_error<S: Subject>() {
    let subject = S::start_alone(AMPLE).await;
    let order = subject.order("alice").await;
    grant(&subject, &order).await.expect("made");
    subject.stop().await;
    let layer = subject.backend().bound(&order);
    assert_retry("holders", layer.holders().await);
    let layers = [order.params.clone()];
    assert_retry("diagnose", subject.backend().diagnose(&layers).await);
}

pub(crate) async fn everybody_who_has_the_access_is_listed<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let (alice, bob) = (subject.order("alice").await, subject.order("bob").await);
    let layer = subject.backend().bound(&alice);
    let name = match layer.login(&alice) {
        LoginName::Named(name) => name,
        LoginName::New => alice.handle.to_string(),
    };
    let listed = async |name: &str| {
        let mut holders = layer.holders().await.expect("a list");
        holders.retain(|holder| holder.name == name);
        holders
    };
    assert_eq!(listed(&name).await, []);

    grant(&subject, &alice).await.expect("made");
    let by_hand = subject.grant_by_hand(&bob).await;
    let holders = listed(&name).await;
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert!(holders[0].is_managed);
    assert_eq!(holders[0].entitlement, Some(layer.entitlement(&alice)));
    let holders = listed(&by_hand).await;
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert!(!holders[0].is_managed);

    revoke(&subject, &later(&alice)).await;
    assert_eq!(listed(&name).await, []);
    assert_eq!(listed(&by_hand).await.len(), 1);
}

pub(crate) async fn a_target_says_what_it_is_and_lacks_nothing<S: Subject>() {
    let subject = S::start_alone(AMPLE).await;
    subject.complete().await;
    let layers = [subject.order("alice").await.params];
    let diagnosis = subject.backend().diagnose(&layers).await;
    let diagnosis = diagnosis.expect("an answer");
    assert!(diagnosis.version.is_some_and(|version| !version.is_empty()));
    assert!(!diagnosis.present.is_empty());
    assert_eq!(diagnosis.missing, [""; 0]);
}

pub(crate) async fn a_target_that_hangs_is_left_at_the_time_limit<S: Subject>() {
    let subject = S::start_alone("200ms").await;
    let order = subject.order("alice").await;
    subject.hang();
    let backend = subject.backend();
    assert_retry("read", in_time(backend.status(&order)).await);
    assert_retry("grant", in_time(grant(&subject, &order)).await);
    assert_retry("revoke", in_time(backend.revoke(&later(&order))).await);
}

/// Far above the limit, far below what hangs.
async fn in_time<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), call)
        .await
        .expect("an answer at the time limit")
}

fn assert_retry<T: std::fmt::Debug>(what: &str, outcome: Result<T, BackendError>) {
    assert!(
        matches!(outcome, Err(BackendError::Retry(_))),
        "{what}: {outcome:?}"
    );
}

pub(crate) async fn hostile_names_do_no_harm<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let bystander = subject.order("bystander").await;
    grant(&subject, &bystander).await.expect("made");

    let long = "é".repeat(40);
    for name in [
        r#"alice"; DROP ROLE bystander; --"#,
        "alice'; DROP ROLE bystander; --",
        r#"","action":"grant","x":""#,
        "$(touch /tmp/owned)`id`",
        "löwe 🦁\u{202e}",
        "a\0b",
        "../../bystander",
        "public",
        "current_user",
        " ",
        "",
        long.as_str(),
    ] {
        let order = subject.order(name).await;
        match grant(&subject, &order).await {
            Ok(()) => assert_eq!(read(&subject, &order).await, Presence::Present, "{name}"),
            Err(BackendError::Fail(_)) => {}
            Err(error) => panic!("{name}: {error}"),
        }
        revoke(&subject, &later(&order)).await;
        assert_eq!(read(&subject, &order).await, Presence::Absent, "{name}");
        assert!(subject.works(&bystander).await, "{name}");
    }
}

pub(crate) async fn the_entitlement_says_what_two_grants_share<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let (first, second) = (subject.order("alice").await, subject.order("alice").await);
    let other = subject.order("bob").await;
    let backend = subject.backend();
    let entitlement = |order: &Order| backend.entitlement(order);
    assert_ne!(entitlement(&first), entitlement(&other));

    // If they share it, the one's access is the other's too, and only then.
    grant(&subject, &first).await.expect("made");
    let shared = entitlement(&first) == entitlement(&second);
    let present = read(&subject, &second).await == Presence::Present;
    assert_eq!(shared, present);
}

pub(crate) async fn nothing_secret_is_in_what_the_requester_is_shown<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    let shown = subject.backend().bound(&order).connection(&order);
    let password = subject.password(&order);
    assert_eq!(shown.is_some(), password.is_some());
    for (label, text) in shown.unwrap_or_default() {
        let password = password.as_ref().map_or("", |text| text.expose_secret());
        assert!(!text.contains(password), "{label}");
    }
}

pub(crate) async fn wrong_parameters_are_named<S: Subject>() {
    let subject = S::start(AMPLE).await;
    let order = subject.order("alice").await;
    let config: BackendConfig = toml::from_str(S::CONFIG).expect("a configuration");
    config.check_layer(&order.params).expect("right");
    for (params, key) in S::wrong_params() {
        let params = params.as_object().expect("an object");
        let error = config.check_layer(params).expect_err("wrong");
        assert_eq!(error.key.as_deref(), key, "{error}");
    }
}

//! What follows from a request's state: due work, shared entitlements, stuck revocations,
//! credentials.

use std::{collections::BTreeSet, sync::Arc};

use keylend::{
    clock::SystemEntropy,
    domain::{
        BackendName, Command, Entitlement, Human, INSPECT_AGAIN, Lane, Request, RequestId, Span,
    },
    secret::SecretField,
    store::{
        Commit, CommitError, Database, LoggedPeople, Open, SealedCredential, Sharing, Stuck,
        WorkClaims,
    },
    vault::{Vault, generate_password},
};

use crate::story::{
    active, approved, asked, at, commit, done, inspected, is_conflict, made, not_unmade, only,
    revoked, then, withdrawn,
};

crate::holds!(
    a_lane_is_due_at_its_earliest_work,
    access_that_reappears_is_work_again_until_it_is_gone,
    a_request_may_have_access_until_the_last_of_its_layers_was_inspected_once_more,
    what_is_longest_due_comes_first,
    due_work_is_given_to_one_at_a_time,
    a_name_is_claimed_by_one_at_a_time,
    grants_of_one_entitlement_know_each_other,
    a_revocation_that_fails_again_and_again_is_stuck_until_it_succeeds,
    credentials_are_erased_with_the_end,
    a_request_is_made_again_only_as_its_last_entry_left_it,
    what_waits_is_what_awaits_a_decision,
);

fn target(name: &str) -> Lane {
    Lane::Target(BackendName::new(name))
}

/// What is due and nobody works on, given back at once.
async fn due(store: &dyn WorkClaims, lane: &Lane, second: i64, limit: u32) -> Vec<RequestId> {
    let claimed = store.claim_due(lane, at(second), limit).await.unwrap();
    claimed.into_iter().map(|(request, _)| request).collect()
}

async fn a_lane_is_due_at_its_earliest_work(store: Arc<dyn Database>) {
    let due = async |lane: &Lane, second| due(&*store, lane, second, 9).await;
    let next = async |lane: &Lane, second| store.next_due(lane, at(second)).await.unwrap();
    let (clock, pg, bastion) = (Lane::Clock, target("pg-prod"), target("bastion"));

    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    assert_eq!(due(&clock, 1199).await, []);
    assert_eq!(next(&clock, 0).await, Some(at(1200)));
    assert_eq!(due(&clock, 1200).await, [request.id]);
    assert_eq!(next(&clock, 1200).await, None);

    let layers = [("pg-prod", "a"), ("pg-prod", "b"), ("bastion", "c")];
    let request = commit(&*store, approved(&request, &layers, at(10))).await;
    assert_eq!(next(&clock, 0).await, request.expires_at);
    for lane in [&pg, &bastion] {
        assert_eq!(due(lane, 0).await, [request.id], "at once");
    }

    let mut request = request;
    for layer in 0..3 {
        request = commit(&*store, inspected(&request, layer, true, at(11))).await;
        request = commit(&*store, made(&request, layer, at(12))).await;
    }
    for lane in [&pg, &bastion] {
        assert_eq!(due(lane, 1_000_000).await, []);
    }
    assert_eq!(next(&clock, 12).await, request.warn_at);

    request = commit(&*store, done(&request, at(20))).await;
    assert_eq!(due(&clock, 1_000_000).await, []);
    request = commit(&*store, not_unmade(&request, 0, at(50), at(21))).await;
    assert_eq!(due(&pg, 20).await, [request.id], "the other layer");
    request = commit(&*store, revoked(&request, 1, at(22))).await;
    assert_eq!(
        (due(&pg, 49).await, next(&pg, 22).await),
        (vec![], Some(at(50)))
    );
    for layer in [0, 2] {
        request = commit(&*store, revoked(&request, layer, at(51))).await;
    }
    // What is over has no work but the inspection that follows.
    assert!(!request.is_open());
    assert_eq!(next(&clock, 0).await, None);
    let again = INSPECT_AGAIN.after(at(51));
    let later = |name| Lane::ReadBack(BackendName::new(name));
    let (pg_later, bastion_later) = (later("pg-prod"), later("bastion"));
    let first = INSPECT_AGAIN.after(at(22));
    assert_eq!(next(&pg_later, 51).await, Some(first));
    assert_eq!(next(&bastion_later, 51).await, Some(again));
    for layer in 0..3 {
        let command = Command::InspectedLater {
            layer,
            present: false,
        };
        request = commit(&*store, then(&request, command, again)).await;
    }
    for lane in [&clock, &pg, &bastion, &pg_later, &bastion_later] {
        assert_eq!(
            (due(lane, 1_000_000).await, next(lane, 0).await),
            (vec![], None)
        );
    }
}

async fn access_that_reappears_is_work_again_until_it_is_gone(store: Arc<dyn Database>) {
    let pg = target("pg-prod");
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let request = commit(&*store, approved(&request, &[("pg-prod", "a")], at(10))).await;
    let request = commit(&*store, inspected(&request, 0, true, at(11))).await;
    let request = commit(&*store, made(&request, 0, at(12))).await;
    let request = commit(&*store, done(&request, at(20))).await;
    let request = commit(&*store, revoked(&request, 0, at(21))).await;
    assert_eq!(store.open(Open::All).await.unwrap(), []);

    let later = INSPECT_AGAIN.after(at(21));
    let command = Command::InspectedLater {
        layer: 0,
        present: true,
    };
    let request = commit(&*store, then(&request, command, later)).await;
    assert_eq!(
        store.open(Open::All).await.unwrap(),
        std::slice::from_ref(&request)
    );
    assert_eq!(due(&*store, &pg, 0, 9).await, [request.id], "at once");
    let open_of = async || {
        let people = LoggedPeople::default();
        let open = people
            .read(&*store, |people| people.open_of(&request.human))
            .await;
        open.unwrap().len()
    };
    assert_eq!(open_of().await, 1);
    assert_eq!(store.stuck(1).await.unwrap().len(), 1);

    commit(&*store, revoked(&request, 0, at(400))).await;
    assert_eq!(store.open(Open::All).await.unwrap(), []);
    assert_eq!(open_of().await, 0);
}

async fn a_request_may_have_access_until_the_last_of_its_layers_was_inspected_once_more(
    store: Arc<dyn Database>,
) {
    let layers = [("pg-prod", "a"), ("bastion", "b")];
    let mut request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    request = commit(&*store, approved(&request, &layers, at(10))).await;
    for layer in [0, 1] {
        request = commit(&*store, inspected(&request, layer, true, at(11))).await;
        request = commit(&*store, made(&request, layer, at(12))).await;
    }
    request = commit(&*store, done(&request, at(20))).await;
    for layer in [0, 1] {
        request = commit(&*store, revoked(&request, layer, at(21))).await;
    }
    let mut may_have = vec![request.id];
    for layer in [0, 1] {
        let entitlement = Entitlement::new("b");
        assert_eq!(store.approved_for(&entitlement).await.unwrap(), may_have);
        let present = false;
        let command = Command::InspectedLater { layer, present };
        request = commit(&*store, then(&request, command, at(400))).await;
        may_have.retain(|_| layer == 0);
        assert_eq!(store.approved_for(&entitlement).await.unwrap(), may_have);
    }
}

async fn what_is_longest_due_comes_first(store: Arc<dyn Database>) {
    let mut ids = Vec::new();
    for (seed, second) in [("c", 100), ("a", 200), ("b", 300)] {
        let request = commit(&*store, asked(seed, "alice", "db-prod:write", at(second))).await;
        ids.push(request.id);
    }
    assert_eq!(
        due(&*store, &Lane::Clock, 10_000, 2).await,
        [ids[0], ids[1]]
    );
}

async fn due_work_is_given_to_one_at_a_time(store: Arc<dyn Database>) {
    for (seed, second) in [("one", 1), ("two", 2), ("three", 3)] {
        commit(&*store, asked(seed, "alice", "db-prod:write", at(second))).await;
    }
    let claim = async |limit| {
        let claimed = store.claim_due(&Lane::Clock, at(10_000), limit).await;
        claimed.unwrap()
    };
    let first = claim(2).await;
    let second = claim(9).await;
    assert_eq!((first.len(), second.len()), (2, 1));
    assert!(first.iter().all(|(id, _)| *id != second[0].0));
    assert!(claim(9).await.is_empty());
    drop(first);
    assert_eq!(claim(9).await.len(), 2, "what was let go of is there again");
    assert_eq!(claim(9).await.len(), 2, "as often as it is");
}

async fn a_name_is_claimed_by_one_at_a_time(store: Arc<dyn Database>) {
    let claim = async |name| store.claim(name).await.unwrap();
    let first = claim("slack").await;
    assert!(first.is_some());
    assert!(claim("slack").await.is_none());
    assert!(claim("access/role").await.is_some(), "another name");
    drop(first);
    assert!(claim("slack").await.is_some());
}

async fn grants_of_one_entitlement_know_each_other(store: Arc<dyn Database>) {
    let role = Entitlement::new("app_writer to alice");
    let sharing = async |except: RequestId| store.sharing(&role, except).await.unwrap();
    let one = active(&*store, "one", role.as_str()).await;
    let nobody = RequestId::new(at(0), 0);

    let two = commit(&*store, asked("two", "alice", "db-prod:write", at(5))).await;
    let layers = [("pg-prod", role.as_str()), ("pg-prod", "another")];
    let two = commit(&*store, approved(&two, &layers, at(6))).await;
    assert_eq!(sharing(one.id).await, [], "nothing was looked at yet");
    let two = commit(&*store, inspected(&two, 0, false, at(7))).await;
    let others = Sharing {
        request: two.id,
        managed: false,
        goes_on: true,
    };
    assert_eq!(sharing(one.id).await, [others]);
    assert_eq!(sharing(nobody).await.len(), 2);

    let one = commit(&*store, done(&one, at(8))).await;
    let ending = Sharing {
        request: one.id,
        managed: true,
        goes_on: false,
    };
    assert_eq!(sharing(two.id).await, [ending]);
    commit(&*store, revoked(&one, 0, at(9))).await;
    assert_eq!(sharing(two.id).await, []);
}

async fn a_revocation_that_fails_again_and_again_is_stuck_until_it_succeeds(
    store: Arc<dyn Database>,
) {
    let request = active(&*store, "one", "role").await;
    let mut request = commit(&*store, done(&request, at(10))).await;
    for failures in 1..=3 {
        assert_eq!(store.stuck(3).await.unwrap(), []);
        let failed = not_unmade(&request, 0, at(20), at(10 + failures));
        request = commit(&*store, failed).await;
    }
    let stuck = Stuck {
        request: request.id,
        failures: 3,
    };
    assert_eq!(store.stuck(3).await.unwrap(), [stuck]);
    assert_eq!(store.stuck(4).await.unwrap(), []);
    commit(&*store, revoked(&request, 0, at(20))).await;
    assert_eq!(store.stuck(1).await.unwrap(), []);
}

pub(crate) fn sealed(request: RequestId) -> SealedCredential {
    let vault = Vault::new(&"ab".repeat(32).into()).unwrap();
    let password = SecretField {
        label: "Password".to_owned(),
        value: generate_password(&SystemEntropy),
    };
    vault.seal(request, 0, &[password], &SystemEntropy)
}

async fn credentials_are_erased_with_the_end(store: Arc<dyn Database>) {
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let keep = |credential: &SealedCredential| Commit {
        credentials: vec![credential.clone()],
        ..Commit::default()
    };
    assert!(is_conflict(
        store.commit(keep(&sealed(RequestId::new(at(0), 0)))).await
    ));
    let (first, second) = (sealed(request.id), sealed(request.id));
    for credential in [&first, &second] {
        store.commit(keep(credential)).await.unwrap();
        let kept = store.credential(request.id, 0).await.unwrap();
        assert_eq!(kept.as_ref(), Some(credential));
    }
    assert_eq!(store.credential(request.id, 1).await.unwrap(), None);

    store
        .commit(only(withdrawn(&request, at(1))))
        .await
        .unwrap();
    assert_eq!(store.credential(request.id, 0).await.unwrap(), None);
    assert!(is_conflict(store.commit(keep(&second)).await), "it is over");
}

async fn a_request_is_made_again_only_as_its_last_entry_left_it(store: Arc<dyn Database>) {
    let entries = async |request| {
        let entries = store.entries_of(request, 0, 9).await.unwrap();
        entries.iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    let first = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let other = commit(&*store, asked("two", "bob", "db-prod:write", at(1))).await;
    let layers = [("pg-prod", "a")];
    let second = commit(&*store, approved(&first, &layers, at(2))).await;
    assert_eq!(entries(Some(first.id)).await, [1, 3]);
    assert_eq!(entries(Some(other.id)).await, [2]);
    assert!(entries(None).await.is_empty());
    let behind = store.entries_of(Some(first.id), 1, 9).await.unwrap();
    assert_eq!(behind.len(), 1);
    let about = store.entries_about(&[other.id, first.id]).await.unwrap();
    let of = |id: RequestId| {
        let of_it = about
            .iter()
            .filter(|it| it.request_id == Some(id.to_string()));
        of_it.map(|entry| entry.seq).collect::<Vec<_>>()
    };
    assert_eq!((of(first.id), of(other.id)), (vec![1, 3], vec![2]));
    assert!(store.entries_about(&[]).await.unwrap().is_empty());
    let torn = async |requests: &[Request]| store.torn(requests).await.unwrap();
    assert_eq!(
        torn(&[second.clone(), other.clone()]).await,
        BTreeSet::new()
    );

    // Not to what it was before its last entry, also if that comes in the same moment.
    let stale = store.restore(&first, 1).await;
    assert!(matches!(stale, Err(CommitError::Conflict)), "{stale:?}");
    let change = inspected(&second, 0, true, at(3));
    let after = change.after().clone();
    let (committed, stale) = tokio::join!(store.commit(only(change)), store.restore(&second, 3));
    committed.unwrap();
    assert!(matches!(stale, Err(CommitError::Conflict)), "{stale:?}");
    assert_eq!(
        store.request(first.id).await.unwrap().as_ref(),
        Some(&after)
    );

    store.restore(&after, 4).await.unwrap();
    assert_eq!(
        store.request(first.id).await.unwrap().as_ref(),
        Some(&after)
    );
    assert_eq!(due(&*store, &target("pg-prod"), 9, 9).await, [first.id]);
    let over = commit(&*store, withdrawn(&other, at(4))).await;
    assert_eq!(torn(&[after, over]).await, BTreeSet::new());
}

async fn what_waits_is_what_awaits_a_decision(store: Arc<dyn Database>) {
    let waiting = async || {
        let waiting = store.awaiting(9).await.unwrap();
        waiting.iter().map(|request| request.id).collect::<Vec<_>>()
    };
    let grant = active(&*store, "one", "role").await;
    let pending = commit(&*store, asked("two", "bob", "db-prod:write", at(20))).await;
    assert_eq!(waiting().await, [pending.id]);
    let ask = Command::RequestExtension {
        by: grant.requester.clone(),
        human: Human::default(),
        rules: Vec::new(),
        duration: Span::minutes(10),
        lapses_at: at(4000),
        reason: String::new(),
    };
    let grant = commit(&*store, then(&grant, ask, at(30))).await;
    assert_eq!(waiting().await, [grant.id, pending.id]);
    assert_eq!(
        store.awaiting(1).await.unwrap(),
        std::slice::from_ref(&grant)
    );
    commit(&*store, withdrawn(&pending, at(31))).await;
    commit(&*store, done(&grant, at(40))).await;
    assert_eq!(waiting().await, []);
}

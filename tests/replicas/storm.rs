//! Everything at once: hundreds of requests with doubled clicks and racing approvers, while replicas
//! are killed every second and both servers are started again in the middle.

use std::time::Duration;

use keylend::clock::{Entropy, SystemEntropy};
use sqlx::Row;

use crate::{
    crowd::{self, Crowd},
    faults,
    rng::Rng,
    support::postgres::Postgres,
    world::World,
};

const REQUESTS: usize = 300;

/// How long people ask, and how long replicas are killed.
const ASKING: Duration = Duration::from_secs(12);
const RAGING: Duration = Duration::from_secs(18);

/// How long it may take until the last request is settled.
const PATIENCE: Duration = Duration::from_secs(150);

/// Messages of one messenger that Slack may have and the store not know of: a first post of a card
/// in eight channels, a line of each of three feeds. Those are the ones that appear twice after a
/// crash: see `slack::messages`.
const ON_THEIR_WAY: usize = 8 + 3;

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_settled_exactly_once_and_no_access_is_left_whatever_dies() {
    let seed = match std::env::var("KEYLEND_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => {
            let mut seed = [0; 8];
            SystemEntropy.fill(&mut seed);
            u64::from_le_bytes(seed)
        }
    };
    println!("KEYLEND_SEED={seed} tells this again");
    let mut rng = Rng(seed);
    let target = Postgres::start().await;
    let logins = crowd::requesters();
    let logins: String = logins
        .iter()
        .map(|name| format!("CREATE ROLE {name} LOGIN;"))
        .collect();
    target
        .execute(&format!(
            "CREATE ROLE app_writer; CREATE ROLE app_reader; {logins}
             ALTER ROLE postgres SET log_statement = 'none'"
        ))
        .await;
    let world = World::with(crowd::workspace(), Some(&target)).await;

    let crowd = Crowd::new(&world.sim, REQUESTS, ASKING, &mut rng);
    let raging = faults::rage(&world, &target, RAGING, &mut rng);
    let ((mut damage, replicas), ()) = tokio::join!(raging, crowd.settle(&world.looks, PATIENCE));
    let doubled = world.doubled().await;
    let turns: usize = replicas.iter().map(faults::turns).sum();
    damage.silenced += turns - 1;
    println!("{damage:?}, {doubled:?}");

    each_is_settled_once(&world).await;
    nothing_is_left(&world, &target).await;
    let most = damage.silenced * ON_THEIR_WAY;
    assert!(doubled.cards + doubled.lines <= most, "more than {most}");
    world.verify();
}

async fn each_is_settled_once(world: &World) {
    let odd = "SELECT count(*) FROM (
            SELECT request_id FROM events WHERE request_id IS NOT NULL GROUP BY 1 HAVING
                1 <> count(*) FILTER (WHERE kind = 'requested')
                OR 1 <> count(*) FILTER (
                    WHERE kind IN ('approved', 'denied', 'withdrawn', 'lapsed'))
                OR 1 <> count(*) FILTER (
                    WHERE kind IN ('ended', 'failed', 'denied', 'withdrawn', 'lapsed'))
                OR 1 < count(*) FILTER (WHERE kind = 'activated')) AS odd";
    assert_eq!(world.count(odd).await, 0);
    // A target that is started again, or a replica that dies, is no reason to give up.
    let given_up = "SELECT body FROM events WHERE kind = 'failed'";
    for failed in world.store.query(given_up).await {
        let why: String = failed.get(0);
        println!("failed: {why}");
    }
    // All that was meant to happen did.
    let outcomes = [
        "approved",
        "activated",
        "ended",
        "denied",
        "withdrawn",
        "lapsed",
    ];
    for kind in outcomes {
        let times = world.entries(kind).await;
        println!("{times} were {kind}");
        assert!(times > 0);
    }
    for cause in ["expired", "done", "revoked"] {
        let ends = format!(
            "SELECT count(*) FROM events
             WHERE kind = 'revocation_started' AND body::json #>> '{{cause,cause}}' = '{cause}'"
        );
        let times = world.count(&ends).await;
        println!("{times} were ended because {cause}");
        assert!(times > 0);
    }
}

async fn nothing_is_left(world: &World, target: &Postgres) {
    let members = target
        .query(
            "SELECT 1 FROM pg_auth_members JOIN pg_roles AS lent ON lent.oid = roleid
             WHERE lent.rolname IN ('app_writer', 'app_reader')",
        )
        .await;
    assert_eq!(members.len(), 0, "members of the roles that were lent");
    let logins = target
        .query("SELECT 1 FROM pg_roles WHERE rolname LIKE 'keylend%'")
        .await;
    assert_eq!(logins.len(), 0, "logins that were made for grants");
    assert_eq!(world.console.holders() + world.bastion.holders(), 0);
}

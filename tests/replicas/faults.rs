//! What happens to the replicas and the servers in the storm.

use std::{path::PathBuf, time::Duration};

use tokio::{task::JoinSet, time::interval};

use crate::{replica::Replica, rng::Rng, support::postgres::Postgres, world::World};

/// How many replicas there are.
const REPLICAS: usize = 3;

/// What has happened.
#[derive(Debug, Default)]
pub struct Damage {
    pub kills: usize,
    /// How often the replica that speaks to Slack stopped in the middle of it: killed, or because
    /// it was not heard of for too long.
    pub silenced: usize,
}

/// Kills a replica every second for `span` and starts it again; in between, the target and then
/// the store are started again too. Answers with all replicas at work.
pub async fn rage(
    world: &World,
    target: &Postgres,
    span: Duration,
    rng: &mut Rng,
) -> (Damage, Vec<Replica>) {
    let mut alive = Vec::new();
    for _ in 0..REPLICAS {
        alive.push(world.boot().await);
    }
    let mut damage = Damage::default();
    let mut starting = JoinSet::new();
    let mut seconds = interval(Duration::from_secs(1));
    let end = span.as_secs();
    for second in 0..end {
        seconds.tick().await;
        if !alive.is_empty() {
            let mut victim = alive.swap_remove(rng.below(alive.len()));
            world.balancer.remove(victim.address);
            damage.silenced += turns(&victim);
            damage.kills += 1;
            victim.kill();
            starting.spawn(start(world.config()));
        }
        if second == end / 3 {
            target.stop().await;
            target.start_again().await;
        } else if second == end * 2 / 3 {
            world.store.stop().await;
            world.store.start_again().await;
        }
        while let Some(started) = starting.try_join_next() {
            alive.push(put_behind(world, started.unwrap()));
        }
    }
    while let Some(started) = starting.join_next().await {
        alive.push(put_behind(world, started.unwrap()));
    }
    (damage, alive)
}

/// How often this replica spoke to Slack for all.
pub fn turns(replica: &Replica) -> usize {
    replica.says("claim acquired").len()
}

/// Starts a replica, however often it takes: the store may be away.
async fn start(config: PathBuf) -> Replica {
    loop {
        if let Ok(replica) = Replica::try_start(&config).await {
            return replica;
        }
    }
}

fn put_behind(world: &World, replica: Replica) -> Replica {
    world.balancer.add(replica.address);
    replica
}

//! After the story: whoever watches can go on by typing.

use std::{io::BufRead, time::Duration};

use slack_sim::Message;
use tokio::sync::mpsc;

use crate::{
    say,
    stage::{GENERAL, PEOPLE, Stage},
};

pub const HELP: &str = "\
Go on by typing, and see what Slack shows:
    alice /jit request console:enter 10m INC-7 check the queue
    bob approve          or: bob deny not now        alice done
    wait 10m             time passes
    check                may Alice enter?
Everybody: alice and dave may ask, bob and carol may approve. Ctrl-C ends the demo.";

/// Takes lines until Ctrl-C. Without a terminal there are none, and the demo only stays up.
pub async fn on(stage: &Stage) -> anyhow::Result<()> {
    let mut lines = lines();
    let mut seen = Seen::default();
    seen.news(stage);
    loop {
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
            () = seen.changed(stage) => {
                for (place, text) in seen.news(stage) {
                    say::slack(&place, &text);
                }
            }
            Some(line) = lines.recv() => {
                if let Err(wrong) = act(stage, &line).await {
                    say::note(&wrong.to_string());
                }
            }
        }
    }
}

async fn act(stage: &Stage, line: &str) -> anyhow::Result<()> {
    let (first, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    match first {
        "" => return Ok(()),
        "wait" => {
            let time: Duration = humantime::parse_duration(rest)?;
            stage.clock.move_ahead(time);
            return Ok(());
        }
        "check" => {
            let (decision, end) = stage.check("alice@example.com").await?;
            let until = end.map(|end| format!(", until {end}")).unwrap_or_default();
            say::note(&format!("{}{until}", if decision { "yes" } else { "no" }));
            return Ok(());
        }
        _ => {}
    }
    let Some((_, id)) = PEOPLE.iter().find(|(name, _)| *name == first) else {
        anyhow::bail!("{HELP}");
    };
    let person = stage.sim.person(id);
    if let Some(typed) = rest.strip_prefix("/jit") {
        person.command(GENERAL, "/jit", typed.trim()).await;
        if rest.trim() == "/jit" {
            say::note("A form opened in Slack; the demo in the terminal cannot show it.");
        }
        return Ok(());
    }
    let (action, words) = rest.split_once(' ').unwrap_or((rest, ""));
    let Some(message) = newest_with(stage, id, action) else {
        anyhow::bail!("{first} sees no button `{action}`");
    };
    person.click(&message, action).await;
    if action == "deny" {
        stage.sim.wait_until(|_| person.modal()).await;
        person.fill("reason", "reason", words);
        person.submit().await;
    }
    Ok(())
}

fn newest_with(stage: &Stage, person: &str, action: &str) -> Option<Message> {
    let mut messages = stage.sim.messages(crate::stage::DBA);
    messages.extend(stage.sim.dm(person));
    messages
        .into_iter()
        .rev()
        .find(|message| message.buttons().iter().any(|b| b == action))
}

/// What was printed already.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    fn news(&mut self, stage: &Stage) -> Vec<(String, String)> {
        let now = everything(stage);
        let news = now
            .iter()
            .filter(|line| !self.0.contains(line))
            .cloned()
            .collect();
        self.0 = now;
        news
    }

    async fn changed(&self, stage: &Stage) {
        let changed = |_: &slack_sim::Sim| (everything(stage) != self.0).then_some(());
        // The wait itself has an end; the demo has none.
        while stage.sim.try_wait_until(changed).await.is_err() {}
    }
}

fn everything(stage: &Stage) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (channel, name) in [(crate::stage::DBA, "#dba"), (crate::stage::AUDIT, "#audit")] {
        let messages = stage.sim.messages(channel);
        lines.extend(
            messages
                .into_iter()
                .map(|message| (name.to_owned(), message.text)),
        );
    }
    for (name, id) in PEOPLE {
        let private = stage
            .sim
            .dm(id)
            .into_iter()
            .chain(stage.sim.person(id).ephemerals());
        lines.extend(private.map(|message| (format!("to {name}"), message.text)));
    }
    lines
}

/// The lines that are typed; reading them must not keep the demo from ending.
fn lines() -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receive
}

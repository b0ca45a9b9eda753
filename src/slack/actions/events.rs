//! What happened in the workspace: facts get old, and so do App Homes. Slack is answered once that
//! is in the store, and delivers again what it was not answered for in time.

use std::time::Duration;

use crate::{
    slack::{Slack, inbound::Event, ingress::Answer},
    store::{Invalidation, StoreError},
};

/// How long the store may take; the rest of the three seconds is for the network.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes an event.
pub(in crate::slack) async fn receive(slack: &Slack, event: Event) -> Answer {
    match tokio::time::timeout(PATIENCE, note(slack, event)).await {
        Ok(Ok(())) => Answer::Received,
        Ok(Err(error)) => {
            tracing::warn!(%error, "failed to process an event; Slack delivers it again");
            Answer::Busy
        }
        Err(_) => Answer::Busy,
    }
}

async fn note(slack: &Slack, event: Event) -> Result<(), StoreError> {
    let is_ours = |app: &Option<String>| slack.installation.is_addressed(app.as_deref());
    match event {
        Event::PersonChanged {
            app,
            user,
            is_member,
        } if is_ours(&app) => {
            let told = slack
                .broker
                .outdated(Invalidation::Person(user.clone()))
                .await;
            if !is_member {
                slack.broker.may_have_left(user.clone());
            }
            told?;
            slack.homes.person_changed(&user, is_member).await
        }
        Event::UsergroupChanged {
            app,
            usergroup,
            people,
        } if is_ours(&app) => {
            // Nothing is known of other groups, and nobody has to be told.
            let groups = slack.broker.directory().groups_of(&usergroup);
            if !groups.is_empty() {
                let told = slack
                    .broker
                    .outdated(Invalidation::Usergroup(usergroup.clone()))
                    .await;
                slack.broker.may_have_lost_members(usergroup);
                told?;
                slack.homes.people_changed(people).await?;
            }
            Ok(())
        }
        Event::ChannelsChanged { app, channels } if is_ours(&app) => {
            for channel in &channels {
                slack.client.shared_channels().forget(channel);
            }
            Ok(())
        }
        Event::HomeOpened { app, user } if is_ours(&app) => slack.homes.opened(&user).await,
        event => {
            tracing::debug!(slack.event = ?event, "ignored an event");
            Ok(())
        }
    }
}

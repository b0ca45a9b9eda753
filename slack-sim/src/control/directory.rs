//! Who and what there is.

use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{
    app::App,
    sim::Inner,
    wire::{
        AppFacts, ChannelFacts, CommandFacts, Directory, GroupFacts, PageFacts, PersonFacts, Team,
        Transport,
    },
    workspace::{Channel, Group, Person, Workspace},
};

pub(super) async fn directory(State(inner): State<Arc<Inner>>) -> Json<Directory> {
    let page = PageFacts {
        furniture: inner.page(),
        clock_moves: inner.time_moves(),
    };
    inner.read(|state| {
        let workspace = &state.workspace;
        Json(Directory {
            team: Team {
                id: workspace.team_id.clone(),
                name: workspace.team_name().to_owned(),
            },
            app: app(workspace),
            transport: state.app.as_ref().map(|app| match app {
                App::Http { .. } => Transport::Http,
                App::Socket => Transport::Socket,
            }),
            people: workspace
                .people
                .values()
                .map(|one| person(workspace, one))
                .collect(),
            groups: workspace.groups.values().map(group).collect(),
            channels: workspace.channels.values().map(channel).collect(),
            commands: commands(workspace),
            page,
        })
    })
}

fn app(workspace: &Workspace) -> AppFacts {
    let manifest = workspace.manifest.as_ref();
    AppFacts {
        id: workspace.app_id.clone(),
        name: workspace.app_name().to_owned(),
        bot_user_id: workspace.bot_user_id.clone(),
        bot_id: workspace.bot_id.clone(),
        home_tab: workspace.home_tab(),
        messages_tab: manifest.is_none_or(|manifest| manifest.messages_tab),
        takes_messages: workspace.takes_messages(),
    }
}

fn person(workspace: &Workspace, person: &Person) -> PersonFacts {
    PersonFacts {
        id: person.id.clone(),
        name: person.name.clone(),
        real_name: person.real_name.clone(),
        kind: (&person.kind).into(),
        team_id: workspace.team_of(person).to_owned(),
        tz: person.tz.clone(),
    }
}

fn group(group: &Group) -> GroupFacts {
    GroupFacts {
        id: group.id.clone(),
        handle: group.handle.clone(),
        members: group.members.clone(),
    }
}

fn channel(channel: &Channel) -> ChannelFacts {
    ChannelFacts {
        id: channel.id.clone(),
        name: channel.name.clone(),
        is_private: channel.is_private,
        is_archived: channel.is_archived,
        is_ext_shared: channel.is_ext_shared,
        members: channel.members.clone(),
    }
}

fn commands(workspace: &Workspace) -> Vec<CommandFacts> {
    let manifest = workspace.manifest.as_ref();
    let commands = manifest.map(|manifest| manifest.commands.iter());
    let facts = commands.into_iter().flatten().map(|one| CommandFacts {
        command: one.command.clone(),
        description: one.description.clone(),
        usage_hint: one.usage_hint.clone(),
    });
    facts.collect()
}

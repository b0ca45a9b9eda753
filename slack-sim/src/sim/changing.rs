//! Changing the workspace while it runs: facts about people, groups and channels.
//!
//! The app is never told of a change: whether and when it hears of one is for the test to say.

use crate::{
    app::Standing,
    sim::Sim,
    workspace::{Channel, Group, Person, Workspace},
};

impl Sim {
    /// Removes the app from the workspace: its tokens are `account_inactive` from now on. The app
    /// is not told: see [`event`](Self::event).
    pub fn uninstall(&self) {
        self.inner
            .change(|state, _| state.standing = Standing::Uninstalled);
    }

    /// Installs the app again, with another manifest: its scopes and subscriptions change, its tokens
    /// stay.
    ///
    /// # Panics
    /// If the manifest cannot be read.
    pub fn reinstall(&self, manifest: &str) {
        let installed = match Workspace::new().manifest(manifest) {
            Ok(workspace) => workspace.manifest,
            Err(error) => panic!("{error}"),
        };
        self.inner
            .change(|state, _| state.workspace.manifest = installed);
    }

    /// Changes a person's facts. The app is not told: see
    /// [`send_user_change`](Self::send_user_change).
    ///
    /// # Panics
    /// If the workspace has no such person.
    pub fn update_person(&self, id: &str, alter: impl FnOnce(&mut Person)) {
        let known = self.inner.change(|state, _| {
            let person = state.workspace.people.get_mut(id);
            person.map(alter).is_some()
        });
        assert!(known, "there is no person {id}");
    }

    /// Changes a group's members. The app is not told: see
    /// [`send_group_change`](Self::send_group_change).
    ///
    /// # Panics
    /// If the workspace has no such group.
    pub fn set_group(&self, id: &str, members: impl IntoIterator<Item = impl Into<String>>) {
        let members = members.into_iter().map(Into::into).collect();
        let known = self.inner.change(|state, _| {
            let group = state.workspace.groups.get_mut(id);
            group.map(|group| group.members = members).is_some()
        });
        assert!(known, "there is no group {id}");
    }

    /// Removes a group: Slack knows none of its id from now on. The app is not told.
    ///
    /// # Panics
    /// If the workspace has no such group.
    pub fn remove_group(&self, id: &str) {
        let removed = self
            .inner
            .change(|state, _| state.workspace.groups.remove(id));
        assert!(removed.is_some(), "there is no group {id}");
    }

    /// Adds a group, or puts another in the place of the one of its id.
    pub fn add_group(&self, id: &str, handle: &str, members: &[&str]) {
        let group = Group {
            id: id.to_owned(),
            handle: handle.to_owned(),
            members: members.iter().map(|&member| member.to_owned()).collect(),
        };
        self.inner
            .change(|state, _| state.workspace.groups.insert(id.to_owned(), group));
    }

    /// Archives a channel.
    ///
    /// # Panics
    /// If the workspace has no such channel.
    pub fn archive(&self, channel: &str) {
        self.update_channel(channel, |channel| channel.is_archived = true);
    }

    /// Changes a channel: its members, its flags. The app is not told: see
    /// [`send_channel_sharing`](Self::send_channel_sharing) and [`event`](Self::event).
    ///
    /// # Panics
    /// If the workspace has no such channel.
    pub fn update_channel(&self, id: &str, alter: impl FnOnce(&mut Channel)) {
        let known = self.inner.change(|state, _| {
            let channel = state.workspace.channels.get_mut(id);
            channel.map(alter).is_some()
        });
        assert!(known, "there is no channel {id}");
    }

    /// Adds somebody, or puts new facts in the place of the old.
    pub fn add_person(&self, person: Person) {
        self.inner.change(|state, _| {
            let people = &mut state.workspace.people;
            people.insert(person.id.clone(), person);
        });
    }
}

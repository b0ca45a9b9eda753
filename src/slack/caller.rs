//! Who acted, and whether the payload shows that they are of this workspace.
//!
//! A valid signature proves the app, not the workspace: an app that others install too, and
//! channels shared through Slack Connect, bring in people who are not ours. Slack's fields mean
//! different things in different payloads, so this is decided in one place, and a field that is
//! absent proves nothing. Who passes is still only a name: the broker asks Slack afresh whether
//! they are a full member before anything is done for them.

use std::{collections::BTreeSet, sync::OnceLock};

use super::{client::Identity, inbound::Sender};
use crate::domain::{TeamId, UserId};

/// Which workspace and app this is.
#[derive(Debug, Clone)]
pub struct InstallationScope {
    /// The workspace and, above it, the organisation, as `auth.test` names them.
    pub teams: BTreeSet<TeamId>,
    /// Whether the app is installed for the whole organisation. Then its workspaces are ours too,
    /// and a payload that names the organisation is listened to whatever workspace it names.
    pub org_wide: bool,
    /// The app's id, `A…`. Where Slack does not tell it, the first payload does: each app has a
    /// signing secret of its own, so whatever is let in was signed for this one.
    pub app: OnceLock<String>,
}

/// Somebody who acted, and as far as the payload shows is of this workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub user: UserId,
    /// Where it happened: with this, what Slack names only once is unique for ever.
    pub team: TeamId,
}

/// Why somebody is not listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RejectedCaller {
    /// It was sent to another app.
    #[error("the payload is for another app")]
    OtherApp,
    /// It happened in another workspace.
    #[error("the payload is of another workspace")]
    OtherWorkspace,
    /// It happened here, but they belong to another workspace.
    #[error("the person belongs to another workspace")]
    Stranger,
    /// It does not show who acted, where they belong, or which app it is for.
    #[error("the payload does not show who acted")]
    Unproven,
}

impl InstallationScope {
    /// What Slack says that we are.
    pub fn of(identity: &Identity) -> Self {
        let teams = [Some(identity.team.clone()), identity.enterprise.clone()];
        Self {
            teams: teams.into_iter().flatten().collect(),
            org_wide: identity.org_wide,
            app: identity
                .app_id
                .clone()
                .map_or_else(OnceLock::new, OnceLock::from),
        }
    }

    /// Who typed a slash command.
    ///
    /// Slack's own signing example has no `api_app_id`, so its absence is tolerated here, and only
    /// here. Strangers cannot type commands, so where it was typed is where they belong.
    ///
    /// # Errors
    ///
    /// Why they are not listened to.
    pub fn caller_of_command(&self, sender: &Sender) -> Result<Caller, RejectedCaller> {
        if sender.app.is_some() && !self.is_addressed(sender.app.as_deref()) {
            return Err(RejectedCaller::OtherApp);
        }
        let team = self.home(sender)?;
        let user = sender.user.clone().ok_or(RejectedCaller::Unproven)?;
        Ok(Caller { user, team })
    }

    /// Who clicked, submitted or searched.
    ///
    /// In a stranger's click `team` is ours and only `user.team_id` is theirs; in their submission
    /// only `view.app_installed_team_id` is ours. So `user.team_id` decides, and has to be there.
    ///
    /// # Errors
    ///
    /// Why they are not listened to.
    pub fn caller_of_interaction(&self, sender: &Sender) -> Result<Caller, RejectedCaller> {
        match &sender.app {
            None => return Err(RejectedCaller::Unproven),
            app if self.is_addressed(app.as_deref()) => {}
            Some(_) => return Err(RejectedCaller::OtherApp),
        }
        let team = self.home(sender)?;
        match (&sender.user, &sender.user_team) {
            (Some(user), Some(theirs)) if self.teams.contains(theirs) || self.spans(sender) => {
                let user = user.clone();
                Ok(Caller { user, team })
            }
            (Some(_), Some(_)) => Err(RejectedCaller::Stranger),
            _ => Err(RejectedCaller::Unproven),
        }
    }

    /// Who chose a shortcut.
    ///
    /// Slack's shortcuts name no app, and those of messages do not always say where their author belongs.
    /// Strangers have no shortcuts, so this is tolerated as for commands; what is there has to be ours.
    ///
    /// # Errors
    ///
    /// Why they are not listened to.
    pub fn caller_of_shortcut(&self, sender: &Sender) -> Result<Caller, RejectedCaller> {
        let caller = self.caller_of_command(sender)?;
        match &sender.user_team {
            Some(theirs) if !self.teams.contains(theirs) && !self.spans(sender) => {
                Err(RejectedCaller::Stranger)
            }
            _ => Ok(caller),
        }
    }

    /// Whether what was signed is for this app.
    pub fn is_addressed(&self, app: Option<&str>) -> bool {
        app.is_some_and(|app| self.app.get_or_init(|| app.to_owned()) == app)
    }

    /// Where it happened, if that is ours. The most telling field decides alone: the others may
    /// name the team of whoever acted.
    fn home(&self, sender: &Sender) -> Result<TeamId, RejectedCaller> {
        let org = sender.enterprise.as_ref().filter(|_| self.spans(sender));
        let place = sender.installed.as_ref().or(sender.team.as_ref()).or(org);
        let place = place.ok_or(RejectedCaller::Unproven)?;
        if self.teams.contains(place) || self.spans(sender) {
            Ok(place.clone())
        } else {
            Err(RejectedCaller::OtherWorkspace)
        }
    }

    /// Whether it is of our organisation, for all of which the app is installed. Which workspaces
    /// the organisation has is not known here; that a person belongs to it, the broker asks Slack.
    fn spans(&self, sender: &Sender) -> bool {
        let ours = |org| self.teams.contains(org);
        self.org_wide && sender.org_wide && sender.enterprise.as_ref().is_some_and(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation() -> InstallationScope {
        InstallationScope {
            teams: ["T0OURS", "E0OURS"].map(TeamId::new).into(),
            org_wide: false,
            app: OnceLock::from("A0KEYLEND".to_owned()),
        }
    }

    fn sender() -> Sender {
        Sender {
            app: Some("A0KEYLEND".to_owned()),
            team: Some(TeamId::new("T0OURS")),
            user: Some(UserId::new("U0ALICE")),
            user_team: Some(TeamId::new("T0OURS")),
            ..Sender::default()
        }
    }

    fn click(change: impl FnOnce(&mut Sender)) -> Result<Caller, RejectedCaller> {
        let mut sender = sender();
        change(&mut sender);
        installation().caller_of_interaction(&sender)
    }

    fn team(id: &str) -> Option<TeamId> {
        Some(TeamId::new(id))
    }

    #[test]
    fn a_colleague_is_listened_to_whatever_their_id_begins_with() {
        for user in ["U0ALICE", "W0ALICE"] {
            let caller = click(|sender| sender.user = Some(UserId::new(user))).unwrap();
            assert_eq!(caller.user, UserId::new(user));
        }
        assert!(click(|sender| sender.user_team = team("E0OURS")).is_ok());
    }

    #[test]
    fn a_stranger_who_clicks_here_is_not_listened_to() {
        let verdict = click(|sender| sender.user_team = team("T0THEIRS"));
        assert_eq!(verdict, Err(RejectedCaller::Stranger));
    }

    #[test]
    fn a_stranger_who_submits_here_is_not_listened_to() {
        let verdict = click(|sender| {
            (sender.team, sender.user_team) = (team("T0THEIRS"), team("T0THEIRS"));
            sender.enterprise = team("E0THEIRS");
            sender.installed = team("T0OURS");
        });
        assert_eq!(verdict, Err(RejectedCaller::Stranger));
    }

    #[test]
    fn a_colleague_who_acts_in_another_workspaces_installation_is_not_listened_to() {
        let clicks = click(|sender| sender.team = team("T0THEIRS"));
        assert_eq!(clicks, Err(RejectedCaller::OtherWorkspace));
        let submits = click(|sender| sender.installed = team("T0THEIRS"));
        assert_eq!(submits, Err(RejectedCaller::OtherWorkspace));
    }

    #[test]
    fn another_app_is_not_listened_to() {
        let other = Some("A0OTHER".to_owned());
        let verdict = click(|sender| sender.app.clone_from(&other));
        assert_eq!(verdict, Err(RejectedCaller::OtherApp));
        let command = Sender {
            app: other,
            ..sender()
        };
        let verdict = installation().caller_of_command(&command);
        assert_eq!(verdict, Err(RejectedCaller::OtherApp));
        assert!(
            !installation().is_addressed(None) && !installation().is_addressed(Some("A0OTHER"))
        );
    }

    #[test]
    fn what_is_absent_proves_nothing() {
        let changes: [fn(&mut Sender); 4] = [
            |sender| sender.app = None,
            |sender| sender.team = None,
            |sender| sender.user = None,
            |sender| sender.user_team = None,
        ];
        for change in changes {
            assert_eq!(click(change), Err(RejectedCaller::Unproven));
        }
    }

    #[test]
    fn in_an_organisations_own_install_its_workspaces_are_ours() {
        let mut sender = Sender {
            team: None,
            enterprise: team("E0OURS"),
            org_wide: true,
            user_team: team("T0SISTER"),
            ..sender()
        };
        let spanning = InstallationScope {
            org_wide: true,
            ..installation()
        };
        assert!(spanning.caller_of_interaction(&sender).is_ok());
        assert!(installation().caller_of_interaction(&sender).is_err());
        sender.enterprise = team("E0THEIRS");
        sender.installed = team("E0OURS");
        let verdict = spanning.caller_of_interaction(&sender);
        assert_eq!(verdict, Err(RejectedCaller::Stranger));
    }

    #[test]
    fn a_command_needs_no_app_and_no_home_of_its_author_but_our_workspace() {
        let typed = |place| Sender {
            app: None,
            team: team(place),
            user_team: None,
            ..sender()
        };
        assert!(installation().caller_of_command(&typed("T0OURS")).is_ok());
        assert_eq!(
            installation().caller_of_command(&typed("T0THEIRS")),
            Err(RejectedCaller::OtherWorkspace)
        );
    }

    #[test]
    fn a_shortcut_may_leave_out_its_app_and_its_authors_home_and_name_no_other() {
        let chosen = |change: fn(&mut Sender)| {
            let mut sender = sender();
            (sender.app, sender.user_team) = (None, None);
            change(&mut sender);
            installation().caller_of_shortcut(&sender)
        };
        assert!(chosen(|_| {}).is_ok());
        assert!(chosen(|sender| sender.user_team = team("T0OURS")).is_ok());
        let stranger = chosen(|sender| sender.user_team = team("T0THEIRS"));
        assert_eq!(stranger, Err(RejectedCaller::Stranger));
        let elsewhere = chosen(|sender| sender.team = team("T0THEIRS"));
        assert_eq!(elsewhere, Err(RejectedCaller::OtherWorkspace));
        let other = chosen(|sender| sender.app = Some("A0OTHER".to_owned()));
        assert_eq!(other, Err(RejectedCaller::OtherApp));
        assert_eq!(
            chosen(|sender| sender.user = None),
            Err(RejectedCaller::Unproven)
        );
        assert_eq!(
            chosen(|sender| sender.team = None),
            Err(RejectedCaller::Unproven)
        );
    }

    #[test]
    fn where_slack_does_not_tell_the_app_the_first_payload_does() {
        let installation = InstallationScope {
            app: OnceLock::new(),
            ..installation()
        };
        assert!(installation.is_addressed(Some("A0KEYLEND")));
        assert!(!installation.is_addressed(Some("A0OTHER")));
        assert!(!installation.is_addressed(None));
    }
}

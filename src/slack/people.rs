//! What Slack says of people and groups (`users.info`, `users.lookupByEmail`,
//! `usergroups.users.list`).
//!
//! An absent field is not `false`: Slack leaves out flags of people whom it does not vouch for,
//! so only somebody of whom every flag is there, and is `false`, is a member.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::Deserialize;
use slack_morphism::api::SlackApiUserGroupsUsersListResponse;

use super::client::{Client, Identity, SlackError};
use crate::{
    directory::{Confirmed, FactsUnavailable, PeopleSource, Profile},
    domain::{Email, Standing, TeamId, UserId},
};

#[async_trait]
impl PeopleSource for Client {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        #[derive(Deserialize)]
        struct Info {
            user: User,
        }
        let ours = self.identity().await.map_err(unavailable)?;
        let asked = [("user", Some(id.to_string()))];
        match self.read::<Info>("users.info", &asked).await {
            Ok(info) if info.user.id == *id => Ok(Some(info.user.profile_for(&ours))),
            Ok(_) => Err(FactsUnavailable(format!(
                "Slack answered for another than {id}"
            ))),
            Err(SlackError::Refused(code)) if code == "user_not_found" => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn usergroup(&self, id: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        let unknown = || FactsUnavailable(format!("Slack knows no user group {id}"));
        if self.unknown_groups().contains(id) {
            return Err(unknown());
        }
        let ours = self.identity().await.map_err(unavailable)?;
        let ask = async |workspace: Option<String>| {
            let asked = [
                ("usergroup", Some(id.to_owned())),
                // Who is in a group that was switched off is in no group.
                ("include_disabled", Some("false".to_owned())),
                ("team_id", workspace),
            ];
            self.read::<SlackApiUserGroupsUsersListResponse>("usergroups.users.list", &asked)
                .await
        };
        // A group's id does not tell which of the organisation's workspaces it belongs to.
        let workspaces: Vec<Option<String>> = match ours.org_wide {
            false => vec![None],
            true => {
                let workspaces = ours.workspaces.iter();
                workspaces.map(|it| Some(it.to_string())).collect()
            }
        };
        for workspace in workspaces {
            match ask(workspace).await {
                Ok(members) => {
                    let users = members.users.into_iter();
                    return Ok(users.map(|user| UserId::new(user.0)).collect());
                }
                Err(SlackError::Refused(code)) if code == "no_such_subteam" => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        self.unknown_groups().insert(id);
        Err(unknown())
    }

    async fn by_address(&self, email: &Email) -> Result<Option<Profile>, FactsUnavailable> {
        #[derive(Deserialize)]
        struct Found {
            user: User,
        }
        let ours = self.identity().await.map_err(unavailable)?;
        let asked = [("email", Some(email.to_string()))];
        match self.read::<Found>("users.lookupByEmail", &asked).await {
            Ok(found) => Ok(Some(found.user.profile_for(&ours))),
            Err(SlackError::Refused(code)) if code == "users_not_found" => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn unavailable(error: SlackError) -> FactsUnavailable {
    FactsUnavailable(error.to_string())
}

/// A user object, <https://docs.slack.dev/reference/objects/user-object>. Everything but the id
/// may be absent. slack-morphism's model has no `is_email_confirmed`, without which an address is not
/// known to be theirs.
#[derive(Debug, Deserialize)]
struct User {
    id: UserId,
    team_id: Option<TeamId>,
    name: Option<String>,
    deleted: Option<bool>,
    is_bot: Option<bool>,
    is_restricted: Option<bool>,
    is_ultra_restricted: Option<bool>,
    is_stranger: Option<bool>,
    is_email_confirmed: Option<bool>,
    tz: Option<String>,
    enterprise_user: Option<EnterpriseUser>,
    #[serde(default)]
    profile: UserProfile,
}

#[derive(Debug, Default, Deserialize)]
struct UserProfile {
    display_name: Option<String>,
    real_name: Option<String>,
    email: Option<String>,
}

/// Where somebody belongs in an organisation of several workspaces.
#[derive(Debug, Deserialize)]
struct EnterpriseUser {
    enterprise_id: TeamId,
    #[serde(default)]
    teams: Vec<TeamId>,
}

impl User {
    fn profile_for(self, ours: &Identity) -> Profile {
        let standing = self.standing(ours);
        let said = |name: &Option<String>| name.clone().filter(|name| !name.trim().is_empty());
        let name = said(&self.profile.display_name)
            .or_else(|| said(&self.profile.real_name))
            .or_else(|| said(&self.name))
            .unwrap_or_else(|| self.id.to_string());
        let email = said(&self.profile.email).map(Email::new);
        let confirmed = match self.is_email_confirmed {
            Some(true) => Confirmed::Yes,
            Some(false) => Confirmed::No,
            None => Confirmed::Unsaid,
        };
        Profile {
            id: self.id,
            name,
            standing,
            email,
            confirmed,
            time_zone: self.tz.and_then(|zone| zone.parse().ok()),
        }
    }

    fn standing(&self, ours: &Identity) -> Standing {
        // Who was deactivated may belong to none of the organisation's workspaces any more.
        if self.deleted == Some(true) {
            return Standing::Deactivated;
        }
        if self.is_stranger == Some(true) || !self.belongs(ours) {
            return Standing::Stranger;
        }
        // Slackbot says `is_bot: false` of itself.
        if self.is_bot == Some(true) || self.id.as_str() == "USLACKBOT" {
            return Standing::Bot;
        }
        if self.is_restricted == Some(true) || self.is_ultra_restricted == Some(true) {
            return Standing::Guest;
        }
        let flags = [
            self.deleted,
            self.is_bot,
            self.is_restricted,
            self.is_ultra_restricted,
        ];
        if flags.iter().all(|flag| *flag == Some(false)) {
            Standing::Member
        } else {
            Standing::Stranger
        }
    }

    /// Whether they are of our workspace; of our organisation, if the app is installed for it.
    fn belongs(&self, ours: &Identity) -> bool {
        if self.team_id.as_ref() == Some(&ours.team) {
            return true;
        }
        match (&self.enterprise_user, &ours.enterprise) {
            (Some(theirs), Some(enterprise)) => {
                theirs.enterprise_id == *enterprise
                    && (ours.org_wide || theirs.teams.contains(&ours.team))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ours() -> Identity {
        Identity {
            team: TeamId::new("T0OURS"),
            enterprise: None,
            org_wide: false,
            workspaces: Vec::new(),
            app_id: None,
        }
    }

    fn member() -> Value {
        json!({
            "id": "U0ALICE", "team_id": "T0OURS", "name": "alice", "deleted": false,
            "is_bot": false, "is_restricted": false, "is_ultra_restricted": false,
            "profile": {"display_name": "", "real_name": "Alice A.", "email": "alice@example.com"},
        })
    }

    fn read(user: Value, ours: &Identity) -> Profile {
        serde_json::from_value::<User>(user)
            .unwrap()
            .profile_for(ours)
    }

    fn standing(changes: Value) -> Standing {
        let mut user = member();
        for (key, value) in changes.as_object().unwrap() {
            user[key] = value.clone();
        }
        read(user, &ours()).standing
    }

    #[test]
    fn a_member_is_somebody_of_whom_slack_denies_everything_else() {
        assert_eq!(standing(json!({})), Standing::Member);
        assert_eq!(standing(json!({"deleted": true})), Standing::Deactivated);
        assert_eq!(standing(json!({"is_bot": true})), Standing::Bot);
        assert_eq!(standing(json!({"id": "USLACKBOT"})), Standing::Bot);
        assert_eq!(standing(json!({"is_restricted": true})), Standing::Guest);
        assert_eq!(
            standing(json!({"is_ultra_restricted": true})),
            Standing::Guest
        );
        assert_eq!(standing(json!({"team_id": "T0THEIRS"})), Standing::Stranger);
        assert_eq!(standing(json!({"is_stranger": true})), Standing::Stranger);
    }

    #[test]
    fn an_absent_flag_is_not_false() {
        for flag in [
            "deleted",
            "is_bot",
            "is_restricted",
            "is_ultra_restricted",
            "team_id",
        ] {
            let mut user = member();
            user.as_object_mut().unwrap().remove(flag);
            assert_eq!(read(user, &ours()).standing, Standing::Stranger, "{flag}");
        }
    }

    #[test]
    fn an_organisation_wide_app_serves_the_whole_organisation_and_nobody_else() {
        let org = Identity {
            enterprise: Some(TeamId::new("E0OURS")),
            org_wide: true,
            ..ours()
        };
        let workspace = Identity {
            org_wide: false,
            ..org.clone()
        };
        let mut user = member();
        user["team_id"] = json!("T0OTHER");
        user["enterprise_user"] = json!({"enterprise_id": "E0OURS", "teams": ["T0OTHER"]});
        assert_eq!(read(user.clone(), &org).standing, Standing::Member);
        assert_eq!(read(user.clone(), &workspace).standing, Standing::Stranger);
        user["enterprise_user"]["teams"] = json!(["T0OTHER", "T0OURS"]);
        assert_eq!(read(user.clone(), &workspace).standing, Standing::Member);
        user["enterprise_user"]["enterprise_id"] = json!("E0THEIRS");
        assert_eq!(read(user, &org).standing, Standing::Stranger);
    }

    #[test]
    fn what_slack_does_not_say_of_an_address_is_neither_yes_nor_no() {
        let profile = read(member(), &ours());
        assert_eq!(profile.email, Some(Email::new("alice@example.com")));
        assert_eq!(profile.name, "Alice A.");
        assert_eq!(profile.confirmed, Confirmed::Unsaid);
        let mut user = member();
        user["is_email_confirmed"] = json!(false);
        assert_eq!(read(user.clone(), &ours()).confirmed, Confirmed::No);
        user["is_email_confirmed"] = json!(true);
        assert_eq!(read(user, &ours()).confirmed, Confirmed::Yes);
    }
}

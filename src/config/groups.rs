//! `[groups]`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use toml::de::DeValue;
use url::Url;

use super::{
    Secrets,
    document::{Document, at},
    text::{PERSON_ID, is_slack_id, person},
};
use crate::{
    directory::{Feed, GroupSource, PagerDuty, Schedule, calendar_address},
    domain::{GroupName, UserId},
    secret::{Secret, is_placeholder},
    transport::is_protected,
};

/// One of `[groups]`: one of these.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawGroup {
    /// A user group in Slack. Its members count as they are at the moment of a decision.
    SlackUsergroup(
        #[schemars(title = "user group id", regex(pattern = "^S[A-Z0-9]{2,}$"), example = &"S0ENGINEERS")]
         String,
    ),
    /// Fixed members.
    Members(
        #[schemars(title = "list of person ids", inner(regex(pattern = PERSON_ID)))]
        #[schemars(example = json!(["U0ALICE", "U0BOB"]))]
        Vec<String>,
    ),
    /// The people who are on call by schedules of PagerDuty.
    Pagerduty(RawPagerDuty),
    /// The people who attend what takes place now in a calendar.
    Icalendar(RawFeed),
}

/// The people who are on call by schedules of PagerDuty.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "table")]
pub(super) struct RawPagerDuty {
    /// The ids of the schedules. A person who is on call in one of them is in the group. PagerDuty shows the
    /// id in the address of the schedule's page.
    #[schemars(
        title = "list of schedule ids",
        inner(regex(pattern = "^[A-Z0-9]{2,32}$"))
    )]
    #[schemars(length(min = 1), example = json!(["PI7DH85"]))]
    schedules: Vec<String>,
    /// A key for PagerDuty's REST API that can read schedules and users.
    #[schemars(example = json!({ "env": "PAGERDUTY_TOKEN" }))]
    token: Secret,
    /// PagerDuty's REST API. Keylend sends the token there. Accounts in the EU region use
    /// `https://api.eu.pagerduty.com`.
    #[serde(default = "default_url")]
    #[schemars(title = "URL", example = &"https://api.eu.pagerduty.com")]
    url: Url,
}

/// The people who attend what takes place now in a calendar.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "table")]
pub(super) struct RawFeed {
    /// The address of the calendar in the format iCalendar: `https://`, or `http://` to the same machine. Who
    /// knows such an address can often read the calendar, so it is a secret.
    #[schemars(title = "secret, a URL", example = json!({ "env": "ONCALL_CALENDAR_URL" }))]
    url: Secret,
}

fn default_url() -> Url {
    Url::parse("https://api.pagerduty.com").expect("a constant URL is valid")
}

/// What is wrong with an entry that does not say in one way where its people come from.
fn misfit(_: &str, group: &DeValue<'_>) -> Option<String> {
    const FORMS: &str = "write `{ slack_usergroup = \"S0123ABCD\" }`, `{ members = [\"U0123ABCD\"] }`, \
                         `{ pagerduty = { schedules = [\"PI7DH85\"], token = { env = \"NAME\" } } }` \
                         or `{ icalendar = { url = { env = \"NAME\" } } }`";

    match group {
        DeValue::Table(table) if table.len() == 1 => None,
        DeValue::Table(table) if table.is_empty() => {
            Some(format!("the group says nothing of its members: {FORMS}"))
        }
        DeValue::Table(table) => {
            let keys: Vec<_> = table.keys().map(|key| &**key.get_ref()).collect();
            let keys = keys.join("` and `");
            Some(format!(
                "a group takes its members from one place, and this one has `{keys}`: keep one of \
                 `slack_usergroup`, `members`, `pagerduty` and `icalendar`, or make two groups"
            ))
        }
        _ => Some(format!(
            "the group does not say where its members come from: {FORMS}"
        )),
    }
}

pub(super) fn groups(
    document: &mut Document<'_>,
    secrets: Secrets,
) -> BTreeMap<GroupName, GroupSource> {
    let mut groups = BTreeMap::new();
    for (name, raw) in document.entries_unless("groups", misfit) {
        let source = match raw {
            RawGroup::SlackUsergroup(id) if id.starts_with('S') && is_slack_id(&id) => {
                GroupSource::SlackUsergroup(id)
            }
            RawGroup::SlackUsergroup(id) => {
                document.problem(
                    at!["groups", &*name, "slack_usergroup"],
                    format!(
                        "`{id}` is not a user group's id, such as `S0123ABCD`: Slack shows it in \
                         the menu of the group, as \"Copy group ID\""
                    ),
                );
                continue;
            }
            RawGroup::Members(members) => {
                if members.is_empty() {
                    document.warning(
                        at!["groups", &*name, "members"],
                        "`members` is empty, so nobody is in this group: add people, or remove the group",
                    );
                }
                GroupSource::Members(listed(document, &name, &members))
            }
            RawGroup::Pagerduty(raw) => {
                let pagerduty = pagerduty(document, &name, raw, secrets);
                GroupSource::Schedule(Schedule::PagerDuty(pagerduty))
            }
            RawGroup::Icalendar(RawFeed { url }) => {
                if secrets == Secrets::Checked
                    && let Some(problem) = wrong_calendar(&url)
                {
                    document.problem(at!["groups", &*name, "icalendar", "url"], problem);
                }
                GroupSource::Schedule(Schedule::Feed(Feed { url }))
            }
        };
        groups.insert(GroupName::new(name), source);
    }
    groups
}

fn listed(document: &mut Document<'_>, group: &str, members: &[String]) -> BTreeSet<UserId> {
    let mut people = BTreeSet::new();
    for (index, member) in members.iter().enumerate() {
        match person(member) {
            Ok(id) => {
                people.insert(id);
            }
            Err(problem) => document.problem(at!["groups", group, "members", index], problem),
        }
    }
    people
}

fn pagerduty(
    document: &mut Document<'_>,
    group: &str,
    raw: RawPagerDuty,
    secrets: Secrets,
) -> PagerDuty {
    let RawPagerDuty {
        schedules,
        token,
        url,
    } = raw;
    if schedules.is_empty() {
        document.problem(
            at!["groups", group, "pagerduty", "schedules"],
            "`schedules` is empty: list one schedule at least",
        );
    }
    for (index, id) in schedules.iter().enumerate() {
        let is_id = (2..=32).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !is_id {
            document.problem(
                at!["groups", group, "pagerduty", "schedules", index],
                format!(
                    "{id:?} is not a schedule's id, such as `PI7DH85`: PagerDuty shows it in the address of \
                     the schedule's page"
                ),
            );
        }
    }
    if let Some(problem) = unsafe_url(&url) {
        document.problem(at!["groups", group, "pagerduty", "url"], problem);
    }
    if secrets == Secrets::Checked {
        match token.read() {
            Err(missing) => document.problem(
                at!["groups", group, "pagerduty", "token"],
                missing.to_string(),
            ),
            Ok(text) if is_placeholder(&text) => document.warning(
                at!["groups", group, "pagerduty", "token"],
                format!("the {token} holds a placeholder: create a key for PagerDuty's REST API"),
            ),
            Ok(_) => {}
        }
    }
    PagerDuty {
        schedules: schedules.into_iter().collect(),
        token,
        url,
    }
}

/// What is wrong with the address of a calendar, which is not repeated.
fn wrong_calendar(url: &Secret) -> Option<String> {
    match url.read() {
        Err(missing) => Some(missing.to_string()),
        Ok(text) => calendar_address(&text).is_none().then(|| {
            format!(
                "the {url} does not hold a URL that starts with `https://`; `http://` is allowed only to this \
                 machine"
            )
        }),
    }
}

/// What is wrong with the address that the token is sent to. A password in it is not repeated.
fn unsafe_url(url: &Url) -> Option<&'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Some("remove the user and password from the URL: Keylend sends `token` instead");
    }
    if !matches!(url.scheme(), "https" | "http") || !is_protected(url) {
        return Some(
            "the URL must start with `https://`, such as `https://api.pagerduty.com`; `http://` is allowed \
             only to this machine",
        );
    }
    (url.query().is_some() || url.fragment().is_some())
        .then_some("remove what follows the path from the URL, from the `?` or `#` on")
}

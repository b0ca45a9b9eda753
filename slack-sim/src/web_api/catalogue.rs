//! Every method there is: how often it may be called, and what token and scopes it demands.
//!
//! Sources: docs.slack.dev, reference/methods (scopes) and apis/web-api/rate-limits (tiers), for
//! bot tokens. To add a method, add its row here and its function to [`call`](super::call).

/// A method of the Web API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) tier: Tier,
    pub(crate) needs: Needs,
}

/// How often a method may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Once a minute, with small bursts.
    One,
    /// 20 a minute.
    Two,
    /// 50 a minute.
    Three,
    /// 100 a minute.
    Four,
    /// Hundreds a minute: beyond what is imitated.
    Hundreds,
    /// `chat.postMessage`: one a second in each channel, some hundreds a minute in all.
    Speaking,
}

/// What a method demands of whoever calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Not even a token.
    Nothing,
    /// A bot token or an app-level one.
    AnyToken,
    /// A bot token of any scope.
    Token,
    /// A bot token with this scope.
    Scope(&'static str),
    /// A bot token with the scope of this family for the kind of channel that is asked about:
    /// `channels:…`, `groups:…` or `im:…`.
    Channel(Family),
    /// The same for the kinds of channel named in `types`.
    Types,
    /// An app-level token with this scope.
    AppToken(&'static str),
}

/// What is wanted of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Read,
    History,
}

/// The method of this name.
pub(crate) fn method(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

const fn row(name: &'static str, tier: Tier, needs: Needs) -> Method {
    Method { name, tier, needs }
}

const READ: Needs = Needs::Channel(Family::Read);
const HISTORY: Needs = Needs::Channel(Family::History);

const METHODS: &[Method] = &[
    row("api.test", Tier::Four, Needs::Nothing),
    row(
        "apps.connections.open",
        Tier::One,
        Needs::AppToken("connections:write"),
    ),
    row("auth.revoke", Tier::Three, Needs::Token),
    row("auth.teams.list", Tier::Two, Needs::Token),
    row("auth.test", Tier::Hundreds, Needs::AnyToken),
    row("blocks.validate", Tier::Four, Needs::Nothing),
    row("bots.info", Tier::Three, Needs::Scope("users:read")),
    row("chat.delete", Tier::Three, Needs::Scope("chat:write")),
    row("chat.getPermalink", Tier::Hundreds, Needs::Token),
    row("chat.postEphemeral", Tier::Four, Needs::Scope("chat:write")),
    row(
        "chat.postMessage",
        Tier::Speaking,
        Needs::Scope("chat:write"),
    ),
    row("chat.update", Tier::Three, Needs::Scope("chat:write")),
    row("conversations.history", Tier::Three, HISTORY),
    row("conversations.info", Tier::Three, READ),
    row(
        "conversations.join",
        Tier::Three,
        Needs::Scope("channels:join"),
    ),
    row("conversations.list", Tier::Two, Needs::Types),
    row("conversations.members", Tier::Four, READ),
    row("conversations.open", Tier::Three, Needs::Scope("im:write")),
    row("conversations.replies", Tier::Three, HISTORY),
    row("team.info", Tier::Three, Needs::Scope("team:read")),
    row(
        "usergroups.list",
        Tier::Two,
        Needs::Scope("usergroups:read"),
    ),
    row(
        "usergroups.users.list",
        Tier::Two,
        Needs::Scope("usergroups:read"),
    ),
    row("users.conversations", Tier::Three, Needs::Types),
    row("users.info", Tier::Four, Needs::Scope("users:read")),
    row("users.list", Tier::Two, Needs::Scope("users:read")),
    row(
        "users.lookupByEmail",
        Tier::Three,
        Needs::Scope("users:read.email"),
    ),
    row("views.open", Tier::Four, Needs::Token),
    row("views.publish", Tier::Four, Needs::Token),
    row("views.push", Tier::Four, Needs::Token),
    row("views.update", Tier::Four, Needs::Token),
];

//! The routes of the HTTP server. Each declares what its callers have to prove, since the server takes
//! no other routes than these.

use std::collections::HashMap;

use axum::{Router, routing::MethodRouter};

/// What a caller has to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Nothing. Such a route names no person and no scope, and changes nothing.
    None,
    /// That Slack signed the request.
    SlackSignature,
    /// That they know a token of `[api]`.
    BearerToken,
}

/// Routes, and the authentication of each.
#[derive(Clone)]
pub struct Routes<S = ()> {
    router: Router<S>,
    authentication: HashMap<&'static str, Authentication>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    /// No routes.
    fn default() -> Self {
        Self {
            router: Router::new(),
            authentication: HashMap::new(),
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Adds a route. `path` is a fixed path, without parameters.
    #[must_use]
    pub fn route(
        mut self,
        path: &'static str,
        authentication: Authentication,
        methods: MethodRouter<S>,
    ) -> Self {
        self.router = self.router.route(path, methods);
        self.authentication.insert(path, authentication);
        self
    }

    /// Adds the other routes.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.authentication.extend(other.authentication);
        self
    }

    /// Gives the handlers what they work on.
    pub fn with_state(self, state: S) -> Routes {
        Routes {
            router: self.router.with_state(state),
            authentication: self.authentication,
        }
    }
}

impl Routes {
    /// The authentication that a path requires. `None` if there is no such route.
    pub fn authentication(&self, path: &str) -> Option<Authentication> {
        self.authentication.get(path).copied()
    }

    /// All paths, with the authentication that each requires.
    pub fn declared(&self) -> impl Iterator<Item = (&'static str, Authentication)> {
        self.authentication.iter().map(|(path, it)| (*path, *it))
    }

    /// The router of all routes.
    pub fn router(&self) -> &Router {
        &self.router
    }
}

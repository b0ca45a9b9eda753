//! A configuration that is taken can be relied on; one that is not is pointed at.

use std::path::Path;

use keylend::{
    config::{Config, Secrets},
    domain::{Scope, Span},
};

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // Patterns would have this machine's files read as rules.
    if text.contains("files") {
        return;
    }
    match Config::parse(Path::new("nowhere/keylend.toml"), text, Secrets::Unchecked) {
        Ok(config) => can_be_relied_on(&config),
        Err(problems) => {
            assert!(problems.iter().len() > 0);
            let lines = text.split('\n').count();
            for problem in problems.iter() {
                assert!(!problem.message.is_empty());
                assert!(problem.to_string().starts_with("nowhere/keylend.toml:"));
                let place = problem.place.iter();
                assert!(
                    place.clone().all(|at| (1..=lines).contains(&at.line)),
                    "{problem}"
                );
                assert!(place.clone().all(|at| at.column >= 1), "{problem}");
            }
        }
    }
}

fn can_be_relied_on(config: &Config) {
    let limits = &config.limits;
    assert!(limits.max_active_per_person > 0);
    assert!(limits.max_pending_per_person > 0 && limits.max_pending_per_scope > 0);
    assert!(limits.max_requests_per_hour > 0);
    assert!(limits.min_duration >= Span::seconds(1));
    assert!(limits.pending_timeout >= Span::seconds(1));
    assert!(limits.exclusive.iter().all(|set| set.len() > 1));
    let groups = &config.groups;
    assert!(
        config
            .administrators
            .iter()
            .all(|group| groups.contains_key(group))
    );
    for (id, scope) in &config.catalogue {
        assert_eq!(*id, scope.id);
        can_be_lent(scope, config);
    }
}

fn can_be_lent(scope: &Scope, config: &Config) {
    assert!(config.limits.min_duration <= scope.default_duration);
    assert!(scope.default_duration <= scope.max_duration);
    assert!(scope.max_duration <= scope.max_total);
    assert!(!scope.requesters.is_empty() && !scope.approvers.is_empty());
    let mut groups = scope.requesters.iter().chain(&scope.approvers);
    assert!(groups.all(|group| config.groups.contains_key(group)));
    assert!(!scope.layers.is_empty());
    for layer in &scope.layers {
        let backend = &config.backends[&layer.backend];
        assert!(backend.check_layer(&layer.params).is_ok());
    }
}

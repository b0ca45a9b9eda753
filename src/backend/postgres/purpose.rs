//! What the comment on a generated login says: to people, why it is there; to Keylend, which role
//! it was lent, by its number, so that what it owns can go there after the membership is gone, also
//! if the role is called something else by then; and which Keylend made it.
//!
//! Only Keylend and administrators of roles can write it. It counts only on a login that Keylend's own
//! login made, which the catalogues tell.

use std::fmt;

use sqlx::postgres::types::Oid;

use super::{catalogue::Role, name::RoleName};
use crate::{
    backend::LayerRequest,
    domain::{InstanceId, RequestId},
};

/// What every such comment begins with.
pub(super) const MARK: &str = "Lent by Keylend: role ";

/// What comes before the Keylend that made the login.
const INSTANCE: &str = ", instance ";

/// What comes before the request.
const REQUEST: &str = ", request ";

/// The comment on a generated login.
pub(super) struct Purpose<'a> {
    order: &'a LayerRequest,
    role: &'a Role,
}

impl<'a> Purpose<'a> {
    pub(super) fn of(order: &'a LayerRequest, role: &'a Role) -> Self {
        Self { order, role }
    }
}

impl fmt::Display for Purpose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, role } = self;
        write!(
            f,
            "{MARK}{} ({}), to {} for {}",
            role.name.quoted(),
            role.oid.0,
            order.username,
            order.scope,
        )?;
        // Behind what people have a say in.
        if let Some(instance) = &order.instance {
            write!(f, "{INSTANCE}{instance}")?;
        }
        write!(f, "{REQUEST}{}", order.request)
    }
}

/// The number of the role that a comment names.
pub(super) fn role_in(comment: &str) -> Option<Oid> {
    let mut rest = comment.strip_prefix(MARK)?.strip_prefix('"')?;
    loop {
        let (_, behind) = rest.split_once('"')?;
        match behind.strip_prefix('"') {
            Some(behind) => rest = behind,
            None => {
                let (number, _) = behind.strip_prefix(" (")?.split_once(')')?;
                return number.parse().ok().map(Oid);
            }
        }
    }
}

/// Whether the comment is on the login that it was written for: `jit_`, the request that the comment
/// names, and the number of the layer.
pub(super) fn fits(comment: &str, login: &RoleName) -> bool {
    let named = || {
        let (_, request) = comment.rsplit_once(REQUEST)?;
        let request: RequestId = request.parse().ok()?;
        let layer = login.as_str().strip_prefix(&format!("jit_{request}_"))?;
        layer.parse::<usize>().ok()
    };
    named().is_some()
}

/// Which Keylend wrote the comment.
pub(super) fn instance_in(comment: &str) -> Option<InstanceId> {
    let (before, _) = comment.strip_prefix(MARK)?.rsplit_once(REQUEST)?;
    let (_, instance) = before.rsplit_once(INSTANCE)?;
    let is_one = !instance.is_empty() && instance.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| InstanceId::new(instance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_read_back_whatever_its_name_and_whoever_has_the_login() {
        for name in ["app_writer", r#"odd "role" (7), to bob"#, "löwe"] {
            let role = RoleName::try_from(name.to_owned()).unwrap();
            let comment = format!("{MARK}{} (16384), to \"alice\" (8)", role.quoted());
            assert_eq!(role_in(&comment), Some(Oid(16384)));
        }
        for comment in [
            "",
            "Lent by Keylend to alice",
            "Lent by Keylend: role \"x",
            "Lent by Keylend: role \"x\", to alice",
            "Lent by Keylend: role \"x\" (-1)",
        ] {
            assert_eq!(role_in(comment), None);
        }
    }

    #[test]
    fn a_comment_fits_only_the_login_of_its_request() {
        let request = RequestId::new(crate::domain::Time::UNIX_EPOCH, 1);
        let comment = format!("{MARK}\"x\", to a, request b for s, request {request}");
        let fits_on = |comment: &str, login: &str| {
            let login = RoleName::try_from(login.to_owned()).unwrap();
            fits(comment, &login)
        };
        assert!(fits_on(&comment, &format!("jit_{request}_0")));
        assert!(fits_on(&comment, &format!("jit_{request}_12")));
        let other = RequestId::new(crate::domain::Time::UNIX_EPOCH, 2);
        for login in [
            "alice".to_owned(),
            format!("jit_{other}_0"),
            format!("jit_{request}_"),
            format!("jit_{request}_x"),
            format!("jit_{request}"),
        ] {
            assert!(!fits_on(&comment, &login), "{login}");
        }
        assert!(!fits_on(MARK, "jit__0"));
    }

    #[test]
    fn the_keylend_that_wrote_a_comment_is_read_from_behind_what_people_chose() {
        let by = |to: &str, instance: &str| {
            instance_in(&format!(
                "{MARK}\"x\" (7), to {to} for s{instance}, request r"
            ))
        };
        let own = Some(InstanceId::new("0f3a"));
        assert_eq!(by("alice", ", instance 0f3a"), own);
        assert_eq!(by("a, instance 77, request q", ", instance 0f3a"), own);
        for instance in ["", ", instance ", ", instance 0f3a and more"] {
            assert_eq!(by("alice", instance), None, "{instance}");
        }
        assert_eq!(instance_in("not Keylend's, instance 0f3a, request r"), None);
    }
}

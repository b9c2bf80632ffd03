//! The permissions of users, by their roles: merged, searched for one range, and compared with what
//! would be left.

use std::collections::HashMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::{Access, Code, ReachAnswer, RoleGrant, UserLoss};

use super::{AccessService, ROOT, reach};
use crate::etcd::{PermissionFact, Range};
use crate::failure::Result;
use crate::identity::Caller;

/// Concurrent requests for users and roles.
const AT_ONCE: usize = 16;

/// The permissions of roles, by name. Users are compared before and after a change of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles(HashMap<String, Vec<PermissionFact>>);

/// Whether a permission includes this kind of access.
fn allows(access: Access, wanted: Access) -> bool {
    access == wanted || access == Access::ReadWrite
}

impl Roles {
    /// The ranges that these roles allow to be read, or written.
    pub(super) fn ranges(&self, roles: &[String], wanted: Access) -> Vec<Range> {
        if roles.iter().any(|role| role == ROOT) {
            return vec![Range::prefix(b"")];
        }
        let permissions = roles.iter().filter_map(|role| self.0.get(role)).flatten();
        let allowing = permissions.filter(|fact| allows(fact.access, wanted));
        Range::union(allowing.map(|fact| fact.range.clone()))
    }

    /// Whether a user with these roles may read and write a range.
    pub(super) fn answer(&self, roles: &[String], range: &Range) -> ReachAnswer {
        let part = |wanted| reach::within(&self.ranges(roles, wanted), range);
        let (readable, writable) = (part(Access::Read), part(Access::Write));
        let everything = [PermissionFact {
            access: Access::ReadWrite,
            range: Range::prefix(b""),
        }];
        let mut granted_by = Vec::new();
        for role in roles {
            let facts = if role == ROOT {
                &everything[..]
            } else {
                self.0.get(role).map_or(&[][..], Vec::as_slice)
            };
            let deciding = facts
                .iter()
                .filter(|fact| !reach::within([&fact.range], range).is_empty());
            granted_by.extend(deciding.map(|fact| RoleGrant {
                role: role.clone(),
                access: fact.access,
                range: reach::spec(&fact.range),
            }));
        }
        ReachAnswer {
            range: reach::spec(range),
            read: reach::coverage(&readable, range),
            write: reach::coverage(&writable, range),
            readable: readable.iter().map(reach::spec).collect(),
            writable: writable.iter().map(reach::spec).collect(),
            granted_by,
        }
    }

    /// Without one role's permission for exactly this range.
    pub(super) fn without(&self, role: &str, range: &Range) -> Self {
        let mut left = self.clone();
        if let Some(facts) = left.0.get_mut(role) {
            facts.retain(|fact| fact.range != *range);
        }
        left
    }

    /// Whether a role has a permission for exactly this range.
    pub(super) fn has(&self, role: &str, range: &Range) -> bool {
        let facts = self.0.get(role);
        facts.is_some_and(|facts| facts.iter().any(|fact| fact.range == *range))
    }

    /// What a user loses if its roles become `left` and their permissions those of `after`.
    pub(super) fn loss(
        &self,
        user: &str,
        roles: &[String],
        left: Vec<String>,
        after: &Self,
    ) -> UserLoss {
        let lost = |wanted| {
            let (before, after) = (self.ranges(roles, wanted), after.ranges(&left, wanted));
            let lost = reach::lost(&before, &after);
            lost.iter().map(reach::spec).collect()
        };
        UserLoss {
            user: user.to_owned(),
            root: roles.iter().any(|role| role == ROOT) && !left.iter().any(|role| role == ROOT),
            read: lost(Access::Read),
            write: lost(Access::Write),
            roles: left,
        }
    }
}

impl AccessService {
    /// The permissions of these roles. Root's are not stored: it may do everything.
    pub(super) async fn permissions<'a>(
        &self,
        caller: &Caller,
        roles: impl IntoIterator<Item = &'a String>,
    ) -> Result<Roles> {
        let mut names: Vec<&String> = roles.into_iter().filter(|role| *role != ROOT).collect();
        names.sort_unstable();
        names.dedup();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let requests = stream::iter(names).map(|name| async move {
            match self.etcd.role(caller, &name).await {
                Ok((_, facts)) => Ok(Some((name, facts))),
                // The role was deleted after the user was read, so its permissions are void.
                Err(failure) if failure.code == Code::RoleNotFound => Ok(None),
                Err(failure) => Err(failure),
            }
        });
        let found = requests.buffer_unordered(AT_ONCE);
        let found: Vec<_> = found.try_collect().await?;
        Ok(Roles(found.into_iter().flatten().collect()))
    }

    /// Every user that has a role, with all its roles; by name.
    pub(super) async fn users_with(
        &self,
        caller: &Caller,
        role: &str,
    ) -> Result<Vec<(String, Vec<String>)>> {
        let (_, names) = self.etcd.users(caller).await?;
        let requests = stream::iter(names).map(|name| async move {
            match self.etcd.user(caller, &name).await {
                Ok((_, roles)) => Ok(Some((name, roles))),
                Err(failure) if failure.code == Code::UserNotFound => Ok(None),
                Err(failure) => Err(failure),
            }
        });
        let found = requests.buffer_unordered(AT_ONCE);
        let found: Vec<_> = found.try_collect().await?;
        let mut users: Vec<(String, Vec<String>)> = found.into_iter().flatten().collect();
        users.retain(|(_, roles)| roles.iter().any(|one| one == role));
        users.sort_unstable();
        Ok(users)
    }
}

#[cfg(test)]
mod tests {
    use shared::{Coverage, RangeSpec};

    use super::*;

    fn roles() -> Roles {
        let fact = |access, range| PermissionFact { access, range };
        Roles(HashMap::from([
            (
                "jobs".to_owned(),
                vec![
                    fact(Access::ReadWrite, Range::prefix(b"/jobs/")),
                    fact(Access::Read, Range::single("/jobs")),
                ],
            ),
            (
                "low".to_owned(),
                vec![fact(Access::Read, Range::prefix(b"/jobs/a"))],
            ),
        ]))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn prefix(text: &str) -> RangeSpec {
        reach::spec(&Range::prefix(text.as_bytes()))
    }

    #[test]
    fn the_answer_names_the_permissions_that_decide() {
        let answer = roles().answer(&names(&["jobs", "low"]), &Range::single("/jobs/a1"));
        assert_eq!((answer.read, answer.write), (Coverage::All, Coverage::All));
        let by: Vec<_> = answer.granted_by.iter().map(|one| &one.role[..]).collect();
        assert_eq!(by, ["jobs", "low"]);
        let answer = roles().answer(&names(&["jobs"]), &Range::prefix(b"/"));
        assert_eq!(
            (answer.read, answer.write),
            (Coverage::Part, Coverage::Part)
        );
        assert_eq!(answer.writable, [prefix("/jobs/")]);
        assert_eq!(answer.readable.len(), 2);
        let answer = roles().answer(&names(&["low"]), &Range::single("/jobs/b"));
        assert_eq!(
            (answer.read, answer.write),
            (Coverage::Nothing, Coverage::Nothing)
        );
        assert_eq!(answer.granted_by, []);
        let root = roles().answer(&names(&["low", "root"]), &Range::prefix(b""));
        assert_eq!((root.read, root.write), (Coverage::All, Coverage::All));
    }

    #[test]
    fn only_what_no_other_role_allows_is_lost() {
        let (all, low) = (names(&["jobs", "low"]), names(&["low"]));
        let loss = roles().loss("u", &all, low.clone(), &roles());
        assert_eq!(loss.write, [prefix("/jobs/")]);
        // What `low` still allows stays readable.
        assert!(!loss.read.contains(&prefix("/jobs/a")));
        assert!(!loss.root && loss.roles == low);
        let nothing = roles().loss("u", &all, names(&["jobs"]), &roles());
        assert!(nothing.read.is_empty() && nothing.write.is_empty());
        let root = roles().loss("u", &names(&["root"]), Vec::new(), &roles());
        assert!(root.root && root.read == [prefix("")] && root.write == [prefix("")]);
        let one = roles().without("jobs", &Range::prefix(b"/jobs/"));
        let loss = roles().loss("u", &all, all.clone(), &one);
        assert_eq!(loss.write, [prefix("/jobs/")]);
    }
}

//! Answers and losses of users with several roles.

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

//! Unit tests of known bugs by version.

use super::*;

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

fn bugs_of(text: &str) -> Vec<&'static str> {
    let version = version(text);
    let bugs = KNOWN_BUGS.iter().filter(|bug| bug.is_in(version));
    bugs.map(|bug| bug.id).collect()
}

#[test]
fn the_3_4_releases_are_end_of_life() {
    assert!(is_end_of_life(version("3.4.45")) && !is_end_of_life(version("3.5.0")));
}

#[test]
fn each_release_lists_its_own_bugs() {
    assert_eq!(bugs_of("3.4.23").len(), KNOWN_BUGS.len());
    let (revoked, handshake) = ("GHSA-3wh4-j44w-pg92", "GHSA-6vch-q96h-7gc3");
    let watch_from_key = "GHSA-xg4h-6gfc-h4m8";
    assert_eq!(
        bugs_of("3.4.45"),
        ["#21736", revoked, handshake, watch_from_key]
    );
    assert_eq!(
        bugs_of("3.5.21"),
        [
            "#20221",
            "#20615",
            "#20418",
            "CVE-2026-33413",
            "CVE-2026-33343",
            "CVE-2026-44283",
            "#21736",
            revoked,
            handshake,
            watch_from_key
        ]
    );
    assert_eq!(bugs_of("3.5.31"), [revoked, handshake, watch_from_key]);
    assert_eq!(bugs_of("3.5.32"), [handshake, watch_from_key]);
    assert_eq!(bugs_of("3.6.13"), [handshake, watch_from_key]);
    assert_eq!(bugs_of("3.7.0"), [handshake, watch_from_key]);
    for fixed in ["3.5.35", "3.6.16", "3.7.3", "3.8.0", "4.0.0"] {
        assert!(bugs_of(fixed).is_empty(), "{fixed}");
    }
}

#[test]
fn the_remedy_names_the_fix_of_the_same_line() {
    let watch_from_key = KNOWN_BUGS.last().expect("there are some");
    assert_eq!(watch_from_key.remedy(version("3.5.1")), "fixed in 3.5.33");
    assert_eq!(
        watch_from_key.remedy(version("3.4.45")),
        "not fixed in 3.4; fixed in 3.5.33, 3.6.14, 3.7.1"
    );
}

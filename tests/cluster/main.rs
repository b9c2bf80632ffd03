//! The cluster and its users: information and administration.

mod access;
mod advertised;
mod alarms;
mod leading;
mod learners;
mod listing;
mod members;
mod mistaken;
mod overview;
mod releases;
mod samples;
mod snapshot;
mod stale;
mod three;
mod users;

use serde_json::Value;

/// The codes of the warnings in a response of `GET /cluster`.
fn warnings(cluster: &Value) -> Vec<&str> {
    let warnings = cluster["warnings"].as_array().expect("warnings");
    let codes = warnings.iter().map(|warning| warning["code"].as_str());
    codes.map(|code| code.expect("a code")).collect()
}

/// The one warning with this code.
#[track_caller]
fn warning<'a>(cluster: &'a Value, code: &str) -> &'a str {
    let mut found = cluster["warnings"].as_array().expect("warnings").iter();
    let found = found.find(|warning| warning["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no {code} in {cluster}"));
    found["detail"].as_str().expect("a sentence")
}

/// A member of a response by its name.
#[track_caller]
fn member_named<'a>(response: &'a Value, name: &str) -> &'a Value {
    let mut members = response["members"].as_array().expect("members").iter();
    let found = members.find(|member| member["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {response}"))
}

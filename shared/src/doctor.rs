//! Findings: the results of checks, with the fix of what is wrong.

use serde::{Deserialize, Serialize};

/// The outcome of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The step passed.
    Ok,
    /// Information; not a fault.
    Note,
    /// It works, but its configuration should be changed.
    Warning,
    /// The step failed.
    Failed,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Finding {
    /// The endpoint that was checked; absent if the check is about the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The step, with a stable name.
    pub step: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// One sentence about what was found, as text.
    pub detail: String,
    /// How to fix it, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Response of `GET /doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DoctorResponse {
    /// The cluster's name at this gateway.
    pub cluster: String,
    /// When the checks ended, in RFC 3339 by the gateway's clock. Callers within 15 s share one run.
    pub finished_at: String,
    /// Whether an endpoint responds as etcd does, whatever else is wrong.
    pub reachable: bool,
    /// The step that failed; of several the one furthest on the way to the cluster. `null` if none failed.
    pub failed_step: Option<String>,
    /// All findings, in the order of the checks. Only for callers with the rights of the gateway's
    /// account and for users with the role `root`; `null` for others.
    pub findings: Option<Vec<Finding>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_has_a_stable_form() {
        let json = r#"{"endpoint":"http://a:2379","step":"tcp","outcome":"failed","detail":"refused","fix":"start it"}"#;
        let finding: Finding = serde_json::from_str(json).expect("deserialises");
        assert_eq!(finding.outcome, Outcome::Failed);
        assert_eq!(serde_json::to_string(&finding).expect("serialises"), json);
        let bare = r#"{"step":"auth","outcome":"ok","detail":"signed in"}"#;
        let finding: Finding = serde_json::from_str(bare).expect("deserialises");
        assert_eq!(serde_json::to_string(&finding).expect("serialises"), bare);
    }
}

//! The samples for the charts, and the doctor's findings.

use shared::{DoctorResponse, SamplesResponse};

use super::{ApiError, Call, Method};

/// The samples of the last hour, or those after `since`.
pub(crate) async fn samples(since: Option<i64>) -> Result<SamplesResponse, ApiError> {
    let path = match since {
        Some(since) => format!("cluster/samples?since={since}"),
        None => "cluster/samples".to_owned(),
    };
    Call::new(Method::Get, &path).send().await
}

/// Checks each step of the way to the cluster.
pub(crate) async fn doctor() -> Result<DoctorResponse, ApiError> {
    Call::new(Method::Get, "doctor").send().await
}

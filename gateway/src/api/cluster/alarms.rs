//! `/cluster/alarms`: list, raise, disarm.

use axum::response::Response;
use http::StatusCode;
use shared::{AlarmKind, AlarmRequest, AlarmsResponse, DisarmResponse, MemberId, Problem};

use crate::api::body;
use crate::api::call::Call;
use crate::api::response::respond;
use crate::failure::{Failure, Result};

/// The raised alarms.
#[utoipa::path(
    operation_id = "list_alarms",
    get, path = "/cluster/alarms", tag = "cluster",
    responses((status = 200, body = AlarmsResponse))
)]
pub async fn list(mut call: Call) -> Result<Response> {
    call.finish_query()?;
    let alarms = call.cluster.info.alarms(&call.caller()).await?;
    Ok(respond(StatusCode::OK, alarms.header.revision, &alarms))
}

/// Raise an alarm manually.
///
/// etcd raises alarms itself. While `NOSPACE` is raised the cluster refuses puts; while `CORRUPT` is raised it refuses
/// everything. Returns all alarms that are now raised.
#[utoipa::path(
    operation_id = "raise_alarm",
    post, path = "/cluster/alarms", tag = "cluster",
    request_body(content = AlarmRequest, example = json!({"member_id": "8e9e05c52164694d", "alarm": "NOSPACE"})),
    responses(
        (status = 201, body = AlarmsResponse),
        (status = 422, description = "No such member", body = Problem),
    )
)]
pub async fn raise(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: AlarmRequest = body::json(&call.headers, &bytes)?;
    let alarms = call
        .cluster
        .info
        .raise_alarm(&call.caller(), request)
        .await?;
    Ok(respond(
        StatusCode::CREATED,
        alarms.header.revision,
        &alarms,
    ))
}

/// Disarm alarms: of one member or all members, of one kind or both.
#[utoipa::path(
    operation_id = "disarm",
    delete, path = "/cluster/alarms", tag = "cluster",
    params(
        ("member" = Option<MemberId>, Query, description = "Only alarms of this member"),
        ("alarm" = Option<AlarmKind>, Query, description = "Only this alarm: NOSPACE or CORRUPT"),
    ),
    responses(
        (status = 200, description = "The alarms that were disarmed", body = DisarmResponse),
    )
)]
pub async fn disarm(mut call: Call) -> Result<Response> {
    call.ensure_writable()?;
    let member = call.query.parsed::<MemberId>("member")?;
    let kind = call.query.text("alarm")?;
    let kind = kind.as_deref().map(alarm_kind).transpose()?;
    call.finish_query()?;
    let caller = call.caller();
    let disarmed = call.cluster.info.disarm(&caller, member, kind).await?;
    Ok(respond(StatusCode::OK, disarmed.header.revision, &disarmed))
}

fn alarm_kind(text: &str) -> Result<AlarmKind> {
    match text {
        "NOSPACE" => Ok(AlarmKind::NoSpace),
        "CORRUPT" => Ok(AlarmKind::Corrupt),
        other => Err(Failure::bad_request(format!(
            "unknown `alarm` value `{other}`; one of NOSPACE, CORRUPT"
        ))),
    }
}

//! The doctor's findings: each step of the way to the cluster, and how to fix what is wrong.

use leptos::prelude::*;
use shared::{DoctorResponse, Finding, Outcome};

use super::text::Text;
use crate::api::{self, ApiError};
use crate::clock::use_clock;
use crate::i18n::{I18n, tr, use_i18n};
use crate::model::{format, key_text};
use crate::state::Scope;
use crate::ui::{Button, Chip, ErrorState, Hue, Icon, Skeleton, Tag};

/// The card of checks; they run when it is shown.
#[component]
pub(super) fn Checks() -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let scope = Scope::here();
    let checked = RwSignal::new(None::<Result<DoctorResponse, ApiError>>);
    let busy = RwSignal::new(false);
    let check = move || {
        busy.set(true);
        scope.spawn(async move {
            let response = api::diagnosis::doctor().await;
            busy.try_set(false);
            checked.try_set(Some(response));
        });
    };
    check();
    let age = move || {
        let finished = checked.with(|checked| match checked {
            Some(Ok(response)) => Some(js_sys::Date::parse(&response.finished_at)),
            _ => None,
        })?;
        let age = (clock.by_gateway(clock.now()) - finished) / 1000.0;
        let age = format::span(age.max(0.0) as i64, i18n.lang());
        Some(i18n.fill(Text::ChecksAge, &[&age]))
    };
    let body = move || match checked.get() {
        None => view! { <Skeleton rows=8/> }.into_any(),
        Some(Ok(response)) => view! { <Findings response=response/> }.into_any(),
        Some(Err(error)) => view! { <ErrorState error=error on_retry=check/> }.into_any(),
    };
    view! {
        <section class="card checks">
            <div class="card-head">
                <h2>{tr(Text::ChecksTitle)}</h2>
                <span class="card-note">{age}</span>
                <Button icon=Icon::Refresh pending=busy on_press=check>{tr(Text::CheckAgain)}</Button>
            </div>
            <p class="card-text">{tr(Text::ChecksDetail)}</p>
            {body}
        </section>
    }
}

#[component]
fn Findings(response: DoctorResponse) -> impl IntoView {
    let i18n = use_i18n();
    let (reachable, failed) = (response.reachable, response.failed_step.clone());
    let hue = match (&failed, reachable) {
        (None, true) => Hue::Put,
        (Some(_), true) => Hue::Lock,
        (_, false) => Hue::Delete,
    };
    let reached = if reachable {
        Text::ChecksReachable
    } else {
        Text::ChecksUnreachable
    };
    let verdict = move || match &failed {
        Some(step) => i18n.fill(Text::ChecksFailed, &[&step_name(i18n, step)]),
        None => i18n.t(Text::ChecksPassed).to_owned(),
    };
    let groups = match response.findings {
        Some(findings) => by_endpoint(findings)
            .into_iter()
            .map(|(endpoint, findings)| view! { <Group endpoint=endpoint findings=findings/> })
            .collect_view()
            .into_any(),
        None => view! { <p class="card-text">{tr(Text::ChecksHidden)}</p> }.into_any(),
    };
    view! {
        <p class="check-verdict" role="status">
            <Chip hue=hue>{tr(reached)}</Chip>
            <span>{verdict}</span>
        </p>
        {groups}
    }
}

/// The findings with the same endpoint follow one another.
fn by_endpoint(findings: Vec<Finding>) -> Vec<(Option<String>, Vec<Finding>)> {
    let mut groups: Vec<(Option<String>, Vec<Finding>)> = Vec::new();
    for finding in findings {
        match groups.last_mut() {
            Some((endpoint, group)) if *endpoint == finding.endpoint => group.push(finding),
            _ => groups.push((finding.endpoint.clone(), vec![finding])),
        }
    }
    groups
}

#[component]
fn Group(endpoint: Option<String>, findings: Vec<Finding>) -> impl IntoView {
    let i18n = use_i18n();
    let is_endpoint = endpoint.is_some();
    let heading = move || match &endpoint {
        Some(endpoint) => key_text::escape_invisible(endpoint),
        None => i18n.t(Text::WholeCluster).to_owned(),
    };
    let rows = findings
        .into_iter()
        .map(|finding| view! { <Row finding=finding/> });
    view! {
        <h3 class="check-group" class:mono=is_endpoint>{heading}</h3>
        <ul class="check-rows">{rows.collect_view()}</ul>
    }
}

#[component]
fn Row(finding: Finding) -> impl IntoView {
    let i18n = use_i18n();
    let (hue, outcome) = match finding.outcome {
        Outcome::Ok => (Hue::Put, Text::StepOk),
        Outcome::Note => (Hue::Plain, Text::StepNote),
        Outcome::Warning => (Hue::Lock, Text::StepWarning),
        Outcome::Failed => (Hue::Delete, Text::StepFailed),
    };
    let step = finding.step.clone();
    let fix = finding.fix.map(|fix| {
        view! {
            <span class="check-fix"><b>{tr(Text::Fix)}</b>{key_text::escape_invisible(&fix)}</span>
        }
    });
    view! {
        <li class="check-row">
            <span class="check-outcome"><Tag hue=hue>{tr(outcome)}</Tag></span>
            <span class="check-step">{move || step_name(i18n, &step)}</span>
            <span class="check-detail soft">{key_text::escape_invisible(&finding.detail)}</span>
            {fix}
        </li>
    }
}

/// The name of a step; a step of a newer gateway keeps its own.
fn step_name(i18n: I18n, step: &str) -> String {
    let text = match step {
        "url" => Text::StepUrl,
        "dns" => Text::StepDns,
        "tcp" => Text::StepTcp,
        "tls" => Text::StepTls,
        "http2" => Text::StepHttp2,
        "client" => Text::StepClient,
        "auth" => Text::StepAuth,
        "permission" => Text::StepPermission,
        "version" => Text::StepVersion,
        "advertised" => Text::StepAdvertised,
        _ => return step.to_owned(),
    };
    i18n.t(text).to_owned()
}

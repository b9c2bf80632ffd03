use shared::{ActsAs, SessionResponse};

use super::Gate;

fn report(acts_as: ActsAs) -> SessionResponse {
    let name = (acts_as == ActsAs::Session).then(|| "app".to_owned());
    SessionResponse {
        acts_as,
        name,
        roles: Vec::new(),
        auth_enabled: Some(true),
        expires_at: None,
        idle_expires_at: None,
        hint: None,
    }
}

fn ended() -> Gate {
    let name = Some("app".to_owned());
    Gate::Ended { name }
}

#[test]
fn a_refusal_leads_to_the_sign_in_page() {
    let session = report(ActsAs::Session);
    for (gate, last, then) in [
        (Gate::Open, None, Gate::Refused),
        (Gate::Open, Some(report(ActsAs::Gateway)), Gate::Refused),
        (Gate::Open, Some(session.clone()), ended()),
        (ended(), Some(report(ActsAs::Gateway)), ended()),
        (Gate::Refused, Some(session), Gate::Refused),
    ] {
        assert_eq!(gate.on_refusal(last.as_ref()), then, "{gate:?} {last:?}");
    }
}

#[test]
fn no_other_account_silently_replaces_a_session() {
    let (session, gateway) = (report(ActsAs::Session), report(ActsAs::Gateway));
    let nobody = report(ActsAs::Nobody);
    for (gate, last, new, then) in [
        (Gate::Open, None, &gateway, Gate::Open),
        (Gate::Open, Some(&session), &gateway, ended()),
        (Gate::Open, Some(&session), &nobody, ended()),
        (ended(), Some(&gateway), &gateway, ended()),
        (ended(), Some(&gateway), &session, Gate::Open),
        // Auth was turned off, or the gateway got an account.
        (Gate::Refused, Some(&nobody), &gateway, Gate::Open),
        // Auth was turned on.
        (Gate::Open, Some(&gateway), &nobody, Gate::Refused),
        (Gate::Open, None, &report(ActsAs::Closed), Gate::Refused),
        (
            Gate::Refused,
            None,
            &report(ActsAs::Authorization),
            Gate::Open,
        ),
    ] {
        assert_eq!(gate.on_report(last, new), then, "{gate:?} {last:?} {new:?}");
    }
}

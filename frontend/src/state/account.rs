//! The account that the page works as: the user who signed in, or the gateway's own. Its permissions decide what
//! the pages can show and do, and what they say about the rest.

use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use shared::{ActsAs, Bytes, RangeSpec, SelfResponse, SessionResponse};

use super::clusters::{Clusters, use_clusters};
use super::connection::{Connection, Phase, use_connection};
use super::scope::Scope;
use crate::api::refusal::Credentials;
use crate::api::{self, ApiError, ErrorKind, Refused, activity};
use crate::clock::{now_ms, use_clock};
use crate::i18n::{I18n, texts};
use crate::model::session::{Ending, Gate, Limits, Renewal, covers};

texts! {
    /// Why a control cannot be used.
    enum Text {
        ReadOnly: "This gateway is read-only.", "此网关为只读模式。";
        NotGranted: "{0} may not write here.", "{0} 无权在此写入。";
        NotGrantedNameless: "This account may not write here.", "当前账户无权在此写入。";
        RootOnly: "Only a user with the role root may do this.", "仅拥有 root 角色的用户可以执行此操作。";
    }
}

/// The delay after a response, and after an error.
const REFRESH_INTERVAL: Duration = Duration::from_mins(1);
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The least delay between a response and the question that follows a refusal.
const AFTER_REFUSAL_MS: f64 = 2000.0;

/// The account, as of the gateway's last response.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    session: RwSignal<Option<SessionResponse>>,
    user: RwSignal<Option<SelfResponse>>,
    gate: RwSignal<Gate>,
    /// When the session was last renewed, in the browser's time.
    renewed: StoredValue<f64>,
    clusters: Clusters,
    connection: Connection,
    scope: Scope,
}

/// Why the account may not do something, for a control's tooltip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The gateway refuses every change.
    ReadOnly,
    /// The account has no permission for the range.
    NotGranted,
    /// Only root may.
    RootOnly,
}

impl Account {
    /// Which account requests act as; `None` before the first response.
    pub(crate) fn session(self) -> Option<SessionResponse> {
        self.session.try_get().flatten()
    }

    /// The account and its ranges; `None` before the first response, and where nothing is served.
    pub(crate) fn user(self) -> Option<SelfResponse> {
        self.user.try_get().flatten()
    }

    /// Whether the pages can be used.
    pub(crate) fn gate(self) -> Gate {
        self.gate.try_get().unwrap_or_default()
    }

    /// Whether the user must sign in first.
    pub(crate) fn needs_credentials(self) -> bool {
        self.gate.try_with(|gate| *gate != Gate::Open) == Some(true)
    }

    /// Whether the account is known to lack permission to read some keys.
    pub(crate) fn is_limited(self) -> bool {
        let all = RangeSpec {
            prefix: Some(Bytes::default()),
            ..RangeSpec::default()
        };
        let limited = |user: &Option<SelfResponse>| {
            let user = user.as_ref()?;
            let reads = user.read.as_deref().unwrap_or_default();
            Some(user.enabled && !covers(reads, &all))
        };
        self.user.try_with(limited).flatten().unwrap_or_default()
    }

    /// The account's name, if known.
    pub(crate) fn name(self) -> Option<String> {
        let signed_in = |session: &Option<SessionResponse>| session.as_ref()?.name.clone();
        let name = |user: &Option<SelfResponse>| user.as_ref()?.name.clone();
        let known = self.user.try_with(name).flatten();
        known.or_else(|| self.session.try_with(signed_in).flatten())
    }

    /// Whether this gateway refuses every change; false while unknown.
    pub(crate) fn is_read_only(self) -> bool {
        self.clusters.is_read_only()
    }

    /// Whether the account may do everything: it has the role root, or etcd's authentication is off. True while
    /// unknown: what is not known to be refused is not disabled.
    pub(crate) fn is_root(self) -> bool {
        let root = |user: &Option<SelfResponse>| {
            user.as_ref().is_none_or(|user| user.root || !user.enabled)
        };
        self.user.try_with(root).unwrap_or(true)
    }

    /// Whether etcd lets the account write a range, such as one key or a prefix. True while unknown.
    pub(crate) fn may_write(self, range: &RangeSpec) -> bool {
        self.is_granted(|granted| covers(granted, range))
    }

    /// Why a range cannot be written here; `None` if it can, or while that is unknown.
    pub(crate) fn write_denied(self, range: &RangeSpec) -> Option<Denied> {
        match (self.is_read_only(), self.may_write(range)) {
            (true, _) => Some(Denied::ReadOnly),
            (false, false) => Some(Denied::NotGranted),
            (false, true) => None,
        }
    }

    /// Why no key at all can be written here; `None` if one can, or while that is unknown.
    pub(crate) fn writes_denied(self) -> Option<Denied> {
        match (
            self.is_read_only(),
            self.is_granted(|granted| !granted.is_empty()),
        ) {
            (true, _) => Some(Denied::ReadOnly),
            (false, false) => Some(Denied::NotGranted),
            (false, true) => None,
        }
    }

    /// Why the account may not change the cluster or its users; `None` if it may, or while that is unknown.
    pub(crate) fn administration_denied(self) -> Option<Denied> {
        match (self.is_read_only(), self.is_root()) {
            (true, _) => Some(Denied::ReadOnly),
            (false, false) => Some(Denied::RootOnly),
            (false, true) => None,
        }
    }

    /// Whether the account's ranges for writing are enough. True while they are unknown, and for root.
    fn is_granted(self, is_enough: impl FnOnce(&[RangeSpec]) -> bool) -> bool {
        let granted = |user: &Option<SelfResponse>| {
            user.as_ref()
                .filter(|user| user.enabled && !user.root)
                .and_then(|user| user.write.as_deref())
                .is_none_or(is_enough)
        };
        self.user.try_with(granted).unwrap_or(true)
    }

    /// What to tell about a control that is disabled for this reason.
    pub(crate) fn reason(self, denied: Denied, i18n: I18n) -> String {
        match denied {
            Denied::ReadOnly => i18n.t(Text::ReadOnly).to_owned(),
            Denied::RootOnly => i18n.t(Text::RootOnly).to_owned(),
            Denied::NotGranted => {
                i18n.fill_name(self.name(), Text::NotGranted, Text::NotGrantedNameless)
            }
        }
    }

    /// The limits of the session, in the gateway's time; `None` without a session.
    pub(crate) fn limits(self) -> Option<Limits> {
        let limits = |session: &Option<SessionResponse>| {
            let session = session.as_ref()?;
            let time = |text: &Option<String>| Some(js_sys::Date::parse(text.as_ref()?));
            Some(Limits {
                idle: time(&session.idle_expires_at)?,
                absolute: time(&session.expires_at)?,
            })
        };
        self.session.try_with(limits).flatten()
    }

    /// Signs in, and continues as that user.
    pub(crate) async fn sign_in(self, name: String, password: String) -> Result<(), Refused> {
        let session = api::session::sign_in(name, password).await?;
        self.renewed.try_set_value(now_ms());
        self.user.try_set(None);
        self.session.try_set(Some(session));
        self.gate.try_set(Gate::Open);
        self.connection.restart();
        self.clusters.refresh();
        self.scope.spawn(async move {
            self.load_user().await;
        });
        Ok(())
    }

    /// Continues without the session that has ended, as the account of requests without credentials.
    pub(crate) fn continue_without(self) {
        self.gate.try_set(Gate::Open);
        self.connection.restart();
        self.clusters.refresh();
        self.refresh_now();
    }

    /// Renews the session: the user has asked to stay signed in.
    pub(crate) fn stay(self) {
        self.scope.spawn(async move {
            let reported = api::session::renew().await;
            self.reported(reported).await;
        });
    }

    /// Asks the gateway again.
    pub(crate) fn refresh_now(self) {
        self.scope.spawn(async move {
            self.refresh().await;
        });
    }

    /// Asks the gateway again after a refusal, but not more often than every two seconds: if it reports an account
    /// whose requests it refuses, this must not become a loop.
    fn refresh_after_refusal(self) {
        let since = now_ms() - self.renewed.try_get_value().unwrap_or_default();
        let wait = (AFTER_REFUSAL_MS - since).max(0.0) as u64;
        self.scope.spawn(async move {
            sleep(Duration::from_millis(wait)).await;
            self.refresh().await;
        });
    }

    async fn refresh(self) -> Duration {
        let credentials = Credentials::current();
        let reported = api::session::current().await;
        if credentials != Credentials::current() {
            // The user has signed in meanwhile.
            return REFRESH_INTERVAL;
        }
        self.reported(reported).await
    }

    /// The gateway has reported which account requests act as, or has failed to.
    async fn reported(self, reported: Result<SessionResponse, ApiError>) -> Duration {
        let session = match reported {
            Ok(session) => session,
            Err(error) => {
                if error.kind() == ErrorKind::Unauthenticated {
                    self.close_gate(Gate::on_refusal);
                }
                return RETRY_INTERVAL;
            }
        };
        self.renewed.try_set_value(now_ms());
        self.close_gate(|gate, last| gate.on_report(last, &session));
        let served = !matches!(session.acts_as, ActsAs::Nobody | ActsAs::Closed);
        if self.session.try_get_untracked() != Some(Some(session.clone())) {
            self.session.try_set(Some(session));
        }
        if served && self.load_user().await {
            return REFRESH_INTERVAL;
        }
        if served {
            RETRY_INTERVAL
        } else {
            REFRESH_INTERVAL
        }
    }

    /// Whether the gateway responded.
    async fn load_user(self) -> bool {
        let loaded = api::auth::current_user().await;
        let is_loaded = loaded.is_ok();
        if let Ok(user) = loaded {
            self.user.try_set(Some(user));
        }
        is_loaded
    }

    fn close_gate(self, next: impl FnOnce(&Gate, Option<&SessionResponse>) -> Gate) {
        let last = self.session.try_get_untracked().flatten();
        let Some(gate) = self.gate.try_get_untracked() else {
            return;
        };
        let next = next(&gate, last.as_ref());
        if next != gate {
            self.gate.try_set(next);
        }
    }

    /// Renews the session while the user is active, and notices its end.
    fn keep(self, now: f64, ending: Option<Ending>, is_over: bool) {
        let renewal = Renewal {
            renewed: self.renewed.try_get_value().unwrap_or(now),
            active: activity::last(),
            visible: activity::is_visible(),
        };
        if renewal.is_due(now, ending) || (is_over && now - renewal.renewed > 5_000.0) {
            self.renewed.try_set_value(now);
            self.refresh_now();
        }
    }
}

/// The account.
pub(crate) fn use_account() -> Account {
    expect_context()
}

pub(super) fn provide() {
    let account = Account {
        session: RwSignal::new(None),
        user: RwSignal::new(None),
        gate: RwSignal::new(Gate::Open),
        renewed: StoredValue::new(now_ms()),
        clusters: use_clusters(),
        connection: use_connection(),
        scope: Scope::here(),
    };
    provide_context(account);
    spawn_local_scoped_with_cancellation(async move {
        loop {
            let delay = account.refresh().await;
            sleep(delay).await;
        }
    });
    api::refusal::on_refusal(move || {
        let open = account.gate.try_with_untracked(|gate| *gate == Gate::Open);
        account.close_gate(Gate::on_refusal);
        if open == Some(true) {
            account.refresh_after_refusal();
        }
    });
    let activity = activity::listen();
    let visible = window_event_listener(ev::visibilitychange, move |_| {
        // The user may have signed in or out in another tab.
        if activity::is_visible() {
            account.refresh_now();
        }
    });
    on_cleanup(move || {
        visible.remove();
        for handle in activity {
            handle.remove();
        }
    });
    // Browsers do not report why a socket was refused; a plain request does.
    let (connection, clock) = (account.connection, use_clock());
    Effect::new(move |_| {
        if matches!(connection.phase(), Phase::Lost { .. }) {
            spawn_local_scoped_with_cancellation(async move {
                account.refresh().await;
            });
        }
    });
    Effect::new(move |_| {
        let now = clock.now();
        if let Some(limits) = account.limits() {
            let by_gateway = clock.by_gateway(now);
            untrack(|| account.keep(now, limits.ending(by_gateway), limits.is_over(by_gateway)));
        }
    });
    // A page that nothing is served to keeps no connection.
    Effect::new(move |_| connection.set_wanted(!account.needs_credentials()));
}

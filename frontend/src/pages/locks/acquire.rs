//! The dialog that acquires a lock, or waits in its queue while it is open.

use leptos::prelude::*;
use shared::LockRequest;

use super::acquired::AcquiredLock;
use super::parts::failure;
use super::text::Text;
use crate::api::{self, ApiError};
use crate::clock::now_ms;
use crate::clock::use_clock;
use crate::i18n::{Common, I18n, label, tr, use_i18n};
use crate::model::format;
use crate::model::key_text;
use crate::model::locks;
use crate::model::sentence::sentences;
use crate::ui::{Button, ButtonKind, Dialog, Icon, KeyNote, Note, NoteKind, TextField};

/// The name that the dialog starts with, if any.
pub(super) type AcquireName = Option<Vec<u8>>;

/// Longest wait in a queue, in seconds; the gateway's own limit.
const LONGEST_WAIT: u64 = 3_600;

/// Open while `open` is `Some`, with or without a name.
#[component]
pub(super) fn AcquireDialog(open: RwSignal<Option<AcquireName>>) -> impl IntoView {
    let close = Callback::new(move |()| open.set(None));
    view! {
        <Dialog
            open=Signal::derive(move || open.with(Option::is_some))
            title=label(Text::AcquireTitle)
            on_close=move |()| close.run(())
        >
            // Closing the dialog drops the request, and with it the place in the queue.
            <Form name=open.get_untracked().flatten() on_close=close/>
        </Dialog>
    }
}

/// The form's contents, once valid.
struct Filled {
    name: Vec<u8>,
    request: LockRequest,
}

#[component]
fn Form(name: AcquireName, on_close: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    let name = RwSignal::new(key_text::display(&name.unwrap_or_default()));
    let holder = RwSignal::new(String::new());
    let ttl = RwSignal::new("60".to_owned());
    let wait = RwSignal::new("30".to_owned());
    let tried = RwSignal::new(false);
    let since = RwSignal::new(0.0_f64);

    let ttl_read = move || ttl.get().trim().parse::<i64>().ok().filter(|ttl| *ttl >= 1);
    let wait_read = move || {
        wait.get()
            .trim()
            .parse::<u64>()
            .ok()
            .filter(|wait| *wait <= LONGEST_WAIT)
    };
    let field_error =
        move |text: Text, wrong: bool| (tried.get() && wrong).then(|| i18n.t(text).to_owned());
    let filled = move || {
        // The note below the field names an invalid escape.
        let name = key_text::parse(&name.get_untracked()).ok()?;
        let holder = holder.get_untracked().trim().to_owned();
        let request = LockRequest {
            ttl: Some(untrack(ttl_read)?),
            wait: untrack(wait_read)?,
            holder: (!holder.is_empty()).then_some(holder),
            lease: None,
        };
        (!name.is_empty()).then_some(Filled { name, request })
    };
    let acquire = Action::new_local(move |(name, request): &(Vec<u8>, LockRequest)| {
        let (name, request) = (name.clone(), request.clone());
        async move { api::locks::acquire(&name, &request).await }
    });
    // An action outlives its view; this one holds a place in a queue and must not.
    let abort = StoredValue::new_local(None::<ActionAbortHandle>);
    on_cleanup(move || {
        abort.try_update_value(|running| running.take().map(ActionAbortHandle::abort));
    });
    let press = move || {
        tried.set(true);
        if let Some(filled) = filled() {
            since.set(now_ms());
            let running = acquire.dispatch((filled.name, filled.request));
            abort.set_value(Some(running));
        }
    };
    let pending = acquire.pending();
    let acquired = Memo::new(move |_| {
        acquire.value().with(|value| {
            value
                .as_ref()
                .and_then(|value| value.as_ref().ok().cloned())
        })
    });
    let refused = Memo::new(move |_| failure(acquire));
    let fields = move || {
        view! {
            <TextField
                label=label(Text::AcquireName)
                value=name
                placeholder=label(Text::AcquireNameHint)
                error=Signal::derive(move || field_error(Text::NameNeeded, name.with(String::is_empty)))
                invalid=Signal::derive(move || name.with(|name| key_text::parse(name).is_err()))
                mono=true
                disabled=pending
            />
            <KeyNote text=name/>
            <TextField label=label(Text::AcquireHolder) value=holder disabled=pending/>
            <div class="two-fields">
                <TextField
                    label=label(Text::AcquireTtl)
                    value=ttl
                    error=Signal::derive(move || field_error(Text::TtlWrong, ttl_read().is_none()))
                    disabled=pending
                />
                <TextField
                    label=label(Text::AcquireWait)
                    value=wait
                    error=Signal::derive(move || field_error(Text::WaitWrong, wait_read().is_none()))
                    disabled=pending
                />
            </div>
            <Show when=move || pending.get()><Waiting since=since/></Show>
            <Show when=move || refused.with(Option::is_some) && !pending.get()>
                <Note kind=NoteKind::Error role="alert">{move || refused.get().map(|error| refusal(&error, i18n))}</Note>
            </Show>
        }
    };
    view! {
        <Show
            when=move || acquired.with(Option::is_some)
            fallback=move || view! {
                <div class="dialog-body">{fields()}</div>
                <footer class="dialog-foot">
                    <Button on_press=move || on_close.run(())>
                        {move || if pending.get() { i18n.t(Text::LeaveQueue) } else { i18n.t(Common::Cancel) }}
                    </Button>
                    <Button kind=ButtonKind::Primary pending=pending on_press=press>{tr(Text::Acquire)}</Button>
                </footer>
            }
        >
            {move || acquired.get().map(|acquired| view! { <AcquiredLock acquired=acquired on_close=on_close/> })}
        </Show>
    }
}

#[component]
fn Waiting(since: RwSignal<f64>) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let message = move || {
        let waited = ((clock.now() - since.get()) / 1000.0).max(0.0) as i64;
        i18n.fill(Text::InQueue, &[&format::span(waited, i18n.lang())])
    };
    view! {
        <Note icon=Icon::Lease role="status"><span class="num">{message}</span></Note>
    }
}

/// Who holds the lock instead, or what else went wrong.
fn refusal(error: &ApiError, i18n: I18n) -> String {
    let lock = error.problem().and_then(|problem| problem.lock.as_ref());
    let Some((lock, holder)) = lock.and_then(|lock| Some((lock, lock.holder.as_ref()?))) else {
        return error.in_full(i18n.lang());
    };
    let held = i18n.fill(
        Text::StillHeld,
        &[
            &key_text::in_sentence(&lock.name.0),
            &key_text::isolate(&locks::label(holder).0),
        ],
    );
    let waiting = lock.waiters.as_ref().map_or(0, Vec::len) as i64;
    let queue = i18n.plural(waiting, Text::StillHeldQueueOne, Text::StillHeldQueueMany);
    sentences(&[&held, &queue])
}

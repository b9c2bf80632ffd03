//! A new key: created only if it does not exist.

use leptos::html;
use leptos::prelude::*;
use shared::LeaseId;

use super::commands::CommandButton;
use super::editor::{SaveFailed, ends_note};
use super::navigation::use_navigation;
use super::text::Text;
use super::text_area::PastedText;
use crate::api::kv::{LeaseChoice, Precondition};
use crate::api::leases::GrantedLease;
use crate::api::{self, ApiError};
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::command::{KeyCommand, NewLease};
use crate::model::edit::EditedText;
use crate::model::format;
use crate::model::key_text;
use crate::state::{Scope, Tone, use_drafts, use_toasts};
use crate::ui::{
    Button, ButtonKind, Dialog, KeyNote, Note, NoteKind, SelectField, TextField, When, focus,
};

/// The browser asks before the page unloads while this form has an unsaved value.
const FORM: &str = "new key";

const NONE: &str = "none";
const NEW: &str = "new";
const OLD: &str = "old";

/// The dialog; open while the URL says so.
#[component]
pub(crate) fn CreateDialog() -> impl IntoView {
    let navigation = use_navigation();
    view! {
        <Dialog
            open=Signal::derive(move || navigation.new.with(Option::is_some))
            title=label(Text::CreateTitle)
            on_close=move |()| navigation.close_new()
        >
            <CreateForm/>
        </Dialog>
    }
}

/// The lease to attach, as chosen in the form.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    None,
    New(i64),
    Old(LeaseId),
}

#[component]
fn CreateForm() -> impl IntoView {
    let (navigation, toasts, i18n) = (use_navigation(), use_toasts(), use_i18n());
    let scope = Scope::here();
    let initial = navigation
        .new
        .get_untracked()
        .unwrap_or_else(|| [][..].into());
    let key = RwSignal::new(format::key(&initial));
    let value = RwSignal::new(EditedText::new(""));
    let pasted = PastedText::new();
    let kind = RwSignal::new(NONE.to_owned());
    let seconds = RwSignal::new("60".to_owned());
    let lease_id = RwSignal::new(String::new());
    let saving = RwSignal::new(false);
    let touched = RwSignal::new(false);
    let exists = RwSignal::new(None::<i64>);
    let error = RwSignal::new(None::<ApiError>);
    let drafts = use_drafts();
    Effect::new(move |_| drafts.set_form(FORM, value.with(|value| value.len() > 0)));
    on_cleanup(move || drafts.set_form(FORM, false));
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            focus(&field);
            let end = field.value().encode_utf16().count() as u32;
            let _ = field.set_selection_range(end, end);
        }
    });
    // `None` where the text has an invalid escape, which the note below the field names.
    let bytes = Memo::new(move |_| key.with(|key| key_text::parse(key).ok()));
    let wanted = Memo::new(move |_| match kind.get().as_str() {
        NEW => seconds
            .get()
            .trim()
            .parse()
            .ok()
            .filter(|ttl| *ttl > 0)
            .map(Wanted::New),
        OLD => lease_id
            .get()
            .trim()
            .parse()
            .ok()
            .filter(|id: &LeaseId| id.0 != 0)
            .map(Wanted::Old),
        _ => Some(Wanted::None),
    });
    let key_error = Signal::derive(move || {
        let empty = key.with(String::is_empty);
        (touched.get() && empty).then(|| i18n.t(Text::KeyNeeded).to_owned())
    });
    let lease_error = Signal::derive(move || {
        let text = if kind.get() == NEW {
            Text::BadSeconds
        } else {
            Text::BadLease
        };
        (touched.get() && wanted.get().is_none()).then(|| i18n.t(text).to_owned())
    });
    let command = Signal::derive(move || {
        let lease = match wanted.get()? {
            Wanted::None => NewLease::None,
            Wanted::Old(id) => NewLease::Id(id.to_string()),
            Wanted::New(ttl) => NewLease::Grant(ttl),
        };
        let key = bytes.get()?;
        (!key.is_empty()).then(|| KeyCommand::Create {
            key,
            value: value.with(EditedText::text).into_bytes(),
            lease,
        })
    });
    let save = move || {
        touched.set(true);
        let (Some(key), Some(lease)) = (bytes.get_untracked(), wanted.get_untracked()) else {
            return;
        };
        if key.is_empty() {
            return;
        }
        saving.set(true);
        error.set(None);
        exists.set(None);
        scope.spawn(async move {
            let text = value.with_untracked(EditedText::text);
            let response = create(&key, text.as_bytes(), lease).await;
            saving.try_set(false);
            match response {
                Ok(revision) => {
                    let text = i18n.fill(
                        Text::CreatedIt,
                        &[&key_text::in_sentence(&key), &format::count(revision)],
                    );
                    toasts.show(Tone::Good, text);
                    navigation.open_key(&key);
                }
                Err(problem) => match problem
                    .problem()
                    .and_then(|problem| problem.current.clone())
                    .flatten()
                {
                    Some(current) => {
                        exists.try_set(Some(current.mod_revision));
                    }
                    None => {
                        error.try_set(Some(problem));
                    }
                },
            }
        });
    };
    // The text area keeps its own value; the edited text follows it.
    let on_value = move |event: leptos::ev::Event| {
        let area: web_sys::HtmlTextAreaElement = event_target(&event);
        let caret = area.selection_end().ok().flatten();
        pasted.with_change(&event, |change| {
            let caret = caret.map(|caret| caret as usize);
            value.update(|value| value.follow(&area.value(), caret, change));
        });
    };
    let ends = move || ends_note(value.with(EditedText::ends), i18n);
    let options = Signal::derive(move || {
        vec![
            (NONE, i18n.t(Text::NoLeaseChoice).to_owned()),
            (NEW, i18n.t(Text::NewLeaseChoice).to_owned()),
            (OLD, i18n.t(Text::OldLeaseChoice).to_owned()),
        ]
    });
    let already = move || {
        exists.get().map(|revision| {
            let open = move || {
                let press = move || navigation.open_key(&bytes.get_untracked().unwrap_or_default());
                view! { <Button small=true on_press=press>{tr(Text::OpenIt)}</Button> }
            };
            view! {
                <Note kind=NoteKind::Warning role="alert" action=open>
                    {move || i18n.fill(Text::ExistsAlready, &[&format::count(revision)])}
                </Note>
            }
        })
    };
    view! {
        <div class="dialog-body">
            <div class="field">
                <TextField
                    node_ref=field
                    mono=true
                    label=label(Common::Key)
                    value=key
                    error=key_error
                    invalid=Signal::derive(move || bytes.with(Option::is_none))
                />
                <KeyNote text=key/>
                <span class="field-hint">{tr(Text::KeyEscapes)}</span>
            </div>
            <label class="field">
                <span class="field-label">{tr(Common::Value)}</span>
                <textarea
                    class="input x-create-value mono"
                    spellcheck="false"
                    on:paste=move |event| pasted.remember(&event)
                    on:input=on_value
                ></textarea>
                <span class="field-hint">{ends}</span>
            </label>
            <div class="x-create-lease">
                <SelectField label=label(Common::Lease) value=kind options=options/>
                <When when=move || kind.get() == NEW>
                    <TextField label=label(Text::Seconds) value=seconds error=lease_error/>
                </When>
                <When when=move || kind.get() == OLD>
                    <TextField mono=true label=label(Text::LeaseId) value=lease_id error=lease_error/>
                </When>
            </div>
            {already}
            {move || error.get().map(|error| view! { <SaveFailed error=error/> })}
        </div>
        <footer class="dialog-foot">
            <span class="push"><CommandButton command=command name=Text::DoCreate/></span>
            <Button on_press=move || navigation.close_new()>{tr(Common::Cancel)}</Button>
            <Button kind=ButtonKind::Primary pending=saving on_press=save>{tr(Text::CreateKey)}</Button>
        </footer>
    }
}

/// Creates the key, with a new lease where one is chosen; returns the revision. A lease granted for
/// a key that is not created, or whose creation is cancelled, is revoked; that also settles a
/// creation that got no response.
async fn create(key: &[u8], value: &[u8], lease: Wanted) -> Result<i64, ApiError> {
    let granted = match lease {
        Wanted::New(ttl) => Some(GrantedLease::grant(ttl).await?),
        Wanted::None | Wanted::Old(_) => None,
    };
    let choice = match (lease, &granted) {
        (Wanted::Old(id), _) => LeaseChoice::Attach(id),
        (_, Some(granted)) => LeaseChoice::Attach(granted.id()),
        _ => LeaseChoice::Drop,
    };
    let response = api::kv::put(key, value, choice, Precondition::Absent).await?;
    if let Some(granted) = granted {
        granted.keep();
    }
    Ok(response.mod_revision.unwrap_or(response.header.revision))
}

//! The state of the page: the document, its JSON, and what came of running it. Builder and JSON are two views of the
//! document; whichever is edited updates the other.

use leptos::prelude::*;
use shared::{DoResponse, ExplainedCompare, Explanation, TxnResponse};

use super::text::Text;
use crate::api::{self, ApiError};
use crate::i18n::{I18n, use_i18n};
use crate::model::key_text;
use crate::model::txn::{
    self, Body, Document, JsonError, Mode, Places, RowId, Wrong, WrongAt, split_place,
};
use crate::state::Scope;
use crate::state::connection::{Connection, use_connection};

/// Why the JSON is not in step with the builder.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JsonFault {
    /// Not a body.
    Json(JsonError),
    /// A body with a fault.
    Wrong(WrongAt),
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ran {
    Txn(TxnResponse),
    Single(DoResponse),
}

/// The last press of "Run" or "Explain".
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    None,
    Ran(Ran),
    Explained(Explanation),
    Failed(ApiError),
}

/// The state; a handle.
#[derive(Clone, Copy)]
pub(super) struct Store {
    pub(super) document: RwSignal<Document>,
    pub(super) json: RwSignal<String>,
    pub(super) json_fault: RwSignal<Option<JsonFault>>,
    /// The request, or what is missing.
    pub(super) body: Memo<Result<Body, Vec<WrongAt>>>,
    pub(super) places: Memo<Places>,
    pub(super) mode: Memo<Mode>,
    pub(super) outcome: RwSignal<Outcome>,
    /// The request that `outcome` is about.
    sent: RwSignal<Option<Body>>,
    pub(super) pending: RwSignal<bool>,
    /// Whether missing fields are marked: once something was attempted.
    pub(super) tried: RwSignal<bool>,
    /// What was replaced by a template, a link or a saved transaction, with the name of that.
    pub(super) replaced: RwSignal<Option<(Document, Option<String>)>>,
    /// Whether the templates are shown.
    pub(super) templates: RwSignal<bool>,
    scope: Scope,
    connection: Connection,
}

impl Store {
    /// Starts with a draft.
    pub(super) fn new(draft: Document) -> Self {
        let document = RwSignal::new(draft);
        let body = Memo::new(move |_| document.with(Document::body));
        let store = Self {
            document,
            json: RwSignal::new(String::new()),
            json_fault: RwSignal::new(None),
            body,
            places: Memo::new(move |_| document.with(Document::places)),
            mode: Memo::new(move |_| document.with(Document::mode)),
            outcome: RwSignal::new(Outcome::None),
            sent: RwSignal::new(None),
            pending: RwSignal::new(false),
            tried: RwSignal::new(false),
            replaced: RwSignal::new(None),
            templates: RwSignal::new(false),
            scope: Scope::here(),
            connection: use_connection(),
        };
        store.print();
        store
    }

    /// Writes the JSON from the document. While the document is incomplete the last one stays.
    fn print(self) {
        let body = self.document.with_untracked(Document::body);
        let shown = match &body {
            Ok(body) => Some(txn::print(body)),
            Err(_) if self.json.with_untracked(String::is_empty) => Some(String::new()),
            Err(_) => None,
        };
        if let Some(text) = shown {
            self.json.set(text);
        }
        self.json_fault.set(None);
    }

    /// A change by the builder.
    pub(super) fn edit(self, change: impl FnOnce(&mut Document)) {
        self.document.update(change);
        self.print();
    }

    /// Restores the JSON from the builder.
    pub(super) fn restore_json(self) {
        self.print();
    }

    /// A change of the JSON.
    pub(super) fn edit_json(self, text: String) {
        let mode = self.mode.get_untracked();
        let blank = text.trim().is_empty();
        let parsed = if blank {
            self.document.update(Document::clear);
            Ok(())
        } else {
            txn::parse(mode, &text)
                .map_err(JsonFault::Json)
                .and_then(|body| {
                    let replaced = self.document.try_update(|document| document.replace(&body));
                    replaced.unwrap_or(Ok(())).map_err(JsonFault::Wrong)
                })
        };
        self.json.set(text);
        self.json_fault.set(parsed.err());
    }

    /// Shows another transaction; `name` is that of the template or the saved one. What was there can be restored.
    pub(super) fn load(self, body: &Body, name: Option<String>) -> Result<(), WrongAt> {
        let before = self.document.get_untracked();
        let mut document = before.clone();
        document.replace(body)?;
        self.document.set(document);
        self.reset();
        let was_empty = before.is_empty() || before.body().is_ok_and(|before| before == *body);
        let same_mode = before.mode() == self.mode.get_untracked();
        self.replaced
            .set((same_mode && !was_empty).then_some((before, name)));
        Ok(())
    }

    /// Restores what was replaced.
    pub(super) fn undo(self) {
        if let Some((document, _)) = self.replaced.get_untracked() {
            self.document.set(document);
            self.reset();
        }
        self.replaced.set(None);
    }

    /// Empties what is shown.
    pub(super) fn clear(self) {
        let before = self.document.get_untracked();
        self.document.update(Document::clear);
        self.reset();
        self.replaced.set(Some((before, None)));
    }

    /// Shows the transaction or the single op.
    pub(super) fn set_mode(self, mode: Mode) {
        if self.mode.get_untracked() != mode {
            self.document.update(|document| document.set_mode(mode));
            self.replaced.set(None);
            self.reset();
        }
    }

    fn reset(self) {
        self.tried.set(false);
        self.outcome.set(Outcome::None);
        self.json.set(String::new());
        self.print();
    }

    /// The request, if it is complete and the JSON is in step; else marks what is missing.
    pub(super) fn attempt(self) -> Option<Body> {
        self.tried.set(true);
        if self.json_fault.with_untracked(Option::is_some) {
            return None;
        }
        self.body.get_untracked().ok()
    }

    /// Runs the request.
    pub(super) fn run(self, body: Body) {
        self.send(body, |body| async move {
            match body {
                Body::Txn(request) => {
                    let response = api::transactions::txn(&request).await?;
                    Ok((response.header.revision, Outcome::Ran(Ran::Txn(response))))
                }
                Body::Single(request) => {
                    let response = api::transactions::single(&request).await?;
                    Ok((
                        response.header.revision,
                        Outcome::Ran(Ran::Single(response)),
                    ))
                }
            }
        });
    }

    /// Explains the transaction.
    pub(super) fn explain(self) {
        if let Some(body @ Body::Txn(_)) = self.attempt() {
            self.send(body, |body| async move {
                let Body::Txn(request) = body else {
                    return Ok((0, Outcome::None));
                };
                let explanation = api::transactions::explain(&request).await?;
                Ok((explanation.header.revision, Outcome::Explained(explanation)))
            });
        }
    }

    fn send<F>(self, body: Body, request: impl FnOnce(Body) -> F + 'static)
    where
        F: Future<Output = Result<(i64, Outcome), ApiError>> + 'static,
    {
        if self.pending.get_untracked() {
            return;
        }
        self.pending.set(true);
        self.sent.set(Some(body.clone()));
        self.scope.spawn(async move {
            let outcome = match request(body).await {
                Ok((revision, outcome)) => {
                    self.connection.advance_to(revision);
                    outcome
                }
                Err(error) => Outcome::Failed(error),
            };
            self.outcome.try_set(outcome);
            self.pending.try_set(false);
        });
    }

    /// Whether the document is still the one that `outcome` is about.
    pub(super) fn is_current(self) -> bool {
        self.sent
            .with(|sent| self.body.with(|body| sent.as_ref() == body.as_ref().ok()))
    }

    /// What the explanation says about a comparison.
    pub(super) fn explained(self, row: RowId) -> Option<ExplainedCompare> {
        if !self.is_current() {
            return None;
        }
        let place = self
            .places
            .with(|places| places.get(row).map(str::to_owned))?;
        self.outcome.with(|outcome| match outcome {
            Outcome::Explained(explanation) => {
                let mut compares = explanation.compares.iter();
                compares.find(|compare| compare.place == place).cloned()
            }
            _ => None,
        })
    }

    /// The member that the gateway's error names, and the message.
    fn refused(self) -> Option<(String, String)> {
        if !self.is_current() {
            return None;
        }
        self.outcome.with(|outcome| match outcome {
            Outcome::Failed(ApiError::Problem(problem)) => {
                let (place, message) = split_place(&problem.detail)?;
                Some((place.to_owned(), key_text::escape_invisible(message)))
            }
            _ => None,
        })
    }

    /// The gateway's message about a row, with the member's path.
    pub(super) fn refused_at(self, row: RowId) -> Option<(String, String)> {
        let (place, message) = self.refused()?;
        let at = self.places.with(|places| places.row_at(&place));
        (at == Some(row)).then_some((place, message))
    }

    /// What is wrong with a member of a row: `key`, or `put.key`. A missing one is marked once something was attempted.
    pub(super) fn fault(self, row: RowId, member: &str) -> Option<Wrong> {
        let tried = self.tried.get();
        self.body.with(|body| {
            let faults = body.as_ref().err()?;
            let place = self
                .places
                .with(|places| places.get(row).map(str::to_owned))?;
            let place = format!("{place}.{member}");
            let fault = faults.iter().find(|fault| fault.place == place)?;
            let missing = matches!(fault.wrong, Wrong::KeyNeeded | Wrong::NumberNeeded);
            (tried || !missing).then(|| fault.wrong.clone())
        })
    }
}

/// The state; a context of the page.
pub(super) fn use_store() -> Store {
    expect_context()
}

/// A fault in words.
pub(super) fn wrong_text(wrong: &Wrong, i18n: I18n) -> String {
    let text = match wrong {
        Wrong::BadEscape(found) => {
            return i18n.fill(Text::BadEscape, &[&key_text::isolate(found)]);
        }
        Wrong::KeyNeeded => Text::KeyNeeded,
        Wrong::EmptyRange => Text::EmptyRange,
        Wrong::RangeForms => Text::RangeForms,
        Wrong::OpMembers => Text::OpMembers,
        Wrong::NumberNeeded => Text::NumberNeeded,
        Wrong::NotNumber => Text::NotNumber,
        Wrong::Negative => Text::Negative,
        Wrong::BadLease => Text::BadLease,
        Wrong::BytesNeeded => Text::BytesNeeded,
        Wrong::NotBase64 => Text::NotBase64,
        Wrong::NotHex => Text::NotHex,
    };
    i18n.t(text).to_owned()
}

/// The fault of a member in words, for a field.
pub(super) fn fault_text(store: Store, row: RowId, member: &'static str) -> Signal<Option<String>> {
    let i18n = use_i18n();
    Signal::derive(move || {
        store
            .fault(row, member)
            .map(|wrong| wrong_text(&wrong, i18n))
    })
}

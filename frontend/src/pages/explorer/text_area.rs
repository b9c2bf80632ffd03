//! The editor's text area. It keeps its own value during typing; the draft follows it by splices.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::draft::Draft;
use super::text::Text;
use crate::i18n::{label, tr, use_i18n};
use crate::model::edit::{Change, Replacement, WindowLines, indent};
use crate::model::format;
use crate::model::value::Encoding;
use crate::ui::{Button, ButtonKind, Icon, When};

const HINT: &str = "x-editor-hint";

/// The text area. Tab indents text and Escape, then Tab leaves it; with hex and base64 Tab always
/// leaves.
#[component]
pub(super) fn TextArea(
    draft: Draft,
    encoding: Memo<Encoding>,
    error: Signal<Option<&'static str>>,
    on_submit: impl Fn() + 'static,
) -> impl IntoView {
    let node = NodeRef::<html::Textarea>::new();
    let pasted = PastedText::new();
    // Escape was the last key, so Tab leaves.
    let leaving = StoredValue::new(false);
    Effect::new(move |_| {
        let line = draft.refill_at.get();
        if let Some(area) = node.get() {
            let (text, caret) = draft.fill(line);
            fill(&area, &text, caret);
        }
    });
    let on_input = move |event: leptos::ev::Event| {
        let Some(area) = node.get_untracked() else {
            return;
        };
        let caret = selection(&area).map(|(_, end)| end);
        pasted.with_change(&event, |change| draft.input(&area.value(), caret, change));
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        let key = event.key();
        if key == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            on_submit();
            return;
        }
        // Shift is pressed before Shift+Tab is.
        if key == "Shift" {
            return;
        }
        let left = leaving.get_value();
        leaving.set_value(key == "Escape");
        let plain = !event.ctrl_key() && !event.meta_key() && !event.alt_key();
        // During composition the keys belong to the input method.
        if key != "Tab" || left || !plain || event.is_composing() {
            return;
        }
        let area = node.get_untracked();
        let (Some(area), Encoding::Text) = (area, encoding.get_untracked()) else {
            return;
        };
        event.prevent_default();
        let Some((start, end)) = selection(&area) else {
            return;
        };
        if let Some(replacement) = indent(&area.value(), start..end, event.shift_key()) {
            replace(&area, &replacement);
        }
    };
    view! {
        <textarea
            node_ref=node
            class="x-editor-text mono"
            spellcheck="false"
            autocomplete="off"
            autocapitalize="off"
            wrap="off"
            aria-label=tr(Text::EditValue)
            aria-describedby=move || (encoding.get() == Encoding::Text).then_some(HINT)
            aria-invalid=move || error.get().map(|_| "true")
            on:paste=move |event| pasted.remember(&event)
            on:input=on_input
            on:keydown=on_keydown
            on:blur=move |_| leaving.set_value(false)
        ></textarea>
        <When when=move || encoding.get() == Encoding::Text>
            <p id=HINT class="x-editor-hint">{tr(Text::TabHint)}</p>
        </When>
    }
}

/// The text being pasted, with its own line ends: the text area has `\n` only.
#[derive(Clone, Copy)]
pub(super) struct PastedText(StoredValue<Option<String>>);

impl PastedText {
    /// Nothing is being pasted.
    pub(super) fn new() -> Self {
        Self(StoredValue::new(None))
    }

    /// Keeps the text of a `paste` event for the `input` event that follows.
    pub(super) fn remember(self, event: &web_sys::ClipboardEvent) {
        let data = event.clipboard_data();
        self.0
            .set_value(data.and_then(|data| data.get_data("text/plain").ok()));
    }

    /// Calls `apply` with the kind of change of an `input` event.
    pub(super) fn with_change(self, event: &leptos::ev::Event, apply: impl FnOnce(Change<'_>)) {
        let kind = event
            .dyn_ref::<web_sys::InputEvent>()
            .map(web_sys::InputEvent::input_type);
        let pasted = self.0.try_update_value(Option::take).flatten();
        apply(match (kind.as_deref(), &pasted) {
            (Some("historyUndo" | "historyRedo"), _) => Change::Restored,
            (Some("insertFromPaste"), Some(text)) => Change::Pasted(text),
            _ => Change::Typed,
        });
    }
}

/// Which lines of a long text are in the text area, with buttons to the others.
#[component]
pub(super) fn WindowBar(draft: Draft, window: Memo<Option<WindowLines>>) -> impl IntoView {
    let i18n = use_i18n();
    let lines = move || {
        let WindowLines { first, last, all } = window.get()?;
        let count = |line: usize| format::count(line as i64);
        Some(i18n.fill(
            Text::WindowLines,
            &[&count(first), &count(last), &count(all)],
        ))
    };
    let at_start = Signal::derive(move || window.get().is_none_or(|lines| lines.first == 1));
    let at_end = Signal::derive(move || window.get().is_none_or(|lines| lines.last == lines.all));
    let previous = move || {
        if let Some(lines) = window.get_untracked() {
            draft.show_line(lines.first.saturating_sub(1).max(1));
        }
    };
    let next = move || {
        if let Some(lines) = window.get_untracked() {
            draft.show_line(lines.last + 1);
        }
    };
    let go = move |event: leptos::ev::Event| {
        let typed = event_target_value(&event);
        let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
        if let (Ok(line), Some(lines)) = (digits.parse::<usize>(), window.get_untracked()) {
            draft.show_line(line.clamp(1, lines.all));
        }
    };
    view! {
        <When when=move || window.get().is_some()>
            <div class="x-editor-window">
                <Button kind=ButtonKind::Quiet small=true icon=Icon::Left label=label(Text::PreviousLines) disabled=at_start on_press=previous/>
                <span class="num" role="status">{lines}</span>
                <Button kind=ButtonKind::Quiet small=true icon=Icon::Right label=label(Text::NextLines) disabled=at_end on_press=next/>
                <input
                    class="input x-editor-line push"
                    type="text"
                    inputmode="numeric"
                    autocomplete="off"
                    aria-label=tr(Text::GoToLine)
                    placeholder=tr(Text::GoToLine)
                    on:change=go
                />
            </div>
        </When>
    }
}

/// Replaces the text and scrolls to the caret.
fn fill(area: &web_sys::HtmlTextAreaElement, text: &str, caret: usize) {
    area.set_value(text);
    let caret_at = u32::try_from(caret).unwrap_or(u32::MAX);
    // Fails only for an element that is no longer in the page.
    let _ = area.set_selection_range(caret_at, caret_at);
    let rows = text
        .encode_utf16()
        .take(caret)
        .filter(|unit| *unit == u16::from(b'\n'))
        .count();
    area.set_scroll_top(i32::try_from(rows).unwrap_or(0) * ROW);
    area.set_scroll_left(0);
}

/// Height of a row in pixels; the style sheet agrees.
const ROW: i32 = 20;

/// The selection, in UTF-16 units.
fn selection(area: &web_sys::HtmlTextAreaElement) -> Option<(usize, usize)> {
    let start = area.selection_start().ok().flatten()?;
    let end = area.selection_end().ok().flatten()?;
    Some((start as usize, end as usize))
}

/// Applies a replacement as typing would, so that the browser can undo it.
fn replace(area: &web_sys::HtmlTextAreaElement, replacement: &Replacement) {
    let unit = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let Replacement {
        range,
        text,
        selection,
    } = replacement;
    // These do not fail for an element in the page.
    let _ = area.set_selection_range(unit(range.start), unit(range.end));
    let typed = document()
        .dyn_into::<web_sys::HtmlDocument>()
        .is_ok_and(|document| {
            let done = if text.is_empty() {
                document.exec_command("delete")
            } else {
                document.exec_command_with_show_ui_and_value("insertText", false, text)
            };
            done.unwrap_or(false)
        });
    if !typed {
        let _ = area.set_range_text_with_start_and_end(text, unit(range.start), unit(range.end));
        if let Ok(event) = web_sys::InputEvent::new("input") {
            let _ = area.dispatch_event(&event);
        }
    }
    let _ = area.set_selection_range(unit(selection.start), unit(selection.end));
}

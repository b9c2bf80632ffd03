//! The code view: rows of a value with their numbers, of any length.

use std::sync::Arc;

use leptos::prelude::*;

use super::virtual_list::VirtualList;
use crate::model::code::{CodeRows, DrawnRow};
use crate::model::json::TokenKind;

/// Height of a row in pixels; `code.css` agrees.
const ROW: f64 = 20.0;

fn class(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Plain => "",
        TokenKind::Key => "code-key",
        TokenKind::Text => "code-str",
        TokenKind::Number => "code-num",
        TokenKind::Literal => "code-lit",
    }
}

/// Shows a value made ready by `model::code`. As high as its rows, up to what its place allows.
#[component]
pub(crate) fn CodeView(
    #[prop(into)] code: Signal<Arc<CodeRows>>,
    #[prop(into)] label: Signal<String>,
) -> impl IntoView {
    // Rows are numbers: what they show is asked of the text when they are drawn. The text's own address
    // makes them new when it changes.
    let rows = Signal::derive(move || {
        let code = code.get();
        Arc::new(
            (0..code.rows())
                .map(|at| (Arc::as_ptr(&code) as usize, at))
                .collect::<Vec<_>>(),
        )
    });
    let height = move || format!("{}px", code.with(|code| code.rows()) as f64 * ROW + 24.0);
    view! {
        <div class="code" role="region" tabindex="0" aria-label=move || label.get() style:height=height>
            <VirtualList
                rows=rows
                row_height=ROW
                key=|row: &(usize, usize)| *row
                render=move |_, (_, at): (usize, usize)| {
                    let DrawnRow { gutter, pieces } = code.with_untracked(|code| code.row(at));
                    let pieces = pieces.into_iter().map(|(kind, text)| view! { <span class=class(kind)>{text}</span> }).collect_view();
                    view! {
                        <div class="code-row">
                            <span class="code-gutter" aria-hidden="true">{gutter}</span>
                            <span class="code-text">{pieces}</span>
                        </div>
                    }
                }
                class="code-list"
            />
        </div>
    }
}

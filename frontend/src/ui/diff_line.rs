//! A line of a diff, with the changes within it and its line ending.

use leptos::prelude::*;

use crate::i18n::{texts, use_i18n};
use crate::model::diff::{End, Line, Piece, visible};
use crate::model::edit::LineEnd;
use crate::model::format;

texts! {
    enum Text {
        Omitted: "{0} characters", "{0} 个字符";
        NoLineEnd: "no newline at end", "末尾无换行符";
        LineEnd: "Line ending: {0}", "换行符：{0}";
    }
}

/// Shows a line. Its text direction is isolated, whatever characters it contains.
#[component]
pub(crate) fn DiffLine(line: Line) -> impl IntoView {
    let i18n = use_i18n();
    let pieces = line
        .pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Same(text) => visible(&text, false).into_owned().into_any(),
            Piece::Changed(text) => {
                view! { <mark class="diff-changed">{visible(&text, true).into_owned()}</mark> }.into_any()
            }
            Piece::Omitted(count) => {
                let count = format::count(count as i64);
                view! { <span class="diff-left-out">"⋯ " {move || i18n.fill(Text::Omitted, &[&count])} " ⋯"</span> }.into_any()
            }
        })
        .collect_view();
    let end = line.end.map(|end| {
        let name = move || match end {
            End::With(LineEnd::Lf) => "LF",
            End::With(LineEnd::CrLf) => "CRLF",
            End::With(LineEnd::Cr) => "CR",
            End::Without => i18n.t(Text::NoLineEnd),
        };
        view! { <span class="diff-end" title=move || i18n.fill(Text::LineEnd, &[name()])>{name}</span> }
    });
    view! { <span class="diff-line"><bdi>{pieces}</bdi>{end}</span> }
}

//! The keyboard map.

use leptos::prelude::*;

use crate::i18n::{label, texts, tr};
use crate::state::use_overlays;
use crate::ui::{Dialog, Kbd};

texts! {
    enum Text {
        Title: "Keyboard", "键盘";
        Everywhere: "Everywhere", "所有页面";
        Palette: "Go to a key, a prefix, a page or an action", "转到键、前缀、页面或操作";
        Filter: "Focus the filter", "聚焦筛选框";
        Help: "This help", "显示本帮助";
        Dismiss: "Close what is open, empty the filter", "关闭弹窗，清空筛选";
        Tree: "In the tree", "键树";
        Move: "Previous and next row", "上一行、下一行";
        Open: "Open a folder, go into it", "展开并进入目录";
        Shut: "Close a folder, go to its parent", "收起目录并回到上级";
        Ends: "First and last row", "第一行、最后一行";
        Show: "Show the key or the folder", "显示键或目录";
        Type: "Go to the row that begins so", "跳到以此开头的行";
        Editing: "While editing", "编辑时";
        Review: "Review the change and save", "查看差异并保存";
    }
}

const MAP: [(Text, &[(&str, Text)]); 3] = [
    (
        Text::Everywhere,
        &[
            ("Ctrl K", Text::Palette),
            ("/", Text::Filter),
            ("?", Text::Help),
            ("Esc", Text::Dismiss),
        ],
    ),
    (
        Text::Tree,
        &[
            ("↑ ↓", Text::Move),
            ("→", Text::Open),
            ("←", Text::Shut),
            ("Home End", Text::Ends),
            ("Enter", Text::Show),
            ("a … z", Text::Type),
        ],
    ),
    (Text::Editing, &[("Ctrl Enter", Text::Review)]),
];

/// The help dialog.
#[component]
pub(crate) fn Help() -> impl IntoView {
    let overlays = use_overlays();
    let sections = move || {
        MAP.iter()
            .map(|(title, rows)| {
                let rows = rows
                    .iter()
                    .map(|(keys, what)| {
                        view! {
                            <dt><Kbd keys=keys/></dt>
                            <dd>{tr(*what)}</dd>
                        }
                    })
                    .collect_view();
                view! {
                    <section>
                        <h3 class="help-title">{tr(*title)}</h3>
                        <dl class="help-map">{rows}</dl>
                    </section>
                }
            })
            .collect_view()
    };
    view! {
        <Dialog
            open=overlays.help
            title=label(Text::Title)
            on_close=move |()| overlays.help.set(false)
        >
            <div class="dialog-body">{sections()}</div>
        </Dialog>
    }
}

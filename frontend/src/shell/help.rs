//! The list of keyboard shortcuts.

use leptos::prelude::*;

use crate::i18n::{label, texts, tr};
use crate::state::use_overlays;
use crate::ui::{Dialog, Kbd};

texts! {
    enum Text {
        Title: "Keyboard shortcuts", "键盘快捷键";
        Everywhere: "Everywhere", "所有页面";
        Palette: "Go to a key, prefix, page or action", "转到键、前缀、页面或操作";
        Filter: "Focus the filter", "聚焦筛选框";
        Help: "Show this help", "显示本帮助";
        Dismiss: "Close the dialog, clear the filter", "关闭弹窗，清空筛选";
        Menus: "In menus, tabs and choices", "菜单、标签页和选项中";
        Items: "Previous and next item", "上一项、下一项";
        EndItems: "First and last item", "第一项、最后一项";
        Close: "Close the menu", "关闭菜单";
        Rows: "In lists of events and locks", "事件和锁的列表中";
        Details: "Show or hide the details", "显示或隐藏详情";
        Unfold: "Open and close the group", "展开、收起分组";
        Leave: "Close the details", "关闭详情";
        Panes: "On the bar between two panes", "两个窗格之间的分隔条上";
        Resize: "Move the bar", "移动分隔条";
        Tree: "In the key tree", "键树中";
        Move: "Previous and next row", "上一行、下一行";
        Open: "Expand the folder, then go into it", "展开目录，再按则进入";
        Shut: "Collapse the folder, then go to its parent", "收起目录，再按则回到上级";
        Ends: "First and last row", "第一行、最后一行";
        Show: "Show the key or folder", "查看键或目录";
        Type: "Go to the row that starts with the typed letters", "跳到以所输入字符开头的行";
        SearchServer: "In the filter: search all keys and values of the folder", "在筛选框中：搜索该目录下的全部键和值";
        Editing: "While editing", "编辑时";
        Review: "Review the change", "查看差异";
    }
}

const MAP: [(Text, &[(&str, Text)]); 6] = [
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
            ("Alt Enter", Text::SearchServer),
        ],
    ),
    (
        Text::Rows,
        &[
            ("↑ ↓", Text::Move),
            ("Home End", Text::Ends),
            ("Enter", Text::Details),
            ("← →", Text::Unfold),
            ("Esc", Text::Leave),
        ],
    ),
    (Text::Editing, &[("Ctrl Enter", Text::Review)]),
    (
        Text::Menus,
        &[
            ("↑ ↓", Text::Items),
            ("Home End", Text::EndItems),
            ("Esc", Text::Close),
        ],
    ),
    (Text::Panes, &[("← →", Text::Resize)]),
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
            // It scrolls on phones, also by keyboard.
            <div class="dialog-body" tabindex="0">{sections()}</div>
        </Dialog>
    }
}

//! Icons: 16 × 16, one stroke, drawn for this product.

use leptos::prelude::*;

macro_rules! icons {
    ($($name:ident = $path:literal;)*) => {
        /// An icon. It is decorative: its meaning must be in the text beside it or in the button's
        /// label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Icon { $($name,)* }

        impl Icon {
            fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }
        }
    };
}

icons! {
    Tree = "M3 3h4v3H3zM9 7h4v3H9zM9 12h4v2H9zM5 6v7h4M5 8.5h4";
    Eye = "M1.5 8s2.4-4.5 6.5-4.5S14.5 8 14.5 8 12.1 12.5 8 12.5 1.5 8 1.5 8zM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z";
    Lock = "M4 7V5a4 4 0 0 1 8 0v2M3 7h10v7H3z";
    Lease = "M8 14.5a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM8 5v3.5l2.3 1.6M6 1h4";
    History = "M2 8a6 6 0 1 0 2-4.5L2 5M2 2v3h3M8 5v3l2 1.5";
    Cluster = "M8 1.5l5.600 3.200v6.600L8 14.500l-5.600-3.200V4.700zM8 8v6.500M8 8L2.400 4.800M8 8l5.600-3.200";
    Find = "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM11 11l3.500 3.500";
    Sun = "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1";
    Moon = "M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z";
    Screen = "M2 3h12v8H2zM6 14h4M8 11v3";
    Swap = "M3 5h10M10 2l3 3-3 3M13 11H3M6 8l-3 3 3 3";
    User = "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.500 14c.5-3 2.700-4.500 5.500-4.500s5 1.500 5.500 4.500";
    Shield = "M8 1.500l5.500 2v4.500c0 3-2.200 5.300-5.500 6.500C4.700 13.300 2.500 11 2.500 8V3.500zM5.500 8l1.800 1.800L10.800 6";
    SignIn = "M9.500 2.500h4v11h-4M2 8h7.500M6.500 5l3 3-3 3";
    SignOut = "M6.500 2.500h-4v11h4M6.500 8H14M11 5l3 3-3 3";
    More = "M3 8.600a.6.6 0 1 0 0-1.200.6.6 0 0 0 0 1.200zM8 8.600a.6.6 0 1 0 0-1.200.6.6 0 0 0 0 1.200zM13 8.600a.6.6 0 1 0 0-1.200.6.6 0 0 0 0 1.200z";
    Down = "M4 6l4 4 4-4";
    Up = "M4 10l4-4 4 4";
    Right = "M6 4l4 4-4 4";
    Left = "M10 4l-4 4 4 4";
    Folder = "M1.500 4h4.500l1.500 1.500h7v8h-13z";
    File = "M3.500 1.500h6l3 3v10h-9zM9.500 1.500v3h3";
    Bookmark = "M4 2h8v12l-4-3-4 3z";
    Plus = "M8 3v10M3 8h10";
    Edit = "M2.500 13.500l.6-3 8-8 2.400 2.400-8 8z";
    Copy = "M5.500 5.500h8v8h-8zM3 10.500h-.5v-8h8V3";
    Trash = "M2.500 4h11M6 4V2.500h4V4M4 4l.7 9.500h6.600L12 4";
    Play = "M5 3l8 5-8 5z";
    Pause = "M5 3v10M11 3v10";
    Filter = "M2 3h12l-4.500 5.500V13l-3-1.500v-3z";
    Close = "M4 4l8 8M12 4l-8 8";
    Warn = "M8 2l6.500 11.500h-13zM8 6.500v3M8 11.500v.2";
    Check = "M3 8.500l3.200 3.200L13 5";
    Clear = "M3 13h10M5 10l5.500-6.500 3 2.500L8 12.500H6.500z";
    Unplugged = "M2 2l12 12M5 5H4v3a4 4 0 0 0 6.200 3.300M12 8V5H8.500M6 1.500V3M10 1.500V5M8 12v2.500";
    Help = "M8 14.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM6 6.200a2 2 0 1 1 2.800 1.900c-.5.2-.8.6-.8 1.200M8 11.400v.2";
    Link = "M6.500 9.500l3-3M7 4.500l1.500-1.500a3.200 3.200 0 0 1 4.500 4.500L11.500 9M9 11.500L7.500 13A3.200 3.200 0 0 1 3 8.500L4.500 7";
    Refresh = "M13.500 8a5.500 5.500 0 1 1-1.600-3.900L13.500 5.500M13.500 2v3.500H10";
    Terminal = "M2 3h12v10H2zM4.500 6l2 2-2 2M8 10.500h3.500";
    Language = "M8 14.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM1.500 8h13M8 1.500c2 2 2.700 4.200 2.700 6.500S10 12.500 8 14.500C6 12.500 5.300 10.300 5.300 8S6 3.500 8 1.500z";
}

/// Draws an icon.
#[component]
pub(crate) fn Glyph(#[prop(into)] icon: Signal<Icon>) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
            <path d=move || icon.get().path()></path>
        </svg>
    }
}

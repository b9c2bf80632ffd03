//! The frame around every page: top bar, rail, and the overlays.

mod account;
mod appearance;
mod banner;
mod clusters;
mod ending;
mod gate;
mod help;
mod keys;
mod palette;
mod rail;
mod reach;
mod sign_out;
mod top;

use leptos::prelude::*;

use crate::i18n::{texts, tr};
use crate::ui::clipboard::CopyByHand;
use crate::ui::toast::ToastCorner;

texts! {
    enum Text {
        Skip: "Skip to content", "跳到主要内容";
    }
}

/// The frame; `children` are the page.
#[component]
pub(crate) fn Shell(children: Children) -> impl IntoView {
    keys::listen();
    gate::follow();
    view! {
        <a class="skip" href="#page">{tr(Text::Skip)}</a>
        <div class="shell">
            <header class="banner">
                <rail::Brand/>
                <top::TopBar/>
            </header>
            <rail::Rail/>
            <main id="page" class="page" tabindex="-1">
                <banner::LostBanner/>
                <ending::EndingBanner/>
                <div class="page-body">{children()}</div>
            </main>
        </div>
        <palette::Palette/>
        <help::Help/>
        <reach::ReachDialog/>
        <sign_out::SignOutDialog/>
        <CopyByHand/>
        <ToastCorner/>
    }
}

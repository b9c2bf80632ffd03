//! The STM lab: the bank of `model/bank`, run from this page.

mod form;
mod live;
mod run;
mod text;

use leptos::prelude::*;

use crate::i18n::tr;
use form::LabForm;
use live::LiveTally;
use run::Run;
use text::Text;

/// The lab. Leaving the page ends a run and deletes its accounts.
#[component]
pub(super) fn Lab() -> impl IntoView {
    let run = Run::new();
    view! {
        <div class="lab">
            <section class="card lab-form">
                <h2 class="card-head">{tr(Text::Title)}</h2>
                <LabForm run=run/>
            </section>
            <LiveTally run=run/>
        </div>
    }
}

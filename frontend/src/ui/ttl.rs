//! The remaining TTL of a lease, as a bar and a time.

use leptos::prelude::*;

use crate::clock::use_clock;
use crate::i18n::{Common, use_i18n};
use crate::model::format;

/// At this share of the granted TTL and below the bar is red.
const LOW: f64 = 0.2;

/// The remaining TTL. `deadline` is in milliseconds since 1970 (when the response arrived, plus its
/// `ttl`), `granted` in seconds. With `whole` the text is "43 of 60 s".
#[component]
pub(crate) fn TtlBar(
    #[prop(into)] deadline: Signal<f64>,
    #[prop(into)] granted: Signal<i64>,
    /// Also shows the granted TTL.
    #[prop(optional)]
    whole: bool,
) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let left = Memo::new(move |_| ((deadline.get() - clock.now()) / 1000.0).ceil().max(0.0) as i64);
    let share = move || {
        let granted = granted.get();
        if granted <= 0 {
            0.0
        } else {
            (left.get() as f64 / granted as f64).clamp(0.0, 1.0)
        }
    };
    let text = move || {
        if left.get() == 0 {
            i18n.t(Common::Expired).to_owned()
        } else if whole {
            i18n.fill(
                Common::SecondsOf,
                &[&left.get().to_string(), &granted.get().to_string()],
            )
        } else {
            format::span(left.get(), i18n.lang())
        }
    };
    view! {
        <span class="ttl" class:ttl-low=move || share() <= LOW>
            <span class="ttl-bar" aria-hidden="true">
                <span class="ttl-fill" style:transform=move || format!("scaleX({:.4})", share())></span>
            </span>
            <span class="ttl-text">{text}</span>
        </span>
    }
}

//! The URL of the page, which holds the watches, and the names of watches.

use super::text::Text;
use crate::api::base::page_url;
use crate::i18n::I18n;
use crate::model::key_text;
use crate::model::stream::spec::{self, PanelSpec};

/// The URL of the page with these panels.
pub(super) fn url_of(specs: &[PanelSpec]) -> String {
    page_url(&format!("watch{}", spec::query(specs)))
}

/// The name of a panel's watch, for a sentence or an attribute.
pub(super) fn name_of(spec: &PanelSpec, i18n: I18n) -> String {
    if spec.bytes.is_empty() {
        i18n.t(Text::AllKeys).to_owned()
    } else {
        key_text::in_sentence(&spec.bytes)
    }
}

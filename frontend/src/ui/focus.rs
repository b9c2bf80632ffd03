//! Moving the keyboard focus.

/// Focuses an element.
pub(crate) fn focus(element: &web_sys::HtmlElement) {
    // Fails only for an element that is no longer in the page.
    let _ = element.focus();
}

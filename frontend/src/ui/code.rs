//! A code view.

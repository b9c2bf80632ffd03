//! Pure logic of the dashboard: no framework, no browser. Everything here is tested natively.

pub(crate) mod format;
pub(crate) mod percent;
pub(crate) mod window;

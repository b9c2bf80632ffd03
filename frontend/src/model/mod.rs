//! Pure logic of the dashboard: no framework, no browser. Everything here is tested natively.

pub(crate) mod format;
pub(crate) mod live;
pub(crate) mod locks;
pub(crate) mod percent;
pub(crate) mod stream;
pub(crate) mod window;

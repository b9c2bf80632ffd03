//! Requests that were refused with 401, wherever in the app they were sent.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

thread_local! {
    static ON_REFUSAL: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
    static CREDENTIALS: Cell<u32> = const { Cell::new(0) };
}

/// The credentials that a request is sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credentials(u32);

impl Credentials {
    /// Those of a request that is sent now.
    pub(crate) fn current() -> Self {
        Self(CREDENTIALS.get())
    }

    /// Reports that a request with these was refused; ignored if others have been in use since.
    pub(super) fn refused(self) {
        if self != Self::current() {
            return;
        }
        let on_refusal = ON_REFUSAL.with_borrow(Clone::clone);
        if let Some(on_refusal) = on_refusal {
            on_refusal();
        }
    }
}

/// Sets what is called after a refusal.
pub(crate) fn on_refusal(act: impl Fn() + 'static) {
    ON_REFUSAL.set(Some(Rc::new(act)));
}

/// The user has signed in: refusals of earlier requests mean nothing any more.
pub(super) fn credentials_changed() {
    CREDENTIALS.set(CREDENTIALS.get().wrapping_add(1));
}

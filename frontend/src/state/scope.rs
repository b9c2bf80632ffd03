//! The owner of tasks that event handlers start. Event handlers have no owner of their own: their tasks would
//! outlive the view.

use leptos::prelude::*;
use leptos::reactive::owner::{Owner, WeakOwner};
use leptos::task::spawn_local_scoped_with_cancellation;

/// The component that owns a task. Does not keep the component alive.
#[derive(Clone, Copy)]
pub(crate) struct Scope {
    owner: StoredValue<WeakOwner>,
}

impl Scope {
    /// The scope of the component being built.
    pub(crate) fn here() -> Self {
        let owner = Owner::current().expect("called while a component is being built");
        Self {
            owner: StoredValue::new(owner.downgrade()),
        }
    }

    /// Runs a task; it is cancelled when the component is removed.
    pub(crate) fn spawn(self, task: impl Future<Output = ()> + 'static) {
        self.with(|| spawn_local_scoped_with_cancellation(task));
    }

    /// Runs `act` with the component as owner; `None` if the component was removed.
    pub(crate) fn with<T>(self, act: impl FnOnce() -> T) -> Option<T> {
        let owner = self.owner.try_get_value()?.upgrade()?;
        Some(owner.with(act))
    }
}

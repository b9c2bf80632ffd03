//! A place for tasks to belong to. Event handlers have no owner of their own: what they begin would go
//! on after its view is gone.

use leptos::prelude::*;
use leptos::reactive::owner::{Owner, WeakOwner};
use leptos::task::spawn_local_scoped_with_cancellation;

/// The component that a task belongs to. Does not keep it alive.
#[derive(Clone, Copy)]
pub(crate) struct Scope {
    owner: StoredValue<WeakOwner>,
}

impl Scope {
    /// The component being built.
    pub(crate) fn here() -> Self {
        let owner = Owner::current().expect("called while a component is being built");
        Self {
            owner: StoredValue::new(owner.downgrade()),
        }
    }

    /// Runs a task until the component is gone.
    pub(crate) fn spawn(self, task: impl Future<Output = ()> + 'static) {
        self.with(|| spawn_local_scoped_with_cancellation(task));
    }

    /// Does something as the component; `None` when it is gone.
    pub(crate) fn with<T>(self, act: impl FnOnce() -> T) -> Option<T> {
        let owner = self.owner.try_get_value()?.upgrade()?;
        Some(owner.with(act))
    }
}

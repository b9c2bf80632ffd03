//! One gateway and one runtime for all inputs of a fuzzing process.

use std::cell::OnceCell;

use tokio::runtime::{Builder, Runtime};

use crate::front::{Front, Kind};

thread_local! {
    static GATEWAY: OnceCell<(Runtime, Front)> = const { OnceCell::new() };
}

/// Sends the requests derived from the bytes.
pub(crate) fn feed(kind: Kind, data: &[u8]) {
    GATEWAY.with(|gateway| {
        let (runtime, front) = gateway.get_or_init(|| {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be created");
            let front = runtime.block_on(Front::new());
            (runtime, front)
        });
        runtime.block_on(front.feed(kind, data));
    });
}

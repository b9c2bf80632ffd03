//! The dashboard in a real Chromium.

mod access;
mod axe;
mod axe_pages;
mod bytes;
mod cluster;
mod edit;
mod explorer;
mod keys;
mod leases;
mod locks;
mod search;
mod session;
mod shell;
mod tab;
mod transactions;
mod tree;
mod watch;

use support::World;

use self::tab::Tab;

/// Runs a test of the dashboard, which must be built.
async fn with_tab(world: &World, name: &str, test: impl AsyncFnOnce(&Tab)) {
    let root = world.gateway.root();
    let page = root.get("/").header("accept", "text/html").send().await;
    assert!(
        page.status != 503 && !page.text().contains("is not built"),
        "the dashboard is not built: run `cargo xtask build --debug` first"
    );
    Tab::run(name, &format!("http://{}", root.address()), test).await;
}

/// The id of a key's row in the tree.
fn row(key: impl AsRef<[u8]>) -> String {
    format!("row-k-{}", hex(key.as_ref()))
}

/// The id of a folder's row in the tree.
fn folder_row(prefix: impl AsRef<[u8]>) -> String {
    format!("row-f-{}", hex(prefix.as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String never fails");
        text
    })
}

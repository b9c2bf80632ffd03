//! Tells cargo to build the gateway again when the dashboard it embeds has changed.

fn main() {
    // Named alone, since without any line cargo would watch the whole package. A missing folder is
    // fine: the gateway then says how to build the dashboard.
    println!("cargo::rerun-if-changed=build.rs");
    // A debug build reads the folder when it starts, and so need not be built again.
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells build scripts in no other way"
    )]
    let profile = std::env::var("PROFILE");
    if profile.is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../dist");
    }
}

//! The dependencies allowed between layers: the arrows of ARCHITECTURE.md.

use super::source::{self, Finding, Source, has_word};
use super::{assert_none, broken_lines};

/// Crates that tie code to a runtime or a user interface.
const FRAMEWORKS: [&str; 17] = [
    "axum",
    "etcd_client",
    "gloo_net",
    "gloo_timers",
    "hyper",
    "js_sys",
    "leptos",
    "leptos_router",
    "reactive_stores",
    "reqwest",
    "tokio",
    "tokio_util",
    "tonic",
    "tower",
    "wasm_bindgen",
    "wasm_bindgen_futures",
    "web_sys",
];

/// Only `gateway/src/etcd` uses etcd's client library; the tests are clients themselves.
fn etcd_client_elsewhere(files: &[Source]) -> Vec<Finding> {
    find(
        files,
        |path| path.starts_with("gateway/src/") && !path.starts_with("gateway/src/etcd"),
        |line| {
            has_word(line, "etcd_client")
                .then(|| "only gateway/src/etcd names etcd_client".to_owned())
        },
    )
}

/// The wire types and the dashboard's model depend on no framework.
fn framework_in_pure_code(files: &[Source]) -> Vec<Finding> {
    find(
        files,
        |path| path.starts_with("shared/src/") || path.starts_with("frontend/src/model"),
        |line| {
            let name = FRAMEWORKS.iter().find(|name| names_crate(line, name))?;
            Some(format!("this part names no framework, and {name} is one"))
        },
    )
}

/// A handler calls a service, which calls etcd. It may name the plain values it passes on.
fn etcd_in_handlers(files: &[Source]) -> Vec<Finding> {
    find(
        files,
        |path| path.starts_with("gateway/src/api/"),
        |line| {
            let named =
                has_word(line, "Etcd") || line.contains(".etcd()") || line.contains(".etcd.");
            named.then(|| "a handler calls one service method, never etcd".to_owned())
        },
    )
}

/// The forbidden dependencies among the gateway's modules: a path, and the modules that it never names.
const NEVER: [(&str, &[&str]); 7] = [
    ("gateway/src/live", &["api", "v3", "middleware", "state"]),
    ("gateway/src/v3", &["api", "live", "middleware", "service"]),
    ("gateway/src/config", &["middleware", "api", "state"]),
    ("gateway/src/state", &["middleware", "api", "router"]),
    (
        "gateway/src/service",
        &["api", "live", "v3", "middleware", "state", "web"],
    ),
    (
        "gateway/src/etcd",
        &["service", "identity", "live", "web", "config"],
    ),
    (
        "gateway/src/web",
        &[
            "api",
            "live",
            "v3",
            "middleware",
            "config",
            "state",
            "service",
            "etcd",
            "identity",
        ],
    ),
];

/// The three paths meet only below: none reaches across to another.
fn layer_crossed(files: &[Source]) -> Vec<Finding> {
    NEVER
        .iter()
        .flat_map(|(path, never)| {
            find(
                files,
                |file| {
                    file.strip_prefix(path)
                        .is_some_and(|rest| rest.starts_with('/') || rest.starts_with('.'))
                },
                |line| {
                    let named = never
                        .iter()
                        .find(|module| has_word(line, &format!("crate::{module}")))?;
                    Some(format!("{path} never names crate::{named}"))
                },
            )
        })
        .collect()
}

/// The environment is read in one place, where its variables are documented.
fn environment_elsewhere(files: &[Source]) -> Vec<Finding> {
    const READS: [&str; 9] = [
        "from_env(",
        "from_default_env(",
        "from_env_lossy(",
        "env::var(",
        "env::var_os(",
        "env::vars(",
        "env::vars_os(",
        "env::set_var(",
        "env::remove_var(",
    ];
    find(
        files,
        |path| {
            (path.starts_with("gateway/src/") && !path.starts_with("gateway/src/config"))
                || path.starts_with("shared/")
        },
        |line| {
            let clap =
                line.contains("env = \"") || (has_word(line, "env") && line.contains("#[arg("));
            (clap || READS.iter().any(|read| line.contains(read)))
                .then(|| "only gateway/src/config reads the environment".to_owned())
        },
    )
}

/// Shutdown waits only for tracked tasks.
fn untracked_task(files: &[Source]) -> Vec<Finding> {
    const SPAWNS: [&str; 5] = [
        "tokio::spawn(",
        "task::spawn(",
        "spawn_local(",
        "thread::spawn(",
        "JoinSet::new(",
    ];
    find(
        files,
        |path| path.starts_with("gateway/src/") && path != "gateway/src/tasks.rs",
        |line| {
            SPAWNS
                .iter()
                .any(|spawn| line.contains(spawn))
                .then(|| "spawn through Tasks::spawn, with a token".to_owned())
        },
    )
}

/// Memory per client is bounded.
fn unbounded_queue(files: &[Source]) -> Vec<Finding> {
    const QUEUES: [&str; 4] = [
        "unbounded_channel",
        "mpsc::unbounded",
        "UnboundedSender",
        "UnboundedReceiver",
    ];
    find(
        files,
        |path| {
            path.starts_with("gateway/src/")
                || path.starts_with("frontend/src/")
                || path.starts_with("shared/src/")
        },
        |line| {
            QUEUES
                .iter()
                .any(|queue| line.contains(queue))
                .then(|| "queues are bounded".to_owned())
        },
    )
}

/// Every line of product code in the chosen files that breaks `rule`.
fn find(
    files: &[Source],
    chosen: impl Fn(&str) -> bool,
    rule: impl Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| file.is("rs") && chosen(&file.path))
        .flat_map(|file| {
            file.product_code()
                .filter_map(|(number, line)| Some(file.finding(number, rule(line)?)))
        })
        .collect()
}

/// `use name…` or `name::`; a field called `tower` is not a framework.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = &line[..at];
        let after = &line[at + name.len()..];
        let starts = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        let used = before.trim_end().ends_with("use")
            && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        starts && (after.starts_with("::") || used)
    })
}

#[test]
fn only_the_etcd_layer_names_etcd_client() {
    assert_none(&etcd_client_elsewhere(&source::all()));
    assert_eq!(
        broken_lines(
            etcd_client_elsewhere,
            "gateway/src/service/kv/mod.rs",
            "// etcd_client\nuse etcd_client::Client;"
        ),
        [2]
    );
    assert!(
        broken_lines(
            etcd_client_elsewhere,
            "gateway/src/etcd/kv.rs",
            "use etcd_client::Client;"
        )
        .is_empty()
    );
}

#[test]
fn wire_types_and_model_name_no_framework() {
    assert_none(&framework_in_pure_code(&source::all()));
    assert_eq!(
        broken_lines(
            framework_in_pure_code,
            "frontend/src/model/tree.rs",
            "let tower = 1;\nuse leptos::prelude::*;"
        ),
        [2]
    );
    assert_eq!(
        broken_lines(
            framework_in_pure_code,
            "shared/src/kv.rs",
            "fn f() { tokio::spawn(g()) }"
        ),
        [1]
    );
    assert!(
        broken_lines(
            framework_in_pure_code,
            "frontend/src/ui/a.rs",
            "use leptos::prelude::*;"
        )
        .is_empty()
    );
}

#[test]
fn handlers_never_call_etcd() {
    assert_none(&etcd_in_handlers(&source::all()));
    assert_eq!(
        broken_lines(
            etcd_in_handlers,
            "gateway/src/api/kv/get.rs",
            "\nuse crate::etcd::Etcd;"
        ),
        [2]
    );
}

#[test]
fn no_layer_reaches_across() {
    assert_none(&layer_crossed(&source::all()));
    for (path, line) in [
        ("gateway/src/live/hub.rs", "use crate::api::call::Call;"),
        ("gateway/src/v3/mod.rs", "    crate::live::stream::f()"),
        ("gateway/src/state.rs", "use crate::middleware::guard;"),
        ("gateway/src/web/problem.rs", "use crate::state::AppState;"),
    ] {
        assert_eq!(broken_lines(layer_crossed, path, line), [1], "{path}");
    }
    let allowed = "use crate::apiary::Bee;\nuse crate::web::problem;";
    assert!(broken_lines(layer_crossed, "gateway/src/live/hub.rs", allowed).is_empty());
}

#[test]
fn only_the_configuration_reads_the_environment() {
    assert_none(&environment_elsewhere(&source::all()));
    assert_eq!(
        broken_lines(
            environment_elsewhere,
            "gateway/src/main.rs",
            "let a = std::env::var(\"A\");"
        ),
        [1]
    );
    assert_eq!(
        broken_lines(
            environment_elsewhere,
            "gateway/src/main.rs",
            "#[arg(long, env = \"A\")]"
        ),
        [1]
    );
    assert!(
        broken_lines(
            environment_elsewhere,
            "gateway/src/config/mod.rs",
            "std::env::var(\"A\")"
        )
        .is_empty()
    );
}

#[test]
fn every_task_is_tracked() {
    assert_none(&untracked_task(&source::all()));
    assert_eq!(
        broken_lines(
            untracked_task,
            "gateway/src/live/hub.rs",
            "tokio::spawn(async {});"
        ),
        [1]
    );
    assert!(
        broken_lines(
            untracked_task,
            "gateway/src/live/hub.rs",
            "tasks.spawn(async {});"
        )
        .is_empty()
    );
}

#[test]
fn every_queue_is_bounded() {
    assert_none(&unbounded_queue(&source::all()));
    assert_eq!(
        broken_lines(
            unbounded_queue,
            "gateway/src/live/hub.rs",
            "let (a, b) = mpsc::unbounded_channel();"
        ),
        [1]
    );
}

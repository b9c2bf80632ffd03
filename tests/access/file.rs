//! `--config FILE`: several clusters, one of which may be unreachable, and the example of the docs.

use std::path::{Path, PathBuf};

use support::auth::{self, ROOT};
use support::{Etcd, Grant, Watchgate, key_query, tools};
use tempfile::TempDir;

fn write_config(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("watchgate.toml");
    std::fs::write(&file, text).expect("files can be written");
    file
}

fn flag(file: &Path) -> [&str; 2] {
    ["--config", file.to_str().expect("text")]
}

#[tokio::test]
async fn every_cluster_has_its_own_address_and_account() {
    let folder = TempDir::new().expect("a folder");
    let (one, two) = (Etcd::start().await, Etcd::start().await);
    let mut root = two.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Both, "/app/")]).await;
    std::fs::write(folder.path().join("password"), format!("{ROOT}\n"))
        .expect("the folder is writable");
    let text = format!(
        "max_body = 1000\n\
         [[clusters]]\nname = \"one\"\nendpoints = [\"{}\"]\n\
         [[clusters]]\nname = \"two\"\nendpoints = [\"{}\"]\nuser = \"root\"\n\
         password_file = \"password\"\n\
         [[clusters]]\nname = \"down\"\nendpoints = [\"http://127.0.0.1:1\"]\n",
        one.url(),
        two.url()
    );
    let file = write_config(folder.path(), &text);
    let gateway = Watchgate::start(&flag(&file))
        .await
        .expect("the gateway starts");
    let api = gateway.api();
    let list = api.get("/clusters").send().await.json(200);
    let named: Vec<_> = list["clusters"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (
                one["name"].as_str().expect("a name"),
                one["default"] == true,
            )
        })
        .collect();
    assert_eq!(named, [("one", true), ("two", false), ("down", false)]);
    let at = |name: &str| api.below(&format!("/clusters/{name}"));
    at("one").write("/app/k", "1").await;
    at("two").write("/app/k", "2").await;
    assert_eq!(api.read("/app/k").await["value"], "1");
    assert_eq!(at("two").read("/app/k").await["value"], "2");
    // A sign-in is valid for one cluster only.
    let app = at("two").with_password("app", "secret");
    assert_eq!(app.read("/app/k").await["value"], "2");
    app.get("/kv?prefix=")
        .send()
        .await
        .problem(403, "forbidden");
    let elsewhere = at("one").with_password("app", "secret");
    let refused = elsewhere.get(&key_query("/app/k")).send().await;
    refused.problem(401, "unauthenticated");
    let down = at("down").get(&key_query("/app/k")).send().await;
    down.problem(503, "unavailable");
    at("none")
        .get(&key_query("/app/k"))
        .send()
        .await
        .problem(404, "cluster_not_found");
    let large = api.put(&key_query("/app/k"), vec![0; 1001]).send().await;
    large.problem(413, "too_large");
    assert!(!gateway.log().contains(ROOT));
}

#[tokio::test]
async fn clusters_inherit_top_level_settings() {
    let folder = TempDir::new().expect("a folder");
    let secure = support::certs::Authority::new();
    let shown = secure.client("gateway", support::certs::Kind::Ec);
    let one = Etcd::start_mtls(&secure, &[]).await;
    let two = Etcd::start().await;
    let mut root = two.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Both, "/app/")]).await;
    std::fs::copy(secure.file(), folder.path().join("ca.pem")).expect("the folder is writable");
    std::fs::write(folder.path().join("password"), ROOT).expect("the folder is writable");
    let cluster = |name: &str, url: &str, more: &str| {
        format!("[[clusters]]\nname = \"{name}\"\nendpoints = \"{url}\"\n{more}")
    };
    let text = |app: &str| {
        [
            "cacert = \"ca.pem\"\nuser = \"root\"\npassword_file = \"password\"\n".to_owned(),
            cluster("secure", &one.url(), ""),
            cluster("inherited", &two.url(), ""),
            cluster("own", &two.url(), app),
            cluster("anonymous", &two.url(), "user = \"\"\n"),
        ]
        .concat()
    };
    let file = write_config(
        folder.path(),
        &text("user = \"app\"\npassword = \"secret\"\n"),
    );
    let flags = [
        &flag(&file)[..],
        &["--cert", shown.cert(), "--key", shown.key()],
    ]
    .concat();
    let gateway = Watchgate::start(&flags).await.expect("the gateway starts");
    let at = |name: &str| gateway.api().below(&format!("/clusters/{name}"));
    at("secure").write("/k", "1").await;
    at("inherited").write("/other", "2").await;
    at("own").write("/app/k", "3").await;
    let other = at("own").get(&key_query("/other")).send().await;
    other.problem(403, "forbidden");
    let anonymous = at("anonymous").get(&key_query("/other")).send().await;
    anonymous.problem(401, "unauthenticated");
    // The top-level password is root's: it is not used for another user.
    let file = write_config(folder.path(), &text("user = \"app\"\n"));
    let error = Watchgate::start(&flag(&file))
        .await
        .expect_err("the gateway must not start");
    assert!(error.contains("the password of app is required"), "{error}");
}

#[tokio::test]
async fn errors_in_the_file_are_reported_with_their_line() {
    let folder = TempDir::new().expect("a folder");
    let file = write_config(folder.path(), "listen = \"127.0.0.1:0\"\nreadonly = true\n");
    let error = Watchgate::start(&flag(&file))
        .await
        .expect_err("the gateway must not start");
    assert!(
        error.contains("watchgate.toml:2: unknown key `readonly`"),
        "{error}"
    );
    let missing = folder.path().join("missing.toml");
    let error = Watchgate::start(&flag(&missing))
        .await
        .expect_err("the gateway must not start");
    assert!(error.contains("cannot be read"), "{error}");
}

#[tokio::test]
async fn the_example_of_the_docs_runs() {
    let folder = TempDir::new().expect("a folder");
    let docs =
        std::fs::read_to_string(tools::root().join("docs/CONFIG.md")).expect("the page exists");
    let (_, rest) = docs.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("a closed block");
    let (one, two) = (Etcd::start().await, Etcd::start().await);
    let _root = two.enable_auth().await;
    let secure = support::certs::Authority::new();
    for (name, text) in [
        (
            "prod-ca.pem",
            std::fs::read_to_string(secure.file()).expect("the file exists"),
        ),
        ("prod-password", ROOT.to_owned()),
    ] {
        std::fs::write(folder.path().join(name), text).expect("the folder is writable");
    }
    let text = example
        .replace("https://etcd-1.example:2379", &two.url())
        .replace("\"https://etcd-2.example:2379\", ", "")
        .replace("\"https://etcd-3.example:2379\"", "")
        .replace("http://127.0.0.1:2379", &one.url());
    assert!(!text.contains(".example:2379"), "{text}");
    let file = write_config(folder.path(), &text);
    let gateway = Watchgate::start(&flag(&file))
        .await
        .expect("the gateway starts");
    let api = gateway.api().below("/clusters/prod");
    api.write("/k", "v").await;
    assert_eq!(api.read("/k").await["value"], "v");
    let staging = gateway.api().below("/clusters/staging");
    staging.write("/k", "other").await;
}

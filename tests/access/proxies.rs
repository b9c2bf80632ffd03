//! Proxies in front of the gateway, with the configurations of `docs/DEPLOY.md`.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Stdio;

use http::Method;
use serde_json::json;
use support::docs::{deploy_block, replace_all};
use support::etcd::free_address;
use support::{Client, DEADLINE, Stream, World, eventually, key_path, key_query, percent, tools};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The gateway's host name on the documentation page.
const NAME: &str = "etcd.example.com";
/// The `Origin` header of a browser that opened it.
const ORIGIN: &str = "http://etcd.example.com";

#[derive(Clone, Copy, Debug)]
enum Kind {
    Nginx,
    Caddy,
    Haproxy,
}

/// A running proxy; it is killed when dropped.
struct Proxy {
    client: Client,
    _child: Child,
    _folder: TempDir,
}

impl Proxy {
    /// Starts a proxy with the page's configuration. Returns `None`, and reports it, if the proxy is not
    /// installed.
    async fn start(kind: Kind, gateway: SocketAddr) -> Option<Self> {
        let address = free_address();
        let text = match kind {
            Kind::Nginx => replace_all(
                &deploy_block("nginx", "/etc/nginx/conf.d/watchgate.conf"),
                &[
                    ("127.0.0.1:8379", &gateway.to_string()),
                    ("listen 80;", &format!("listen {address};")),
                ],
            ),
            Kind::Caddy => replace_all(
                &deploy_block("caddy", "Caddyfile"),
                &[
                    ("127.0.0.1:8379", &gateway.to_string()),
                    // The same site without TLS, on a free port.
                    (
                        "etcd.example.com {",
                        &format!("http://:{} {{", address.port()),
                    ),
                ],
            ),
            Kind::Haproxy => replace_all(
                &deploy_block("haproxy", "haproxy.cfg"),
                &[
                    ("127.0.0.1:8379", &gateway.to_string()),
                    ("bind :80", &format!("bind {address}")),
                ],
            ),
        };
        Self::with(kind, address, &text).await
    }

    /// Starts a proxy with this configuration on this address, and waits until it responds.
    async fn with(kind: Kind, address: SocketAddr, text: &str) -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let path = |name: &str| {
            let path = folder.path().join(name);
            path.to_str()
                .expect("temporary folders are UTF-8")
                .to_owned()
        };
        let file = path("config");
        let (name, arguments, text) = match kind {
            Kind::Nginx => (
                "nginx",
                vec!["-p".to_owned(), path(""), "-c".to_owned(), file.clone()],
                format!(
                    "daemon off; master_process off; pid {}; error_log stderr warn;\n\
                     events {{}}\nhttp {{\naccess_log off;\nclient_body_temp_path {};\n\
                     proxy_temp_path {};\nfastcgi_temp_path {};\nuwsgi_temp_path {};\n\
                     scgi_temp_path {};\n{text}\n}}\n",
                    path("pid"),
                    path("a"),
                    path("b"),
                    path("c"),
                    path("d"),
                    path("e"),
                ),
            ),
            Kind::Caddy => (
                "caddy",
                ["run", "--adapter", "caddyfile", "--config", &file]
                    .map(str::to_owned)
                    .to_vec(),
                format!("{{\n\tadmin off\n}}\n{text}"),
            ),
            Kind::Haproxy => (
                "haproxy",
                ["-db", "-f", &file].map(str::to_owned).to_vec(),
                text.to_owned(),
            ),
        };
        std::fs::write(&file, text).expect("a temporary folder is writable");
        let mut command = Command::from(tools::proxy(name)?);
        command
            .args(arguments)
            // Caddy keeps certificates and its last configuration below these.
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => panic!("{name}: {error}"),
        };
        let client = Client::to(address).with_header("host", NAME);
        eventually(&format!("{name} forwards requests"), DEADLINE, async || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("{name} ended: {status}");
            }
            match client.get("/healthz").try_send().await {
                Ok(response) if response.status == 200 => Ok(()),
                Ok(response) => Err(format!("{}: {}", response.status, response.text())),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        Some(Self {
            client,
            _child: child,
            _folder: folder,
        })
    }

    fn api(&self) -> Client {
        self.client.below("/api/v1")
    }
}

/// A gateway with the page's flags, and anonymous access, since the test's proxy has no sign-in.
async fn world(name: &str) -> World {
    let page = std::fs::read_to_string(tools::root().join("docs/DEPLOY.md")).expect("the page");
    let flags = ["--allow-host", NAME];
    assert!(page.contains(&format!(
        "watchgate --etcd http://127.0.0.1:2379 {}\n",
        flags.join(" ")
    )));
    World::with(name, &[&flags[..], &["--anonymous", "gateway"]].concat()).await
}

/// The path of the dashboard's first script.
async fn script(root: &Client) -> String {
    let page = root.get("/").header("accept", "text/html");
    let page = page.send().await.expect(200).text();
    let (_, rest) = page
        .split_once("'/assets/")
        .expect("the dashboard is built");
    let (name, _) = rest.split_once('\'').expect("a quoted name");
    format!("/assets/{name}")
}

/// Checks everything that the documentation promises of a proxy.
async fn passes_everything(kind: Kind) {
    let world = world("proxied").await;
    let Some(proxy) = Proxy::start(kind, world.api.address()).await else {
        return;
    };
    let (root, api) = (&proxy.client, proxy.api());

    // The page, and its script as a browser fetches it.
    let script = script(root).await;
    let fetched = root.get(&script).header("origin", ORIGIN);
    fetched.send().await.expect(200);
    root.request(Method::HEAD, "/clusters/default/locks")
        .send()
        .await
        .expect(200);

    // Keys with doubled slashes, in the query and in the path.
    let key = format!("/{}/a//b/", world.prefix);
    let put = api
        .put(&key_query(&key), "by query")
        .header("origin", ORIGIN);
    put.send().await.json(201);
    assert_eq!(world.api.read(&key).await["value"], "by query");
    assert_eq!(api.read(&key).await["value"], "by query");
    let by_path = api.get(&key_path(&key)).send().await.json(200);
    assert_eq!(by_path["value"], "by query");
    let encoded = format!("/kv/{}", percent(&key));
    let by_escapes = api.get(&encoded).send().await.json(200);
    assert_eq!(by_escapes["value"], "by query");

    // A value that exceeds nginx's default limit of 1 MiB.
    let large = vec![b'x'; 1_200_000];
    let put = api.put(&key_query(world.key("large")), large);
    put.send().await.json(201);

    // A WebSocket.
    let headers = [("origin", ORIGIN)];
    let socket = Stream::try_socket(&api, "/watch", &headers).await;
    let mut socket = socket.expect("the proxy forwards the upgrade");
    let watch = json!({"op": "watch", "id": "w", "prefix": world.prefix});
    socket.send(&watch).await;
    socket.expect_type("opened").await;
    let revision = world.put("socket", "v").await;
    assert_eq!(socket.expect_type("events").await["revision"], revision);

    // Endless streams, each message without delay.
    let path = format!("/watch?prefix={}", percent(&world.prefix));
    let mut events = Stream::sse(api.get(&path), "").await;
    let mut lines = Stream::ndjson(api.get(&path)).await;
    for stream in [&mut events, &mut lines] {
        stream.expect_type("opened").await;
        let revision = world.put("stream", "v").await;
        stream.until(revision).await;
    }

    // Probes.
    for path in ["/healthz", "/readyz", "/health", "/version", "/metrics"] {
        root.get(path).send().await.expect(200);
    }

    // An unknown host name is refused behind a proxy too, and the page names the flag.
    let foreign = Client::to(root.address()).with_header("host", "other.example");
    let foreign = foreign.get("/").header("accept", "text/html").send().await;
    let foreign = foreign.expect(421).text();
    assert!(foreign.contains("--allow-host other.example"), "{foreign}");
}

#[tokio::test]
async fn the_documented_nginx_configuration_passes_everything() {
    passes_everything(Kind::Nginx).await;
}

#[tokio::test]
async fn the_documented_caddy_configuration_passes_everything() {
    passes_everything(Kind::Caddy).await;
}

#[tokio::test]
async fn the_documented_haproxy_configuration_passes_everything() {
    passes_everything(Kind::Haproxy).await;
}

#[tokio::test]
async fn nginx_with_its_default_host_serves_the_page_and_reports_the_mistake() {
    // Without `--allow-host`: nginx replaces the host name that users enter.
    let world = World::new("default-host").await;
    let (address, gateway) = (free_address(), world.api.address());
    let text =
        format!("server {{ listen {address}; location / {{ proxy_pass http://{gateway}; }} }}");
    let Some(proxy) = Proxy::with(Kind::Nginx, address, &text).await else {
        return;
    };
    let script = script(&proxy.client).await;
    let fetched = proxy.client.get(&script).header("origin", ORIGIN);
    let fetched = fetched.header("sec-fetch-site", "same-origin").send().await;
    fetched.expect(200);
    // Writes stay refused.
    let put = proxy.api().put(&key_query(world.key("k")), "v");
    let problem = put.header("origin", ORIGIN).send().await;
    let problem = problem.problem(403, "foreign_origin");
    let hint = problem["hint"].as_str().expect("a hint");
    assert!(hint.contains("Host"), "{hint}");
}

/// The reason for the page's advice: a path in `proxy_pass` makes nginx change the request's path.
#[tokio::test]
async fn a_path_in_proxy_pass_merges_slashes_except_in_the_query() {
    let world = World::new("slashes").await;
    let (address, gateway) = (free_address(), world.api.address());
    let text =
        format!("server {{ listen {address}; location / {{ proxy_pass http://{gateway}/; }} }}");
    let Some(proxy) = Proxy::with(Kind::Nginx, address, &text).await else {
        return;
    };
    let neighbour = format!("{}x", world.prefix.trim_start_matches('/'));
    let key = format!("/{neighbour}");
    world.api.write(&key, "the key").await;
    world.api.write(&neighbour, "its neighbour").await;
    let by_path = proxy.api().get(&key_path(&key)).send().await.json(200);
    assert_eq!(by_path["value"], "its neighbour");
    assert_eq!(proxy.api().read(&key).await["value"], "the key");
}

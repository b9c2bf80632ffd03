//! The configuration file: its keys, its precedence and its errors.

use std::path::Path;
use std::time::Duration;

use crate::config::{Anonymous, Cli, Config, ConfigError, LoadError};

fn load(text: &str, flags: &[&str]) -> Result<Config, LoadError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("watchgate.toml");
    std::fs::write(&file, text).expect("writes");
    let file = file.to_str().expect("text");
    let arguments = ["watchgate", "--config", file].into_iter();
    Cli::load(arguments.chain(flags.iter().copied())).map(|cli| cli.config)
}

/// The error about a file, without the folder.
fn error_of(text: &str) -> String {
    let error = load(text, &[]).expect_err("refused").to_string();
    let (_, rest) = error.split_once("watchgate.toml:").expect("names the file");
    rest.to_owned()
}

#[test]
fn every_flag_is_a_key() {
    let config = load(
        "listen = \"127.0.0.1:9000\"\nread_only = true\nlog_json = false\nmax_body = 1000\n\
         idle_timeout = \"2m\"\nallow_host = [\"a.example\", \"b.example:80\"]\ndial_timeout = \"500ms\"\n\
         etcd = [\"http://a:2379\", \"http://b:2379\"]\nuser = \"root:x\"\n",
        &[],
    )
    .expect("loads");
    assert_eq!(config.listen.port(), 9000);
    assert!(config.read_only && !config.log_json);
    assert_eq!(config.max_body, 1000);
    assert_eq!(config.idle_timeout, Duration::from_mins(2));
    assert_eq!(config.allow_host, ["a.example", "b.example:80"]);
    assert_eq!(config.connect.dial_timeout, Duration::from_millis(500));
    let clusters = config.clusters().expect("complete");
    assert_eq!(clusters.len(), 1);
    assert_eq!(clusters[0].settings.endpoints.len(), 2);
    assert!(clusters[0].settings.account.is_some());
}

#[test]
fn flags_take_precedence_over_the_file() {
    let text = "listen = \"127.0.0.1:9000\"\nlock_prefix = [\"/a/\"]\n\
                [[clusters]]\nname = \"prod\"\nendpoints = \"http://a:2379\"\n";
    let config = load(text, &["--listen", "127.0.0.1:9001"]).expect("loads");
    assert_eq!(config.listen.port(), 9001);
    let clusters = config.clusters().expect("complete");
    assert_eq!(clusters[0].name, "prod");
    assert_eq!(clusters[0].lock_prefix, ["/a/"]);
    let config = load(text, &["--etcd", "http://b:2379"]).expect("loads");
    let clusters = config.clusters().expect("complete");
    assert_eq!((clusters.len(), clusters[0].name.as_str()), (1, "default"));
}

#[test]
fn clusters_have_their_own_settings() {
    let config = load(
        "anonymous = \"gateway\"\n[[clusters]]\nname = \"one\"\nendpoints = [\"https://a:2379\"]\n\
         cacert = \"ca.pem\"\nuser = \"reader\"\npassword = \"secret\"\nlock_prefix = [\"/locks/\"]\n\
         [[clusters]]\nname = \"two\"\nendpoints = [\"http://b:2379\"]\ndial_timeout = \"9s\"\n",
        &[],
    )
    .expect("loads");
    let clusters = config.clusters().expect("complete");
    let [one, two] = &clusters[..] else {
        panic!("two clusters");
    };
    let cacert = one.settings.cacert.as_deref().expect("set");
    assert!(cacert.is_absolute() && cacert.ends_with(Path::new("ca.pem")));
    assert_eq!(one.settings.account.as_ref().expect("set").name, "reader");
    assert_eq!(one.lock_prefix, ["/locks/"]);
    assert_eq!(two.settings.dial_timeout, Duration::from_secs(9));
    assert_eq!(two.anonymous, Some(Anonymous::Gateway));
    assert!(two.settings.account.is_none());
    assert!(!format!("{config:?}").contains("secret\""));
}

const TWO: &str = "[[clusters]]\nname = \"own\"\nendpoints = \"https://a:2379\"\ncacert = \"own.pem\"\n\
                   cert = \"own-cert.pem\"\nkey = \"own-key.pem\"\nuser = \"app\"\npassword = \"own\"\n\
                   [[clusters]]\nname = \"taken\"\nendpoints = \"https://b:2379\"\n";

/// The account of each cluster, as `name:password`.
fn accounts(text: &str, flags: &[&str]) -> Result<Vec<Option<String>>, ConfigError> {
    let clusters = load(text, flags).expect("loads").clusters()?;
    let accounts = clusters.into_iter().map(|cluster| {
        let own = cluster.settings.account?;
        Some(format!("{}:{}", own.name, own.password.reveal()))
    });
    Ok(accounts.collect())
}

#[test]
fn omitted_settings_are_the_common_ones() {
    let common = "cacert = \"ca.pem\"\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
    let config = load(&format!("{common}{TWO}"), &[]).expect("loads");
    let clusters = config.clusters().expect("complete");
    let name = |path: &Path| {
        assert!(path.is_absolute(), "{}", path.display());
        path.file_name()
            .and_then(|name| name.to_str())
            .expect("text")
            .to_owned()
    };
    let files = |at: usize| {
        let settings = &clusters[at].settings;
        let (cert, key) = settings.identity.as_ref().expect("set");
        [settings.cacert.as_ref().expect("set"), cert, key].map(|path| name(path))
    };
    assert_eq!(files(0), ["own.pem", "own-cert.pem", "own-key.pem"]);
    assert_eq!(files(1), ["ca.pem", "cert.pem", "key.pem"]);
    // A certificate and its key belong together.
    let half = TWO.replace("key = \"own-key.pem\"\n", "");
    let config = load(&format!("{common}{half}"), &[]).expect("loads");
    assert!(config.clusters().is_err());
}

#[test]
fn a_password_is_used_only_for_its_user() {
    let check = |text: &str, flags: &[&str], expected: [Option<&str>; 2]| {
        let found = accounts(text, flags).expect("complete");
        let found: Vec<_> = found.iter().map(Option::as_deref).collect();
        assert_eq!(found, expected, "{text} {flags:?}");
    };
    let flags = ["--user", "root", "--password", "common"];
    check(TWO, &[], [Some("app:own"), None]);
    check(TWO, &flags, [Some("app:own"), Some("root:common")]);
    let text = format!("user = \"root:common\"\n{TWO}");
    check(&text, &[], [Some("app:own"), Some("root:common")]);
    let no_account = format!("{TWO}user = \"\"\n");
    check(&no_account, &flags, [Some("app:own"), None]);
    let other = format!("{TWO}password = \"other\"\n");
    check(&other, &flags, [Some("app:own"), Some("root:other")]);
    check(
        &other,
        &["--user", "root:common"],
        [Some("app:own"), Some("root:other")],
    );
    for (text, flags) in [(&other[..], &[][..]), (TWO, &flags[2..])] {
        let refused = accounts(text, flags).expect_err("refused");
        assert!(matches!(refused, ConfigError::PasswordWithoutUser));
    }
}

#[test]
fn relative_paths_start_at_the_files_folder() {
    let config = load("password_file = \"p\"\ndata_dir = \"/d\"\n", &[]).expect("loads");
    let file = config.connect.password_file.expect("set");
    assert!(file.is_absolute() && file.ends_with("p"));
    assert_eq!(config.data_dir.as_deref(), Some(Path::new("/d")));
}

#[test]
fn an_error_names_the_line() {
    let check = |text: &str, expected: &str| assert_eq!(error_of(text), expected, "{text}");
    check("\nlisten_on = \"x\"\n", "2: unknown key `listen_on`");
    check("base-path = \"/x\"\n", "1: unknown key `base-path`");
    check("config = \"other.toml\"\n", "1: unknown key `config`");
    check(
        "read_only = \"yes\"\n",
        "1: `read_only` must be true or false",
    );
    check(
        "listen = [1.5]\n",
        "1: `listen` must be a string or a number",
    );
    check(
        "[[clusters]]\nname = \"a\"\nendpoint = \"http://a:1\"\n",
        "3: unknown key `endpoint` in a cluster",
    );
    check(
        "[[clusters]]\nname = \"a\"\n",
        "1: `endpoints` of the cluster `a` is required",
    );
    check(
        "[[clusters]]\nname = \"a\"\nendpoints = [\"http://a:1\"]\nanonymous = \"root\"\n",
        "4: `anonymous` must be \"gateway\"",
    );
    check(
        "clusters = \"x\"\n",
        "1: `clusters` must be written as [[clusters]]",
    );
    check(
        "etcd = \"http://a:1\"\n[[clusters]]\nname = \"a\"\nendpoints = [\"http://a:1\"]\n",
        "1: `etcd` and `clusters` exclude each other: set one of the two",
    );
    assert!(error_of("listen = \"nowhere\"\n").starts_with("1: invalid value"));
    assert!(error_of("listen = \n").starts_with("1: "));
}

#[test]
fn an_error_shows_no_password() {
    let refused = error_of("user = \"root:hunter2\"\npassword = hunter2\n");
    assert!(!refused.contains("hunter2"), "{refused}");
}

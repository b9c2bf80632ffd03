//! Unit tests of reading etcd's configuration file.

use super::*;

fn read(text: &str) -> Result<ConfigFile, String> {
    parse(Path::new("etcd.yml"), text)
}

#[test]
fn the_client_url_follows_from_the_file() {
    for (text, client) in [
        ("name: a", "http://localhost:2379"),
        ("", "http://localhost:2379"),
        (
            "listen-client-urls: http://0.0.0.0:12379",
            "http://127.0.0.1:12379",
        ),
        ("listen-client-urls: 'http://[::]:1'", "http://[::1]:1"),
        (
            "listen-client-urls: http://10.0.0.1:2379,http://127.0.0.1:2380",
            "http://127.0.0.1:2380",
        ),
        (
            "listen-client-urls: unix://x:1, http://10.0.0.1:2379",
            "http://10.0.0.1:2379",
        ),
        (
            "listen-client-urls: https://0.0.0.0:2379\nadvertise-client-urls: https://db1.example:2379",
            "https://db1.example:2379",
        ),
        (
            "listen-client-urls: http://0.0.0.0:12379\nadvertise-client-urls: http://0.0.0.0:2379",
            "http://127.0.0.1:12379",
        ),
    ] {
        assert_eq!(read(text).expect(text).client, client, "{text}");
    }
}

#[test]
fn the_data_folder_follows_the_file_or_etcds_default() {
    let here = std::env::current_dir().expect("the process has a current folder");
    for (text, data) in [
        ("data-dir: /var/lib/etcd", PathBuf::from("/var/lib/etcd")),
        ("name: node1", here.join("node1.etcd")),
        ("data-dir: data", here.join("data")),
    ] {
        assert_eq!(read(text).expect(text).data, data, "{text}");
    }
    let (a, b) = (read("data-dir: /a"), read("data-dir: /b"));
    let name = |file: Result<ConfigFile, String>| file.expect("a file").record_name();
    assert_ne!(name(a), name(b));
}

#[test]
fn unreachable_and_invalid_files_are_errors() {
    for (text, expected) in [
        ("listen-client-urls: unix://x:1", "unix://x:1"),
        ("a: [", "not valid YAML"),
        ("- a", "no settings"),
    ] {
        let why = read(text).expect_err(text);
        assert!(why.contains(expected), "{text}: {why}");
    }
}

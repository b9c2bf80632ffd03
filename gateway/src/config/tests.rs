//! Flags: defaults, bounds and combinations.

use super::*;

fn parse(args: &[&str]) -> Config {
    let args = std::iter::once("watchgate").chain(args.iter().copied());
    Cli::try_parse_from(args).expect("parses").config
}

#[test]
fn debug_output_hides_secrets() {
    let config = parse(&["--etcd", "http://a:2379", "--user", "root:hunter2"]);
    assert!(!format!("{config:?}").contains("hunter2"));
    let config = parse(&["--user", "root", "--password", "hunter2"]);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn listens_on_loopback_by_default() {
    let config = parse(&[]);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8379");
    assert!(config.check().is_ok());
}

#[test]
fn a_private_etcd_is_open_to_other_machines_only_with_anonymous_gateway() {
    assert!(parse(&["--listen", "0.0.0.0:8379"]).check().is_err());
    assert!(
        parse(&["--listen", "0.0.0.0:8379", "--anonymous", "gateway"])
            .check()
            .is_ok()
    );
    let other_cluster = ["--listen", "0.0.0.0:8379", "--etcd", "http://a:2379"];
    assert!(parse(&other_cluster).check().is_ok());
}

#[cfg(not(feature = "demo"))]
#[test]
fn a_build_without_the_demo_refuses_the_flag() {
    assert!(matches!(
        parse(&["--demo"]).check(),
        Err(ConfigError::NoDemo)
    ));
}

#[test]
fn the_demo_is_refused_on_another_cluster() {
    assert!(
        parse(&["--demo", "--etcd", "http://127.0.0.1:2379"])
            .check()
            .is_err()
    );
}

#[test]
fn flags_of_the_private_etcd_are_refused_for_another_cluster() {
    for refused in [
        &["--members", "3", "--etcd", "http://127.0.0.1:2379"][..],
        &["--etcd-config", "f", "--etcd", "http://127.0.0.1:2379"],
        &["--etcd-config", "f", "--members", "3"],
        &["--etcd-config", "f", "--demo"],
    ] {
        assert!(parse(refused).check().is_err(), "{refused:?}");
    }
    for accepted in [
        &["--members", "5"][..],
        #[cfg(feature = "demo")]
        &["--members", "5", "--demo"],
        &["--members", "1", "--etcd", "http://127.0.0.1:2379"],
        &["--etcd-config", "f"],
    ] {
        assert!(parse(accepted).check().is_ok(), "{accepted:?}");
    }
    assert_eq!(parse_connections("1"), Ok(1));
    assert!(parse_connections("0").is_err() && parse_connections("-1").is_err());
    assert!(parse_members("2").is_err() && parse_members("0").is_err());
}

#[test]
fn base_paths_are_normalised() {
    assert_eq!(parse(&["--base-path", "/etcd/"]).base_path, "/etcd");
    assert_eq!(parse(&["--base-path", "/"]).base_path, "");
    assert!(parse_base_path("/a b").is_err() && parse_base_path("/../x").is_err());
}

#[test]
fn an_idle_timeout_is_between_a_second_and_a_day() {
    assert_eq!(parse(&[]).idle_timeout, Duration::from_mins(5));
    let minute = parse(&["--idle-timeout", "60s"]).idle_timeout;
    assert_eq!(minute, Duration::from_mins(1));
    assert!(parse_idle_timeout("1s").is_ok());
    for wrong in ["999ms", "0s", "1441m", "307445734561825860m"] {
        assert!(parse_idle_timeout(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn times_require_a_unit() {
    assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(parse_duration("2m"), Ok(Duration::from_mins(2)));
    for wrong in ["5", "s", "", "5h", "-1s", "1.5s"] {
        assert!(parse_duration(wrong).is_err(), "{wrong}");
    }
}

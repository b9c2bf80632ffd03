//! Actions of the Explorer as command lines for a terminal: `curl` for the gateway, `etcdctl` for etcd.
//!
//! A line must do exactly what the button does, with any bytes in key and value, in bash and in zsh,
//! also when it is pasted. Where a tool cannot do that, there is an error instead of an approximation. Newline is
//! the only control character in a line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::percent;

mod quote;
#[cfg(test)]
mod tests;

pub(crate) use quote::{argument, go_string, quoted};

/// An action of the Explorer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyCommand {
    /// Reads a key.
    Get { key: Vec<u8> },
    /// Lists the keys under a prefix.
    List { prefix: Vec<u8> },
    /// Reads a key's stored revisions.
    History { key: Vec<u8> },
    /// Searches keys and values; `path` is the API's, with its encoded query.
    Search { path: String },
    /// Watches a key or a prefix.
    Watch { key: Vec<u8>, prefix: bool },
    /// Replaces a value, if the key's last change is still at `revision`.
    Replace {
        key: Vec<u8>,
        value: Vec<u8>,
        revision: i64,
        lease: LeaseAction,
    },
    /// Creates a key, if it does not exist.
    Create {
        key: Vec<u8>,
        value: Vec<u8>,
        lease: NewLease,
    },
    /// Deletes a key, if its last change is still at `revision`.
    Delete { key: Vec<u8>, revision: i64 },
    /// Deletes the keys under a prefix, if there are still `count` of them and none is newer than `revision`.
    DeletePrefix {
        prefix: Vec<u8>,
        count: i64,
        revision: i64,
    },
}

/// The lease after a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeaseAction {
    Keep,
    Drop,
}

/// The lease of a new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NewLease {
    None,
    /// An existing lease.
    Id(String),
    /// A lease that is granted first, with this TTL in seconds.
    Grant(i64),
}

/// Why an action has no command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// etcdctl has no such command.
    NoCommand,
    /// An argument cannot contain a NUL byte.
    Nul,
}

/// A pipeline that feeds a value to the standard input of a command; `None` if it can be an argument.
fn stdin_pipeline(value: &[u8]) -> Option<String> {
    let plain = std::str::from_utf8(value).is_ok_and(|text| !text.contains('\0'));
    (!plain || value.len() > 2000)
        .then(|| format!("base64 -d <<'EOF' | {{}}\n{}\nEOF", base64_lines(value)))
}

fn base64_lines(value: &[u8]) -> String {
    let encoded = STANDARD.encode(value);
    let rows: Vec<&str> = encoded
        .as_bytes()
        .chunks(76)
        .map(|row| std::str::from_utf8(row).unwrap_or_default())
        .collect();
    rows.join("\n")
}

/// The `curl` line; `base` is the API's URL, including `/api/v1/`.
pub(crate) fn curl(command: &KeyCommand, base: &str) -> String {
    let url = |resource: &str, name: &str, bytes: &[u8], more: &str| {
        quoted(&format!(
            "{base}{resource}?{name}={}{more}",
            percent::encode(bytes)
        ))
    };
    let put = |flags: &str, url: &str, value: &[u8]| match stdin_pipeline(value) {
        Some(pipe) => pipe.replacen(
            "{}",
            &format!("curl -X PUT{flags} --data-binary @- {url}"),
            1,
        ),
        None => format!(
            "curl -X PUT{flags} --data-raw {} {url}",
            quote::quoted_bytes(value)
        ),
    };
    match command {
        KeyCommand::Get { key } => format!("curl {}", url("kv", "key", key, "")),
        KeyCommand::List { prefix } => {
            format!("curl {}", url("kv", "prefix", prefix, "&keys_only"))
        }
        KeyCommand::History { key } => format!("curl {}", url("history", "key", key, "")),
        KeyCommand::Search { path } => format!("curl -N {}", quoted(&format!("{base}{path}"))),
        KeyCommand::Watch { key, prefix } => {
            format!(
                "curl -N {}",
                url(
                    "watch",
                    if *prefix { "prefix" } else { "key" },
                    key,
                    "&prev"
                )
            )
        }
        KeyCommand::Replace {
            key,
            value,
            revision,
            lease,
        } => {
            let more = if *lease == LeaseAction::Drop {
                "&lease=none"
            } else {
                ""
            };
            put(
                &format!(" -H 'If-Match: \"{revision}\"'"),
                &url("kv", "key", key, more),
                value,
            )
        }
        KeyCommand::Create { key, value, lease } => {
            let flags = " -H 'If-None-Match: *'";
            match lease {
                NewLease::None => put(flags, &url("kv", "key", key, ""), value),
                NewLease::Id(id) => put(
                    flags,
                    &url("kv", "key", key, &format!("&lease={id}")),
                    value,
                ),
                NewLease::Grant(ttl) => {
                    let leases = quoted(&format!("{base}leases"));
                    let lease = quoted(&format!("{base}leases/")) + r#""${LEASE:?}""#;
                    // A failed write leaves no lease behind. The revocation must directly follow the URL, before a
                    // here-document.
                    let url = format!(
                        r#"{}"${{LEASE:?}}" || curl -X DELETE {lease}"#,
                        url("kv", "key", key, "&lease=")
                    );
                    format!(
                        "LEASE=$(curl -s --json '{{\"ttl\":{ttl}}}' {leases} | sed -n 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/p')\n{}",
                        put(&format!(" --fail-with-body{flags}"), &url, value)
                    )
                }
            }
        }
        KeyCommand::Delete { key, revision } => {
            format!(
                "curl -X DELETE -H 'If-Match: \"{revision}\"' {}",
                url("kv", "key", key, "")
            )
        }
        KeyCommand::DeletePrefix {
            prefix,
            count,
            revision,
        } => {
            let more = format!("&confirm={count}&revision={revision}");
            format!("curl -X DELETE {}", url("kv", "prefix", prefix, &more))
        }
    }
}

/// The `etcdctl` line.
pub(crate) fn etcdctl(command: &KeyCommand) -> Result<String, Unsupported> {
    Ok(match command {
        KeyCommand::Get { key } => format!("etcdctl get {}", argument(key)?),
        KeyCommand::List { prefix } => {
            format!("etcdctl get --prefix --keys-only {}", argument(prefix)?)
        }
        KeyCommand::History { .. } | KeyCommand::Search { .. } => {
            return Err(Unsupported::NoCommand);
        }
        KeyCommand::Watch { key, prefix } => watch(
            if *prefix {
                " --prev-kv --prefix"
            } else {
                " --prev-kv"
            },
            key,
        )?,
        KeyCommand::Replace {
            key,
            value,
            revision,
            lease,
        } => {
            let flag = if *lease == LeaseAction::Keep {
                "--ignore-lease "
            } else {
                ""
            };
            transaction(
                &compare("mod", key, *revision),
                &format!("put {flag}-- {} {}", go_string(key), go_string(value)),
            )
        }
        KeyCommand::Create { key, value, lease } => {
            let compare = compare("create", key, 0);
            let op = format!("{} {}", go_string(key), go_string(value));
            match lease {
                NewLease::None => transaction(&compare, &format!("put -- {op}")),
                NewLease::Id(id) => transaction(&compare, &format!("put --lease={id} -- {op}")),
                // `txn` exits with success even if its comparison fails, so its output decides about the lease.
                NewLease::Grant(ttl) => format!(
                    "LEASE=$(etcdctl -w simple lease grant {ttl} | cut -d' ' -f2)\netcdctl -w simple txn <<EOF | grep SUCCESS || etcdctl lease revoke \"${{LEASE:?}}\"\n{}\n\nput --lease=${{LEASE:?}} -- {}\n\n\nEOF",
                    escape_expansions(&compare),
                    escape_expansions(&op)
                ),
            }
        }
        KeyCommand::Delete { key, revision } => transaction(
            &compare("mod", key, *revision),
            &format!("del -- {}", go_string(key)),
        ),
        // etcdctl's transactions compare single keys only, so our check of the count cannot be expressed.
        KeyCommand::DeletePrefix { prefix, .. } => {
            format!("etcdctl del --prefix {}", argument(prefix)?)
        }
    })
}

/// `etcdctl watch` with flags, each preceded by a space. After `--` it expects a command to run for every
/// event, so a key that begins with a dash is passed in the environment.
pub(crate) fn watch(flags: &str, key: &[u8]) -> Result<String, Unsupported> {
    if key.contains(&0) {
        return Err(Unsupported::Nul);
    }
    let key_word = quote::quoted_bytes(key);
    Ok(if key.first() == Some(&b'-') {
        format!("ETCDCTL_WATCH_KEY={key_word} etcdctl watch{flags}")
    } else {
        format!("etcdctl watch{flags} {key_word}")
    })
}

/// A comparison of a key's `create` or `mod` revision.
pub(crate) fn compare(target: &str, key: &[u8], revision: i64) -> String {
    format!("{target}({}) = \"{revision}\"", go_string(key))
}

/// `etcdctl txn` reads compares, then the success branch, then the failure branch, each ended by an
/// empty line.
pub(crate) fn transaction(compare: &str, op: &str) -> String {
    format!("etcdctl txn <<'EOF'\n{compare}\n\n{op}\n\n\nEOF")
}

/// Escapes a text for a here-document in which the shell expands variables.
fn escape_expansions(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('$', "\\$")
        .replace('`', "\\`")
}

//! The watches of the page, as encoded in its URL:
//! `prefix=/services/&revision=48000&only=put&key=/config`. Parameters after a range apply to it.

use shared::{Bytes, EventType, RangeSpec, WatchRequest};

use crate::model::percent;

/// The watch of a panel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PanelSpec {
    /// Whether a prefix is watched, else a single key.
    pub(crate) is_prefix: bool,
    /// The prefix or key.
    pub(crate) bytes: Vec<u8>,
    /// The first revision to deliver; `None` for from now.
    pub(crate) revision: Option<i64>,
    /// The only kind of events to deliver; `None` for both.
    pub(crate) only: Option<EventType>,
}

impl PanelSpec {
    /// The watch request.
    pub(crate) fn request(&self) -> WatchRequest {
        let bytes = Some(Bytes(self.bytes.clone()));
        let range = if self.is_prefix {
            RangeSpec {
                prefix: bytes,
                ..RangeSpec::default()
            }
        } else {
            RangeSpec {
                key: bytes,
                ..RangeSpec::default()
            }
        };
        WatchRequest {
            range,
            revision: self.revision,
            prev: true,
            only: self.only.map(|kind| vec![kind]),
            ..WatchRequest::default()
        }
    }

    /// The prefix relative to which keys are shown; empty for a single key, which is shown whole.
    pub(crate) fn prefix(&self) -> &[u8] {
        if self.is_prefix { &self.bytes } else { &[] }
    }
}

/// The panels of a query string (without `?`), in order, without duplicates.
pub(crate) fn parse(query: &str) -> Vec<PanelSpec> {
    let mut specs: Vec<PanelSpec> = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "prefix" | "key" => {
                let bytes = percent::decode(value);
                // etcd has no empty key.
                if name == "prefix" || !bytes.is_empty() {
                    let is_prefix = name == "prefix";
                    specs.push(PanelSpec {
                        is_prefix,
                        bytes,
                        revision: None,
                        only: None,
                    });
                }
            }
            "revision" => {
                if let Some(spec) = specs.last_mut() {
                    spec.revision = value.parse().ok().filter(|revision| *revision > 0);
                }
            }
            "only" => {
                if let Some(spec) = specs.last_mut() {
                    spec.only = match value {
                        "put" => Some(EventType::Put),
                        "delete" => Some(EventType::Delete),
                        _ => None,
                    };
                }
            }
            _ => {}
        }
    }
    let mut seen: Vec<PanelSpec> = Vec::with_capacity(specs.len());
    for spec in specs {
        if !seen.contains(&spec) {
            seen.push(spec);
        }
    }
    seen
}

/// The query string of panels, with its `?`; empty without panels.
pub(crate) fn query(specs: &[PanelSpec]) -> String {
    let mut out = String::new();
    let mut push = |name: &str, value: &str| {
        out.push(if out.is_empty() { '?' } else { '&' });
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    };
    for spec in specs {
        push(
            if spec.is_prefix { "prefix" } else { "key" },
            &percent::encode(&spec.bytes),
        );
        if let Some(revision) = spec.revision {
            push("revision", &revision.to_string());
        }
        match spec.only {
            Some(EventType::Put) => push("only", "put"),
            Some(EventType::Delete) => push("only", "delete"),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use shared::EventType;

    use super::{PanelSpec, parse, query};

    fn spec(prefix: &[u8]) -> PanelSpec {
        PanelSpec {
            is_prefix: true,
            bytes: prefix.to_vec(),
            revision: None,
            only: None,
        }
    }

    #[test]
    fn every_panel_round_trips_through_the_url() {
        let panels = [
            spec(b"/services/"),
            PanelSpec {
                revision: Some(48_000),
                only: Some(EventType::Put),
                ..spec(b"/a//b/")
            },
            PanelSpec {
                is_prefix: false,
                ..spec(b"\xff\xfe&=+%")
            },
            spec(b""),
        ];
        assert_eq!(parse(&query(&panels)[1..]), panels);
        assert_eq!(query(&[]), "");
    }

    #[test]
    fn invalid_parameters_are_ignored() {
        assert_eq!(parse(""), []);
        assert_eq!(parse("key=&x=1&revision=3"), []);
        assert_eq!(
            parse("prefix=/a/&revision=-3&only=x&prefix=/a/"),
            [spec(b"/a/")]
        );
    }
}

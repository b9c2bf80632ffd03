//! Which watches the page shows, as its address says it:
//! `prefix=/services/&revision=48000&only=put&key=/config`. What follows a range belongs to it.

use shared::{Bytes, EventType, RangeSpec, WatchRequest};

use crate::model::percent;

/// What a panel watches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PanelSpec {
    /// A prefix, or else one key.
    pub(crate) is_prefix: bool,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// The first revision wanted; from now without it.
    pub(crate) revision: Option<i64>,
    /// One kind of events; both without it.
    pub(crate) only: Option<EventType>,
}

impl PanelSpec {
    /// The watch to ask for.
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

    /// The prefix that keys are shown below; a single key is shown whole.
    pub(crate) fn prefix(&self) -> &[u8] {
        if self.is_prefix { &self.bytes } else { &[] }
    }
}

/// The panels of a query string (without `?`), in order, none twice.
pub(crate) fn parse(query: &str) -> Vec<PanelSpec> {
    let mut specs: Vec<PanelSpec> = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "prefix" | "key" => {
                let bytes = percent::decode(value);
                // A key without a name exists in no etcd.
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

/// The query string of panels, with its `?`; empty for none.
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
    fn every_panel_survives_the_address() {
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
    fn what_cannot_be_watched_is_left_out() {
        assert_eq!(parse(""), []);
        assert_eq!(parse("key=&x=1&revision=3"), []);
        assert_eq!(
            parse("prefix=/a/&revision=-3&only=x&prefix=/a/"),
            [spec(b"/a/")]
        );
    }
}

//! `/config/gateway/`: three files, edited every 20 s.
//!
//! A visitor's edit wins: the actor saves by compare-and-set, and pauses its own edits of a file that
//! a visitor has changed.

use std::time::Duration;

use super::context::{Actor, Context, Step};
use super::random::Random;

/// The interval between edits.
const EVERY: Duration = Duration::from_secs(20);
/// The pause after a visitor's edit.
const VISITOR_PAUSE: Duration = Duration::from_mins(2);

/// A file and its generator.
#[derive(Debug)]
pub(super) struct File {
    key: String,
    text: fn(&mut Random) -> String,
    /// The revision of our own last edit; 0 before the first.
    saved: i64,
}

impl File {
    /// `text` returns a different text at nearly every call.
    pub(super) fn new(name: &str, text: fn(&mut Random) -> String) -> Self {
        Self {
            key: format!("/config/gateway/{name}"),
            text,
            saved: 0,
        }
    }
}

impl Actor for File {
    fn name(&self) -> String {
        self.key.clone()
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        let now = context
            .get(&self.key)
            .await?
            .map_or(0, |kv| kv.mod_revision);
        if self.saved != 0 && now != 0 && now != self.saved {
            self.saved = now;
            return context.sleep(VISITOR_PAUSE).await;
        }
        let text = (self.text)(&mut context.random);
        if let Some(revision) = context.replace(&self.key, &text, now).await? {
            self.saved = revision;
        }
        context.sleep(EVERY).await
    }
}

/// JSON, as people format it.
pub(super) fn limits(random: &mut Random) -> String {
    let rate = random.number(20..=40) * 100;
    let timeout = random.choose(&[1_500, 2_000, 3_000, 5_000]);
    format!(
        r#"{{
  "max_connections": 10000,
  "requests_per_second": {rate},
  "burst": {},
  "body_bytes": 1048576,
  "timeout_ms": {timeout},
  "retry": {{ "attempts": 3, "backoff_ms": [50, 200, 800] }}
}}
"#,
        rate / 5
    )
}

/// Plain text, one flag per line.
pub(super) fn feature_flags(random: &mut Random) -> String {
    let rollout = random.number(0..=20) * 5;
    let banner = random.choose(&["on", "off"]);
    let language = random.choose(&["on", "off", "staff"]);
    format!(
        "# one flag per line: on, off, staff, or a share of requests\n\
         dark-mode=on\n\
         new-checkout={rollout}%\n\
         search-suggestions={language}\n\
         maintenance-banner={banner}\n"
    )
}

/// YAML.
pub(super) fn routes(random: &mut Random) -> String {
    let canary = random.number(0..=10) * 5;
    let timeout = random.choose(&["2s", "3s", "5s"]);
    format!(
        "routes:\n\
         \x20 - path: /checkout\n\
         \x20   service: checkout\n\
         \x20   timeout: {timeout}\n\
         \x20   weights:\n\
         \x20     stable: {}\n\
         \x20     canary: {canary}\n\
         \x20 - path: /search\n\
         \x20   service: search\n\
         \x20   timeout: 1s\n\
         \x20   weights:\n\
         \x20     stable: 100\n",
        100 - canary
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_json() {
        for salt in 0..20 {
            let text = limits(&mut Random::new(salt));
            let value: serde_json::Value = serde_json::from_str(&text).expect("the file is JSON");
            assert!(
                value["requests_per_second"]
                    .as_u64()
                    .is_some_and(|rate| rate >= 2_000)
            );
        }
    }

    #[test]
    fn weights_add_up() {
        for salt in 0..20 {
            let text = routes(&mut Random::new(salt));
            let weight = |name: &str| -> u64 {
                let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
                line.expect("the line exists")
                    .trim()
                    .parse()
                    .expect("the weight is a number")
            };
            assert_eq!(weight("stable:") + weight("canary:"), 100, "{text}");
        }
    }
}

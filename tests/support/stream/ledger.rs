//! Checks the promises of every watch on every message of every test.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

/// The state of each watch of a stream, by its id.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    watches: HashMap<String, Watch>,
    recent: VecDeque<String>,
    /// A watch of which only some pieces of a revision have arrived: no other message of it may come
    /// between them. With the type of the pieces and the revision.
    partial: Option<(String, &'static str, i64)>,
}

#[derive(Debug)]
struct Watch {
    /// The lowest revision that may come next.
    next: i64,
    closed: bool,
}

impl Ledger {
    /// The last messages, for failure messages.
    pub(super) fn tail(&self) -> String {
        let mut text = String::from("before:");
        for message in &self.recent {
            text.push_str("\n  ");
            text.push_str(message);
        }
        text
    }

    /// Checks a message against the earlier ones, and records it.
    pub(super) fn record(&mut self, message: &Value) {
        if let Err(reason) = self.check(message) {
            let short: String = message.to_string().chars().take(600).collect();
            panic!("{reason}: {short}\n{}", self.tail());
        }
        self.recent
            .push_back(message.to_string().chars().take(300).collect());
        if self.recent.len() > 6 {
            self.recent.pop_front();
        }
    }

    fn check(&mut self, message: &Value) -> Result<(), String> {
        let kind = message["type"].as_str().ok_or("a message without a type")?;
        let Some(id) = message["id"].as_str() else {
            return Ok(());
        };
        let revision = message["revision"].as_i64();
        if let Some((partial, as_kind, at)) = &self.partial
            && partial == id
            && (kind != *as_kind || revision != Some(*at))
        {
            return Err(format!("between the pieces of revision {at}"));
        }
        let number = |name: &str| message[name].as_i64().ok_or(format!("no `{name}`"));
        if kind == "opened" {
            let next = number("revision")?;
            let before = self.watches.get(id).filter(|watch| !watch.closed);
            if before.is_some_and(|watch| watch.next > next) {
                return Err("opened below what was sent".to_owned());
            }
            let open = Watch {
                next,
                closed: false,
            };
            self.watches.insert(id.to_owned(), open);
            return Ok(());
        }
        // At opening, `compacted` and `reset` come before `opened`.
        let Some(watch) = self.watches.get_mut(id) else {
            let early = ["compacted", "reset", "error", "closed"];
            return if early.contains(&kind) {
                Ok(())
            } else {
                Err("before `opened`".to_owned())
            };
        };
        if watch.closed && kind != "error" {
            return Err("after `closed`".to_owned());
        }
        match kind {
            "events" => {
                let last = number("revision")?;
                let in_pieces = self.partial.take().is_some();
                let more = message["more"] == true;
                watch.events(message, last, more || in_pieces)?;
                if more {
                    self.partial = Some((id.to_owned(), "events", last));
                } else {
                    watch.next = last + 1;
                }
            }
            "snapshot" => {
                let at = number("revision")?;
                if message["more"] == true {
                    self.partial = Some((id.to_owned(), "snapshot", at));
                } else {
                    self.partial = None;
                    watch.next = at + 1;
                }
            }
            "progress" => {
                let at = number("revision")?;
                if at < watch.next - 1 {
                    return Err(format!("progress before {}", watch.next - 1));
                }
                watch.next = at + 1;
            }
            "lagged" if number("resume_from")? != watch.next => {
                return Err(format!("lagged, but {} is next", watch.next));
            }
            "compacted" => watch.next = number("to")?,
            "reset" => watch.next = number("revision")?,
            "closed" => watch.closed = true,
            _ => {}
        }
        Ok(())
    }
}

impl Watch {
    fn events(&self, message: &Value, last: i64, one_revision: bool) -> Result<(), String> {
        let events = message["events"].as_array().ok_or("no `events`")?;
        let revisions = super::revisions_of(events);
        // Changes in closed folders, by folder.
        let folders = message["folders"].as_array().cloned().unwrap_or_default();
        let counted = super::revisions_of_folders(&folders);
        let all = || revisions.iter().chain(&counted);
        if all().next().is_none() {
            return Err("no event in `events`".to_owned());
        }
        if all().any(|revision| *revision < self.next) {
            return Err(format!("expected {} or later", self.next));
        }
        if revisions.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err("events out of order".to_owned());
        }
        if all().max() != Some(&last) {
            return Err("`revision` is not the last event's".to_owned());
        }
        if one_revision && revisions.iter().any(|&revision| revision != last) {
            return Err("a piece has events of other revisions".to_owned());
        }
        Ok(())
    }
}

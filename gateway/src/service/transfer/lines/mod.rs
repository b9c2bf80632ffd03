//! The parser of an import: reads entries line by line from a streaming body, in chunks.

use bytes::BytesMut;
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::IgnoredAny;
use shared::{Bytes, Code, LeaseId};
use tokio_util::sync::CancellationToken;

use super::Body;
use crate::failure::{Failure, Result};

/// The limit on bytes of a line: a value of etcd's default limit with every byte escaped, with a
/// margin.
const LINE: usize = 16 << 20;

/// An entry to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// The line number in the file, from 1.
    pub(super) line: u64,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// The lease id; 0 for none.
    pub(super) lease: i64,
}

/// The next part of a file.
#[derive(Debug)]
pub(super) enum Read {
    /// Entries without duplicate keys; never empty.
    Chunk(Vec<Item>),
    /// The end of the file.
    End,
}

/// A line of the file. Members that an import cannot restore are accepted and ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: Option<Bytes>,
    value: Option<Bytes>,
    lease: Option<LeaseId>,
    #[serde(default, rename = "create_revision")]
    _create_revision: Option<IgnoredAny>,
    #[serde(default, rename = "mod_revision")]
    _mod_revision: Option<IgnoredAny>,
    #[serde(default, rename = "version")]
    _version: Option<IgnoredAny>,
    end: Option<End>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    #[serde(default, rename = "header")]
    _header: Option<IgnoredAny>,
    count: u64,
}

/// Reads the lines of a file.
pub(super) struct Lines {
    body: Body,
    stop: CancellationToken,
    buffer: BytesMut,
    /// How many bytes of the buffer are known to contain no line end.
    looked_at: usize,
    body_ended: bool,
    /// The last line read.
    number: u64,
    from_line: u64,
    entries: u64,
    /// The count of the end line, once it has been read.
    announced: Option<u64>,
    /// An entry that was read already, but belongs to the next chunk.
    next: Option<Result<Item>>,
}

impl Lines {
    pub(super) fn new(body: Body, from_line: u64, stop: CancellationToken) -> Self {
        Self {
            body,
            stop,
            buffer: BytesMut::new(),
            looked_at: 0,
            body_ended: false,
            number: 0,
            from_line,
            entries: 0,
            announced: None,
            next: None,
        }
    }

    /// The last line read, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Entries read.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// The number of entries that the file's end line announces.
    pub(super) fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// The next entries: at most `ops`, about `bytes`. An error in a line is returned after the entries
    /// before it.
    pub(super) async fn chunk(&mut self, ops: usize, bytes: usize) -> Result<Read> {
        let mut items: Vec<Item> = Vec::new();
        let mut size = 0;
        loop {
            let next = match self.next.take() {
                Some(next) => next,
                None => match self.item().await {
                    Ok(Some(item)) => Ok(item),
                    Ok(None) => break,
                    Err(failure) => Err(failure),
                },
            };
            let item = match next {
                Ok(item) => item,
                Err(failure) if items.is_empty() => return Err(failure),
                Err(failure) => {
                    self.next = Some(Err(failure));
                    break;
                }
            };
            let length = item.key.len() + item.value.len();
            let full = items.len() == ops || size + length > bytes;
            // A duplicate key is written twice, so it needs two transactions.
            if !items.is_empty() && (full || items.iter().any(|one| one.key == item.key)) {
                self.next = Some(Ok(item));
                break;
            }
            size += length;
            items.push(item);
        }
        Ok(if items.is_empty() {
            Read::End
        } else {
            Read::Chunk(items)
        })
    }

    /// The next entry; `None` at the end of the file.
    async fn item(&mut self) -> Result<Option<Item>> {
        while let Some(line) = self.line().await? {
            self.number += 1;
            if self.number < self.from_line || line.trim_ascii().is_empty() {
                continue;
            }
            let number = self.number;
            let item = self.read(&line).map_err(|mut failure| {
                failure.detail = format!("line {number}: {}", failure.detail);
                failure
            })?;
            if let Some(item) = item {
                self.entries += 1;
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// Parses a line as an entry; `None` for the end line.
    fn read(&mut self, line: &[u8]) -> Result<Option<Item>> {
        if self.announced.is_some() {
            return Err(Failure::bad_request("a line follows the end line"));
        }
        // serde would accept a list for an object, with the members in declaration order.
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err(Failure::bad_request("the line is not a JSON object"));
        }
        let line: Line =
            serde_json::from_slice(line).map_err(|error| Failure::bad_request(in_line(&error)))?;
        match line {
            Line {
                key: None,
                error: Some(_),
                ..
            } => Err(
                Failure::new(Code::Unprocessable, "the export failed at this line")
                    .hint("export again"),
            ),
            Line {
                key: None,
                value: None,
                lease: None,
                end: Some(end),
                error: None,
                ..
            } => {
                self.announced = Some(end.count);
                Ok(None)
            }
            Line {
                key: Some(key),
                value: Some(value),
                lease,
                end: None,
                error: None,
                ..
            } if !key.is_empty() => Ok(Some(Item {
                line: self.number,
                key: key.0,
                value: value.0,
                lease: lease.map_or(0, |lease| lease.0),
            })),
            Line {
                key: Some(key),
                value: None,
                ..
            } if !key.is_empty() => Err(Failure::bad_request("`value` is required")
                .hint("an export with keys only cannot be imported")),
            _ => Err(Failure::bad_request(
                "the line is neither an entry with `key` and `value` nor the end line",
            )),
        }
    }

    /// The next line, without its line end; `None` after the last.
    async fn line(&mut self) -> Result<Option<BytesMut>> {
        loop {
            let fresh = &self.buffer[self.looked_at..];
            if let Some(at) = fresh.iter().position(|&byte| byte == b'\n') {
                let mut line = self.buffer.split_to(self.looked_at + at + 1);
                line.truncate(line.len() - 1);
                self.looked_at = 0;
                return Ok(Some(line));
            }
            self.looked_at = self.buffer.len();
            if self.buffer.len() > LINE {
                let detail = format!(
                    "line {}: longer than the limit of {LINE} bytes",
                    self.number + 1
                );
                return Err(Failure::new(Code::TooLarge, detail));
            }
            if self.body_ended {
                self.looked_at = 0;
                let last = self.buffer.split();
                return Ok((!last.is_empty()).then_some(last));
            }
            match self.more().await? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None => self.body_ended = true,
            }
        }
    }

    async fn more(&mut self) -> Result<Option<bytes::Bytes>> {
        let next = tokio::select! {
            () = self.stop.cancelled() => {
                return Err(Failure::new(Code::Unavailable, "this gateway is shutting down"));
            }
            next = self.body.next() => next,
        };
        next.transpose()
    }
}

/// serde's line number counts within the one line it was given, so it is dropped.
fn in_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} at byte {}", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests;

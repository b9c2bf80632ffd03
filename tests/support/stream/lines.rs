//! Lines and server-sent events of a response body, as they arrive.

use bytes::BytesMut;
use http_body_util::BodyExt as _;

use super::Ended;
use crate::http::Head;

/// A body read line by line.
#[derive(Debug)]
pub struct Lines {
    head: Head,
    buffer: BytesMut,
    searched: usize,
}

/// A server-sent event with data.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: Option<String>,
    pub(super) data: String,
}

impl Lines {
    /// The lines of a response.
    pub fn new(head: Head) -> Self {
        Self {
            head,
            buffer: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next line without its line end.
    pub async fn line(&mut self) -> Result<String, Ended> {
        loop {
            let fresh = &self.buffer[self.searched..];
            if let Some(at) = fresh.iter().position(|&byte| byte == b'\n') {
                let line = self.buffer.split_to(self.searched + at + 1);
                self.searched = 0;
                let line = std::str::from_utf8(&line).expect("streams are UTF-8");
                return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
            }
            self.searched = self.buffer.len();
            match self.head.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(_)) => return Err(Ended::Broken),
                None => {
                    assert!(
                        self.buffer.is_empty(),
                        "the stream ends in the middle of a line"
                    );
                    return Err(Ended::Orderly(None));
                }
            }
        }
    }

    /// The next event, as an EventSource would dispatch it.
    pub(super) async fn event(&mut self) -> Result<Event, Ended> {
        let (mut id, mut data) = (None, Vec::new());
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                if !data.is_empty() {
                    return Ok(Event {
                        id,
                        data: data.join("\n"),
                    });
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => id = Some(value.to_owned()),
                "data" => data.push(value.to_owned()),
                "" | "retry" => {}
                // `onmessage` receives unnamed events only.
                "event" => assert_eq!(value, "message", "a named event"),
                _ => panic!("unknown field in a server-sent event: `{line}`"),
            }
        }
    }

    /// The rest of the body, for failure messages.
    pub async fn rest(mut self) -> String {
        let mut text = String::from_utf8_lossy(&self.buffer).into_owned();
        while let Ok(line) = self.line_or_rest().await {
            text.push_str(&line);
        }
        text
    }

    async fn line_or_rest(&mut self) -> Result<String, Ended> {
        match self.head.body.frame().await {
            Some(Ok(frame)) => {
                let data = frame
                    .data_ref()
                    .map(|data| String::from_utf8_lossy(data).into_owned());
                Ok(data.unwrap_or_default())
            }
            _ => Err(Ended::Broken),
        }
    }
}

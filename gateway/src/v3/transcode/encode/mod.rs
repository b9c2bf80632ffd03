//! etcd's message as JSON, by the rules of its own gateway: names as in the protos, 64-bit integers
//! as strings, base64, and no zeros.
//!
//! It goes from the bytes of one to the bytes of the other, a chunk at a time, so that of a large
//! answer nothing is held twice but what is on its way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes};
use prost::encoding::{WireType, decode_varint};
use thiserror::Error;

use super::wire::{self, Broken};
use crate::v3::schema::{Field, Kind, Message, MessageId};

/// Messages within messages that etcd may answer: as many as it may be asked for.
const DEPTH: usize = 400;

/// Why a message cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("etcd's answer cannot be read")]
pub(crate) struct Unreadable;

impl From<Broken> for Unreadable {
    fn from(_: Broken) -> Self {
        Self
    }
}

type Result<T> = std::result::Result<T, Unreadable>;

/// Writes one message.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The messages we are in, outermost first.
    open: Vec<Open>,
    started: bool,
}

#[derive(Debug)]
struct Open {
    message: &'static Message,
    rest: Bytes,
    /// Nothing of it has been written.
    first: bool,
    /// The list we are in.
    list: Option<&'static Field>,
}

impl Open {
    fn new(message: MessageId, bytes: Bytes) -> Result<Self> {
        let message = message.get();
        Ok(Self {
            rest: wire::in_order(message, bytes)?,
            message,
            first: true,
            list: None,
        })
    }

    fn end_list(&mut self, out: &mut Vec<u8>) {
        if self.list.take().is_some() {
            out.push(b']');
        }
    }

    /// The comma and name before a field's value.
    fn name(&mut self, field: &'static Field, out: &mut Vec<u8>) {
        if let Some(list) = self.list {
            if list.index == field.index {
                out.push(b',');
                return;
            }
            self.end_list(out);
        }
        if !std::mem::take(&mut self.first) {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(field.name.as_bytes());
        out.extend_from_slice(b"\":");
        if field.repeated {
            out.push(b'[');
            self.list = Some(field);
        }
    }
}

impl Encoder {
    pub(crate) fn new(message: MessageId, bytes: Bytes) -> Result<Self> {
        Ok(Self {
            open: vec![Open::new(message, bytes)?],
            started: false,
        })
    }

    /// Appends to `out` until it holds `enough` or the message has ended; whether it has.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, enough: usize) -> Result<bool> {
        if !std::mem::replace(&mut self.started, true) {
            out.push(b'{');
        }
        while let Some(open) = self.open.last_mut() {
            if out.len() >= enough {
                return Ok(false);
            }
            if open.rest.is_empty() {
                open.end_list(out);
                out.push(b'}');
                self.open.pop();
                continue;
            }
            if let Some(inner) = field(open, out)? {
                if self.open.len() == DEPTH {
                    return Err(Unreadable);
                }
                out.push(b'{');
                self.open.push(inner);
            }
        }
        Ok(true)
    }
}

/// The whole message at once.
pub(crate) fn encode(message: MessageId, bytes: Bytes, out: &mut Vec<u8>) -> Result<()> {
    Encoder::new(message, bytes)?
        .write(out, usize::MAX)
        .map(drop)
}

/// Writes the next field; a message among them is entered by the caller.
fn field(open: &mut Open, out: &mut Vec<u8>) -> Result<Option<Open>> {
    // Its own handle, since `open` is written to meanwhile.
    let bytes = open.rest.clone();
    let mut behind = &bytes[..];
    let raw = wire::next(&mut behind)?;
    open.rest.advance(bytes.len() - behind.len());
    let Some(field) = open.message.by_number(raw.number) else {
        return Ok(None);
    };
    if let Kind::Message(inner) = field.kind {
        if raw.wire == WireType::LengthDelimited {
            open.name(field, out);
            return Open::new(inner, bytes.slice_ref(raw.bytes)).map(Some);
        }
        return Ok(None);
    }
    // Numbers of a list may stand in one piece.
    let length_delimited = matches!(field.kind, Kind::String | Kind::Bytes);
    match (raw.wire, length_delimited) {
        (WireType::Varint, false) => scalar(open, field, raw.varint, out),
        (WireType::LengthDelimited, true) => text(open, field, raw.bytes, out),
        (WireType::LengthDelimited, false) if field.repeated => {
            let mut packed = raw.bytes;
            while !packed.is_empty() {
                let value = decode_varint(&mut packed).map_err(|_| Unreadable)?;
                scalar(open, field, value, out);
            }
        }
        // Another kind than we know is a field that we do not know.
        _ => {}
    }
    Ok(None)
}

/// Whether a field that holds nothing is written.
fn silent(field: &Field) -> bool {
    !field.repeated && field.oneof.is_none()
}

fn scalar(open: &mut Open, field: &'static Field, value: u64, out: &mut Vec<u8>) {
    if value == 0 && silent(field) {
        return;
    }
    open.name(field, out);
    match &field.kind {
        Kind::Bool => out.extend_from_slice(if value == 0 { b"false" } else { b"true" }),
        Kind::Int64 => quoted(out, value as i64),
        Kind::Uint64 => quoted(out, value),
        Kind::Int32 => push(out, value as i32),
        Kind::Enum(names) => match names.name(value as i32) {
            Some(name) => {
                out.push(b'"');
                out.extend_from_slice(name.as_bytes());
                out.push(b'"');
            }
            None => push(out, value as i32),
        },
        // The others are no numbers, and do not come here.
        _ => push(out, value as u32),
    }
}

fn push(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    use std::io::Write as _;
    write!(out, "{number}").expect("a vector grows");
}

fn quoted(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    out.push(b'"');
    push(out, number);
    out.push(b'"');
}

fn text(open: &mut Open, field: &'static Field, value: &[u8], out: &mut Vec<u8>) {
    if value.is_empty() && silent(field) {
        return;
    }
    open.name(field, out);
    if matches!(field.kind, Kind::String) {
        let text = String::from_utf8_lossy(value);
        serde_json::to_writer(&mut *out, &text).expect("a text is JSON, and a vector grows");
        return;
    }
    out.push(b'"');
    let start = out.len();
    let length = value.len().div_ceil(3) * 4;
    out.resize(start + length, 0);
    let written = STANDARD.encode_slice(value, &mut out[start..]);
    debug_assert_eq!(written, Ok(length));
    out.push(b'"');
}

#[cfg(test)]
mod tests;

//! Encodes etcd's messages as JSON, by the rules of its own gateway: field names as in the protos, 64-bit
//! integers as strings, bytes as base64, and zeros omitted.
//!
//! Protobuf becomes JSON directly, one chunk at a time, so that of a large response only the chunk being sent
//! is in memory twice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes};
use prost::encoding::{WireType, decode_varint};
use thiserror::Error;

use super::wire::{self, Malformed};
use crate::v3::schema::{Field, Kind, Message, MessageId};

/// Limit of nested messages in a response, the same as in a request.
const DEPTH: usize = 400;

/// The bytes are not a message of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed response from etcd")]
pub(crate) struct EncodeError;

impl From<Malformed> for EncodeError {
    fn from(_: Malformed) -> Self {
        Self
    }
}

type Result<T> = std::result::Result<T, EncodeError>;

/// Encodes one message.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The messages being written, outermost first.
    open: Vec<Open>,
    started: bool,
}

/// A message being written.
#[derive(Debug)]
struct Open {
    message: &'static Message,
    rest: Bytes,
    /// No field has been written yet.
    first: bool,
    /// The list being written.
    list: Option<&'static Field>,
}

impl Open {
    fn new(message: MessageId, bytes: Bytes) -> Result<Self> {
        let message = message.get();
        Ok(Self {
            rest: wire::normalized(message, bytes)?,
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

    /// Writes the comma and name before a field's value.
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

    /// Appends to `out` until it holds `limit` bytes or the message has ended; returns whether it has ended.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<bool> {
        if !std::mem::replace(&mut self.started, true) {
            out.push(b'{');
        }
        while let Some(open) = self.open.last_mut() {
            if out.len() >= limit {
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
                    return Err(EncodeError);
                }
                out.push(b'{');
                self.open.push(inner);
            }
        }
        Ok(true)
    }
}

/// Encodes the whole message at once.
pub(crate) fn encode(message: MessageId, bytes: Bytes, out: &mut Vec<u8>) -> Result<()> {
    Encoder::new(message, bytes)?
        .write(out, usize::MAX)
        .map(drop)
}

/// Writes the next field. If it is a message, returns it for the caller to write.
fn field(open: &mut Open, out: &mut Vec<u8>) -> Result<Option<Open>> {
    // A handle of its own, since `open` is modified meanwhile.
    let bytes = open.rest.clone();
    let mut after = &bytes[..];
    let raw = wire::next(&mut after)?;
    open.rest.advance(bytes.len() - after.len());
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
    // Repeated numbers may be packed.
    let length_delimited = matches!(field.kind, Kind::String | Kind::Bytes);
    match (raw.wire, length_delimited) {
        (WireType::Varint, false) => scalar(open, field, raw.varint, out),
        (WireType::LengthDelimited, true) => text(open, field, raw.bytes, out),
        (WireType::LengthDelimited, false) if field.repeated => {
            let mut packed = raw.bytes;
            while !packed.is_empty() {
                let value = decode_varint(&mut packed).map_err(|_| EncodeError)?;
                scalar(open, field, value, out);
            }
        }
        // A field with an unexpected wire type is skipped like an unknown field.
        _ => {}
    }
    Ok(None)
}

/// Whether a zero or empty value of the field is omitted.
fn omits_zero(field: &Field) -> bool {
    !field.repeated && field.oneof.is_none()
}

fn scalar(open: &mut Open, field: &'static Field, value: u64, out: &mut Vec<u8>) {
    if value == 0 && omits_zero(field) {
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
        // `Uint32`; the remaining kinds are not numbers and never get here.
        _ => push(out, value as u32),
    }
}

fn push(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    use std::io::Write as _;
    write!(out, "{number}").expect("writing to a vector cannot fail");
}

fn quoted(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    out.push(b'"');
    push(out, number);
    out.push(b'"');
}

fn text(open: &mut Open, field: &'static Field, value: &[u8], out: &mut Vec<u8>) {
    if value.is_empty() && omits_zero(field) {
        return;
    }
    open.name(field, out);
    if matches!(field.kind, Kind::String) {
        let text = String::from_utf8_lossy(value);
        serde_json::to_writer(&mut *out, &text).expect("writing a string to a vector cannot fail");
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

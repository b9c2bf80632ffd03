//! Decodes a request's JSON to etcd's message, by the rules of Go's protojson: both names of a field, 64-bit
//! integers as numbers or strings, enums by name or number, base64 of either alphabet; unknown fields are
//! skipped.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::json::{Invalid, Next, Reader, integer};
use crate::v3::schema::{Field, Kind, MessageId};

/// Limit of nested messages: more than etcd accepts, whose transactions may nest 128 deep.
const DEPTH: usize = 400;

/// Go accepts trailing bits, and requires padding by the length of the text alone.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
const LENIENT_UNPADDED: GeneralPurposeConfig =
    LENIENT.with_decode_padding_mode(DecodePaddingMode::RequireNone);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const STANDARD_UNPADDED: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT_UNPADDED);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const URL_UNPADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT_UNPADDED);

type Result<T> = std::result::Result<T, Invalid>;

/// The message of the first JSON value in `text`; only whitespace is an empty message.
pub(crate) fn decode(message: MessageId, text: &[u8]) -> Result<Vec<u8>> {
    let mut reader = Reader::new(text);
    let mut out = Output::with_capacity(text.len() * 3 / 4);
    if !reader.is_empty() {
        read_message(&mut reader, message, &mut out, DEPTH)?;
    }
    Ok(out.finish())
}

/// A message being encoded, front to back.
///
/// The length of a nested message precedes it but is known only at its end, and its varint takes more or
/// fewer bytes depending on the lengths inside. One byte is reserved for it, which fits most lengths; longer
/// ones are recorded and inserted in one pass at the end. Inserting each at once would move a message once
/// for every level of nesting: quadratic in the size of a deep request.
#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    /// Lengths that do not fit the byte reserved for them, in the order in which their messages ended.
    long: Vec<Length>,
    /// Bytes that the recorded lengths take beyond the reserved ones.
    extra: usize,
}

/// A length to insert.
#[derive(Clone, Copy, Debug)]
struct Length {
    /// Offset of the reserved byte.
    at: usize,
    value: usize,
}

/// A nested message being encoded.
#[derive(Clone, Copy, Debug)]
struct Nested {
    /// Offset of the byte reserved for its length.
    at: usize,
    /// [`Output::extra`] when it began.
    extra: usize,
}

impl Output {
    fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Begins a nested message.
    fn open(&mut self, field: &Field) -> Nested {
        encode_key(field.number, WireType::LengthDelimited, &mut self.bytes);
        let at = self.bytes.len();
        self.bytes.push(0);
        Nested {
            at,
            extra: self.extra,
        }
    }

    /// Ends the innermost nested message.
    fn close(&mut self, nested: Nested) {
        let within = self.extra - nested.extra;
        let value = self.bytes.len() - nested.at - 1 + within;
        if let Ok(short) = u8::try_from(value)
            && short < 0x80
        {
            self.bytes[nested.at] = short;
            return;
        }
        self.extra += encoded_len_varint(value as u64) - 1;
        self.long.push(Length {
            at: nested.at,
            value,
        });
    }

    /// Writes a number; zero only with `keep_zero`.
    fn varint(&mut self, field: &Field, value: u64, keep_zero: bool) {
        if value != 0 || keep_zero {
            encode_key(field.number, WireType::Varint, &mut self.bytes);
            encode_varint(value, &mut self.bytes);
        }
    }

    /// Writes a string or bytes; empty ones only with `keep_zero`.
    fn delimited(&mut self, field: &Field, value: &[u8], keep_zero: bool) {
        if !value.is_empty() || keep_zero {
            encode_key(field.number, WireType::LengthDelimited, &mut self.bytes);
            encode_varint(value.len() as u64, &mut self.bytes);
            self.bytes.extend_from_slice(value);
        }
    }

    /// The message.
    fn finish(mut self) -> Vec<u8> {
        if self.long.is_empty() {
            return self.bytes;
        }
        let mut out = Vec::with_capacity(self.bytes.len() + self.extra);
        self.pieces(|piece| out.extend_from_slice(piece));
        out
    }

    /// The message in pieces: what was encoded, with the recorded lengths in between.
    fn pieces(&mut self, mut take: impl FnMut(&[u8])) {
        // Recorded inner messages first, needed by offset.
        self.long.sort_unstable_by_key(|length| length.at);
        let mut begin = 0;
        let mut varint = Vec::with_capacity(10);
        for length in &self.long {
            take(&self.bytes[begin..length.at]);
            varint.clear();
            encode_varint(length.value as u64, &mut varint);
            take(&varint);
            // The varint replaces the reserved byte.
            begin = length.at + 1;
        }
        take(&self.bytes[begin..]);
    }
}

fn read_message(
    reader: &mut Reader<'_>,
    message: MessageId,
    out: &mut Output,
    depth: usize,
) -> Result<()> {
    let message = message.get();
    if depth == 0 {
        return reader.error("exceeded max recursion depth");
    }
    if reader.next()? != Next::Object {
        return reader.error(format!("unexpected value for {}", message.name));
    }
    reader.object()?;
    let mut first = true;
    // Bit sets of the fields and oneofs seen; etcd's messages have fewer than 64 of either.
    let (mut fields, mut oneofs) = (0_u64, 0_u64);
    while let Some(name) = reader.member(&mut first)? {
        let Some(field) = message.by_name(&name) else {
            reader.skip()?;
            continue;
        };
        if !insert(&mut fields, field.index) {
            return reader.error(format!("duplicate field {name:?}"));
        }
        if reader.next()? == Next::Null {
            reader.word("null")?;
            continue;
        }
        if field.repeated {
            read_list(reader, field, out, depth)?;
            continue;
        }
        if let Some(oneof) = field.oneof
            && !insert(&mut oneofs, oneof)
        {
            return reader.error(format!(
                "{name:?}: another field of its oneof is already set"
            ));
        }
        read_value(reader, field, out, depth)?;
    }
    Ok(())
}

/// Adds an index to a bit set; returns whether the index was inserted.
fn insert(seen: &mut u64, index: usize) -> bool {
    let bit = 1 << index;
    let inserted = *seen & bit == 0;
    *seen |= bit;
    inserted
}

fn read_list(reader: &mut Reader<'_>, field: &Field, out: &mut Output, depth: usize) -> Result<()> {
    if reader.next()? != Next::Array {
        return reader.error(format!("unexpected value for the list {}", field.name));
    }
    reader.array()?;
    let mut first = true;
    while reader.element(&mut first)? {
        read_value(reader, field, out, depth)?;
    }
    Ok(())
}

/// Reads one value of a field. Zeros are omitted, except in lists and oneofs.
fn read_value(
    reader: &mut Reader<'_>,
    field: &Field,
    out: &mut Output,
    depth: usize,
) -> Result<()> {
    let keep_zero = field.repeated || field.oneof.is_some();
    let start = reader.position();
    match &field.kind {
        Kind::Message(message) => {
            let nested = out.open(field);
            read_message(reader, *message, out, depth - 1)?;
            out.close(nested);
        }
        Kind::Bool => {
            let value = match reader.next()? {
                Next::True => reader.word("true").map(|()| true),
                Next::False => reader.word("false").map(|()| false),
                _ => return invalid(reader, field, start),
            }?;
            out.varint(field, u64::from(value), keep_zero);
        }
        Kind::Int32 => {
            let value = read_integer(reader, field, i32::MIN.into(), i32::MAX.into())?;
            out.varint(field, value as u64, keep_zero);
        }
        Kind::Int64 => {
            let value = read_integer(reader, field, i64::MIN.into(), i64::MAX.into())?;
            out.varint(field, value as u64, keep_zero);
        }
        Kind::Uint32 => {
            let value = read_integer(reader, field, 0, u32::MAX.into())?;
            out.varint(field, value as u64, keep_zero);
        }
        Kind::Uint64 => {
            let value = read_integer(reader, field, 0, u64::MAX.into())?;
            out.varint(field, value as u64, keep_zero);
        }
        Kind::Enum(names) => {
            if reader.next()? == Next::String {
                // An unknown name is skipped, as an unknown field is.
                if let Some(number) = names.number(&reader.string()?) {
                    out.varint(field, i64::from(number) as u64, keep_zero);
                }
            } else if reader.next()? == Next::Number {
                let value = read_integer(reader, field, i32::MIN.into(), i32::MAX.into())?;
                out.varint(field, value as u64, keep_zero);
            } else {
                return invalid(reader, field, start);
            }
        }
        Kind::String => {
            if reader.next()? != Next::String {
                return invalid(reader, field, start);
            }
            let text = reader.string()?;
            out.delimited(field, text.as_bytes(), keep_zero);
        }
        Kind::Bytes => {
            if reader.next()? != Next::String {
                return invalid(reader, field, start);
            }
            let text = reader.string()?;
            let Some(value) = decode_base64(&text) else {
                let found = reader.since(start);
                let message = format!("invalid base64 for {}: {found}", field.name);
                return Reader::error_at(start, message);
            };
            out.delimited(field, &value, keep_zero);
        }
    }
    Ok(())
}

fn read_integer(reader: &mut Reader<'_>, field: &Field, min: i128, max: i128) -> Result<i128> {
    let start = reader.position();
    let value = match reader.next()? {
        Next::Number => integer(reader.number()?),
        Next::String => {
            let text = reader.string()?;
            let mut inner = Reader::new(text.as_bytes());
            let bare = text.trim().len() == text.len();
            let number = if bare { inner.number().ok() } else { None };
            number.filter(|_| inner.is_empty()).and_then(integer)
        }
        _ => None,
    };
    match value {
        Some(value) if (min..=max).contains(&value) => Ok(value),
        _ => invalid(reader, field, start),
    }
}

fn invalid<T>(reader: &mut Reader<'_>, field: &Field, start: usize) -> Result<T> {
    if reader.position() == start {
        // Read the value, to quote it.
        reader.skip()?;
    }
    let found = reader.since(start);
    Reader::error_at(start, format!("invalid value for {}: {found}", field.name))
}

/// Decodes base64 as Go does: line breaks are skipped, but count in the length that decides about padding.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let url = text.contains(['-', '_']);
    let engine = match (url, text.len().is_multiple_of(4)) {
        (false, true) => STANDARD,
        (false, false) => STANDARD_UNPADDED,
        (true, true) => URL,
        (true, false) => URL_UNPADDED,
    };
    if text.contains(['\r', '\n']) {
        return engine.decode(text.replace(['\r', '\n'], "")).ok();
    }
    engine.decode(text).ok()
}

#[cfg(test)]
mod tests;

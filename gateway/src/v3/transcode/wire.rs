//! Protobuf's wire format, one field at a time.

use bytes::Bytes;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use thiserror::Error;

use crate::v3::schema::{Field, Kind, Message};

/// The bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed protobuf message")]
pub(crate) struct Malformed;

/// A field on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a> {
    pub(crate) number: u32,
    pub(crate) wire: WireType,
    /// The value of a varint; otherwise 0.
    pub(crate) varint: u64,
    /// The value of a length-delimited field.
    pub(crate) bytes: &'a [u8],
}

/// Removes the first field from `rest`.
pub(crate) fn next<'a>(rest: &mut &'a [u8]) -> Result<Raw<'a>, Malformed> {
    let (number, wire) = decode_key(rest).map_err(|_| Malformed)?;
    let (mut varint, mut length) = (0, 0);
    match wire {
        WireType::Varint => varint = decode_varint(rest).map_err(|_| Malformed)?,
        WireType::LengthDelimited => {
            let value = decode_varint(rest).map_err(|_| Malformed)?;
            length = usize::try_from(value).map_err(|_| Malformed)?;
        }
        WireType::ThirtyTwoBit => length = 4,
        WireType::SixtyFourBit => length = 8,
        WireType::StartGroup | WireType::EndGroup => return Err(Malformed),
    }
    let (bytes, after) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = after;
    Ok(Raw {
        number,
        wire,
        varint,
        bytes,
    })
}

/// The fields of a message.
pub(crate) fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Result<Raw<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = next(&mut bytes);
        if field.is_err() {
            bytes = &[];
        }
        Some(field)
    })
}

/// Appends a length-delimited field.
pub(crate) fn put(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The message with each list contiguous, each other field at most once, and one member of each oneof. That is
/// how every known encoder writes it, and such a message is returned unchanged.
pub(crate) fn normalized(message: &Message, bytes: Bytes) -> Result<Bytes, Malformed> {
    let (mut seen, mut oneofs, mut last) = (0_u64, 0_u64, None);
    for raw in fields(&bytes) {
        let Some(field) = message.by_number(raw?.number) else {
            continue;
        };
        let seen_before = seen & (1 << field.index) != 0;
        let separated = seen_before && (!field.repeated || last != Some(field.index));
        let oneof_taken = field.oneof.is_some_and(|one| oneofs & (1 << one) != 0);
        if separated || oneof_taken {
            return rewrite(message, &bytes);
        }
        seen |= 1 << field.index;
        last = Some(field.index);
        if let Some(oneof) = field.oneof {
            oneofs |= 1 << oneof;
        }
    }
    Ok(bytes)
}

/// The message as a decoder that reads it whole would understand it.
fn rewrite(message: &Message, bytes: &[u8]) -> Result<Bytes, Malformed> {
    let mut kept: Vec<(&Field, Vec<Raw<'_>>)> = Vec::new();
    for raw in fields(bytes) {
        let raw = raw?;
        let Some(field) = message.by_number(raw.number) else {
            continue;
        };
        if field.oneof.is_some() {
            kept.retain(|(other, _)| other.index == field.index || other.oneof != field.oneof);
        }
        let known = kept
            .iter_mut()
            .find(|(known, _)| known.index == field.index);
        match known {
            None => kept.push((field, vec![raw])),
            // Occurrences of a message field are concatenated below, which merges them.
            Some((_, raws)) if field.repeated || matches!(field.kind, Kind::Message(_)) => {
                raws.push(raw);
            }
            Some((_, raws)) => *raws = vec![raw],
        }
    }
    let mut out = Vec::new();
    for (field, raws) in kept {
        if matches!(field.kind, Kind::Message(_)) && !field.repeated {
            let merged: Vec<u8> = raws.iter().flat_map(|raw| raw.bytes).copied().collect();
            put(&mut out, field.number, &merged);
            continue;
        }
        for raw in raws {
            match raw.wire {
                WireType::LengthDelimited => put(&mut out, field.number, raw.bytes),
                WireType::Varint => {
                    encode_key(field.number, WireType::Varint, &mut out);
                    encode_varint(raw.varint, &mut out);
                }
                // No field in the schema has another wire type.
                _ => {}
            }
        }
    }
    Ok(out.into())
}

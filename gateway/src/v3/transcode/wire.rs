//! Protobuf's wire form, a field at a time.

use bytes::Bytes;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use thiserror::Error;

use crate::v3::schema::{Field, Kind, Message};

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a message is cut off or malformed")]
pub(crate) struct Broken;

/// A field as it lies on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a> {
    pub(crate) number: u32,
    pub(crate) wire: WireType,
    /// What a varint says.
    pub(crate) varint: u64,
    /// What a length-delimited field holds.
    pub(crate) bytes: &'a [u8],
}

/// Takes the first field off.
pub(crate) fn next<'a>(rest: &mut &'a [u8]) -> Result<Raw<'a>, Broken> {
    let (number, wire) = decode_key(rest).map_err(|_| Broken)?;
    let (mut varint, mut length) = (0, 0);
    match wire {
        WireType::Varint => varint = decode_varint(rest).map_err(|_| Broken)?,
        WireType::LengthDelimited => {
            let said = decode_varint(rest).map_err(|_| Broken)?;
            length = usize::try_from(said).map_err(|_| Broken)?;
        }
        WireType::ThirtyTwoBit => length = 4,
        WireType::SixtyFourBit => length = 8,
        WireType::StartGroup | WireType::EndGroup => return Err(Broken),
    }
    let (bytes, behind) = rest.split_at_checked(length).ok_or(Broken)?;
    *rest = behind;
    Ok(Raw {
        number,
        wire,
        varint,
        bytes,
    })
}

/// The fields of a message.
pub(crate) fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Result<Raw<'_>, Broken>> {
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

/// The message with each list in one piece, each other field at most once and of alternatives one:
/// as every writer we know makes it, and then it is not touched.
pub(crate) fn in_order(message: &Message, bytes: Bytes) -> Result<Bytes, Broken> {
    let (mut seen, mut oneofs, mut last) = (0_u64, 0_u64, None);
    for raw in fields(&bytes) {
        let Some(field) = message.by_number(raw?.number) else {
            continue;
        };
        let again = seen & (1 << field.index) != 0;
        let apart = again && (!field.repeated || last != Some(field.index));
        let rivals = field.oneof.is_some_and(|one| oneofs & (1 << one) != 0);
        if apart || rivals {
            return rewritten(message, &bytes);
        }
        seen |= 1 << field.index;
        last = Some(field.index);
        if let Some(oneof) = field.oneof {
            oneofs |= 1 << oneof;
        }
    }
    Ok(bytes)
}

/// What a reader that holds the whole message would make of it.
fn rewritten(message: &Message, bytes: &[u8]) -> Result<Bytes, Broken> {
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
            // Halves of a message are joined below, as protobuf merges them.
            Some((_, raws)) if field.repeated || matches!(field.kind, Kind::Message(_)) => {
                raws.push(raw);
            }
            Some((_, raws)) => *raws = vec![raw],
        }
    }
    let mut out = Vec::new();
    for (field, raws) in kept {
        if matches!(field.kind, Kind::Message(_)) && !field.repeated {
            let joined: Vec<u8> = raws.iter().flat_map(|raw| raw.bytes).copied().collect();
            put(&mut out, field.number, &joined);
            continue;
        }
        for raw in raws {
            match raw.wire {
                WireType::LengthDelimited => put(&mut out, field.number, raw.bytes),
                WireType::Varint => {
                    encode_key(field.number, WireType::Varint, &mut out);
                    encode_varint(raw.varint, &mut out);
                }
                // No field that we know has another form.
                _ => {}
            }
        }
    }
    Ok(out.into())
}

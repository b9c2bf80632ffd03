//! Parses the responses of a watch call out of the bytes as they arrive.
//!
//! Whole fields are read; of an unfinished one the bytes are buffered. Where the caller wants no values, an event is
//! read field by field too, and a value is skipped as it arrives: it is neither buffered nor copied, however large
//! it is. (etcd itself has no watch without values.)

use std::collections::VecDeque;

use bytes::{Buf as _, BytesMut};
use etcd_client::proto::{PbEvent, PbKeyValue, PbResponseHeader};
use prost::Message as _;
use prost::encoding::{WireType, decode_key, decode_varint};
use tonic::Status;

use super::{PREFIX, Received, Response};
use crate::etcd::channel::MAX_RESPONSE;

/// Events are delivered in chunks of this many bytes, before their response is complete.
const CHUNK: usize = 512 << 10;
/// What an event counts for beside its key and value, bytes.
const EVENT: usize = 64;
/// A tag and a number or length need at most so many bytes.
const HEAD: usize = 20;

/// Parses responses. Holds the bytes of one unfinished field and the events of one chunk.
#[derive(Debug, Default)]
pub(super) struct Parser {
    keys_only: bool,
    buffer: BytesMut,
    /// Unread bytes of the current message, once its prefix has been read.
    left: Option<usize>,
    response: Response,
    /// Bytes of the events in `response`.
    size: usize,
    /// The event that is read field by field.
    event: Option<Unfinished>,
    /// Bytes of a value still to be skipped.
    skip: usize,
}

/// An event without values, of which some fields have been read.
#[derive(Debug, Default)]
struct Unfinished {
    event: PbEvent,
    /// Unread bytes of the event, without those of `kv`.
    left: usize,
    /// The key that is being read, and its unread bytes.
    kv: Option<(Which, usize)>,
    /// The size of the key's new value.
    value_size: usize,
}

/// The key of an event.
#[derive(Clone, Copy, Debug)]
enum Which {
    Now,
    Before,
}

impl Unfinished {
    fn kv_mut(&mut self, which: Which) -> &mut PbKeyValue {
        let kv = match which {
            Which::Now => &mut self.event.kv,
            Which::Before => &mut self.event.prev_kv,
        };
        kv.get_or_insert_default()
    }
}

/// The start of a field.
struct Head {
    tag: u32,
    wire: WireType,
    /// The value of a number, the length of bytes.
    number: u64,
    /// Bytes of the start itself.
    bytes: usize,
}

fn broken(error: impl std::fmt::Display) -> Status {
    Status::internal(format!("etcd's response cannot be decoded: {error}"))
}

impl Head {
    /// The start of the next field, of a message with `left` unread bytes; `None` while it has not arrived.
    fn read(input: &[u8], left: usize) -> Result<Option<Self>, Status> {
        let available = input.len().min(left);
        let mut at = &input[..available];
        if available < left && available < HEAD {
            // The tag and the number may have arrived; if not, more bytes will.
            let mut probe = at;
            if decode_key(&mut probe).is_err() || decode_varint(&mut probe).is_err() {
                return Ok(None);
            }
        }
        let (tag, wire) = decode_key(&mut at).map_err(broken)?;
        let number = decode_varint(&mut at).map_err(broken)?;
        Ok(Some(Self {
            tag,
            wire,
            number,
            bytes: available - at.len(),
        }))
    }

    /// The length of a field of bytes.
    fn length(&self, left: usize) -> Result<usize, Status> {
        let length = usize::try_from(self.number).ok();
        length
            .filter(|length| *length <= left - self.bytes && *length <= MAX_RESPONSE)
            .ok_or_else(|| {
                Status::internal("a field of etcd's response exceeds its message or the size limit")
            })
    }
}

fn unknown_wire_type() -> Status {
    Status::internal("etcd's response has a field of an unknown wire type")
}

impl Parser {
    pub(super) fn new(keys_only: bool) -> Self {
        Self {
            keys_only,
            ..Self::default()
        }
    }

    pub(super) fn push(
        &mut self,
        data: &[u8],
        ready: &mut VecDeque<Response>,
    ) -> Result<(), Status> {
        if self.buffer.is_empty() {
            let mut input = data;
            self.parse(&mut input, ready)?;
            self.buffer.extend_from_slice(input);
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(data);
        let mut input = &buffer[..];
        self.parse(&mut input, ready)?;
        let read = buffer.len() - input.len();
        buffer.advance(read);
        self.buffer = buffer;
        Ok(())
    }

    /// Reads what has arrived as far as possible.
    fn parse(&mut self, input: &mut &[u8], ready: &mut VecDeque<Response>) -> Result<(), Status> {
        loop {
            if self.skip > 0 {
                let skipped = self.skip.min(input.len());
                input.advance(skipped);
                self.skip -= skipped;
                if self.skip > 0 {
                    return Ok(());
                }
            }
            let Some(left) = self.left else {
                if input.len() < PREFIX {
                    return Ok(());
                }
                if input.get_u8() != 0 {
                    return Err(Status::internal(
                        "etcd compressed its response, which the request did not allow",
                    ));
                }
                self.left = Some(input.get_u32() as usize);
                continue;
            };
            if let Some(event) = self.event.take() {
                if !self.continue_event(event, input)? {
                    return Ok(());
                }
                if self.size >= CHUNK {
                    self.deliver(ready);
                }
                continue;
            }
            if left == 0 {
                self.left = None;
                self.response.complete = true;
                self.deliver(ready);
                self.response = Response::default();
                continue;
            }
            let Some(read) = self.field(input, left)? else {
                return Ok(());
            };
            self.left = Some(left - read);
            if self.size >= CHUNK {
                self.deliver(ready);
            }
        }
    }

    fn deliver(&mut self, ready: &mut VecDeque<Response>) {
        self.size = 0;
        let rest = Response {
            header: self.response.header,
            continued: true,
            ..Response::default()
        };
        ready.push_back(std::mem::replace(&mut self.response, rest));
    }

    /// Reads one field of the message, of which `left` bytes remain; returns its size in bytes, or
    /// `None` while it has not arrived. Of an event without values only the start is read.
    fn field(&mut self, input: &mut &[u8], left: usize) -> Result<Option<usize>, Status> {
        let Some(head) = Head::read(input, left)? else {
            return Ok(None);
        };
        let response = &mut self.response;
        match head.wire {
            WireType::Varint => {
                let number = head.number;
                match head.tag {
                    3 => response.created = number != 0,
                    4 => response.canceled = number != 0,
                    5 => response.compact_revision = number as i64,
                    7 => response.fragment = number != 0,
                    _ => {}
                }
                input.advance(head.bytes);
                Ok(Some(head.bytes))
            }
            WireType::LengthDelimited => {
                let length = head.length(left)?;
                let size = head.bytes + length;
                if head.tag == 11 && self.keys_only {
                    input.advance(head.bytes);
                    self.event = Some(Unfinished {
                        left: length,
                        ..Unfinished::default()
                    });
                    return Ok(Some(size));
                }
                let Some(field) = input.get(head.bytes..size) else {
                    return Ok(None);
                };
                match head.tag {
                    1 => response.header = Some(PbResponseHeader::decode(field).map_err(broken)?),
                    6 => response.cancel_reason = String::from_utf8_lossy(field).into_owned(),
                    11 => {
                        response.events.push(Received {
                            event: PbEvent::decode(field).map_err(broken)?,
                            value_size: None,
                        });
                        self.size += length;
                    }
                    _ => {}
                }
                input.advance(size);
                Ok(Some(size))
            }
            _ => Err(unknown_wire_type()),
        }
    }

    /// Reads one more field of an event without values; returns whether it has arrived.
    fn continue_event(
        &mut self,
        mut unfinished: Unfinished,
        input: &mut &[u8],
    ) -> Result<bool, Status> {
        let arrived = match unfinished.kv {
            Some((_, 0)) => {
                unfinished.kv = None;
                true
            }
            Some((which, left)) => self.field_of_key(&mut unfinished, (which, left), input)?,
            None if unfinished.left == 0 => {
                let event = Received {
                    event: unfinished.event,
                    value_size: Some(unfinished.value_size),
                };
                self.size += EVENT + event.key_size();
                self.response.events.push(event);
                return Ok(true);
            }
            None => self.field_of_event(&mut unfinished, input)?,
        };
        self.event = Some(unfinished);
        Ok(arrived)
    }

    fn field_of_event(
        &mut self,
        unfinished: &mut Unfinished,
        input: &mut &[u8],
    ) -> Result<bool, Status> {
        let left = unfinished.left;
        let Some(head) = Head::read(input, left)? else {
            return Ok(false);
        };
        input.advance(head.bytes);
        match head.wire {
            WireType::Varint => {
                if head.tag == 1 {
                    unfinished.event.r#type = head.number as i32;
                }
                unfinished.left -= head.bytes;
            }
            WireType::LengthDelimited => {
                let length = head.length(left)?;
                unfinished.left -= head.bytes + length;
                let which = match head.tag {
                    2 => Which::Now,
                    3 => Which::Before,
                    _ => {
                        self.skip = length;
                        return Ok(true);
                    }
                };
                // A key without fields is a key, too.
                unfinished.kv_mut(which);
                unfinished.kv = Some((which, length));
            }
            _ => return Err(unknown_wire_type()),
        }
        Ok(true)
    }

    fn field_of_key(
        &mut self,
        unfinished: &mut Unfinished,
        (which, left): (Which, usize),
        input: &mut &[u8],
    ) -> Result<bool, Status> {
        let Some(head) = Head::read(input, left)? else {
            return Ok(false);
        };
        let kv = unfinished.kv_mut(which);
        let size = match head.wire {
            WireType::Varint => {
                let number = head.number as i64;
                match head.tag {
                    2 => kv.create_revision = number,
                    3 => kv.mod_revision = number,
                    4 => kv.version = number,
                    6 => kv.lease = number,
                    _ => {}
                }
                input.advance(head.bytes);
                head.bytes
            }
            WireType::LengthDelimited => {
                let length = head.length(left)?;
                let size = head.bytes + length;
                if head.tag == 1 {
                    let Some(key) = input.get(head.bytes..size) else {
                        return Ok(false);
                    };
                    kv.key = key.to_vec();
                    input.advance(size);
                } else {
                    input.advance(head.bytes);
                    self.skip = length;
                    if let (Which::Now, 5) = (which, head.tag) {
                        unfinished.value_size = length;
                    }
                }
                size
            }
            _ => return Err(unknown_wire_type()),
        };
        unfinished.kv = Some((which, left - size));
        Ok(true)
    }

    /// Bytes held of fields that have not arrived completely.
    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }
}

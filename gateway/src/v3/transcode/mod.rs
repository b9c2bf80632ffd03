//! JSON ↔ etcd's messages, driven by the [schema](super::schema): one decoder and one encoder for all messages.

mod decode;
mod encode;
mod json;
mod split;
pub(super) mod wire;

pub(super) use self::decode::decode;
pub(super) use self::encode::{Encoder, encode};
pub(super) use self::split::Splitter;

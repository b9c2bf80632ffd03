//! JSON ↔ etcd's messages, driven by their descriptions: one reader and one writer for all of them.

mod decode;
mod encode;
mod json;
mod split;
pub(super) mod wire;

pub(super) use self::decode::decode;
pub(super) use self::encode::{Encoder, encode};
pub(super) use self::split::Splitter;

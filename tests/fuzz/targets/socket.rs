//! See `front::Kind::Socket`.
#![no_main]

#[path = "../front.rs"]
mod front;
#[path = "../feed.rs"]
mod feed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| feed::feed(front::Kind::Socket, data));

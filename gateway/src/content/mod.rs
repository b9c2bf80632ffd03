//! The bodies of requests: decoding their `Content-Encoding`, and errors of reading them.
//!
//! An encoded body is decoded chunk by chunk as it arrives, so every limit that counts a body's bytes
//! counts decoded ones, and a small body that decodes to a large one is refused at the limit.

use std::error::Error;
use std::fmt;
use std::io;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use axum::BoxError;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, Stream, unfold};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use shared::Code;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _};
use tokio_util::io::StreamReader;

use crate::failure::{Failure, Result};
use crate::server::BodyTimedOut;

/// The codings that are decoded, as `Accept-Encoding` names them.
pub const ACCEPTED: &str = "gzip, br, deflate, zstd";

/// Bytes decoded at a time.
const CHUNK: usize = 16 << 10;

/// The largest zstd window, as a power of two: 8 MiB, which is what RFC 9659 allows on the web. Without
/// it a few bytes could demand 128 MiB.
const ZSTD_WINDOW: u32 = 23;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`: RFC 1952.
    Gzip,
    /// `br`: RFC 7932.
    Brotli,
    /// `deflate`: the zlib format of RFC 1950, as RFC 9110 defines it.
    Deflate,
    /// `zstd`: RFC 8878.
    Zstd,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }
}

/// The coding of a request's body; `None` if it is not encoded. An unsupported coding, and more than one
/// of them, are refused: 415.
pub fn coding(headers: &HeaderMap) -> Result<Option<Coding>> {
    let unsupported = |detail: String| {
        Failure::new(Code::UnsupportedMediaType, detail).hint(format!(
            "send the body without a coding, or with one of {ACCEPTED}"
        ))
    };
    let mut found = None;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let value = value
            .to_str()
            .map_err(|_| unsupported("the Content-Encoding must be ASCII text".to_owned()))?;
        for name in value.split(',').map(str::trim) {
            let coding = match name.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                // RFC 9110, 8.4.1.3: the older name means the same.
                "gzip" | "x-gzip" => Coding::Gzip,
                "br" => Coding::Brotli,
                "deflate" => Coding::Deflate,
                "zstd" => Coding::Zstd,
                _ => {
                    let detail = format!("unsupported Content-Encoding `{name}`");
                    return Err(unsupported(detail));
                }
            };
            if found.replace(coding).is_some() {
                let detail = "the body is encoded more than once".to_owned();
                return Err(unsupported(detail));
            }
        }
    }
    Ok(found)
}

/// The decoded body. One that cannot be decoded, or ends early, ends in an error.
pub fn decoded(body: Body, coding: Coding) -> Body {
    let chunks = body.into_data_stream();
    let chunks = chunks.map_err(|error| io::Error::other(Unread(error)));
    let input: Input = StreamReader::new(chunks.boxed());
    match coding {
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(input);
            // A gzip file is one member or several (RFC 1952, 2.2); zstd has frames (RFC 8878, 3.1).
            decoder.multiple_members(true);
            body_of(coding, decoder, GzipDecoder::get_mut)
        }
        Coding::Zstd => {
            let window = [DParameter::window_log_max(ZSTD_WINDOW)];
            let mut decoder = ZstdDecoder::with_params(input, &window);
            decoder.multiple_members(true);
            body_of(coding, decoder, ZstdDecoder::get_mut)
        }
        Coding::Deflate => body_of(coding, ZlibDecoder::new(input), ZlibDecoder::get_mut),
        Coding::Brotli => body_of(coding, BrotliDecoder::new(input), BrotliDecoder::get_mut),
    }
}

type Input = StreamReader<BoxStream<'static, io::Result<Bytes>>, Bytes>;

fn body_of<D>(coding: Coding, decoder: D, input: fn(&mut D) -> &mut Input) -> Body
where
    D: AsyncRead + Send + Unpin + 'static,
{
    Body::from_stream(chunks(coding, decoder, input))
}

fn chunks<D>(
    coding: Coding,
    decoder: D,
    input: fn(&mut D) -> &mut Input,
) -> impl Stream<Item = std::result::Result<Bytes, BoxError>> + Send
where
    D: AsyncRead + Send + Unpin + 'static,
{
    unfold(Some((decoder, true)), move |state| async move {
        let (mut decoder, first) = state?;
        let next = async {
            if first && coding == Coding::Brotli {
                refuse_large_window(input(&mut decoder)).await?;
            }
            next_chunk(&mut decoder, input).await
        };
        match next.await {
            Ok(chunk) => Some((Ok(chunk?), Some((decoder, false)))),
            Err(error) => Some((Err(cause(coding, error)), None)),
        }
    })
}

/// The next decoded bytes; `None` at the end of the body, which must also be the end of the encoded data.
async fn next_chunk<D: AsyncRead + Unpin>(
    decoder: &mut D,
    input: fn(&mut D) -> &mut Input,
) -> io::Result<Option<Bytes>> {
    let mut bytes = BytesMut::with_capacity(CHUNK);
    if decoder.read_buf(&mut bytes).await? > 0 {
        return Ok(Some(bytes.freeze()));
    }
    if input(decoder).fill_buf().await?.is_empty() {
        return Ok(None);
    }
    let detail = "bytes follow the end of the encoded data";
    Err(io::Error::new(io::ErrorKind::InvalidData, detail))
}

/// The decoder also accepts an extension with windows of up to 1 GiB, which RFC 7932 (9.1) does not
/// have: there this bit pattern of the first byte is invalid.
async fn refuse_large_window(input: &mut Input) -> io::Result<()> {
    let first = input.fill_buf().await?.first();
    if first.is_some_and(|byte| byte & 0x7f == 0x11) {
        let detail = "the window is larger than Brotli allows";
        return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
    }
    Ok(())
}

/// Distinguishes an error of the body from one of its coding.
fn cause(coding: Coding, error: io::Error) -> BoxError {
    match error.downcast::<Unread>() {
        Ok(Unread(error)) => error.into(),
        Err(source) => Box::new(Undecodable { coding, source }),
    }
}

/// The body as sent could not be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unread(axum::Error);

/// The body is not what its `Content-Encoding` says.
#[derive(Debug)]
pub struct Undecodable {
    coding: Coding,
    source: io::Error,
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.coding.name();
        match self.coding {
            // Some clients send the bare format of RFC 1951.
            Coding::Deflate => write!(
                f,
                "the body is not valid {name} (zlib, RFC 1950), or ended early"
            ),
            _ => write!(f, "the body is not valid {name}, or ended early"),
        }
    }
}

impl Error for Undecodable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The first cause of this type.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Whether the body arrived, but could not be decoded.
pub fn is_undecodable(error: &(dyn Error + 'static)) -> bool {
    find::<Undecodable>(error).is_some()
}

/// Why a body could not be read, for its sender. `limit` is that of its bytes.
pub fn unreadable(error: BoxError, limit: usize) -> Failure {
    let cause: &(dyn Error + 'static) = &*error;
    if find::<LengthLimitError>(cause).is_some() {
        return Failure::new(
            Code::TooLarge,
            format!("the body exceeds the limit of {limit} bytes"),
        )
        .hint(RAISE_LIMIT);
    }
    let detail = if let Some(timed_out) = find::<BodyTimedOut>(cause) {
        timed_out.to_string()
    } else if let Some(undecodable) = find::<Undecodable>(cause) {
        undecodable.to_string()
    } else {
        "the body ended early".to_owned()
    };
    Failure::bad_request(detail).source(Cause(error))
}

/// The hint for a body that is too large.
pub const RAISE_LIMIT: &str = "--max-body raises the limit; etcd's own limit is 1.5 MiB by default";

/// A boxed error as an error type, for use as a source.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Cause(BoxError);

#[cfg(test)]
mod tests;

//! Content codings of request bodies.

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// The codings that the API supports.
pub const CODINGS: [&str; 4] = ["gzip", "br", "deflate", "zstd"];

/// The bytes, encoded.
pub async fn encode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let out = Vec::new();
    match coding {
        "gzip" => written(GzipEncoder::new(out), bytes, GzipEncoder::into_inner).await,
        "br" => written(BrotliEncoder::new(out), bytes, BrotliEncoder::into_inner).await,
        "deflate" => written(ZlibEncoder::new(out), bytes, ZlibEncoder::into_inner).await,
        "zstd" => written(ZstdEncoder::new(out), bytes, ZstdEncoder::into_inner).await,
        other => panic!("unknown coding {other}"),
    }
}

async fn written<E: AsyncWrite + Unpin>(
    mut encoder: E,
    bytes: &[u8],
    inner: fn(E) -> Vec<u8>,
) -> Vec<u8> {
    encoder
        .write_all(bytes)
        .await
        .expect("writing to memory succeeds");
    encoder
        .shutdown()
        .await
        .expect("writing to memory succeeds");
    inner(encoder)
}

//! Codings, and bodies that end early or decode to too much.

use axum::body::to_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use http::HeaderValue;

use super::*;

/// The text in the encoded forms below.
const TEXT: &str = "the value, and once more the value\n";

/// Encoded by `gzip -n`, Node's `brotliCompressSync`, Python's `zlib.compress` and `zstd`.
const ENCODED: [(Coding, &str); 4] = [
    (
        Coding::Gzip,
        "H4sIAAAAAAAAAyvJSFUoS8wpTdVRSMxLUcjPS05VyM0vSlUogUlwAQDlsKvdIwAAAA==",
    ),
    (
        Coding::Brotli,
        "CxGAdGhlIHZhbHVlLCBhbmQgb25jZSBtb3JlIHRoZSB2YWx1ZQoD",
    ),
    (
        Coding::Deflate,
        "eJwryUhVKEvMKU3VUUjMS1HIz0tOVcjNL0pVKIFJcAEA35UMPg==",
    ),
    (
        Coding::Zstd,
        "KLUv/SQjBQEA0HRoZSB2YWx1ZSwgYW5kIG9uY2UgbW9yZSAKAQBxMcdiXeCs",
    ),
];

fn bytes_of(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("the test's base64")
}

/// Decodes a body that arrives in chunks of `size` bytes.
async fn decode(coding: Coding, bytes: &[u8], size: usize) -> std::result::Result<Bytes, BoxError> {
    let chunks: Vec<_> = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
    let chunks = stream::iter(chunks.into_iter().map(Ok::<_, BoxError>));
    let body = decoded(Body::from_stream(chunks), coding);
    to_bytes(body, usize::MAX).await.map_err(BoxError::from)
}

#[tokio::test]
async fn every_coding_is_decoded_in_chunks_of_any_size() {
    for (coding, text) in ENCODED {
        for size in [1, 7, usize::MAX] {
            let decoded = decode(coding, &bytes_of(text), size).await;
            assert_eq!(decoded.expect("decodes"), TEXT, "{coding:?} by {size}");
        }
    }
}

#[tokio::test]
async fn truncated_data_is_refused_wherever_it_ends() {
    for (coding, text) in ENCODED {
        let whole = bytes_of(text);
        for length in 0..whole.len() {
            let error = decode(coding, &whole[..length], 5).await;
            let error = error.expect_err("truncated");
            assert!(is_undecodable(&*error), "{coding:?} {length}: {error}");
        }
    }
}

#[tokio::test]
async fn bytes_after_the_encoded_data_are_refused() {
    for (coding, text) in ENCODED {
        for size in [1, usize::MAX] {
            let mut longer = bytes_of(text);
            longer.extend_from_slice(b"more");
            let error = decode(coding, &longer, size).await;
            let error = error.expect_err("more bytes than the coding has");
            assert!(is_undecodable(&*error), "{coding:?}: {error}");
        }
    }
}

#[tokio::test]
async fn several_gzip_members_or_zstd_frames_are_decoded() {
    for (coding, text) in [ENCODED[0], ENCODED[3]] {
        let twice = bytes_of(text).repeat(2);
        for size in [1, usize::MAX] {
            let decoded = decode(coding, &twice, size).await.expect("decodes");
            assert_eq!(decoded, TEXT.repeat(2), "{coding:?}");
        }
        let cut = decode(coding, &twice[..twice.len() - 1], 3).await;
        assert!(cut.is_err(), "{coding:?}: the second is truncated");
    }
}

#[tokio::test]
async fn another_format_is_refused() {
    for (coding, _) in ENCODED {
        for bytes in [b"plain text".as_slice(), b"\0\0\0\0\0\0\0\0\0\0"] {
            let error = decode(coding, bytes, 4).await;
            assert!(error.is_err(), "{coding:?} {}", bytes.escape_ascii());
        }
    }
    // Bare RFC 1951, which some clients send as deflate.
    let bare = bytes_of("K8lIVShLzClN1VFIzEtRyM9LTlXIzS9KVSiBSXABAA==");
    let error = decode(Coding::Deflate, &bare, 4)
        .await
        .expect_err("the body is not zlib");
    assert!(error.to_string().contains("RFC 1950"), "{error}");
}

#[tokio::test]
async fn a_window_that_needs_much_memory_is_refused() {
    // A zstd frame of one raw block "ab", with a window of 2^23 bytes, and of 2^27.
    let frame = |window| [0x28, 0xb5, 0x2f, 0xfd, 0, window, 0x11, 0, 0, b'a', b'b'];
    let small = decode(Coding::Zstd, &frame(13 << 3), 99).await;
    assert_eq!(small.expect("8 MiB"), "ab");
    let large = decode(Coding::Zstd, &frame(17 << 3), 99).await;
    assert!(is_undecodable(&*large.expect_err("128 MiB")));
    // Node's `BROTLI_PARAM_LARGE_WINDOW` with a window of 2^30 bytes.
    let large = bytes_of("ER5EAAJ0aGUgdmFsdWUsIGFuZCBvbmNlIG1vcmUgdGhlIHZhbHVlCgM=");
    for size in [1, usize::MAX] {
        let large = decode(Coding::Brotli, &large, size).await;
        assert!(is_undecodable(&*large.expect_err("1 GiB")));
    }
}

#[tokio::test]
async fn a_lost_connection_is_not_reported_as_undecodable() {
    #[derive(Debug, thiserror::Error)]
    #[error("the connection is lost")]
    struct Lost;
    for (coding, text) in ENCODED {
        let bytes = bytes_of(text);
        let first: std::result::Result<_, BoxError> = Ok(Bytes::copy_from_slice(&bytes[..9]));
        let chunks = stream::iter([first, Err(Lost.into())]);
        let body = decoded(Body::from_stream(chunks), coding);
        let error = to_bytes(body, 1 << 20).await.expect_err("lost");
        assert!(find::<Lost>(&error).is_some(), "{coding:?}: {error:?}");
        assert!(!is_undecodable(&error), "{coding:?}");
        assert_eq!(unreadable(error.into(), 9).detail, "the body ended early");
    }
}

fn coding_of(values: &[&'static str]) -> std::result::Result<Option<Coding>, Code> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(value));
    }
    coding(&headers).map_err(|failure| failure.code)
}

#[test]
fn one_supported_coding_is_accepted_and_identity_is_none() {
    for (values, coding) in [
        (&[][..], None),
        (&[""], None),
        (&["identity"], None),
        (&["Identity, identity"], None),
        (&["gzip"], Some(Coding::Gzip)),
        (&["GZip"], Some(Coding::Gzip)),
        (&["x-gzip"], Some(Coding::Gzip)),
        (&["br"], Some(Coding::Brotli)),
        (&["deflate"], Some(Coding::Deflate)),
        (&["zstd"], Some(Coding::Zstd)),
        (&["identity", "gzip"], Some(Coding::Gzip)),
    ] {
        assert_eq!(coding_of(values), Ok(coding), "{values:?}");
    }
    for values in [
        &["compress"][..],
        &["x"],
        &["gzip, gzip"],
        &["gzip, br"],
        &["gzip", "gzip"],
        &["gzip;q=1"],
        &["gzip br"],
    ] {
        let refused = Err(Code::UnsupportedMediaType);
        assert_eq!(coding_of(values), refused, "{values:?}");
    }
}

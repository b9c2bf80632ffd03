//! Unit tests of reading lines of an import.

use futures_util::stream;

use super::*;

/// A file that arrives `step` bytes at a time.
fn lines(file: &str, step: usize, from_line: u64) -> Lines {
    let pieces: Vec<Result<bytes::Bytes>> = file
        .as_bytes()
        .chunks(step)
        .map(|piece| Ok(bytes::Bytes::copy_from_slice(piece)))
        .collect();
    Lines::new(
        stream::iter(pieces).boxed(),
        from_line,
        CancellationToken::new(),
    )
}

fn entry(key: &str) -> String {
    format!("{{\"key\":\"{key}\",\"value\":\"v\"}}\n")
}

async fn chunks(lines: &mut Lines) -> Vec<Vec<u64>> {
    let mut chunks = Vec::new();
    while let Read::Chunk(items) = lines.chunk(3, 1000).await.expect("reads") {
        chunks.push(items.iter().map(|item| item.line).collect());
    }
    chunks
}

#[tokio::test]
async fn line_numbers_do_not_depend_on_chunk_sizes() {
    let file = format!(
        "{}\r\n\n{}{}{}{{\"end\":{{\"count\":4}}}}",
        entry("a").trim_end(),
        entry("b"),
        entry("c"),
        entry("d"),
    );
    for step in [1, 7, 1000] {
        let mut all = lines(&file, step, 1);
        assert_eq!(chunks(&mut all).await, [vec![1, 3, 4], vec![5]]);
        assert_eq!(
            (all.entries(), all.announced(), all.number()),
            (4, Some(4), 6)
        );
        assert_eq!(chunks(&mut lines(&file, step, 4)).await, [vec![4, 5]]);
    }
}

#[tokio::test]
async fn a_duplicate_key_starts_a_chunk() {
    let file = [entry("a"), entry("b"), entry("a"), entry("b")].concat();
    let chunks = chunks(&mut lines(&file, 1000, 1)).await;
    assert_eq!(chunks, [vec![1, 2], vec![3, 4]]);
}

#[tokio::test]
async fn entries_before_a_bad_line_are_returned_first() {
    for bad in [
        "[]",
        "{",
        "x",
        r#"{"key":"a"}"#,
        r#"{"key":"","value":""}"#,
        r#"{"key":"a","value":"","valu":1}"#,
        r#"{"key":"a","value":"","lease":"x"}"#,
        r#"{"value":"a"}"#,
        r#"{"error":{"code":"compacted"}}"#,
        r#"{"end":{"count":-1}}"#,
    ] {
        let file = format!("{}{bad}\n{}", entry("a"), entry("b"));
        let mut lines = lines(&file, 1000, 1);
        assert!(matches!(
            lines.chunk(3, 1000).await,
            Ok(Read::Chunk(items)) if items.len() == 1
        ));
        let failure = lines.chunk(3, 1000).await.expect_err(bad);
        assert!(failure.detail.starts_with("line 2: "), "{}", failure.detail);
    }
}

#[tokio::test]
async fn a_line_after_the_end_line_is_refused() {
    let file = format!("{{\"end\":{{\"count\":0}}}}\n{}", entry("a"));
    let mut lines = lines(&file, 1000, 1);
    assert!(lines.chunk(3, 1000).await.is_err());
}

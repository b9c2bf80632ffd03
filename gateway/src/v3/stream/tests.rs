use super::*;
use crate::v3::schema;

/// A watch's answer with values of so many bytes, as etcd sends it: `events` (11) of `kv` (2) of
/// `value` (5).
fn answer(values: &[usize]) -> Bytes {
    let mut answer = Vec::new();
    for length in values {
        let mut inner = vec![b'v'; *length];
        for number in [5, 2, 11] {
            let mut outer = Vec::new();
            prost::encoding::bytes::encode(number, &inner, &mut outer);
            inner = outer;
        }
        answer.extend(inner);
    }
    answer.into()
}

fn chunks(bytes: Bytes, longest_chunk: usize) -> Vec<Bytes> {
    let output = schema::method("/v3/watch").expect("watches exist").output;
    let mut line = Line::new(output, bytes, longest_chunk);
    std::iter::from_fn(|| line.next()).collect()
}

#[test]
fn a_line_is_one_chunk_whatever_its_values_are() {
    for values in [&[][..], &[1], &[100_000], &[1_400_000], &[1_400_000; 14]] {
        let chunks = chunks(answer(values), LONGEST_CHUNK);
        assert_eq!(chunks.len(), 1, "{values:?}");
        assert!(chunks[0].ends_with(b"}}\n"));
        let line: Value = serde_json::from_slice(&chunks[0]).expect("a document");
        let events = line["result"]["events"].as_array();
        assert_eq!(events.map_or(0, Vec::len), values.len());
    }
}

#[test]
fn a_line_beyond_the_longest_chunk_comes_in_several() {
    let values = [1000; 50];
    let whole = chunks(answer(&values), LONGEST_CHUNK).concat();
    let pieces = chunks(answer(&values), 10_000);
    assert!(pieces.len() > 5, "{}", pieces.len());
    assert_eq!(pieces.concat(), whole);
}

#[tokio::test]
async fn the_end_does_not_wait_for_who_reads_nothing() {
    let (to_body, mut chunks) = mpsc::channel(1);
    let stop = CancellationToken::new();
    stop.cancel();
    let handed = async |piece: &'static str| {
        let handing = hand(&to_body, piece.into(), &stop);
        timeout(Duration::from_secs(10), handing).await
    };
    assert_eq!(handed("there is room for this").await, Ok(true));
    assert_eq!(handed("and not for this").await, Ok(false));
    chunks.recv().await;
    assert_eq!(handed("now there is again").await, Ok(true));
}

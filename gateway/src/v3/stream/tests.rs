use super::*;
use crate::v3::schema;

/// A watch response as etcd sends it, with values of these lengths: `events` (11) of `kv` (2) of `value` (5).
fn response(values: &[usize]) -> Bytes {
    let mut response = Vec::new();
    for length in values {
        let mut inner = vec![b'v'; *length];
        for number in [5, 2, 11] {
            let mut outer = Vec::new();
            prost::encoding::bytes::encode(number, &inner, &mut outer);
            inner = outer;
        }
        response.extend(inner);
    }
    response.into()
}

fn chunks(bytes: Bytes, longest_chunk: usize) -> Vec<Bytes> {
    let output = schema::method("/v3/watch").expect("a method").output;
    let mut line = Line::new(output, bytes, longest_chunk);
    std::iter::from_fn(|| line.next()).collect()
}

#[test]
fn a_line_is_one_chunk() {
    for values in [&[][..], &[1], &[100_000], &[1_400_000], &[1_400_000; 14]] {
        let chunks = chunks(response(values), LONGEST_CHUNK);
        assert_eq!(chunks.len(), 1, "{values:?}");
        assert!(chunks[0].ends_with(b"}}\n"));
        let line: Value = serde_json::from_slice(&chunks[0]).expect("a document");
        let events = line["result"]["events"].as_array();
        assert_eq!(events.map_or(0, Vec::len), values.len());
    }
}

#[test]
fn a_line_longer_than_the_limit_is_sent_in_several_chunks() {
    let values = [1000; 50];
    let whole = chunks(response(&values), LONGEST_CHUNK).concat();
    let pieces = chunks(response(&values), 10_000);
    assert!(pieces.len() > 5, "{}", pieces.len());
    assert_eq!(pieces.concat(), whole);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_client_that_does_not_read() {
    let (to_body, mut chunks) = mpsc::channel(1);
    let stop = CancellationToken::new();
    stop.cancel();
    let send = async |chunk: &'static str| {
        let sending = send_chunk(&to_body, chunk.into(), &stop);
        timeout(Duration::from_secs(10), sending).await
    };
    assert_eq!(send("there is room for this").await, Ok(true));
    assert_eq!(send("no room for this").await, Ok(false));
    chunks.recv().await;
    assert_eq!(send("room again").await, Ok(true));
}

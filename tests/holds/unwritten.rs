//! A client that goes before its answer was written: over HTTP/2, whose clients say how much of an
//! answer they take, so that one can take none at all.

use std::time::Duration;

use serde_json::json;
use support::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::common::{grant, key_gone, lease_gone, route, until_keys};

const SOON: Duration = Duration::from_secs(2);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
/// Of data: the last of it. Of settings: they are understood.
const END: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, stream]);
    frame.extend(payload);
    frame
}

/// A header field as HPACK writes it without compression: its name by its number in the static table.
fn field(name: &[u8], value: &str) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("short");
    let mut field = name.to_vec();
    field.push(length);
    field.extend(value.as_bytes());
    field
}

/// POSTs JSON, takes the head of the answer and none of its body; the connection.
async fn post_without_room(world: &World, path: &str, body: &str) -> TcpStream {
    let address = world.api.address();
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS_INITIAL_WINDOW_SIZE = 0.
    request.extend(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
    // `:method: POST` and `:scheme: http` stand in the static table whole.
    let mut head = vec![0x83, 0x86];
    head.extend(field(&[0x04], &world.api.path(path)));
    head.extend(field(&[0x01], &address.to_string()));
    head.extend(field(&[0x0f, 0x10], "application/json"));
    request.extend(frame(HEADERS, END_HEADERS, 1, &head));
    request.extend(frame(DATA, END, 1, body.as_bytes()));
    request.extend(frame(SETTINGS, END, 0, &[]));
    stream.write_all(&request).await.expect("sent");
    let answered = async {
        loop {
            let mut prefix = [0; 9];
            stream.read_exact(&mut prefix).await.expect("a frame");
            let length = u32::from_be_bytes([0, prefix[0], prefix[1], prefix[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).await.expect("all of it");
            assert_ne!(prefix[3], DATA, "there is no room for data");
            if prefix[3] == HEADERS {
                return;
            }
        }
    };
    timeout(support::DEADLINE, answered)
        .await
        .expect("the head of an answer");
    stream
}

#[tokio::test]
async fn a_client_gone_before_its_answer_was_written_holds_nothing() {
    let world = World::new("unwritten").await;
    let name = world.key("lock");
    let (lock, campaign) = (
        route("locks", &name),
        format!("{}/campaign", route("elections", &name)),
    );
    for (path, mut body) in [(lock, json!({})), (campaign, json!({"value": "x"}))] {
        // A lease of the gateway's own goes along.
        let stream = post_without_room(&world, &path, &body.to_string()).await;
        let key = until_keys(&world, &name, 1).await.remove(0);
        drop(stream);
        key_gone(&world, &key, SOON).await;
        let (_, lease) = key.rsplit_once('/').expect("a claim");
        lease_gone(&world, lease, SOON).await;
        // The caller's stays.
        let lease = grant(&world, 600).await;
        body["lease"] = json!(lease);
        let stream = post_without_room(&world, &path, &body.to_string()).await;
        let key = until_keys(&world, &name, 1).await.remove(0);
        drop(stream);
        key_gone(&world, &key, SOON).await;
        let kept = world.api.get(&format!("/leases/{lease}")).send().await;
        kept.json(200);
    }
}

//! A client that disconnects before its response was written. It uses HTTP/2, where a client controls
//! the flow and can accept no byte of the body.

use std::time::Duration;

use serde_json::json;
use support::World;
use support::locks::{
    election_path, grant_lease, lock_path, wait_for_key_deletion, wait_for_keys, wait_for_lease_end,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(2);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
/// END_STREAM of a DATA frame, ACK of a SETTINGS frame.
const END: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short payload")
        .to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, stream]);
    frame.extend(payload);
    frame
}

/// A header field in HPACK without compression; `name` is its index in the static table.
fn field(name: &[u8], value: &str) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("a short payload");
    let mut field = name.to_vec();
    field.push(length);
    field.extend(value.as_bytes());
    field
}

/// POSTs JSON and reads the response's headers, with a window of 0 for its body. Returns the connection.
async fn post_with_zero_window(world: &World, path: &str, body: &str) -> TcpStream {
    let address = world.api.address();
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the gateway listens");
    let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS_INITIAL_WINDOW_SIZE = 0.
    request.extend(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
    // `:method: POST` and `:scheme: http` are in the static table.
    let mut head = vec![0x83, 0x86];
    head.extend(field(&[0x04], &world.api.path(path)));
    head.extend(field(&[0x01], &address.to_string()));
    head.extend(field(&[0x0f, 0x10], "application/json"));
    request.extend(frame(HEADERS, END_HEADERS, 1, &head));
    request.extend(frame(DATA, END, 1, body.as_bytes()));
    request.extend(frame(SETTINGS, END, 0, &[]));
    stream
        .write_all(&request)
        .await
        .expect("the connection is open");
    let headers = async {
        loop {
            let mut prefix = [0; 9];
            stream.read_exact(&mut prefix).await.expect("a frame");
            let length = u32::from_be_bytes([0, prefix[0], prefix[1], prefix[2]]);
            let mut payload = vec![0; length as usize];
            stream
                .read_exact(&mut payload)
                .await
                .expect("the whole payload");
            assert_ne!(prefix[3], DATA, "the window is 0");
            if prefix[3] == HEADERS {
                return;
            }
        }
    };
    timeout(support::DEADLINE, headers)
        .await
        .expect("response headers");
    stream
}

#[tokio::test]
async fn a_client_that_disconnects_before_the_response_body_holds_nothing() {
    let world = World::new("unwritten").await;
    let name = world.key("lock");
    let (lock, campaign) = (
        lock_path(&name),
        format!("{}/campaign", election_path(&name)),
    );
    for (path, mut body) in [(lock, json!({})), (campaign, json!({"value": "x"}))] {
        // A lease that the gateway granted is revoked.
        let stream = post_with_zero_window(&world, &path, &body.to_string()).await;
        let key = wait_for_keys(&world.api, &name, 1).await.remove(0);
        drop(stream);
        wait_for_key_deletion(&world.api, &key, SOON).await;
        let (_, lease) = key.rsplit_once('/').expect("a claim");
        wait_for_lease_end(&world.api, lease, SOON).await;
        // The caller's own lease stays.
        let lease = grant_lease(&world.api, 600).await;
        body["lease"] = json!(lease);
        let stream = post_with_zero_window(&world, &path, &body.to_string()).await;
        let key = wait_for_keys(&world.api, &name, 1).await.remove(0);
        drop(stream);
        wait_for_key_deletion(&world.api, &key, SOON).await;
        let kept = world.api.get(&format!("/leases/{lease}")).send().await;
        kept.json(200);
    }
}

//! Shutdown: sockets are closed with their code, and streams end completely.

use std::time::Duration;

use serde_json::json;
use support::stream::Ended;
use support::{DEADLINE, Etcd, Stream, Watchgate, World, percent};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

#[tokio::test]
async fn sockets_are_closed_with_1001_and_streams_end() {
    let mut world = World::new("shutdown").await;
    let path = format!("/watch?prefix={}", percent(&world.prefix));
    let mut sockets = Vec::new();
    for _ in 0..5 {
        let mut socket = Stream::socket(&world.api, &path).await;
        socket.expect_type("opened").await;
        sockets.push(socket);
    }
    let mut bare = Stream::socket(&world.api, "/watch").await;
    bare.send(&json!({"op": "dance"})).await;
    bare.expect_type("error").await;
    sockets.push(bare);
    let mut ndjson = Stream::ndjson(world.api.get(&path)).await;
    ndjson.expect_type("opened").await;
    let mut sse = Stream::sse(world.api.get(&path), "").await;
    sse.expect_type("opened").await;
    let readers = async {
        for socket in &mut sockets {
            assert_eq!(
                socket.wait_for_end(DEADLINE).await,
                Ended::Orderly(Some(CloseCode::Away))
            );
        }
        ndjson.wait_for_end(DEADLINE).await;
        sse.wait_for_end(DEADLINE).await;
    };
    let stop = tokio::time::timeout(Duration::from_secs(9), world.gateway.stop());
    let (stopped, ()) = tokio::join!(stop, readers);
    stopped.expect("the gateway stops in time");
}

#[tokio::test]
async fn sigterm_closes_sockets_and_stops_the_process() {
    let etcd = Etcd::start().await;
    let mut gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let mut socket = Stream::socket(&gateway.api(), "/watch?prefix=").await;
    socket.expect_type("opened").await;
    // A client that has connected and sends nothing must not delay it.
    let _silent = tokio::net::TcpStream::connect(gateway.api().address())
        .await
        .expect("the gateway listens");
    gateway.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(
        socket.wait_for_end(DEADLINE).await,
        Ended::Orderly(Some(CloseCode::Away))
    );
    drop(socket);
    let status = gateway.wait_for_end(DEADLINE).await;
    assert!(status.success(), "{status}");
}

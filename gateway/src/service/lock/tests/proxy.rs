//! A proxy to etcd whose connections can be cut, or whose responses can be dropped.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::tasks::Tasks;

/// Forwards connections to etcd until it is cut.
pub(crate) struct Proxy {
    pub(super) url: String,
    cut: watch::Sender<bool>,
    /// No response passes on a connection after a request that contains this.
    dropping: watch::Sender<Option<Vec<u8>>>,
}

impl Proxy {
    pub(super) async fn start(tasks: &Tasks, target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let url = format!(
            "http://{}",
            listener.local_addr().expect("the listener is bound")
        );
        let (cut, dropping) = (watch::Sender::new(false), watch::Sender::new(None));
        let (broken, lost, connections) = (cut.subscribe(), dropping.subscribe(), tasks.clone());
        tasks.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (mut broken, lost, target) = (broken.clone(), lost.clone(), target.clone());
                connections.spawn(async move {
                    if *broken.borrow() {
                        return;
                    }
                    let Ok(far) = TcpStream::connect(target).await else {
                        return;
                    };
                    // Either side may close at any time; then both are closed.
                    tokio::select! {
                        _ = forward(near, far, lost) => {}
                        _ = broken.wait_for(|broken| *broken) => {}
                    }
                });
            }
        });
        Self { url, cut, dropping }
    }

    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    pub(crate) fn restore(&self) {
        self.dropping.send_replace(None);
        self.cut.send_replace(false);
    }

    /// Drops all responses of a connection after a request that contains this.
    pub(crate) fn drop_responses_after(&self, request: &[u8]) {
        self.dropping.send_replace(Some(request.to_vec()));
    }
}

async fn forward(
    near: TcpStream,
    far: TcpStream,
    dropping: watch::Receiver<Option<Vec<u8>>>,
) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = near.into_split();
    let (mut from_etcd, mut to_etcd) = far.into_split();
    let dropped = watch::Sender::new(false);
    let mut is_dropped = dropped.subscribe();
    let forth = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = from_client.read(&mut buffer).await?;
            let bytes = &buffer[..read];
            let has = |part: &Vec<u8>| bytes.windows(part.len()).any(|window| window == part);
            if dropping.borrow().as_ref().is_some_and(has) {
                dropped.send_replace(true);
            }
            if read == 0 {
                return Ok(());
            }
            to_etcd.write_all(bytes).await?;
        }
    };
    let back = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = from_etcd.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            if *is_dropped.borrow_and_update() {
                std::future::pending::<()>().await;
            }
            to_client.write_all(&buffer[..read]).await?;
        }
    };
    tokio::select! {
        ended = forth => ended,
        ended = back => ended,
    }
}

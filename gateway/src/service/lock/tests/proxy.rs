//! A connection to etcd that can be cut, or of which the answers can be lost.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::tasks::Tasks;

/// Carries connections to etcd until it is cut.
pub(crate) struct Proxy {
    pub(super) url: String,
    cut: watch::Sender<bool>,
    /// No answer passes on a connection behind a request that has this in it.
    losing: watch::Sender<Option<Vec<u8>>>,
}

impl Proxy {
    pub(super) async fn start(tasks: &Tasks, target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (cut, losing) = (watch::Sender::new(false), watch::Sender::new(None));
        let (broken, lost, connections) = (cut.subscribe(), losing.subscribe(), tasks.clone());
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
                    // Either side may close at any time; both are closed then.
                    tokio::select! {
                        _ = carry(near, far, lost) => {}
                        _ = broken.wait_for(|broken| *broken) => {}
                    }
                });
            }
        });
        Self { url, cut, losing }
    }

    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    pub(crate) fn mend(&self) {
        self.losing.send_replace(None);
        self.cut.send_replace(false);
    }

    /// From a request on that has this in it, etcd is heard no more.
    pub(crate) fn lose_answers_behind(&self, request: &[u8]) {
        self.losing.send_replace(Some(request.to_vec()));
    }
}

async fn carry(
    near: TcpStream,
    far: TcpStream,
    losing: watch::Receiver<Option<Vec<u8>>>,
) -> std::io::Result<()> {
    let (mut asks, mut hears) = near.into_split();
    let (mut answers, mut asked) = far.into_split();
    let lost = watch::Sender::new(false);
    let mut is_lost = lost.subscribe();
    let forth = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = asks.read(&mut buffer).await?;
            let bytes = &buffer[..read];
            let has = |part: &Vec<u8>| bytes.windows(part.len()).any(|window| window == part);
            if losing.borrow().as_ref().is_some_and(has) {
                lost.send_replace(true);
            }
            if read == 0 {
                return Ok(());
            }
            asked.write_all(bytes).await?;
        }
    };
    let back = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = answers.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            if *is_lost.borrow_and_update() {
                std::future::pending::<()>().await;
            }
            hears.write_all(&buffer[..read]).await?;
        }
    };
    tokio::select! {
        ended = forth => ended,
        ended = back => ended,
    }
}

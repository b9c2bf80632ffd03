//! The process: build its parts, serve, stop in order.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError};
use crate::etcd::{ConnectError, Etcd, Settings};
use crate::state::{AppState, Cluster};
use crate::tasks::Tasks;
use crate::{router, server};

/// How long streams and answers may take to end when the process stops.
const GRACE: Duration = Duration::from_secs(10);

/// Why the gateway cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The flags contradict each other or open too much.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The cluster cannot be connected to as configured.
    #[error("the etcd cluster is not configured right")]
    Connect(#[source] ConnectError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    /// The address it serves on (with port 0 the one it was given).
    pub address: SocketAddr,
    /// Its state.
    pub state: AppState,
    tasks: Tasks,
    serving: JoinHandle<()>,
}

impl Gateway {
    /// Starts to serve.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        config.check()?;
        let listen_error = |source| StartError::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;

        let tasks = Tasks::default();
        let settings = Settings {
            endpoints: config.etcd.clone(),
            dial_timeout: config.dial_timeout,
            cacert: config.cacert.clone(),
        };
        let etcd = Etcd::new(settings).await.map_err(StartError::Connect)?;
        let cluster = Cluster::new("default", etcd, &config, &tasks);
        // A second gateway in one process (tests) shares the first one's recorder.
        let metrics = PrometheusBuilder::new().install_recorder().ok();
        let state = AppState::new(config, vec![cluster], tasks.clone(), metrics);
        let router = router::router(state.clone());
        let max_connections = state.config.max_connections;
        let serving = tasks.spawn(server::serve(
            listener,
            router,
            tasks.clone(),
            max_connections,
        ));
        Ok(Self {
            address,
            state,
            tasks,
            serving,
        })
    }

    /// Stops: not ready, no new connections, streams closed, running answers finished.
    pub async fn stop(self) {
        self.state.stopping.store(true, Ordering::Relaxed);
        self.tasks.cancel();
        let _ = self.serving.await;
        if !self.tasks.wait(GRACE).await {
            tracing::warn!("some connections did not end within {} s", GRACE.as_secs());
        }
    }
}

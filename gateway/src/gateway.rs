//! The process: builds its parts, serves, shuts down in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::assets::Files;
use crate::config::{Config, ConfigError, etcd_variables};
use crate::embedded::{Embedded, EmbeddedError, Ended, Options};
use crate::etcd::{ConnectError, Etcd};
use crate::identity::session::{KeyFileError, SessionKey, Sessions};
use crate::server::Limits;
use crate::state::{AppState, Cluster};
use crate::tasks::Tasks;
use crate::{api, router, server};

/// How long streams and responses may take to end at shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// How often metrics observations are aggregated.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Why the gateway cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The flags contradict each other or are insecure.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The cluster cannot be connected to as configured.
    #[error("the etcd cluster `{cluster}` is misconfigured")]
    Connect {
        /// Its name.
        cluster: String,
        /// What is wrong.
        #[source]
        source: ConnectError,
    },
    /// The private etcd cannot be started.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The key of session cookies cannot be used.
    #[error(transparent)]
    SessionKey(#[from] KeyFileError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    /// The address it serves on (with port 0 the one assigned by the system).
    pub address: SocketAddr,
    /// Its state.
    pub state: AppState,
    tasks: Tasks,
    serving: JoinHandle<()>,
    embedded: Option<Embedded>,
}

impl Gateway {
    /// Starts serving, with these files as the dashboard.
    pub async fn start(config: Config, dashboard: Files) -> Result<Self, StartError> {
        config.check()?;
        let key = match &config.session_key_file {
            Some(path) => SessionKey::from_file(path)?,
            None => SessionKey::random(),
        };
        let listen_error = |source| StartError::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;

        // A second gateway in one process (tests) shares the first one's recorder.
        let metrics = PrometheusBuilder::new().install_recorder().ok();
        let tasks = Tasks::default();
        let mut configured = config.clusters()?;
        let embedded = if configured.is_empty() {
            let mut options = embedded_options(&config)?;
            // Its configuration file may require certificates, and its auth may have been enabled meanwhile.
            options.settings = config.connect.settings(Vec::new())?;
            let embedded = Embedded::start(options).await?;
            configured.push(config.private_cluster(embedded.urls().to_vec())?);
            Some(embedded)
        } else {
            None
        };
        let mut clusters = Vec::with_capacity(configured.len());
        for cluster in configured {
            let etcd = Etcd::new(cluster.settings.clone())
                .await
                .map_err(|source| StartError::Connect {
                    cluster: cluster.name.clone(),
                    source,
                })?;
            #[cfg(feature = "demo")]
            if config.demo {
                crate::demo::start(&etcd, &tasks);
            }
            clusters.push(Cluster::new(&cluster, etcd, &tasks));
        }
        if let Some(metrics) = &metrics {
            tasks.spawn(upkeep(metrics.clone(), tasks.stop().clone()));
        }
        let document = api::docs::publish(&router::openapi());
        let sessions = Sessions::new(key, &config.base_path, address.port());
        let state = AppState::new(
            config,
            clusters,
            sessions,
            tasks.clone(),
            metrics,
            dashboard,
            document,
        );
        let router = router::router(state.clone());
        let limits = Limits::new(state.config.max_connections, state.config.idle_timeout);
        let serving = tasks.spawn(server::serve(listener, router, tasks.clone(), limits));
        Ok(Self {
            address,
            state,
            tasks,
            serving,
            embedded,
        })
    }

    /// Waits until the private etcd ends unexpectedly; never returns if there is no private etcd.
    pub async fn etcd_ended(&self) -> Ended {
        match &self.embedded {
            Some(embedded) => embedded.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Where the private etcd keeps its data.
    pub fn data_folder(&self) -> Option<&Path> {
        self.embedded.as_ref().map(Embedded::folder)
    }

    /// Shuts down: not ready, no new connections, streams closed, requests in flight finished, and the
    /// private etcd last.
    pub async fn stop(self) {
        self.state.stopping.store(true, Ordering::Relaxed);
        self.tasks.cancel();
        let _ = self.serving.await;
        if !self.tasks.wait(GRACE).await {
            tracing::warn!("some connections did not end within {} s", GRACE.as_secs());
        }
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// The private etcd's data folder and flags; the demo has its own folder and a shorter retention.
fn embedded_options(config: &Config) -> Result<Options, EmbeddedError> {
    let mut folder = config.data_dir();
    if config.demo {
        folder.push("demo");
    }
    // The records of an etcd that keeps its data elsewhere must not be mistaken for our own data.
    folder.push(if config.etcd_config.is_some() {
        "etcd-config"
    } else {
        "etcd"
    });
    let mut options = Options::new(folder, config.supervisor.clone())?;
    options.members = config.members;
    options.config_file.clone_from(&config.etcd_config);
    options.hidden_variables = etcd_variables();
    if config.demo {
        options.retention_hours = 1;
    }
    Ok(options)
}

/// Aggregates the metrics observations periodically. Otherwise each of them would stay in memory until
/// `/metrics` is read.
async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(UPKEEP_INTERVAL))
        .await
        .is_some()
    {
        metrics.run_upkeep();
    }
}

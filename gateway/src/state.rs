//! The state of the process: its configuration, its clusters with their services, its tasks.

use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use shared::Code;

use crate::assets::{Assets, Files};
use crate::config::{ClusterConfig, Config};
use crate::doctor::DoctorService;
use crate::etcd::Etcd;
use crate::failure::{Failure, Result};
use crate::identity::SignIn;
use crate::identity::session::Sessions;
use crate::live::Hub;
use crate::service::access::AccessService;
use crate::service::cluster::ClusterService;
use crate::service::election::ElectionService;
use crate::service::history::HistoryService;
use crate::service::kv::KvService;
use crate::service::lease::{Keepers, LeaseService};
use crate::service::lease_board::LeaseBoardService;
use crate::service::lock::LockService;
use crate::service::search::SearchService;
use crate::service::stm::StmService;
use crate::service::transfer::TransferService;
use crate::service::tree::TreeService;
use crate::service::txn::TxnService;
use crate::tasks::Tasks;
use crate::web::authority::AllowedHosts;
use crate::web::request_id::RequestIds;

/// The process's state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState(Arc<App>);

/// See [`AppState`].
#[derive(Debug)]
pub struct App {
    /// The configuration that the process was started with.
    pub config: Config,
    /// Hosts that requests may name, from `--allow-host`.
    pub allowed_hosts: AllowedHosts,
    /// All tasks of the process.
    pub tasks: Tasks,
    /// Ids for new requests.
    pub request_ids: RequestIds,
    /// Set at shutdown. `/readyz` fails from then on, so that a load balancer sends no more requests.
    pub stopping: AtomicBool,
    /// Sessions of browsers.
    pub sessions: Sessions,
    /// The description of the API, built by the first request for it: most gateways never get one.
    pub api_document: LazyDocument,
    /// The embedded dashboard.
    pub assets: Assets,
    /// Renders `/metrics`; absent if the process already had another recorder.
    pub metrics: Option<PrometheusHandle>,
    /// The clusters; the first is the default.
    pub clusters: Vec<Arc<Cluster>>,
}

/// The OpenAPI document, built once: as JSON, and as a page.
#[derive(Clone, Debug, Default)]
pub struct ApiDocument {
    /// OpenAPI 3.1.
    pub json: Bytes,
    /// HTML.
    pub page: Bytes,
}

/// The OpenAPI document, built on first use. The function builds it: the state knows no router.
pub type LazyDocument = LazyLock<ApiDocument, fn() -> ApiDocument>;

/// A cluster, with a service per kind of object.
#[derive(Debug)]
pub struct Cluster {
    /// The name in `/clusters/{cluster}/…`.
    pub name: String,
    /// Client URLs as configured.
    pub endpoints: Vec<String>,
    /// Connections, for `/v3`, which uses no service.
    pub(crate) etcd: Etcd,
    /// Sign-in: the identities of requests.
    pub sign_in: SignIn,
    /// Keys.
    pub kv: KvService,
    /// One level of keys.
    pub tree: TreeService,
    /// Searches in keys and values.
    pub search: SearchService,
    /// A key's revisions.
    pub history: HistoryService,
    /// Transactions and single ops.
    pub txn: TxnService,
    /// Software transactional memory.
    pub stm: StmService,
    /// Keys from a file.
    pub transfer: TransferService,
    /// Leases.
    pub leases: LeaseService,
    /// The live list of leases.
    pub lease_board: LeaseBoardService,
    /// Locks.
    pub locks: LockService,
    /// Elections.
    pub elections: ElectionService,
    /// Members, leader, health.
    pub info: ClusterService,
    /// The checks of the way to it.
    pub doctor: DoctorService,
    /// Users and roles.
    pub access: AccessService,
    /// Watches.
    pub live: Hub,
}

impl Cluster {
    /// The services over one cluster's connections; `tasks` spawns their tasks.
    pub fn new(config: &ClusterConfig, etcd: Etcd, tasks: &Tasks) -> Self {
        let name = config.name.clone();
        let lock_prefixes = config
            .lock_prefix
            .iter()
            .map(|prefix| prefix.clone().into_bytes());
        let keepers = Keepers::new(etcd.clone(), tasks.clone());
        let locks = LockService::new(
            etcd.clone(),
            tasks.clone(),
            keepers.clone(),
            lock_prefixes.collect(),
        );
        Self {
            endpoints: etcd.endpoints().to_vec(),
            etcd: etcd.clone(),
            sign_in: SignIn::new(etcd.clone(), config.anonymous),
            kv: KvService::new(etcd.clone()),
            tree: TreeService::new(etcd.clone()),
            search: SearchService::new(&etcd, tasks.clone()),
            history: HistoryService::new(etcd.clone()),
            txn: TxnService::new(etcd.clone()),
            stm: StmService::new(etcd.clone()),
            transfer: TransferService::new(etcd.clone(), tasks.clone()),
            live: Hub::new(etcd.clone(), tasks.clone()),
            leases: LeaseService::new(etcd.clone(), keepers),
            lease_board: LeaseBoardService::new(locks.clone()),
            elections: ElectionService::new(locks.clone()),
            locks,
            access: AccessService::new(etcd.clone()),
            doctor: DoctorService::new(config.clone(), etcd.clone(), tasks.clone()),
            info: ClusterService::new(name.clone(), etcd, tasks.clone()),
            name,
        }
    }
}

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

impl AppState {
    /// The state of a process about to serve.
    pub fn new(
        config: Config,
        clusters: Vec<Cluster>,
        sessions: Sessions,
        tasks: Tasks,
        metrics: Option<PrometheusHandle>,
        dashboard: Files,
        api_document: LazyDocument,
    ) -> Self {
        Self(Arc::new(App {
            allowed_hosts: AllowedHosts::new(&config.allow_host),
            api_document,
            assets: Assets::new(
                dashboard,
                &config.base_path,
                clusters
                    .iter()
                    .map(|cluster| cluster.name.clone())
                    .collect(),
            ),
            tasks,
            request_ids: RequestIds::default(),
            stopping: AtomicBool::new(false),
            metrics,
            sessions,
            clusters: clusters.into_iter().map(Arc::new).collect(),
            config,
        }))
    }

    /// The cluster of routes that name none.
    pub fn default_cluster(&self) -> Result<Arc<Cluster>> {
        self.clusters
            .first()
            .cloned()
            .ok_or_else(|| Failure::new(Code::ClusterNotFound, "this gateway has no cluster"))
    }

    /// A cluster by name.
    pub fn cluster(&self, name: &str) -> Result<Arc<Cluster>> {
        let named = self
            .clusters
            .iter()
            .find(|cluster| cluster.name == name)
            .cloned();
        named.ok_or_else(|| {
            Failure::new(Code::ClusterNotFound, format!("no such cluster: `{name}`"))
                .hint("GET /api/v1/clusters lists them")
        })
    }
}

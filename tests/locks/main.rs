//! Leases, locks and elections: how they are acquired, held, listed and released.

mod abandoned_keys;
mod default_ttls;
mod elections;
mod etcd_faults;
mod etcdctl;
mod etcdctl_holds;
mod go_recipes;
mod lease_holds;
mod lease_ids;
mod lease_keys;
mod leases;
mod leases_live;
mod lock_holds;
mod lock_index;
mod lock_prefix;
mod locks;
mod lost_clients;
mod master;
mod mutex;
mod permissions;
mod programs;
mod rwmutex;
mod service_discovery;
mod transports;
mod unread_responses;
mod waits;

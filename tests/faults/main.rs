//! Failures of etcd, of the connection to it and of the gateway, and misbehaving clients.

mod bodies;
mod cases;
mod deploy;
mod embedded;
mod errors;
mod fuzz;
mod installed;
mod large;
mod outage;
mod restart;
mod snapshots;
mod wiped;

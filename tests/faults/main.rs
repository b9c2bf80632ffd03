//! What happens when things break: etcd, the link to it, the gateway, the client's manners.

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

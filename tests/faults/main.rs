//! What happens when things break: etcd, the link to it, the gateway, the client's manners.

mod bodies;
mod cases;
mod embedded;
mod errors;
mod fuzz;
mod outage;
mod restart;
mod wiped;

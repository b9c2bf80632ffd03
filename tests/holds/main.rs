//! What is held for as long as somebody is there: leases, locks, leadership, and how it ends.

mod common;
mod creator;
mod defaults;
mod elections;
mod etcdctl;
mod faults;
mod go;
mod ids;
mod leases;
mod locks;
mod masters;
mod permissions;
mod rwmutex;
mod services;
mod silent;
mod transports;
mod unwritten;
mod waits;

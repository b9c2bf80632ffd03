//! Leases, locks and elections: how they are acquired, held, listed and released.

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
mod programs;
mod rwmutex;
mod services;
mod silent;
mod transports;
mod unwritten;
mod waits;

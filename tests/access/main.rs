//! Callers and permissions: sign-in, sessions, permissions of open watches, certificates, proxies, the
//! configuration file, the doctor, and compactions as seen by a limited user.

mod certificates;
mod compaction;
mod doctor;
mod doctor_route;
mod file;
mod own_reach;
mod proxies;
mod session;
mod sign_in;
mod watching;

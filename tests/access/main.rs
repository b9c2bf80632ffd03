//! Who asks, and what they may: sign-in, permissions while a watch is open, certificates, the
//! configuration file, the doctor, compactions that a limited user meets.

mod certificates;
mod compaction;
mod doctor;
mod file;
mod own_reach;
mod proxies;
mod sign_in;
mod watching;

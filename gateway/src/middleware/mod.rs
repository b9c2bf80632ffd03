//! What every request passes, outermost first: the frame (request id, access log, problem bodies,
//! security headers), then the guard (Host, Origin, Sec-Fetch-Site).

pub mod frame;
pub mod guard;

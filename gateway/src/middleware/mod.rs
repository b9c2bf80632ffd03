//! What every request passes, outermost first: the frame (request id, access log, problem bodies,
//! security headers), then the guard (Host, Origin, Sec-Fetch-Site), then the limit of bodies,
//! then their coding.

pub mod decode;
pub mod frame;
pub mod guard;
pub mod limit;
mod refusal;

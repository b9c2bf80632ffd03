//! The layers around every route, outermost first: `envelope` (request id, access log, problem bodies,
//! security headers), `guard` (Host, Origin, Sec-Fetch-Site), `session` (session cookies),
//! `limit` (announced sizes of bodies), `decode` (codings of bodies).

pub mod decode;
pub mod envelope;
pub mod guard;
pub mod limit;
mod refusal;
pub mod session;

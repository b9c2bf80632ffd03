//! The layers around every route, outermost first: `envelope` (request id, access log, problem bodies,
//! security headers), `guard` (Host, Origin, Sec-Fetch-Site), `limit` (announced sizes of bodies),
//! `decode` (codings of bodies).

pub mod decode;
pub mod envelope;
pub mod guard;
pub mod limit;
mod refusal;

//! HTTP shared by all paths: failures as responses, headers, hosts, percent-decoding, closing WebSockets.
//!
//! `api`, `live`, `v3`, `middleware`, `config` and `state` use it; it uses none of them.

pub mod accept;
pub mod authority;
pub mod cluster_path;
pub mod headers;
pub mod own_page;
pub mod percent;
pub mod problem;
pub mod request_id;
pub mod status;
pub mod websocket;

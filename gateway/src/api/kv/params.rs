//! Parameters that several operations on keys share; see [`crate::api::params`].

use utoipa::IntoParams;

/// The lease of a written key.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PutParams {
    /// `keep` (default), `none`, or a lease id
    pub lease: Option<String>,
}

/// Parameters of every write and deletion.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangeParams {
    /// Return the entries as they were before
    pub prev: Option<bool>,
    /// Change only while this lock is held: `<lock key>:<fencing token>`
    pub guard: Option<String>,
}

/// `If-Match` of a single key.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatch {
    /// For a single key: revisions as ETags, or `*`; 412 if none matches
    #[param(rename = "If-Match")]
    pub if_match: Option<String>,
}

/// `If-None-Match` of a read.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfNoneMatch {
    /// For a single key: revisions as ETags; 304 if one matches
    #[param(rename = "If-None-Match")]
    pub if_none_match: Option<String>,
}

/// `If-None-Match` of a write.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct CreateOnly {
    /// `*`: create the key; 412 if it exists
    #[param(rename = "If-None-Match")]
    pub if_none_match: Option<String>,
}

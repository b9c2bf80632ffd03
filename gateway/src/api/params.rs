//! Parameters that several operations share, described once for the OpenAPI document.
//!
//! Handlers read none of these structs: keys and names are bytes that need not be UTF-8, so the values come from the
//! raw path and from [`super::query::Query`].

use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// A key in the path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct KeyPath {
    /// The key, percent-decoded once as bytes
    pub key: String,
}

/// A range of keys: `prefix`, `start` with `end`, or `from`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RangeParams {
    /// Every key with this prefix; empty means all keys
    pub prefix: Option<String>,
    /// First key of the range; requires `end`
    pub start: Option<String>,
    /// End of the range, exclusive; requires `start`
    pub end: Option<String>,
    /// From this key to the end of the keyspace
    pub from: Option<String>,
}

/// Bounds on the revisions of a range's keys.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RevisionBounds {
    /// Only keys created at this revision or later
    pub min_create_revision: Option<i64>,
    /// Only keys created at this revision or earlier
    pub max_create_revision: Option<i64>,
    /// Only keys last modified at this revision or later
    pub min_mod_revision: Option<i64>,
    /// Only keys last modified at this revision or earlier
    pub max_mod_revision: Option<i64>,
}

/// How a read is executed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadParams {
    /// Read at this revision; default the newest
    pub revision: Option<i64>,
    /// Read from one member without consensus: possibly stale
    pub serializable: Option<bool>,
}

/// The position in a listing that is read page by page.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CursorParams {
    /// `next` of the previous page; of the other parameters only `limit` may be given with it
    pub cursor: Option<String>,
}

/// The TTL of a lease that a hold grants.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TtlParams {
    /// TTL of the granted lease in seconds; default 60, at most 9,000,000,000
    pub ttl: Option<i64>,
}

/// The time limit of a call that waits in a queue.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QueueTimeoutParams {
    /// Time limit of the call: 500ms, 5s, 2m; at least `wait` + 5s
    pub timeout: Option<String>,
}

/// The name of a lock or an election: a segment of the path, or `?name=`. Implemented manually, since a derived struct
/// cannot have two parameters with one name.
#[derive(Debug)]
pub struct NameParams;

impl IntoParams for NameParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let name = |parameter_in: ParameterIn, required: Required, description: &str| {
            ParameterBuilder::new()
                .name("name")
                .parameter_in(parameter_in)
                .required(required)
                .description(Some(description))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .build()
        };
        vec![
            name(
                ParameterIn::Path,
                Required::True,
                "The name as one percent-encoded segment, or `-` with `?name=`",
            ),
            name(
                ParameterIn::Query,
                Required::False,
                "The name, if the path has `-`",
            ),
        ]
    }
}

//! Which account the page works as: when it must lead to the sign-in page and back, when a session ends, and what
//! the account may reach.

mod gate;
mod limits;
mod reach;
mod return_to;
mod situation;

pub(crate) use gate::Gate;
pub(crate) use limits::{Ending, Limits, Renewal};
pub(crate) use reach::{RangeWords, covers};
pub(crate) use return_to::{address_to_return_to, own_address};
pub(crate) use situation::Situation;

/// Milliseconds since 1970.
type Millis = f64;

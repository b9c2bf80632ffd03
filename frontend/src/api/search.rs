//! Searches of the server, line by line.

use shared::SearchLine;

use super::{ApiError, Call, Method};
use crate::model::search::Lines;

/// Runs one request of a search, and passes its lines on as they arrive. Dropping the future ends the search. A stream
/// that is cut off is an error, as a last line with one is.
pub(crate) async fn run(
    path: &str,
    mut on_lines: impl FnMut(Vec<SearchLine>),
) -> Result<(), ApiError> {
    let mut lines = Lines::default();
    let mut ended = None;
    let call = Call::new(Method::Get, path);
    let read = call.stream(|piece| {
        let Some(mut new) = lines.push(piece) else {
            ended = Some(Err(ApiError::Unreadable(200)));
            return false;
        };
        for line in &mut new {
            if let Some(problem) = line.error.take() {
                ended = Some(Err(ApiError::Problem(Box::new(problem))));
            } else if line.end.is_some() {
                ended = Some(Ok(()));
            }
        }
        on_lines(new);
        ended.is_none()
    });
    read.await?;
    ended.unwrap_or(Err(ApiError::Unreachable))
}
